"""`/account/`: language, looks, keys, and one's own API tokens."""

from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse, reverse_lazy
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from labeling.actions.accounts import change_name, change_preferences, sign_out_elsewhere
from labeling.actions.tokens import issue_token, revoke_token
from labeling.models import Campaign, OrganisationMember, Token, User
from labeling.models.tokens import SCOPES
from labeling.queries.sign_in import safety_of
from labeling.web.context import theme_of
from labeling.web.preferences_form import PreferencesForm
from labeling.web.sign_in import ask_who_it_is
from labeling.web.signed_in import PageRequest, signed_in

SAYS = {
    "read": _("Read judgments, reports and exports"),
    "rate": _("Rate, as I do on the bench"),
    "write": _("Import, open rounds, change campaigns"),
    "admin": _("All of it, and issue tokens"),
}
YEAR = 365 * 24 * 3600
DAYS = {"90": _("in 3 months"), "365": _("in a year"), "7": _("in 7 days"), "": _("never")}


class TokenForm(forms.Form):
    """A wish for a token."""

    name = forms.CharField(max_length=100, label=_("Name"), initial="notebook")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, SAYS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        label=_("May do"),
        initial=["read"],
    )
    campaigns = forms.ModelMultipleChoiceField(
        Campaign.objects.none(),
        to_field_name="slug",
        required=False,
        label=_("Only in these campaigns"),
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.ChoiceField(
        choices=list(DAYS.items()), required=False, initial="90", label=_("Runs out")
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["campaigns"]
        field.label_from_instance = attrgetter("name")
        field.queryset = Campaign.objects.visible_to(user).order_by("name")


class Welcome(PasswordResetConfirmView):
    """The owner of a new account chooses its password. The link names them by their public id."""

    template_name = "registration/welcome.html"
    success_url = reverse_lazy("login")

    def get_user(self, uidb64: str) -> User | None:
        try:
            return User.objects.filter(public_id=UUID(uidb64)).first()
        except ValueError:
            return None


@signed_in
@require_http_methods(["GET", "POST"])
def account(request: PageRequest) -> HttpResponse:
    """The user's account; a POST issues one and shows its text, once, in this very answer."""
    form = TokenForm(request.POST or None, user=request.user)
    text = ""
    if form.is_valid():
        ask_who_it_is(request)
        days = form.cleaned_data["days"]
        _, text = issue_token(
            user=request.user,
            by=request.user,
            scopes=form.cleaned_data["scopes"],
            name=form.cleaned_data["name"],
            campaigns=form.cleaned_data["campaigns"],
            expires_at=timezone.now() + timedelta(days=int(days)) if days else None,
        )
        form = TokenForm(user=request.user)
    looks = PreferencesForm(user=request.user, theme=theme_of(request))
    return _page(request, form, looks, text=text)


@signed_in
@require_POST
def preferences(request: PageRequest) -> HttpResponse:
    """Keep the user's language, looks and keys; the theme belongs to the browser."""
    looks = PreferencesForm(request.POST, user=request.user, theme=theme_of(request))
    if not looks.is_valid():
        return _page(request, TokenForm(user=request.user), looks)
    language = looks.cleaned_data["language"]
    change_preferences(user=request.user, language=language, bench=looks.cleaned_data["bench"])
    # Said in the language that was just chosen.
    spoken = language or translation.get_language_from_request(request)
    with translation.override(spoken):
        messages.success(request, gettext("Saved."))
    response = redirect(f"{reverse('account')}#looks")
    if theme := looks.chosen_theme:
        response.set_cookie(
            "theme", theme, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response


def _page(
    request: PageRequest, form: TokenForm, looks: PreferencesForm, *, text: str = ""
) -> HttpResponse:
    tokens = Token.objects.filter(user=request.user, revoked_at=None)
    context = {
        "form": form,
        "looks": looks,
        "text": text,
        "tokens": tokens.prefetch_related("campaigns").order_by("-pk")[:200],
        "now": timezone.now(),
        "safety": safety_of(request.user, request.session.session_key or ""),
        "governs": OrganisationMember.objects.filter(
            user=request.user, role__in=["owner", "manager"]
        ).exists(),
        "sends_mail": settings.SENDS_MAIL,
    }
    status = 422 if form.errors or looks.errors else 200
    return render(request, "labeling/account.html", context, status=status)


@signed_in
@require_POST
def name(request: PageRequest) -> HttpResponse:
    """Keep what the user wants to be called."""
    change_name(user=request.user, name=request.POST.get("name", "").replace("\0", "")[:300])
    messages.success(request, gettext("Saved."))
    return redirect("account")


@signed_in
@require_POST
def end_other_sessions(request: PageRequest) -> HttpResponse:
    """Sign the user out everywhere but here."""
    sign_out_elsewhere(user=request.user, session_key=request.session.session_key or "")
    messages.success(request, gettext("You are signed out everywhere else."))
    return redirect(f"{reverse('account')}#sign-in")


@signed_in
@require_POST
def revoke(request: PageRequest, token_id: UUID) -> HttpResponse:
    """End one of the user's own tokens."""
    token = get_object_or_404(Token, public_id=token_id, user=request.user)
    revoke_token(token=token, by=request.user)
    return redirect("account")
