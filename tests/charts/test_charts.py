"""Charts stand in the stylesheet's boxes, say what they show, and let no text out of its place."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from labeling.charts.axes import Axis, count_axis, short_count, time_axis, value_axis
from labeling.charts.lines import Interval, agreement_chart, burn_up
from labeling.charts.markup import Svg, element, text_of
from labeling.charts.small import spark, whisker

DAY = 24 * 3600
MAY = 1_714_694_400  # 3 May 2024, 00:00 UTC


def parsed(svg: Svg) -> ET.Element:
    root = ET.fromstring(svg)
    for node in root.iter():
        assert not {name for name in node.attrib if name.startswith("on") or name == "style"}
        assert node.tag not in {"script", "style", "foreignObject", "a", "image"}
    return root


def test_agreement_over_time_has_a_band_a_line_and_words():
    points = [Interval(MAY + k * DAY, 0.4 + k / 50, 0.3 + k / 50, 0.5 + k / 50) for k in range(10)]
    root = parsed(agreement_chart(points, name="Krippendorff’s alpha", key="alpha"))
    assert root.get("aria-labelledby") == "alpha-t alpha-d"
    assert root.findtext("title") == "Krippendorff’s alpha over time"
    described = root.findtext("desc") or ""
    assert "0.40 at first" in described
    assert "0.58 now" in described
    assert "0.48 to 0.68" in described
    inner = root.find("svg")
    assert inner is not None
    assert inner.get("preserveAspectRatio") == "none"
    assert [node.get("class") for node in inner] == ["band", "line"]
    # The band goes there and back: twice as many points as the line.
    assert inner[0].attrib["d"].count("L") == 19
    assert inner[1].attrib["d"].startswith("M0 ")
    labels = [node.text for node in root.iter("text")]
    assert "3 May" in labels
    assert "12 May" in labels
    assert "0.58" in labels


def test_burn_up_reaches_for_what_is_wanted():
    root = parsed(
        burn_up([(MAY, 0), (MAY + DAY, 40), (MAY + 4 * DAY, 100)], wanted=400, key="burn")
    )
    assert root.findtext("desc") == "100 of 400 judgments since 3 May."
    goal = root.find("line[@class='ref']")
    dot = root.find("circle")
    assert goal is not None
    assert dot is not None
    assert (goal.get("y1"), dot.get("cx"), dot.get("cy")) == ("0%", "100%", "75%")


@pytest.mark.parametrize("points", [[], [Interval(MAY, 0.5, 0.4, 0.6)]])
def test_fewer_than_two_points_are_no_line(points):
    assert agreement_chart(points, name="alpha", key="k") == ""
    assert burn_up([(p.at, 1) for p in points], wanted=3, key="k") == ""
    assert spark([1]) == ""


def test_a_whisker_spans_its_limits():
    svg = whisker(low=20, value=30, high=60, axis=Axis(0, 100), label="20 to 60", reference=50)
    root = parsed(svg)
    assert root.get("aria-label") == "20 to 60"
    reference, bar, *_ = root.findall("line")
    assert (reference.get("x1"), bar.get("x1"), bar.get("x2")) == ("50%", "20%", "60%")
    dot = root.find("circle")
    assert dot is not None
    assert dot.get("cx") == "30%"


def test_what_lies_outside_an_axis_stops_at_its_end():
    assert Axis(0, 10).place(-5) == 0
    assert Axis(0, 10).place(50) == 100
    assert Axis(3, 3).place(3) == 50


def test_a_spark_keeps_within_its_box_and_a_flat_one_is_a_line():
    parsed(spark([1, 5, 2]))
    assert 'd="M0 92L50 8L100 71"' in spark([1, 5, 2])
    assert 'd="M0 92L100 92"' in spark([7, 7])


def test_texts_are_escaped_wherever_they_stand():
    nasty = '"><script>alert(1)</script>&'
    svg = whisker(low=0, value=1, high=2, axis=Axis(0, 2), label=nasty)
    assert parsed(svg).get("aria-label") == nasty
    points = [Interval(MAY + k, 0.5, 0.4, 0.6) for k in range(3)]
    drawn = agreement_chart(points, name=nasty, key="k")
    assert parsed(drawn).findtext("title") == f"{nasty} over time"
    assert "<script" not in drawn
    assert element("text", text_of("<b>"), x=nasty) == (
        '<text x="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;">&lt;b&gt;</text>'
    )


@pytest.mark.parametrize("most", [0, 1, 3, 7, 19, 100, 340, 6910, 10_800, 1_000_000, 12_345_678])
def test_counts_stand_on_few_round_lines(most):
    axis = count_axis(most)
    assert axis.low == 0
    assert axis.high >= max(most, 1)
    assert axis.high <= max(most, 1) * 2
    assert 2 <= len(axis.ticks) <= 7
    assert all(value == int(value) for value, _ in axis.ticks)
    assert len({label for _, label in axis.ticks}) == len(axis.ticks)


@pytest.mark.parametrize(
    "values", [[0.3, 0.8], [0.61, 0.61], [-0.2, 0.1], [-1, 1], [1, 1], [0.999, 1], []]
)
def test_values_stand_within_their_possible_range(values):
    axis = value_axis(values)
    assert -1 <= axis.low < axis.high <= 1
    assert all(axis.low - 1e-9 <= value <= axis.high + 1e-9 for value in values)
    assert len({label for _, label in axis.ticks}) == len(axis.ticks) >= 2


@pytest.mark.parametrize("span", [0, 30, 600, 5 * 3600, DAY, 3 * DAY, 30 * DAY, 4000 * DAY])
def test_moments_stand_in_order_with_ends_and_without_crowding(span):
    axis = time_axis(MAY + 1234, MAY + 1234 + span)
    moments = [moment for moment, _ in axis.ticks]
    assert moments == sorted(moments)
    assert (moments[0], moments[-1]) == (axis.low, axis.high)
    assert 2 <= len(moments) <= 8
    places = [axis.place(moment) for moment in moments]
    assert min(b - a for a, b in pairwise(places)) > 8


def test_a_month_is_named_once():
    labels = [label for _, label in time_axis(MAY, MAY + 26 * DAY).ticks]
    assert labels[0] == "3 May"
    assert labels[-1] == "29 May"
    assert all(label.isdigit() for label in labels[1:-1])


def test_short_counts():
    assert [short_count(n) for n in (0, 999, 3000, 12_500, 1_200_000)] == [
        "0",
        "999",
        "3k",
        "12.5k",
        "1.2M",
    ]
