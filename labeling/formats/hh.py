"""Whole transcripts with `Human:` and `Assistant:` turns, as in Anthropic's hh-rlhf."""

import re
from collections.abc import Iterator

from labeling.formats import fields
from labeling.formats.fields import refuse
from labeling.formats.preferred import common_turns, preferred_rows
from labeling.formats.reading import Record
from labeling.formats.rows import Message, Row

_TURN = re.compile(r"(?:^|\n\n)(Human|Assistant):")
_ROLES = {"Human": "user", "Assistant": "assistant"}


def read(record: Record, kind: str) -> Iterator[Row]:
    """The row of two transcripts: the turns they share are the prompt, the rest the completions.

    Columns other than `chosen` and `rejected` are kept as metadata of the prompt.
    """
    row = record.fields
    chosen = read_transcript(row.get("chosen"), "chosen")
    rejected = read_transcript(row.get("rejected"), "rejected")
    shared = common_turns(chosen, rejected)
    if not shared:
        refuse("rejected", "The two transcripts do not begin with the same turn.")
    yield from preferred_rows(
        kind=kind,
        line=record.line,
        layout="hh",
        prompt=chosen[:shared],
        chosen=chosen[shared:],
        rejected=rejected[shared:],
        metadata={key: item for key, item in row.items() if key not in ("chosen", "rejected")},
    )


def read_transcript(value: object, field: str) -> list[Message]:
    """The turns of a transcript. One space after the colon is form, the rest is text."""
    transcript = fields.text(value, field)
    turns = list(_TURN.finditer(transcript))
    if not turns or turns[0].start() != 0:
        refuse(field, r'A transcript begins with "\n\nHuman:" or "\n\nAssistant:".')
    ends = [turn.start() for turn in turns[1:]] + [len(transcript)]
    return [
        {
            "role": _ROLES[turn[1]],
            "content": transcript[turn.end() : end].removeprefix(" "),
        }
        for turn, end in zip(turns, ends, strict=True)
    ]
