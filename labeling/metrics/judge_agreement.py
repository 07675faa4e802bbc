"""How often a judge answers as people do, beside how often people answer as one another.

Items are rows of six counts: which answer the judge gave (a, neither, b), and how many people gave
each. All figures are means over items, with a percentile bootstrap of items.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.estimates import Estimate
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Bools, Floats, Votes

NO_PEOPLE: Final = "No person voted on this judge's items."
NO_TRIPLES: Final = "No item of this judge's has votes of three people."
_ONE_ANSWER: Final = (
    "Judge or people gave one answer throughout, so agreement by chance is certain."
)
_JUDGE: Final = slice(0, 3)
_PEOPLE: Final = slice(3, 6)


def majority_shares(counts: Floats) -> Floats:
    """Each item's majority as shares of the answers: 1 for the mode, 1/k for each of k modes."""
    most = counts.max(axis=1, keepdims=True)
    modes = (counts == most) & (most > 0)
    shares: Floats = modes / np.maximum(modes.sum(axis=1, keepdims=True), 1)
    return shares


def _stack(*columns: Floats | Bools) -> Floats:
    return np.stack([np.asarray(column, dtype=np.float64) for column in columns], axis=1)


def _mean(totals: Floats) -> Floats:
    ratio: Floats = totals[..., 0] / totals[..., -1]
    return ratio


def _size(totals: Floats) -> float:
    return float(totals[-1])


def _kappa_features(counts: Floats) -> Floats:
    shares = majority_shares(counts[:, _PEOPLE])
    counted = shares.sum(axis=1) > 0
    judge = counts[:, _JUDGE] * counted[:, None]
    return np.concatenate([_stack((judge * shares).sum(axis=1)), judge, shares, _stack(counted)], 1)


def _kappa(totals: Floats) -> Floats:
    n = totals[..., -1]
    observed = totals[..., 0] / n
    chance = (totals[..., 1:4] * totals[..., 4:7]).sum(axis=-1) / n**2
    possible = np.where(chance > 1 - 1e-12, np.nan, 1 - chance)
    kappa: Floats = (observed - chance) / possible
    return kappa


def _left_one_out(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Per item with three people: the credit of one of them against the mode of the others, the
    judge's against the same modes, both as means over who is left out; and whether it counts.
    """
    people = counts[:, _PEOPLE]
    n = people.sum(axis=1)
    counted = n >= 3
    person, judge = np.zeros_like(n), np.zeros_like(n)
    for answer in range(3):
        others = people.copy()
        others[:, answer] -= 1
        there = people[:, answer] > 0
        shares = majority_shares(np.where(there[:, None], others, 0))
        person += people[:, answer] * shares[:, answer]
        judge += people[:, answer] * (counts[:, _JUDGE] * shares).sum(axis=1)
    n = np.maximum(n, 1)
    zero = np.zeros_like(n)
    return (
        np.where(counted, person / n, zero),
        np.where(counted, judge / n, zero),
        counted.astype(np.float64),
    )


def _person(counts: Floats) -> Floats:
    person, _, counted = _left_one_out(counts)
    return _stack(person, counted)


def _advantage(counts: Floats) -> Floats:
    person, judge, counted = _left_one_out(counts)
    return _stack(judge - person, counted)


FIGURES: Final[Mapping[str, Statistic]] = {
    # Cohen's kappa of the judge and the people's majority.
    "kappa": Statistic(_kappa_features, _kappa, _size, "items", NO_PEOPLE, _ONE_ANSWER),
    # One person against the majority of the others.
    "one_person": Statistic(_person, _mean, _size, "items", NO_TRIPLES, is_proportion=True),
    # The judge less one person, against the same majorities of the others.
    "advantage": Statistic(_advantage, _mean, _size, "items", NO_TRIPLES),
}


def personas(
    own: Votes,
    people: Votes,
    persona: Mapping[str, str],
    groups: Sequence[Mapping[str, Any]],
    *,
    least: int,
) -> list[dict[str, Any]]:
    """For each group the judge was told to be of: its agreement with people of it and with others.

    Agreement with single people, not with majorities, since a larger group has steadier ones. A
    group, or the rest, of fewer raters than `least` is withheld.
    """
    return [
        {"group": key, "value": value}
        | _persona(own, people, (key, str(value)), groups, least=least)
        for key, value in sorted(persona.items())
    ]


def _persona(
    own: Votes,
    people: Votes,
    asked: tuple[str, str],
    groups: Sequence[Mapping[str, Any]],
    *,
    least: int,
) -> dict[str, Any]:
    key, value = asked
    met = np.isin(people.item, own.item)
    voters = np.unique(people.rater[met])
    known = [int(k) for k in voters if int(k) < len(groups) and groups[int(k)].get(key)]
    inside = [k for k in known if str(groups[k][key]) == value]
    outside = [k for k in known if str(groups[k][key]) != value]
    if len(inside) < least or len(outside) < least:
        few = "in it" if len(inside) < least else "outside it whose group is known"
        why = f"Withheld: fewer than {least} people {few} voted on this judge's items."
        withheld = Estimate.undefined(why, unit="items").as_json()
        return {"is_withheld": True} | dict.fromkeys(_PERSONA, withheld)
    with_group = people.select(np.isin(people.rater, inside)).answer_counts()[own.item]
    with_others = people.select(np.isin(people.rater, outside)).answer_counts()[own.item]
    table = np.concatenate([np.eye(3, dtype=np.int64)[own.answer], with_group, with_others], axis=1)
    found = estimate(ItemPatterns.of(table), _PERSONA.values())
    rows = {name: one.as_json() for name, one in zip(_PERSONA, found, strict=True)}
    return {"is_withheld": False, **rows}


def _share_alike(counts: Floats, people: slice) -> tuple[Floats, Bools]:
    n = counts[:, people].sum(axis=1)
    alike = (counts[:, _JUDGE] * counts[:, people]).sum(axis=1)
    return np.divide(alike, n, out=np.zeros_like(n), where=n > 0), n > 0


def _alike(people: slice) -> Statistic:
    def features(counts: Floats) -> Floats:
        return _stack(*_share_alike(counts, people))

    return Statistic(features, _mean, _size, "items", NO_PEOPLE, is_proportion=True)


def _difference(counts: Floats) -> Floats:
    inside, has_inside = _share_alike(counts, slice(3, 6))
    outside, has_outside = _share_alike(counts, slice(6, 9))
    both = has_inside & has_outside
    return _stack(np.where(both, inside - outside, 0), both)


def _among(counts: Floats) -> Floats:
    group = counts[:, 3:6]
    n = group.sum(axis=1)
    pairs = n * (n - 1)
    alike = (group * (group - 1)).sum(axis=1)
    return _stack(np.divide(alike, pairs, out=np.zeros_like(n), where=pairs > 0), pairs > 0)


_PERSONA: Final[Mapping[str, Statistic]] = {
    "with_group": _alike(slice(3, 6)),
    "with_others": _alike(slice(6, 9)),
    # On the items that both answered: above zero, the judge is nearer to its group.
    "difference": Statistic(
        _difference, _mean, _size, "items", "No item has votes of the group and of others."
    ),
    # Two people of the group with one another: what a perfect member of it could reach.
    "group_itself": Statistic(
        _among, _mean, _size, "items", "No item has votes of two of the group.", is_proportion=True
    ),
}
