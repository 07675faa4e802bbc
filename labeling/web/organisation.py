"""`/organisation/`: who belongs to it, what they may do, who is invited."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from labeling import access
from labeling.actions.organisations import (
    change_role,
    deactivate_person,
    forget_second_step,
    give_role,
    reactivate_person,
    remove_person,
    take_role,
)
from labeling.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError
from labeling.models import Campaign, Organisation, OrganisationMember, User
from labeling.queries.organisations import members_of
from labeling.web.campaigns import uuid_of
from labeling.web.invitations import ROLES, InviteForm, invite_all, open_invitations
from labeling.web.signed_in import PageRequest, signed_in

SHOWN = 500


@signed_in
@require_safe
def organisation(request: PageRequest) -> HttpResponse:
    """Members, roles and open invitations of an organisation that the user owns or manages."""
    shown = access.organisation_for_governor(request.user, request.GET.get("of", "")[:50])
    rank = access.rank_in_organisation(request.user, shown)
    members = members_of(shown)
    governed = OrganisationMember.objects.filter(user=request.user, role__in=access.MANAGERS)
    context: dict[str, Any] = {
        "organisation": shown,
        "governed": [place.organisation for place in governed.select_related("organisation")],
        "members": members[:SHOWN],
        "member_count": members.count(),
        "shown_count": SHOWN,
        "is_owner": rank == "owner",
        "roles": OrganisationMember.Role.values,
        "form": InviteForm(roles=ROLES, may_own=rank == "owner"),
        "invitations": open_invitations(organisation=shown),
    }
    return render(request, "labeling/organisation.html", context)


@signed_in
@require_POST
def organisation_invite(request: PageRequest) -> HttpResponse:
    """Invite to the organisation; the answer shows each link once."""
    to = _organisation(request)
    is_owner = access.rank_in_organisation(request.user, to) == "owner"
    form = InviteForm(request.POST, roles=ROLES, may_own=is_owner)
    return invite_all(request, form, to, None, _page(to))


@signed_in
@require_POST
def member_role(request: PageRequest, user_id: UUID) -> HttpResponse:
    """Change a member's role."""
    role = request.POST.get("role", "")
    said = "{name} has the role of " + role + " now."
    return _deal_with(request, user_id, change_role, said, role=role)


@signed_in
@require_POST
def member_deactivate(request: PageRequest, user_id: UUID) -> HttpResponse:
    """Close a member's account."""
    said = "{name} is signed out everywhere. What they held has gone back to the queue."
    return _deal_with(request, user_id, deactivate_person, said)


@signed_in
@require_POST
def member_reactivate(request: PageRequest, user_id: UUID) -> HttpResponse:
    """Open a closed account again."""
    said = "{name} may sign in again, with the roles they had. Tokens are made anew."
    return _deal_with(request, user_id, reactivate_person, said)


@signed_in
@require_POST
def member_second_step(request: PageRequest, user_id: UUID) -> HttpResponse:
    """Take away a second step that its owner has lost."""
    said = "{name} signs in by password alone until they set a second step up again."
    return _deal_with(request, user_id, forget_second_step, said)


@signed_in
@require_POST
def member_remove(request: PageRequest, user_id: UUID) -> HttpResponse:
    """Take a member's parts in the organisation away; one may so leave it oneself."""
    return _deal_with(request, user_id, remove_person, "{name} has no part here any more.")


@signed_in
@require_POST
def campaign_role(request: PageRequest, slug: str) -> HttpResponse:
    """Give somebody of the organisation a role in the campaign, or take one away."""
    campaign = access.campaign_for_manager(request.user, slug)
    person = _member(campaign.organisation, request.POST.get("person", ""))
    role = request.POST.get("role", "")
    action = take_role if request.POST.get("take") else give_role
    try:
        action(campaign=campaign, person=person, role=role, by=request.user)
    except (ConflictError, NotAllowedError, InvalidInputError) as error:
        messages.error(request, error.message)
    else:
        verb = "has no longer" if action is take_role else "has"
        messages.success(request, f"{person.label} {verb} the role of {role}.")
    is_reader = Campaign.objects.with_role(request.user, *access.READERS).filter(pk=campaign.pk)
    return redirect("campaign_raters", slug) if is_reader.exists() else redirect("home")


def _deal_with(
    request: PageRequest, user_id: UUID, action: Callable[..., None], said: str, **more: str
) -> HttpResponse:
    of = _organisation(request)
    person = _member(of, str(user_id))
    try:
        action(organisation=of, person=person, by=request.user, **more)
    except (ConflictError, NotAllowedError, InvalidInputError) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, said.format(name=person.label))
    still = access.rank_in_organisation(request.user, of)
    return redirect(_page(of)) if still else redirect("home")


def _organisation(request: PageRequest) -> Organisation:
    return access.organisation_for_governor(request.user, request.POST.get("of", "")[:50])


def _member(of: Organisation, public_id: str) -> User:
    people = User.objects.filter(organisation_memberships__organisation=of)
    wanted = uuid_of(public_id)
    if wanted is None or (person := people.filter(public_id=wanted).first()) is None:
        raise NotFoundError("There is nobody like that in this organisation.")
    return person


def _page(of: Organisation) -> str:
    return f"{reverse('organisation')}?of={of.slug}"
