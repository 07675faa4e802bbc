"""A campaign that does not exist: models, texts, items and raters with what is planted in them.

From wishes and a seed, all of it, byte for byte. docs/SIMULATION.md has the formulas.
"""

import json
import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any, Final

from labeling.simulation.kinds import KINDS, crowd, group_name
from labeling.simulation.raters import Manner, Scene, Side, SimulatedRater, arrival_seconds

# The gap of an item whose answer is known, in logits.
GOLD_GAP: Final = 3.0
AT_ONCE, AS_WRITTEN = "at once", "as written"
CRITERIA: Final = ("helpful", "truthful")
# How much a model's strength by a criterion strays from its strength on the whole.
CRITERION_SD: Final = 0.5
_TAGS = ("letters", "plans", "facts")
_PROSE = (
    "the answer says that a plan with few parts is easy to keep and that one with many is not so "
    "when the day comes look at what you have first then write down what is missing and ask for it "
    "a short list helps more than a long one if nobody reads to its end the second step takes time "
    "and can wait until morning most people find this part hard and that is no fault of theirs"
)
_WORDS = _PROSE.split()


@dataclass(frozen=True)
class Wishes:
    """What is to be planted. All effects are in logits of a careful rater."""

    seed: int = 1
    models: int = 8
    # Strengths are spread evenly from minus this to plus this.
    spread: float = 1.0
    items: int = 400
    # Judgments wanted of each item.
    votes: int = 4
    raters: int = 30
    # Shares of raters by kind; the rest are careful.
    kinds: Mapping[str, float] = field(default_factory=dict)
    item_effect_sd: float = 0.0
    # For the left side; for a standard deviation of relative length; for the only formatted one.
    side: float = 0.0
    length: float = 0.0
    format: float = 0.0
    # The share of the pull of length that is lost where texts arrive as written; None: no arms.
    streaming: float | None = None
    # The share of answers whose first criterion follows the whole; None: no criteria.
    first_criterion: float | None = None
    groups: int = 0
    group_sd: float = 0.6
    gold_rate: float = 0.1
    repeat_rate: float = 0.05
    skips: float = 0.0
    tie_width: float = 0.4

    def problem(self) -> str:
        """Why nothing can be planted so, or nothing."""
        bounds: Iterable[tuple[str, float, float, float]] = (
            ("models", self.models, 2, 60),
            ("items", self.items, 1, 100_000),
            ("votes", self.votes, 1, 100),
            ("raters", self.raters, self.votes, 5_000),
            ("spread", self.spread, 0, 5),
            ("item-effect-sd", self.item_effect_sd, 0, 5),
            ("side", self.side, -5, 5),
            ("length", self.length, -5, 5),
            ("format", self.format, -5, 5),
            ("streaming", self.streaming or 0, 0, 1),
            ("first-criterion", self.first_criterion or 0, 0, 1),
            ("groups", self.groups, 0, 8),
            ("group-sd", self.group_sd, 0, 5),
            ("gold-rate", self.gold_rate, 0, 0.5),
            ("repeat-rate", self.repeat_rate, 0, 0.5),
            ("skips", self.skips, 0, 0.5),
            ("tie-width", self.tie_width, 0, 3),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                return f"{name} goes from {low:g} to {high:g}, and {value:g} was asked for."
        if self.groups == 1:
            return "One group alone differs from nobody: ask for 2 or more, or for none."
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            return f"There is no kind {unknown[0]}: write some of {', '.join(KINDS)}."
        if any(share < 0 for share in self.kinds.values()) or sum(self.kinds.values()) > 1 + 1e-9:
            return "The shares of the kinds lie above 0 and come to 1 at most."
        return ""


@dataclass(frozen=True)
class Item:
    """A pair of texts; all that is planted in it speaks for `a` where it is above 0.

    `length` is the relative difference of lengths in its standard deviations, `formatting` 1 where
    `a` alone is formatted and -1 where `b` alone is. `gold` is the known answer, or empty.
    """

    key: str
    prompt: str
    models: tuple[str, str]
    texts: tuple[str, str]
    effect: float
    length: float
    formatting: int
    gold: str = ""


@dataclass(frozen=True)
class Planted:
    """All of a simulated campaign but its judgments."""

    wishes: Wishes
    manners: Mapping[str, Manner]
    items: tuple[Item, ...]
    raters: tuple[SimulatedRater, ...]

    @property
    def arms(self) -> dict[str, float]:
        """The share of the pull of length that each arm leaves; empty without an experiment."""
        if self.wishes.streaming is None:
            return {}
        return {AT_ONCE: 1.0, AS_WRITTEN: 1 - self.wishes.streaming}

    @property
    def open_items(self) -> tuple[Item, ...]:
        """The items whose answer nobody knows."""
        return tuple(item for item in self.items if not item.gold)

    def lean(self, item: Item, arm: str = "") -> float:
        """What is added to the item's `a`, whoever judges it, wherever it stands."""
        if item.gold:
            return item.effect
        pull = self.wishes.length * self.arms.get(arm, 1.0) * item.length
        return item.effect + pull + self.wishes.format * item.formatting

    def scene(self, item: Item, *, a_on_left: bool, arm: str = "") -> Scene:
        """What acts on one judgment of the item."""
        lean = self.lean(item, arm)
        return Scene(
            lean=self.wishes.side + (lean if a_on_left else -lean),
            halo=self.wishes.first_criterion or 0.0,
            arrival_seconds=arrival_seconds(*self.sides(item)) if arm == AS_WRITTEN else 0.0,
        )

    def sides(self, item: Item) -> tuple[Side, Side]:
        """The item's two texts as raters take them in. A known answer is no matter of taste."""
        one, other = (
            Side(manner.strength, manner.criteria, len(text), {} if item.gold else manner.tastes)
            for manner, text in zip(
                (self.manners[name] for name in item.models), item.texts, strict=True
            )
        )
        return one, other

    def rows(self, *, is_gold: bool) -> bytes:
        """The items of one kind as lines to import."""
        return b"".join(
            json.dumps(_row(item)).encode() + b"\n"
            for item in self.items
            if bool(item.gold) == is_gold
        )

    def truth(self) -> dict[str, Any]:
        """Everything that was planted, as plain values."""
        return {
            "wishes": {**asdict(self.wishes), "kinds": dict(self.wishes.kinds)},
            "strengths": {name: manner.strength for name, manner in self.manners.items()},
            "tastes": {name: dict(m.tastes) for name, m in self.manners.items() if m.tastes},
            "length_pull_by_arm": {
                arm: self.wishes.length * share for arm, share in self.arms.items()
            },
            "raters": [asdict(rater) for rater in self.raters],
            "items": {
                item.key: {
                    "models": item.models,
                    "effect": item.effect,
                    "length": item.length,
                    "formatting": item.formatting,
                    "gold": item.gold,
                }
                for item in self.items
            },
        }


def plant(wishes: Wishes, *, name: str = "simulated") -> Planted:
    """The campaign that was wished for; the wishes must have no `problem`. `name` begins that of
    each rater.
    """
    draw = random.Random(f"plant {wishes.seed}")
    manners = _manners(wishes, draw)
    digits = len(str(wishes.raters))
    raters = crowd(
        wishes.raters,
        wishes.kinds,
        draw=draw,
        names=lambda number: f"{name}-{number:0{digits}}",
        tie_width=wishes.tie_width,
        skips=wishes.skips,
        groups=wishes.groups,
    )
    items = _items(wishes, list(manners), draw)
    if wishes.gold_rate:
        items += _gold(list(manners), manners, draw)
    return Planted(wishes, manners, tuple(items), tuple(raters))


def _manners(wishes: Wishes, draw: random.Random) -> dict[str, Manner]:
    count = wishes.models
    step = 2 * wishes.spread / (count - 1)
    strengths = [wishes.spread - step * place for place in range(count)]
    draw.shuffle(strengths)
    groups = [group_name(number) for number in range(wishes.groups)]
    tastes = _tastes(groups, count, wishes.group_sd, draw)
    return {
        f"model-{place + 1:02}": Manner(
            strength,
            {key: strength + draw.gauss(0, CRITERION_SD) for key in CRITERIA},
            {group: drawn[place] for group, drawn in tastes.items()},
        )
        for place, strength in enumerate(strengths)
    }


def _tastes(
    groups: list[str], count: int, sd: float, draw: random.Random
) -> dict[str, list[float]]:
    """What each group adds to each model: nothing on the whole, over the models or the groups."""
    drawn = [_centred([draw.gauss(0, sd) for _ in range(count)]) for _ in groups]
    by_model = [_centred(list(of_model)) for of_model in zip(*drawn, strict=True)]
    return {group: [row[place] for row in by_model] for place, group in enumerate(groups)}


def _centred(values: list[float]) -> list[float]:
    middle = sum(values) / len(values)
    return [value - middle for value in values]


def _items(wishes: Wishes, models: list[str], draw: random.Random) -> list[Item]:
    """The open items: each pair of models as often as any other, either one first."""
    pairs = list(combinations(models, 2))
    drawn = []
    for number in range(wishes.items):
        if number % len(pairs) == 0:
            draw.shuffle(pairs)
        one, other = pairs[number % len(pairs)]
        turn = draw.random() < 0.5
        formatted = (draw.random() < 0.4, draw.random() < 0.4)
        texts = (_text(draw, formatted[0]), _text(draw, formatted[1]))
        drawn.append(((other, one) if turn else (one, other), formatted, texts))
    apart = [(len(a) - len(b)) / (len(a) + len(b)) for _, _, (a, b) in drawn]
    unit = math.sqrt(sum(value**2 for value in apart) / len(apart)) or 1.0
    return [
        Item(
            key=f"item-{number:05}",
            prompt=_prompt(number),
            models=named,
            texts=texts,
            effect=draw.gauss(0, wishes.item_effect_sd),
            length=apart[number - 1] / unit,
            formatting=formatted[0] - formatted[1],
        )
        for number, (named, formatted, texts) in enumerate(drawn, 1)
    ]


def _gold(models: list[str], manners: Mapping[str, Manner], draw: random.Random) -> list[Item]:
    """Items whose answer is known: the better side is better by far, whoever wrote it."""
    items = []
    for number in range(1, 25):
        one, other = draw.sample(models, 2)
        better = draw.choice("ab")
        gap = GOLD_GAP if better == "a" else -GOLD_GAP
        item = Item(
            key=f"gold-{number:02}",
            prompt=_prompt(number, "known answer"),
            models=(one, other),
            texts=(_text(draw, False), _text(draw, False)),
            effect=gap - (manners[one].strength - manners[other].strength),
            length=0.0,
            formatting=0,
            gold=better,
        )
        items.append(item)
    return items


def _prompt(number: int, kind: str = "item") -> str:
    return f"A made-up prompt, {kind} {number}: which of the two made-up answers is better?"


def _text(draw: random.Random, is_formatted: bool) -> str:
    """Words without a meaning, some fifty to two hundred and fifty, formatted or not."""
    size = round(min(250.0, max(40.0, draw.lognormvariate(4.6, 0.45))))
    start = draw.randrange(len(_WORDS))
    words = [_WORDS[(start + place * 7) % len(_WORDS)] for place in range(size)]
    lines = [" ".join(words[place : place + 14]) for place in range(0, size, 14)]
    tail = f"{draw.getrandbits(48):012x}"
    if not is_formatted:
        return ". ".join(line.capitalize() for line in lines) + f". Sample {tail}."
    listed = "\n".join(f"- {line}" for line in lines[1:])
    return f"## Made up\n\n**{lines[0].capitalize()}.**\n\n{listed}\n\nSample {tail}."


def _row(item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {
        "comparison_id": item.key,
        "prompt_id": item.key,
        "prompt": item.prompt,
        "tags": [_TAGS[sum(item.key.encode()) % len(_TAGS)]],
        "language": "en",
        "completion_a": {"text": item.texts[0], "model": item.models[0]},
        "completion_b": {"text": item.texts[1], "model": item.models[1]},
    }
    if item.gold:
        row["gold"] = {
            "preference": item.gold,
            "explanation": "Planted: this side is better by far, to everyone alike.",
        }
    return row
