"""Change what people may do, and close their accounts; an owner is left in every place."""

from collections.abc import Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from labeling import audit
from labeling.access import rank_in_campaign, rank_in_organisation
from labeling.actions.accounts import end_sessions
from labeling.actions.leases import free_what_is_held
from labeling.errors import (
    ConflictError,
    FieldProblem,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import (
    Campaign,
    Invitation,
    Membership,
    Organisation,
    OrganisationMember,
    Seat,
    Token,
    User,
)

Role = OrganisationMember.Role
LAST_OWNER = (
    "{name} is the last owner of {place}. Make somebody else an owner first; then this can be done."
)


@transaction.atomic(durable=True)
def change_role(*, organisation: Organisation, person: User, role: str, by: User) -> None:
    """Give the member another role in the organisation. Only owners make owners or unmake them."""
    if role not in Role.values:
        message = f"Roles are {', '.join(Role.values)}."
        raise InvalidInputError(message, problems=[FieldProblem("role", message)])
    place = _place(organisation, person)
    _refuse_rank(by, organisation, place.role, role)
    if place.role == role:
        return
    if place.role == Role.OWNER:
        keep_an_owner(organisation, person)
    before = place.role
    place.role = role
    place.save(update_fields=["role"])
    _revoke_beyond_rank(organisation, person, by)
    _note("person.role_changed", organisation, person, by, role=role, before=before)


@transaction.atomic(durable=True)
def deactivate_person(*, organisation: Organisation, person: User, by: User) -> None:
    """Close the account: sessions and tokens end, and what they hold goes back to the queue."""
    place = _place(organisation, person)
    _refuse_rank(by, organisation, place.role, *_owned_there(organisation, person, by))
    if not person.is_active:
        return
    if person.organisation_memberships.exclude(organisation=organisation).exists():
        raise ConflictError(
            "This account is not this organisation’s alone to close. Remove the person from the"
            " organisation instead: they lose every part they have in it."
        )
    keep_an_owner(organisation, person)
    seats = Seat.objects.filter(rater__user=person)
    hold_seats(seats)
    keep_owners_of_campaigns(Campaign.objects.filter(organisation=organisation), person)
    free_what_is_held(seats)
    User.objects.filter(pk=person.pk).update(is_active=False)
    Token.objects.filter(user=person, revoked_at=None).update(revoked_at=Now())
    revoke_invitations_of(person)
    end_sessions(person)
    _note("person.deactivated", organisation, person, by)


@transaction.atomic(durable=True)
def reactivate_person(*, organisation: Organisation, person: User, by: User) -> None:
    """Open a closed account again, with its roles and seats; its tokens stay revoked."""
    place = _place(organisation, person)
    _refuse_rank(by, organisation, place.role)
    if person.organisation_memberships.exclude(organisation=organisation).exists():
        raise ConflictError("This account is not this organisation’s alone to open.")
    if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        _note("person.reactivated", organisation, person, by)


@transaction.atomic(durable=True)
def forget_second_step(*, organisation: Organisation, person: User, by: User) -> None:
    """Let one who lost codes and keys in by password alone, to set them up anew. Sessions end."""
    if person == by:
        raise ConflictError("Your own second step is on your account’s page.")
    place = _place(organisation, person)
    _refuse_rank(by, organisation, place.role, *_owned_there(organisation, person, by))
    if person.organisation_memberships.exclude(organisation=organisation).exists():
        raise ConflictError("This account is not this organisation’s alone to deal with.")
    gone, _ = Authenticator.objects.filter(user=person).delete()
    if gone:
        end_sessions(person)
        _note("person.second_step_forgotten", organisation, person, by)


@transaction.atomic(durable=True)
def remove_person(*, organisation: Organisation, person: User, by: User) -> None:
    """Take every part in the organisation and its campaigns away; the account is left."""
    place = _place(organisation, person)
    if person != by:
        _refuse_rank(by, organisation, place.role, *_owned_there(organisation, person, by))
    keep_an_owner(organisation, person)
    own = Campaign.objects.filter(organisation=organisation)
    seats = Seat.objects.filter(rater__user=person, campaign__in=own)
    hold_seats(seats)
    keep_owners_of_campaigns(own, person)
    free_what_is_held(seats)
    seats.update(is_active=False)
    Membership.objects.filter(user=person, campaign__in=own).delete()
    place.delete()
    _revoke_beyond_rank(organisation, person, by)
    _note("person.removed", organisation, person, by)


@transaction.atomic(durable=True)
def give_role(*, campaign: Campaign, person: User, role: str, by: User) -> None:
    """Give a member of the organisation a role in the campaign; owners are made by owners."""
    if role not in Membership.Role.values:
        message = f"Roles are {', '.join(Membership.Role.values)}."
        raise InvalidInputError(message, problems=[FieldProblem("role", message)])
    _refuse_rank_in_campaign(by, campaign, role)
    _place(campaign.organisation, person)
    _, is_new = Membership.objects.get_or_create(campaign=campaign, user=person, role=role)
    if is_new:
        audit.record("member.added", campaign=campaign, by=by, subject=person.public_id, role=role)


@transaction.atomic(durable=True)
def take_role(*, campaign: Campaign, person: User, role: str, by: User) -> None:
    """Take a role in the campaign away; the last owner keeps theirs. A rater's leases are freed."""
    if role not in Membership.Role.values:
        message = f"Roles are {', '.join(Membership.Role.values)}."
        raise InvalidInputError(message, problems=[FieldProblem("role", message)])
    hold_organisations([campaign.organisation_id])
    if person != by:
        _refuse_rank_in_campaign(by, campaign, role)
    if role == Membership.Role.OWNER:
        keep_owners_of_campaigns(Campaign.objects.filter(pk=campaign.pk), person)
    if role == Membership.Role.RATER:
        free_what_is_held(Seat.objects.filter(rater__user=person, campaign=campaign))
    gone, _ = Membership.objects.filter(campaign=campaign, user=person, role=role).delete()
    if gone:
        _revoke_beyond_rank(campaign.organisation, person, by)
        audit.record(
            "member.removed", campaign=campaign, by=by, subject=person.public_id, role=role
        )


def _place(organisation: Organisation, person: User) -> OrganisationMember:
    """The person's place. Whoever changes who governs waits for whoever is changing it."""
    hold_organisations([organisation.pk])
    place = OrganisationMember.objects.filter(organisation=organisation, user=person).first()
    if place is None:
        raise NotFoundError("There is nobody like that in this organisation.")
    return place


def hold_organisations(pks: Iterable[int]) -> None:
    """Wait for whoever is changing who governs these. Only within an action's transaction."""
    rows = Organisation.objects.filter(pk__in=pks).order_by("pk")
    list(rows.select_for_update(no_key=True).values_list("pk"))


def hold_seats(seats: QuerySet[Seat]) -> None:
    """Lock the seats before their campaigns. Only within an action's transaction."""
    list(seats.order_by("pk").select_for_update(no_key=True, of=("self",)).values_list("pk"))


def revoke_invitations_of(person: User) -> None:
    """End what the person invited to: they vouched for it. Only within an action's transaction."""
    _open_of(person).update(revoked_at=Now())


def _open_of(person: User) -> QuerySet[Invitation]:
    return Invitation.objects.filter(invited_by=person, accepted_at=None, revoked_at=None)


def _revoke_beyond_rank(organisation: Organisation, person: User, by: User) -> None:
    """End the person's open invitations to what they may no longer invite to."""
    ranks: dict[Campaign | None, str] = {}
    theirs = _open_of(person).filter(organisation=organisation).select_related("campaign")
    for invitation in theirs.order_by("pk").select_for_update(of=("self",)):
        campaign = invitation.campaign
        if campaign not in ranks:
            ranks[campaign] = (
                rank_in_campaign(person, campaign)
                if campaign
                else rank_in_organisation(person, organisation)
            )
        if ranks[campaign] == Role.OWNER or (ranks[campaign] and invitation.role != Role.OWNER):
            continue
        Invitation.objects.filter(pk=invitation.pk).update(revoked_at=Now())
        _note_invitation(invitation, organisation, by)


def _note_invitation(invitation: Invitation, organisation: Organisation, by: User) -> None:
    audit.record(
        "invitation.revoked",
        campaign=invitation.campaign,
        by=by,
        subject=invitation.public_id,
        role=invitation.role,
        organisation=str(organisation.public_id),
    )


def _owned_there(organisation: Organisation, person: User, by: User) -> list[str]:
    """The rank that dealing with another owner of campaigns asks for, if the person is one."""
    if person == by:
        return []
    owned = Membership.objects.filter(
        user=person, role=Membership.Role.OWNER, campaign__organisation=organisation
    )
    return [Role.OWNER] if owned.exists() else []


def _refuse_rank(by: User, organisation: Organisation, *roles: str) -> None:
    rank = rank_in_organisation(by, organisation)
    if not rank:
        raise NotAllowedError("Only owners and managers of the organisation may do this.")
    if Role.OWNER in roles and rank != Role.OWNER:
        raise NotAllowedError("Only an owner may make or unmake an owner. Ask one of them.")


def _refuse_rank_in_campaign(by: User, campaign: Campaign, role: str) -> None:
    rank = rank_in_campaign(by, campaign)
    if not rank:
        raise NotAllowedError("Only owners and managers of the campaign may do this.")
    if role == Role.OWNER and rank != Role.OWNER:
        raise NotAllowedError("Only an owner may make or unmake an owner. Ask one of them.")


def keep_an_owner(organisation: Organisation, person: User) -> None:
    """Refuse to leave the organisation without an owner. Only within an action's transaction."""
    owners = OrganisationMember.objects.filter(
        organisation=organisation, role=Role.OWNER, user__is_active=True
    )
    if owners.filter(user=person).exists() and not owners.exclude(user=person).exists():
        raise ConflictError(LAST_OWNER.format(name=person.label, place=organisation.name))


def keep_owners_of_campaigns(campaigns: QuerySet[Campaign], person: User) -> None:
    """Refuse to leave a campaign without an owner. Only within an action's transaction."""
    owned = campaigns.filter(
        memberships__user=person, memberships__role=Membership.Role.OWNER
    ).exclude(state=Campaign.State.ARCHIVED)
    for campaign in owned.order_by("pk").select_for_update(no_key=True, of=("self",)):
        others = Membership.objects.filter(
            campaign=campaign, role=Membership.Role.OWNER, user__is_active=True
        ).exclude(user=person)
        if not others.exists():
            raise ConflictError(LAST_OWNER.format(name=person.label, place=campaign.name))


def _note(verb: str, organisation: Organisation, person: User, by: User, **details: Any) -> None:
    details["organisation"] = str(organisation.public_id)
    audit.record(verb, by=by, subject=person.public_id, **details)
