"""How often intervals of leanings hold what was planted, and nothing is called something."""

import json
from typing import Any

import numpy as np

from labeling.metrics.arms import DAY, ArmFacts, Shown, experiment
from labeling.metrics.formatting import markdown
from labeling.metrics.tiredness import fatigue
from labeling.metrics.votes import Floats, Ints, Votes

ARMS = (
    ArmFacts("instant", "instant"),
    ArmFacts("fast", "paced", 40),
    ArmFacts("slow", "paced", 10),
    ArmFacts("short", "instant", context="last_turn"),
)
SHOWN_AS = np.array([0, 1, 1, 0])
RUNS = 1000


def planted_arms(
    chances: Floats, *, items: int, per_item: int, seed: int, item_sd: float = 0.5
) -> tuple[Votes, Shown]:
    """Votes in arms dealt by lot; a is the longer, and wins by the arm's chance and the item's
    effect. A vote in an arm that streams takes four seconds more.
    """
    random = np.random.default_rng(seed)
    item = np.repeat(np.arange(items), per_item)
    arm = random.integers(0, len(chances), len(item))
    odds = np.log(chances / (1 - chances))[arm] + random.normal(0, item_sd, items)[item]
    wins = random.random(len(item)) < _logistic(odds)
    votes = Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(per_item), items),
        preference=np.where(wins, 0, 1),
        active_ms=10_000 + 4_000 * (SHOWN_AS[arm] > 0) + random.integers(0, 5_000, len(item)),
        length_a=np.full(len(item), 900),
        length_b=np.full(len(item), 300),
        model_names={},
        rater_names={k: f"R{k}" for k in range(per_item)},
    )
    moments = np.linspace(0, 10 * DAY, len(item)).astype(np.int64)
    dealt = np.ones(len(item), dtype=np.bool_)
    return votes, Shown(ARMS[: len(chances)], arm, SHOWN_AS[arm], dealt, moments)


def planted_styles(
    *, length: float, formatted: float, seed: int, items: int = 1500, item_sd: float = 0.0
) -> tuple[Votes, Ints, Ints]:
    """Votes that lean to formatting and to length, and the counts of formatting of a and b; a is
    never the less formatted, and the longer the more formatted it is.
    """
    random = np.random.default_rng(seed)
    per_item = 3
    count_a = random.integers(0, 3, items)
    length_a = 600 + 500 * count_a + random.integers(0, 1500, items)
    length_b = 600 + random.integers(0, 1500, items)
    gap = (length_a - length_b) / (length_a + length_b)
    odds = formatted * np.sign(count_a) + length * gap + random.normal(0, item_sd, items)
    item = np.repeat(np.arange(items), per_item)
    wins = random.random(len(item)) < _logistic(odds[item])
    votes = Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(per_item), items),
        preference=np.where(wins, 0, 1),
        length_a=length_a[item],
        length_b=length_b[item],
        model_names={},
        rater_names={k: str(k) for k in range(per_item)},
    )
    return votes, count_a, np.zeros(items, dtype=np.int64)


def planted_sittings(
    *, tired: float, seed: int, raters: int = 20, each: int = 120
) -> tuple[Votes, Ints]:
    """Answers to known items, a being right, two minutes apart, `tired` worse after two hours."""
    random = np.random.default_rng(seed)
    rater = np.repeat(np.arange(raters), each)
    at = np.tile(np.arange(each) * 120, raters)
    skill = np.repeat(random.uniform(0.7, 0.95, raters), each)
    right = random.random(len(rater)) < np.where(at >= 7200, skill - tired, skill)
    votes = Votes.from_columns(
        comparison=np.arange(len(rater)),
        rater=rater,
        preference=np.where(right, 0, 1),
        model_names={},
        rater_names={k: str(k) for k in range(raters)},
    )
    return votes, at


def main() -> dict[str, Any]:
    """Shares of runs, each of another seed."""
    figures: dict[str, Any] = {"runs": RUNS}
    for sd in (0.0, 1.0, 2.0):
        effects = np.random.default_rng(1).normal(0, sd, 200_000)
        share = [float(_logistic(np.log(p / (1 - p)) + effects).mean()) for p in (0.65, 0.58)]
        planted = _streaming(np.array([0.65, 0.58]), share[1] - share[0], sd)
        nothing = _streaming(np.array([0.6, 0.6]), 0.0, sd)
        figures[f"streaming_item_sd_{sd:.0f}"] = {
            "true_points": round(100 * (share[1] - share[0]), 2),
            "coverage": planted["holds"],
            "found": planted["found"],
            "found_where_nothing_is": nothing["found"],
        }
    figures["markdown"] = {
        "coverage": _markdown(0.4, 0.0)["holds"],
        "found_where_length_alone_pulls": _markdown(0.0, 0.0)["found"],
        "found_where_length_alone_pulls_item_sd_1": _markdown(0.0, 1.0)["found"],
    }
    figures["fatigue"] = {
        "coverage": _tired(0.1)["holds"],
        "found_where_nobody_tires": _tired(0.0)["found"],
    }
    return figures


def _streaming(chances: Floats, truth: float, sd: float) -> dict[str, float]:
    limits = []
    for seed in range(RUNS):
        votes, shown = planted_arms(chances, items=300, per_item=4, seed=seed, item_sd=sd)
        one = experiment(votes, shown, now=0)["contrasts"]["streaming"]
        limits.append((one["low"], one["high"]))
    return _shares(limits, truth, 0.0)


def _markdown(formatted: float, sd: float) -> dict[str, float]:
    limits = []
    for seed in range(RUNS):
        share = markdown(
            *planted_styles(length=2.0, formatted=formatted, seed=seed, items=500, item_sd=sd)
        ).share
        limits.append((share.low, share.high))
    return _shares(limits, float(_logistic(np.array(formatted))), 0.5)


def _tired(tired: float) -> dict[str, float]:
    limits = []
    for seed in range(RUNS):
        votes, at = planted_sittings(tired=tired, seed=seed)
        found = fatigue(votes, at, np.zeros(votes.item_count, dtype=np.int8))
        limits.append((found.low, found.high))
    return _shares(limits, -tired, 0.0)


def _shares(limits: list[tuple[Any, Any]], truth: float, null: float) -> dict[str, float]:
    low, high = np.array(limits, dtype=np.float64).T
    return {
        "holds": float(((low <= truth) & (truth <= high)).mean()),
        "found": float(((low > null) | (high < null)).mean()),
    }


def _logistic(values: Floats) -> Floats:
    shares: Floats = 1 / (1 + np.exp(-values))
    return shares


if __name__ == "__main__":
    print(json.dumps(main(), indent=2))
