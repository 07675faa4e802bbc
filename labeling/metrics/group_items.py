"""Items on which two groups of raters differ, each with an exact test, and labels per group."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.binomial import normal_above
from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.groups import NOBODY, Grouping
from labeling.metrics.tails import beta_limits, q_values
from labeling.metrics.votes import Floats, Ints, Votes

FOUND: Final = 0.05
SCORE: Final = "verdict from −3 (A much better) to +3 (B much better)"
ANSWER: Final = "answer, A as −1, neither as 0, B as +1"
NO_ITEMS: Final = "On no item did two groups give enough votes each to be compared."
INTERVAL: Final = "normal, spread of raters within a group and an item pooled over items"
_MOST_EXACT: Final = 24  # votes of an item up to which every way of dealing them out is counted
_MOST_CELLS: Final = 1_000_000
_FEWEST_TESTS: Final = 200
_MOST_TESTS: Final = 5_000


@dataclass(frozen=True, slots=True)
class ItemDifferences:
    """The items farthest apart, of how many that could be compared, and on which scale."""

    rows: list[dict[str, Any]]
    tested: int
    found: int
    items: int
    scale: str
    unknown: int

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the report."""
        body: dict[str, Any] = {
            "rows": self.rows,
            "tested": self.tested,
            "found": self.found,
            "item_count": self.items,
            "scale": self.scale,
            "without_strength": self.unknown,
        }
        if not self.tested:
            body["why"] = NO_ITEMS
        return body


def item_differences(
    votes: Votes, grouping: Grouping, *, least: int = 2, limit: int = 12
) -> ItemDifferences:
    """Items that two groups judged with `least` votes each, the surest difference first.

    The chance is that of the votes of the two groups on the item being dealt out so unevenly by
    lot: a permutation test (Fisher 1935, The Design of Experiments, § 21; Pitman 1937), exact up
    to 24 votes. It needs no spread to be estimated from two or three votes, as Welch's would. `q`
    is over all items and pairs of groups (Benjamini and Hochberg 1995).
    """
    group = grouping.of_rater[votes.rater]
    value, scale, unknown = _values(votes)
    kept = (group != NOBODY) & (value != _UNKNOWN)
    item, group, value = votes.item[kept].astype(np.int64), group[kept], value[kept]
    width = len(grouping.names)
    sizes = np.bincount(item * width + group, minlength=votes.item_count * width)
    sizes = sizes.reshape(-1, width)
    shared = np.flatnonzero((sizes >= least).sum(axis=1) > 1)
    place = np.full(votes.item_count, NOBODY, dtype=np.int64)
    place[shared] = np.arange(len(shared))
    inside = place[item] != NOBODY
    cell = (place[item[inside]] * width + group[inside]) * 7 + value[inside] + 3
    counts = np.bincount(cell, minlength=len(shared) * width * 7).reshape(-1, width, 7)
    pairs = [(k, m) for k in range(width) for m in range(k + 1, width)]
    has_enough = sizes[shared] >= least
    rows_of = [np.flatnonzero(has_enough[:, k] & has_enough[:, m]) for k, m in pairs]
    if not any(map(len, rows_of)):
        return ItemDifferences([], 0, 0, len(shared), scale, unknown)
    row = np.concatenate(rows_of)
    which = np.repeat(np.array(pairs), [len(found) for found in rows_of], axis=0)
    g, h = which[:, 0], which[:, 1]
    chosen, chances, distance = _chances(counts[row, g], counts[row, h])
    q = q_values(chances, tests=len(row))
    order = np.lexsort((votes.item_keys[shared[row[chosen]]], -distance[chosen], np.round(q, 12)))
    spread = _spread(counts)
    rows = []
    for k in order[:limit]:
        at = int(chosen[k])
        rows.append(
            _row(votes, grouping, int(shared[row[at]]), which[at], counts[row[at]])
            | {"difference": _gap(counts[row[at]], which[at], spread, scale)}
            | {"chance": float(chances[k]), "q": float(q[k]), "is_found": bool(q[k] < FOUND)}
        )
    found = len(np.unique(row[chosen[q < FOUND]]))
    return ItemDifferences(rows, len(row), found, len(shared), scale, unknown)


_UNKNOWN: Final = 9


def _values(votes: Votes) -> tuple[Ints, str, int]:
    """Each vote's score, or its answer where most strengths are unknown; how many had none."""
    sign = votes.answer.astype(np.int64) - 1
    has_none = votes.is_decisive & (votes.strength < 0)
    unknown = int(np.count_nonzero(has_none))
    if 2 * unknown > np.count_nonzero(votes.is_decisive):
        return sign, ANSWER, 0
    score = sign * np.clip(votes.strength, 0, 3).astype(np.int64)
    return np.where(has_none, _UNKNOWN, score), SCORE, unknown


def _moments(counts: Ints) -> tuple[Ints, Floats, Floats]:
    """Votes, mean and sum of squares about it, of counts of scores from −3 to +3."""
    scale = np.arange(-3, 4)
    n = counts.sum(axis=-1)
    safe = np.maximum(n, 1)
    mean = (counts @ scale) / safe
    return n, mean, counts @ (scale**2) - n * mean**2


def _spread(counts: Ints) -> float:
    """The standard deviation of raters of one group on one item, pooled over both."""
    n, _, squares = _moments(counts)
    freedom = int(np.maximum(n - 1, 0).sum())
    return float(np.sqrt(max(squares.sum(), 0.0) / freedom)) if freedom else 0.0


def _chances(one: Ints, other: Ints) -> tuple[Ints, Floats, Floats]:
    """Which tests are farthest out, their chances, and how far apart the groups are in each.

    The others count as sure to come by chance, which makes `q` larger, never smaller.
    """
    n, mean, _ = _moments(one)
    m, other_mean, _ = _moments(other)
    distance = np.abs(mean - other_mean)
    total = one + other
    size, _, squares = _moments(total)
    error = np.sqrt(np.maximum(squares, 0) / np.maximum(size - 1, 1) * (1 / n + 1 / m))
    far = np.divide(distance, error, out=np.zeros_like(distance), where=error > 1e-12)
    drawn = np.minimum(n, m)
    widest = int(min(drawn.max(), _MOST_EXACT // 2))
    most = int(
        np.clip(_MOST_CELLS // ((widest + 1) * (6 * widest + 1)), _FEWEST_TESTS, _MOST_TESTS)
    )
    chosen = np.argsort(-np.round(far, 12), kind="stable")[:most]
    chances = np.array([2 * normal_above(float(z)) for z in far[chosen]])
    small = np.flatnonzero(size[chosen] <= _MOST_EXACT)
    if len(small):
        at = chosen[small]
        is_one = (n <= m)[at]
        fewer = np.where(is_one[:, None], one[at], other[at])
        chances[small] = permutation_chances(fewer, total[at])
    return chosen, chances, distance


def permutation_chances(drawn: Ints, total: Ints) -> Floats:
    """How often as many votes as `drawn` has, dealt from `total`, sum to as far from their mean.

    Rows are tests, columns counts of seven scores. Every way of dealing is counted, score by score:
    ways[test, votes dealt, their sum].
    """
    count = len(drawn)
    size = drawn.sum(axis=1)
    most = int(size.max(initial=0))
    ways = np.zeros((count, most + 1, 6 * most + 1))
    ways[:, 0, 0] = 1.0
    for score in range(7):
        have = total[:, score]
        after = np.zeros_like(ways)
        choose = np.ones(count)
        for taken in range(min(int(have.max(initial=0)), most) + 1):
            if taken:
                choose = choose * np.maximum(have - taken + 1, 0) / taken
            up = taken * score
            after[:, taken:, up:] += (
                choose[:, None, None] * ways[:, : most + 1 - taken, : 6 * most + 1 - up]
            )
        ways = after
    ways = ways[np.arange(count), size]
    scale = np.arange(7)
    expected = (total @ scale) * size / np.maximum(total.sum(axis=1), 1)
    off = np.abs(drawn @ scale - expected)
    sums = np.arange(6 * most + 1)
    as_far = np.abs(sums[None, :] - expected[:, None]) >= off[:, None] - 1e-9
    chances: Floats = (ways * as_far).sum(axis=1) / ways.sum(axis=1)
    return chances


def _row(votes: Votes, grouping: Grouping, item: int, pair: Ints, counts: Ints) -> dict[str, Any]:
    n, mean, _ = _moments(counts)
    return {
        "item": item,
        "model_a": _name(votes, int(votes.item_model_a[item])),
        "model_b": _name(votes, int(votes.item_model_b[item])),
        "groups": [
            {"group": grouping.names[k], "mean": float(mean[k]), "n": int(n[k])}
            | {"share_a": share_for_a(counts[k]).as_json()}
            for k in sorted(map(int, pair), key=lambda one: float(mean[one]))
        ],
    }


def _gap(counts: Ints, pair: Ints, spread: float, scale: str) -> dict[str, Any]:
    n, mean, _ = _moments(counts[pair])
    gap, most = float(abs(mean[0] - mean[1])), 6.0 if scale == SCORE else 2.0
    reach = Z95 * spread * float(np.sqrt((1 / n).sum()))
    whole = int(n.sum())
    if not reach:
        note = "Within groups nobody differs on any such item, so there is no spread to go by."
        return Estimate(gap, None, None, whole, "votes", note=note).as_json()
    low, high = max(gap - reach, -most), min(gap + reach, most)
    return Estimate(gap, low, high, whole, "votes", INTERVAL).as_json()


def share_for_a(counts: Ints) -> Estimate:
    """One group's soft label of an item: how many of such raters would choose A, ties half.

    The mean and the middle 95 % of Beta(1 + wins, 1 + losses), uniform beforehand (Laplace 1774;
    Gelman et al. 2013, Bayesian Data Analysis, 3rd ed., § 2.1).
    """
    for_b, ties = int(counts[4:].sum()), int(counts[3])
    for_a = int(counts[:3].sum())
    wins, losses = 1 + for_a + ties / 2, 1 + for_b + ties / 2
    low, high = beta_limits(wins, losses)
    n = for_a + ties + for_b
    return Estimate(wins / (wins + losses), low, high, n, "votes", "Beta posterior")


def _name(votes: Votes, model: int) -> str | None:
    return None if model < 0 else votes.models[model]
