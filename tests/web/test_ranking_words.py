"""What the ranking says in words, from figures put together by hand."""

from typing import Any

import pytest

from labeling.charts.boards import Both, Placed, boards_chart
from labeling.web import ranking_words


def board(**ranks: tuple[int, int]) -> list[dict[str, Any]]:
    return [
        {"model": name, "rank_low": low, "rank_high": high} for name, (low, high) in ranks.items()
    ]


def section(flips: list[dict[str, Any]], controlled: list[str]) -> dict[str, Any]:
    return {
        "flips": {"rows": flips, "judgment_count": 1000},
        "style": {"rows": [{"model": name} for name in controlled]},
    }


def flip(upper: str, lower: str, *removed: tuple[str, str, int]) -> dict[str, Any]:
    count = sum(each for _, _, each in removed)
    rows = [{"winner": winner, "loser": loser, "count": each} for winner, loser, each in removed]
    return {"upper": upper, "lower": lower, "count": count, "share": count / 1000, "removed": rows}


def test_an_order_is_firm_where_votes_and_ranks_both_say_so() -> None:
    shown = board(fir=(1, 1), oak=(2, 3), yew=(2, 3))
    rows = [flip("fir", "oak", ("fir", "oak", 40)), flip("oak", "yew", ("oak", "yew", 30))]
    first, second = ranking_words.firmness(section(rows, ["fir", "yew", "oak"]), shown)
    assert (first.lead, first.hue) == ("The top is firm.", "ok")
    assert "40 of 1,000 votes (4.0 %)" in first.text and "all of them wins of fir" in first.text
    assert (second.lead, second.hue) == ("Second place is not firm.", "warn")
    assert "style control swaps them already" in second.text
    assert "write “rank 2 to 3” and “rank 2 to 3”" in second.text


def test_a_small_share_is_not_firm_and_a_swap_by_style_warns() -> None:
    shown = board(fir=(1, 1), oak=(2, 2))
    few = [flip("fir", "oak", ("fir", "oak", 3))]
    (note,) = ranking_words.firmness(section(few, ["fir", "oak"]), shown)
    assert note.lead == "The top is not firm." and "overlap" not in note.text
    many = [flip("fir", "oak", ("fir", "oak", 90))]
    (note,) = ranking_words.firmness(section(many, ["oak", "fir"]), shown)
    assert (note.lead, note.hue) == ("The top is firm.", "warn")


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ([("fir", "oak", 1)], "a win of fir"),
        ([("yew", "oak", 7)], "losses of oak"),
        ([("fir", "yew", 5), ("yew", "oak", 2)], "5 wins of fir and 2 losses of oak"),
    ],
)
def test_which_votes_turn_a_pair(removed: Any, said: str) -> None:
    assert ranking_words.removed_words(flip("fir", "oak", *removed)) == said


def coefficient(style: str, low: float, high: float, sd: float | None = 0.5) -> dict[str, Any]:
    return {"style": style, "low": low, "high": high, "sd": sd, "value": (low + high) / 2}


def test_which_styles_differ_from_nothing() -> None:
    rows = [coefficient("length", 0.1, 0.4), coefficient("lists", 0.02, 0.1)]
    rows += [coefficient("bold", -0.1, 0.1), coefficient("side", -0.4, -0.1, None)]
    words = ranking_words.style_words({"style": {"coefficients": rows, "judgments_left_out": 3}})
    assert words.startswith("Only length and lists differ from nothing.")
    assert "3.0 times as long" in words and "3 votes on texts" in words
    none = {"coefficients": rows[2:3], "judgments_left_out": 0}
    assert ranking_words.style_words({"style": none}).startswith("No style surely")


@pytest.mark.parametrize(
    ("row", "said", "remark"),
    [
        ({"board": [], "components": [], "why": "Few."}, "Too few", "Few."),
        (
            {"board": [1], "is_connected": False, "components": [["a", "b"], ["c"]]},
            "Not connected",
            "No wins both ways between a and b; c.",
        ),
        (
            {"board": [1], "is_connected": True, "components": [], "differs": None, "note": "N"},
            "Not compared",
            "N",
        ),
        ({"board": [1], "is_connected": True, "components": [], "differs": True}, "Differs", ""),
    ],
)
def test_a_part_says_what_it_shows_or_why_not(row: Any, said: str, remark: str) -> None:
    assert ranking_words.part_reading(row)[0] == said
    assert ranking_words.part_remark(row) == remark


def test_both_boards_are_drawn_and_read_aloud() -> None:
    rows = [Both("<fir>", Placed(1100, 1080, 1120), Placed(1090, 1070, 1110))]
    drawn = boards_chart(rows, key="k", title="t", names=("Plain", "controlled"))
    assert drawn.count('class="dot') == 2 and "&lt;fir&gt; 1,100 and 1,090" in drawn
    long = [Both("m" * 90, rows[0].first, rows[0].second)]
    cut = boards_chart(long, key="k", title="t", names=("a", "b"))
    assert cut.count("m" * 40) == 2 and f">{'m' * 39}…<" in cut
    assert boards_chart([], key="k", title="t", names=("a", "b")) == ""
