"""What is noticed in a completion when it comes. The text itself stays as it came."""

from collections.abc import Sequence
from typing import Any

from labeling.formats.identity import identifies_itself, masked, may_name, names_vendor
from labeling.rendering.hidden import hidden_characters

IDENTIFIES_ITSELF = "identifies_itself"
NAMES_VENDOR = "names_vendor"
HIDDEN_CHARACTERS = "hidden_characters"
# What a manager reads of each.
WORDS = {
    IDENTIFIES_ITSELF: "Says which model it is",
    NAMES_VENDOR: "Names a model or its maker",
    HIDDEN_CHARACTERS: "Hidden characters",
}


def marks_of(text: str) -> tuple[str, ...]:
    """The marks of a completion with this text, in one order."""
    found: list[str] = []
    if may_name(text):
        found += [IDENTIFIES_ITSELF] * identifies_itself(text)
        found += [NAMES_VENDOR] * names_vendor(text)
    if hidden_characters(text):
        found.append(HIDDEN_CHARACTERS)
    return tuple(found)


def masked_messages(messages: Sequence[Any]) -> list[Any]:
    """The messages with the names of the model that wrote them blotted out of every text."""
    return [_masked(message) for message in messages]


def _masked(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": masked(content)}
    if not isinstance(content, list):
        return message
    parts = [
        {**part, "text": masked(part["text"])} if isinstance(part.get("text"), str) else part
        for part in content
    ]
    return {**message, "content": parts}
