"""A simulated rater's answer to two completions, from planted strengths, noise and habits.

Thurstone's law: each side calls forth a feeling, its strength plus noise, and the stronger feeling
wins. Habits are added to it: a liking for length, for the left side, for ties, and carelessness.
Where the noise is logistic the law is Bradley and Terry's, and Rao and Kupper's with a tie width;
docs/SIMULATION.md has the formulas. All draws come from the caller's `random.Random`, so a seed
reproduces a run.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from labeling.presentation import LETTERS_A_TOKEN
from labeling.schemas import ResponseSchema

# Feelings further apart than this are said with strength 2, then 3.
_BETTER, _MUCH_BETTER = 0.9, 1.9
# Below this, a side should not have been sent.
_BAD = -1.4
# How far one completion strays from the strength of its manner, in the same unit.
_SPREAD = 0.5
# How far apart the feelings of one who does not look are.
CARELESS_SD: Final = 1.5

# At which pace texts arrive where they arrive as written.
TOKENS_PER_SECOND: Final = 30

Law = Literal["normal", "logistic"]
# What some raters do instead of comparing.
Rule = Literal["", "random", "left", "longer"]


@dataclass(frozen=True)
class Manner:
    """How strong a model's completions are on the whole and, where it differs, by criterion.

    `tastes` is what raters of a group see in it beyond that.
    """

    strength: float
    criteria: Mapping[str, float] = field(default_factory=dict)
    tastes: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One completion as a simulated rater takes it in."""

    strength: float
    criteria: Mapping[str, float]
    char_count: int
    tastes: Mapping[str, float] = field(default_factory=dict)


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
    # Of the noise: normal on each side, or logistic on the difference of the two.
    law: Law = "normal"
    kind: str = "careful"
    rule: Rule = ""
    group: str = ""
    # The share of comparisons given back.
    skips: float = 0.0


@dataclass(frozen=True)
class Scene:
    """What acts on one judgment beside the texts and the rater; by default nothing does.

    `lean` is added to the left side, whoever judges: an effect of the item, a pull of length or of
    formatting as strong as the arm lets it be, a pull of the side. `halo` is the chance that the
    first criterion is not judged but said to be as the whole. `arrival_seconds` is how long the
    texts take to arrive, for which even the careless wait.
    """

    lean: float = 0.0
    halo: float = 0.0
    arrival_seconds: float = 0.0


PLAIN: Final = Scene()


def side_of(manner: Manner, text: str) -> Side:
    """The text as a side: strays from its manner, but for every rater alike."""
    draw = random.Random(text)
    stray = draw.gauss(0, _SPREAD)
    return Side(
        strength=manner.strength + stray,
        criteria={key: value + stray for key, value in manner.criteria.items()},
        char_count=len(text),
        tastes=manner.tastes,
    )


def answer(
    rater: SimulatedRater,
    left: Side,
    right: Side,
    schema: ResponseSchema,
    draw: random.Random,
    *,
    scene: Scene = PLAIN,
) -> dict[str, Any]:
    """The body of a judgment, as the schema asks for it, with the time it took."""
    is_careless = draw.random() < rater.carelessness
    if is_careless:
        gap = draw.gauss(-rater.left_liking, CARELESS_SD)
        feelings = (0.0, 0.0)
    elif rater.rule:
        gap = _by_rule(rater.rule, left, right, draw)
        feelings = (0.0, 0.0)
    else:
        feelings = _feelings(rater, left, right, scene, draw)
        gap = feelings[1] - feelings[0]
    active_ms = _active_ms(rater, left, right, draw)
    if is_careless:
        active_ms = round(1200 + draw.expovariate(1 / 1500))
    body: dict[str, Any] = {
        "client": {"active_ms": active_ms + round(1000 * scene.arrival_seconds)}
    }
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
            criterion.key: body["side"]
            if rater.rule
            else _by_criterion(rater, left, right, criterion.key, draw)
            for criterion in schema.criteria
        }
        if scene.halo and draw.random() < scene.halo:
            body["criteria"][schema.criteria[0].key] = body["side"]
    return body


def arrival_seconds(left: Side, right: Side) -> float:
    """How long the longer side takes to arrive as written, at `TOKENS_PER_SECOND`."""
    return max(left.char_count, right.char_count) / (TOKENS_PER_SECOND * LETTERS_A_TOKEN)


def _leaning(rater: SimulatedRater, left: Side, right: Side, scene: Scene) -> float:
    """What is added to the left side that has nothing to do with its strength."""
    longer = math.log2((left.char_count + 1) / (right.char_count + 1)) * rater.length_liking
    return longer + rater.left_liking + scene.lean


def _feelings(
    rater: SimulatedRater, left: Side, right: Side, scene: Scene, draw: random.Random
) -> tuple[float, float]:
    half = _leaning(rater, left, right, scene) / 2
    one = left.strength + left.tastes.get(rater.group, 0.0) + half
    other = right.strength + right.tastes.get(rater.group, 0.0) - half
    if rater.law == "normal":
        return one + draw.gauss(0, rater.noise), other + draw.gauss(0, rater.noise)
    apart = rater.noise * _logistic(draw) / 2
    return one - apart, other + apart


def _logistic(draw: random.Random) -> float:
    chance = draw.random() or 0.5
    return math.log(chance / (1 - chance))


def _by_rule(rule: Rule, left: Side, right: Side, draw: random.Random) -> float:
    """The gap of one who does not compare, wide enough to be no tie."""
    how_much = 1 + draw.random()
    if rule == "left":
        return -how_much
    if rule == "longer" and left.char_count != right.char_count:
        return -how_much if left.char_count > right.char_count else how_much
    return how_much if draw.random() < 0.5 else -how_much


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
