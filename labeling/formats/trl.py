"""TRL's preference rows: standard or conversational, with an explicit or an implicit prompt."""

from collections.abc import Iterator
from typing import Any

from labeling.formats import fields
from labeling.formats.csv_reading import csv_typed
from labeling.formats.fields import refuse
from labeling.formats.preferred import common_turns, preferred_rows
from labeling.formats.reading import Record
from labeling.formats.rows import Message, Row, assistant_message, user_message

_COLUMNS = {
    "prompt": "conversation",
    "chosen": "answer",
    "rejected": "answer",
    "margin": "number",
}


def read(record: Record, kind: str) -> Iterator[Row]:
    """The row of a chosen and a rejected completion.

    `margin` is the strength where it is 1, 2 or 3, as our own exports write it. Other columns are
    kept as metadata of the prompt.
    """
    row = csv_typed(record, _COLUMNS) if record.is_csv else record.fields
    for key in ("chosen", "rejected"):
        if row.get(key) is None:
            refuse(key, "Every row has both: chosen and rejected.")
    prompt, chosen, rejected = _split(row)
    margin = row.get("margin")
    strength = int(margin) if not isinstance(margin, bool) and margin in (1, 2, 3) else None
    known = {"prompt", "chosen", "rejected"} | ({"margin"} if strength or margin is None else set())
    yield from preferred_rows(
        kind=kind,
        line=record.line,
        layout="trl",
        prompt=prompt,
        chosen=chosen,
        rejected=rejected,
        strength=strength,
        metadata={key: item for key, item in row.items() if key not in known},
    )


def _split(row: dict[str, Any]) -> tuple[list[Message], list[Message], list[Message]]:
    prompt, chosen, rejected = row.get("prompt"), row["chosen"], row["rejected"]
    if isinstance(chosen, list) != isinstance(rejected, list):
        refuse(
            "rejected",
            "chosen and rejected have the same form: both text or both messages.",
        )
    if isinstance(chosen, list):
        first = fields.messages(chosen, "chosen")
        second = fields.messages(rejected, "rejected")
        if prompt is not None:
            return _conversation(prompt), first, second
        shared = common_turns(first, second)
        if not shared:
            refuse(
                "prompt",
                "Without a prompt, chosen and rejected begin with the same messages.",
            )
        return first[:shared], first[shared:], second[shared:]
    one, other = _text(chosen, "chosen"), _text(rejected, "rejected")
    if prompt is not None:
        return _conversation(prompt), assistant_message(one), assistant_message(other)
    shared = _common_prefix(one, other)
    if not one[:shared].strip():
        refuse("prompt", "Without a prompt, chosen and rejected begin with the same text.")
    return (
        user_message(one[:shared]),
        assistant_message(one[shared:]),
        assistant_message(other[shared:]),
    )


def _conversation(prompt: Any) -> list[Message]:
    if isinstance(prompt, list):
        return fields.messages(prompt, "prompt")
    text = fields.text(prompt, "prompt")
    if not text.strip():
        refuse("prompt", "The prompt is empty.")
    return user_message(text)


def _text(value: Any, field: str) -> str:
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return fields.text(value, field)


def _common_prefix(one: str, other: str) -> int:
    """Where two texts part; the space before the first different word is the completions'."""
    end = min(len(one), len(other))
    shared = next((i for i in range(end) if one[i] != other[i]), end)
    return shared - 1 if shared and one[shared - 1] == " " else shared
