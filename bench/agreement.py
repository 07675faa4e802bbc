"""How long agreement of the parts takes, and how much memory, on a million votes."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.metrics import peak_megabytes, simulated_votes
from labeling.metrics import agreement_by

ROUNDS = 8
CRITERIA = 4
# Ten weeks.
SECONDS = 70 * agreement_by.DAY


def main() -> dict[str, Any]:
    """Measure every part at 10^6 judgments, 1,000 raters, 3 votes an item; seconds of the CPU."""
    size = {"judgments": 999_999, "models": 100, "raters": 1_000, "per_item": 3}
    votes = simulated_votes(**size).first_votes()
    judged_at = np.linspace(1_750_000_000, 1_750_000_000 + SECONDS, len(votes)).astype(np.int64)
    of_item = np.arange(votes.item_count) * ROUNDS // votes.item_count
    answer = votes.answer.astype(np.int64)
    criteria = {f"criterion-{k}": answer for k in range(CRITERIA)}
    parts: dict[str, Callable[[], Any]] = {
        "rounds": lambda: agreement_by.by_round(votes, of_item),
        "criteria": lambda: agreement_by.by_criterion(votes, criteria),
        "windows": lambda: agreement_by.by_window(votes, judged_at),
        "pairs": lambda: agreement_by.by_pair(votes),
        "scales": lambda: agreement_by.by_scale(votes),
    }
    spent = {}
    for name, compute in parts.items():
        start = time.process_time()
        compute()
        spent[name] = round(time.process_time() - start, 2)
    return {
        **size,
        "round_count": ROUNDS,
        "criterion_count": CRITERIA,
        "cpu_seconds": spent,
        "cpu_seconds_in_all": round(sum(spent.values()), 2),
        "peak_megabytes": round(peak_megabytes()),
    }
