"""A number with its 95 % interval, what it counts and how it was reached."""

import math
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from labeling.metrics.votes import Floats, Ints

Z95: Final = 1.959963984540054  # the normal distribution's 97.5 % point

WILSON: Final = "Wilson"
WILSON_BY_ITEM: Final = "Wilson, with the number of votes discounted for items voted on repeatedly"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value between two limits, or None and the reason; `unit` says what `n` counts."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    interval: str = ""
    why: str = ""
    note: str = ""

    @classmethod
    def undefined(cls, why: str, *, unit: str, n: int = 0) -> Self:
        """No value, and why."""
        return cls(None, None, None, n, unit, why=why)

    def as_json(self) -> dict[str, Any]:
        """Plain values: value, low, high, n, unit, and where they apply interval, why, note."""
        row: dict[str, Any] = {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "unit": self.unit,
        }
        for name in ("interval", "why", "note"):
            if text := getattr(self, name):
                row[name] = text
        return row


def wilson(successes: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a proportion; `successes` and `n` may be fractions.

    Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    if n <= 0:
        return 0.0, 1.0
    share = successes / n
    middle = share + Z95**2 / (2 * n)
    reach = Z95 * math.sqrt(max(share * (1 - share), 0.0) / n + Z95**2 / (4 * n * n))
    scale = 1 + Z95**2 / n
    # A share of 0 or 1 has its limit there exactly, whatever the rounding.
    low = 0.0 if share == 0 else max((middle - reach) / scale, 0.0)
    high = 1.0 if share == 1 else min((middle + reach) / scale, 1.0)
    return low, high


def proportion(successes: float, n: int, *, unit: str, why: str) -> Estimate:
    """A share of independent votes with Wilson's interval; `why` is given when there are none."""
    if n == 0:
        return Estimate.undefined(why, unit=unit)
    low, high = wilson(successes, n)
    return Estimate(successes / n, low, high, n, unit, WILSON)


def clustered_proportion(
    cluster: Ints, successes: Floats, *, unit: str, why: str, trials: Floats | None = None
) -> Estimate:
    """A share of votes whose interval allows for votes on one item being alike.

    The ratio estimator's variance, summed by cluster, gives the number of independent votes that
    would be as precise (Kish 1965, Survey Sampling, the design effect); Wilson's interval is
    taken at that number. It is never above the votes at hand; where nothing varies it is the
    number of clusters.
    """
    weights = np.ones(len(cluster)) if trials is None else trials
    hits = np.bincount(cluster, successes).astype(np.float64)
    sizes = np.bincount(cluster, weights).astype(np.float64)
    return proportion_of_clusters(hits, sizes, np.ones(len(hits)), unit=unit, why=why)


def proportion_of_clusters(
    hits: Floats, sizes: Floats, times: Floats, *, unit: str, why: str
) -> Estimate:
    """`clustered_proportion` from clusters' hits and votes, `times` clusters having just these."""
    n = int((sizes * times).sum())
    if n == 0:
        return Estimate.undefined(why, unit=unit)
    share = float((hits * times).sum() / n)
    count = int(times[sizes > 0].sum())
    if count > 1 and 0 < share < 1:
        residual = float(((hits - share * sizes) ** 2 * times).sum())
        variance = residual / n**2 * count / (count - 1)
        effective = min(share * (1 - share) / variance, n) if variance > 0 else float(n)
    else:
        effective = float(count)
    low, high = wilson(share * effective, effective)
    return Estimate(share, low, high, n, unit, WILSON_BY_ITEM)
