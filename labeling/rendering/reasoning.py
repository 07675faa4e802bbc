"""The steps of a completion: the pieces of reasoning that are judged one by one. Pure.

This is the one place that says what a step is, so that the page, the check of an answer and
whoever reads the labels count alike: a paragraph with the formula, list or code it leads to; an
item of a numbered list; a call or a result of a tool. A heading belongs to what follows it. What
comes after MAX_STEPS is part of the last step.
"""

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labeling.rendering.hidden import reveal
from labeling.rendering.markdown import name_regions, render_markdown, render_plain
from labeling.rendering.messages import Message, render_messages

MAX_STEPS = 60
# Each piece may ask for as much work as a whole text: together they get twice that, then come
# plain.
MAX_SECONDS = 0.5

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#{1,6}(?:\s|$)|\*\*[^*\n]+\*\*:?\s*$")
_NUMBERED = re.compile(r"(?:(?:\*\*)?step\s+)?\d{1,3}[.):]\s", re.IGNORECASE)
_OPENS = re.compile(r"\s*(?:\$\$|\\\[|\\begin\{)")
_CLOSES = {"$$": "$$", "\\[": "\\]", "\\begin{": "\\end{"}


@dataclass(frozen=True)
class Step:
    """One step as it was written: Markdown, or a message that holds one thing of another kind."""

    text: str
    message: Message | None = None


def steps_of(messages: Sequence[Message] | None) -> list[Step]:
    """The steps of a completion, in order. None (the text was never known) has no steps."""
    found = [step for message in messages or () for step in _steps_of_one(message)]
    if len(found) > MAX_STEPS:
        rest = "\n\n".join(step.text for step in found[MAX_STEPS - 1 :] if step.text)
        found = [*found[: MAX_STEPS - 1], Step(rest)]
    return found


def step_count(messages: Sequence[Message] | None) -> int:
    """How many steps a completion has."""
    return len(steps_of(messages))


def step_texts(messages: Sequence[Message] | None) -> list[str]:
    """The steps as they were written; a call or result of a tool as JSON."""
    return [
        step.text if step.message is None else json.dumps(step.message, ensure_ascii=False)
        for step in steps_of(messages)
    ]


def render_reasoning(messages: Sequence[Message] | None, owner: str) -> tuple[str, ...]:
    """The steps as safe HTML, their regions named after the owner ("Response A, step 2")."""
    until = time.thread_time() + MAX_SECONDS
    return tuple(
        name_regions(_render(step, is_late=time.thread_time() > until), f"{owner}, step {number}")
        for number, step in enumerate(steps_of(messages), start=1)
    )


def _render(step: Step, *, is_late: bool) -> str:
    if step.message is not None:
        return "".join(turn.html for turn in render_messages([step.message]).turns)
    # What cannot be seen is marked as it is in messages, whose count stands beside the steps.
    return reveal(render_plain(step.text) if is_late else render_markdown(step.text))[0]


def _steps_of_one(message: Message) -> Iterator[Step]:
    role, content = message.get("role", "assistant"), message.get("content")
    if role == "tool":
        # A result is one thing, however many lines it has.
        yield Step("", message)
        return
    for part in content if isinstance(content, list | tuple) else [content]:
        if isinstance(part, str):
            yield from map(Step, _blocks(part))
        elif not isinstance(part, Mapping):
            continue
        elif part.get("type", "text") == "text" and isinstance(part.get("text"), str):
            yield from map(Step, _blocks(part["text"]))
        else:
            yield Step("", {"role": role, "content": [part]})
    calls = message.get("tool_calls")
    for call in calls if isinstance(calls, list | tuple) else ():
        yield Step("", {"role": role, "content": [], "tool_calls": [call]})


def _blocks(text: str) -> list[str]:
    """Text in pieces, each a step."""
    pieces: list[str] = []
    waiting = ""
    for paragraph in _paragraphs(text):
        piece = f"{waiting}\n\n{paragraph}" if waiting else paragraph
        waiting = ""
        if _HEADING.match(paragraph) and "\n" not in paragraph.strip():
            waiting = piece
        elif pieces and _belongs(pieces[-1], piece):
            pieces[-1] += f"\n\n{piece}"
        else:
            pieces.append(piece)
    if waiting and pieces:
        pieces[-1] += f"\n\n{waiting}"
    elif waiting:
        pieces.append(waiting)
    return pieces


def _belongs(before: str, piece: str) -> bool:
    """Whether a piece goes on with what stands before it: a formula, a list, a deeper line."""
    if piece[0] in " \t":
        return True
    if _NUMBERED.match(piece):
        return False
    return bool(_OPENS.match(piece)) or before.rstrip().endswith(":")


def _paragraphs(text: str) -> Iterator[str]:
    """What blank lines and numbers of list items divide; code and formulas stay whole."""
    lines: list[str] = []
    closing = ""
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if closing:
            lines.append(line)
            if _ends(line, closing):
                closing = ""
            continue
        if not line.strip():
            if lines:
                yield "\n".join(lines)
            lines = []
            continue
        if lines and _NUMBERED.match(line):
            yield "\n".join(lines)
            lines = []
        lines.append(line)
        closing = _opened(line)
    if lines:
        yield "\n".join(lines)


def _opened(line: str) -> str:
    """What has to come before the line's block can end; empty if nothing."""
    if fence := _FENCE.match(line):
        return fence[1]
    opening = _OPENS.match(line)
    if not opening:
        return ""
    mark = opening.group().strip()
    return "" if _CLOSES[mark] in line[opening.end() :] else _CLOSES[mark]


def _ends(line: str, closing: str) -> bool:
    if closing[0] in "`~":
        bare = line.strip()
        return len(bare) >= len(closing) and not bare.strip(closing[0])
    return closing in line
