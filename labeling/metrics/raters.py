"""One row for each rater: how much, how fast, how like the others, and how right on gold."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import (
    Estimate,
    clustered_proportion,
    proportion,
)
from labeling.metrics.votes import ANSWER_OF_PREFERENCE, UNKNOWN, Bools, Floats, Ints, Votes

# One vote's credit, divisible by one, two and three modes: sums of whole numbers are exact.
CREDIT: Final = 6
NO_OTHERS: Final = "Nobody else voted on this rater's items."
NO_SIDES: Final = "No vote that chose a side has its sides recorded."
NO_GOLD: Final = "No judgment of a comparison whose answer is known."
NO_REPEATS: Final = "No rater voted twice on an item."


@dataclass(frozen=True, slots=True)
class RaterRow:
    """What is known of one rater from the votes alone."""

    rater: str
    judgment_count: int
    agreement: Estimate
    left_share: Estimate
    median_active_ms: float | None
    gold: Estimate

    def as_json(self) -> dict[str, Any]:
        """Plain values under the same names."""
        return {
            "rater": self.rater,
            "judgment_count": self.judgment_count,
            "agreement": self.agreement.as_json(),
            "left_share": self.left_share.as_json(),
            "median_active_ms": self.median_active_ms,
            "gold": self.gold.as_json(),
        }


def rater_rows(votes: Votes, *, gold: Ints, compared: Votes) -> list[RaterRow]:
    """The raters who gave votes, most votes first.

    `compared` are the votes among which agreement is measured (the caller leaves out gold, say);
    `gold` is the known preference of each item, -1 for none.
    """
    size = len(votes.raters)
    given = np.bincount(votes.rater, minlength=size)
    first = votes.first_votes()

    compared = compared.first_votes()
    credit, counted = credit_against_others(compared)
    agreed = np.bincount(compared.rater, credit, size) / CREDIT
    agreed_n = np.bincount(compared.rater[counted], minlength=size)

    sided = first.select(first.is_decisive & (first.shown_left != UNKNOWN))
    left = np.bincount(sided.rater, sided.preference == sided.shown_left, size)
    left_n = np.bincount(sided.rater, minlength=size)

    right, right_n = gold_record(first, gold)
    times = median_times(votes)
    rows = [
        RaterRow(
            rater=votes.raters[k],
            judgment_count=int(given[k]),
            agreement=proportion(float(agreed[k]), int(agreed_n[k]), unit="votes", why=NO_OTHERS),
            left_share=proportion(
                float(left[k]), int(left_n[k]), unit="decisive votes", why=NO_SIDES
            ),
            median_active_ms=None if np.isnan(times[k]) else float(times[k]),
            gold=proportion(float(right[k]), int(right_n[k]), unit="votes", why=NO_GOLD),
        )
        for k in np.flatnonzero(given)
    ]
    return sorted(rows, key=lambda row: (-row.judgment_count, row.rater))


def credit_against_others(votes: Votes) -> tuple[Ints, Bools]:
    """Each vote's credit against the mode of the item's other votes, and whether there are any.

    A full credit is `CREDIT`; a tied mode gives 1/(number of modes) of it.
    """
    answer = votes.answer
    others = votes.answer_counts()[votes.item]
    others[np.arange(len(votes)), answer] -= 1
    return _credit(others, answer), others.sum(axis=1) > 0


def credit_against_majority(votes: Votes, others: Votes) -> tuple[Ints, Bools]:
    """Each vote's credit against the mode of other raters' votes on its item, and whether any."""
    counts = others.answer_counts()[votes.item]
    return _credit(counts, votes.answer), counts.sum(axis=1) > 0


def _credit(others: Ints, answer: Ints) -> Ints:
    most = others.max(axis=1, initial=0)
    modes = (others == most[:, None]).sum(axis=1)
    hit = (others[np.arange(len(answer)), answer] == most) & (most > 0)
    credit: Ints = np.where(hit, CREDIT // np.maximum(modes, 1), 0)
    return credit


def gold_record(votes: Votes, gold: Ints) -> tuple[Ints, Ints]:
    """Each rater's right votes and all votes on items of known answer; both bad equals a tie."""
    size = len(votes.raters)
    on_gold = votes.select(gold[votes.item] != UNKNOWN)
    right = on_gold.answer == ANSWER_OF_PREFERENCE[gold[on_gold.item]]
    return (
        np.bincount(on_gold.rater[right], minlength=size),
        np.bincount(on_gold.rater, minlength=size),
    )


def gold_accuracy(votes: Votes, gold: Ints) -> Estimate:
    """The share of right votes on items of known answer, over all raters, clustered by item."""
    on_gold = votes.select(gold[votes.item] != UNKNOWN)
    right = on_gold.answer == ANSWER_OF_PREFERENCE[gold[on_gold.item]]
    return clustered_proportion(on_gold.item, right.astype(np.float64), unit="votes", why=NO_GOLD)


def median_times(votes: Votes) -> Floats:
    """Each rater's median of the active time of a vote, NaN where none is recorded."""
    timed = votes.select(votes.active_ms >= 0)
    order = np.lexsort((timed.active_ms, timed.rater))
    ordered = timed.active_ms[order].astype(np.float64)
    counts = np.bincount(timed.rater, minlength=len(votes.raters))
    start = np.cumsum(counts) - counts
    median = np.full(len(counts), np.nan)
    some = counts > 0
    lower = ordered[(start + (counts - 1) // 2)[some]]
    upper = ordered[(start + counts // 2)[some]]
    median[some] = (lower + upper) / 2
    return median


def intra_rater_agreement(votes: Votes) -> Estimate:
    """The share of one rater's pairs of votes on one item that are the same, clustered by item."""
    size = max(len(votes.raters), 1)
    key = votes.item.astype(np.int64) * size + votes.rater
    seen, place, times = np.unique(key, return_inverse=True, return_counts=True)
    again = times[place] > 1
    kept, place = np.unique(place[again], return_inverse=True)
    cells = np.bincount(place * 3 + votes.answer[again], minlength=len(kept) * 3).reshape(-1, 3)
    n = times[kept].astype(np.float64)
    return clustered_proportion(
        seen[kept] // size,
        (cells * (cells - 1)).sum(axis=1) / 2.0,
        trials=n * (n - 1) / 2,
        unit="pairs of votes",
        why=NO_REPEATS,
    )
