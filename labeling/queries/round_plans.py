"""What a production round would ask for: how many comparisons, of which models, in what time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from django.db.models import Count

from labeling.errors import refused
from labeling.metrics.bradley_terry import ELO_PER_LOGIT
from labeling.metrics.estimates import Z95
from labeling.metrics.stopping import GOES_ON, STOP_RULES
from labeling.models import Campaign, Report, candidates
from labeling.pairing.allocation import Allotment, Candidates, allot
from labeling.pairing.ranking import Ranking
from labeling.pairing.settings import PairingSettings, Rule, read_pairing
from labeling.policy import read_policy
from labeling.queries.asked import judgments_asked

GIVEN = "given"
# Unless said: how many more than the overlap, and how sure. Evidence takes five votes alike at .80.
_GOING_ON = {"posterior": (2, 0.8), "evalue": (6, 0.9)}


@dataclass(frozen=True)
class RoundPlan:
    """What a production round asks for, checked: `count` comparisons, None as many as there are."""

    overlap: int
    # Judgments that one comparison is expected to take.
    each: int
    count: int | None
    budget: int | None
    stop_rule: str
    max_overlap: int | None
    stop_at: float | None


def plan_round(campaign: Campaign, asked: Mapping[str, Any]) -> RoundPlan:
    """What a production round would ask for; InvalidInputError names what cannot be."""
    overlap = asked.get("overlap") or campaign.overlap
    if not 1 <= overlap <= 100:
        raise refused("overlap", "It goes from 1 to 100.")
    stop_rule = asked.get("stop_rule") or "fixed"
    max_overlap, stop_at = asked.get("max_overlap"), asked.get("stop_at")
    if stop_rule not in STOP_RULES:
        raise refused("stop_rule", f"Write one of {', '.join(STOP_RULES)}.")
    if stop_rule not in GOES_ON:
        for field, value in (("max_overlap", max_overlap), ("stop_at", stop_at)):
            if value is not None:
                raise refused(field, 'Only the stop rules "posterior" and "evalue" have this.')
    else:
        further, sure = _GOING_ON[stop_rule]
        max_overlap = min(overlap + further, 100) if max_overlap is None else max_overlap
        stop_at = sure if stop_at is None else stop_at
        if not max(overlap, 2) <= max_overlap <= 100:
            raise refused("max_overlap", f"It goes from {max(overlap, 2)} to 100.")
        if not 0.5 < stop_at < 1:
            raise refused("stop_at", "It lies between 0.5 and 1.")
    budget, left = asked.get("budget"), None
    if (whole := read_policy(campaign.policy).budget) is not None:
        left = max(whole - judgments_asked(campaign), 0)
        if budget is not None and budget > left:
            raise refused("budget", f"The campaign's budget of {whole:,} leaves {left:,}.")
        budget = left if budget is None else budget
    # An item that may go on is planned at the middle of what it may come to.
    each = overlap if max_overlap is None else ceil((overlap + max_overlap) / 2)
    if budget is not None and budget < each:
        why = "" if left is None or budget < left else " That is what the campaign's budget leaves."
        raise refused("budget", f"{budget} is not enough for one comparison, {each}.{why}")
    count = None if budget is None else budget // each
    return RoundPlan(overlap, each, count, budget, stop_rule, max_overlap, stop_at)


def choose_pairs(
    campaign: Campaign,
    *,
    rule: Rule,
    settings: PairingSettings,
    count: int | None,
    overlap: int,
    seed: int,
    asked: Sequence[tuple[str, str, int]] = (),
) -> tuple[list[Allotment], Ranking, Report | None]:
    """How many comparisons of which models the rule would make, and the ranking it went by.

    `asked` are judgments between two models that are on their way: the rule counts on what they
    will tell.
    """
    found = [Candidates(lower, upper, n) for lower, upper, n in candidates.count(campaign)]
    report = campaign.reports.order_by("-computed_at").first()
    models = {name for one in found for name in (one.model_a, one.model_b) if name}
    bases = dict(campaign.trained_models.exclude(base="").values_list("name", "base"))
    ranking = Ranking.of_report(models, report.body if report else None, bases)
    place = {name: k for k, name in enumerate(ranking.models)}
    known = [
        (place[one], place[other], n)
        for one, other, n in asked
        if one in place and other in place and one != other
    ]
    if known:
        first, second, votes = (np.array(column) for column in zip(*known, strict=True))
        ranking = ranking.after(first, second, votes.astype(np.float64))
    made = allot(
        found,
        budget=count,
        rule=rule,
        settings=settings,
        ranking=ranking,
        overlap=overlap,
        seed=seed,
    )
    return made, ranking, report


def first_count(plan: RoundPlan, settings: PairingSettings, *, kept: int) -> int | None:
    """How many comparisons are chosen when the round opens: all, or those before it looks again."""
    if settings.every is not None and plan.budget is None:
        raise refused(
            "pairing_settings.every", "Give the round a budget: else it would never have enough."
        )
    left = None if plan.count is None else max(plan.count - kept, 0)
    if left is None or settings.every is None:
        return left
    return min(left, max(settings.every // plan.overlap, 1))


@dataclass(frozen=True)
class Forecast:
    """What opening a round would mean; None is what cannot be said yet."""

    comparisons: int
    judgments: int
    days: float | None
    per_day: float | None
    cost: float | None
    hours: float | None
    # Half the width of a typical 95 % interval on the Elo scale, now and afterwards.
    reach_now: float | None
    reach_after: float | None


def forecast(campaign: Campaign, asked: Mapping[str, Any], *, per_day: float | None) -> Forecast:
    """What a round with these fields would ask for; raises as opening it would."""
    plan = plan_round(campaign, asked)
    pairing = asked.get("pairing") or GIVEN
    kept = asked.get("keep") or 0
    if pairing == GIVEN:
        made, ranking, report = _given(campaign, plan)
    else:
        rule, settings = read_pairing(pairing, asked.get("pairing_settings") or {})
        # All of its budget, also where it will be chosen bit by bit.
        first_count(plan, settings, kept=kept)
        left = None if plan.count is None else max(plan.count - kept, 0)
        made, ranking, report = choose_pairs(
            campaign, rule=rule, settings=settings, count=left, overlap=plan.overlap, seed=1
        )
    comparisons = sum(row.count for row in made) + kept
    if plan.count is not None:
        comparisons = min(comparisons, plan.count)
    judgments = comparisons * plan.each
    hours = _hours_each(report)
    pay = read_policy(campaign.policy).pay_per_hour
    now, after = _reach(made, ranking, report, plan.each)
    return Forecast(
        comparisons=comparisons,
        judgments=judgments,
        days=judgments / per_day if per_day else None,
        per_day=per_day,
        cost=judgments * hours * pay if hours and pay else None,
        hours=judgments * hours if hours else None,
        reach_now=now,
        reach_after=after,
    )


def _given(campaign: Campaign, plan: RoundPlan) -> tuple[list[Allotment], Ranking, Report | None]:
    """What waits, as far as the budget goes, spread over models as it waits."""
    waiting = campaign.comparisons.waiting()
    rows = waiting.values_list(
        "completion_a__source__model", "completion_b__source__model"
    ).annotate(n=Count("pk"))
    found = [(*sorted((one or "", other or "")), n) for one, other, n in rows]
    total = sum(n for *_, n in found)
    share = 1.0 if plan.count is None or not total else min(plan.count / total, 1.0)
    made = [
        Allotment(Candidates(one, other, n), round(n * share), share) for one, other, n in found
    ]
    report = campaign.reports.order_by("-computed_at").first()
    models = {name for one, other, _ in found for name in (one, other) if name}
    return made, Ranking.of_report(models, report.body if report else None), report


def _hours_each(report: Report | None) -> float | None:
    """The mean over judgments of their rater's median focused time."""
    rows = [
        (row["median_active_ms"], row["judgment_count"])
        for row in (report.body["raters"] if report else [])
        if row["median_active_ms"] is not None
    ]
    total = sum(count for _, count in rows)
    return sum(ms * count for ms, count in rows) / total / 3_600_000 if total else None


def _reach(
    made: list[Allotment], ranking: Ranking, report: Report | None, each: int
) -> tuple[float | None, float | None]:
    """Half a typical interval now and with these votes: the middle one of the ranked models.

    The information of the votes says how much narrower it gets; how wide it is comes from the
    report, whose intervals allow for votes on one item being alike.
    """
    place = {name: k for k, name in enumerate(ranking.models)}
    rows = [
        (place[row.candidates.model_a], place[row.candidates.model_b], row.count * each)
        for row in made
        if row.candidates.is_between_known and row.count
    ]
    if not rows:
        return None, None
    first, second, votes = (np.array(column) for column in zip(*rows, strict=True))
    later = ranking.after(first, second, votes.astype(np.float64))
    then = np.sqrt(np.diag(later.covariance())) * Z95 * ELO_PER_LOGIT
    board = report.body["leaderboard"] if report else []
    reached = {row["model"]: (row["high"] - row["low"]) / 2 for row in board}
    if not reached:
        return None, float(np.median(then))
    known = [k for k, name in enumerate(ranking.models) if name in reached]
    now = np.sqrt(np.diag(ranking.covariance()))[known] * Z95 * ELO_PER_LOGIT
    shown = np.array([reached[ranking.models[k]] for k in known])
    wider = max(float(np.median(shown / now)), 1.0)
    return float(np.median(shown)), float(np.median(then[known])) * wider
