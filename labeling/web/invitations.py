"""Invite people from a page, and `/join/<token>/`, where they come in."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.invitations import (
    accept_invitation,
    invite,
    join_by_invitation,
    open_invitation,
    resend_invitation,
    revoke_invitation,
)
from labeling.errors import LabelingError, NotFoundError
from labeling.models import Campaign, Invitation, Membership, Organisation, OrganisationMember, User
from labeling.web.mail import send_mail
from labeling.web.messages import in_their_language
from labeling.web.sign_in import allow_sign_on
from labeling.web.signed_in import PageRequest, signed_in

AT_ONCE = 200
BACKEND = "labeling.web.sessions.Backend"
CAMPAIGN_ROLES = [
    (Membership.Role.RATER, "Rater: judges comparisons"),
    (Membership.Role.REVIEWER, "Reviewer: decides what raters disagree about"),
    (Membership.Role.RESEARCHER, "Researcher: reads and exports"),
    (Membership.Role.MANAGER, "Manager: changes everything"),
    (Membership.Role.OWNER, "Owner: also decides who owns it"),
]
ROLES = [
    (OrganisationMember.Role.MEMBER, "Member: takes part in campaigns"),
    (OrganisationMember.Role.MANAGER, "Manager: starts and changes campaigns"),
    (OrganisationMember.Role.OWNER, "Owner: also decides who owns it"),
]


class InviteForm(forms.Form):
    """Addresses, one a line, and the role that all of them are invited to."""

    emails = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), label="Mail addresses, one a line"
    )
    role = forms.ChoiceField(label="Role")

    def __init__(self, *args: Any, roles: list[Any], may_own: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = [role for role in roles if may_own or role[0] != "owner"]

    def clean_emails(self) -> list[str]:
        """The lines that are not empty; more at once than can be sent are refused."""
        lines = [line.strip() for line in self.cleaned_data["emails"].splitlines()]
        lines = list(dict.fromkeys(line for line in lines if line))
        if len(lines) > AT_ONCE:
            raise forms.ValidationError(f"At most {AT_ONCE} at once; these are {len(lines)}.")
        return lines


class JoinForm(forms.Form):
    """How an invited person shall be called, and their password."""

    username = forms.CharField(max_length=150, label=_("Name to sign in with"))
    name = forms.CharField(max_length=200, required=False, label=_("Full name"))
    password = forms.CharField(widget=forms.PasswordInput, strip=False, label=_("Password"))
    again = forms.CharField(widget=forms.PasswordInput, strip=False, label=_("The same again"))

    def clean(self) -> dict[str, Any]:
        """Refuse two passwords that differ."""
        data = super().clean() or {}
        if data.get("password") and data.get("again") and data["password"] != data["again"]:
            self.add_error("again", _("The two are not the same."))
        return data


def invite_form_for(campaign: Campaign, user: User, data: Any = None) -> InviteForm:
    """The form of `components/invite.html`; without the choice of owner for those who are none."""
    is_owner = access.rank_in_campaign(user, campaign) == "owner"
    return InviteForm(data, roles=CAMPAIGN_ROLES, may_own=is_owner)


def open_invitations(
    *, organisation: Organisation | None = None, campaign: Campaign | None = None
) -> list[Invitation]:
    """Those of the campaign, or of the organisation and no campaign, that wait; newest first."""
    rows = Invitation.objects.filter(accepted_at=None, revoked_at=None)
    rows = rows.filter(campaign=campaign) if campaign else rows.filter(campaign=None)
    if organisation is not None:
        rows = rows.filter(organisation=organisation)
    return list(rows.select_related("invited_by").order_by("-pk")[:500])


@signed_in
@require_POST
def campaign_invite(request: PageRequest, slug: str) -> HttpResponse:
    """Invite to a campaign; the answer shows each link once, and names each refused line."""
    campaign = access.campaign_for_manager(request.user, slug)
    form = invite_form_for(campaign, request.user, request.POST)
    back = reverse("campaign_raters", args=[slug])
    return invite_all(request, form, campaign.organisation, campaign, back)


def invite_all(
    request: PageRequest,
    form: InviteForm,
    organisation: Organisation,
    campaign: Campaign | None,
    back: str,
) -> HttpResponse:
    """The page that shows what came of each line."""
    made: list[tuple[Invitation, str]] = []
    refused: list[tuple[str, str]] = []
    if form.is_valid():
        for email in form.cleaned_data["emails"]:
            try:
                invitation, token = invite(
                    organisation=organisation,
                    campaign=campaign,
                    email=email,
                    role=form.cleaned_data["role"],
                    by=request.user,
                )
            except LabelingError as error:
                refused.append((email, error.message))
            else:
                made.append((invitation, token))
    return _made(request, made, back, form=form, refused=refused)


@signed_in
@require_POST
def resend(request: PageRequest, invitation_id: UUID) -> HttpResponse:
    """A new link for an open invitation; the old one is dead."""
    invitation = access.invitation_for_manager(request.user, invitation_id)
    token = resend_invitation(invitation=invitation, by=request.user)
    return _made(request, [(invitation, token)], _back(invitation))


@signed_in
@require_POST
def revoke(request: PageRequest, invitation_id: UUID) -> HttpResponse:
    """End an open invitation."""
    invitation = access.invitation_for_manager(request.user, invitation_id)
    revoke_invitation(invitation=invitation, by=request.user)
    messages.success(request, f"The invitation of {invitation.email} is revoked.")
    return redirect(_back(invitation))


@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> Any:
    """Where an invited person signs in, or chooses a name and a password, and is let in."""
    try:
        invitation = open_invitation(token)
    except NotFoundError:
        return render(request, "labeling/join_dead.html", status=404)
    if isinstance(request.user, User):
        return _join_signed_in(request, request.user, invitation, token)
    has_account = User.objects.filter(email__iexact=invitation.email).exists()
    form = JoinForm(None if has_account else request.POST or None)
    if form.is_valid():
        wanted = {key: form.cleaned_data[key] for key in ("username", "name", "password")}
        try:
            person = join_by_invitation(token=token, **wanted)
        except LabelingError as error:
            _blame(form, error)
        else:
            login(request, person, backend=BACKEND)
            return redirect("home")
    context = {"invitation": invitation, "form": form, "has_account": has_account, "token": token}
    status = 422 if form.errors else 200
    return allow_sign_on(render(request, "labeling/join.html", context, status=status))


def _join_signed_in(
    request: HttpRequest, user: User, invitation: Invitation, token: str
) -> HttpResponse:
    if request.method == "POST":
        accept_invitation(token=token, user=user)
        where = invitation.campaign or invitation.organisation
        messages.success(request, gettext("You are in: %(name)s.") % {"name": where.name})
        return redirect("home")
    is_theirs = access.has_address(user, invitation.email)
    context = {"invitation": invitation, "is_theirs": is_theirs}
    return render(request, "labeling/join.html", context, status=200 if is_theirs else 403)


def _blame(form: JoinForm, error: LabelingError) -> None:
    for problem in error.problems:
        field = problem.field if problem.field in form.fields else None
        form.add_error(field, in_their_language(problem.message))
    if not error.problems:
        form.add_error(None, in_their_language(error.message))


def _made(
    request: PageRequest,
    made: Iterable[tuple[Invitation, str]],
    back: str,
    *,
    form: InviteForm | None = None,
    refused: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    links = [(one, settings.BASE_URL + reverse("invitation", args=[token])) for one, token in made]
    mails = [_mail(one, link, request.user) for one, link in links]
    context = {
        "links": links,
        "refused": refused or [],
        "form": form,
        "back": back,
        "was_mailed": send_mail(mails),
        "sends_mail": settings.SENDS_MAIL,
    }
    is_wrong = bool(refused) or (form is not None and bool(form.errors))
    status = 422 if is_wrong and not links else 200
    return render(request, "labeling/invited.html", context, status=status)


def _mail(invitation: Invitation, link: str, by: User) -> EmailMessage:
    where = invitation.campaign or invitation.organisation
    # What people call themselves and their work may hold anything but a line of its own.
    name, inviter = " ".join(where.name.split()), " ".join(by.label.split())
    text = render_to_string(
        "mail/invitation.txt",
        {"name": name, "inviter": inviter, "role": invitation.role, "link": link},
    )
    return EmailMessage(f"Your invitation to {name}", text, to=[invitation.email])


def _back(invitation: Invitation) -> str:
    if invitation.campaign is not None:
        return reverse("campaign_raters", args=[invitation.campaign.slug])
    return reverse("organisation") + f"?of={invitation.organisation.slug}"
