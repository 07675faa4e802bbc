"""What is known of a campaign's LLM judges: for the report, for a routing, and for their page."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from labeling.metrics.estimates import Estimate
from labeling.metrics.judge_routing import audited_accuracy
from labeling.metrics.judges import JudgeContext, JudgeFacts
from labeling.metrics.votes import Votes
from labeling.models import (
    Campaign,
    Judge,
    JudgeVerdict,
    Report,
    Round,
    RoutedComparison,
    Routing,
)
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL
from labeling.policy import read_policy
from labeling.queries.demographics import smallest_shown
from labeling.queries.judge_questions import question_of
from labeling.queries.voter_groups import noted_groups

HOUR_MS = 3_600_000
# Answered calls behind verdicts that stand, under the question that each judge is asked now.
_CALLS = """
SELECT v.judge_id, k.comparison_id, (k.shown_left = 'b')::int,
  CASE k.preference WHEN 'a' THEN 0 WHEN 'b' THEN 2 ELSE 1 END
FROM labeling_judgeverdict v
JOIN unnest(%(judges)s::bigint[], %(keys)s::bytea[]) AS now (judge_id, key)
  ON now.judge_id = v.judge_id AND now.key = v.rubric_key
JOIN labeling_judgecall k ON k.judge_id = v.judge_id AND k.comparison_id = v.comparison_id
  AND k.rubric_key = v.rubric_key AND k.state = 'answered'
WHERE NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = v.judgment_id)
  AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = v.judgment_id)
ORDER BY k.id
"""
# Audited comparisons whose people are done: nothing is open or held. In the order they came.
_AUDITED = f"""
SELECT x.propensity, o.preference, n.a, n.tie, n.b
FROM labeling_routedcomparison x
JOIN labeling_routing g ON g.id = x.routing_id
JOIN labeling_comparison c ON c.id = x.comparison_id
JOIN LATERAL (
  SELECT o.preference FROM labeling_judgeverdict v JOIN labeling_judgment o ON o.id = v.judgment_id
  WHERE v.judge_id = g.judge_id AND v.comparison_id = c.id AND v.rubric_key = g.rubric_key
    AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = o.id)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = o.id)
  ORDER BY v.id DESC LIMIT 1) o ON true
JOIN LATERAL (
  SELECT count(*) FILTER (WHERE j.preference = 'a') AS a,
    count(*) FILTER (WHERE j.preference IN ('tie', 'both_bad')) AS tie,
    count(*) FILTER (WHERE j.preference = 'b') AS b
  FROM labeling_judgment j JOIN labeling_rater r ON r.id = j.rater_id AND r.kind = 'human'
  WHERE j.comparison_id = c.id AND NOT j.is_repeat
    AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = j.id)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
    AND NOT {LEFT_OUT_SQL}) n ON n.a + n.tie + n.b > 0
WHERE x.routing_id = %(routing)s AND x."to" = 'audit' AND NOT {LEFT_OUT_COMPARISON_SQL}
  AND NOT EXISTS (SELECT FROM labeling_assignment a
    WHERE a.comparison_id = c.id AND a.ordinal IS NOT NULL AND a.ended_at IS NULL)
ORDER BY x.id
"""  # noqa: S608


def judge_context(
    campaign: Campaign, votes: Votes, *, is_judge: Sequence[bool], rater_keys: Sequence[int]
) -> JudgeContext:
    """What a report needs of judges, beside the votes; nothing is read where there is no judge."""
    if not any(is_judge):
        return JudgeContext()
    policy = read_policy(campaign.policy)
    timed = votes.active_ms[(votes.active_ms >= 0) & ~np.asarray(is_judge)[votes.rater]]
    cost = None
    if policy.pay_per_hour is not None and len(timed):
        cost = float(np.median(timed)) / HOUR_MS * policy.pay_per_hour
    return JudgeContext(
        facts=_facts(campaign, rater_keys),
        groups=noted_groups(campaign, rater_keys),
        smallest_group=smallest_shown(policy),
        panel=campaign.overlap,
        person_cost=cost,
    )


def _facts(campaign: Campaign, rater_keys: Sequence[int]) -> dict[int, JudgeFacts]:
    """By the judge's place among the voters; judges of imported files have none."""
    judges = {
        judge.pk: judge
        for judge in Judge.objects.filter(campaign=campaign, rater__in=list(rater_keys))
        .select_related("campaign", "endpoint")
        .order_by("pk")
    }
    keys = {pk: question_of(judge).question.key for pk, judge in judges.items()}
    sure: dict[int, dict[int, float]] = defaultdict(dict)
    standing = JudgeVerdict.objects.filter(
        judge__in=judges, judgment__superseded_by=None, judgment__withdrawal=None
    ).order_by("pk")
    counts: dict[int, int] = defaultdict(int)
    weighed: dict[int, set[int]] = defaultdict(set)
    handed_on = Exists(RoutedComparison.objects.filter(comparison=OuterRef("comparison")))
    rows = standing.annotate(is_routed=handed_on).values_list(
        "judge_id", "comparison_id", "confidence", "rubric_key", "is_routed"
    )
    for judge_id, comparison_id, confidence, key, is_routed in rows.iterator(chunk_size=20_000):
        counts[judge_id] += 1
        if is_routed or bytes(key) != keys[judge_id]:
            continue
        weighed[judge_id].add(comparison_id)
        if confidence is not None:
            sure[judge_id][comparison_id] = confidence
    calls: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, {"judges": list(keys), "keys": list(keys.values())})
        for judge_id, *call in cursor.fetchall():
            calls[judge_id].append((call[0], call[1], call[2]))
    place = {key: k for k, key in enumerate(rater_keys)}
    return {
        place[judge.rater_id]: JudgeFacts(
            name=judge.name,
            judge_id=str(judge.public_id),
            model=judge.endpoint.model,
            persona=judge.persona,
            confidence=sure[pk],
            calls=np.array(calls[pk], dtype=np.int64).reshape(-1, 3),
            cost=float(judge.cost) if has_price(judge.endpoint.price) else None,
            currency=currency_of(judge.endpoint.price),
            verdict_count=counts[pk],
            rubric_key=keys[pk].hex(),
            weighed=frozenset(weighed[pk]),
        )
        for pk, judge in judges.items()
    }


def has_price(price: Mapping[str, Any]) -> bool:
    """Whether an endpoint says what its tokens cost."""
    return any(name != "currency" for name in price)


def currency_of(price: Mapping[str, Any]) -> str:
    """The currency of an endpoint's price."""
    return str(price.get("currency", "")).upper()


def judge_row(report: Report | None, judge: Judge) -> dict[str, Any] | None:
    """What a report says of the judge, if it does."""
    rows: list[dict[str, Any]] = report.body["judges"] if report else []
    return next((row for row in rows if row.get("judge") == str(judge.public_id)), None)


def point_of(row: Mapping[str, Any], cut: float) -> Mapping[str, Any] | None:
    """The report's expectation where the judge decides what it is at least this sure of."""
    points: list[dict[str, Any]] = row["routing"]["points"]
    return next((one for one in points if abs(one["cut"] - cut) < 1e-9), None)


def expected_of(
    campaign: Campaign, judge: Judge, *, cut: float, audit_share: float
) -> dict[str, Any] | None:
    """What is to be expected of such a routing by the newest report; None where it cannot say."""
    report = campaign.reports.order_by("-computed_at").first()
    row = judge_row(report, judge)
    if report is None or row is None:
        return None
    point = point_of(row, cut) or {
        name: {"value": None} for name in ("share", "accuracy", "judge_accuracy")
    }
    return {
        "report": str(report.public_id),
        "rubric_key": row.get("rubric_key", ""),
        "n": row["routing"]["n"],
        "panel": row["routing"]["panel"],
        "share": point["share"],
        "accuracy": point["accuracy"],
        "judge_accuracy": point["judge_accuracy"],
        "people": row["routing"]["people"],
        "judge": row["routing"]["judge"],
        "calibration": row["calibration"]["curve"],
        "cost": costs_of(campaign, row, point, audit_share=audit_share),
    }


def costs_of(
    campaign: Campaign, row: Mapping[str, Any], point: Mapping[str, Any], *, audit_share: float
) -> dict[str, Any]:
    """What a thousand comparisons cost, with the judge and by people alone; None where unknown.

    People get what the judge does not decide, and the audited share of what it does.
    """
    person = row["equal_accuracy"]["person_cost"]
    judge, share = row["cost"]["value"], point["share"]["value"]
    currency = read_policy(campaign.policy).currency
    alone = None if person is None else 1000 * row["routing"]["panel"] * person
    mixed = None
    is_alike = row["cost"]["currency"] in ("", currency)
    if is_alike and alone is not None and judge is not None and share is not None:
        mixed = 1000 * judge + alone * (1 - share * (1 - audit_share))
    return {"with_judge": mixed, "people_alone": alone, "currency": currency}


@dataclass(frozen=True)
class Audited:
    """The comparisons of a routing that people judged to audit the judge, in order."""

    right: list[float]
    propensity: list[float]

    @property
    def estimate(self) -> Estimate:
        """How right the judge is where it decides alone."""
        return audited_accuracy(self.right, self.propensity)


def audited(routing: Routing) -> Audited:
    """What the audit of the routing has found: a tied majority gives each of its answers a part."""
    found = Audited([], [])
    with connection.cursor() as cursor:
        cursor.execute(_AUDITED, {"routing": routing.pk})
        for propensity, preference, a, tie, b in cursor.fetchall():
            counts = {"a": a, "tie": tie, "b": b}
            said = "tie" if preference == "both_bad" else preference
            modes = [name for name, count in counts.items() if count == max(counts.values())]
            found.right.append(1 / len(modes) if said in modes else 0.0)
            found.propensity.append(propensity)
    return found


@dataclass(frozen=True)
class RoutingState:
    """A routing that is on: where its comparisons went, and what the audit has found."""

    routing: Routing
    judge: int
    people: int
    audit: int
    waiting: int
    audited: Audited


def routing_state(campaign: Campaign) -> RoutingState | None:
    """The routing that is on, if one is."""
    routing = (
        Routing.objects.filter(campaign=campaign, ended_at=None).select_related("judge").first()
    )
    if routing is None:
        return None
    rows = RoutedComparison.objects.filter(routing=routing)
    waits = Q(to=RoutedComparison.To.JUDGE, expected_accuracy=None)

    def count(to: str) -> int:
        return rows.exclude(waits).filter(to=to).count()

    return RoutingState(
        routing,
        judge=count("judge"),
        people=count("people"),
        audit=count("audit"),
        waiting=rows.filter(waits).count(),
        audited=audited(routing),
    )


def to_hand_back(campaign: Campaign) -> list[tuple[Routing, int]]:
    """Routings by which a judge decided what people may still decide, and how much, newest last."""
    decided = Q(
        comparisons__to=RoutedComparison.To.JUDGE,
        comparisons__expected_accuracy__isnull=False,
        comparisons__comparison__round__state=Round.State.OPEN,
    )
    routings = (
        Routing.objects.filter(campaign=campaign)
        .annotate(decided=Count("comparisons", filter=decided))
        .filter(decided__gt=0)
    )
    rows = routings.select_related("judge").order_by("pk")
    return [(routing, routing.decided) for routing in rows]


def routings_on() -> QuerySet[Routing]:
    """Routings that are on, in campaigns that are not archived."""
    return (
        Routing.objects.filter(ended_at=None)
        .exclude(campaign__state=Campaign.State.ARCHIVED)
        .select_related("campaign", "judge")
        .order_by("pk")
    )


def campaigns_with_routing() -> QuerySet[Campaign]:
    """Campaigns in which a judge decides, or something waits for one that was switched off."""
    waits = RoutedComparison.objects.filter(to=RoutedComparison.To.JUDGE, expected_accuracy=None)
    return (
        Campaign.objects.filter(
            Q(routings__ended_at=None, routings__isnull=False)
            | Q(routings__in=waits.values("routing"))
        )
        .exclude(state=Campaign.State.ARCHIVED)
        .distinct()
        .order_by("pk")
    )
