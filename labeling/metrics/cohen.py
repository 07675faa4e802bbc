"""Cohen's kappa of every two raters who share enough items, and their mean."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.votes import Bools, Floats, Ints, Votes

MIN_SHARED: Final = 20
_MOST_RATERS: Final = 3_000  # a table of all pairs of them takes 36 MB
_MOST_LISTED: Final = 10_000_000
_BATCH: Final = 500_000
_MOST_CELLS: Final = 5_000_000  # of all pairs' tables together: 40 MB a column
_UNIT: Final = "pairs of raters"
_INTERVAL: Final = "linearised, clustered by item"


@dataclass(frozen=True, eq=False, slots=True)
class RaterPairs:
    """Pairs of raters (numbers of `votes.raters`) who share items, and kappa of each.

    `kappa` is NaN where both gave one and the same answer throughout: agreement by chance is
    then 1 and kappa undefined. `error` is its standard error, `agreeing` on how many of the
    `shared` items both said the same.
    """

    first: Ints
    second: Ints
    shared: Ints
    agreeing: Ints
    kappa: Floats
    error: Floats
    mean: Estimate
    unweighted_mean: float | None


@dataclass(frozen=True, eq=False, slots=True)
class Scale:
    """Categories that a vote's code falls into, and how far apart each two are.

    `of_code` gives each code's category, or -1 for votes that the scale leaves out.
    """

    of_code: Ints
    distance: Floats


# A disagreement costs 1, whichever it is.
NOMINAL: Final = Scale(np.arange(3), 1 - np.eye(3))


def cohen_kappa(votes: Votes, *, min_shared: int = MIN_SHARED) -> RaterPairs:
    """Kappa of all pairs of raters with `min_shared` items in common, and the weighted mean.

    Cohen (1960), A coefficient of agreement for nominal scales; categories a, tie, b. The mean
    weighs a pair by its shared items. Its interval sums each item's influence on the mean.
    """
    first = votes.first_votes()
    return kappas(first, first.answer, [NOMINAL], min_shared=min_shared)[0]


def kappas(
    votes: Votes, code: Ints, scales: Sequence[Scale], *, min_shared: int = MIN_SHARED
) -> list[RaterPairs]:
    """Weighted kappa on each of the scales, of one vote for each rater and item with its code.

    Cohen (1968), Weighted kappa: 1 less observed over expected distance; with every distance 1 it
    is that of 1960. A pair counts where the scale leaves it `min_shared` items in common.
    """
    width = len(scales[0].of_code)
    rows = _Rows.of(votes, code, min_shared)
    pairs = rows.pairs_sharing(min_shared)
    if pairs is None or len(pairs) * width**2 > _MOST_CELLS:
        return [_none("Too many pairs of raters share items to list them all.") for _ in scales]
    if len(pairs) == 0:
        return [_none(f"No two raters share {min_shared} items.") for _ in scales]
    cells = width * width
    counted = np.zeros(len(pairs) * cells, dtype=np.int64)
    for pair, cell, _item in rows.meetings(pairs, width):
        counted += np.bincount(pair * cells + cell, minlength=len(counted))
    tables = counted.reshape(-1, width, width)
    # What the item's votes did to the mean, scale by scale: summed in one pass over the meetings.
    fitted = [_Fitted.of(tables, scale, min_shared) for scale in scales]
    by_item = np.zeros((len(scales), votes.item_count))
    met = np.zeros((len(scales), votes.item_count), dtype=np.bool_)
    for pair, cell, item in rows.meetings(pairs, width):
        for place, fit in enumerate(fitted):
            change = fit.influence[pair * cells + cell]
            by_item[place] += np.bincount(item, change, votes.item_count)
            met[place, item[fit.counts[pair * cells + cell]]] = True
    first, second = rows.raters[pairs // rows.rater_count], rows.raters[pairs % rows.rater_count]
    return [
        fit.pairs(first, second, by_item[place], int(met[place].sum()), min_shared)
        for place, fit in enumerate(fitted)
    ]


@dataclass(frozen=True, eq=False, slots=True)
class _Fitted:
    """Kappa of every pair on one scale, and each cell's influence on their mean."""

    shared: Ints
    agreeing: Ints
    kappa: Floats
    error: Floats
    mean: float
    influence: Floats
    counts: Bools  # by pair and cell: whether the scale has it and the pair counts

    @classmethod
    def of(cls, tables: Ints, scale: Scale, min_shared: int) -> "_Fitted":
        size = len(scale.distance)
        onto = np.zeros((len(scale.of_code), size))
        kept = scale.of_code >= 0
        onto[np.flatnonzero(kept), scale.of_code[kept]] = 1
        counts = np.einsum("pij,ik,jl->pkl", tables, onto, onto, optimize=True)
        shared = counts.sum(axis=(1, 2))
        has_enough = shared >= min_shared
        share = counts / np.maximum(shared, 1)[:, None, None]
        first_share, second_share = share.sum(axis=2), share.sum(axis=1)
        observed = (share * scale.distance).sum(axis=(1, 2))
        expected = np.einsum("pi,ij,pj->p", first_share, scale.distance, second_share)
        defined = has_enough & (expected > 1e-12)
        chance = np.where(defined, expected, 1.0)
        kappa = np.where(defined, 1 - observed / chance, np.nan)
        # The change of kappa for one more item in a cell: by the chain rule from
        # d(n·D_o) = distance - D_o and d(n·D_e) = mean distance of either margin - 2·D_e.
        d_observed = scale.distance - observed[:, None, None]
        d_expected = (
            (second_share @ scale.distance.T)[:, :, None]
            + (first_share @ scale.distance)[:, None, :]
            - 2 * expected[:, None, None]
        )
        gap = chance[:, None, None]
        d_kappa = (observed[:, None, None] / gap * d_expected - d_observed) / gap
        middle = (share * d_kappa).sum(axis=(1, 2))
        spread = (share * d_kappa**2).sum(axis=(1, 2)) - middle**2
        error = np.sqrt(np.maximum(spread, 0) / np.maximum(shared, 1))
        weight = np.where(defined, shared, 0)
        total = weight.sum()
        mean = float((np.where(defined, kappa, 0) * weight).sum() / total) if total else np.nan
        change = np.where(defined, kappa - mean, 0)[:, None, None] + d_kappa
        change = np.where(defined[:, None, None], change, 0) / max(total, 1)
        place = np.where(kept, scale.of_code, 0)
        both = (kept[:, None] & kept[None, :])[None] & defined[:, None, None]
        spread_out = np.where(both, change[:, place][:, :, place], 0)
        agreeing = np.trace(counts, axis1=1, axis2=2)
        return cls(
            np.where(has_enough, shared, 0).astype(np.int64),
            agreeing.astype(np.int64),
            kappa,
            error,
            mean,
            spread_out.ravel(),
            np.broadcast_to(both, spread_out.shape).ravel(),
        )

    def pairs(
        self, first: Ints, second: Ints, by_item: Floats, items: int, min_shared: int
    ) -> RaterPairs:
        """The pairs that share enough on this scale, and the mean with its interval."""
        has_enough = self.shared > 0
        if not has_enough.any():
            return _none(f"No two raters share {min_shared} items.")
        defined = ~np.isnan(self.kappa) & has_enough
        if not defined.any():
            why = "Every such pair gave one answer throughout, so agreement by chance is certain."
            mean = Estimate.undefined(why, unit=_UNIT)
        else:
            reach = Z95 * float(np.sqrt((by_item**2).sum() * items / max(items - 1, 1)))
            mean = Estimate(
                self.mean,
                max(self.mean - reach, -1.0),
                min(self.mean + reach, 1.0),
                int(defined.sum()),
                _UNIT,
                _INTERVAL,
            )
        return RaterPairs(
            first[has_enough],
            second[has_enough],
            self.shared[has_enough],
            self.agreeing[has_enough],
            self.kappa[has_enough],
            self.error[has_enough],
            mean,
            float(self.kappa[defined].mean()) if defined.any() else None,
        )


def _none(why: str) -> RaterPairs:
    empty = np.zeros(0, dtype=np.int64)
    undefined = Estimate.undefined(why, unit=_UNIT)
    none = np.zeros(0)
    return RaterPairs(empty, empty, empty, empty, none, none, undefined, None)


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """Votes of raters who have enough of them, sorted by item, then rater; one of each on an
    item.
    """

    item: Ints
    rater: Ints  # renumbered; `raters` has the numbers in `votes.raters`
    code: Ints
    raters: Ints

    @classmethod
    def of(cls, votes: Votes, code: Ints, min_shared: int) -> "_Rows":
        enough = np.bincount(votes.rater, minlength=len(votes.raters)) >= min_shared
        kept: Bools = enough[votes.rater] if len(votes) else np.zeros(0, dtype=np.bool_)
        votes, code = votes.select(kept), code[kept]
        raters, renumbered = np.unique(votes.rater, return_inverse=True)
        key = votes.item.astype(np.int64) * max(len(raters), 1) + renumbered
        order = np.argsort(key, kind="stable")
        return cls(votes.item[order], renumbered[order], code[order], raters)

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

    def meetings(self, pairs: Ints, width: int) -> Iterator[tuple[Ints, Ints, Ints]]:
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
            cell = self.code[here].astype(np.int64) * width + self.code[there]
            yield place[listed], cell[listed], self.item[here[listed]]
