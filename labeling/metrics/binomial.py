"""Tails of the binomial and of sums of them, without tables: exact to about 12 digits."""

import math
from collections.abc import Sequence
from typing import Final

_TINY: Final = 1e-300
_STEPS: Final = 500


def at_most(successes: int, n: int, share: float) -> float:
    """P(X ≤ successes) for n independent trials of chance `share`."""
    if successes < 0:
        return 0.0
    if successes >= n or share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    return beta_share(n - successes, successes + 1, 1 - share)


def at_least(successes: int, n: int, share: float) -> float:
    """P(X ≥ successes) for n independent trials of chance `share`."""
    return at_most(n - successes, n, 1 - share)


def two_sided(successes: int, n: int, share: float) -> float:
    """Twice the smaller tail, at most 1: how rarely chance alone strays so far."""
    return min(1.0, 2 * min(at_most(successes, n, share), at_least(successes, n, share)))


def normal_above(z: float) -> float:
    """The normal distribution's share above z."""
    return math.erfc(z / math.sqrt(2)) / 2


def all_together(chances: Sequence[float]) -> float:
    """Fisher's method: the chance of independent chances being so small in all, 1 for none.

    Fisher (1932), Statistical Methods for Research Workers, 4th ed., § 21.1.
    """
    count = len(chances)
    if not count:
        return 1.0
    total = -sum(math.log(max(chance, _TINY)) for chance in chances)
    # The survival of a chi-square with 2k degrees of freedom is a Poisson sum.
    term, kept = 1.0, 1.0
    for k in range(1, count):
        term *= total / k
        kept += term
    return min(1.0, math.exp(-total) * kept)


def benjamini_hochberg(chances: Sequence[float], q: float) -> list[bool]:
    """Which of the chances stand out when at most a share `q` of those that do may be false.

    Benjamini and Hochberg (1995), Controlling the false discovery rate.
    """
    count = len(chances)
    order = sorted(range(count), key=lambda k: chances[k])
    last = 0
    for place, k in enumerate(order, start=1):
        if chances[k] <= q * place / count:
            last = place
    chosen = set(order[:last])
    return [k in chosen for k in range(count)]


def beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction.

    DLMF 8.17.22, evaluated by the modified Lentz method.
    """
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _STEPS + int(4 * math.sqrt(a + b))):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _away_from_zero(1 + even * d)
        c = _away_from_zero(1 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _away_from_zero(1 + odd * d)
        c = _away_from_zero(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return min(1.0, max(0.0, front * value / a))


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
