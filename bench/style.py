"""Planted leanings to a side and to length: how often they are found, and what boards make of them.

Eight models of which better ones write longer, 400 items of 4 votes, a side logit of .3 and a
length coefficient of .5 per sd. In each of 3,000 studies the fit with style is held against what
was planted; its board beside the plain board of the same votes, and both of a study without
leanings: what control costs where there is nothing to control is the collinearity of style and
strength, and it should cost no more where there is.
"""

import json
import os
import time
from typing import Any

import numpy as np

from bench.metrics import peak_megabytes, simulated_votes
from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.estimates import Z95
from labeling.metrics.refits import bootstrap
from labeling.metrics.style import style_fit
from labeling.metrics.votes import Floats, Ints, Votes

SIDE, LENGTH = 0.3, 0.5
RUNS = int(os.environ.get("STYLE_RUNS", "3000"))
MODELS, ITEMS, PER_ITEM = 8, 400, 4
BOARDS = ("controlled", "plain", "controlled_without_leanings", "plain_without_leanings")


def study(
    seed: int, *, side: float, length: float
) -> tuple[Votes, dict[str, tuple[Ints, Ints]], Floats]:
    """Votes, the counts of their texts' styles, and the planted strengths."""
    random = np.random.default_rng(seed)
    strength = np.linspace(-1, 1, MODELS)
    a = random.integers(0, MODELS, ITEMS)
    b = (a + random.integers(1, MODELS, ITEMS)) % MODELS
    texts = [np.exp(random.normal(6 + strength[of] / 2, 0.6)).astype(np.int64) for of in (a, b)]
    d = (texts[0] - texts[1]) / (texts[0] + texts[1])
    gap = strength[a] - strength[b] + length * d / np.sqrt((d**2).mean())
    item = np.repeat(np.arange(ITEMS), PER_ITEM)
    left = random.integers(0, 2, len(item))
    logit = gap[item] + side * np.where(left == 0, 1, -1)
    votes = Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(PER_ITEM), ITEMS),
        preference=(random.random(len(item)) > 1 / (1 + np.exp(-logit))).astype(np.int64),
        shown_left=left,
        model_a=a[item],
        model_b=b[item],
        model_names={k: f"m{k}" for k in range(MODELS)},
        rater_names={k: f"r{k}" for k in range(PER_ITEM)},
    )
    features = {"length": (texts[0], texts[1])}
    for k, name in enumerate(("headers", "bold", "lists")):
        features[name] = (random.integers(0, 3 + k, ITEMS), random.integers(0, 3 + k, ITEMS))
    return votes, features, strength


def main() -> dict[str, Any]:
    """The studies, and how long the fit and 1,000 draws take at a million votes."""
    inside = {"side": 0, "length": 0}
    errors: dict[str, list[float]] = {name: [] for name in BOARDS}
    orders: dict[str, list[float]] = {name: [] for name in BOARDS}
    covered = []
    for seed in range(RUNS):
        votes, features, strength = study(seed, side=SIDE, length=LENGTH)
        fit = style_fit(votes, features)
        found = {one.name: one for one in fit.coefficients}
        for name, planted in (("side", SIDE), ("length", LENGTH)):
            inside[name] += abs(found[name].value - planted) < 2 * found[name].standard_error
        covered.append(np.abs(fit.strength - strength) < Z95 * fit.standard_error)
        honest = style_fit(*study(seed, side=0.0, length=0.0)[:2])
        boards = (fit.strength, fit.plain, honest.strength, honest.plain)
        for name, board in zip(BOARDS, boards, strict=True):
            errors[name].append(float(np.sqrt(((board - strength) ** 2).mean())))
            orders[name].append(_tau(board))
    figures: dict[str, Any] = {
        "runs": RUNS,
        "inside_two_errors": {name: count / RUNS for name, count in inside.items()},
        "target_inside": 0.95,
        "coverage_of_controlled_strengths": float(np.mean(covered)),
        "rmse_of_strengths": {name: float(np.mean(rows)) for name, rows in errors.items()},
        "kendall_tau": {name: float(np.mean(rows)) for name, rows in orders.items()},
        "at_a_million_votes": _speed(),
    }
    print(json.dumps(figures, indent=2))
    return figures


def _tau(board: Floats) -> float:
    """Kendall's tau with the planted order, which rises from the first model to the last."""
    i, j = np.triu_indices(MODELS, 1)
    return float(np.sign(board[j] - board[i]).mean())


def _speed() -> dict[str, Any]:
    """The fit with four styles and the side, and 1,000 draws of items, by the clock and the CPU."""
    votes = simulated_votes(judgments=999_999, models=100, raters=1_000, per_item=3)
    random = np.random.default_rng(1)
    features = {"length": (votes.item_length_a, votes.item_length_b)}
    for name in ("headers", "bold", "lists"):
        counts = random.integers(0, 9, (2, votes.item_count))
        features[name] = (counts[0], counts[1])
    encounters = Encounters.of(votes)
    board = bradley_terry(encounters)
    figures: dict[str, Any] = {}
    for name, work, target in (
        ("style_fit", lambda: style_fit(votes, features), 1.5),
        ("bootstrap_1000", lambda: bootstrap(encounters, board, 1000), 5.0),
    ):
        clock, cpu = time.perf_counter(), time.process_time()
        work()
        figures[name] = {
            "seconds": round(time.perf_counter() - clock, 2),
            "cpu_seconds": round(time.process_time() - cpu, 2),
            "target_seconds": target,
        }
    figures["peak_megabytes"] = round(peak_megabytes())
    return figures


if __name__ == "__main__":
    main()
