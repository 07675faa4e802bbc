"""How often boards of groups are said to differ where nothing does, and where something does."""

import json
from typing import Any

import numpy as np

from labeling.metrics.group_boards import group_boards
from labeling.metrics.group_gaps import gap_rows
from labeling.metrics.groups import Attribute, shown_groups
from labeling.metrics.votes import Votes

MODELS = 6


def planted_groups(
    *,
    seed: int,
    gap: float,
    raters: tuple[int, int] = (8, 8),
    items: int = 240,
    per_item: int = 4,
    item_sd: float = 1.0,
    rater_sd: float = 0.4,
) -> tuple[Votes, Attribute]:
    """Votes of two groups of raters who have tastes of their own; the second likes the first model
    by `gap` logits more than the first group does.
    """
    random = np.random.default_rng(seed)
    count = sum(raters)
    taste = random.normal(0, rater_sd, (count, MODELS)) + np.linspace(-0.8, 0.8, MODELS)
    group = np.repeat([0, 1], raters)
    taste[group == 1, 0] += gap
    a = random.integers(0, MODELS, items)
    b = (a + random.integers(1, MODELS, items)) % MODELS
    effect = random.normal(0, item_sd, items)
    item = np.repeat(np.arange(items), per_item)
    rater = np.concatenate([random.permutation(count)[:per_item] for _ in range(items)])
    lean = taste[rater, a[item]] - taste[rater, b[item]] + effect[item]
    votes = Votes.from_columns(
        comparison=item,
        rater=rater,
        preference=(random.random(len(item)) > 1 / (1 + np.exp(-lean))).astype(int),
        model_a=a[item],
        model_b=b[item],
        model_names={k: f"m{k}" for k in range(MODELS)},
        rater_names={k: f"r{k:02d}" for k in range(count)},
    )
    return votes, Attribute("age", "noted", ["young" if one == 0 else "old" for one in group])


def rates(*, runs: int, gap: float, seed: int, **planted: Any) -> dict[str, float]:
    """Of so many runs: how often a model alone is tested at 5 %, any is found, and the planted one
    comes out first.
    """
    alone, found, first, every = 0, 0, 0, 0
    for run in range(runs):
        votes, attribute = planted_groups(seed=seed + run, gap=gap, **planted)
        (grouping,) = shown_groups([attribute], votes, smallest=3)
        rows = gap_rows(group_boards(votes, grouping))
        alone += sum(row["chance"] < 0.05 for row in rows)
        every += len(rows)
        found += any(row["is_found"] for row in rows)
        first += bool(rows) and rows[0]["is_found"] and rows[0]["model"] == "m0"
    return {
        "below_5_percent": round(alone / max(every, 1), 3),
        "any_found": round(found / runs, 3),
        "planted_found_first": round(first / runs, 3),
    }


def main() -> dict[str, Any]:
    """False alarms and power of the gaps between boards, 400 runs each."""
    runs = 400
    figures = {
        "runs": runs,
        "nothing_differs": rates(runs=runs, gap=0.0, seed=1),
        "nothing_differs_5_raters_each": rates(runs=runs, gap=0.0, seed=1, raters=(5, 5)),
        "nothing_differs_tastes_alike": rates(runs=runs, gap=0.0, seed=1, rater_sd=0.0),
        "one_model_differs_by_1_2_logits": rates(runs=runs, gap=1.2, seed=1),
    }
    print(json.dumps(figures, indent=2))
    return figures


if __name__ == "__main__":
    main()
