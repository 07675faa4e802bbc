"""Clauses: counts by hand, alpha as the report has it, and the ambiguous one named with reason."""

import numpy as np
import pytest

from labeling.metrics import agreement
from labeling.metrics.clauses import Citations, clause_rows, most_ambiguous
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Votes

A, B, TIE = 0, 1, 2


def votes_of(rows: list[tuple[int, int, int]], lengths: tuple[int, int] = (10, 20)) -> Votes:
    """Votes of (item, rater, preference)."""
    items, raters, preferences = zip(*rows, strict=True)
    count = len(rows)
    return Votes.from_columns(
        comparison=items,
        rater=raters,
        preference=preferences,
        length_a=[lengths[0]] * count,
        length_b=[lengths[1]] * count,
        model_names={},
        rater_names={rater: f"r{rater}" for rater in set(raters)},
    )


def citing(pairs: list[tuple[int, int]], *names: str) -> Citations:
    vote, clause = (np.array(column, np.int64) for column in zip(*pairs, strict=True))
    return Citations(vote, clause, names)


def test_counts_sides_and_shares_are_those_of_the_votes_that_cite() -> None:
    votes = votes_of([(1, 1, A), (1, 2, B), (2, 1, A), (2, 2, A), (3, 1, TIE), (3, 2, B)])
    cited = citing([(0, 0), (1, 0), (2, 0), (4, 0), (3, 1)], "T1", "H1")
    first, second = clause_rows(votes, cited)
    assert (first.clause, first.citations, first.raters, first.items) == ("T1", 4, 2, 3)
    assert first.answers == {"a": 2, "tie": 1, "b": 1}
    # Of five votes that chose a side, three cite T1.
    assert first.share.value == pytest.approx(3 / 5)
    # Item 1 alone has two raters who cite T1 and choose; they choose differently.
    assert (first.both_sides.value, first.both_sides.n) == (1.0, 1)
    # b is the longer text: one of three chose it.
    assert first.longer.value == pytest.approx(1 / 3)
    assert second.both_sides.value is None
    assert "two raters" in second.both_sides.why


def test_alpha_is_the_reports_on_the_items_where_it_is_cited() -> None:
    rng = np.random.default_rng(4)
    rows = [(i, r, int(rng.integers(0, 3))) for i in range(30) for r in range(3)]
    votes = votes_of(rows)
    cited = citing([(3 * i, 0) for i in range(12)], "T1")
    (row,) = clause_rows(votes, cited)
    patterns = ItemPatterns.of(votes.answer_counts()[:12])
    (known,) = agreement.estimate(patterns, [agreement.ALPHA_ORDINAL])
    assert row.alpha == known
    assert row.alpha.n == 12
    assert row.alpha.low is not None
    assert row.alpha.low <= known.value <= row.alpha.high  # type: ignore[operator]


def test_the_ambiguous_one_is_named_only_where_there_is_enough_to_go_by() -> None:
    agreed = [(i, r, A if i % 2 else B) for i in range(12) for r in (1, 2)]
    split = [(100 + i, r, (A, B)[(i + r) % 2]) for i in range(12) for r in (1, 2)]
    few = [(200, 1, A), (200, 2, B)]
    votes = votes_of(agreed + split + few)
    pairs = [(n, 0) for n in range(24)] + [(n, 1) for n in range(24, 48)] + [(48, 2)]
    rows = clause_rows(votes, citing(pairs, "T1", "H1", "S1"))
    worst = most_ambiguous(rows)
    assert worst is not None
    assert worst.clause == "H1"
    assert worst.alpha.value is not None
    assert worst.alpha.value < 0
    assert most_ambiguous([row for row in rows if row.clause == "S1"]) is None


def test_without_votes_or_citations_there_are_no_rows() -> None:
    votes = votes_of([(1, 1, A)])
    nothing = Citations(np.zeros(0, np.int64), np.zeros(0, np.int64), ())
    assert clause_rows(votes, nothing) == []
    (row,) = clause_rows(votes, citing([(0, 0)], "T1"))
    assert row.alpha.value is None
    assert row.alpha.why
