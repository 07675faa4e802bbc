"""Equal items taken together: a million items are a few hundred patterns and their numbers."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from labeling.metrics.votes import Floats, Ints

BOOTSTRAP_DRAWS: Final = 1000
BOOTSTRAP_SEED: Final = 1927  # Thurstone's law of comparative judgment
_MOST_CELLS: Final = 2_000_000
_MOST_WORK: Final = 10_000_000
_FEWEST_DRAWS: Final = 200


def collapse(rows: Ints, times: Ints | None = None) -> tuple[Ints, Ints]:
    """The distinct rows in ascending order, and how often each occurs: each given row counts once,
    or as many times as `times` says.

    The order of the result, and so every sum over it, does not depend on the order of `rows`, nor
    on how many of them were taken together before.
    """
    if len(rows) == 0:
        return rows, np.zeros(0, dtype=np.int64)
    lowest = rows.min(axis=0).astype(object)
    spans = rows.max(axis=0).astype(object) - lowest + 1
    size = 1
    for span in spans:
        size *= int(span)
    if size < 2**62:  # one whole number stands for a row
        key = np.zeros(len(rows), dtype=np.int64)
        for column, (low, span) in enumerate(zip(lowest, spans, strict=True)):
            key = key * int(span) + (rows[:, column] - int(low))
        if times is None:
            _, first, counts = np.unique(key, return_index=True, return_counts=True)
            return rows[first], counts
        _, first, place = np.unique(key, return_index=True, return_inverse=True)
        return rows[first], _sums(place, times)
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    return distinct, _sums(
        place.reshape(-1), np.ones(len(rows), np.int64) if times is None else times
    )


def _sums(place: Ints, times: Ints) -> Ints:
    # Whole numbers below 2^53, which floats hold exactly.
    return np.bincount(place, times).astype(np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class ItemPatterns:
    """Counts per category of items, each with the number of items that have just these counts."""

    counts: Floats
    multiplicity: Ints

    @classmethod
    def of(cls, item_counts: Ints, times: Ints | None = None) -> Self:
        """The patterns of items (rows) by category (columns); items without a vote are left out.

        With `times`, each row stands for so many items.
        """
        voted = item_counts.sum(axis=1) > 0
        rows, multiplicity = collapse(item_counts[voted], None if times is None else times[voted])
        return cls(rows.astype(np.float64), multiplicity)

    @property
    def item_count(self) -> int:
        """How many items have a vote."""
        return int(self.multiplicity.sum())


def draw_count(patterns: ItemPatterns) -> int:
    """How many bootstrap draws are made: 1,000, or fewer where very many items all differ."""
    affordable = _MOST_WORK // max(len(patterns.multiplicity), 1)
    return int(min(BOOTSTRAP_DRAWS, max(_FEWEST_DRAWS, affordable)))


def resampled_totals(patterns: ItemPatterns, features: Floats) -> Floats:
    """Sums of the patterns' features over items drawn with replacement: one row per draw.

    Drawing items is drawing how often each pattern comes: a multinomial, with a fixed seed.
    """
    draws = draw_count(patterns)
    count = patterns.item_count
    chances = patterns.multiplicity / count
    random = np.random.default_rng(BOOTSTRAP_SEED)
    step = max(_MOST_CELLS // max(len(chances), 1), 1)
    return np.concatenate(
        [
            random.multinomial(count, chances, size=min(step, draws - start)) @ features
            for start in range(0, draws, step)
        ]
    )
