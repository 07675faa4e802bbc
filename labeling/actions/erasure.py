"""Erase a person: what is about them goes, and what they judged stays whole without them."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.db.models import Q

from labeling import audit
from labeling.actions.accounts import end_sessions
from labeling.actions.leases import free_what_is_held
from labeling.actions.organisations import (
    hold_organisations,
    hold_seats,
    keep_an_owner,
    keep_owners_of_campaigns,
    revoke_invitations_of,
)
from labeling.models import (
    Appeal,
    AuditEvent,
    Campaign,
    Case,
    Demographics,
    Draft,
    EntryVisit,
    Exclusion,
    IdempotentRequest,
    Invitation,
    Judgment,
    Membership,
    Notification,
    OrganisationMember,
    Rater,
    Seat,
    Skill,
    Token,
    User,
    Withdrawal,
)
from labeling.policy import read_policy

REASON = "The rater was erased, and the campaign's policy withdraws what they judged."


@transaction.atomic(durable=True)
def erase_person(*, person: User, by: User | None) -> dict[str, int]:
    """Remove all that is about the person; how many rows of what are gone.

    Their judgments keep a pseudonym that leads nowhere, or are withdrawn where the campaign's
    policy says so. What was frozen stays as it is. An account that owns something is closed first:
    the last owner of an organisation or campaign is a ConflictError. Safe to repeat.
    """
    places = OrganisationMember.objects.filter(user=person)
    hold_organisations(places.values_list("organisation", flat=True))
    raters = Rater.objects.filter(user=person)
    seats = Seat.objects.filter(rater__in=raters)
    hold_seats(seats)
    for place in places.select_related("organisation"):
        keep_an_owner(place.organisation, person)
    keep_owners_of_campaigns(Campaign.objects.all(), person)
    person = User.objects.select_for_update().get(pk=person.pk)
    free_what_is_held(seats)
    revoke_invitations_of(person)
    seats.update(is_active=False, external_id=None, groups={})
    gone = {"withdrawn": _withdraw(list(raters), by)}
    for name, rows in (
        ("tokens", Token.objects.filter(user=person)),
        ("requests", IdempotentRequest.objects.filter(user=person)),
        ("notifications", Notification.objects.filter(user=person)),
        (
            "invitations",
            Invitation.objects.filter(
                Q(email__iexact=person.email) & ~Q(email="") | Q(accepted_by=person)
            ),
        ),
        ("drafts", Draft.objects.filter(assignment__rater__in=raters)),
        ("cases", Case.objects.filter(seat__in=seats)),
        ("skills", Skill.objects.filter(rater__in=raters)),
        ("demographics", Demographics.objects.filter(rater__in=raters)),
        ("visits", EntryVisit.objects.filter(rater__in=raters)),
        ("roles", Membership.objects.filter(user=person)),
        ("places", OrganisationMember.objects.filter(user=person)),
    ):
        gone[name] = rows.delete()[0]
    Appeal.objects.filter(judgment__rater__in=raters).update(reason="")
    Exclusion.objects.filter(rater__in=raters).update(reason="")
    # What pages measured of how they worked; the time it took stays with what they judged.
    Judgment.objects.filter(rater__in=raters).exclude(client={}).update(client={})
    # Where somebody worked from; the rest of the audit names them by a number alone.
    AuditEvent.objects.filter(user=person, address__isnull=False).update(address=None)
    end_sessions(person)
    _forget_sign_in(person)
    raters.update(user=None, languages=[])
    _make_nobody(person)
    audit.record("person.erased", by=by, subject=person.public_id, rows=gone)
    return gone


def _withdraw(raters: list[Rater], by: User | None) -> int:
    """Withdraw their standing judgments in campaigns whose policy says so."""
    count = 0
    for campaign in Campaign.objects.filter(seats__rater__in=raters).distinct():
        if read_policy(campaign.policy).erasure != "withdraw":
            continue
        standing = Judgment.objects.standing().filter(campaign=campaign, rater__in=raters)
        made = Withdrawal.objects.bulk_create(
            [Withdrawal(judgment=one, reason=REASON, by=by) for one in standing.only("pk")],
            batch_size=1000,
        )
        count += len(made)
    return count


def _forget_sign_in(person: User) -> None:
    """Second factors, addresses, single sign-on and browsers, which other apps keep."""
    for kind in (EmailAddress, Authenticator, SocialAccount, UserSession):
        kind.objects.filter(user=person).delete()


def _make_nobody(person: User) -> None:
    """Leave the row, which the audit and old decisions refer to, with nothing of theirs in it."""
    person.username = f"erased-{person.public_id.hex[:16]}"
    person.first_name = person.last_name = person.email = person.language = ""
    person.notify, person.bench = {}, {}
    person.last_login = None
    person.is_active = False
    person.set_unusable_password()
    person.save()
