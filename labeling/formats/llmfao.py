"""The files of the LLMFAO study (github.com/dustalov/llmfao, CC BY 4.0), as they are published.

`pairs.jsonl` holds comparisons, `comparisons.csv` what 124 people decided, `llm_judge_gpt4.csv`
what GPT-4 did, and `training_pairs.jsonl` the items with a known answer that trained the people.
"""

from collections.abc import Iterator
from typing import Any

from labeling.formats import fields
from labeling.formats.fields import refuse
from labeling.formats.llmfao_models import MODEL_NAMES
from labeling.formats.native_prompts import read_completion
from labeling.formats.reading import Record
from labeling.formats.rows import (
    ComparisonRow,
    CompletionRow,
    GoldAnswer,
    JudgmentRow,
    Preference,
    PromptRow,
    Row,
    completion_row,
    prompt_row,
    user_message,
)

# model_x always stood on the left.
_PREFERENCES: dict[str, Preference] = {"left": "a", "right": "b", "tie": "tie"}
GPT_4 = "gpt-4"


def read(record: Record, kind: str) -> Iterator[Row]:
    """The row of a pair or of a verdict, by the kind asked for."""
    row = record.fields
    if kind == "judgments":
        yield _judgment(row, record.line)
    elif kind == "prompts":
        yield _prompt(row, record.line, fields.optional_id(row.get("prompt"), "prompt"))
    elif kind == "gold":
        yield _training_pair(row, record.line)
    else:
        yield ComparisonRow(
            record.line,
            _pair_id(row),
            _prompt(row, record.line, fields.optional_id(row.get("prompt"), "prompt")),
            _answer(row, "x"),
            _answer(row, "y"),
        )


def _pair_id(row: dict[str, Any]) -> str:
    pair_id = fields.optional_id(row.get("id"), "id")
    return pair_id if pair_id is not None else refuse("id", "Every row has the id of its pair.")


def _prompt(row: dict[str, Any], line: int, external_id: str | None) -> PromptRow:
    text = fields.text(row.get("text"), "text")
    kind = fields.optional_text(row.get("type"), "type", max_chars=100)
    kept = {key: row[key] for key in ("slug", "note") if row.get(key) is not None}
    return prompt_row(
        line=line,
        external_id=external_id,
        messages=user_message(text),
        language="en",
        tags=(kind,) if kind else (),
        metadata=kept,
    )


def _model(row: dict[str, Any], side: str) -> str:
    number = row.get(f"model_{side}")
    if isinstance(number, str) and number.isdecimal() and len(number) < 10:
        number = int(number)
    if isinstance(number, int) and not isinstance(number, bool):
        return MODEL_NAMES.get(number, str(number))
    return fields.text(number, f"model_{side}", max_chars=500)


def _answer(row: dict[str, Any], side: str) -> CompletionRow:
    field = f"result_{side}"
    if row.get(field) is None:
        refuse(field, "Every pair has both answers; an empty one is an empty text.")
    return read_completion({"text": row[field], "model": _model(row, side)}, field)


def _training_pair(row: dict[str, Any], line: int) -> ComparisonRow:
    golden = fields.choice(row.get("golden"), "golden", list(_PREFERENCES))
    preference = _PREFERENCES[golden]
    # Without the prompt's number: one training text differs from the study's prompt of its number.
    return ComparisonRow(
        line,
        _pair_id(row),
        _prompt(row, line, None),
        _answer(row, "x"),
        _answer(row, "y"),
        GoldAnswer(
            preference,
            0 if preference == "tie" else None,
            fields.optional_text(row.get("reason"), "reason", max_chars=20_000) or "",
        ),
    )


def _judgment(row: dict[str, Any], line: int) -> JudgmentRow:
    winner = fields.choice(row.get("winner"), "winner", list(_PREFERENCES))
    preference = _PREFERENCES[winner]
    names = (row.get("left") or _model(row, "x"), row.get("right") or _model(row, "y"))
    # The texts are in pairs.jsonl. The models say which of the two is meant by left.
    left, right = (completion_row(messages=None, model=name) for name in names)
    worker = fields.optional_id(row.get("worker") or None, "worker")
    return JudgmentRow(
        line=line,
        comparison=ComparisonRow(line, _pair_id(row), None, left, right),
        rater=worker or GPT_4,
        rater_kind="human" if worker else "judge",
        preference=preference,
        strength=0 if preference == "tie" else None,
        shown_left="a",
    )
