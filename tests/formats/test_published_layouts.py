"""TRL, hh and LLMFAO rows as they are published; the real files where the user has them."""

import io
import os
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from labeling.formats.importing import read_rows
from labeling.formats.rows import ComparisonRow, JudgmentRow, PromptRow, RowProblem

DATA = os.environ.get("THURSTONE_DATA", "")
needs_data = pytest.mark.skipif(not DATA, reason="THURSTONE_DATA names no folder of studies")


def read(layout: str, kind: str, *rows: dict[str, Any]) -> list[Any]:
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return list(read_rows(io.BytesIO(data), kind=kind, layout=layout))


def messages(content: bytes | None) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in orjson.loads(content or b"[]")]


def test_the_shared_turns_of_two_transcripts_are_the_prompt() -> None:
    common = "\n\nHuman: Hi\n\nAssistant: Hello\n\nHuman: Why?"
    (row,) = read(
        "hh",
        "judgments",
        {
            "chosen": f"{common}\n\nAssistant: Since.",
            "rejected": f"{common}\n\nAssistant:  No.\n\n",
        },
    )
    assert isinstance(row, JudgmentRow)
    assert (row.rater, row.preference, row.comparison.gold) == ("hh", "a", None)
    assert row.comparison.prompt is not None
    assert messages(row.comparison.prompt.messages) == [
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Why?"),
    ]
    assert row.comparison.a is not None and row.comparison.b is not None
    assert messages(row.comparison.a.messages) == [("assistant", "Since.")]
    assert messages(row.comparison.b.messages) == [("assistant", " No.\n\n")]


def test_transcripts_that_part_early_keep_all_their_later_turns() -> None:
    (row,) = read(
        "hh",
        "comparisons",
        {
            "chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
            "rejected": "\n\nHuman: a\n\nAssistant: b",
        },
    )
    assert messages(row.a.messages) == [("assistant", "b"), ("user", "c"), ("assistant", "d")]
    assert messages(row.b.messages) == [("assistant", "b")]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"chosen": "\n\nHuman: a\n\nAssistant: b"}, "rejected"),
        ({"chosen": "Hello", "rejected": "\n\nHuman: a"}, "chosen"),
        (
            {
                "chosen": "\n\nHuman: a\n\nAssistant: b",
                "rejected": "\n\nHuman: x\n\nAssistant: b",
            },
            "rejected",
        ),
        (
            {
                "chosen": "\n\nHuman: a\n\nAssistant: b",
                "rejected": "\n\nHuman: a\n\nAssistant: b",
            },
            "rejected",
        ),
    ],
)
def test_a_transcript_without_its_form_is_refused(row: dict[str, str], field: str) -> None:
    (problem,) = read("hh", "comparisons", row)
    assert isinstance(problem, RowProblem)
    assert problem.field == field


USER = [{"role": "user", "content": "Sky?"}]
BLUE = [{"role": "assistant", "content": "It is blue."}]
GREEN = [{"role": "assistant", "content": "It is green."}]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Sky?", "chosen": "It is blue.", "rejected": "It is green."},
        {"prompt": USER, "chosen": BLUE, "rejected": GREEN},
        {"chosen": USER + BLUE, "rejected": USER + GREEN},
    ],
    ids=["standard", "conversational", "implicit"],
)
def test_every_form_of_a_trl_row_is_the_same_comparison(row: dict[str, Any]) -> None:
    (result,) = read("trl", "gold", {**row, "margin": 2, "source": "x"})
    assert isinstance(result, ComparisonRow)
    assert result.prompt and result.a and result.b and result.gold
    assert messages(result.prompt.messages) == [("user", "Sky?")]
    assert messages(result.a.messages) == [("assistant", "It is blue.")]
    assert messages(result.b.messages) == [("assistant", "It is green.")]
    assert (result.gold.preference, result.gold.strength) == ("a", 2)
    assert orjson.loads(result.prompt.metadata) == {"source": "x"}


def test_an_implicit_prompt_of_plain_texts_ends_before_the_first_different_word() -> None:
    (row,) = read(
        "trl", "comparisons", {"chosen": "The sky is blue.", "rejected": "The sky is red."}
    )
    assert messages(row.prompt.messages) == [("user", "The sky is")]
    assert messages(row.a.messages) == [("assistant", " blue.")]


def test_a_preference_is_a_judgment_a_gold_answer_or_left_out_by_kind() -> None:
    row = {"prompt": "p", "chosen": "x", "rejected": "y"}
    kinds = {kind: read("trl", kind, row)[0] for kind in ("prompts", "comparisons", "judgments")}
    assert isinstance(kinds["prompts"], PromptRow)
    assert kinds["comparisons"].gold is None
    assert (kinds["judgments"].rater, kinds["judgments"].preference) == ("trl", "a")


def test_a_verdict_of_llmfao_names_the_models_of_its_sides() -> None:
    header = b"id,prompt,model_x,model_y,worker,winner,left,right\n"
    data = header + b"0,8,97,98,58,right,Airoboros L2 70B,Weaver 12k\n1,8,97,98,58,both,L,R\n"
    row, problem = read_rows(io.BytesIO(data), kind="judgments", layout="llmfao")
    assert isinstance(row, JudgmentRow)
    assert (row.comparison.external_id, row.rater, row.rater_kind) == ("0", "58", "human")
    assert (row.preference, row.shown_left) == ("b", "a")
    assert row.comparison.a and row.comparison.a.model == "Airoboros L2 70B"
    assert isinstance(problem, RowProblem)
    assert (problem.line, problem.field) == (3, "winner")


def real(name: str, kind: str, layout: str) -> list[Any]:
    with (Path(DATA) / name).open("rb") as file:
        rows = list(read_rows(file, kind=kind, layout=layout))
    assert not [row for row in rows if isinstance(row, RowProblem)]
    return rows


@needs_data
def test_the_pairs_of_llmfao_are_read_whole_with_their_62_empty_answers() -> None:
    rows = real("llmfao/pairs.jsonl", "comparisons", "llmfao")
    assert len(rows) == 2139
    assert sum(row.warning_count for row in rows) == 62
    assert len({row.a.model for row in rows} | {row.b.model for row in rows}) == 59
    assert len({row.prompt.external_id for row in rows}) == 13


@needs_data
def test_the_verdicts_of_llmfao_are_read_whole_and_fit_its_pairs() -> None:
    pairs = {row.external_id: row for row in real("llmfao/pairs.jsonl", "comparisons", "llmfao")}
    rows = real("llmfao/comparisons.csv", "judgments", "llmfao")
    assert len(rows) == 8931
    assert len({row.rater for row in rows}) == 124
    assert Counter(row.preference for row in rows)["tie"] == 3471
    assert Counter(row.preference for row in rows)["a"] == 2911
    judge = real("llmfao/llm_judge_gpt4.csv", "judgments", "llmfao")
    assert len(judge) == 2139
    assert {(row.rater, row.rater_kind) for row in judge} == {("gpt-4", "judge")}
    for row in rows + judge:
        pair = pairs[row.comparison.external_id]
        assert (row.comparison.a.model, row.comparison.b.model) == (pair.a.model, pair.b.model)


@needs_data
def test_the_training_items_of_llmfao_are_gold_with_their_reasons() -> None:
    rows = real("llmfao/training_pairs.jsonl", "gold", "llmfao")
    assert [row.gold.preference for row in rows][:3] == ["a", "b", "tie"]
    assert all(row.gold.explanation for row in rows)


@needs_data
def test_the_hh_sample_is_read_whole() -> None:
    rows = real("hh_rlhf_sample/hh_harmless_test_2000.jsonl.gz", "judgments", "hh")
    assert len(rows) == 2000
    assert all(messages(row.comparison.prompt.messages)[-1][0] == "user" for row in rows)
