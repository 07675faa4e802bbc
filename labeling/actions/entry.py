"""Let the participants of a study in by a link: each a rater, without a password or an address."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from labeling import audit
from labeling.actions.raters import seat_with_places
from labeling.errors import (
    BusyError,
    ConflictError,
    EndedError,
    FieldProblem,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import Campaign, EntryLink, EntryVisit, Membership, Rater, Seat, User
from labeling.queries.entry import PARTICIPANT

# New participants of one link in a minute; the next are asked to wait.
MOST_A_MINUTE = 120
MOST_WANTED = 100_000
_CODE = re.compile(r"[A-Za-z0-9_-]{1,43}")
# What a panel calls a participant: neither an address nor a place left unfilled (“{{%PID%}}”).
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Participant:
    """Whom a panel sent, in its own ids."""

    participant_id: str
    study_id: str = ""
    session_id: str = ""


@dataclass(frozen=True)
class Entry:
    """The participant's visit, and whether this call made it."""

    visit: EntryVisit
    user: User
    is_new: bool


@transaction.atomic(durable=True)
def make_entry_link(
    *,
    campaign: Campaign,
    kind: str,
    name: str,
    wanted: int,
    by: User | None,
    completion_code: str = "",
    completion_url: str = "",
    max_participants: int | None = None,
    expires_at: datetime | None = None,
) -> EntryLink:
    """A new link for a panel's participants, each of whom gives `wanted` judgments."""
    if campaign.state == Campaign.State.ARCHIVED:
        raise EndedError("This campaign has ended; nobody can be let in any more.")
    problems = []
    if kind not in EntryLink.Kind.values:
        problems.append(FieldProblem("kind", "Choose Prolific, Mechanical Turk or another panel."))
    if not 1 <= wanted <= MOST_WANTED:
        problems.append(FieldProblem("wanted", f"From 1 to {MOST_WANTED:,} judgments."))
    if max_participants is not None and max_participants < 1:
        problems.append(FieldProblem("max_participants", "At least one, or leave it empty."))
    if completion_url and not completion_url.startswith("https://"):
        problems.append(FieldProblem("completion_url", "An address that begins with https://."))
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    link = EntryLink.objects.create(
        campaign=campaign,
        kind=kind,
        name=name,
        code=secrets.token_urlsafe(24),
        completion_code=completion_code,
        completion_url=completion_url,
        wanted=wanted,
        max_participants=max_participants,
        expires_at=expires_at,
        created_by=by,
    )
    audit.record(
        "entry_link.made",
        campaign=campaign,
        by=by,
        subject=link.public_id,
        panel=kind,
        wanted=wanted,
    )
    return link


@transaction.atomic(durable=True)
def close_entry_link(*, link: EntryLink, by: User | None) -> None:
    """Let nobody new in by the link; who came in goes on. Safe to repeat."""
    closed = EntryLink.objects.filter(pk=link.pk, closed_at=None).update(closed_at=Now())
    if closed:
        audit.record("entry_link.closed", campaign=link.campaign, by=by, subject=link.public_id)


def entry_link(code: str) -> EntryLink:
    """The link with this code, closed ones too; NotFoundError for any other text."""
    links = EntryLink.objects.select_related("campaign__organisation")
    # No other text can be one, and not every text may be asked of the database.
    link = links.filter(code=code).first() if _CODE.fullmatch(code) else None
    if link is None:
        raise NotFoundError("There is no such study.")
    return link


def checked_participant(participant: Participant) -> Participant:
    """The ids, once they can be a panel's; InvalidInputError for an address, a text, a gap."""
    if not participant.participant_id:
        message = "The panel's id of you is missing in the address: come here from its page."
        raise InvalidInputError(message, problems=[FieldProblem("participant_id", message)])
    for field in ("participant_id", "study_id", "session_id"):
        given = getattr(participant, field)
        if given and not _ID.fullmatch(given):
            message = "An id in this address is none that a panel gives: come here from its page."
            raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    return participant


def refuse_new(link: EntryLink, now: datetime) -> None:
    """Raise what keeps a newcomer out: the link is closed or over, the campaign does not run."""
    if link.closed_at is not None or (link.expires_at is not None and link.expires_at <= now):
        raise EndedError("This study takes nobody new any more.")
    state = link.campaign.state
    if state in {Campaign.State.COMPLETED, Campaign.State.ARCHIVED}:
        raise EndedError("This study takes nobody new any more.")
    if state != Campaign.State.ACTIVE:
        raise ConflictError("This study does not run just now. Please come back later.")


@transaction.atomic(durable=True)
def enter(*, link: EntryLink, participant: Participant, now: datetime) -> Entry:
    """Let the participant in: the rater they are here, made on their first visit.

    The link's row is the lock: two tabs that start at once get one rater. Who has been here
    before comes in again, whether or not the link still takes newcomers.
    """
    checked_participant(participant)
    held = EntryLink.objects.select_for_update(no_key=True, of=("self",))
    link = held.select_related("campaign__organisation").get(pk=link.pk)
    known = link.visits.filter(participant_id=participant.participant_id)
    visit = known.select_related("rater__user", "link__campaign").first()
    if visit is not None:
        return Entry(visit, _may_go_on(visit.rater, link.campaign), is_new=False)
    refuse_new(link, now)
    if link.max_participants is not None and link.visits.count() >= link.max_participants:
        raise ConflictError("This study has all the participants it needs.")
    if link.visits.filter(created_at__gt=now - timedelta(minutes=1)).count() >= MOST_A_MINUTE:
        raise BusyError("Many people are starting just now. Please try again in a minute.")
    rater = _rater(link, participant)
    user = _may_go_on(rater, link.campaign)
    visit = EntryVisit.objects.create(
        link=link,
        rater=rater,
        participant_id=participant.participant_id,
        study_id=participant.study_id,
        session_id=participant.session_id,
    )
    audit.record("participant.entered", campaign=link.campaign, by=rater, subject=link.public_id)
    return Entry(visit, user, is_new=True)


@transaction.atomic(durable=True)
def finish_visit(*, visit: EntryVisit) -> None:
    """Note that the participant has given what was wanted. Safe to repeat."""
    done = EntryVisit.objects.filter(pk=visit.pk, finished_at=None).update(finished_at=Now())
    if done:
        audit.record(
            "participant.finished",
            campaign=visit.link.campaign,
            by=visit.rater,
            subject=visit.link.public_id,
        )


def _rater(link: EntryLink, participant: Participant) -> Rater:
    """Who the participant is in the organisation: the same by whichever link of a panel."""
    organisation = link.campaign.organisation
    whom = f"{organisation.public_id}:{link.kind}:{participant.participant_id}"
    name = PARTICIPANT + salted_hmac("labeling.entry", whom, algorithm="sha256").hexdigest()[:24]
    user, is_new = User.objects.get_or_create(username=name)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    rater, _ = Rater.objects.get_or_create(organisation=organisation, user=user)
    Membership.objects.get_or_create(campaign=link.campaign, user=user, role=Membership.Role.RATER)
    seat = seat_with_places(rater, link.campaign)
    taken = Seat.objects.filter(
        campaign=link.campaign, external_id=participant.participant_id
    ).exists()
    if seat.external_id is None and not taken:
        seat.external_id = participant.participant_id
        seat.save(update_fields=["external_id"])
    return rater


def _may_go_on(rater: Rater, campaign: Campaign) -> User:
    """The participant's account, unless it was ended or their part was paused."""
    seat = Seat.objects.filter(rater=rater, campaign=campaign, is_active=True)
    if rater.user is None or not rater.user.is_active or not seat.exists():
        raise NotAllowedError("Your part in this study has been paused.")
    return rater.user
