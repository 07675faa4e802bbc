"""Export layouts: a canonical record to the lines of a file.

A record whose texts are not known (only the models are) has a place in `native` alone: the other
layouts give it no line, and whoever writes the file counts it.
"""

from collections.abc import Callable
from typing import Any

import orjson
from msgspec.structs import astuple, replace

from labeling.formats.edits import editable_text, edited_messages
from labeling.formats.export_rows import TIES, Edits, ExportRow, Ties, decisions, parsed
from labeling.formats.identity import BLOT
from labeling.formats.rows import Message, text_of

FIELDS = ExportRow.__struct_fields__
_SPEAKERS = {"user": "Human", "assistant": "Assistant", "system": "System", "tool": "Tool"}

Renderer = Callable[[ExportRow, Ties], list[bytes]]


def native_lines(row: ExportRow, ties: Ties = "keep") -> list[bytes]:
    """The canonical record: every key, in the public order."""
    if ties == "drop" and row.preference in ("tie", "both_bad"):
        return []
    return [_line(dict(zip(FIELDS, map(_embedded, astuple(row)), strict=True)))]


def trl_lines(row: ExportRow, ties: Ties = "drop") -> list[bytes]:
    """TRL's explicit, conversational preference row, with how much better as `margin`.

    The margin is the strength (for a majority the mean score), 0 for a tie, null if unknown.
    """
    if row.completion_a is None or row.completion_b is None:
        return []
    sides = {"a": row.completion_a, "b": row.completion_b}
    return [
        _line(
            {
                "prompt": _embedded(row.prompt),
                "chosen": _embedded(sides[chosen]),
                "rejected": _embedded(sides[rejected]),
                "margin": margin(row),
            }
        )
        for chosen, rejected in decisions(row, ties)
    ]


def hh_lines(row: ExportRow, ties: Ties = "drop") -> list[bytes]:
    """hh-rlhf's form: two whole transcripts with `Human:` and `Assistant:` turns."""
    if row.completion_a is None or row.completion_b is None:
        return []
    prompt = parsed(row.prompt)
    sides = {"a": row.completion_a, "b": row.completion_b}
    return [
        _line(
            {
                "chosen": transcript(prompt + parsed(sides[chosen])),
                "rejected": transcript(prompt + parsed(sides[rejected])),
            }
        )
        for chosen, rejected in decisions(row, ties)
    ]


def edit_row(row: ExportRow) -> ExportRow | None:
    """The record of an edit: the text as edited (a) over the one it came from (b), or None.

    Nobody said how much better it is, so there is no strength and no margin. An edit with a blot
    that its original has not, was made of a masked text: nobody is to learn to write that.
    """
    edited = parsed(row.edited)
    if not edited or row.completion_a is None or row.completion_b is None:
        return None
    original = row.completion_a if edited["side"] == "a" else row.completion_b
    messages = parsed(original)
    if BLOT[0] in edited["text"] and BLOT[0] not in editable_text(messages):
        return None
    return replace(
        row,
        completion_a=edited_messages(messages, edited["text"]),
        completion_b=original,
        preference="a",
        strength=None,
        score=None,
    )


LAYOUTS: dict[str, Renderer] = {"native": native_lines, "trl": trl_lines, "hh": hh_lines}


def lines(row: ExportRow, *, layout: str, ties: Ties, edits: Edits = "drop") -> list[bytes]:
    """The lines of one record in a layout: none, one, two for a split tie, one more for an edit."""
    if layout not in LAYOUTS:
        raise ValueError(f"The layout is one of {', '.join(LAYOUTS)}.")
    if ties not in TIES:
        raise ValueError(f"Ties are one of {', '.join(TIES)}.")
    written = [] if edits == "only" else LAYOUTS[layout](row, ties)
    if edits != "drop" and (of_edit := edit_row(row)):
        written += LAYOUTS[layout](of_edit, ties)
    return written


def margin(row: ExportRow) -> float | int | None:
    """How much better the chosen one is; None where nobody said."""
    if row.preference in ("tie", "both_bad"):
        return 0
    if row.strength is not None:
        return row.strength
    if row.score is None:
        return None
    # Of a majority: the mean towards its winner. A few strong voices may outweigh it; that is 0.
    return max(0, -row.score if row.preference == "a" else row.score)


def transcript(messages: list[Message]) -> str:
    """A conversation as one text, every turn after a blank line and its speaker's name."""
    return "".join(
        f"\n\n{_SPEAKERS.get(message['role'], 'System')}: {text_of([message])}"
        for message in messages
    )


def _line(fields: dict[str, Any]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _embedded(value: Any) -> Any:
    return orjson.Fragment(value) if isinstance(value, bytes) else value
