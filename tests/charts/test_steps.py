"""A day in steps: a bar for each step that has something, labels that do not crowd."""

import re

import pytest

from labeling.charts.small import steps


def drawn(counts: list[int]) -> str:
    labels = [f"{9 + k // 6}:{k % 6}0" for k in range(len(counts))]
    return steps(counts, labels, key="pace", title="Pace <x>", description="Said.")


@pytest.mark.parametrize("count", [2, 3, 4, 5, 48, 144])
def test_labels_are_few_and_hold_both_ends(count: int) -> None:
    svg = drawn([1] * count)
    below = re.findall(r'y="100%" dy="20"[^>]*>([^<]+)<', svg)
    assert len(below) == min(count, 4)
    assert below[0] == "9:00"
    assert below[-1] == f"{9 + (count - 1) // 6}:{(count - 1) % 6}0"


def test_a_break_leaves_a_gap_and_the_highest_bar_is_within_the_box() -> None:
    svg = drawn([3, 0, 9])
    heights = [float(one) for one in re.findall(r'class="bar"[^>]* height="([\d.]+)%"', svg)]
    assert len(heights) == 2
    assert max(heights) <= 100
    assert heights[0] / heights[1] == pytest.approx(1 / 3, rel=0.01)


def test_it_is_named_and_described_and_texts_are_escaped() -> None:
    svg = drawn([1, 2])
    assert 'aria-labelledby="pace-t pace-d"' in svg
    assert "Pace &lt;x&gt;" in svg
    assert steps([], [], key="pace", title="", description="") == ""
