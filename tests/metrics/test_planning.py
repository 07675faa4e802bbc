"""What a number of judgments can tell apart."""

import pytest

from labeling.metrics.planning import seconds_to_judge, win_rate_told_apart


def test_the_rate_of_the_planning_table() -> None:
    # 52 % against 50 % needs about 4,900 decisive votes (α .05, power .8).
    assert win_rate_told_apart(4_905) == pytest.approx(0.52, abs=1e-4)
    assert win_rate_told_apart(785) == pytest.approx(0.55, abs=1e-3)


@pytest.mark.parametrize("count", [0, -3, 1, 7])
def test_too_few_tell_nothing(count: int) -> None:
    assert win_rate_told_apart(count) is None


def test_more_judgments_tell_smaller_differences() -> None:
    rates = [win_rate_told_apart(count) or 1 for count in (8, 80, 800, 8_000)]
    assert rates == sorted(rates, reverse=True)


def test_time_to_judge_is_reading_and_choosing() -> None:
    assert seconds_to_judge(0, 0) == 15
    assert seconds_to_judge(238, 2) == 60 + 15 + 10
