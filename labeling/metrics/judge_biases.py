"""What a judge prefers whatever the answers say: a place, a length, its own model.

Each is a difference in points of a win rate, a tie being half a win to either side: zero is none.
Length and the judge's own model are measured against people on the same items, so that what is
merely better, and long, does not count as a leaning.
"""

from typing import Final

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.bias import LENGTH_MARGIN
from labeling.metrics.estimates import Estimate
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import UNKNOWN, A, Bools, Floats, Ints, Votes

_ONE_ORDER: Final = "No comparison was asked about in both orders."
_NO_LENGTHS: Final = (
    f"No item that people judged too has answers more than {LENGTH_MARGIN} characters apart."
)
_NO_MODEL: Final = "Which model the judge is, is not known."
_NO_OWN: Final = "The judge's model is not among the models it compared, beside people."


def _stack(*columns: Floats) -> Floats:
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _mean(totals: Floats) -> Floats:
    mean: Floats = totals[..., 0] / totals[..., 1]
    return mean


def _size(totals: Floats) -> float:
    return float(totals[-1])


def _wins(counts: Floats) -> Floats:
    """The share of wins of a, ties half; zero where there is nothing."""
    n = counts.sum(axis=1)
    wins = counts[:, 0] + counts[:, 1] / 2
    share: Floats = np.divide(wins, n, out=np.zeros_like(n), where=n > 0)
    return share


def _by_order(calls: Ints) -> Ints:
    """Answers of each item with a first (three columns) and with b first (three more)."""
    if not len(calls):
        return np.zeros((0, 6), dtype=np.int64)
    _, item = np.unique(calls[:, 0], return_inverse=True)
    cells = item * 6 + np.where(calls[:, 1] == A, 0, 3) + calls[:, 2]
    count = int(item.max()) + 1
    return np.bincount(cells, minlength=count * 6).reshape(count, 6)


def _same_in_both(counts: Floats) -> Floats:
    one, other = counts[:, :3], counts[:, 3:]
    n, m = one.sum(axis=1), other.sum(axis=1)
    both = (n > 0) & (m > 0)
    pairs = n * m
    alike = (one * other).sum(axis=1)
    return _stack(np.divide(alike, pairs, out=np.zeros_like(n), where=both), both)


def _first_wins(counts: Floats) -> Floats:
    one, other = counts[:, :3], counts[:, 3:]
    both = (one.sum(axis=1) > 0) & (other.sum(axis=1) > 0)
    first = (_wins(one) + 1 - _wins(other)) / 2
    return _stack(np.where(both, first - 0.5, 0), both)


_CONSISTENCY: Final = Statistic(
    _same_in_both, _mean, _size, "comparisons", _ONE_ORDER, is_proportion=True
)
_FIRST: Final = Statistic(_first_wins, _mean, _size, "comparisons", _ONE_ORDER)


def consistency(calls: Ints) -> Estimate:
    """The share of comparisons that got one answer in both orders; of several samples, of pairs."""
    return estimate(ItemPatterns.of(_by_order(calls)), [_CONSISTENCY])[0]


def first_lean(calls: Ints) -> Estimate:
    """Which way inconsistency goes: the win rate of what stood first, less a half."""
    return estimate(ItemPatterns.of(_by_order(calls)), [_FIRST])[0]


def _against_people(why: str) -> Statistic:
    """The judge's win rate of the first side, less people's on the same items."""

    def features(counts: Floats) -> Floats:
        counted = counts[:, 3:].sum(axis=1) > 0
        return _stack(np.where(counted, _wins(counts[:, :3]) - _wins(counts[:, 3:]), 0), counted)

    return Statistic(features, _mean, _size, "items", why)


def _turned(own: Votes, people: Ints, chosen: Bools, to_a: Bools) -> ItemPatterns:
    """The chosen rows with a and b as they must be, so that what is asked about is a."""
    rows = np.concatenate([np.eye(3, dtype=np.int64)[own.answer], people[own.item]], axis=1)
    turned = rows[:, [2, 1, 0, 5, 4, 3]]
    return ItemPatterns.of(np.where(to_a[:, None], rows, turned)[chosen])


def length_lean(own: Votes, people: Ints) -> Estimate:
    """By how many points the judge lets the longer answer win more often than people do."""
    a, b = own.item_length_a[own.item], own.item_length_b[own.item]
    differs = (a >= 0) & (b >= 0) & (np.abs(a - b) > LENGTH_MARGIN)
    return estimate(_turned(own, people, differs, a > b), [_against_people(_NO_LENGTHS)])[0]


def own_model_lean(own: Votes, people: Ints, model: str) -> Estimate:
    """By how many points the judge lets its own model win more often than people do.

    A difference in differences: (own less other, by the judge) less (own less other, by people),
    halved into points of a win rate. Items whose two sides are the judge's model say nothing.
    """
    if not model:
        return Estimate.undefined(_NO_MODEL, unit="items")
    index = own.models.index(model) if model in own.models else UNKNOWN
    is_a = own.item_model_a[own.item] == index
    is_b = own.item_model_b[own.item] == index
    holds = (is_a != is_b) & (index != UNKNOWN)
    return estimate(_turned(own, people, holds, is_a), [_against_people(_NO_OWN)])[0]
