"""How long the report takes, and how much memory, on a million votes of planted models."""

import json
import resource
import sys
import time
from typing import Any

import numpy as np

from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.report import build_report
from labeling.metrics.votes import Votes


def simulated_votes(
    *, judgments: int, models: int, raters: int, per_item: int, seed: int = 7
) -> Votes:
    """Votes by chance from planted strengths, sides dealt by lot, as columns of a query."""
    random = np.random.default_rng(seed)
    items = judgments // per_item
    item = np.repeat(np.arange(items), per_item)
    count = len(item)
    strength = random.normal(0, 1, models)
    model_a = random.integers(0, models, items)
    model_b = (model_a + random.integers(1, models, items)) % models
    gap = strength[model_a] - strength[model_b] + random.normal(0, 1, items)
    wins = random.random(count) < 1 / (1 + np.exp(-gap[item]))
    preference = np.where(wins, 0, 1)
    tie = random.random(count)
    preference[tie < 0.2] = 2
    preference[tie < 0.03] = 3
    # Raters of an item stand next to one another in a circle: nobody meets an item twice.
    rater = (
        np.repeat(random.integers(0, raters, items), per_item)
        + np.tile(np.arange(per_item) * 7, items)
    ) % raters
    length = random.integers(20, 4000, (2, items))
    return Votes.from_columns(
        comparison=item * 3 + 11,
        rater=rater,
        preference=preference,
        shown_left=random.integers(0, 2, count),
        strength=np.where(preference < 2, random.integers(1, 4, count), 0),
        active_ms=random.integers(2_000, 90_000, count),
        model_a=model_a[item],
        model_b=model_b[item],
        length_a=length[0][item],
        length_b=length[1][item],
        model_names={k: f"model-{k:03d}" for k in range(models)},
        rater_names={k: f"rater-{k:04d}" for k in range(raters)},
    )


def peak_megabytes() -> float:
    """The most memory this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024**2 if sys.platform == "darwin" else 1024)


def main() -> dict[str, Any]:
    """Measure the report at 10^6 judgments, 100 models, 1,000 raters, 3 votes an item."""
    size = {"judgments": 999_999, "models": 100, "raters": 1_000, "per_item": 3}
    start = time.perf_counter()
    votes = simulated_votes(**size)
    built = time.perf_counter()
    cpu = time.process_time()
    report = build_report(votes, campaign="bench", computed_at="2000-01-01T00:00:00Z")
    reported = time.perf_counter()
    cpu = time.process_time() - cpu
    encounters = Encounters.of(votes)
    counted = time.perf_counter()
    bradley_terry(encounters)
    fitted = time.perf_counter()
    figures = {
        **size,
        "seconds_to_simulate_and_load": round(built - start, 2),
        "report_seconds": round(reported - built, 2),
        "report_cpu_seconds": round(cpu, 2),
        "count_items_seconds": round(counted - reported, 3),
        "leaderboard_seconds": round(fitted - counted, 3),
        "peak_megabytes": round(peak_megabytes()),
        "report_bytes": len(json.dumps(report, allow_nan=False)),
        "target_report_seconds": 5,
        "target_leaderboard_seconds": 0.2,
        "target_peak_megabytes": 600,
    }
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    main()
