"""Each rater's leaning to length and to a side, drawn towards the pool by what chance explains."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.bias import LENGTH_MARGIN
from labeling.metrics.estimates import Z95, Estimate, clustered_proportion
from labeling.metrics.votes import UNKNOWN, A, B, Bools, Floats, Ints, Votes

_UNIT: Final = "decisive votes"
# A rater with fewer is not part of what is usual.
LEAST: Final = 5
MOST_DRIVERS: Final = 3
# Chance's own variance of one vote is never taken for none.
_LEAST_NOISE: Final = 0.01
_FEW: Final = f"There are no two raters with {LEAST} such votes or more."
_NO_DRIVERS: Final = "Nobody leans further than the others."
_NONE_LEFT: Final = "Without them no such vote is left."


@dataclass(frozen=True, eq=False, slots=True)
class Shrunken:
    """Shares of all raters, each with its limits; not a number where a rater has no vote."""

    value: Floats
    low: Floats
    high: Floats
    n: Ints
    pool: float


def leanings(votes: Votes) -> dict[str, Any]:
    """Raters by how far they lean to the longer answer, and the effect without the foremost.

    `drivers` lean further than the pool in the direction in which it leans, beyond chance.
    """
    rows, longer = _longer(votes)
    lengths = shrunken(*_counts(votes, rows, longer))
    known = votes.is_decisive & (votes.shown_left != UNKNOWN)
    sides = shrunken(*_counts(votes, known, votes.preference == votes.shown_left))
    order = np.argsort(-np.nan_to_num(np.abs(lengths.value - lengths.pool), nan=-1), kind="stable")
    listed = [int(k) for k in order if lengths.n[k] or sides.n[k]]
    drivers = _drivers(lengths)
    return {
        "raters": [
            {"rater": votes.raters[k], "longer": _row(lengths, k), "left": _row(sides, k)}
            for k in listed
        ],
        "drivers": [votes.raters[k] for k in drivers],
        "without_drivers": _without(votes, rows, longer, drivers).as_json() | {"no_effect": 0.5},
    }


def shrunken(hits: Ints, n: Ints) -> Shrunken:
    """Every rater's share drawn towards the mean of the pool by as much as chance explains.

    Efron and Morris (1975), Data analysis using Stein's estimator and its generalizations; how far
    raters truly differ by the moments of DerSimonian and Laird (1986), Meta-analysis in clinical
    trials. The limits allow for the pool's mean being estimated, too (Morris 1983, Parametric
    empirical Bayes inference): where chance explains all, a rater's are those of the pool.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = hits / n
    many = n >= LEAST
    total = int(n.sum())
    middle = float(hits.sum() / total) if total else 0.5
    between = 0.0
    error = middle * (1 - middle) / max(total, 1)
    if np.count_nonzero(many) > 1:
        unit = max(middle * (1 - middle), _LEAST_NOISE)
        weights = n[many] / unit
        mean = float(weights @ shares[many] / weights.sum())
        spread = float(weights @ (shares[many] - mean) ** 2) - (len(weights) - 1)
        room = float(weights.sum() - (weights**2).sum() / weights.sum())
        between = max(spread / room, 0.0) if room > 0 else 0.0
        # Each rater weighs the same in what is usual, but for what chance blurs.
        even = 1 / (between + 1 / weights)
        middle = float(even @ shares[many] / even.sum())
        error = 1 / float(even.sum())
    with np.errstate(invalid="ignore", divide="ignore"):
        noise = max(middle * (1 - middle), _LEAST_NOISE) / n
        kept = between / (between + noise)
        value = np.where(n > 0, middle + kept * (shares - middle), np.nan)
        reach = Z95 * np.sqrt(kept * noise + (1 - kept) ** 2 * error)
    return Shrunken(
        value, np.maximum(value - reach, 0.0), np.minimum(value + reach, 1.0), n, middle
    )


def _longer(votes: Votes) -> tuple[Bools, Bools]:
    """Which votes chose between a longer and a shorter answer, and which the longer."""
    a, b = votes.item_length_a[votes.item], votes.item_length_b[votes.item]
    rows = votes.is_decisive & (a >= 0) & (b >= 0) & (np.abs(a - b) > LENGTH_MARGIN)
    longer: Bools = votes.preference == np.where(a > b, A, B)
    return rows, longer


def _counts(votes: Votes, rows: Bools, hits: Bools) -> tuple[Ints, Ints]:
    size = len(votes.raters)
    return (
        np.bincount(votes.rater[rows & hits], minlength=size),
        np.bincount(votes.rater[rows], minlength=size),
    )


def _row(of: Shrunken, k: int) -> dict[str, Any]:
    if not of.n[k]:
        return Estimate.undefined("No such vote of this rater.", unit=_UNIT).as_json()
    return Estimate(
        float(of.value[k]),
        float(of.low[k]),
        float(of.high[k]),
        int(of.n[k]),
        _UNIT,
        "shrunken towards the pool (empirical Bayes)",
    ).as_json()


def _drivers(lengths: Shrunken) -> list[int]:
    if np.count_nonzero(lengths.n >= LEAST) < 3:
        return []
    if lengths.pool >= 0.5:
        leads = np.flatnonzero((lengths.n >= LEAST) & (lengths.low > lengths.pool))
        order = leads[np.argsort(-lengths.value[leads], kind="stable")]
    else:
        leads = np.flatnonzero((lengths.n >= LEAST) & (lengths.high < lengths.pool))
        order = leads[np.argsort(lengths.value[leads], kind="stable")]
    return [int(k) for k in order[:MOST_DRIVERS]]


def _without(votes: Votes, rows: Bools, longer: Bools, drivers: Sequence[int]) -> Estimate:
    if not drivers:
        return Estimate.undefined(_NO_DRIVERS, unit=_UNIT)
    kept = rows & ~np.isin(votes.rater, drivers)
    return clustered_proportion(
        votes.item[kept], longer[kept].astype(np.float64), unit=_UNIT, why=_NONE_LEFT
    )
