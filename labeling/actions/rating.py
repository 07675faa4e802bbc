"""The rater's errand: claim, submit, skip, revise. Each is safe to repeat from any tab."""

import random
import time
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from labeling import audit
from labeling.actions.qualification import (
    asks_own_qualification,
    grade_practice,
    practice_item,
)
from labeling.errors import (
    BusyError,
    ConflictError,
    EndedError,
    EnoughForTodayError,
    LeaseLostError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import (
    Assignment,
    Campaign,
    GuidelineVersion,
    Judgment,
    Rater,
    Round,
    Seat,
    User,
    Withdrawal,
    joined,
    queue,
)
from labeling.models.gold_dealing import deal_gold
from labeling.queries.answering import shown_for
from labeling.queries.rating import judged_today
from labeling.schemas import (
    Answer,
    read_answer,
    read_requirements,
    read_schema,
    strength_of,
)
from labeling.telemetry import measured

# How long a claim tries again while others are taking what it sees, before it says "one moment".
CLAIM_PATIENCE_SECONDS = 1.5
PAUSED = "Your part in this campaign has been paused."


@dataclass(frozen=True)
class Submission:
    """The standing judgment of an assignment, and whether this call made it."""

    judgment: Judgment
    is_new: bool


def claim_assignment(*, rater: Rater, campaign: Campaign, hold: int = 1) -> Assignment | None:
    """Lease the next assignment to `rater`, or renew one they hold; None if none is free.

    Each try is one statement and so one transaction: a retry must see a fresh snapshot. With
    `hold` above one, that many may be held at once (the current one and those prepared); practice
    comes one at a time. Raises NotQualifiedError and EnoughForTodayError, which say what to do.
    """
    if campaign.state == Campaign.State.ARCHIVED:
        return None
    requirements = read_requirements(campaign.requirements)
    if (asked := requirements.qualification) is not None:
        practice = practice_item(rater=rater, campaign=campaign, asked=asked)
        if practice is not None:
            return joined.assignment_to_show(practice, campaign)
    if (cap := requirements.daily_cap) is not None:
        left = cap - judged_today(rater, campaign)
        if left <= 0:
            raise EnoughForTodayError(
                f"You have judged {cap} today, as many as this campaign gives a day."
                " It goes on tomorrow."
            )
        hold = min(hold, left)
    if (gold := deal_gold(rater=rater, campaign=campaign, hold=hold)) is not None:
        return joined.assignment_to_show(gold, campaign)
    return _claim(rater, campaign, hold)


def _claim(rater: Rater, campaign: Campaign, hold: int) -> Assignment | None:
    give_up_at = time.monotonic() + CLAIM_PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        seen = _try_claim(rater, campaign, hold)
        if seen.taken is not None:
            return seen.taken
        if seen.held_id is not None:
            if queue.renew(
                assignment_id=seen.held_id, rater_id=rater.pk, lease_seconds=campaign.lease_seconds
            ):
                return joined.assignment_to_show(seen.held_id, campaign)
            continue  # It went back to the queue between the two statements.
        if seen.has_lapsed and _requeue_lapsed(campaign):
            continue
        if seen.is_contended:
            # The others need a moment to commit; should one fail, what it took is free again.
            time.sleep(random.uniform(0.001, 0.02))
        elif not seen.is_mine:
            if not _has_seat(rater, campaign):
                raise NotAllowedError(PAUSED)
        elif not seen.is_catching_up:
            return None
    raise BusyError("Many raters are claiming at once. Please try again in a moment.")


def _try_claim(rater: Rater, campaign: Campaign, hold: int) -> queue.Claim:
    try:
        return queue.claim(rater=rater, campaign=campaign, hold=hold)
    except IntegrityError:
        # The net under `turn`: a late answer in another tab met the comparison meanwhile.
        return queue.Claim()


@transaction.atomic(durable=True)
def _requeue_lapsed(campaign: Campaign) -> int:
    return queue.requeue(campaign_id=campaign.pk)


def submit_judgment(
    *, rater: Rater, assignment_id: uuid.UUID, answer: Any, campaign: Campaign | None = None
) -> Submission:
    """`judge_assignment` for a door that has only the assignment's id.

    With `campaign`, an assignment of another one is unknown.
    """
    assignment = _own_assignment(rater, assignment_id, campaign)
    return judge_assignment(rater=rater, assignment=assignment, answer=answer)


def judge_assignment(*, rater: Rater, assignment: Assignment, answer: Any) -> Submission:
    """Complete the rater's assignment with `answer` (the API's body of a judgment, sides as shown).

    The answer that stands, again, returns the standing judgment. Any other is a ConflictError that
    says what is stored, one that stood before a revision too: a form left open in another tab must
    not seem to undo it. A late answer is taken until somebody else has claimed the assignment or
    it has ended.
    """
    if assignment.campaign.state == Campaign.State.ARCHIVED:
        raise EndedError("This campaign has ended; it takes no more answers.")
    decided = _decided(answer, assignment)
    public_id = uuid.uuid4()
    values = _as_stored(decided, assignment)
    parameters = {
        key: Jsonb(value) if isinstance(value, dict) else value for key, value in values.items()
    }
    try:
        made = queue.submit(
            parameters | {"assignment": assignment.pk, "rater": rater.pk, "public_id": public_id}
        )
    except IntegrityError:
        # A late answer, while another tab of the rater took the comparison anew.
        made = None
    if made is not None:
        if assignment.ordinal is None and asks_own_qualification(assignment.campaign):
            grade_practice(rater=rater, campaign=assignment.campaign)
        return Submission(_stored(assignment, rater, public_id, values | made), is_new=True)
    judgments = Judgment.objects.filter(assignment=assignment, rater=rater)
    standing = judgments.select_related("assignment").order_by("-pk").first()
    if standing is None:
        raise LeaseLostError(
            "The time for this comparison ran out and it has gone to another rater."
        )
    if _says(standing, values):
        return Submission(standing, is_new=False)
    shown = assignment.side(standing.preference).replace("_", " ")
    raise ConflictError(
        f"You have already judged this comparison: “{shown}” is stored. Undo it to change it."
    )


@transaction.atomic(durable=True)
def record_refusal(*, user: User, subject: uuid.UUID) -> None:
    """Note that someone answered what is not theirs, or is over; what they sent is not kept."""
    audit.record("judgment.refused", by=user, subject=subject)


@transaction.atomic(durable=True)
def skip_assignment(
    *, rater: Rater, assignment_id: uuid.UUID, reason: str, campaign: Campaign | None = None
) -> None:
    """Give the comparison back, for good: this rater does not meet it again. Safe to repeat.

    With `campaign`, an assignment of another one is unknown.
    """
    assignment = _own_assignment(rater, assignment_id, campaign)
    if queue.skip(assignment_id=assignment.pk, rater_id=rater.pk, reason=reason[:200]):
        return
    assignment.refresh_from_db()
    if assignment.rater_id == rater.pk and assignment.outcome == "skipped":
        return
    raise ConflictError("This comparison is already judged, or has gone to another rater.")


def renew_lease(*, rater: Rater, assignment_id: uuid.UUID) -> datetime:
    """Hold the assignment for another lease; its new end."""
    assignment = _own_assignment(rater, assignment_id)
    until: datetime | None = queue.renew(
        assignment_id=assignment.pk,
        rater_id=rater.pk,
        lease_seconds=assignment.campaign.lease_seconds,
    )
    if until is None:
        raise LeaseLostError("This comparison is already judged, or has gone to another rater.")
    return until


@transaction.atomic(durable=True)
def revise_judgment(
    *, rater: Rater, judgment_id: uuid.UUID, answer: Any, campaign: Campaign | None = None
) -> Submission:
    """Supersede the rater's judgment with `answer`, within the campaign's time for undoing.

    The same revision twice is one; the window is measured from the first judgment. With
    `campaign`, a judgment of another one is unknown.
    """
    named = (
        Judgment.objects.filter(public_id=judgment_id, rater=rater, assignment__isnull=False)
        .select_related("assignment__campaign", "comparison__round")
        .first()
    )
    if named is None or named.assignment is None or not _is_in(campaign, named.assignment):
        raise NotFoundError("There is no such judgment of yours.")
    assignment = named.assignment
    if assignment.campaign.state == Campaign.State.ARCHIVED:
        raise EndedError("This campaign has ended; it takes no more answers.")
    if not _has_seat(rater, assignment.campaign):
        raise NotAllowedError(PAUSED)
    if named.comparison.round and named.comparison.round.kind == Round.Kind.QUALIFICATION:
        raise ConflictError("The expected answer to it has been shown: a practice answer stays.")
    # The assignment's row is the lock: two revisions take turns, and the second sees the first.
    Assignment.objects.select_for_update(no_key=True).get(pk=assignment.pk)
    values = _as_stored(_decided(answer, assignment), assignment)
    standing = _newest(named)
    if Withdrawal.objects.filter(judgment=standing).exists():
        raise ConflictError("A manager has withdrawn this judgment; it cannot be changed any more.")
    if _says(standing, values):
        return Submission(standing, is_new=False)
    opened = Judgment.objects.filter(assignment=assignment, supersedes=None)
    window = timedelta(seconds=assignment.campaign.revise_seconds)
    if not opened.filter(created_at__gte=Now() - window).exists():
        minutes = assignment.campaign.revise_seconds // 60
        raise ConflictError(f"A judgment can be changed for {minutes} minutes; that time is over.")
    try:
        with transaction.atomic():
            revised = Judgment.objects.create(
                campaign_id=assignment.campaign_id,
                comparison_id=assignment.comparison_id,
                rater=rater,
                assignment=assignment,
                supersedes=standing,
                guideline_version=GuidelineVersion.objects.filter(
                    campaign_id=assignment.campaign_id, number__isnull=False
                )
                .order_by("-number")
                .first(),
                shown_left="a" if assignment.a_on_left else "b",
                presentation_arm=assignment.arm,
                is_repeat=assignment.repeat_of_id is not None,
                **values,
            )
    except IntegrityError:
        raise ConflictError("This judgment was changed in another tab. Reload to see it.") from None
    audit.record(
        "judgment.revised", campaign=assignment.campaign, by=rater, subject=revised.public_id
    )
    return Submission(revised, is_new=True)


def _stored(
    assignment: Assignment, rater: Rater, public_id: uuid.UUID, values: dict[str, Any]
) -> Judgment:
    """The judgment that was just inserted, without reading it again."""
    judgment = Judgment(
        public_id=public_id,
        campaign_id=assignment.campaign_id,
        comparison_id=assignment.comparison_id,
        rater=rater,
        assignment=assignment,
        shown_left="a" if assignment.a_on_left else "b",
        presentation_arm=assignment.arm,
        is_repeat=assignment.repeat_of_id is not None,
        **values,
    )
    judgment._state.adding = False
    return judgment


def _has_seat(rater: Rater, campaign: Campaign) -> bool:
    return Seat.objects.filter(rater=rater, campaign=campaign, is_active=True).exists()


def _own_assignment(
    rater: Rater, public_id: uuid.UUID, campaign: Campaign | None = None
) -> Assignment:
    """The assignment, if it is or was last the rater's; to anyone else it does not exist."""
    assignment = joined.assignment_of(rater, public_id)
    if assignment is None or not _is_in(campaign, assignment):
        raise NotFoundError("There is no such comparison of yours.")
    return assignment


def _is_in(campaign: Campaign | None, assignment: Assignment) -> bool:
    """Whether it is of the campaign; any will do where none is named."""
    return campaign is None or assignment.campaign_id == campaign.pk


def _newest(judgment: Judgment) -> Judgment:
    later = Judgment.objects.filter(assignment=judgment.assignment)
    return later.order_by("-pk").first() or judgment


def _decided(answer: Any, assignment: Assignment) -> Answer:
    """The answer, checked against what the campaign asks and what the rater was shown."""
    schema = read_schema(assignment.campaign.schema)
    return read_answer(answer, schema, shown_for(assignment, schema, answer))


def _as_stored(answer: Answer, assignment: Assignment) -> dict[str, Any]:
    """The answer in the comparison's own order: sides become a and b."""
    turn = assignment.preference
    by_side = {turn(side): value for side, value in answer.quality.items()}
    client = measured(answer.client)
    return {
        "preference": turn(answer.side),
        "strength": strength_of(answer),
        "criteria": {key: turn(side) for key, side in answer.criteria.items()},
        "quality_a": by_side.get("a"),
        "quality_b": by_side.get("b"),
        "rationale": answer.rationale.strip(),
        "clauses": list(answer.clauses),
        "steps": {turn(side): marks for side, marks in answer.steps.items()}
        if isinstance(answer.steps, dict)
        else {"shown": answer.steps},
        "edited": {"side": turn(answer.edited.side), "text": answer.edited.text}
        if answer.edited
        else None,
        "flags": list(answer.flags),
        "active_ms": client.get("active_ms"),
        "client": client,
    }


# What makes two answers the same one: all that the rater says, none of what the page measured.
_SAID = (
    "preference",
    "strength",
    "criteria",
    "quality_a",
    "quality_b",
    "rationale",
    "clauses",
    "steps",
    "edited",
    "flags",
)


def _says(judgment: Judgment, values: dict[str, Any]) -> bool:
    return all(getattr(judgment, field) == values[field] for field in _SAID)
