"""Where raters disagree: taste or noise, and in what way an item's votes are split."""

from typing import Any, Final

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.estimates import proportion
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Floats, Votes

KINDS: Final = ("unanimous", "lone_dissent", "near_even", "between")
NO_REPEATS: Final = "On no item did a rater answer twice and another rater answer too."
NO_TRIPLES: Final = "No item has votes of three raters."
NO_DISAGREEMENT: Final = "Raters agree throughout on these items, so there is nothing to divide."


def disagreement(votes: Votes) -> dict[str, Any]:
    """`taste`: what repeats say of it; `kinds`: items by how their votes are split.

    `votes` are people's, of items whose answer is not known, with all repeats.
    """
    first = votes.first_votes()
    return {"taste": taste_and_noise(votes, first), "kinds": kinds(first)}


def taste_and_noise(votes: Votes, first: Votes) -> dict[str, Any]:
    """Agreement of raters with themselves and with one another on the same items.

    Let a rater answer an item with chances p_c of their own. Two answers of one rater then agree
    with chance Σ p_c², two raters' with Σ p_c q_c: the mean of the first less the mean of the
    second is how much p differs between raters, and is 0 where all draw from the same chances (the
    law of total variance). `noise` is the share of the disagreement between raters that they have
    with themselves too, `taste` the rest. Means over items, percentile bootstrap of items.
    """
    # Nobody answered twice: the pairs need not be looked for.
    if len(first) == len(votes):
        votes = votes.select(np.zeros(0, dtype=np.int64))
    size = max(len(votes.raters), 1)
    key = votes.item.astype(np.int64) * size + votes.rater
    seen, place = np.unique(key, return_inverse=True)
    cells = np.bincount(place * 3 + votes.answer, minlength=len(seen) * 3).reshape(-1, 3)
    n = cells.sum(axis=1)
    item = seen // size
    alike = np.bincount(item, (cells * (cells - 1)).sum(axis=1) / 2, votes.item_count)
    pairs = np.bincount(item, n * (n - 1) / 2, votes.item_count)
    rows = np.concatenate(
        [first.answer_counts(), np.stack([alike, pairs], axis=1).astype(np.int64)], axis=1
    )
    rows = rows[(pairs > 0) & (rows[:, :3].sum(axis=1) > 1)]
    found = estimate(ItemPatterns.of(rows), _TASTE.values())
    return {name: one.as_json() for name, one in zip(_TASTE, found, strict=True)}


def kinds(first: Votes) -> dict[str, Any]:
    """Items with three votes or more by kind, each as a share of them.

    *Unanimous*: one answer. *Lone dissent*: all but one vote alike, which a slip can make.
    *Near even*: the two most frequent answers are at most one vote apart. *Between*: the rest.
    """
    counts = first.answer_counts()
    n = counts.sum(axis=1)
    ordered = np.sort(counts[n >= 3], axis=1)
    n = n[n >= 3]
    most, next_most = ordered[:, 2], ordered[:, 1]
    kind = np.full(len(n), KINDS.index("between"))
    kind[most - next_most <= 1] = KINDS.index("near_even")
    kind[most == n - 1] = KINDS.index("lone_dissent")
    kind[most == n] = KINDS.index("unanimous")
    found = np.bincount(kind, minlength=len(KINDS))
    return {
        name: proportion(int(found[k]), len(n), unit="items", why=NO_TRIPLES).as_json()
        | {"count": int(found[k])}
        for k, name in enumerate(KINDS)
    }


def _means(counts: Floats) -> Floats:
    """Per item the agreement of raters with themselves and with one another, and 1."""
    votes = counts[:, :3]
    n = votes.sum(axis=1)
    between = (votes * (votes - 1)).sum(axis=1) / (n * (n - 1))
    within = counts[:, 3] / counts[:, 4]
    return np.stack([within, between, np.ones_like(n)], axis=1)


def _ratio(of: int) -> Statistic:
    def value(totals: Floats) -> Floats:
        mean: Floats = totals[..., of] / totals[..., 2]
        return mean

    return Statistic(_means, value, lambda t: float(t[-1]), "items", NO_REPEATS, is_proportion=True)


def _part(totals: Floats, *, is_noise: bool) -> Floats:
    within, between = (1 - totals[..., k] / totals[..., 2] for k in (0, 1))
    noise: Floats = within / np.where(between > 0, between, np.nan)
    return noise if is_noise else 1 - noise


def _statistic(*, is_noise: bool) -> Statistic:
    return Statistic(
        _means,
        lambda totals: _part(totals, is_noise=is_noise),
        lambda t: float(t[-1]),
        "items",
        NO_REPEATS,
        NO_DISAGREEMENT,
    )


_TASTE: Final = {
    "with_themselves": _ratio(0),
    "with_one_another": _ratio(1),
    "noise": _statistic(is_noise=True),
    "taste": _statistic(is_noise=False),
}
