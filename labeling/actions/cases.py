"""Cases: what is said about a rater's work, by both sides, and what a manager decides of it.

A rule opens a case by itself only where the campaign's policy states it (`pause_by_rule`); all else
is a person's decision, with a note that the rater can read.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from labeling import audit, notify
from labeling.actions.leases import free_what_is_held
from labeling.actions.raters import seat_with_places
from labeling.errors import ConflictError, FieldProblem, InvalidInputError, NotAllowedError
from labeling.models import (
    Campaign,
    Case,
    CaseEntry,
    ExcludedJudgment,
    Exclusion,
    Judgment,
    Rater,
    Round,
    Seat,
    User,
)
from labeling.policy import PauseRule, read_policy
from labeling.queries.cases import pausing_figures, stated_at
from labeling.queries.exclusions import UNDO_DAYS
from labeling.queries.rater_signals import fast_judgments
from labeling.schemas import read_requirements

MAX_CHARS: Final = 4000
ACTIONS: Final = ("resume", "retrain", "pause", "exclude_flagged", "exclude_round", "exclude_all")
PAUSE_RULE: Final = "pause_rule"


@transaction.atomic(durable=True)
def open_case(*, campaign: Campaign, rater: Rater, by: User, text: str) -> Case:
    """The open case on the rater's work, made if there is none; its rater reads `text`.

    Where somebody else has opened one meanwhile, `text` is a message in it. Safe to repeat.
    """
    seat = _hold_seat(campaign, rater)
    text = _text(text, "text", "Say in a sentence what it is about; the rater reads it.")
    if (case := _open_case_of(seat)) is not None:
        if not case.entries.filter(by=by, text=text).exists():
            _say(case, CaseEntry.Kind.MESSAGE, text, by)
        return case
    case = Case.objects.create(seat=seat, opened_by=by)
    entry = CaseEntry.objects.create(case=case, kind=CaseEntry.Kind.OPENED, text=text, by=by)
    audit.record("case.opened", campaign=campaign, by=by, subject=case.public_id)
    _tell_rater(case, entry)
    return case


@transaction.atomic(durable=True)
def write_entry(
    *,
    case: Case,
    kind: str,
    text: str,
    by: User,
    details: Mapping[str, Any] | None = None,
    after: UUID | None = None,
) -> CaseEntry:
    """A message for the rater, a note for managers alone, or the rater's reply.

    `after` is the last entry that its writer was shown: the same words of theirs since then are the
    first click's, and stay the only ones.
    """
    if kind not in {CaseEntry.Kind.MESSAGE, CaseEntry.Kind.NOTE, CaseEntry.Kind.REPLY}:
        raise InvalidInputError("A case takes messages, notes and replies.")
    is_rater = by.pk == case.seat.rater.user_id
    if is_rater != (kind == CaseEntry.Kind.REPLY):
        raise NotAllowedError("The rater replies in a case; its managers write messages and notes.")
    text = _text(text, "text", "Write a word or two.")
    if after is not None:
        _hold_case(case)
        newer = case.entries.filter(pk__gt=_shown(case, after), kind=kind, text=text, by=by)
        if (said := newer.first()) is not None:
            return said
    return _say(case, kind, text, by, details)


@transaction.atomic(durable=True)
def decide(
    *,
    case: Case,
    action: str,
    note: str,
    by: User,
    round_number: int | None = None,
    after: UUID | None = None,
) -> CaseEntry:
    """Do what was decided of an open case; the rater reads `note`.

    `after` is the last entry that `by` was shown. The same decision of theirs again is the one that
    stands, and nothing is done twice; if another one has come since, ConflictError.

    `resume` and `retrain` close the case. What is excluded is left out of datasets to come and of
    the report; all of somebody's work only once a second manager agrees. Pay stays as it is.
    """
    if action not in ACTIONS:
        message = f"One of {', '.join(ACTIONS)}."
        raise InvalidInputError(message, problems=[FieldProblem("action", message)])
    note = _text(note, "note", "Say why; the rater can read it.")
    # Reading the texts takes a while: the rater is not kept waiting for it.
    fast = action == "exclude_flagged" and fast_judgments(case.seat.campaign, case.seat.rater)
    seat = _hold_seat(case.seat.campaign, case.seat.rater)
    held = _hold_case(case)
    said = (action, note, by.pk, round_number)
    if after is not None and (made := _decided_since(held, after, said)):
        return made
    if held.state != Case.State.OPEN:
        raise ConflictError("This case is closed. Open another one to decide anew.")
    held.seat = seat
    campaign, rater = seat.campaign, seat.rater
    if rater.user_id == by.pk:
        raise NotAllowedError("Nobody decides a case about their own work.")
    details: dict[str, Any] = {}
    if action in ("resume", "retrain"):
        if action == "retrain":
            _ask_practice(seat)
        _let_go_on(seat)
        held.state, held.closed_at = Case.State.CLOSED, Now()
        held.save(update_fields=["state", "closed_at"])
    elif action == "pause":
        _pause(seat)
    else:
        excluded = _exclude(held, action, note, by, round_number, fast=fast or [])
        details = {
            "exclusion": str(excluded.public_id),
            "count": excluded.judgments.count(),
            "round": round_number,
            "needs_second": excluded.needs_second,
        }
        if excluded.needs_second:
            _tell_managers(held, "exclusion.waiting", str(excluded.public_id), but=by)
    entry = CaseEntry.objects.create(
        case=held, kind=CaseEntry.Kind.DECISION, action=action, text=note, by=by, details=details
    )
    audit.record(
        "case.decided",
        campaign=campaign,
        by=by,
        subject=held.public_id,
        action=action,
        rater=str(rater.public_id),
        **details,
    )
    _tell_rater(held, entry)
    return entry


@transaction.atomic(durable=True)
def agree_exclusion(*, exclusion: Exclusion, by: User) -> Exclusion:
    """A second manager's word that all of a rater's work is left out; from now on it is."""
    held = _hold_exclusion(exclusion)
    if not held.needs_second or held.agreed_at is not None:
        return held
    if held.undone_at is not None:
        raise ConflictError("This decision was undone already.")
    if by.pk in {held.by_id, held.rater.user_id}:
        raise NotAllowedError("A second manager must agree, not the one who decided.")
    held.agreed_by, held.agreed_at = by, Now()
    held.save(update_fields=["agreed_by", "agreed_at"])
    audit.record("exclusion.agreed", campaign=held.campaign, by=by, subject=held.public_id)
    return held


@transaction.atomic(durable=True)
def undo_exclusion(*, exclusion: Exclusion, note: str, by: User) -> Exclusion:
    """Take an exclusion back within 30 days; its judgments count again in what is made from now."""
    held = _hold_exclusion(exclusion)
    if held.undone_at is not None:
        return held
    note = _text(note, "note", "Say why; the rater can read it.")
    if held.rater.user_id == by.pk:
        raise NotAllowedError("Nobody decides a case about their own work.")
    recent = Exclusion.objects.filter(pk=held.pk, created_at__gte=Now() - timedelta(days=UNDO_DAYS))
    if not recent.exists():
        raise ConflictError(f"A decision can be undone for {UNDO_DAYS} days; that time is over.")
    held.undone_by, held.undone_at = by, Now()
    held.save(update_fields=["undone_by", "undone_at"])
    audit.record("exclusion.undone", campaign=held.campaign, by=by, subject=held.public_id)
    if held.case is not None:
        entry = CaseEntry.objects.create(
            case=held.case,
            kind=CaseEntry.Kind.DECISION,
            action="undo",
            text=note,
            by=by,
            details={"exclusion": str(held.public_id)},
        )
        _tell_rater(held.case, entry)
    return held


@transaction.atomic(durable=True)
def pause_by_rule(*, campaign: Campaign, rater: Rater) -> Case | None:
    """The case of a rater whom the campaign's stated rule pauses; None where it does not apply.

    Safe to repeat, and from two schedulers at once: the seat is held, and the rule asked again.
    """
    seat = _hold_seat(campaign, rater)
    rule = read_policy(seat.campaign.policy).pause_rule
    if rule is None or not seat.is_active:
        return None
    figures = pausing_figures(seat, rule, stated_at(seat.campaign))
    if figures is None:
        return None
    _pause(seat)
    case = _open_case_of(seat) or Case.objects.create(seat=seat, rule=PAUSE_RULE)
    entry = CaseEntry.objects.create(
        case=case,
        kind=CaseEntry.Kind.OPENED,
        text=words_of_rule(rule),
        details={"rule": PAUSE_RULE, **figures},
    )
    audit.record(
        "rater.paused_by_rule",
        campaign=campaign,
        subject=rater.public_id,
        rule=PAUSE_RULE,
        **figures,
    )
    _tell_rater(case, entry)
    _tell_managers(case, "case.opened", str(entry.public_id), why=words_of_rule(rule))
    return case


def words_of_rule(rule: PauseRule) -> str:
    """The rule as it is told, in one sentence."""
    return (
        f"A rater is paused after {rule.in_a_row} judgments in a row that took less than"
        f" {rule.seconds:g} seconds each"
    )


def _exclude(
    case: Case,
    action: str,
    note: str,
    by: User,
    round_number: int | None,
    *,
    fast: Sequence[int],
) -> Exclusion:
    campaign, rater = case.seat.campaign, case.seat.rater
    theirs = Judgment.objects.filter(campaign=campaign, rater=rater)
    if action == "exclude_flagged":
        # With what has come in their place since they were found.
        named = theirs.filter(Q(pk__in=fast) | Q(supersedes__in=fast))
        keys = list(named.values_list("pk", flat=True))
    elif action == "exclude_round":
        found = Round.objects.filter(campaign=campaign, number=round_number or 0)
        keys = list(theirs.filter(comparison__round__in=found).values_list("pk", flat=True))
    else:
        keys = list(theirs.values_list("pk", flat=True))
    if not keys:
        message = "There is no judgment that this would leave out."
        raise InvalidInputError(message, problems=[FieldProblem("action", message)])
    excluded = Exclusion.objects.create(
        campaign=campaign,
        rater=rater,
        case=case,
        reason=note,
        by=by,
        needs_second=action == "exclude_all",
    )
    ExcludedJudgment.objects.bulk_create(
        (ExcludedJudgment(exclusion=excluded, judgment_id=key) for key in keys), batch_size=5000
    )
    return excluded


def _ask_practice(seat: Seat) -> None:
    """Take the qualification: what they practised on before counts no more towards it."""
    if read_requirements(seat.campaign.requirements).qualification != seat.campaign.slug:
        message = "This campaign has no qualification of its own that could be passed again."
        raise InvalidInputError(message, problems=[FieldProblem("action", message)])
    seat.qualified_at = None
    seat.save(update_fields=["qualified_at"])


def _let_go_on(seat: Seat) -> None:
    if seat.is_active:
        return
    if seat.rater.user_id is None:
        raise ConflictError("Only a person who signs in can rate here.")
    seat_with_places(seat.rater, seat.campaign)
    seat.is_active = True
    seat.save(update_fields=["is_active"])


def _pause(seat: Seat) -> None:
    """End the rater's claims; what they hold goes back to the queue at once."""
    seat.is_active = False
    seat.save(update_fields=["is_active"])
    free_what_is_held(Seat.objects.filter(pk=seat.pk))


def _hold_seat(campaign: Campaign, rater: Rater) -> Seat:
    seats = Seat.objects.select_for_update(no_key=True, of=("self",))
    return seats.select_related("campaign", "rater__user").get(campaign=campaign, rater=rater)


def _hold_case(case: Case) -> Case:
    return Case.objects.select_for_update(no_key=True).get(pk=case.pk)


def _shown(case: Case, after: UUID) -> int:
    """The key of the last entry that was shown; 0 where it is of another case."""
    return case.entries.filter(public_id=after).values_list("pk", flat=True).first() or 0


def _decided_since(case: Case, after: UUID, said: tuple[Any, ...]) -> CaseEntry | None:
    """What the same click decided already; ConflictError where another decision came since."""
    newer = case.entries.filter(pk__gt=_shown(case, after), kind=CaseEntry.Kind.DECISION)
    if (last := newer.order_by("-pk").first()) is None:
        return None
    if (last.action, last.text, last.by_id, last.details.get("round")) == said:
        return last
    raise ConflictError(
        "Something else was decided meanwhile. What you wrote is still here: look at that decision,"
        " then decide anew if you see it differently."
    )


def _say(
    case: Case, kind: str, text: str, by: User, details: Mapping[str, Any] | None = None
) -> CaseEntry:
    """Write the entry, and tell the other side unless it is a note."""
    entry = CaseEntry.objects.create(
        case=case, kind=kind, text=text, by=by, details=dict(details or {})
    )
    is_reply = kind == CaseEntry.Kind.REPLY
    audit.record(
        f"case.{kind}",
        campaign=case.seat.campaign,
        by=case.seat.rater if is_reply else by,
        subject=case.public_id,
    )
    if kind == CaseEntry.Kind.MESSAGE:
        _tell_rater(case, entry)
    elif is_reply:
        _tell_managers(case, "case.reply", str(entry.public_id))
    return entry


def _hold_exclusion(exclusion: Exclusion) -> Exclusion:
    rows = Exclusion.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("campaign", "rater", "case__seat__rater__user").get(pk=exclusion.pk)


def _open_case_of(seat: Seat) -> Case | None:
    return Case.objects.filter(seat=seat, state=Case.State.OPEN).first()


def _tell_rater(case: Case, entry: CaseEntry) -> None:
    person = case.seat.rater.user
    if person is not None:
        notify.tell(
            [person],
            "case.entry",
            key=str(entry.public_id),
            campaign=case.seat.campaign,
            case_id=str(case.public_id),
        )


def _tell_managers(
    case: Case, kind: str, key: str, *, but: User | None = None, **details: Any
) -> None:
    seat = case.seat
    notify.tell(
        [one for one in notify.managers_of(seat.campaign) if one != but],
        kind,
        key=key,
        campaign=seat.campaign,
        rater=seat.pseudonym,
        rater_id=str(seat.rater.public_id),
        **details,
    )


def _text(text: str, field: str, message: str) -> str:
    text = text.strip()
    if not text:
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    if len(text) > MAX_CHARS or "\x00" in text:
        message = f"At most {MAX_CHARS} characters, and no NUL among them."
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    return text
