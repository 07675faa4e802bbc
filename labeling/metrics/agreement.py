"""How far raters agree: every definition from counts per item, with intervals over items.

Categories are columns of counts. For votes they are a, tie, b in that order (both bad is a tie),
or the seven scores; a published table may have any number. A missing vote is absent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.estimates import Estimate, wilson
from labeling.metrics.patterns import ItemPatterns, resampled_totals
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, Floats

NO_PAIRS: Final = "No comparison was judged by two raters yet."
NO_DECISIVE_PAIRS: Final = "No item has two votes that chose a side."
NO_TRIPLES: Final = "No item has votes of three raters."
ONE_CATEGORY: Final = (
    "Every vote gave the same answer, so agreement by chance is certain and nothing lies above it."
)
ONE_ITEM: Final = "One item has no spread to take an interval from."


@dataclass(frozen=True, slots=True)
class Statistic:
    """A measure that depends on sums over items: what to sum, and the value of the sums.

    The last feature is 1 for an item that counts and 0 for one that does not.
    """

    features: Callable[[Floats], Floats]
    value: Callable[[Floats], Floats]
    size: Callable[[Floats], float]
    unit: str
    no_items: str
    no_value: str = ONE_CATEGORY
    is_proportion: bool = False


def estimate(patterns: ItemPatterns, statistics: Iterable[Statistic]) -> list[Estimate]:
    """Each statistic with its 95 % interval: a percentile bootstrap of items, fixed seed.

    All share one set of draws. A proportion of exactly 0 or 1 takes Wilson's interval on its
    number of items: the draws would all be alike.
    """
    wanted = list(statistics)
    blocks = [statistic.features(patterns.counts) for statistic in wanted]
    if patterns.item_count:
        draws = resampled_totals(patterns, np.concatenate(blocks, axis=1))
    else:
        draws = np.zeros((0, sum(block.shape[1] for block in blocks)))
    estimates = []
    end = 0
    for statistic, block in zip(wanted, blocks, strict=True):
        start, end = end, end + block.shape[1]
        totals = patterns.multiplicity @ block
        estimates.append(_one(statistic, totals, draws[:, start:end]))
    return estimates


def _one(statistic: Statistic, totals: Floats, draws: Floats) -> Estimate:
    items = int(totals[-1])
    if items == 0:
        return Estimate.undefined(statistic.no_items, unit=statistic.unit)
    n = round(statistic.size(totals))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic.value(totals))
        drawn = statistic.value(draws)
    if not np.isfinite(value):
        return Estimate.undefined(statistic.no_value, unit=statistic.unit, n=n)
    if statistic.is_proportion and value in (0.0, 1.0):
        low, high = wilson(value * items, items)
        return Estimate(value, low, high, n, statistic.unit, "Wilson on the number of items")
    if items == 1:
        return Estimate(value, None, None, n, statistic.unit, note=ONE_ITEM)
    # A draw may hold no countable item, or one answer only: it has no value and is left out.
    usable = drawn[np.isfinite(drawn)]
    low, high = (float(limit) for limit in np.percentile(usable, [2.5, 97.5]))
    method = f"percentile bootstrap of items, {len(usable):,} draws"
    # With few items the draws may all lie on one side of the value.
    return Estimate(value, min(low, value), max(high, value), n, statistic.unit, method)


def _stack(*columns: Floats) -> Floats:
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _agreeing_pairs(counts: Floats) -> Floats:
    pairs: Floats = (counts * (counts - 1)).sum(axis=1) / 2
    return pairs


def _ratio(totals: Floats) -> Floats:
    ratio: Floats = totals[..., 0] / totals[..., 1]
    return ratio


def _pooled(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    return _stack(_agreeing_pairs(counts), n * (n - 1) / 2, n >= 2)


def _item_mean(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    pairs = n * (n - 1) / 2
    share = np.divide(_agreeing_pairs(counts), pairs, out=np.zeros_like(n), where=pairs > 0)
    return _stack(share, n >= 2)


def _decisive(counts: Floats) -> Floats:
    return counts[:, [ANSWER_A, ANSWER_B]]


def _half_credit(counts: Floats) -> Floats:
    n = counts.sum(axis=1)
    ties = counts[:, ANSWER_TIE]
    credit = _agreeing_pairs(counts) + ties * (n - ties) / 2
    return _stack(credit, n * (n - 1) / 2, n >= 2)


PERCENT_POOLED: Final = Statistic(
    _pooled, _ratio, lambda t: float(t[1]), "rater pairs", NO_PAIRS, is_proportion=True
)
PERCENT_ITEM_MEAN: Final = Statistic(
    _item_mean, _ratio, lambda t: float(t[1]), "items", NO_PAIRS, is_proportion=True
)
PERCENT_DECISIVE: Final = Statistic(
    lambda counts: _pooled(_decisive(counts)),
    _ratio,
    lambda t: float(t[1]),
    "rater pairs",
    NO_DECISIVE_PAIRS,
    is_proportion=True,
)
PERCENT_DECISIVE_ITEM_MEAN: Final = Statistic(
    lambda counts: _item_mean(_decisive(counts)),
    _ratio,
    lambda t: float(t[1]),
    "items",
    NO_DECISIVE_PAIRS,
    is_proportion=True,
)
HALF_CREDIT: Final = Statistic(
    _half_credit, _ratio, lambda t: float(t[1]), "rater pairs", NO_PAIRS, is_proportion=True
)


def _leave_one_out(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Per item with three votes: credit of its votes, votes, and whether it counts."""
    n = counts.sum(axis=1)
    counted = n >= 3
    credit = np.zeros_like(n)
    for category in range(counts.shape[1]):
        others = counts.copy()
        others[:, category] -= 1
        most = others.max(axis=1)
        modes = (others == most[:, None]).sum(axis=1)
        hit = others[:, category] == most
        credit += np.where(hit & (counts[:, category] > 0), counts[:, category] / modes, 0)
    return np.where(counted, credit, 0), np.where(counted, n, 0), counted.astype(np.float64)


def _leave_one_out_by_vote(counts: Floats) -> Floats:
    return _stack(*_leave_one_out(counts))


def _leave_one_out_by_item(counts: Floats) -> Floats:
    credit, n, counted = _leave_one_out(counts)
    return _stack(np.divide(credit, n, out=np.zeros_like(n), where=n > 0), counted)


LEAVE_ONE_OUT: Final = Statistic(
    _leave_one_out_by_vote, _ratio, lambda t: float(t[1]), "votes", NO_TRIPLES, is_proportion=True
)
LEAVE_ONE_OUT_ITEM_MEAN: Final = Statistic(
    _leave_one_out_by_item, _ratio, lambda t: float(t[1]), "items", NO_TRIPLES, is_proportion=True
)


def _observed_and_shares(counts: Floats) -> Floats:
    """Per item: its category shares, 1, its agreement, and whether it has two votes."""
    n = counts.sum(axis=1)
    shares = np.divide(counts, n[:, None], out=np.zeros_like(counts), where=n[:, None] > 0)
    return np.concatenate([shares, _stack(n > 0), _item_mean(counts)], axis=1)


def _chance_corrected(expected: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def value(totals: Floats) -> Floats:
        shares = totals[..., :-3] / totals[..., -3, None]
        observed = totals[..., -2] / totals[..., -1]
        by_chance = expected(shares)
        # Rounding may leave a hair of 1 when one answer holds every share.
        possible = np.where(by_chance > 1 - 1e-12, np.nan, 1 - by_chance)
        corrected: Floats = (observed - by_chance) / possible
        return corrected

    return value


def _fleiss_expected(shares: Floats) -> Floats:
    expected: Floats = (shares**2).sum(axis=-1)
    return expected


FLEISS_KAPPA: Final = Statistic(
    _observed_and_shares,
    _chance_corrected(_fleiss_expected),
    lambda t: float(t[-1]),
    "items",
    NO_PAIRS,
)


def gwet_ac1(category_count: int) -> Statistic:
    """Gwet's AC1 when raters used (or could use) so many categories; two at least."""

    def expected(shares: Floats) -> Floats:
        if category_count < 2:
            return np.ones(shares.shape[:-1])
        chance: Floats = (shares * (1 - shares)).sum(axis=-1) / (category_count - 1)
        return chance

    return Statistic(
        _observed_and_shares,
        _chance_corrected(expected),
        lambda t: float(t[-1]),
        "items",
        NO_PAIRS,
    )


def _coincidences(counts: Floats) -> Floats:
    """Per item its part of the coincidence matrix, row by row, and whether it has two votes."""
    n = counts.sum(axis=1)
    weight = np.divide(1.0, n - 1, out=np.zeros_like(n), where=n >= 2)
    width = counts.shape[1]
    cells = counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(width)
    flat = (cells * weight[:, None, None]).reshape(len(counts), width * width)
    return np.concatenate([flat, _stack(n >= 2)], axis=1)


def _alpha(distance: Callable[[Floats], Floats]) -> Statistic:
    def value(totals: Floats) -> Floats:
        width = round((totals.shape[-1] - 1) ** 0.5)
        matrix = totals[..., :-1].reshape(*totals.shape[:-1], width, width)
        margin = matrix.sum(axis=-1)
        n = margin.sum(axis=-1)
        weight = distance(margin)
        observed = (matrix * weight).sum(axis=(-2, -1)) * (n - 1)
        expected = (margin[..., :, None] * margin[..., None, :] * weight).sum(axis=(-2, -1))
        alpha: Floats = 1 - observed / np.where(expected > 0, expected, np.nan)
        return alpha

    return Statistic(_coincidences, value, lambda t: float(t[-1]), "items", NO_PAIRS)


def _nominal(margin: Floats) -> Floats:
    return np.ones((margin.shape[-1],) * 2) - np.eye(margin.shape[-1])


def _ordinal(margin: Floats) -> Floats:
    # Half of the two end categories and all of those between is the distance of their mid-ranks.
    middle = margin.cumsum(axis=-1) - margin / 2
    squared: Floats = (middle[..., :, None] - middle[..., None, :]) ** 2
    return squared


ALPHA_NOMINAL: Final = _alpha(_nominal)
ALPHA_ORDINAL: Final = _alpha(_ordinal)


def alpha_interval(values: Iterable[float]) -> Statistic:
    """Krippendorff's alpha with the squared difference of the categories' values."""
    scale = np.array(list(values), dtype=np.float64)
    squared = (scale[:, None] - scale[None, :]) ** 2
    return _alpha(lambda _margin: squared)


def alpha_ratio(values: Iterable[float]) -> Statistic:
    """Krippendorff's alpha for values with a true zero: ((c - k) / (c + k)) squared."""
    scale = np.array(list(values), dtype=np.float64)
    total = scale[:, None] + scale[None, :]
    relative = np.divide(
        scale[:, None] - scale[None, :], total, out=np.zeros_like(total), where=total != 0
    )
    return _alpha(lambda _margin: relative**2)
