"""What each native row means, what is refused and why, and that nothing changes on the way."""

import io
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.formats.importing import read_rows
from labeling.formats.rows import (
    ComparisonRow,
    JudgmentRow,
    PromptRow,
    RowProblem,
    completion_row,
    prompt_row,
)

# What JSON can carry and PostgreSQL can keep: no NUL, no lone surrogates.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
JUDGMENT = {
    "prompt": "p",
    "completion_a": {"text": "one", "model": "m1"},
    "completion_b": {"text": "two", "model": "m2"},
    "rater": "r",
    "preference": "a",
}


def read(kind: str, *rows: dict[str, Any]) -> list[Any]:
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return list(read_rows(io.BytesIO(data), kind=kind))


def one(kind: str, row: dict[str, Any]) -> Any:
    (result,) = read(kind, row)
    assert not isinstance(result, RowProblem), result
    return result


def problem(kind: str, row: dict[str, Any]) -> RowProblem:
    (result,) = read(kind, row)
    assert isinstance(result, RowProblem), result
    return result


@given(prompt=texts.filter(str.strip), metadata=st.dictionaries(texts, values, max_size=4))
def test_a_prompt_comes_through_byte_for_byte(prompt: str, metadata: dict[str, Any]) -> None:
    row = one("prompts", {"prompt": prompt, "metadata": metadata})
    assert isinstance(row, PromptRow)
    assert orjson.loads(row.messages or b"") == [{"role": "user", "content": prompt}]
    assert orjson.loads(row.metadata) == metadata
    assert row == one(
        "prompts",
        {"messages": [{"content": prompt, "role": "user"}]}
        | ({"metadata": metadata} if metadata else {}),
    )


@given(a=texts, b=texts)
def test_completions_come_through_byte_for_byte_and_empty_ones_count_as_warnings(
    a: str, b: str
) -> None:
    (result,) = read("comparisons", {"prompt": "p", "completion_a": a, "completion_b": b})
    if a == b:
        assert isinstance(result, RowProblem)
        assert result.field == "completion_b"
        return
    assert [orjson.loads(side.messages)[0]["content"] for side in (result.a, result.b)] == [a, b]
    assert [side.char_count for side in (result.a, result.b)] == [len(a), len(b)]
    assert result.warning_count == (not a) + (not b)


@pytest.mark.parametrize(
    ("value", "text"), [(True, "true"), (False, "false"), (5, "5"), (1.5, "1.5"), ("", "")]
)
def test_a_completion_that_is_no_text_is_taken_as_it_is_written(value: Any, text: str) -> None:
    for given_as in (value, {"text": value}):
        row = one("comparisons", {"prompt": "p", "completion_a": given_as, "completion_b": "x"})
        assert orjson.loads(row.a.messages) == [{"role": "assistant", "content": text}]
        assert row.warning_count == 1


def test_every_pair_of_a_list_is_made_or_those_that_are_named() -> None:
    row = {"prompt": "p", "completions": ["a", {"text": "b", "model": "m"}, "c"]}
    assert len(read("comparisons", row)) == 3
    pairs = read("comparisons", {**row, "pairs": [[2, 0]]})
    assert [(pair.a.char_count, pair.b.model) for pair in pairs] == [(1, None)]
    assert orjson.loads(pairs[0].a.messages)[0]["content"] == "c"


def test_identical_texts_are_a_pair_only_when_their_models_differ() -> None:
    same = {"prompt": "p", "completion_a": "x", "completion_b": "x"}
    assert "nothing to compare" in problem("comparisons", same).message
    named = {**same, "model_a": "m1", "model_b": "m2"}
    assert isinstance(one("comparisons", named), ComparisonRow)


def test_a_completion_may_be_known_by_its_model_alone() -> None:
    row = one("judgments", {**JUDGMENT, "completion_a": {"model": "m1"}})
    assert row.comparison.a.messages is None
    assert row.comparison.a.model == "m1"
    assert row.comparison.warning_count == 0


def test_a_row_that_names_a_known_comparison_may_leave_the_texts_out() -> None:
    row = one("judgments", {"comparison_id": 7, "rater": "r", "preference": "tie"})
    assert row.comparison == ComparisonRow(1, "7", None, None, None)
    assert row.strength == 0


def test_a_trajectory_with_tools_is_a_completion() -> None:
    steps = [
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
        {"role": "assistant", "content": [{"type": "text", "text": "It is 42."}]},
    ]
    row = one(
        "comparisons", {"prompt": "p", "completion_a": {"messages": steps}, "completion_b": "x"}
    )
    assert row.a.char_count == len("42") + len("It is 42.")


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("prompts", {"prompt": 5}, "prompt"),
        ("prompts", {"prompt": " "}, "prompt"),
        ("prompts", {"prompt": []}, "prompt"),
        ("prompts", {"prompt": "p", "messages": []}, "messages"),
        ("prompts", {"prompt": None, "prompt_id": "x"}, "prompt"),
        ("prompts", {"prompt": "p", "prompt_id": ""}, "prompt_id"),
        ("prompts", {"prompt": "p", "prompt_id": True}, "prompt_id"),
        ("prompts", {"prompt": "p", "tags": "x"}, "tags"),
        ("prompts", {"prompt": "p", "tags": ["a", 1]}, "tags[1]"),
        ("prompts", {"prompt": "p", "metadata": [1]}, "metadata"),
        ("prompts", {"prompt": [{"role": "wizard", "content": "x"}]}, "prompt[0].role"),
        ("prompts", {"prompt": [{"role": "user", "content": 1}]}, "prompt[0].content"),
        ("prompts", {"prompt": [{"role": "user", "content": "x", "y": 1}]}, "prompt[0].y"),
        ("comparisons", {"prompt": "p", "completion_a": "x"}, "completion_b"),
        ("comparisons", {"prompt": "p", "completions": ["x"]}, "completions"),
        ("comparisons", {"prompt": "p", "completions": ["x", {}]}, "completions[1]"),
        ("comparisons", {"prompt": "p", "completions": ["x", "y"], "pairs": [[0, 2]]}, "pairs[0]"),
        ("comparisons", {"prompt": "p", "completions": ["x", "y"], "pairs": [[1, 1]]}, "pairs[0]"),
        (
            "comparisons",
            {"prompt": "p", "completions": ["x", "y", "z"], "comparison_id": "c"},
            "comparison_id",
        ),
        ("comparisons", {"completion_a": "x", "completion_b": "y"}, "prompt"),
        (
            "comparisons",
            {"prompt": "p", "completion_a": {"txt": "x"}, "completion_b": "y"},
            "completion_a.txt",
        ),
        ("gold", {"prompt": "p", "completion_a": "x", "completion_b": "y"}, "gold"),
        (
            "gold",
            {
                "prompt": "p",
                "completion_a": "x",
                "completion_b": "y",
                "gold": {"preference": "left"},
            },
            "gold.preference",
        ),
        ("judgments", {**JUDGMENT, "preference": "A"}, "preference"),
        ("judgments", {**JUDGMENT, "preference": 1}, "preference"),
        ("judgments", {**JUDGMENT, "rater": None}, "rater"),
        ("judgments", {**JUDGMENT, "strength": 4}, "strength"),
        ("judgments", {**JUDGMENT, "strength": 0}, "strength"),
        ("judgments", {**JUDGMENT, "preference": "tie", "strength": 1}, "strength"),
        ("judgments", {**JUDGMENT, "strength": 1, "score": 1}, "score"),
        ("judgments", {**JUDGMENT, "criteria": {"helpful": "left"}}, "criteria.helpful"),
        ("judgments", {**JUDGMENT, "shown_left": "left"}, "shown_left"),
        ("judgments", {**JUDGMENT, "created_at": "yesterday"}, "created_at"),
        ("judgments", {**JUDGMENT, "created_at": "0001-01-01T00:00:00+14:00"}, "created_at"),
        ("judgments", {**JUDGMENT, "repeat": "yes"}, "repeat"),
        ("judgments", {**JUDGMENT, "rater_kind": "robot"}, "rater_kind"),
        ("judgments", {**JUDGMENT, "superseded_by": "x"}, "superseded_by"),
        ("judgments", {**JUDGMENT, "model_a": "other"}, "model_a"),
        ("judgments", {**JUDGMENT, "edited": {"side": "left", "text": ""}}, "edited.side"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_field(
    kind: str, change: dict[str, Any], field: str
) -> None:
    assert problem(kind, change).field == field


def test_a_judgment_keeps_all_that_was_said() -> None:
    row = one(
        "judgments",
        {
            **JUDGMENT,
            "judgment_id": "j1",
            "strength": 2,
            "criteria": {"helpful": "b"},
            "rationale": "shorter",
            "shown_left": "b",
            "created_at": "2026-01-31T12:00:00+01:00",
            "rater_kind": "judge",
            "rater_groups": {"region": "north"},
            "repeat": True,
        },
    )
    assert isinstance(row, JudgmentRow)
    assert (row.external_id, row.strength, row.criteria) == ("j1", 2, {"helpful": "b"})
    assert row.judged_at == datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert (row.rater_kind, row.rater_groups) == ("judge", b'{"region":"north"}')
    assert row.is_repeat


def test_score_alone_says_how_strong_a_preference_is() -> None:
    assert one("judgments", {**JUDGMENT, "score": -3}).strength == 3


def test_turning_a_judgment_twice_gives_it_back_and_once_says_the_same_of_the_turned_pair() -> None:
    said = {"strength": 1, "criteria": {"c": "a"}, "shown_left": "a", "quality_a": 1}
    turned_said = {"strength": 1, "criteria": {"c": "b"}, "shown_left": "b", "quality_b": 1}
    row = one("judgments", {**JUDGMENT, **said})
    other = one(
        "judgments",
        {
            **JUDGMENT,
            **turned_said,
            "completion_a": JUDGMENT["completion_b"],
            "completion_b": JUDGMENT["completion_a"],
            "preference": "b",
        },
    )
    assert row.turned() == other
    assert row.turned().turned() == row
    assert row.said_hash() != other.said_hash() == row.turned().said_hash()


def test_a_hash_does_not_depend_on_the_order_of_keys() -> None:
    one_way = prompt_row(line=1, external_id=None, messages=[{"role": "user", "content": "x"}])
    other = prompt_row(line=1, external_id=None, messages=[{"content": "x", "role": "user"}])
    assert one_way.content_hash == other.content_hash
    assert (
        completion_row(messages=None, model="m", params={"a": 1, "b": 2}).key
        == completion_row(messages=None, model="m", params={"b": 2, "a": 1}).key
    )


@given(st.binary(max_size=300))
def test_no_bytes_whatever_make_the_reader_fail_otherwise_than_it_says(data: bytes) -> None:
    for kind in ("prompts", "judgments"):
        read_quietly(data, kind)


@given(st.dictionaries(st.sampled_from(sorted(JUDGMENT)) | texts, values, max_size=6))
def test_no_object_whatever_makes_the_reader_fail_otherwise_than_it_says(
    row: dict[str, Any],
) -> None:
    for kind in ("prompts", "comparisons", "judgments", "gold"):
        read_quietly(orjson.dumps({**JUDGMENT, **row}), kind)
        read_quietly(orjson.dumps(row), kind)


def read_quietly(data: bytes, kind: str) -> None:
    from labeling.formats.reading import UnreadableFileError

    for layout in ("native", "llmfao", "hh", "trl"):
        try:
            for row in read_rows(io.BytesIO(data), kind=kind, layout=layout):
                if isinstance(row, RowProblem):
                    assert row.message
                    assert len(row.field) <= 200
        except UnreadableFileError as error:
            assert error.problems
