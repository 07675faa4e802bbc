"""What stopping now would mean: how much wider intervals stay, and which labels are still open."""

from collections.abc import Sequence
from math import sqrt
from typing import Any, Final

import numpy as np

from labeling.metrics.patterns import collapse
from labeling.metrics.power import label_changes
from labeling.metrics.votes import Ints

# Votes to come beyond which nothing more is foretold: the sums grow with their square.
MOST_TO_COME: Final = 30


def labels_open(counts: Ints, remaining: Ints) -> dict[str, Any]:
    """How many labels are open, of comparisons with these votes (a, tie, b) and so many to come.

    `unlabelled` have no vote (`unseen`) or share their first place now. `expected_changes` is the
    expected number, of those with a label, whose label would be another one or none, and `likely`
    counts those for which that is more probable than one in four.
    """
    open_ = remaining > 0
    rows = np.column_stack([counts[open_], np.minimum(remaining[open_], MOST_TO_COME)])
    distinct, times = collapse(rows.astype(np.int64))
    unlabelled, unseen, likely, changes = 0, 0, 0, 0.0
    for (a, tie, b, more), count in zip(distinct.tolist(), times.tolist(), strict=True):
        ordered = sorted((a, tie, b))
        if ordered[2] == ordered[1]:
            unlabelled += count
            unseen += 0 if ordered[2] else count
            continue
        chance = label_changes(a, tie, b, more)
        changes += chance * count
        likely += count if chance > 0.25 else 0
    return {
        "comparisons": int(open_.sum()),
        "judgments": int(remaining[open_].sum()),
        "unlabelled": int(unlabelled),
        "unseen": int(unseen),
        "expected_changes": float(changes),
        "likely": int(likely),
    }


def intervals_left(
    half_widths: Sequence[float], *, judged: int, planned: int, design: float
) -> tuple[float | None, float | None]:
    """The middle one of these half widths now, and once all that is planned has been judged.

    Errors go with the root of the number of judgments over their design effect; `design` is the
    design effect at the end over the one now, above 1 where items will have more votes each.
    """
    if not half_widths or judged <= 0:
        return None, None
    now = float(np.median(half_widths))
    return now, now * sqrt(judged / max(planned, judged) * design)
