"""A difference between ways of treating votes, within strata, its interval clustered by item."""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics import binomial
from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.planning import Z_ALPHA, Z_POWER
from labeling.metrics.votes import Floats, Ints

# Of fewer items the spread of their sums says too little about the spread of the estimate.
FEWEST_ITEMS: Final = 20
BY_ITEM: Final = "± 1.96 standard errors, clustered by item"
TOO_FEW: Final = f"Votes on fewer than {FEWEST_ITEMS} comparisons are too few for an interval."


@dataclass(frozen=True, slots=True)
class Contrast:
    """By how much the outcome changes per unit of the treatment, and how sure that is.

    `chance` is two-sided against no change. `needed` votes would find an effect as large as the one
    seen, and `detectable` is the smallest effect that the votes at hand would find: both with a
    power of 80 % at 5 %, items being as alike as they are here.
    """

    estimate: Estimate
    chance: float | None = None
    needed: int | None = None
    detectable: float | None = None

    @classmethod
    def undefined(cls, why: str, *, unit: str, n: int = 0) -> "Contrast":
        """No contrast, and why."""
        return cls(Estimate.undefined(why, unit=unit, n=n))

    def as_json(self) -> dict[str, Any]:
        """The estimate with chance, needed and detectable beside it."""
        return self.estimate.as_json() | {
            "chance": self.chance,
            "needed": self.needed,
            "detectable": self.detectable,
        }


def clustered_contrast(
    outcome: Floats, treatment: Floats, stratum: Ints, item: Ints, *, unit: str, why: str
) -> Contrast:
    """The least-squares slope of `outcome` on `treatment` with a level of its own per stratum.

    Errors are the sandwich's with scores summed by item (Liang and Zeger 1986). `why` is said where
    the treatment varies within no stratum.
    """
    if not len(outcome):
        return Contrast.undefined(why, unit=unit)
    x = treatment - _means(treatment, stratum)[stratum]
    y = outcome - _means(outcome, stratum)[stratum]
    # Votes of a stratum where all were treated alike say nothing.
    varies = np.bincount(stratum, x**2)[stratum] > 1e-12
    x, y, clusters = x[varies], y[varies], item[varies]
    information = float(x @ x)
    count = int(varies.sum())
    if information <= 0:
        return Contrast.undefined(why, unit=unit)
    items = int(np.count_nonzero(np.bincount(clusters)))
    if items < FEWEST_ITEMS:
        return Contrast.undefined(TOO_FEW, unit=unit, n=count)
    slope = float(x @ y) / information
    scores = np.bincount(clusters, x * (y - slope * x))
    error = math.sqrt(float(scores @ scores) * items / (items - 1)) / information
    estimate = Estimate(slope, slope - Z95 * error, slope + Z95 * error, count, unit, BY_ITEM)
    if error <= 0:
        # Every vote alike: nothing varies, and nothing says how sure that is.
        return Contrast.undefined("Every vote went the same way.", unit=unit, n=count)
    needed = None
    if abs(slope) > error / 100:
        needed = math.ceil(count * ((Z_ALPHA + Z_POWER) * error / slope) ** 2)
    return Contrast(
        estimate,
        chance=2 * binomial.normal_above(abs(slope) / error),
        needed=needed,
        detectable=(Z_ALPHA + Z_POWER) * error,
    )


def chance_of(estimate: Estimate, null: float) -> float | None:
    """How rarely an estimate is so far from `null` by chance, by the width of its own interval.

    Of an interval with two unequal sides the one towards `null` is taken, so that the chance is
    below 5 % just where the interval leaves `null` out.
    """
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    distance = estimate.value - null
    reach = estimate.value - estimate.low if distance > 0 else estimate.high - estimate.value
    if distance == 0 or reach <= 0:
        return 1.0 if distance == 0 else 0.0
    return 2 * binomial.normal_above(abs(distance) / (reach / Z95))


def _means(values: Floats, stratum: Ints) -> Floats:
    sizes = np.bincount(stratum)
    means: Floats = np.bincount(stratum, values) / np.maximum(sizes, 1)
    return means
