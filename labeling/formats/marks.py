"""What is noticed in a completion when it comes. The text itself stays as it came."""

from collections.abc import Mapping, Sequence
from typing import Any

from labeling.formats.identity import identifies_itself, masked, may_name, names_vendor
from labeling.rendering.hidden import hidden_characters
from labeling.rendering.pictures import REFERENCE

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
    """The messages with the names of the model that wrote them blotted out of every text: what is
    said, what tools are asked and give back, sources, and the words of images.
    """
    return [
        {
            key: _masked(value, key) if key in ("content", "tool_calls") else value
            for key, value in message.items()
        }
        for message in messages
    ]


def unnamed_messages(messages: Sequence[Any]) -> list[Any]:
    """The messages without the `name` of who speaks, which may be a model's; tools keep theirs."""
    return [
        message
        if message.get("role") == "tool" or "name" not in message
        else {key: value for key, value in message.items() if key != "name"}
        for message in messages
    ]


def _masked(value: Any, key: str = "") -> Any:
    """The value with every text in it masked; what it is and where its image lies stay."""
    if isinstance(value, str):
        return value if key == "type" or REFERENCE.fullmatch(value) else masked(value)
    if isinstance(value, Mapping):
        return {name: _masked(inner, name) for name, inner in value.items()}
    if isinstance(value, Sequence):
        return [_masked(inner) for inner in value]
    return value
