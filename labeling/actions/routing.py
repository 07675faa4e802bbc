"""Let a judge decide alone what it is sure of, and people the rest and a share of that too.

What is opened while a routing is on waits for the judge (labeling.models.routed), and no longer
once that has been silent for a quarter of an hour. Then it is the judge's, people's, or people's to
audit the judge, by a draw whose chance is kept. A rater meets each of the last two as any
comparison. A judge that was changed, or is told other guidelines, is another judge: its routing
ends. Locks go campaign, round, judge, call.
"""

import hashlib
import secrets
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labeling import audit, jobs, notify
from labeling.actions.ended import hold_campaign
from labeling.actions.judges import DRIVE, deal_of, held_judge
from labeling.actions.rounds import deal_in
from labeling.errors import ConflictError, refused
from labeling.metrics.judge_calibration import Curve
from labeling.metrics.judge_routing import (
    ALARM,
    CUTS,
    LEAST_DECIDED,
    LEAST_TOGETHER,
    shortfall,
)
from labeling.models import (
    AuditEvent,
    Campaign,
    Judge,
    Round,
    RoutedComparison,
    Routing,
    User,
    judge_queue,
    laying,
    routed,
)
from labeling.models.routed import Ripe
from labeling.queries.judges import audited, expected_of

LEAST_AUDIT: Final = 0.05
ALARMED: Final = "routing.fell_short"
HANDED_BACK: Final = "routing.handed_back"
OUTDATED: Final = "routing.outdated"
To = RoutedComparison.To


@dataclass(frozen=True)
class Routed:
    """How many comparisons went where, and how many calls the judge was asked anew."""

    judge: int = 0
    people: int = 0
    audit: int = 0
    asked: int = 0

    @property
    def count(self) -> int:
        """How many were routed."""
        return self.judge + self.people + self.audit


@transaction.atomic(durable=True)
def switch_on(
    *, campaign: Campaign, judge: Judge, cut: float, audit_share: float, by: User | None
) -> Routing:
    """From now on the judge decides alone what is expected to be right with at least `cut`.

    What is expected is what the newest report says of the judge, and is kept with the routing.
    Refused without 100 items judged by both and 20 of them such as it would decide, and with less
    than 5 % of its decisions audited. It holds for the judge as it is: see `route_waiting`.
    """
    campaign = hold_campaign(campaign)
    if not LEAST_AUDIT <= audit_share <= 1:
        raise refused("audit_share", "At least 5 %: without people nobody knows whether it holds.")
    if cut not in CUTS:
        raise refused("cut", "From 0.5 to 1, in steps of 0.05.")
    held = held_judge(judge.pk)
    if held is None or held.campaign_id != campaign.pk or held.state != Judge.State.ACTIVE:
        raise ConflictError("This judge does not work now. Start it first.")
    expected = expected_of(campaign, held, cut=cut, audit_share=audit_share)
    if expected is None:
        raise ConflictError(
            "No report has weighed this judge against people yet. Compute the report again."
        )
    key = deal_of(held).key
    if expected["rubric_key"] != key.hex():
        raise ConflictError(
            "The judge or its guidelines changed since the newest report, which weighs the judge as"
            " it was. Have it rate again, then compute the report again."
        )
    if expected["n"] < LEAST_TOGETHER:
        raise ConflictError(
            f"{expected['n']} items were judged by both this judge and people; {LEAST_TOGETHER} are"
            " needed to say how right it is."
        )
    if expected["calibration"] is None or expected["judge_accuracy"]["value"] is None:
        raise ConflictError("The judge is this sure of no item, so it would decide nothing.")
    decided = expected["judge_accuracy"]["n"]
    if decided < LEAST_DECIDED or expected["judge_accuracy"]["low"] is None:
        raise ConflictError(
            f"The judge is this sure of {decided} items that people judged too; {LEAST_DECIDED} are"
            " needed to promise how right it is. Choose a lower figure, or have it rate more."
        )
    try:
        with transaction.atomic():
            routing = Routing.objects.create(
                campaign=campaign,
                judge=held,
                cut=cut,
                audit_share=audit_share,
                expected=expected,
                rubric_key=key,
                seed=secrets.randbits(62),
                created_by=by,
            )
    except IntegrityError:
        raise ConflictError("A judge decides here already. Switch it off first.") from None
    audit.record(
        "routing.switched_on",
        campaign=campaign,
        by=by,
        subject=routing.public_id,
        judge=held.name,
        cut=cut,
        audit_share=audit_share,
    )
    return routing


@transaction.atomic(durable=True)
def switch_off(*, routing: Routing, by: User | None) -> Routing:
    """People decide everything again; what waits goes to them. Safe to repeat."""
    Campaign.objects.select_for_update(no_key=True).get(pk=routing.campaign_id)
    held = Routing.objects.select_for_update(no_key=True).get(pk=routing.pk)
    if held.ended_at is None:
        held.ended_at = Now()
        held.save(update_fields=["ended_at"])
        held.refresh_from_db()
        audit.record("routing.switched_off", campaign=held.campaign, by=by, subject=held.public_id)
    return held


@transaction.atomic(durable=True)
def hand_back(*, routing: Routing, by: User | None) -> int:
    """Have people decide what the judge decided alone, in rounds that are open; how many.

    What the judge said of them stays as it is, since no judgment ever changes, and so does its
    expected accuracy: a row for people that has one at the cut or above was handed back.
    """
    campaign = hold_campaign(routing.campaign)
    held = Routing.objects.select_for_update(no_key=True).select_related("judge").get(pk=routing.pk)
    decided = RoutedComparison.objects.filter(
        routing=held, to=To.JUDGE, expected_accuracy__isnull=False
    )
    open_rounds = (
        Round.objects.select_for_update(no_key=True)
        .filter(campaign=campaign, state=Round.State.OPEN)
        .order_by("pk")
    )
    count = 0
    for round_ in open_rounds:
        rows = decided.filter(comparison__round=round_)
        if ids := sorted(rows.values_list("comparison_id", flat=True)):
            count += rows.update(to=To.PEOPLE, propensity=1)
            laying.raise_overlap(deal_in(campaign, round_), ids)
    if not count:
        raise ConflictError(
            "In no round that is open has the judge decided anything. A closed round stays as it"
            " is: ask for more by a new one."
        )
    audit.record(
        HANDED_BACK,
        campaign=campaign,
        by=by,
        subject=held.public_id,
        judge=held.judge.name,
        comparisons=count,
    )
    return count


@transaction.atomic(durable=True)
def route_waiting(*, campaign: Campaign) -> Routed:
    """Send a batch of what waited for the judge where it belongs, and ask it what it was not.

    Safe to repeat, and by several at once: all of it while the campaign is held. Where the judge is
    asked otherwise than when it was weighed, the routing ends, people get what waits and managers
    are told: nobody knows how right the changed one is.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    _end_outdated(campaign)
    rows = routed.ripe(campaign_id=campaign.pk)
    keys = {row.round_id for row in rows}
    rounds = {
        one.pk: one
        for one in Round.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    }
    routings = Routing.objects.in_bulk({row.routing_id for row in rows})
    decided = [_decide(row, routings[row.routing_id]) for row in rows]
    RoutedComparison.objects.bulk_update(decided, ["to", "expected_accuracy", "propensity"])
    to_lay: dict[int, list[int]] = defaultdict(list)
    for row, one in zip(rows, decided, strict=True):
        if one.to != To.JUDGE and rounds[row.round_id].state == Round.State.OPEN:
            to_lay[row.round_id].append(row.comparison_id)
    for round_id, ids in sorted(to_lay.items()):
        # What is missing: reviewers may have sent one of them to people already.
        laying.raise_overlap(deal_in(campaign, rounds[round_id]), ids)
    asked = _ask_first(campaign)
    counts = {to: sum(one.to == to for one in decided) for to in To}
    return Routed(counts[To.JUDGE], counts[To.PEOPLE], counts[To.AUDIT], asked)


@transaction.atomic(durable=True)
def watch_audit(*, routing: Routing) -> bool:
    """Tell managers when the audited share shows the judge right less often than was promised.

    Once for a routing, when the evidence reaches 20 (labeling.metrics.judge_routing.shortfall);
    nothing is switched off by itself. Whether they were told now.
    """
    held = Routing.objects.select_for_update(no_key=True).get(pk=routing.pk)
    told = AuditEvent.objects.filter(
        campaign=held.campaign_id, verb=ALARMED, subject=held.public_id
    )
    found = audited(held)
    promised = held.expected["judge_accuracy"]["low"]
    accuracy = found.estimate.value
    if (
        promised is None
        or accuracy is None
        or shortfall(found.right, promised) < ALARM
        or told.exists()
    ):
        return False
    figures: dict[str, Any] = {"found": f"{accuracy:.0%}", "promised": f"{promised:.0%}"}
    audit.record(
        ALARMED, campaign=held.campaign, subject=held.public_id, judge=held.judge.name, **figures
    )
    notify.tell(
        notify.managers_of(held.campaign),
        ALARMED,
        key=str(held.public_id),
        campaign=held.campaign,
        judge=held.judge.name,
        **figures,
    )
    return True


def _end_outdated(campaign: Campaign) -> None:
    routing = Routing.objects.filter(campaign=campaign, ended_at=None).first()
    judge = held_judge(routing.judge_id) if routing else None
    if routing is None or judge is None or deal_of(judge).key == bytes(routing.rubric_key):
        return
    routing.ended_at = Now()
    routing.save(update_fields=["ended_at"])
    audit.record(OUTDATED, campaign=campaign, subject=routing.public_id, judge=judge.name)
    notify.tell(
        notify.managers_of(campaign),
        OUTDATED,
        key=str(routing.public_id),
        campaign=campaign,
        judge=judge.name,
    )


def _decide(row: Ripe, routing: Routing) -> RoutedComparison:
    """Where a comparison goes; without a verdict, or after the end of the routing, to people."""
    to, expected, propensity = To.PEOPLE, None, 1.0
    if row.is_on and row.preference is not None and row.confidence is not None:
        expected = _expected(routing, row.confidence, row.preference)
        if expected >= routing.cut:
            is_audited = _draw(row.public_id, routing.seed) < routing.audit_share
            to = To.AUDIT if is_audited else To.JUDGE
            propensity = routing.audit_share if is_audited else 1 - routing.audit_share
    return RoutedComparison(
        pk=row.routed_id, to=to, expected_accuracy=expected, propensity=propensity
    )


def _expected(routing: Routing, confidence: float, preference: str) -> float:
    curve: dict[str, Any] = routing.expected["calibration"]
    return Curve(**curve).of_one(confidence, is_tie=preference in ("tie", "both_bad"))


def _draw(public_id: UUID, seed: int) -> float:
    """A number from 0 to 1 that the seed alone gives again, from a random public id."""
    digest = hashlib.sha256(f"{public_id}:audit:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _ask_first(campaign: Campaign) -> int:
    """Ask the judge of the routing that is on what waits for it and it was never asked."""
    routing = Routing.objects.filter(campaign=campaign, ended_at=None).first()
    if routing is None:
        return 0
    ids = routed.unasked(routing_id=routing.pk, judge_id=routing.judge_id)
    judge = held_judge(routing.judge_id) if ids else None
    if judge is None or judge.state == Judge.State.RETIRED:
        return 0
    calls = judge_queue.ask_first(deal_of(judge), ids)
    if judge.state == Judge.State.ACTIVE:
        jobs.enqueue(DRIVE, judge.pk)
    return calls
