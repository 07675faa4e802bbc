"""LLM judges beside people: how often each gives the answer of the people's majority."""

from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import proportion
from labeling.metrics.raters import CREDIT, credit_against_majority, median_times
from labeling.metrics.votes import ANSWER_A, ANSWER_B, UNKNOWN, Votes

_NO_PEOPLE: Final = "No person voted on this judge's items."
_NO_SIDE: Final = "On no item did both the judge and the people's majority choose a side."
_NO_SIDES: Final = "No vote that chose a side has its sides recorded."


def judge_rows(judged: Votes, people: Votes) -> list[dict[str, Any]]:
    """A row for each judge with votes, most votes first; a judge's first vote on an item counts.

    `agreement`: share of items answered like the people's mode (a tied mode counts 1/(number of
    modes)). `agreement_decisive`: the same where judge and people each chose a side.
    """
    size = len(judged.raters)
    given = np.bincount(judged.rater, minlength=size)
    first = judged.first_votes()
    credit, counted = credit_against_majority(first, people)
    hits = np.bincount(first.rater, credit, size) / CREDIT
    hits_n = np.bincount(first.rater[counted], minlength=size)

    sides = people.answer_counts()[first.item][:, [ANSWER_A, ANSWER_B]]
    both = first.is_decisive & (sides[:, 0] != sides[:, 1])
    majority = np.where(sides[:, 0] > sides[:, 1], ANSWER_A, ANSWER_B)
    same = np.bincount(first.rater[both], (first.answer == majority)[both], size)
    same_n = np.bincount(first.rater[both], minlength=size)

    sided = first.select(first.is_decisive & (first.shown_left != UNKNOWN))
    left = np.bincount(sided.rater, sided.preference == sided.shown_left, size)
    left_n = np.bincount(sided.rater, minlength=size)
    times = median_times(judged)
    rows = [
        {
            "rater": judged.raters[k],
            "judgment_count": int(given[k]),
            "agreement": proportion(
                float(hits[k]), int(hits_n[k]), unit="items", why=_NO_PEOPLE
            ).as_json(),
            "agreement_decisive": proportion(
                float(same[k]), int(same_n[k]), unit="items", why=_NO_SIDE
            ).as_json(),
            "left_share": proportion(
                float(left[k]), int(left_n[k]), unit="decisive votes", why=_NO_SIDES
            ).as_json(),
            "median_active_ms": None if np.isnan(times[k]) else float(times[k]),
        }
        for k in np.flatnonzero(given)
    ]
    return sorted(rows, key=lambda row: (-row["judgment_count"], row["rater"]))
