"""The numbers that need no votes, only how many items have which counts: the board between reports.

Each is computed by the function that the report uses, from the same counts in the same order, so
that what was counted item by item as judgments came in and what was counted at once are equal to
the last digit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.bias import position_of
from labeling.metrics.bradley_terry import Encounters
from labeling.metrics.leaderboard import leaderboard_of
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.report import METHOD_VERSION, ONLY_GOLD, TIE_RULE, agreement_of_patterns
from labeling.metrics.votes import UNKNOWN, Bools, Ints

# Columns of the tables of counts: labeling.models.tallies keeps them in this order.
ANSWER_COLUMNS: Final = ("source_a", "source_b", "a", "tie", "b")
SIDE_COLUMNS: Final = ("left_a", "left_b", "chose_left")
SUM_COLUMNS: Final = ("is_gold", "people", "counted", "both_bad")
SCORE_COLUMNS: Final = ("m3", "m2", "m1", "zero", "p1", "p2", "p3", "unknown")


@dataclass(frozen=True, eq=False, slots=True)
class Tallies:
    """Four tables of counts of items; the last column of each says how many items have the rest.

    They hold what people's standing votes say of each item, the first vote of a rater on it:

    * `answers`: the numbers of its two sources; votes for a, for neither (or both bad), for b;
    * `sides`: votes for a side that was shown on the left or right: with a on the left, with b
      there, and those for the left one;
    * `sums`: whether its answer is known, all people's votes, those that count, those of both bad;
    * `scores`: votes by score from -3 to +3, and those for a side of unknown strength.

    An item whose answer is known counts in `sums` alone.
    """

    answers: Ints
    sides: Ints
    sums: Ints
    scores: Ints


def tallied_numbers(tallies: Tallies, models: Mapping[int, str]) -> dict[str, Any]:
    """The report's leaderboard, win matrix, side, counts, and agreement where counts suffice.

    `models` names the model of a source; one that is missing is unknown. Keys are the report's.
    """
    answers, times = tallies.answers[:, 2:5], tallies.answers[:, 5]
    names = tuple(sorted({models[key] for key in _keys(tallies.answers) if key in models}))
    place = {name: number for number, name in enumerate(names)}
    number_of = {key: place[models[key]] for key in _keys(tallies.answers) if key in models}
    a, b = (_numbered(tallies.answers[:, column], number_of) for column in (0, 1))
    board = leaderboard_of(Encounters.of_items(a, b, answers, times), names)
    patterns = ItemPatterns.of(answers, times)
    counts = _counts(tallies, ranked=(a >= 0) & (b >= 0) & (a != b))
    agreement = agreement_of_patterns(
        patterns,
        ItemPatterns.of(tallies.scores[:, :7], tallies.scores[:, 8]),
        unknown=int(tallies.scores[:, 7] @ tallies.scores[:, 8]),
    )
    rows = {name: estimate.as_json() for name, estimate in agreement.items()}
    people = int(tallies.sums[:, 1] @ tallies.sums[:, 4])
    if people and not counts["judgments_counted"]:
        for row in rows.values():
            row["why"] = ONLY_GOLD
    position = position_of(
        tallies.sides[:, :3],
        tallies.sides[:, 3],
        has_decisive=bool(counts["a"] + counts["b"]),
    )
    return {
        "method_version": METHOD_VERSION,
        "judgment_count": people,
        "comparison_count": int(tallies.sums[tallies.sums[:, 1] > 0, 4].sum()),
        "counts": counts,
        "agreement": rows,
        "leaderboard": board.rows,
        "win_matrix": board.win_matrix,
        "bias": {"position": position.as_json()},
        "methods": {"leaderboard": board.method, "agreement": {"tie_rule": TIE_RULE}},
    }


def _keys(answers: Ints) -> list[int]:
    return [int(key) for key in np.unique(answers[:, :2])]


def _numbered(sources: Ints, number_of: Mapping[int, int]) -> Ints:
    """Models' numbers instead of sources', -1 where the model is unknown."""
    keys, place = np.unique(sources, return_inverse=True)
    numbers = np.array([number_of.get(int(key), UNKNOWN) for key in keys], dtype=np.int64)
    return numbers[place]


def _counts(tallies: Tallies, *, ranked: Bools) -> dict[str, int]:
    """The report's `counts`, without those of what datasets leave out."""
    answers, times = tallies.answers[:, 2:5], tallies.answers[:, 5]
    of_item = answers.sum(axis=1)
    is_gold, people, counted, both_bad, items = tallies.sums.T
    a, tie, b = (int(total) for total in times @ answers)
    no_side = int(both_bad @ items)
    in_all = int(counted @ items)
    dropped_gold = int((is_gold * people) @ items)
    return {
        "a": a,
        "b": b,
        "tie": tie - no_side,
        "both_bad": no_side,
        "judgments_counted": in_all,
        "items_counted": int(times[of_item > 0].sum()),
        "items_with_two_raters": int(times[of_item >= 2].sum()),
        "dropped_gold_judgments": dropped_gold,
        "dropped_repeat_judgments": int(people @ items) - dropped_gold - in_all,
        "items_with_one_vote": int(times[of_item == 1].sum()),
        "items_not_ranked": int(times[(of_item > 0) & ~ranked].sum()),
    }
