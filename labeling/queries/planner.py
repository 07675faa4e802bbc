"""What a campaign's own numbers suggest for a plan, and what stopping it now would mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.utils import timezone

from labeling.metrics.planning import Study
from labeling.metrics.power import design_effect
from labeling.metrics.stopping_now import intervals_left
from labeling.models import Campaign, Report, Seat
from labeling.queries.plan import plan_of
from labeling.queries.progress import pace
from labeling.queries.readiness import setup_of


@dataclass(frozen=True)
class Known:
    """A study as the campaign's numbers suggest it, and where each of them comes from."""

    study: Study
    currency: str
    seconds_from: str
    item_effects: Mapping[str, Any] | None
    per_day: float | None
    # Points between the two models that are nearest to each other, and their names.
    closest: tuple[float, str, str] | None


def known_of(campaign: Campaign, report: Report | None) -> Known:
    """What the settings and the newest report say; assumptions where neither says anything."""
    body = report.body if report else {}
    setup = setup_of(campaign)
    plan = plan_of(setup, campaign=campaign)
    effects = body.get("planning", {}).get("item_effects")
    sd = effects["value"] if effects else None
    counts = body.get("counts", {})
    answered = sum(counts.get(name, 0) for name in ("a", "b", "tie", "both_bad"))
    ties = (counts["tie"] + counts["both_bad"]) / answered if answered else 0.0
    now = pace(body or None, timezone.now(), 0)
    pay = setup.policy.pay_per_hour
    raters = Seat.objects.filter(campaign=campaign, is_active=True, rater__kind="human").count()
    board = body.get("leaderboard", [])
    gaps = [
        (above["elo"] - below["elo"], above["model"], below["model"])
        for above, below in pairwise(board)
    ]
    study = Study(
        models=min(max(plan.model_count, 2), 200),
        overlap=min(setup.overlap, 15),
        raters=max(raters, 1),
        item_sd=1.0 if sd is None else min(round(sd, 1), 3.0),
        seconds=max(round(plan.seconds), 1),
        price=None if pay is None else round(pay * plan.seconds / 3600, 2),
        ties=min(round(ties, 2), 0.9),
    )
    return Known(
        study=study,
        currency=setup.policy.currency,
        seconds_from=plan.seconds_from,
        item_effects=effects if sd is not None else None,
        per_day=now.per_day if now.is_current else None,
        closest=min(gaps, default=None),
    )


@dataclass(frozen=True)
class StoppingNow:
    """A running campaign, ended now or as planned: intervals and labels."""

    judged: int
    planned: int
    # Half of the middle 95 % interval on the board, in points.
    reach_now: float | None
    reach_planned: float | None
    # As in `labeling.metrics.stopping_now.labels_open`.
    open: Mapping[str, Any]
    days: float | None
    cost: float | None


def stopping_now(body: Mapping[str, Any], known: Known) -> StoppingNow | None:
    """What the newest report says of it; None where nothing is open or it is of an older kind."""
    open_ = body.get("planning", {}).get("open")
    if not open_ or not open_["judgments"]:
        return None
    counts = body["counts"]
    judged, planned = (
        counts["judgments_counted"],
        counts["judgments_counted"] + open_["judgments"],
    )
    items = max(counts["items_counted"], 1)
    unseen = max(open_["unseen"], 0)
    sd = known.study.item_sd
    design = design_effect(0.5, sd, planned / (items + unseen)) / design_effect(
        0.5, sd, max(judged / items, 1.0)
    )
    halves = [(row["high"] - row["low"]) / 2 for row in body["leaderboard"]]
    now, then = intervals_left(halves, judged=judged, planned=planned, design=design)
    price = known.study.price
    return StoppingNow(
        judged=judged,
        planned=planned,
        reach_now=now,
        reach_planned=then,
        open=open_,
        days=open_["judgments"] / known.per_day if known.per_day else None,
        cost=None if price is None else open_["judgments"] * price,
    )
