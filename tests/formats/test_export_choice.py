"""What an export may be asked for: defaults by layout, and a refusal that names what is allowed."""

import pytest

from labeling.errors import InvalidInputError
from labeling.formats.export_choice import LATER_LAYOUTS, LATER_RULES, choose
from labeling.formats.layouts import LAYOUTS


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "native each keep all keep 0 drop"),
        ({"layout": "native", "rule": "majority"}, "native majority keep human keep 0 drop"),
        ({"layout": "trl"}, "trl each drop human drop 0 drop"),
        ({"layout": "hh", "rule": "majority"}, "hh majority drop human drop 0 drop"),
        ({"history": "1"}, "native each keep all keep 1 drop"),
        (
            {"layout": "trl", "ties": "split", "raters": "all", "gold": "keep"},
            "trl each split all keep 0 drop",
        ),
        ({"layout": "hh", "edits": "only"}, "hh each drop human drop 0 only"),
        ({"raters": "judge", "ties": "drop"}, "native each drop judge keep 0 drop"),
    ],
)
def test_every_default_is_spelled_out(asked, words):
    choice = choose(asked)
    assert " ".join(choice.words().values()) == f"{words} leave_out"
    assert choose(choice.words()) == choice


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"layout": "xml"}, "layout", "One of native, trl, hh."),
        ({"layout": ""}, "layout", "One of native, trl, hh."),
        ({"rule": "mood"}, "rule", "One of each, majority."),
        ({"ties": "?"}, "ties", "One of keep, drop, split."),
        ({"raters": "cats"}, "raters", "One of human, judge, all."),
        ({"gold": "1"}, "gold", "One of keep, drop."),
        ({"history": "yes"}, "history", "One of 0, 1."),
        ({"ties": "split"}, "ties", "keep or drop"),
        ({"layout": "trl", "history": "1"}, "history", "native"),
        ({"rule": "majority", "history": "1"}, "history", "each"),
        ({"layout": "trl", "edits": "1"}, "edits", "One of drop, add, only."),
        ({"edits": "add"}, "edits", "carries each edit in its field"),
        ({"layout": "trl", "rule": "majority", "edits": "add"}, "edits", "rule=each only"),
        ({"format": "csv"}, "format", "an export knows layout, rule, ties"),
    ],
)
def test_another_word_is_refused_with_those_allowed(asked, field, said):
    with pytest.raises(InvalidInputError) as refused:
        choose(asked)
    (problem,) = refused.value.problems
    assert problem.field == field
    assert said in problem.message
    assert field in refused.value.message


@pytest.mark.parametrize(
    ("field", "word"),
    [("layout", word) for word in LATER_LAYOUTS] + [("rule", word) for word in LATER_RULES],
)
def test_a_word_of_a_later_version_is_said_to_be_one(field, word):
    with pytest.raises(InvalidInputError, match="not available in this version"):
        choose({field: word})


def test_all_problems_are_told_at_once():
    with pytest.raises(InvalidInputError) as refused:
        choose({"layout": "xml", "rule": "mood", "colour": "red"})
    assert {problem.field for problem in refused.value.problems} == {"layout", "rule", "colour"}


def test_only_the_plain_record_of_every_judgment_has_hidden_repeats():
    with_repeats = {
        (layout, rule)
        for layout in LAYOUTS
        for rule in ("each", "majority")
        if choose({"layout": layout, "rule": rule}).keeps_repeats
    }
    assert with_repeats == {("native", "each")}
