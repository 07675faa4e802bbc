"""Cohen's kappa of every two raters who share enough items, and their mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.votes import Bools, Floats, Ints, Votes

MIN_SHARED: Final = 20
_MOST_RATERS: Final = 3_000  # a table of all pairs of them takes 36 MB
_MOST_LISTED: Final = 10_000_000
_BATCH: Final = 500_000
_UNIT: Final = "pairs of raters"
_INTERVAL: Final = "linearised, clustered by item"


@dataclass(frozen=True, eq=False, slots=True)
class RaterPairs:
    """Pairs of raters (numbers of `votes.raters`) who share items, and kappa of each.

    `kappa` is NaN where both gave one and the same answer throughout: agreement by chance is
    then 1 and kappa undefined.
    """

    first: Ints
    second: Ints
    shared: Ints
    kappa: Floats
    mean: Estimate
    unweighted_mean: float | None


def cohen_kappa(votes: Votes, *, min_shared: int = MIN_SHARED) -> RaterPairs:
    """Kappa of all pairs of raters with `min_shared` items in common, and the weighted mean.

    Cohen (1960), A coefficient of agreement for nominal scales; categories a, tie, b. The mean
    weighs a pair by its shared items. Its interval sums each item's influence on the mean.
    """
    rows = _Rows.of(votes, min_shared)
    pairs = rows.pairs_sharing(min_shared)
    if pairs is None:
        return _none("Too many pairs of raters share items to list them all.")
    if len(pairs) == 0:
        return _none(f"No two raters share {min_shared} items.")
    tables = np.zeros(len(pairs) * 9, dtype=np.int64)
    for pair, cell, _item in rows.meetings(pairs):
        tables += np.bincount(pair * 9 + cell, minlength=len(tables))
    share = tables.reshape(-1, 3, 3) / tables.reshape(-1, 9).sum(axis=1)[:, None, None]
    shared = tables.reshape(-1, 9).sum(axis=1)
    observed = np.trace(share, axis1=1, axis2=2)
    first_share, second_share = share.sum(axis=2), share.sum(axis=1)
    expected = (first_share * second_share).sum(axis=1)
    defined = expected < 1 - 1e-12
    kappa = np.full(len(pairs), np.nan)
    kappa[defined] = (observed - expected)[defined] / (1 - expected)[defined]
    first, second = rows.raters[pairs // rows.rater_count], rows.raters[pairs % rows.rater_count]
    if not defined.any():
        why = "Every such pair gave one answer throughout, so agreement by chance is certain."
        return RaterPairs(first, second, shared, kappa, Estimate.undefined(why, unit=_UNIT), None)
    weight = np.where(defined, shared, 0)
    total = int(weight.sum())
    mean = float((np.where(defined, kappa, 0) * weight).sum() / total)
    # The change of the mean for one more item, per pair and cell of its table: by the chain rule
    # from d(n·P_o) = [same] - P_o and d(n·P_e) = row share + column share - 2·P_e.
    gap = np.where(defined, 1 - expected, 1.0)[:, None, None]
    d_observed = np.eye(3) - observed[:, None, None]
    d_expected = second_share[:, :, None] + first_share[:, None, :] - 2 * expected[:, None, None]
    d_kappa = d_observed / gap - (1 - observed)[:, None, None] / gap**2 * d_expected
    influence = np.where(defined, kappa - mean, 0)[:, None, None] + d_kappa
    influence = np.where(defined[:, None, None], influence, 0).ravel() / total
    by_item = np.zeros(votes.item_count)
    met = np.zeros(votes.item_count, dtype=np.bool_)
    for pair, cell, item in rows.meetings(pairs):
        by_item += np.bincount(item, influence[pair * 9 + cell], len(by_item))
        met[item] = True
    items = int(met.sum())
    reach = Z95 * float(np.sqrt((by_item**2).sum() * items / max(items - 1, 1)))
    estimate = Estimate(
        mean,
        max(mean - reach, -1.0),
        min(mean + reach, 1.0),
        int(defined.sum()),
        _UNIT,
        _INTERVAL,
    )
    return RaterPairs(first, second, shared, kappa, estimate, float(kappa[defined].mean()))


def _none(why: str) -> RaterPairs:
    empty = np.zeros(0, dtype=np.int64)
    undefined = Estimate.undefined(why, unit=_UNIT)
    return RaterPairs(empty, empty, empty, np.zeros(0), undefined, None)


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """First votes of raters who have enough of them, sorted by item, then rater."""

    item: Ints
    rater: Ints  # renumbered; `raters` has the numbers in `votes.raters`
    answer: Ints
    raters: Ints

    @classmethod
    def of(cls, votes: Votes, min_shared: int) -> "_Rows":
        first = votes.first_votes()
        enough = np.bincount(first.rater, minlength=len(first.raters)) >= min_shared
        kept: Bools = enough[first.rater] if len(first) else np.zeros(0, dtype=np.bool_)
        first = first.select(kept)
        raters, renumbered = np.unique(first.rater, return_inverse=True)
        key = first.item.astype(np.int64) * max(len(raters), 1) + renumbered
        order = np.argsort(key, kind="stable")
        return cls(first.item[order], renumbered[order], first.answer[order], raters)

    @property
    def rater_count(self) -> int:
        return max(len(self.raters), 1)

    def _meetings(self) -> Iterator[tuple[Ints, Ints]]:
        """Every two rows of one item, the earlier first, some hundred thousand at a time."""
        waiting: list[tuple[Ints, Ints]] = []
        step = 1
        here = np.arange(len(self.item))
        while len(here):
            here = here[here < len(self.item) - step]
            here = here[self.item[here] == self.item[here + step]]
            waiting.append((here, here + step))
            step += 1
            if len(here) == 0 or sum(len(rows) for rows, _ in waiting) >= _BATCH:
                yield (
                    np.concatenate([rows for rows, _ in waiting]),
                    np.concatenate([rows for _, rows in waiting]),
                )
                waiting = []

    def _key(self, here: Ints, there: Ints) -> Ints:
        key: Ints = self.rater[here] * self.rater_count + self.rater[there]
        return key

    def pairs_sharing(self, min_shared: int) -> Ints | None:
        """Keys of the pairs that share enough items, ascending; None if they cannot be listed."""
        count = self.rater_count
        if count <= _MOST_RATERS:
            shared = np.zeros(count * count, dtype=np.int32)
            for here, there in self._meetings():
                shared += np.bincount(self._key(here, there), minlength=len(shared))
            return np.flatnonzero(shared >= min_shared)
        votes_per_item = np.bincount(self.item)
        if int((votes_per_item * (votes_per_item - 1) // 2).sum()) > _MOST_LISTED:
            return None
        listed = [self._key(here, there) for here, there in self._meetings()]
        keys, times = np.unique(np.concatenate(listed), return_counts=True)
        frequent: Ints = keys[times >= min_shared]
        return frequent

    def meetings(self, pairs: Ints) -> Iterator[tuple[Ints, Ints, Ints]]:
        """For each two votes of a listed pair on an item: the pair's place, the cell, the item."""
        if self.rater_count <= _MOST_RATERS:
            place_of_key = np.full(self.rater_count**2, -1, dtype=np.int32)
            place_of_key[pairs] = np.arange(len(pairs))
        else:
            place_of_key = None
        for here, there in self._meetings():
            key = self._key(here, there)
            if place_of_key is None:
                place = np.minimum(np.searchsorted(pairs, key), len(pairs) - 1)
                listed = pairs[place] == key
            else:
                place = place_of_key[key].astype(np.int64)
                listed = place >= 0
            cell = self.answer[here].astype(np.int64) * 3 + self.answer[there]
            yield place[listed], cell[listed], self.item[here[listed]]
