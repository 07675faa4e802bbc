"""Raters by the joint model: how often each names the better answer, on the whole and over time."""

from datetime import date
from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.joint_cells import logistic
from labeling.metrics.joint_model import JointFit, said_for_a
from labeling.metrics.votes import B, Floats, Ints, Votes

UNIT: Final = "votes that chose a side"
INTERVAL: Final = "joint model, observed information on the logit scale"
NO_SIDES: Final = "This rater chose no side yet."
NO_OTHERS: Final = "Nobody else chose a side on this rater's items."
# A stretch of time with fewer votes has no figure of its own.
LEAST_VOTES: Final = 10
MOST_PERIODS: Final = 12
# What a rater is on the whole counts for so many votes in each stretch of time.
_WEIGHT: Final = 4.0
_STEPS: Final = 6
_LONG_DAYS: Final = 7 * MOST_PERIODS
_DAY: Final = 86_400


def reliabilities(fit: JointFit) -> list[Estimate]:
    """Each rater's chance of naming the better answer, sides and lengths being even."""
    low = logistic(fit.ability - Z95 * fit.ability_error)
    high = logistic(fit.ability + Z95 * fit.ability_error)
    value = fit.reliability
    rows = []
    for k, (n, shared) in enumerate(zip(fit.votes, fit.shared_votes, strict=True)):
        if shared:
            rows.append(
                Estimate(float(value[k]), float(low[k]), float(high[k]), int(n), UNIT, INTERVAL)
            )
        else:
            rows.append(Estimate.undefined(NO_OTHERS if n else NO_SIDES, unit=UNIT, n=int(n)))
    return rows


def histories(
    fit: JointFit, votes: Votes, judged_at: Ints, better_a: Floats
) -> dict[int, list[dict[str, Any]]]:
    """For each rater their reliability by week, or by month where votes span a longer time.

    Of raters with two such stretches or more of `LEAST_VOTES` votes; the newest `MOST_PERIODS`.
    `judged_at` is each vote's second, or -1, and `better_a` the fit's word on each item by the
    votes. Each vote is held against all others on its item.
    """
    dated = votes.preference <= B
    dated &= judged_at >= 0
    sided, moments = votes.select(dated), judged_at[dated]
    if not len(sided):
        return {}
    period, begins = _periods(moments)
    better = np.clip(better_a, 1e-12, 1 - 1e-12)
    logit = (np.log(better) - np.log1p(-better))[sided.item]
    said = said_for_a(fit, sided)
    # By all but the vote itself: how likely the named side is the better one.
    named = logistic(np.where(sided.preference == 0, 1.0, -1.0) * (logit - said))
    cell = sided.rater.astype(np.int64) * len(begins) + period
    n = np.bincount(cell, minlength=len(votes.raters) * len(begins))
    usual = np.repeat(fit.reliability, len(begins))
    value = usual.copy()
    for _ in range(_STEPS):
        right = value[cell] * named
        right /= right + (1 - value[cell]) * (1 - named)
        value = (np.bincount(cell, right, len(n)) + _WEIGHT * usual) / (n + _WEIGHT)
    chance = value[cell] * named + (1 - value[cell]) * (1 - named)
    seen = np.bincount(cell, ((2 * named - 1) / chance) ** 2, len(n))
    # On the logit scale, the weight of the whole being votes of known truth.
    spread = value * (1 - value)
    error = 1 / np.sqrt(seen * spread**2 + _WEIGHT * spread)
    return _rows(n, value, error, begins)


def _periods(moments: Ints) -> tuple[Ints, list[date]]:
    """Each moment's stretch of time, and the first day of every stretch, in order."""
    seconds = moments.astype(np.int64)
    if int(seconds.max() - seconds.min()) > _LONG_DAYS * _DAY:
        starts = seconds.astype("datetime64[s]").astype("datetime64[M]").astype("datetime64[D]")
    else:
        # The first of January 1970 was a Thursday; weeks begin on Mondays.
        monday = (seconds // _DAY + 3) // 7 * 7 - 3
        starts = monday.astype("datetime64[D]")
    distinct, place = np.unique(starts, return_inverse=True)
    return place, [day.item() for day in distinct]


def _rows(
    n: Ints, value: Floats, error: Floats, begins: list[date]
) -> dict[int, list[dict[str, Any]]]:
    logit = np.log(value) - np.log1p(-value)
    low, high = logistic(logit - Z95 * error), logistic(logit + Z95 * error)
    by_rater: dict[int, list[dict[str, Any]]] = {}
    for cell in np.flatnonzero(n >= LEAST_VOTES):
        rater, period = divmod(int(cell), len(begins))
        by_rater.setdefault(rater, []).append(
            {
                "since": begins[period].isoformat(),
                "value": round(float(value[cell]), 4),
                "low": round(float(low[cell]), 4),
                "high": round(float(high[cell]), 4),
                "n": int(n[cell]),
            }
        )
    return {rater: rows[-MOST_PERIODS:] for rater, rows in by_rater.items() if len(rows) > 1}
