"""Invite people by their address, and let in those who come with the link they were sent."""

import hashlib
import secrets
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from labeling import audit
from labeling.access import has_address, rank_in_campaign, rank_in_organisation
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
    User,
)

VALID_FOR = timedelta(days=14)
# The same words for a link that was used, revoked, replaced, is too old or never was.
NO_LONGER = "This link no longer works. Ask whoever invited you for a new one."
# In the order in which one includes the other.
_RANKS = ["member", "manager", "owner"]
_NOT_ASKED = {field.name for field in User._meta.fields} - {
    *("username", "first_name", "last_name", "email")
}


def digest_of_link(token: str) -> bytes:
    """What is stored of a link. Its 256 random bits need no slow hash."""
    return hashlib.sha256(token.encode()).digest()


@transaction.atomic(durable=True)
def invite(
    *, organisation: Organisation, email: str, role: str, by: User, campaign: Campaign | None = None
) -> tuple[Invitation, str]:
    """The invitation of one address to one role, and its token, which cannot be had again."""
    email = _address(email)
    _refuse_unknown_role(role, campaign)
    # Two managers who invite the same address at once: the second is told so. Nor does anybody
    # invite while the right to it is being taken from them.
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    _refuse_rank(by, organisation, campaign, role)
    if _open().filter(organisation=organisation, campaign=campaign, email=email, role=role):
        _refuse("email", f"{email} has an open invitation as {role}. Send that one anew.")
    if _has_role(email, organisation, campaign, role):
        _refuse("email", f"{email} has the role of {role} already.")
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        organisation=organisation,
        campaign=campaign,
        email=email,
        role=role,
        digest=digest_of_link(token),
        invited_by=by,
        expires_at=Now() + VALID_FOR,
    )
    _note("invitation.sent", invitation, by)
    return invitation, token


@transaction.atomic(durable=True)
def resend_invitation(*, invitation: Invitation, by: User) -> str:
    """A new token for the invitation, valid from now; the old link is dead."""
    held = _held(invitation)
    _refuse_rank(by, held.organisation, held.campaign, held.role)
    token = secrets.token_urlsafe(32)
    held.digest = digest_of_link(token)
    Invitation.objects.filter(pk=held.pk).update(digest=held.digest, expires_at=Now() + VALID_FOR)
    _note("invitation.resent", held, by)
    return token


@transaction.atomic(durable=True)
def revoke_invitation(*, invitation: Invitation, by: User) -> None:
    """End the invitation: its link lets nobody in any more."""
    held = _held(invitation)
    _refuse_rank(by, held.organisation, held.campaign, held.role)
    Invitation.objects.filter(pk=held.pk).update(revoked_at=Now())
    _note("invitation.revoked", held, by)


@transaction.atomic(durable=True)
def accept_invitation(*, token: str, user: User) -> Invitation:
    """Give the signed-in user the role of the link, if it was sent to an address of theirs."""
    invitation = _taken(token)
    if not has_address(user, invitation.email):
        raise NotAllowedError(
            f"This invitation is for {invitation.email}, which is not an address of your account."
        )
    _let_in(invitation, user)
    return invitation


@transaction.atomic(durable=True)
def join_by_invitation(*, token: str, username: str, name: str, password: str) -> User:
    """The new account of an invited person, with the role of their link and no other."""
    invitation = _taken(token)
    if User.objects.filter(email__iexact=invitation.email).exists():
        raise ConflictError(f"{invitation.email} has an account. Sign in, then open this link.")
    first, _, last = name.strip().partition(" ")
    person = User(
        username=User.normalize_username(username.strip()),
        email=invitation.email,
        first_name=first[:150],
        last_name=last[:150],
    )
    try:
        person.full_clean(exclude=_NOT_ASKED)
        validate_password(password, person)
    except ValidationError as error:
        raise InvalidInputError(
            "The account could not be made.", problems=_problems(error)
        ) from error
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save()
    except IntegrityError as error:
        message = "Somebody else has this name. Choose another."
        raise ConflictError(message, problems=[FieldProblem("username", message)]) from error
    _let_in(invitation, person)
    return person


@transaction.atomic(durable=True)
def join_by_address(*, email: str, username: str, name: str) -> User | None:
    """The account of one whose address a single sign-on vouches for; None if none is invited.

    It is made, without a password, by the open invitations of that address, and has their roles.
    """
    invitations = list(_open().filter(email=email.strip().lower()).select_for_update())
    if not invitations or User.objects.filter(email__iexact=email).exists():
        return None
    first, _, last = name.strip().partition(" ")
    person = User(
        username=_free_name(username or email.partition("@")[0]),
        email=invitations[0].email,
        first_name=first[:150],
        last_name=last[:150],
    )
    person.set_unusable_password()
    person.save()
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    for invitation in invitations:
        _let_in(invitation, person)
    return person


def open_invitation(token: str) -> Invitation:
    """The invitation that a link stands for; NotFoundError for every link that is dead."""
    found = _open().filter(digest=digest_of_link(token))
    if (invitation := found.select_related("organisation", "campaign").first()) is None:
        raise NotFoundError(NO_LONGER)
    return invitation


def _open() -> QuerySet[Invitation]:
    return Invitation.objects.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())


def _taken(token: str) -> Invitation:
    held = _open().filter(digest=digest_of_link(token)).select_for_update(of=("self",))
    invitation = held.select_related("organisation", "campaign").first()
    if invitation is None:
        raise NotFoundError(NO_LONGER)
    return invitation


def _held(invitation: Invitation) -> Invitation:
    """The invitation under a lock, run out or not; what is used or revoked has ended."""
    rows = Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation.pk)
    held = rows.filter(accepted_at=None, revoked_at=None)
    found = held.select_related("organisation", "campaign").first()
    if found is None:
        raise ConflictError("This invitation has been used or revoked.")
    return found


def _let_in(invitation: Invitation, person: User) -> None:
    role = invitation.role if invitation.campaign_id is None else OrganisationMember.Role.MEMBER
    place, _ = OrganisationMember.objects.get_or_create(
        organisation=invitation.organisation, user=person, defaults={"role": role}
    )
    if _RANKS.index(place.role) < _RANKS.index(role):
        place.role = role
        place.save(update_fields=["role"])
    if invitation.campaign is not None:
        Membership.objects.get_or_create(
            campaign=invitation.campaign, user=person, role=invitation.role
        )
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=Now(), accepted_by=person)
    _note("invitation.accepted", invitation, person)


def _note(verb: str, invitation: Invitation, by: User) -> None:
    audit.record(
        verb,
        campaign=invitation.campaign,
        by=by,
        subject=invitation.public_id,
        role=invitation.role,
        organisation=str(invitation.organisation.public_id),
    )


def _address(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        _refuse("email", f"“{email[:80]}” is no mail address.", InvalidInputError)
    return email


def _refuse_unknown_role(role: str, campaign: Campaign | None) -> None:
    roles = OrganisationMember.Role.values if campaign is None else Membership.Role.values
    if role not in roles:
        _refuse("role", f"Roles are {', '.join(roles)}.", InvalidInputError)


def _refuse_rank(
    by: User, organisation: Organisation, campaign: Campaign | None, role: str
) -> None:
    """Managers invite all but owners; the rest invite nobody."""
    rank = rank_in_organisation(by, organisation)
    if campaign is not None:
        rank = rank_in_campaign(by, campaign)
    if not rank:
        raise NotAllowedError("Only owners and managers may invite people.")
    if role == "owner" and rank != "owner":
        message = "Only an owner may invite an owner. Ask one of them."
        raise NotAllowedError(message, problems=[FieldProblem("role", message)])


def _has_role(email: str, organisation: Organisation, campaign: Campaign | None, role: str) -> bool:
    theirs = Q(user__email__iexact=email)
    if campaign is None:
        places = OrganisationMember.objects.filter(theirs, organisation=organisation)
        return any(_RANKS.index(p.role) >= _RANKS.index(role) for p in places)
    return Membership.objects.filter(theirs, campaign=campaign, role=role).exists()


def _free_name(wanted: str) -> str:
    name = "".join(c for c in wanted if c.isalnum() or c in "@.+-_")[:140] or "member"
    while User.objects.filter(username=name).exists():
        name = f"{name[:140]}-{secrets.token_hex(2)}"
    return name


def _refuse(
    field: str, message: str, kind: type[ConflictError | InvalidInputError] = ConflictError
) -> None:
    raise kind(message, problems=[FieldProblem(field, message)])


def _problems(error: ValidationError) -> list[FieldProblem]:
    if hasattr(error, "error_dict"):
        named = error.message_dict
        return [FieldProblem(field, text) for field, texts in named.items() for text in texts]
    return [FieldProblem("password", text) for text in error.messages]
