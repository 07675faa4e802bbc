"""A simulated rater's answer to two completions, from planted strengths, noise and habits.

Thurstone's law: each side calls forth a feeling, its strength plus noise, and the stronger feeling
wins. Habits are added to it: a liking for length, for the left side, for ties, and carelessness.
All draws come from the caller's `random.Random`, so a seed reproduces a run.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from labeling.schemas import ResponseSchema

# Feelings further apart than this are said with strength 2, then 3.
_BETTER, _MUCH_BETTER = 0.9, 1.9
# Below this, a side should not have been sent.
_BAD = -1.4
# How far one completion strays from the strength of its manner, in the same unit.
_SPREAD = 0.5


@dataclass(frozen=True)
class Manner:
    """How strong a model's completions are on the whole and, where it differs, by criterion."""

    strength: float
    criteria: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One completion as a simulated rater takes it in."""

    strength: float
    criteria: Mapping[str, float]
    char_count: int


@dataclass(frozen=True)
class SimulatedRater:
    """One rater's habits; the defaults are a careful one without any."""

    name: str
    noise: float = 0.7
    tie_width: float = 0.35
    # Added for each doubling of length over the other side, and for standing on the left.
    length_liking: float = 0.0
    left_liking: float = 0.0
    # The share of answers given without reading.
    carelessness: float = 0.0
    chars_per_second: float = 70.0


def side_of(manner: Manner, text: str) -> Side:
    """The text as a side: strays from its manner, but for every rater alike."""
    draw = random.Random(text)
    stray = draw.gauss(0, _SPREAD)
    return Side(
        strength=manner.strength + stray,
        criteria={key: value + stray for key, value in manner.criteria.items()},
        char_count=len(text),
    )


def answer(
    rater: SimulatedRater, left: Side, right: Side, schema: ResponseSchema, draw: random.Random
) -> dict[str, Any]:
    """The body of a judgment, as the schema asks for it, with the time it took."""
    is_careless = draw.random() < rater.carelessness
    if is_careless:
        gap = draw.gauss(-rater.left_liking, 1.5)
        feelings = (0.0, 0.0)
    else:
        feelings = _feelings(rater, left, right, draw)
        gap = feelings[1] - feelings[0]
    body: dict[str, Any] = {"client": {"active_ms": _active_ms(rater, left, right, draw)}}
    if is_careless:
        body["client"]["active_ms"] = round(1200 + draw.expovariate(1 / 1500))
    if schema.both_bad and max(feelings) < _BAD:
        return body | {"side": "both_bad"}
    if schema.has_tie and abs(gap) < rater.tie_width:
        body |= {"side": "tie"}
    else:
        body |= {
            "side": "left" if gap < 0 else "right",
            "strength": min(
                schema.max_strength, 1 + (abs(gap) > _BETTER) + (abs(gap) > _MUCH_BETTER)
            ),
        }
    if schema.criteria:
        body["criteria"] = {
            criterion.key: _by_criterion(rater, left, right, criterion.key, draw)
            for criterion in schema.criteria
        }
    return body


def _feelings(
    rater: SimulatedRater, left: Side, right: Side, draw: random.Random
) -> tuple[float, float]:
    longer = math.log2((left.char_count + 1) / (right.char_count + 1)) * rater.length_liking
    return (
        left.strength + longer / 2 + rater.left_liking + draw.gauss(0, rater.noise),
        right.strength - longer / 2 + draw.gauss(0, rater.noise),
    )


def _by_criterion(
    rater: SimulatedRater, left: Side, right: Side, key: str, draw: random.Random
) -> str:
    one, other = (side.criteria.get(key, side.strength) for side in (left, right))
    gap = other - one + draw.gauss(0, rater.noise)
    # A single criterion is tied more readily than the whole.
    if abs(gap) < 0.2 + rater.tie_width:
        return "tie"
    return "left" if gap < 0 else "right"


def _active_ms(rater: SimulatedRater, left: Side, right: Side, draw: random.Random) -> int:
    """Reading both sides and thinking, more or less quickly; ten minutes at most."""
    seconds = 4 + (left.char_count + right.char_count) / rater.chars_per_second
    return round(min(600.0, seconds * draw.lognormvariate(0, 0.35)) * 1000)
