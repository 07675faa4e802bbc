"""How often 95 % intervals of strengths hold what a simulated campaign comes to in the limit.

The campaigns of bench/simulated.py, smaller and without a database: raters are dealt to items by
lot, sides alternate, and the board is fitted to the votes. A check of `expected` and of intervals.
"""

import json
import random
from typing import Any

import numpy as np

from labeling.metrics.bradley_terry import BradleyTerryFit, Encounters, bradley_terry, limits
from labeling.schemas import read_schema
from labeling.simulation.expected import expected
from labeling.simulation.planted import Planted, Wishes, plant
from labeling.simulation.raters import answer

RUNS, VOTES = 120, 3
SCHEMA = read_schema({"scale": 7, "tie": True, "both_bad": False})
# A vote for the item's a, a tie, a vote for its b: the places in a row of encounters.
PLACES = {"a": 2, "b": 3, "tie": 4}


def main() -> dict[str, Any]:
    """Plant, vote and fit, each run from a seed of its own."""
    held: list[float] = []
    errors: list[float] = []
    for seed in range(RUNS):
        planted = plant(
            Wishes(
                seed=seed,
                items=280,
                votes=VOTES,
                raters=40,
                kinds=dict.fromkeys(("random", "left", "longer", "half"), 0.05),
                spread=1.5,
                item_effect_sd=1.5,
                side=0.2,
                length=0.3,
                gold_rate=0.0,
            )
        )
        fit, truth = _fit(planted, random.Random(1000 + seed)), expected(planted).strengths
        aim = np.array([truth[name] for name in planted.manners])
        low, high = limits(fit)
        held += ((low < aim) & (aim < high)).astype(float).tolist()
        errors += ((fit.strength - aim) / fit.standard_error).tolist()
    return {
        "runs": RUNS,
        "intervals": len(held),
        "held": round(float(np.mean(held)), 4),
        "mean_error_in_standard_errors": round(float(np.mean(errors)), 3),
        "sd_of_errors_in_standard_errors": round(float(np.std(errors)), 3),
        "target_held": [0.93, 0.97],
    }


def _fit(planted: Planted, draw: random.Random) -> BradleyTerryFit:
    place = {name: number for number, name in enumerate(planted.manners)}
    rows = []
    for number, item in enumerate(planted.open_items):
        sides = planted.sides(item)
        row = [place[item.models[0]], place[item.models[1]], 0, 0, 0]
        for nth, rater in enumerate(draw.sample(planted.raters, VOTES)):
            a_on_left = (nth + number) % 2 == 0
            left, right = sides if a_on_left else sides[::-1]
            scene = planted.scene(item, a_on_left=a_on_left)
            said = answer(rater, left, right, SCHEMA, draw, scene=scene)["side"]
            row[PLACES["tie" if said == "tie" else "ab"[(said == "left") != a_on_left]]] += 1
        # The lower number first.
        one, other, a, b, ties = row
        rows.append(row if one < other else [other, one, b, a, ties])
    return bradley_terry(Encounters.from_rows(np.array(rows)))


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
