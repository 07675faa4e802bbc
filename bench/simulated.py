"""Planted raters through the real queue: who is caught, and whether intervals hold the limits.

Campaigns of 40 raters, 8 of whom do not look (two of each kind), with about 60 votes each, 6 of
them on known answers, 3 votes an item. Every judgment is claimed and submitted as a person's is;
the chances are those that a rater's page shows.
"""

import json
import os
import time
from typing import Any

import numpy as np

from bench.instance import running

CAMPAIGNS = int(os.environ.get("SIMULATED_CAMPAIGNS", "5"))
RATERS, OPEN_VOTES, VOTES = 40, 54, 3
BAD = ("random", "left", "longer", "half")


def main() -> dict[str, Any]:
    """Simulate the campaigns one after the other, each from a seed of its own."""
    with running():
        return _measured()


def _measured() -> dict[str, Any]:
    # Django is set up by now.
    from labeling.actions.simulation import remove_simulated_campaign
    from labeling.management.simulating import simulate
    from labeling.models import Organisation
    from labeling.simulation.planted import Wishes, plant

    lab = Organisation.objects.create(slug="lab", name="Lab")
    chances: dict[str, list[float]] = {}
    inside: dict[str, list[bool]] = {}
    judgments, seconds, cpu = 0, 0.0, 0.0
    for seed in range(CAMPAIGNS):
        planted = plant(
            Wishes(
                seed=seed,
                items=RATERS * OPEN_VOTES // VOTES,
                votes=VOTES,
                raters=RATERS,
                kinds=dict.fromkeys(BAD, 2 / RATERS),
                spread=1.5,
                item_effect_sd=1.5,
                side=0.2,
                length=0.3,
                gold_rate=0.1,
                repeat_rate=0.0,
            ),
            name=f"sim-{seed}",
        )
        began, began_cpu = time.perf_counter(), time.process_time()
        done = simulate(planted, organisation=lab, slug=f"sim-{seed}")
        seconds += time.perf_counter() - began
        cpu += time.process_time() - began_cpu
        judgments += done.judgments
        for rater in planted.raters:
            chances.setdefault(rater.kind, []).append(done.chances[rater.name])
        for found in done.findings:
            if found.is_inside is not None:
                inside.setdefault(found.part, []).append(found.is_inside)
        remove_simulated_campaign(campaign=done.campaign)
    return {
        "campaigns": CAMPAIGNS,
        "raters": RATERS * CAMPAIGNS,
        "judgments": judgments,
        "judgments_per_second": round(judgments / seconds),
        # Of this process, report and all; the database's comes on top.
        "cpu_ms_per_judgment": round(1000 * cpu / judgments, 2),
        **_caught(chances),
        "intervals": {
            part: {"held": round(float(np.mean(held)), 3), "n": len(held)}
            for part, held in inside.items()
        },
        "target_caught_at_five_in_a_hundred": 0.9,
        "target_caught_at_one_in_a_hundred": 0.8,
    }


def _caught(chances: dict[str, list[float]]) -> dict[str, Any]:
    """Of each kind, the share below the chance that so many careful raters are below."""
    careful = np.array(chances["careful"])
    figures: dict[str, Any] = {"careful_below_.05": round(float(np.mean(careful < 0.05)), 4)}
    for name, false_alarms in (("five_in_a_hundred", 0.05), ("one_in_a_hundred", 0.01)):
        bar = np.quantile(careful, false_alarms)
        by_kind = {kind: round(float(np.mean(np.array(chances[kind]) < bar)), 3) for kind in BAD}
        figures[f"caught_at_{name}"] = {
            "all": round(float(np.mean([*by_kind.values()])), 3),
            **by_kind,
        }
    return figures


if __name__ == "__main__":
    print(json.dumps(main(), indent=1))
