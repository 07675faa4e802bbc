"""The votes of a fit with style: those of one item with the same side shown taken together."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from labeling.metrics.bradley_terry import Encounters, connected_components
from labeling.metrics.votes import UNKNOWN, Bools, Floats, Ints, Votes


@dataclass(frozen=True, eq=False, slots=True)
class StyleRows:
    """Votes of one item with the same side shown, taken together: `wins` of `n` are a's.

    `item` indexes `item_a`, `item_b` and `source`; models are numbered from 0 as in `models`.
    """

    item: Ints
    a: Ints
    b: Ints
    side: Floats
    n: Floats
    wins: Floats
    item_a: Ints
    item_b: Ints
    source: Ints
    models: Ints

    @classmethod
    def of(cls, votes: Votes, kept: Bools) -> Self:
        """The votes on the kept items, all of which are between two different known models."""
        source = np.flatnonzero(kept)
        place = np.full(votes.item_count, UNKNOWN, dtype=np.int64)
        place[source] = np.arange(len(source))
        chosen = votes.select(kept[votes.item])
        shown = chosen.shown_left.astype(np.int64) + 1  # 0 unknown, 1 a, 2 b
        cell = place[chosen.item] * 3 + shown
        half_wins = np.array([2.0, 1.0, 0.0])[chosen.answer]
        n = np.bincount(cell, minlength=3 * len(source))
        wins = np.bincount(cell, half_wins, 3 * len(source)) / 2
        used = np.flatnonzero(n)
        pair = np.stack([votes.item_model_a[source], votes.item_model_b[source]])
        models, numbers = np.unique(pair, return_inverse=True)
        numbers = numbers.reshape(2, -1)
        return cls(
            item=used // 3,
            a=numbers[0][used // 3],
            b=numbers[1][used // 3],
            side=np.array([0.0, 1.0, -1.0])[used % 3],
            n=n[used].astype(np.float64),
            wins=wins[used],
            item_a=numbers[0],
            item_b=numbers[1],
            source=source,
            models=models.astype(np.int64),
        )

    @property
    def size(self) -> int:
        """How many models there are."""
        return len(self.models)

    def paired(self) -> Self:
        """The same votes with those of one pair of models taken together: enough without style."""
        size = self.size
        turned = self.a > self.b
        pair = np.where(turned, self.b * size + self.a, self.a * size + self.b)
        pairs, place = np.unique(pair, return_inverse=True)
        won = np.where(turned, self.n - self.wins, self.wins)
        n = np.bincount(place, self.n).astype(np.float64)
        wins = np.bincount(place, won).astype(np.float64)
        one, other = pairs // size, pairs % size
        return replace(
            self,
            item=np.arange(len(pairs)),
            a=one,
            b=other,
            side=np.zeros(len(pairs)),
            n=n,
            wins=wins,
            item_a=one,
            item_b=other,
        )

    def is_connected(self) -> bool:
        """Whether every model reaches every other through half wins."""
        rows = [self.a, self.b, 2 * self.wins, 2 * (self.n - self.wins), 0 * self.n]
        encounters = Encounters.from_rows(np.rint(np.stack(rows, axis=1)).astype(np.int64))
        return len(connected_components(encounters)) == 1
