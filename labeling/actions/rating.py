"""What a rater does with a comparison they hold: submit, skip, revise; each safe to repeat."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from labeling import audit
from labeling.actions.claiming import PAUSED
from labeling.actions.qualification import (
    grade_practice,
    is_practice,
)
from labeling.errors import (
    ConflictError,
    EndedError,
    LeaseLostError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    ExcludedJudgment,
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
from labeling.queries.answering import shown_for
from labeling.schemas import (
    Answer,
    read_answer,
    read_schema,
    strength_of,
)
from labeling.telemetry import measured

# A comparison may be credited this much in every campaign, however short its leases are.
LEAST_MOST_SECONDS = 3600


@dataclass(frozen=True)
class Submission:
    """The standing judgment of an assignment, and whether this call made it."""

    judgment: Judgment
    is_new: bool
    # Of an item of the campaign's qualification: what was expected may be told.
    is_practice: bool = False


def submit_judgment(
    *, rater: Rater, assignment_id: uuid.UUID, answer: Any, campaign: Campaign | None = None
) -> Submission:
    """`judge_assignment` for a door that has only the assignment's id.

    With `campaign`, an assignment of another one is unknown.
    """
    assignment = _own_assignment(rater, assignment_id, campaign)
    return judge_assignment(rater=rater, assignment=assignment, answer=answer)


def judge_assignment(
    *, rater: Rater, assignment: Assignment, answer: Any, at: datetime | None = None
) -> Submission:
    """Complete the rater's assignment with `answer` (the API's body of a judgment, sides as shown).

    The answer that stands, again, returns the standing judgment. Any other is a ConflictError that
    says what is stored, one that stood before a revision too: a form left open in another tab must
    not seem to undo it. A late answer is taken until somebody else has claimed the assignment or
    it has ended. `at` is when a simulated rater is made to have decided; a person decides now.
    """
    if at is not None and not (rater.is_simulated and assignment.campaign.is_simulated):
        raise NotAllowedError("Only what a simulated rater says can be given another time.")
    if assignment.campaign.state == Campaign.State.ARCHIVED:
        _credit_lost(rater, assignment, _time_of(answer))
        raise EndedError("This campaign has ended; it takes no more answers.")
    decided = _decided(answer, assignment)
    public_id = uuid.uuid4()
    values = _as_stored(decided, assignment)
    parameters = {
        key: Jsonb(value) if isinstance(value, dict) else value for key, value in values.items()
    }
    try:
        made = queue.submit(
            parameters
            | {"assignment": assignment.pk, "rater": rater.pk, "public_id": public_id}
            | {"judged_at": at}
        )
    except IntegrityError:
        # A late answer, while another tab of the rater took the comparison anew.
        made = None
    practised = is_practice(assignment)
    if made is not None:
        if practised:
            grade_practice(rater=rater, campaign=assignment.campaign)
        judgment = _stored(assignment, rater, public_id, values | made)
        return Submission(judgment, is_new=True, is_practice=practised)
    judgments = Judgment.objects.filter(assignment=assignment, rater=rater)
    standing = judgments.select_related("assignment").order_by("-pk").first()
    if standing is None:
        _credit_lost(rater, assignment, values["active_ms"])
        raise LeaseLostError(
            "The time for this comparison ran out and it has gone to another rater."
        )
    if _says(standing, values):
        return Submission(standing, is_new=False, is_practice=practised)
    shown = assignment.side(standing.preference).replace("_", " ")
    raise ConflictError(
        f"You have already judged this comparison: “{shown}” is stored. Undo it to change it."
    )


@transaction.atomic(durable=True)
def _credit_lost(rater: Rater, assignment: Assignment, active_ms: int | None) -> None:
    """Keep the time of what came too late to be taken: it was worked all the same.

    Once for a rater and an assignment, however often the page sends it again, and never beside the
    time of a judgment or a skip.
    """
    Rater.objects.select_for_update(no_key=True).get(pk=rater.pk)
    told = AuditEvent.objects.filter(
        campaign=assignment.campaign_id,
        rater=rater,
        verb__in=["assignment.lost", "assignment.skipped"],
        subject=assignment.public_id,
        details__has_key="active_ms",
    )
    judged = Judgment.objects.filter(assignment=assignment, rater=rater)
    if active_ms and not told.exists() and not judged.exists():
        audit.record(
            "assignment.lost",
            campaign=assignment.campaign,
            by=rater,
            subject=assignment.public_id,
            active_ms=_countable(assignment, active_ms),
        )


def credit_refused(*, user: User, assignment_id: uuid.UUID, active_ms: Any) -> None:
    """Keep the time of an answer or a skip that its rater's pause refuses. Safe to repeat.

    The time is what a page or a program said; nothing is kept of one that cannot be read, nor of
    what is not the user's own.
    """
    own = Q(rater__user=user) | Q(lapsed_from__user=user)
    found = Assignment.objects.filter(own, public_id=assignment_id)
    assignment = found.select_related("campaign", "rater", "lapsed_from").first()
    if assignment is None:
        return
    said = measured({"active_ms": active_ms}).get("active_ms")
    for rater in (assignment.rater, assignment.lapsed_from):
        if rater is not None and rater.user_id == user.pk:
            _credit_lost(rater, assignment, said)


@transaction.atomic(durable=True)
def record_refusal(*, user: User, subject: uuid.UUID) -> None:
    """Note that someone answered what is not theirs, or is over; what they sent is not kept."""
    audit.record("judgment.refused", by=user, subject=subject)


def skip_assignment(
    *,
    rater: Rater,
    assignment_id: uuid.UUID,
    reason: str,
    active_ms: int | None = None,
    campaign: Campaign | None = None,
) -> None:
    """Give the comparison back, for good: this rater does not meet it again. Safe to repeat.

    The time spent on it (`active_ms`) is credited, late as well. With `campaign`, an assignment of
    another one is unknown.
    """
    assignment = _own_assignment(rater, assignment_id, campaign)
    # A transaction of its own: what is credited below stays although the skip is refused.
    with transaction.atomic(durable=True):
        is_skipped = queue.skip(
            assignment_id=assignment.pk,
            rater_id=rater.pk,
            reason=reason[:200],
            active_ms=_countable(assignment, active_ms),
        )
    if is_skipped:
        return
    assignment.refresh_from_db()
    if assignment.rater_id == rater.pk and assignment.outcome == "skipped":
        return
    _credit_lost(rater, assignment, active_ms)
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
    # Held, so that whoever leaves a rater's judgments out sees this revision, or is seen by it.
    seats = Seat.objects.select_for_update(no_key=True).filter(rater=rater, is_active=True)
    if seats.filter(campaign=assignment.campaign).first() is None:
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
    # What was left out stays so, however its rater changes it.
    ExcludedJudgment.objects.bulk_create(
        ExcludedJudgment(exclusion_id=key, judgment=revised)
        for key in standing.exclusions.values_list("exclusion", flat=True)
    )
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


def _time_of(answer: Any) -> int | None:
    """The milliseconds of attention that an unread answer says it took."""
    client = answer.get("client") if isinstance(answer, Mapping) else None
    return measured(client).get("active_ms") if isinstance(client, Mapping) else None


def _countable(assignment: Assignment, active_ms: int | None) -> int | None:
    """What a page or a program says it took, as far as one comparison may take it.

    When it was taken up is not kept, as leases are renewed; so: a lease and the time to change an
    answer, an hour at least.
    """
    campaign = assignment.campaign
    most = max(campaign.lease_seconds + campaign.revise_seconds, LEAST_MOST_SECONDS) * 1000
    return None if active_ms is None else min(active_ms, most)


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
        "active_ms": _countable(assignment, client.get("active_ms")),
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
