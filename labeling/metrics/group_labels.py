"""The label of each item by three rules of adding groups up, and how alike a group's raters are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.estimates import Z95, Estimate, proportion
from labeling.metrics.groups import NOBODY, Grouping
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, Bools, Floats, Ints, Votes

RULES: Final = ("pooled", "balanced", "maximin")
NO_ITEMS: Final = "No item was judged by raters of two groups."
_NO_PAIRS: Final = "No item has two raters of one group, or none has two of different groups."
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class GroupCounts:
    """Votes of each item (row) and group (column) for a, for neither and for b; those of all."""

    for_a: Ints
    ties: Ints
    for_b: Ints
    whole: Ints

    @classmethod
    def of(cls, votes: Votes, grouping: Grouping) -> "GroupCounts":
        """The counts of the raters' first votes."""
        group = grouping.of_rater[votes.rater]
        kept, shape = group != NOBODY, (votes.item_count, len(grouping.names))
        cell = votes.item[kept].astype(np.int64) * shape[1] + group[kept]
        answer = votes.answer[kept]

        def of_answer(wanted: int) -> Ints:
            return np.bincount(cell[answer == wanted], minlength=shape[0] * shape[1]).reshape(shape)

        return cls(
            for_a=of_answer(ANSWER_A),
            ties=of_answer(ANSWER_TIE),
            for_b=of_answer(ANSWER_B),
            whole=votes.answer_counts(),
        )

    @property
    def votes(self) -> Ints:
        """Votes of each item and group."""
        return self.for_a + self.ties + self.for_b

    @property
    def shares_for_a(self) -> Floats:
        """The share of each item's and group's votes for a, ties half; NaN without votes."""
        n = self.votes
        shares = np.full(n.shape, np.nan)
        np.divide(self.for_a + self.ties / 2, n, out=shares, where=n > 0)
        return shares


def summed(columns: Ints) -> Ints:
    """The sum of each row: column by column, which is many times faster for a few of them."""
    total = np.zeros(len(columns), dtype=columns.dtype)
    for k in range(columns.shape[1]):
        total += columns[:, k]
    return total


def leans(counts: GroupCounts) -> tuple[Bools, dict[str, Floats]]:
    """The items that two groups judged, and for each rule which way each leans: above 0 for a.

    *Pooled*: the share for a of all votes, less a half. *Balanced*: the mean of the groups' shares,
    less a half. *Maximin*: what the worst off group would get from a, less what it would get from b
    (halved): a is chosen if min share > 1 − max share. A group without votes has no say.
    """
    shares = counts.shares_for_a
    speaks = np.isfinite(shares)
    groups = summed(speaks.astype(np.int64))
    there = groups > 1
    shares, speaks, groups = shares[there], speaks[there], groups[there]
    total = np.zeros(len(shares))
    lowest, highest = np.ones(len(shares)), np.zeros(len(shares))
    for k in range(shares.shape[1]):
        total += np.where(speaks[:, k], shares[:, k], 0.0)
        lowest, highest = np.fmin(lowest, shares[:, k]), np.fmax(highest, shares[:, k])
    whole = counts.whole[there]
    pooled = (whole[:, ANSWER_A] - whole[:, ANSWER_B]) / 2 / np.maximum(summed(whole), 1)
    return there, {
        "pooled": pooled,
        "balanced": total / np.maximum(groups, 1) - 0.5,
        "maximin": (lowest + highest) / 2 - 0.5,
    }


def label_rows(counts: GroupCounts, names: tuple[str, ...]) -> dict[str, Any]:
    """How many items each rule labels a, b or leaves undecided, what changes, and who gets theirs.

    `changed` is against the pooled label; `turned` of those went from one side to the other.
    `served` is for each group the mean share of its own votes that the label agrees with, half
    where it is undecided, over the items the group judged.
    """
    there, lean = leans(counts)
    items = int(np.count_nonzero(there))
    sides = {rule: _side(values) for rule, values in lean.items()}
    shares = counts.shares_for_a[there]
    speaks = np.isfinite(shares)
    given = [int(np.count_nonzero(speaks[:, place])) for place in range(len(names))]
    # How much of each group is for a beyond a half; nothing where the group has no votes.
    beyond = np.where(speaks, shares - 0.5, 0.0)
    squares = beyond**2
    rows = []
    for rule in RULES:
        side, pooled = sides[rule], sides["pooled"]
        changed, turned = int((side != pooled).sum()), int((side * pooled < 0).sum())
        total, spread = side @ beyond, np.abs(side) @ squares
        rows.append(
            {
                "rule": rule,
                "a": int((side > 0).sum()),
                "b": int((side < 0).sum()),
                "undecided": int((side == 0).sum()),
                "changed": proportion(changed, items, unit="items", why=NO_ITEMS).as_json(),
                "changed_count": changed,
                "turned_count": turned,
                "served": [
                    {"group": name}
                    | _served(float(total[place]), float(spread[place]), given[place]).as_json()
                    for place, name in enumerate(names)
                ],
            }
        )
    body: dict[str, Any] = {"item_count": items, "rows": rows}
    if not items:
        body["why"] = NO_ITEMS
    return body


def _side(lean: Floats) -> Ints:
    return np.where(np.abs(lean) < _ROUNDING, 0, np.sign(lean)).astype(np.int64)


def _served(total: float, squares: float, n: int) -> Estimate:
    """A half more than the mean of n values with this sum and sum of squares."""
    if not n:
        return Estimate.undefined(NO_ITEMS, unit="items")
    mean = 0.5 + total / n
    if n == 1:
        return Estimate(mean, None, None, 1, "items")
    variance = max(squares - total**2 / n, 0.0) / (n - 1)
    reach = Z95 * (variance / n) ** 0.5
    low, high = max(mean - reach, 0.0), min(mean + reach, 1.0)
    return Estimate(mean, low, high, n, "items", "normal, over items")


def alike_within(counts: GroupCounts) -> dict[str, Any]:
    """How often two raters of one group agree, two of different groups, and the difference.

    Pairs of votes on one item, a tie being an answer; percentile bootstrap of items.
    """
    inside, across = np.zeros((2, len(counts.whole)), dtype=np.int64)
    for part in (counts.for_a, counts.ties, counts.for_b):
        alike = summed(part * (part - 1)) // 2
        total = summed(part)
        inside += alike
        across += total * (total - 1) // 2 - alike
    n = counts.votes
    inside_n, total = summed(n * (n - 1)) // 2, summed(n)
    across_n = total * (total - 1) // 2 - inside_n
    patterns = ItemPatterns.of(np.stack([inside, inside_n, across, across_n], axis=1))
    found = estimate(patterns, _ALIKE.values())
    return {name: one.as_json() for name, one in zip(_ALIKE, found, strict=True)}


def _share_of(column: int) -> Statistic:
    def features(counts: Floats) -> Floats:
        pairs = counts[:, column + 1]
        return np.stack([counts[:, column], pairs, (pairs > 0).astype(np.float64)], axis=1)

    def value(totals: Floats) -> Floats:
        ratio: Floats = totals[..., 0] / totals[..., 1]
        return ratio

    return Statistic(
        features, value, lambda t: float(t[1]), "rater pairs", _NO_PAIRS, is_proportion=True
    )


def _apart(counts: Floats) -> Floats:
    has_pairs = ((counts[:, 1] > 0) | (counts[:, 3] > 0)).astype(np.float64)
    return np.concatenate([counts, has_pairs[:, None]], axis=1)


def _difference(totals: Floats) -> Floats:
    apart: Floats = totals[..., 0] / totals[..., 1] - totals[..., 2] / totals[..., 3]
    return apart


_ALIKE: Final = {
    "same_group": _share_of(0),
    "different_groups": _share_of(2),
    "difference": Statistic(
        _apart, _difference, lambda t: float(t[1] + t[3]), "rater pairs", _NO_PAIRS, _NO_PAIRS
    ),
}
