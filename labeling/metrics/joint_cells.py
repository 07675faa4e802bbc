"""What the joint model counts: votes that chose a side, in cells that are alike to it."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from labeling.metrics.by_item import ByItem
from labeling.metrics.votes import UNKNOWN, A, Bools, Floats, Ints, Votes

# Lengths are taken together in steps of a tenth; a cell has the mean of its votes' own.
_STEPS: Final = 10
# Logits are kept within these limits, where a chance is one in ten million millions.
SURE: Final = 30.0


def logistic(x: Floats) -> Floats:
    """1/(1 + exp(-x)), without overflow."""
    chance: Floats = 1 / (1 + np.exp(-np.clip(x, -SURE, SURE)))
    return chance


def log_logistic(x: Floats) -> Floats:
    """The logarithm of that."""
    return -np.log1p(np.exp(-np.clip(x, -SURE, SURE)))


def towards_a(votes: Votes) -> tuple[Floats, Floats]:
    """What speaks for a beside the texts: +1 shown left, -1 right; (length a - b)/(a + b).

    0 where it is not known.
    """
    side = np.where(votes.shown_left == UNKNOWN, 0.0, np.where(votes.shown_left == A, 1.0, -1.0))
    return side, relative_length(votes)[votes.item]


def relative_length(votes: Votes) -> Floats:
    """(length a - length b)/(length a + length b) of each item, 0 where a length is unknown."""
    a, b = votes.item_length_a.astype(np.float64), votes.item_length_b.astype(np.float64)
    known = (a >= 0) & (b >= 0) & (a + b > 0)
    return np.where(known, (a - b) / np.where(known, a + b, 1.0), 0.0)


@dataclass(frozen=True, eq=False, slots=True)
class Pairs:
    """Each item's ordered pair of models: `of_item` indexes into `first` and `second`.

    Items without two different known models have the last pair, whose gap is 0.
    """

    of_item: Ints
    first: Ints
    second: Ints
    models: int

    @classmethod
    def of(cls, model_a: Ints, model_b: Ints, models: int) -> Self:
        """From the models of each item."""
        a, b = model_a.astype(np.int64), model_b.astype(np.int64)
        usable = (a >= 0) & (b >= 0) & (a != b)
        distinct, place = np.unique(np.where(usable, a * models + b, -1), return_inverse=True)
        known = distinct >= 0
        # What is unknown sorts first and is put last.
        unknown = int(np.count_nonzero(~known))
        place = np.where(place >= unknown, place - unknown, np.count_nonzero(known))
        size = max(models, 1)
        return cls(place, distinct[known] // size, distinct[known] % size, models)

    def of_items(self, items: Ints) -> Self:
        """The pairs of the chosen items, with the same numbers."""
        return replace(self, of_item=self.of_item[items])

    @property
    def size(self) -> int:
        """How many pairs there are, that of the unknown included."""
        return len(self.first) + 1

    def gaps(self, strength: Floats) -> Floats:
        """The first model's strength less the second's, of every pair."""
        return np.append(strength[self.first] - strength[self.second], 0.0)

    def totals(self, values: Floats) -> Floats:
        """Sums over the items of each pair."""
        return np.bincount(self.of_item, values, self.size).astype(np.float64)


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """Votes by rater, by which side and which length they chose; `of_vote` says where each is.

    A vote for b is in the upper half of the codes: cell + number of cells. `side` and `length` are
    towards the answer given: its side was left, its text the longer.
    """

    by_item: ByItem
    of_vote: Ints
    rater: Ints
    side: Floats
    length: Floats
    n_a: Floats
    n_b: Floats

    @classmethod
    def of(cls, votes: Votes) -> Self:
        """From votes that all chose a side."""
        by_item = ByItem.of(votes.item)
        votes = votes.select(by_item.order)
        is_b: Bools = votes.preference != A
        sign = np.where(is_b, -1.0, 1.0)
        side, length = (sign * part for part in towards_a(votes))
        steps = 2 * _STEPS + 1
        key = (votes.rater.astype(np.int64) * 3 + side.astype(np.int64) + 1) * steps + (
            np.rint(length * _STEPS).astype(np.int64) + _STEPS
        )
        n = np.bincount(key, minlength=len(votes.raters) * 3 * steps)
        kept = np.flatnonzero(n)
        number = np.cumsum(n > 0) - 1
        cell = number[key]
        size = len(kept)
        of_b = np.bincount(cell, is_b.astype(np.float64), size).astype(np.float64)
        return cls(
            by_item=by_item,
            of_vote=cell + size * is_b,
            rater=kept // (3 * steps),
            side=(kept // steps % 3 - 1).astype(np.float64),
            length=np.bincount(cell, length, size) / np.maximum(n[kept], 1),
            n_a=n[kept].astype(np.float64) - of_b,
            n_b=of_b,
        )

    def sums(self, of_item: Floats) -> tuple[Floats, Floats]:
        """Sums over the votes of each cell of their items' values: those for a, those for b."""
        size = len(self.rater)
        spread = self.by_item.spread(of_item)
        found = np.bincount(self.of_vote, spread, 2 * size).astype(np.float64)
        return found[:size], found[size:]

    def agreeing(self, better_a: Floats) -> Floats:
        """How many votes of each cell named the better one, given each item's chance of a."""
        for_a, for_b = self.sums(better_a)
        agreeing: Floats = for_a + self.n_b - for_b
        return agreeing

    def item_sums(self, if_a: Floats, if_b: Floats) -> Floats:
        """Sums over each item of its votes' cells' values, one for votes for a, one for b."""
        return self.by_item.sums(np.concatenate([if_a, if_b]).take(self.of_vote))

    def for_a(self, value: Floats) -> Floats:
        """Sums over each item of its votes' cells' values, those for b counted against it."""
        return self.item_sums(value, -value)
