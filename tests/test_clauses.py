"""Guidelines by clauses: how they are cut, what changed between two, and worked examples."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.clauses import MOST_EXAMPLES, changes, clauses_of, read_examples, sections
from labeling.errors import InvalidInputError
from labeling.practice import nearness, right_answers_needed

OLD = """# Comparing

Read both.

## T1 Truthfulness

One wrong claim loses.

## H1 Helpfulness

The person can act on it.

## Using the scale

Slightly: a colleague might disagree.
"""


class TestSections:
    def test_a_clause_is_a_heading_that_begins_with_its_id(self) -> None:
        found = [(one.id, one.title) for one in sections(OLD)]
        assert found == [
            ("", ""),
            ("T1", "Truthfulness"),
            ("H1", "Helpfulness"),
            ("", "Using the scale"),
        ]
        assert sections(OLD)[0].text == "# Comparing\n\nRead both."

    def test_headings_in_code_are_none(self) -> None:
        body = "## A1 One\n\n~~~~\n## B1 Not one\n~~~\nstill code\n~~~~\n\n## C1 Three"
        assert [one.id for one in sections(body)] == ["A1", "C1"]

    def test_twins_are_refused_by_name(self) -> None:
        with pytest.raises(InvalidInputError, match="T1"):
            clauses_of("## T1 One\n\n## T1 Two")

    @given(st.text(alphabet="#AT1~`\n x-", max_size=200))
    def test_any_text_is_cut_without_losing_a_word(self, body: str) -> None:
        kept = "".join("".join((one.id, one.title, one.text)) for one in sections(body))
        for sign in "AT1x":
            assert kept.count(sign) == body.count(sign)


class TestChanges:
    def test_what_only_moved_has_not_changed(self) -> None:
        parts = OLD.split("## ")
        moved = "## ".join([parts[0], parts[2], parts[1], parts[3]])
        assert changes(OLD, moved) == []

    def test_new_gone_and_changed_are_told_by_clause_and_by_word(self) -> None:
        new = OLD.replace("One wrong claim", "One wrong or invented claim").replace(
            "## H1 Helpfulness\n\nThe person can act on it.", "## S1 Safety\n\nReal risk loses."
        )
        found = {one.id: one for one in changes(OLD, new)}
        assert {key: one.kind for key, one in found.items()} == {
            "T1": "changed",
            "S1": "new",
            "H1": "gone",
        }
        added = [piece.text for piece in found["T1"].pieces if piece.kind == "added"]
        assert added == ["or invented "]

    def test_a_new_title_is_a_change(self) -> None:
        (only,) = changes("## T1 Truth\n\nx", "## T1 Truthfulness\n\nx")
        assert only.kind == "changed"

    def test_white_space_alone_is_none(self) -> None:
        assert changes(OLD, OLD.replace("\n\n", "\n\n\n").replace("Read both", "Read  both")) == []

    @given(*[st.text(alphabet="## T1ab\n ", max_size=120)] * 2)
    def test_the_pieces_give_both_texts_back(self, old: str, new: str) -> None:
        before, now = sections(old), sections(new)
        for change in changes(old, new):
            if change.kind != "changed":
                continue
            kept = "".join(one.text for one in change.pieces if one.kind != "removed")
            left = "".join(one.text for one in change.pieces if one.kind != "added")
            assert kept in [one.text for one in now]
            assert left in [one.text for one in before]

    def test_large_texts_are_compared_in_time(self) -> None:
        old = "## A1 Long\n\n" + "word and " * 40_000
        assert changes(old, old.replace("and", "or", 1))[0].kind == "changed"


EXAMPLE: dict[str, Any] = {
    "clause": "T1",
    "prompt": "2 + 2?",
    "a": "4",
    "b": "5",
    "preference": "a",
    "strength": 3,
    "why": "B is wrong.",
}


class TestExamples:
    def test_an_example_is_read(self) -> None:
        (found,) = read_examples([EXAMPLE], ["T1"])
        assert (found.preference, found.strength) == ("a", 3)

    @pytest.mark.parametrize(
        ("changed", "field"),
        [
            ({"clause": "X9"}, "examples[0].clause"),
            ({"why": "  "}, "examples[0].why"),
            ({"prompt": "a\x00"}, "examples[0].prompt"),
            ({"preference": "tie"}, "examples[0].strength"),
            ({"preference": "left"}, "examples[0].preference"),
            ({"strength": 4}, "examples[0].strength"),
            ({"colour": "red"}, "examples[0]"),
            ({"b": "x" * 5000}, "examples[0].b"),
        ],
    )
    def test_what_is_wrong_is_told_at_its_field(self, changed: dict[str, Any], field: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            read_examples([EXAMPLE | changed], ["T1"])
        assert [problem.field for problem in caught.value.problems] == [field]

    @pytest.mark.parametrize(
        "value", ["text", {"clause": "T1"}, 7, [EXAMPLE] * (MOST_EXAMPLES + 1)]
    )
    def test_what_is_no_list_of_a_few_is_refused(self, value: Any) -> None:
        with pytest.raises(InvalidInputError, match="worked examples"):
            read_examples(value, ["T1"])


class TestPractice:
    @pytest.mark.parametrize(
        ("given_", "known", "expected"),
        [
            (("a", 1), ("a", 3), "right"),
            (("tie", 0), ("tie", 0), "right"),
            (("tie", 0), ("a", 1), "close"),
            (("a", 1), ("tie", 0), "close"),
            (("tie", 0), ("both_bad", 0), "right"),
            (("tie", 0), ("b", None), "close"),
            (("a", 1), ("b", 1), "other"),
            (("tie", 0), ("a", 2), "other"),
            (("b", 3), ("a", 3), "other"),
        ],
    )
    def test_how_near_a_verdict_is(
        self, given_: tuple[str, int], known: tuple[str, int | None], expected: str
    ) -> None:
        assert nearness(*given_, *known) == expected

    @pytest.mark.parametrize(
        ("share", "items", "needed"),
        [(0.7, 10, 7), (0.7, 12, 9), (0.75, 4, 3), (1, 5, 5), (0.01, 3, 1), (0.6, 5, 3)],
    )
    def test_how_many_pass(self, share: float, items: int, needed: int) -> None:
        assert right_answers_needed(share, items) == needed
