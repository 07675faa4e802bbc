"""What is noticed in a completion when it comes. The text itself stays as it came."""

from labeling.formats.identity import identifies_itself, may_name, names_vendor
from labeling.rendering.hidden import hidden_characters

IDENTIFIES_ITSELF = "identifies_itself"
NAMES_VENDOR = "names_vendor"
HIDDEN_CHARACTERS = "hidden_characters"
MARKS = (IDENTIFIES_ITSELF, NAMES_VENDOR, HIDDEN_CHARACTERS)


def marks_of(text: str) -> tuple[str, ...]:
    """The marks of a completion with this text, in one order."""
    found: list[str] = []
    if may_name(text):
        found += [IDENTIFIES_ITSELF] * identifies_itself(text)
        found += [NAMES_VENDOR] * names_vendor(text)
    if hidden_characters(text):
        found.append(HIDDEN_CHARACTERS)
    return tuple(found)
