"""Conversations as turns of safe HTML: Markdown for text, folded steps for tools."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from labeling.rendering.hidden import Hidden, reveal
from labeling.rendering.markdown import name_regions, render_markdown
from labeling.rendering.pictures import Picture, image_part, images_in, placed
from labeling.rendering.sources import sources_part
from labeling.rendering.steps import call_names, folded, message_calls, tool_call, tool_result

Message = Mapping[str, Any]
MAX_SUMMARY_CHARS = 160


@dataclass(frozen=True)
class Turn:
    """One message, ready to be shown: who speaks, and what, as HTML."""

    role: str
    html: str

    def owned_by(self, owner: str) -> "Turn":
        """The same turn with its regions named after what it stands in ("Response A")."""
        return replace(self, html=name_regions(self.html, owner))


@dataclass(frozen=True)
class Conversation:
    """Turns, and the characters in them that cannot be seen. Plain values, fit for a cache."""

    turns: tuple[Turn, ...]
    hidden: tuple[Hidden, ...]
    summary: str
    # The hashes of the images they have a place for.
    images: tuple[str, ...] = ()
    # Where those are that have been put in: never in a cache, since addresses are a viewer's own.
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    def owned_by(self, owner: str) -> "Conversation":
        """The same conversation with its regions named, by turn where there are several."""
        turns = tuple(
            turn.owned_by(owner if len(self.turns) == 1 else f"{owner}, turn {number}")
            for number, turn in enumerate(self.turns, start=1)
        )
        return replace(self, turns=turns)

    def with_images(self, pictures: Mapping[str, Picture]) -> "Conversation":
        """The same conversation with its images in their places."""
        if not self.images:
            return self
        turns = tuple(replace(turn, html=placed(turn.html, pictures)) for turn in self.turns)
        return replace(self, turns=turns, pictures=pictures)


def render_messages(messages: Sequence[Message] | None) -> Conversation:
    """`messages` as turns. None (the text was never known) has no turns."""
    names = call_names(messages or ())
    turns: list[Turn] = []
    hidden: Counter[tuple[str, str]] = Counter()
    for message in messages or ():
        html, found = reveal(_message(message, names))
        for one in found:
            hidden[one.kind, one.name] += one.count
        turns.append(Turn(str(message.get("role", "")), html))
    last = plain_text(messages[-1].get("content")) if messages else ""
    return Conversation(
        tuple(turns),
        tuple(Hidden(kind, name, count) for (kind, name), count in hidden.most_common()),
        _summary(last),
        tuple(dict.fromkeys(image for turn in turns for image in images_in(turn.html))),
    )


def shared_count(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many messages two completions begin with alike. Each keeps one of its own to show."""
    most = min(len(a), len(b)) - 1
    return next((n for n in range(max(0, most)) if a[n] != b[n]), max(0, most))


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


def _message(message: Message, names: Mapping[str, str]) -> str:
    """What a message says, then the tools it calls; "(empty)" only where there is neither."""
    content = message.get("content")
    if message.get("role") == "tool":
        name = message.get("name")
        known = name if isinstance(name, str) else names.get(str(message.get("tool_call_id")), "")
        return _result(content, known)
    calls = list(message_calls(message))
    said = "" if calls and _is_blank(content) else _content(content)
    return said + "".join(_apart(calls, "Call")) if calls else said


def _result(content: Any, name: str) -> str:
    """What a tool gave back: its words are no Markdown, whatever they look like."""
    if not isinstance(content, Sequence) or isinstance(content, str):
        return tool_result({"content": content}, name)
    parts = [
        tool_result({"content": part["text"]}, name)
        if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        else _any_part(part)
        for part in content
    ]
    return "".join(_apart(parts, "Part")) or tool_result({"content": ""}, name)


def _is_blank(content: Any) -> bool:
    return not content or (isinstance(content, str) and not content.strip())


def _content(content: Any) -> str:
    if isinstance(content, str):
        return _text(content)
    if not isinstance(content, Sequence):
        return folded("Content", "", content)
    parts = [_any_part(part) for part in content]
    return "".join(_apart(parts, "Part")) or _text("")


def _apart(pieces: Sequence[str], word: str) -> Iterator[str]:
    """The pieces; regions of several must not have one name."""
    for number, html in enumerate(pieces, start=1):
        yield html if len(pieces) == 1 else name_regions(html, f"{word} {number}")


def _text(text: str) -> str:
    if not text.strip():
        return '<p class="muted">(empty)</p>'
    return render_markdown(text)


def _any_part(part: Any) -> str:
    return _part(part.get("type"), part) if isinstance(part, Mapping) else folded("Part", "", part)


def _part(kind: Any, part: Message) -> str:
    if kind == "text" and isinstance(part.get("text"), str):
        return _text(part["text"])
    if kind == "image_url":
        return image_part(part)
    if kind == "sources":
        return sources_part(part)
    if kind == "tool_call":
        return tool_call(part)
    if kind == "tool_result":
        return tool_result(part)
    return folded(f"Part of type {kind}" if isinstance(kind, str) else "Part", "", part)
