"""The fixed point of a slow step, reached in fewer of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from labeling.metrics.votes import Floats

# A leap is of so many steps at most.
_FARTHEST: Final = 16.0

# From a point: the next one, and how good the given one is (to be made large).
Step: TypeAlias = Callable[[Floats], tuple[Floats, float]]


@dataclass(frozen=True, eq=False, slots=True)
class FixedPoint:
    """Where it ended, how good the last but one point was, and whether it had settled."""

    point: Floats
    value: float
    iterations: int
    converged: bool


def fixed_point(step: Step, start: Floats, *, tolerance: float, most_steps: int) -> FixedPoint:
    """Where the step moves no coordinate by more than `tolerance`, or what `most_steps` came to.

    Varadhan and Roland (2008), Simple and globally convergent methods for accelerating the
    convergence of any EM algorithm: after two steps a leap along what they have in common, taken
    back where it makes things worse.
    """
    point, taken, value = start, 0, -np.inf
    while taken < most_steps:
        first, before = step(point)
        second, value = step(first)
        taken += 2
        moved, change = first - point, second - 2 * first + point
        if np.abs(second - first).max(initial=0.0) < tolerance:
            return FixedPoint(second, float(value), taken, converged=True)
        ratio = float(moved @ moved) / max(float(change @ change), 1e-300)
        length = min(float(np.sqrt(ratio)), _FARTHEST)
        if length <= 1 or taken >= most_steps:
            point = second
            continue
        leap = point + 2 * length * moved + length**2 * change
        landed, reached = step(leap)
        taken += 1
        is_better = np.isfinite(reached) and reached >= max(value, before) - 1e-9 * abs(value)
        point = landed if is_better else second
    return FixedPoint(point, float(value), taken, converged=False)
