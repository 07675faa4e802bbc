"""Whiskers of a table: on one axis, and read aloud."""

from labeling.charts.axes import Axis
from labeling.web.whiskers import axis_of, per_cent, span, two_decimals, whisker_of

NONE = {"value": None, "low": None, "high": None}
ONE = {"value": 0.42, "low": None, "high": None}
SOME = {"value": 0.42, "low": -0.31, "high": 0.6}


def test_the_axis_holds_all_limits_on_round_steps():
    assert axis_of([NONE], step=0.1, without=(0.5, 1)) == Axis(0.5, 1)
    axis = axis_of([NONE, SOME], step=0.1, without=(0, 1))
    assert (round(axis.low, 9), round(axis.high, 9)) == (-0.4, 0.6)
    axis = axis_of([SOME], step=0.25, without=(0, 1), around=[0.8], within=(0, 1))
    assert (axis.low, axis.high) == (0, 1)
    # A value that no interval is known of has its place; nothing is of no width.
    axis = axis_of([ONE], step=0.05, without=(0, 1))
    assert axis.low < 0.42 < axis.high
    assert axis_of([{"value": 1000.0}], step=20, without=(0, 1)).high == 1020


def test_a_whisker_is_read_aloud_and_is_none_without_limits():
    axis = Axis(-1, 1)
    assert not whisker_of("Ash", ONE, axis, say=two_decimals)
    assert not whisker_of("Ash", NONE, axis, say=two_decimals)
    drawn = whisker_of("Ash", SOME, axis, say=two_decimals, unit=" points", reference=0)
    assert 'aria-label="Ash −0.31 to 0.60 points"' in drawn and 'class="ref"' in drawn
    assert 'class="ref"' not in whisker_of("Ash", SOME, axis, say=two_decimals, reference=2)
    assert span(0.1, 0.25, per_cent) == "10 % to 25 %"
