"""Shares side by side, each with its interval."""

from xml.etree import ElementTree

from labeling.charts.arms import Share, shares_chart


def drawn(shares: list[Share]) -> str:
    return shares_chart(shares, reference=0.5, reference_name="even", key="k", title="T & t")


def test_each_share_has_a_point_its_limits_and_its_name():
    svg = drawn([Share("at once", 0.576, 0.549, 0.603), Share("a < b", 0.542, 0.515, 0.569)])
    root = ElementTree.fromstring(svg)
    assert len(root.findall("circle")) == 2
    assert len([line for line in root.findall("line") if line.get("class") == "err"]) == 2
    texts = [one.text or "" for one in root.findall("text")]
    assert "57.6 %" in texts and "a < b" in texts and "even" in texts
    assert "at once 57.6 % (54.9 % to 60.3 %)" in (root.findtext("desc") or "")


def test_nothing_is_drawn_of_nothing_and_long_names_are_cut():
    assert drawn([]) == ""
    shares = [Share("x" * 40 + str(k), 0.0, 0.0, 1.0) for k in range(9)]
    root = ElementTree.fromstring(drawn(shares))
    assert all(len(one.text or "") <= 16 for one in root.findall("text"))
