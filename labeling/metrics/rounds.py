"""Rounds beside one another: how each was judged, and its models' strengths with their covariance.

What is kept of a round holds for any anchor: `labeling.metrics.one_scale` puts them on one scale.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from labeling.metrics import agreement, bias
from labeling.metrics.bradley_terry import Encounters, bradley_terry, connected_components
from labeling.metrics.estimates import Estimate, proportion
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.raters import gold_accuracy
from labeling.metrics.votes import UNKNOWN, Bools, Ints, Votes

# A matrix of more models would be most of the report.
MOST_MODELS: Final = 60
_NOT_KEPT: Final = "No item of an earlier round was asked again in this one and decided both times."


@dataclass(frozen=True, slots=True)
class RoundMark:
    """A round to be told apart: its number, and the second it was opened."""

    number: int
    opened_at: int


def round_rows(
    votes: Votes,
    judged_at: Ints,
    *,
    rounds: Sequence[RoundMark],
    round_of_item: ArrayLike,
    judges: ArrayLike,
    gold: ArrayLike,
    kept: Mapping[int, int] | None = None,
) -> list[dict[str, Any]]:
    """A row for each round that people have judged, in the order of their numbers.

    `round_of_item` is each item's round by number, or -1. Known answers belong to no round: those
    judged from the opening of a round to that of the next count as its gold. `kept` names, by item
    keys, the earlier item that one asks again.
    """
    is_judge = np.asarray(judges, dtype=np.bool_)
    known = np.asarray(gold, dtype=np.int8)
    of_item = np.asarray(round_of_item, dtype=np.int64)
    is_person: Bools = ~is_judge[votes.rater] if len(votes) else np.zeros(0, dtype=np.bool_)
    is_open = is_person & (known[votes.item] == UNKNOWN)
    is_gold = is_person & (known[votes.item] != UNKNOWN)
    ordered = sorted(rounds, key=lambda mark: (mark.opened_at, mark.number))
    opened = np.array([mark.opened_at for mark in ordered], dtype=np.int64)
    during = np.searchsorted(opened, judged_at, side="right") - 1
    winners = _winners(votes.select(is_open).first_votes())
    rows = []
    for place, mark in enumerate(ordered):
        own = votes.select(is_open & (of_item[votes.item] == mark.number))
        if not len(own):
            continue
        known_votes = votes.select(is_gold & (during == place) & (judged_at >= 0))
        counted = own.first_votes()
        alpha = agreement.estimate(
            ItemPatterns.of(counted.answer_counts()), [agreement.ALPHA_ORDINAL]
        )[0]
        rows.append(
            {
                "number": mark.number,
                "judgment_count": len(own),
                "comparison_count": len(np.unique(own.item)),
                "rater_count": len(np.unique(own.rater)),
                "krippendorff_alpha_ordinal": alpha.as_json(),
                "gold": gold_accuracy(known_votes.first_votes(), known).as_json(),
                "longer": bias.length(counted).share.as_json(),
                "kept": _kept_again(votes, winners, of_item, mark.number, kept or {}).as_json(),
                "scores": _scores(counted),
            }
        )
    return sorted(rows, key=lambda row: row["number"])


def _scores(votes: Votes) -> list[dict[str, Any]]:
    """Bradley–Terry within each set of models that the round's judgments connect.

    A set is one within which every model reaches every other through wins (Ford 1957); between
    sets a round says nothing finite. Models alone in theirs are listed without a strength.
    """
    encounters = Encounters.of(votes)
    rows = []
    for component in connected_components(encounters):
        numbers = [int(encounters.models[place]) for place in component]
        names = [votes.models[number] for number in numbers]
        row: dict[str, Any] = {"models": names, "strength": None, "covariance": None}
        if len(component) > 1:
            inside = np.isin(votes.item_model_a, numbers) & np.isin(votes.item_model_b, numbers)
            fit = bradley_terry(Encounters.of(votes.select(inside[votes.item])))
            row["strength"] = [round(float(value), 9) for value in fit.strength]
            row["item_count"] = fit.item_count
            if len(component) <= MOST_MODELS:
                row["covariance"] = [
                    [float(f"{value:.7g}") for value in line] for line in fit.covariance
                ]
        rows.append(row)
    return sorted(rows, key=lambda row: (-len(row["models"]), row["models"]))


def _winners(votes: Votes) -> Ints:
    """Each item's answer (a, neither, b) with the most votes; -1 where two lead or none is."""
    counts = votes.answer_counts()
    winner = counts.argmax(axis=1)
    is_alone = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1
    return np.where(is_alone & (counts.sum(axis=1) > 0), winner, UNKNOWN)


def _kept_again(
    votes: Votes, winners: Ints, of_item: Ints, number: int, kept: Mapping[int, int]
) -> Estimate:
    """How many of the items asked again got the same answer from most."""
    place = {int(key): k for k, key in enumerate(votes.item_keys)}
    pairs = [
        (place[later], place[earlier])
        for later, earlier in kept.items()
        if later in place and earlier in place and of_item[place[later]] == number
    ]
    both = [
        (int(winners[later]), int(winners[earlier]))
        for later, earlier in pairs
        if winners[later] != UNKNOWN and winners[earlier] != UNKNOWN
    ]
    same = sum(later == earlier for later, earlier in both)
    return proportion(same, len(both), unit="items", why=_NOT_KEPT)
