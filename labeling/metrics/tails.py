"""Student's t, the beta distribution and q values, without tables."""

import math
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from labeling.metrics.binomial import beta_share
from labeling.metrics.votes import Floats

_HALVINGS: Final = 200


def t_two_sided(t: float, df: float) -> float:
    """The chance of a t at least this far from 0 either way; `df` may be a fraction.

    P(|T| > t) = I_x(df/2, 1/2) with x = df/(df + t²) (Abramowitz and Stegun 26.7.1).
    """
    if not math.isfinite(t):
        return 0.0
    x = df / (df + t * t)
    return beta_share(df / 2, 0.5, x) if x < 1 else 1.0


@cache
def t_quantile(chance: float, df: float) -> float:
    """How far from 0 a t is no more often than `chance`, either way: 1.96 for .05 and many df."""
    low, high = 0.0, 1.0
    while t_two_sided(high, df) > chance:
        high *= 2
    return _halve(lambda t: t_two_sided(t, df) > chance, low, high)


def beta_limits(a: float, b: float) -> tuple[float, float]:
    """The middle 95 % of a beta distribution."""
    lower = _halve(lambda x: beta_share(a, b, x) < 0.025, 0.0, 1.0)
    return lower, _halve(lambda x: beta_share(a, b, x) < 0.975, 0.0, 1.0)


def q_values(chances: Floats, tests: int | None = None) -> Floats:
    """For each chance the smallest false discovery rate at which it would be called a finding.

    Benjamini and Hochberg (1995), Controlling the false discovery rate. `tests` is how many there
    were in all, where `chances` are only the smallest of them: the rest count as 1.
    """
    count = len(chances)
    if not count:
        return np.zeros(0)
    order = np.argsort(chances, kind="stable")
    steps = chances[order] * (tests or count) / np.arange(1, count + 1)
    q = np.empty(count)
    q[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return q


def _halve(is_below: Callable[[float], bool], low: float, high: float) -> float:
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2
