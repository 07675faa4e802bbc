"""Clauses of the guidelines: how often each is cited, and how far raters agree where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics import agreement
from labeling.metrics.estimates import Estimate, clustered_proportion, proportion
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, Ints, Votes

# Below so many items with two raters, no clause is called the most ambiguous.
ENOUGH_ITEMS: Final = 10
_NO_DECISIVE: Final = "No vote that cites it chose a side."
_NO_VOTES: Final = "No vote chose a side yet."
_NO_SHARED: Final = "No item has two raters who cite it and choose a side."
_NO_LENGTHS: Final = "No vote that cites it chose between texts of known, different lengths."


@dataclass(frozen=True, eq=False, slots=True)
class Citations:
    """Which vote cites which clause: rows of `vote` (an index) and `clause` (of `clauses`)."""

    vote: Ints
    clause: Ints
    clauses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClauseRow:
    """What is known of one clause. `alpha` is of all votes on the items where a vote cites it."""

    clause: str
    citations: int
    raters: int
    items: int
    answers: dict[str, int]
    share: Estimate
    alpha: Estimate
    longer: Estimate
    both_sides: Estimate

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the report."""
        return {
            "clause": self.clause,
            "citations": self.citations,
            "raters": self.raters,
            "comparisons": self.items,
            "answers": self.answers,
            "share": self.share.as_json(),
            "alpha": self.alpha.as_json(),
            "longer": self.longer.as_json(),
            "both_sides": self.both_sides.as_json(),
        }


def clause_rows(votes: Votes, citations: Citations) -> list[ClauseRow]:
    """A row for each clause that a vote cites, the most cited first.

    `votes` has one vote for each rater and item. Ordinal alpha (Krippendorff 2004, ch. 11) is
    taken over the three answers, as in the report; its interval is a bootstrap of items.
    """
    counts = votes.answer_counts()
    decisive_count = int(np.count_nonzero(votes.is_decisive))
    rows = [
        _row(votes, counts, decisive_count, name, np.unique(citations.vote[citations.clause == k]))
        for k, name in enumerate(citations.clauses)
    ]
    return sorted((row for row in rows if row.citations), key=lambda r: (-r.citations, r.clause))


def most_ambiguous(rows: Sequence[ClauseRow]) -> ClauseRow | None:
    """The clause with the lowest alpha, of those with enough items; None where none has."""
    known = [row for row in rows if row.alpha.value is not None and row.alpha.n >= ENOUGH_ITEMS]
    return min(known, key=lambda row: (row.alpha.value or 0.0, row.clause), default=None)


def _row(votes: Votes, counts: Ints, decisive_count: int, name: str, citing: Ints) -> ClauseRow:
    cited = votes.select(citing)
    items = np.unique(cited.item)
    (alpha,) = agreement.estimate(ItemPatterns.of(counts[items]), [agreement.ALPHA_ORDINAL])
    by_answer = np.bincount(cited.answer, minlength=3)
    decisive = cited.select(cited.is_decisive)
    marked = np.zeros(len(votes))
    marked[citing] = 1
    chose = votes.is_decisive
    return ClauseRow(
        clause=name,
        citations=len(citing),
        raters=len(np.unique(cited.rater)),
        items=len(items),
        answers={
            "a": int(by_answer[ANSWER_A]),
            "tie": int(by_answer[ANSWER_TIE]),
            "b": int(by_answer[ANSWER_B]),
        },
        share=(
            clustered_proportion(
                votes.item[chose], marked[chose], unit="decisive votes", why=_NO_VOTES
            )
            if decisive_count
            else Estimate.undefined(_NO_VOTES, unit="decisive votes")
        ),
        alpha=alpha,
        longer=_longer(decisive),
        both_sides=_both_sides(decisive),
    )


def _longer(decisive: Votes) -> Estimate:
    """The share of votes citing the clause that chose the longer text."""
    if not len(decisive):
        return Estimate.undefined(_NO_DECISIVE, unit="votes")
    a = decisive.item_length_a[decisive.item]
    b = decisive.item_length_b[decisive.item]
    known = (a >= 0) & (b >= 0) & (a != b)
    hits = ((decisive.answer == ANSWER_A) == (a > b))[known].astype(np.float64)
    return clustered_proportion(decisive.item[known], hits, unit="votes", why=_NO_LENGTHS)


def _both_sides(decisive: Votes) -> Estimate:
    """The share of items for both of whose sides the clause is cited, of those where it could."""
    pairs = decisive.answer_counts()[:, [ANSWER_A, ANSWER_B]]
    shared = pairs.sum(axis=1) >= 2
    both = int(np.count_nonzero(pairs[shared].min(axis=1) > 0)) if shared.any() else 0
    return proportion(both, int(shared.sum()), unit="items", why=_NO_SHARED)
