"""The rules a data set may state, side by side: what each says of items, and where they part."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from labeling.metrics.aggregation import (
    RULES,
    ItemAnswers,
    Learned,
    Rule,
    aggregate_first,
    learn_from_first,
)
from labeling.metrics.estimates import Z95, Estimate, proportion
from labeling.metrics.votes import (
    ANSWER_A,
    ANSWER_B,
    ANSWER_OF_PREFERENCE,
    ANSWER_TIE,
    UNKNOWN,
    Bools,
    Floats,
    Ints,
    Votes,
)

MOST_LISTED: Final = 50
NO_ITEMS: Final = "No item has a vote yet."
NO_SIDES: Final = "This rule names no side yet."
NO_GOLD: Final = "No judged comparison has a known answer that names a side."
NO_WORD: Final = "No reviewer decided for a side yet."
NO_COLUMN: Final = {
    "side": "Which side stood left is not recorded of any vote that chose a side.",
    "length": "No two texts of known and different lengths were compared.",
    "longer_better": "No two texts of known and different lengths were compared.",
}
_WORDS: Final = {ANSWER_A: "a", ANSWER_TIE: "tie", ANSWER_B: "b"}


@dataclass(frozen=True, eq=False, slots=True)
class RuleRow:
    """One rule: what it would export, and how often it is right where that can be told.

    Against the majority: `other_side` counts items with the opposite one, `new_side` those where
    the majority has a tie and the rule a side, `new_tie` the reverse.
    """

    rule: Rule
    items: int
    sides: int
    ties: int
    other_side: int
    new_side: int
    new_tie: int
    differs: Estimate
    certainty: Estimate
    gold: Estimate
    reviewers: Estimate

    def as_json(self) -> dict[str, Any]:
        """Plain values under the same names."""
        names = ("rule", "items", "sides", "ties", "other_side", "new_side", "new_tie")
        estimates = ("differs", "certainty", "gold", "reviewers")
        return {name: getattr(self, name) for name in names} | {
            name: getattr(self, name).as_json() for name in estimates
        }


@dataclass(frozen=True, eq=False, slots=True)
class DifferingItem:
    """An item that two rules answer differently; `item` is its place among the votes' items."""

    item: int
    model_a: str | None
    model_b: str | None
    counts: dict[str, int]
    answers: dict[str, str]
    probability: dict[str, float]
    margin: float


@dataclass(frozen=True, eq=False, slots=True)
class RuleComparison:
    """All rules on one set of items, what they learnt, and the items where they part."""

    rows: list[RuleRow]
    differing: list[DifferingItem]
    differing_count: int
    learned: Learned
    # What raters were learnt from: people's first votes on items whose answer is not known.
    counted: Votes
    # The joint model's chance that a is the better one, of every item.
    better_a: Floats


def compare_rules(votes: Votes, *, judges: ArrayLike, gold: Ints, reviewed: Ints) -> RuleComparison:
    """Every rule on people's first votes.

    `gold` and `reviewed` are the preference codes known to be right, or decided by a reviewer, of
    each item, or -1. Rules are told of neither; raters are learnt from items without known answer.
    """
    is_judge = np.asarray(judges, dtype=np.bool_)
    people = votes.select(~is_judge[votes.rater]) if is_judge.any() else votes
    first = people.first_votes()
    is_open = gold == UNKNOWN
    counted = first if is_open.all() else first.select(is_open[first.item])
    learned = learn_from_first(counted)
    answers = aggregate_first(first, learned)
    majority = answers["majority"]
    shown = is_open & (majority.answer != UNKNOWN)
    rows = [_row(found, majority, shown, gold, reviewed) for found in answers.values()]
    places, count = _differing(answers, shown)
    counts, margin = counted.answer_counts(), answers["soft"].margin
    listed = [_listed(counted, counts, answers, float(margin[k]), k) for k in places]
    better_a = answers["bradley_terry"].probability
    return RuleComparison(rows, listed, count, learned, counted, better_a)


def model_figures(comparison: RuleComparison) -> dict[str, Any]:
    """What the joint model found of everybody: leanings, ties, and how it ended."""
    fit, votes = comparison.learned.joint, comparison.counted
    sided = int(fit.votes.sum())
    seen = {
        "side": bool((votes.shown_left[votes.is_decisive] != UNKNOWN).any()),
        "length": bool(
            (
                (votes.item_length_a >= 0)
                & (votes.item_length_b >= 0)
                & (votes.item_length_a != votes.item_length_b)
            )[votes.item[votes.is_decisive]].any()
        ),
    }
    leanings = {
        "side": (fit.side, fit.side_error),
        "length": (fit.length, fit.length_error),
        "longer_better": (fit.longer_better, fit.longer_better_error),
    }
    seen["longer_better"] = seen["length"]
    figures: dict[str, Any] = {}
    for name, (value, error) in leanings.items():
        estimate = Estimate.undefined(NO_COLUMN[name], unit="votes that chose a side")
        if seen[name]:
            estimate = Estimate(
                value,
                value - Z95 * error,
                value + Z95 * error,
                sided,
                "votes that chose a side",
                "scores summed by item",
            )
        figures[name] = estimate.as_json()
    return figures | {
        "tie_nu": fit.ties.nu,
        "tie_closeness": fit.ties.closeness,
        "tie_weight": fit.ties.weight,
        "log_likelihood": fit.log_likelihood,
        "iterations": fit.iterations,
        "is_converged": fit.converged,
        "dawid_skene_is_converged": comparison.learned.dawid_skene.converged,
    }


def _row(
    found: ItemAnswers, majority: ItemAnswers, shown: Bools, gold: Ints, reviewed: Ints
) -> RuleRow:
    names, base = found.names_side[shown], majority.names_side[shown]
    differs = found.answer[shown] != majority.answer[shown]
    items, sides = int(np.count_nonzero(shown)), int(np.count_nonzero(names))
    return RuleRow(
        rule=found.rule,
        items=items,
        sides=sides,
        ties=items - sides,
        other_side=int(np.count_nonzero(names & base & differs)),
        new_side=int(np.count_nonzero(names & ~base)),
        new_tie=int(np.count_nonzero(~names & base)),
        differs=proportion(int(np.count_nonzero(differs)), items, unit="items", why=NO_ITEMS),
        certainty=_mean(found.certainty[shown & found.names_side]),
        gold=_agreement(found, gold, NO_GOLD),
        reviewers=_agreement(found, reviewed, NO_WORD),
    )


def _mean(values: Floats) -> Estimate:
    n = len(values)
    if not n:
        return Estimate.undefined(NO_SIDES, unit="items with a side")
    value = float(values.mean())
    if n == 1:
        return Estimate(value, None, None, n, "items with a side", why="One item has no interval.")
    reach = Z95 * float(values.std(ddof=1)) / float(np.sqrt(n))
    low, high = max(value - reach, 0.0), min(value + reach, 1.0)
    return Estimate(value, low, high, n, "items with a side", "normal, over items")


def _agreement(found: ItemAnswers, known: Ints, why: str) -> Estimate:
    """How often the rule names the side that is known; a tie names none."""
    wanted = np.where(known == UNKNOWN, UNKNOWN, ANSWER_OF_PREFERENCE[np.maximum(known, 0)])
    asked = ((wanted == ANSWER_A) | (wanted == ANSWER_B)) & (found.answer != UNKNOWN)
    right = np.count_nonzero(asked & (found.answer == wanted))
    return proportion(int(right), int(np.count_nonzero(asked)), unit="items", why=why)


def _differing(answers: dict[Rule, ItemAnswers], shown: Bools) -> tuple[list[int], int]:
    """The items where rules part, opposite sides and the surest first, and how many there are.

    `soft` names a side wherever it can and is no party to it.
    """
    majority, skilled, joint = (answers[rule].answer for rule in RULES[:3])
    parts = shown & ((majority != skilled) | (majority != joint))
    values = np.stack([majority, skilled, joint])
    is_opposite = (values == ANSWER_A).any(axis=0) & (values == ANSWER_B).any(axis=0)
    places = np.flatnonzero(parts)
    sure = answers["bradley_terry"].certainty[places]
    order = np.lexsort((places, -np.round(sure, 9), ~is_opposite[places]))
    return [int(place) for place in places[order[:MOST_LISTED]]], len(places)


def _listed(
    votes: Votes, counts: Ints, answers: dict[Rule, ItemAnswers], margin: float, place: int
) -> DifferingItem:
    def model(number: int) -> str | None:
        return None if number == UNKNOWN else votes.models[number]

    return DifferingItem(
        item=place,
        model_a=model(int(votes.item_model_a[place])),
        model_b=model(int(votes.item_model_b[place])),
        counts={word: int(counts[place, code]) for code, word in _WORDS.items()},
        answers={rule: _WORDS[int(found.answer[place])] for rule, found in answers.items()},
        probability={rule: float(found.probability[place]) for rule, found in answers.items()},
        margin=margin,
    )
