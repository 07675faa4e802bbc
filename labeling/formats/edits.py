"""An edited completion: which text is offered for editing, and what comes of it. Pure."""

from collections.abc import Sequence
from typing import Any

from labeling.formats.rows import Message


def editable_text(messages: Sequence[Message] | None) -> str:
    """The text of the last message: what a rater edits, and what an edit stands in for."""
    return _text(messages[-1].get("content")) if messages else ""


def edited_messages(messages: Sequence[Message], text: str) -> list[dict[str, Any]]:
    """The completion as edited: its last message says `text`, all before it stands."""
    last: dict[str, Any] = dict(messages[-1]) if messages else {"role": "assistant"}
    content = last.get("content")
    if isinstance(content, list):
        # Images, calls and results stay where they were; the words are one part, where they began.
        others = [part for part in content if not _is_text(part)]
        place = next((n for n, part in enumerate(content) if _is_text(part)), len(others))
        last["content"] = [*others[:place], {"type": "text", "text": text}, *others[place:]]
    else:
        last["content"] = text
    return [*map(dict, messages[:-1]), last]


def _is_text(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text")


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = [
        part if isinstance(part, str) else part.get("text") for part in content if _is_text(part)
    ]
    return "\n".join(text for text in texts if isinstance(text, str))
