"""A chosen and a rejected completion, as most published sets have them, in the kind asked for.

As comparisons the answer is left out, to be judged afresh; as gold it is the known answer; as
judgments it is what a rater named for the layout decided, since such files do not say who did.
"""

from collections.abc import Iterator
from typing import Any

from labeling.formats.fields import refuse
from labeling.formats.rows import (
    ComparisonRow,
    GoldAnswer,
    JudgmentRow,
    Message,
    Row,
    completion_row,
    prompt_row,
    text_of,
)


def preferred_rows(
    *,
    kind: str,
    line: int,
    layout: str,
    prompt: list[Message],
    chosen: list[Message],
    rejected: list[Message],
    strength: int | None = None,
    metadata: dict[str, Any] | None = None,
) -> Iterator[Row]:
    """The one row of a chosen and a rejected completion; `a` is the chosen one."""
    context = prompt_row(line=line, external_id=None, messages=prompt, metadata=metadata)
    if kind == "prompts":
        yield context
        return
    a, b = (
        completion_row(messages=m, model=None, warning_count=0 if text_of(m) else 1)
        for m in (chosen, rejected)
    )
    if a.key == b.key:
        refuse("rejected", "It is the same text as chosen: there is nothing to compare.")
    gold = GoldAnswer("a", strength) if kind == "gold" else None
    comparison = ComparisonRow(line, None, context, a, b, gold)
    if kind == "judgments":
        yield JudgmentRow(
            line=line,
            comparison=comparison,
            rater=layout,
            preference="a",
            strength=strength,
        )
    else:
        yield comparison


def common_turns(first: list[Message], second: list[Message]) -> int:
    """How many messages two conversations share before they part, leaving each at least one."""
    shared = 0
    for one, other in zip(first[:-1], second[:-1], strict=False):
        if one != other:
            break
        shared += 1
    return shared
