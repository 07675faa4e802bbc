"""Characters that a reader cannot see, or that change the order of what they see."""

from collections import Counter
from dataclasses import dataclass
from re import compile as pattern
from unicodedata import category, name

# Bidirectional overrides, embeddings and isolates (CVE-2021-42574).
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners shape Indic and Arabic letters and build emoji; between Latin letters they only hide.
JOINERS = frozenset("\u200c\u200d")

_SUSPECT = pattern(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069"
    "\u3164\ufeff\uffa0\U000e0000-\U000e0fff\ue000-\uf8ff]"
)
_MARKS = pattern("[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{8,}")


@dataclass(frozen=True)
class Hidden:
    """One kind of hidden character in a text, and how often it is there."""

    kind: str
    name: str
    count: int


def hidden_characters(text: str) -> tuple[Hidden, ...]:
    """What in `text` cannot be seen, most frequent first; empty for an ordinary text."""
    found: Counter[tuple[str, str]] = Counter()
    for match in _SUSPECT.finditer(text):
        character = match.group()
        if character in JOINERS and not _hides(text, match.start()):
            continue
        found[_kind(character), _label(character)] += 1
    for match in _MARKS.finditer(text):
        found["marks", "stacked combining marks"] += len(match.group())
    return tuple(Hidden(kind, label, count) for (kind, label), count in found.most_common())


def _hides(text: str, at: int) -> bool:
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return not (before and after) or (before.isascii() and after.isascii())


def _kind(character: str) -> str:
    if character in BIDI:
        return "direction"
    if "\U000e0000" <= character <= "\U000e0fff":
        return "tag"
    return "private" if category(character) == "Co" else "invisible"


def _label(character: str) -> str:
    if _kind(character) == "tag":
        return "U+E0000 block, tag characters"
    return f"U+{ord(character):04X} {name(character, 'without a name').lower()}"
