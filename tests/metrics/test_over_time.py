"""Votes over time: what a curve says at its ends, and what has no moment."""

from typing import Any

import numpy as np

from labeling.metrics.over_time import CURVE, DAY, agreement_over_time, collected
from labeling.metrics.votes import UNKNOWN
from tests.metrics.building import votes_of


def curves_of(times: list[int]) -> dict[str, Any]:
    """Two raters, who agree on two items of three, at the given times."""
    rows = [
        (f"{k // 2:04}", "ann" if k % 2 else "bob", "b" if k % 6 == 5 else "a")
        for k in range(len(times))
    ]
    votes = votes_of(rows)
    gold = np.full(len(votes.item_keys), UNKNOWN, np.int8)
    when = np.array(times, dtype=np.int64)
    said = collected(votes, when, judges=[False, False], gold=gold)
    return said | {"alpha": agreement_over_time(votes, when, judges=[False, False], gold=gold)}


def test_the_curve_of_votes_starts_at_zero_and_ends_at_all_of_them():
    said = curves_of([1000 + 7 * k for k in range(200)])
    curve = said["collected"]
    assert curve[0] == [1000, 0]
    assert curve[1] == [1000, 1]
    assert curve[-1] == [1000 + 7 * 199, 200]
    assert len(curve) <= CURVE + 1
    assert curve == sorted(curve)
    assert said["undated_count"] == 0


def test_the_curve_is_level_where_nothing_came():
    curve = curves_of([0, 1, 2, 3, 10 * DAY])["collected"]
    assert {total for at, total in curve if DAY < at < 9 * DAY} == {4}


def test_votes_in_one_second_are_one_step():
    assert curves_of([50] * 6)["collected"] == [[50, 0], [50, 6]]


def test_votes_without_a_moment_have_no_day_and_no_curve():
    said = curves_of([-1] * 40)
    assert said["undated_count"] == 40
    assert said["by_day"] == said["by_hour"] == said["collected"] == said["alpha"] == []


def test_curves_begin_with_the_votes_that_have_no_moment():
    said = curves_of([-1] * 40 + [DAY + k for k in range(20)])
    assert said["collected"][0] == [DAY, 40]
    assert said["collected"][-1] == [DAY + 19, 60]
    assert said["by_day"] == [[DAY, 20]]
    assert said["alpha"][0]["n"] >= 20
    assert said["alpha"][-1]["n"] == 30
