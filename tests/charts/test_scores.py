"""Scores over rounds: a line for each model, the anchor apart, and names that stay legible."""

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest

from labeling.charts.scores import APART, ScoreLine, ScorePoint, scores_chart


def line(model: str, *elos: float, chief: bool = False, anchor: bool = False) -> ScoreLine:
    points = tuple(
        ScorePoint(n, elo, None if anchor else elo - 20, None if anchor else elo + 20)
        for n, elo in enumerate(elos, start=1)
    )
    return ScoreLine(model, points, chief, anchor)


def test_models_over_rounds_have_lines_bands_and_words():
    drawn = [line("old", 900, 950, chief=True), line("base", 860, 860, anchor=True)]
    root = ET.fromstring(scores_chart(drawn, anchor="base", key="rounds"))
    assert root.findtext("title") == "Model scores over 2 rounds"
    assert "old 900 to 950" in (root.findtext("desc") or "")
    inner = root.find("svg")
    assert inner is not None
    assert [node.get("class") for node in inner] == ["band", "line", "line ref"]
    assert "base, the anchor" in [node.text for node in root.iter("text")]
    assert len(root.findall("circle")) == 1


@pytest.mark.parametrize("scores", [(1000, 1001, 1002, 999), (900, 901, 1100, 1100), (850,) * 6])
def test_no_name_stands_on_another_or_outside(scores):
    drawn = [line(f"m{k}", 1000, score) for k, score in enumerate(scores)]
    root = ET.fromstring(scores_chart(drawn, anchor="m0", key="rounds"))
    heights = sorted(
        float((node.get("y") or "").rstrip("%"))
        for node in root.iter("text")
        if (node.text or "").startswith("m")
    )
    assert len(heights) == len(scores)
    assert all(b - a >= APART - 0.02 for a, b in pairwise(heights))
    assert heights[-1] <= 100


def test_a_single_round_makes_no_line():
    assert scores_chart([line("old", 900)], anchor="base", key="rounds") == ""
    assert scores_chart([], anchor="", key="rounds") == ""
