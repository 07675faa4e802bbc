"""What reviewers decide of contested comparisons: beside the raters' judgments, never over them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from labeling import audit, notify
from labeling.actions.ended import hold_campaign
from labeling.actions.rounds import deal_in
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import (
    Adjudication,
    Assignment,
    Campaign,
    Comparison,
    Gold,
    GuidelineVersion,
    Round,
    Seat,
    User,
    laying,
)
from labeling.models.comparisons import PREFERENCES
from labeling.queries.adjudicated import people_told
from labeling.queries.round_work import unsettled_items
from labeling.queries.stale import stale_judgments, stale_rule, to_ask_again
from labeling.schemas import ResponseSchema, read_schema

MAX_NOTE = 2000
# How many more raters a comparison may be sent to at once.
MOST_MORE = 10
# Comparisons that one pass of "ask again" lays.
MOST_AGAIN = 5000
_SIDED = ("a", "b")
_ANSWERS = (*_SIDED, "tie")
Outcome = Adjudication.Outcome


@transaction.atomic(durable=True)
def adjudicate(
    *,
    comparison: Comparison,
    by: User,
    preference: str,
    strength: int | None = None,
    criteria: Mapping[str, str] | None = None,
    note: str = "",
    tells_raters: bool = False,
    makes_gold: bool = False,
    supersedes: UUID | None = None,
) -> Adjudication:
    """Decide the comparison. The raters' judgments stay as they are.

    Without `criteria` those of the decision before stay. Nothing is said that the campaign's schema
    does not ask: no tie, no "both bad", no strength and no criterion that raters could not give.

    `supersedes` is the decision the reviewer was shown, None where there was none: if another one
    has come since, ConflictError. The same decision again is the first one. `tells_raters` lets
    those who judged read it; `makes_gold` makes it a known answer, which is told to nobody.
    """
    note = _note(note, is_needed=tells_raters)
    if makes_gold and tells_raters:
        _refuse("makes_gold", "A known answer is told to nobody until it is retired.")
    held, rounds, standing = _hold(comparison)
    schema = read_schema(held.campaign.schema)
    _check(preference, strength, criteria or {}, schema)
    if criteria is None and standing is not None:
        asked = {one.key for one in schema.criteria}
        criteria = {key: value for key, value in standing.criteria.items() if key in asked}
    fields: dict[str, object] = {
        "outcome": Outcome.DECIDED,
        "preference": preference,
        "strength": strength if preference in _SIDED else 0,
        "criteria": dict(criteria or {}),
        "tells_raters": tells_raters,
        "note": note,
        "by": by,
    }
    if standing is not None and _is_same(standing, fields):
        return standing
    _refuse_moved(standing, supersedes)
    if tells_raters and Gold.objects.filter(comparison=held, retired_at=None).exists():
        _refuse("tells_raters", "It has a known answer, which is told to nobody until it retires.")
    if makes_gold:
        _make_gold(held, preference, fields["strength"], note)
    return _record(held, rounds, standing, fields, makes_gold=makes_gold)


@transaction.atomic(durable=True)
def leave_out(
    *, comparison: Comparison, by: User, note: str, supersedes: UUID | None = None
) -> Adjudication:
    """Leave the comparison out of data sets until a later decision takes it in again."""
    note = _note(note, is_needed=True)
    held, rounds, standing = _hold(comparison)
    fields: dict[str, object] = {
        "outcome": Outcome.LEFT_OUT,
        "note": note,
        "by": by,
        "criteria": {},
    }
    if standing is not None and _is_same(standing, fields):
        return standing
    _refuse_moved(standing, supersedes)
    return _record(held, rounds, standing, fields)


@transaction.atomic(durable=True)
def send_back(
    *,
    comparison: Comparison,
    by: User,
    more: int,
    note: str = "",
    supersedes: UUID | None = None,
) -> Adjudication:
    """Ask for `more` judgments than it has or waits for. They are laid at the tail, for others."""
    note = _note(note, is_needed=False)
    if not 1 <= more <= MOST_MORE:
        _refuse("more", f"From 1 to {MOST_MORE} more judgments at once.")
    held, rounds, standing = _hold(comparison)
    if standing is not None and standing.public_id != supersedes and _waits(held, standing):
        # The second click of one who sent it back a moment ago.
        is_same = standing.by_id == by.pk and standing.more == more
        if is_same:
            return standing
    _refuse_moved(standing, supersedes)
    opened = held.round
    if opened is None or opened.state != Round.State.OPEN:
        raise ConflictError(
            "Its round is not open, so nothing more is asked of raters. Decide it instead, or"
            " open a round of adjudication."
        )
    if opened.kind == Round.Kind.QUALIFICATION:
        raise ConflictError("A comparison of a qualification is not asked of more raters.")
    if (left := _raters_left(held)) < more:
        _refuse("more", f"{left} raters of the campaign have not met it. Ask for fewer, or invite.")
    made = _record(
        held,
        rounds,
        standing,
        {
            "outcome": Outcome.SENT_BACK,
            "more": more,
            "note": note,
            "by": by,
            "wanted": laying.wanted_with(more, comparison_ids=[held.pk])[held.pk],
        },
    )
    laying.lay_more(deal_in(held.campaign, opened), [held.pk], more=more)
    return made


@transaction.atomic(durable=True)
def ask_again(*, campaign: Campaign, by: User, clause: str = "") -> int:
    """Ask one more rater about each comparison whose judgments a newer version made stale.

    Of open rounds only, and only those that nobody has been asked about since; the judgments
    stay. How many comparisons. Safe to repeat.
    """
    campaign = hold_campaign(campaign)
    rule = stale_rule(campaign)
    if rule is None:
        return 0
    judgments = stale_judgments(campaign, rule, clause=clause)
    wanted = to_ask_again(judgments, rule)
    open_rounds = campaign.rounds.select_for_update(no_key=True).filter(state=Round.State.OPEN)
    rounds = {one.pk: one for one in open_rounds.order_by("pk")}
    held = list(
        Comparison.objects.select_for_update(no_key=True)
        .filter(pk__in=wanted.values("pk")[:MOST_AGAIN])
        .order_by("pk")
    )
    standing = {
        one.comparison_id: one
        for one in Adjudication.objects.standing().filter(comparison__in=held)
    }
    at_least = laying.wanted_with(1, comparison_ids=[one.pk for one in held])
    why = f"Guidelines version {rule.newest.number} changed {clause or 'a clause'}."
    Adjudication.objects.bulk_create(
        Adjudication(
            campaign=campaign,
            comparison=one,
            supersedes=standing.get(one.pk),
            guideline_version=rule.newest,
            outcome=Outcome.SENT_BACK,
            more=1,
            wanted=at_least[one.pk],
            note=why,
            by=by,
        )
        for one in held
    )
    for key, opened in rounds.items():
        if ids := [one.pk for one in held if one.round_id == key]:
            laying.lay_more(deal_in(campaign, opened), ids, more=1)
    if held:
        audit.record(
            "review.asked_again",
            campaign=campaign,
            by=by,
            subject=rule.newest.public_id,
            comparisons=len(held),
            clause=clause,
        )
    return len(held)


def _hold(comparison: Comparison) -> tuple[Comparison, list[Round], Adjudication | None]:
    """The comparison, the adjudication rounds it stands in, and what was decided; all held."""
    campaign = hold_campaign(comparison.campaign)
    rounds = list(
        Round.objects.select_for_update(no_key=True)
        .filter(pk__in=_rounds_of(comparison))
        .order_by("pk")
    )
    held = (
        Comparison.objects.select_for_update(no_key=True, of=("self",))
        .select_related("round")
        .get(pk=comparison.pk)
    )
    held.campaign = campaign
    # Read under the lock: whoever decided before us is seen.
    if held.round is not None:
        held.round.refresh_from_db()
    standing = Adjudication.objects.standing().filter(comparison=held).first()
    adjudication = [
        one
        for one in rounds
        if one.kind == Round.Kind.ADJUDICATION and one.state == Round.State.OPEN
    ]
    return held, adjudication, standing


def _rounds_of(comparison: Comparison) -> list[int]:
    asked = Round.objects.filter(
        items__comparison=comparison,
        kind=Round.Kind.ADJUDICATION,
        state=Round.State.OPEN,
    )
    own = [comparison.round_id] if comparison.round_id is not None else []
    return [*asked.values_list("pk", flat=True), *own]


def _record(
    held: Comparison,
    rounds: Sequence[Round],
    standing: Adjudication | None,
    fields: dict[str, object],
    *,
    makes_gold: bool = False,
) -> Adjudication:
    campaign = held.campaign
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    made = Adjudication.objects.create(
        campaign=campaign,
        comparison=held,
        supersedes=standing,
        round=rounds[0] if rounds else None,
        guideline_version=published.order_by("-number").first(),
        **fields,
    )
    audit.record(
        f"review.{made.outcome}",
        campaign=campaign,
        by=made.by,
        subject=held.public_id,
        adjudication=str(made.public_id),
        tells_raters=made.tells_raters,
        makes_gold=makes_gold,
    )
    if made.tells_raters:
        _tell(made)
    for one in rounds:
        _close_if_done(one, made.by)
    return made


def _tell(made: Adjudication) -> None:
    # Without the note: until their judgment is final, it is theirs alone.
    notify.tell(
        people_told(made.comparison),
        "comparison.decided",
        key=str(made.public_id),
        campaign=made.campaign,
    )


def _close_if_done(asked: Round, by: User) -> None:
    """Close an adjudication round once each of its items is decided or left out in it."""
    if unsettled_items(asked).exists():
        return
    asked.state, asked.closed_at = Round.State.CLOSED, Now()
    asked.save(update_fields=["state", "closed_at"])
    audit.record("round.closed", campaign=asked.campaign, by=by, subject=asked.public_id, ended=0)
    notify.tell(
        notify.managers_of(asked.campaign),
        "round.finished",
        key=str(asked.public_id),
        campaign=asked.campaign,
        number=asked.number,
    )


def _make_gold(held: Comparison, preference: str, strength: object, note: str) -> None:
    if Gold.objects.filter(comparison=held).exists():
        message = "This comparison has a known answer already; retire that one first."
        raise ConflictError(message, problems=[FieldProblem("makes_gold", message)])
    if held.completion_a.messages is None or held.completion_b.messages is None:
        message = "Its texts are not known, so it can be shown to nobody."
        raise ConflictError(message, problems=[FieldProblem("makes_gold", message)])
    size = strength if isinstance(strength, int) else None
    Gold.objects.create(comparison=held, preference=preference, strength=size, explanation=note)


def _raters_left(held: Comparison) -> int:
    """Active people of the campaign who have not met the comparison."""
    met = Assignment.objects.filter(comparison=held, rater=OuterRef("rater"), repeat_of=None)
    return (
        Seat.objects.filter(
            ~Exists(met), campaign=held.campaign, is_active=True, rater__user__isnull=False
        )
    ).count()


def _waits(held: Comparison, standing: Adjudication) -> bool:
    return standing.outcome == Outcome.SENT_BACK and (
        Assignment.objects.filter(comparison=held, ended_at=None, ordinal__isnull=False).exists()
    )


def _is_same(standing: Adjudication, fields: Mapping[str, object]) -> bool:
    return all(getattr(standing, name) == value for name, value in fields.items())


def _refuse_moved(standing: Adjudication | None, shown: UUID | None) -> None:
    if (standing.public_id if standing else None) == shown:
        return
    raise ConflictError(
        "Another reviewer was here meanwhile. What you wrote is still in the form: look at their"
        " word, then decide anew if you see it differently."
    )


def _check(
    preference: str, strength: int | None, criteria: Mapping[str, str], schema: ResponseSchema
) -> None:
    if preference not in PREFERENCES:
        _refuse("preference", "Say which is better: a, b, tie or both_bad.")
    if preference == "tie" and not schema.has_tie:
        _refuse("preference", "This campaign has no tie: choose a or b.")
    if preference == "both_bad" and not schema.both_bad:
        _refuse("preference", "This campaign has no “both bad”: choose a side or a tie.")
    strongest = schema.max_strength
    if preference in _SIDED and strength is not None and not 1 <= strength <= strongest:
        _refuse("strength", f"On this scale the strength goes from 1 to {strongest}.")
    if preference not in _SIDED and strength:
        _refuse("strength", "Only a side is more or less better.")
    asked = {one.key for one in schema.criteria}
    for key, better in criteria.items():
        if key not in asked:
            _refuse(f"criteria.{key}", "This campaign does not ask for this criterion.")
        if better not in _ANSWERS:
            _refuse(f"criteria.{key}", "Say which is better: a, b or tie.")


def _note(note: str, *, is_needed: bool) -> str:
    note = note.strip()
    if is_needed and not note:
        _refuse("note", "Say why in a sentence or two.")
    if len(note) > MAX_NOTE or "\x00" in note:
        _refuse("note", f"At most {MAX_NOTE:,} characters, and no NUL among them.")
    return note


def _refuse(field: str, message: str) -> None:
    raise InvalidInputError(message, problems=[FieldProblem(field, message)])
