"""A chart as a file of its own: whole, readable without the page, and nothing in it that runs."""

from xml.etree import ElementTree

import pytest

from labeling.charts.axes import value_axis
from labeling.charts.lines import Interval, agreement_chart
from labeling.charts.markup import Svg
from labeling.charts.standalone import standalone

SVG = "{http://www.w3.org/2000/svg}"


def chart() -> Svg:
    points = [Interval(k * 86_400, 0.5, 0.4, 0.6) for k in range(5)]
    return agreement_chart(points, name="Alpha", key="x")


def test_the_file_has_size_title_note_and_colours_of_its_own() -> None:
    title = 'Alpha of <script>&"quotes"'
    text = standalone(chart(), title=title, note="12 raters & more")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg" and float(root.attrib["height"]) > 216
    texts = [one.text for one in root.iter(f"{SVG}text")]
    assert texts[0] == title and texts[-1] == "12 raters & more"
    style = root.findtext(f"{SVG}style") or ""
    assert "var(" not in style and "#17171a" in style
    assert not list(root.iter(f"{SVG}script")) and "href" not in text and "url(" not in text
    box = root.find(f"{SVG}svg")
    assert box is not None and box.attrib["width"] == "640" and box.attrib["height"] == "216"


def test_there_is_no_file_of_no_chart() -> None:
    assert standalone(Svg(), title="Alpha") == ""


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.02, 0.93), (-0.3, 0.6), (0.41, 0.44)])
def test_an_axis_is_labelled_with_the_values_it_has(low: float, high: float) -> None:
    for tick, label in value_axis([low, high]).ticks:
        assert float(label.replace("−", "-")) == pytest.approx(tick, abs=1e-9)
