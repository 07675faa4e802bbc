"""Conversations as turns of safe HTML: Markdown for text, folded steps for tools."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from labeling.rendering.hidden import Hidden, hidden_characters
from labeling.rendering.markdown import name_regions, render_markdown

Message = Mapping[str, Any]
MAX_SUMMARY_CHARS = 160


@dataclass(frozen=True)
class Turn:
    """One message, ready to be shown: who speaks, and what, as HTML."""

    role: str
    html: str

    def owned_by(self, owner: str) -> "Turn":
        """The same turn with its regions named after what it stands in ("Response A")."""
        return Turn(self.role, name_regions(self.html, owner))


@dataclass(frozen=True)
class Conversation:
    """Turns, and the characters in them that cannot be seen. Plain values, fit for a cache."""

    turns: tuple[Turn, ...]
    hidden: tuple[Hidden, ...]
    summary: str

    def owned_by(self, owner: str) -> "Conversation":
        """The same conversation with its regions named, by turn where there are several."""
        turns = tuple(
            turn.owned_by(owner if len(self.turns) == 1 else f"{owner}, turn {number}")
            for number, turn in enumerate(self.turns, start=1)
        )
        return Conversation(turns, self.hidden, self.summary)


def render_messages(messages: Sequence[Message] | None) -> Conversation:
    """`messages` as turns. None (the text was never known) has no turns."""
    turns = tuple(
        Turn(str(message.get("role", "")), _content(message.get("content")))
        for message in messages or ()
    )
    text = "\n".join(plain_text(message.get("content")) for message in messages or ())
    last = plain_text(messages[-1].get("content")) if messages else ""
    return Conversation(turns, hidden_characters(text), _summary(last))


def plain_text(content: Any) -> str:
    """The text of a message's content, its text parts joined."""
    if isinstance(content, str):
        return content
    if not isinstance(content, Sequence):
        return ""
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "\n".join(text for text in texts if isinstance(text, str))


def _summary(text: str) -> str:
    line = " ".join(text[: 4 * MAX_SUMMARY_CHARS].split())
    return line if len(line) <= MAX_SUMMARY_CHARS else f"{line[: MAX_SUMMARY_CHARS - 1].rstrip()}…"


def _content(content: Any) -> str:
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, Sequence):
        return _folded("Content", content)
    return "".join(_parts(content)) or _text("")


def _text(text: str) -> str:
    if not text.strip():
        return '<p class="muted">(empty)</p>'
    return render_markdown(text)


def _parts(content: Sequence[Any]) -> Iterator[str]:
    for number, part in enumerate(content, start=1):
        kind = part.get("type") if isinstance(part, Mapping) else None
        html = _part(kind, part) if isinstance(part, Mapping) else _folded("Part", part)
        # Regions of several parts must not have one name.
        yield html if len(content) == 1 else name_regions(html, f"Part {number}")


def _part(kind: Any, part: Message) -> str:
    if kind == "text" and isinstance(part.get("text"), str):
        return _text(part["text"])
    if kind == "image_url":
        alt = part.get("alt") or part.get("detail_text") or ""
        name = f": {escape(str(alt))}" if alt else ""
        return f'<p dir="auto"><span class="image">[image{name}]</span></p>'
    if kind == "tool_call":
        return _tool_call(part)
    if kind == "tool_result":
        return _folded("Tool result", _first(part, "content", "output", "result", "text"))
    return _folded(f"Part of type {kind}" if isinstance(kind, str) else "Part", part)


def _tool_call(part: Message) -> str:
    function = part.get("function")
    call = function if isinstance(function, Mapping) else part
    name = str(call.get("name") or "")[:80]
    return _folded(f"Tool call {name}".rstrip(), _first(call, "arguments", "input", "args"))


def _first(part: Message, *names: str) -> Any:
    return next((part[name] for name in names if part.get(name) is not None), dict(part))


def _folded(title: str, value: Any) -> str:
    """A step that opens on demand: its inside is shown as written, never as Markdown."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)
    label, body = escape(title), escape(text.replace("\0", "\ufffd"), quote=False)
    return (
        f'<details class="tool"><summary>{label}</summary>'
        f'<pre dir="auto" tabindex="0" role="region" aria-label="{label}">{body}</pre></details>'
    )
