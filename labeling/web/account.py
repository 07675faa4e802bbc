"""`/account/`: one's own API tokens."""

from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from labeling.actions.tokens import issue_token, revoke_token
from labeling.models import Campaign, Token, User
from labeling.models.tokens import SCOPES
from labeling.web.signed_in import PageRequest, signed_in

SAYS = {
    "read": "Read judgments, reports and exports",
    "rate": "Rate, as I do on the bench",
    "write": "Import, open rounds, change campaigns",
    "admin": "All of it, and issue tokens",
}
DAYS = {"90": "in 3 months", "365": "in a year", "7": "in 7 days", "": "never"}


class TokenForm(forms.Form):
    """A wish for a token."""

    name = forms.CharField(max_length=100, label="Name", initial="notebook")
    scopes = forms.MultipleChoiceField(
        choices=[(scope, SAYS[scope]) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        label="May",
        initial=["read"],
    )
    campaigns = forms.ModelMultipleChoiceField(
        Campaign.objects.none(),
        to_field_name="slug",
        required=False,
        label="Only in these campaigns",
        widget=forms.CheckboxSelectMultiple,
    )
    days = forms.ChoiceField(
        choices=list(DAYS.items()), required=False, initial="90", label="Runs out"
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
    """The user's tokens; a POST issues one and shows its text, once, in this very answer."""
    form = TokenForm(request.POST or None, user=request.user)
    text = ""
    if form.is_valid():
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
    tokens = Token.objects.filter(user=request.user, revoked_at=None)
    context = {
        "form": form,
        "text": text,
        "tokens": tokens.prefetch_related("campaigns").order_by("-pk")[:200],
        "now": timezone.now(),
    }
    return render(request, "labeling/account.html", context, status=422 if form.errors else 200)


@signed_in
@require_POST
def revoke(request: PageRequest, token_id: UUID) -> HttpResponse:
    """End one of the user's own tokens."""
    token = get_object_or_404(Token, public_id=token_id, user=request.user)
    revoke_token(token=token, by=request.user)
    return redirect("account")
