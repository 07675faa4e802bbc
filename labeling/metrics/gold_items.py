"""Known answers that careful raters miss: they may be wrong themselves."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from labeling.metrics.binomial import at_most
from labeling.metrics.estimates import wilson

# What careful raters get right of gold that is right, and how rarely chance may fall short of it.
PASS_RATE: Final = 0.85
CHANCE: Final = 0.01
# A rater is careful by this many other known answers at least.
LEAST_OTHERS: Final = 5


@dataclass(frozen=True, slots=True)
class SuspectItem:
    """An item that careful raters get right in fewer cases than known answers are: its number,
    right answers of all by careful raters, limits of the share, and the chance of so few.
    """

    item: int
    right: int
    n: int
    low: float
    high: float
    chance: float

    @property
    def share(self) -> float:
        return self.right / self.n


def suspect_items(
    *, item: ArrayLike, rater: ArrayLike, is_right: ArrayLike, bar: float
) -> list[SuspectItem]:
    """Items whose pass rate among careful raters is below .85, beyond what chance explains.

    One row for each answer to gold. A rater is careful for an item who got at least `bar` of five
    or more *other* items right, so that an item does not choose its own judges. The most suspect
    come first.
    """
    items, place = np.unique(np.asarray(item, dtype=np.int64), return_inverse=True)
    _, who = np.unique(np.asarray(rater, dtype=np.int64), return_inverse=True)
    right = np.asarray(is_right, dtype=np.int64)
    if not len(items):
        return []
    others = np.bincount(who)[who] - 1
    others_right = np.bincount(who, right).astype(np.int64)[who] - right
    careful = (others >= LEAST_OTHERS) & (others_right >= bar * others)
    n = np.bincount(place[careful], minlength=len(items))
    passed = np.bincount(place[careful], right[careful], len(items)).astype(np.int64)
    found = [_item(int(items[k]), int(passed[k]), int(n[k])) for k in np.flatnonzero(n)]
    return sorted(
        (one for one in found if one.share < PASS_RATE and one.chance < CHANCE),
        key=lambda one: (one.chance, one.item),
    )


def _item(item: int, right: int, n: int) -> SuspectItem:
    low, high = wilson(right, n)
    return SuspectItem(item, right, n, low, high, at_most(right, n, PASS_RATE))
