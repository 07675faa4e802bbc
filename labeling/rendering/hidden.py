"""Characters that a reader cannot see, or that change the order of what they see."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from re import Match
from re import compile as pattern
from unicodedata import category, name

# Bidirectional overrides, embeddings and isolates (CVE-2021-42574).
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners shape Indic and Arabic letters and build emoji; between Latin letters they only hide.
JOINERS = frozenset("\u200c\u200d")
# What the marks in a text say; others are named by their number.
SHORT = {
    "\u00ad": "SHY", "\u034f": "CGJ", "\u061c": "ALM", "\u200b": "ZWSP", "\u200c": "ZWNJ",
    "\u200d": "ZWJ", "\u200e": "LRM", "\u200f": "RLM", "\u202a": "LRE", "\u202b": "RLE",
    "\u202c": "PDF", "\u202d": "LRO", "\u202e": "RLO", "\u2060": "WJ", "\u2066": "LRI",
    "\u2067": "RLI", "\u2068": "FSI", "\u2069": "PDI", "\ufeff": "BOM",
}  # fmt: skip
# Marks cost a page more than the characters they stand for.
MAX_MARKS = 1_000
MAX_SHOWN_TAGS = 60

_HIDING = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069"
    "\u3164\ufeff\uffa0\U000e0000-\U000e0fff\ue000-\uf8ff"
)
_COMBINING = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
_SUSPECT = pattern(f"[{_HIDING}]")
_MARKS = pattern(f"[{_COMBINING}]{{8,}}")
# A stack is marked together with the letter that bears it.
_RUN = pattern(f"[{_HIDING}]+|[^{_HIDING}{_COMBINING}&;<>\\s]?[{_COMBINING}]{{8,}}")
# Formulas hold operators without a sign that our own converter put there.
_TAG = pattern(r"(<math\b(?s:.*?)</math>|<[^<>]*>)")


@dataclass(frozen=True)
class Hidden:
    """One kind of hidden character in a text, and how often it is there."""

    kind: str
    name: str
    count: int


def hidden_characters(text: str) -> tuple[Hidden, ...]:
    """What in `text` cannot be seen, most frequent first; empty for an ordinary text."""
    if text.isascii():
        return ()
    found: Counter[tuple[str, str]] = Counter()
    for match in _SUSPECT.finditer(text):
        if _hides(match, text):
            found[_kind(match.group()), _label(match.group())] += 1
    for match in _MARKS.finditer(text):
        found["marks", "stacked combining marks"] += len(match.group())
    return tuple(Hidden(kind, label, count) for (kind, label), count in found.most_common())


def reveal(html: str) -> tuple[str, tuple[Hidden, ...]]:
    """Our own `html` with each run of hidden characters in a labelled span, and what was found.

    The characters stay where they are: a page shows the labels on demand, and what is copied is
    the text as it came.
    """
    if html.isascii() or not (_SUSPECT.search(html) or _MARKS.search(html)):
        return html, ()
    left = MAX_MARKS

    def marked(match: Match[str]) -> str:
        nonlocal left
        run = match.group()
        if left == 0 or (len(run) == 1 and not _hides(match, match.string)):
            return run
        left -= 1
        is_stack = run[-1] not in JOINERS and _SUSPECT.match(run[-1]) is None
        kind = "hc marks" if is_stack else "hc"
        return f'<span class="{kind}" data-c="{escape(_said(run, is_stack))}">{run}</span>'

    pieces = _TAG.split(html)
    found = hidden_characters("\n".join(pieces[::2]))
    if not found:
        return html, ()
    return "".join(
        piece if number % 2 else _RUN.sub(marked, piece) for number, piece in enumerate(pieces)
    ), found


def _said(run: str, is_stack: bool) -> str:
    """What a mark says of the run: names, how many, and the words that tag characters spell."""
    if is_stack:
        return f"{len(run) - 1} marks"
    spelt = "".join(_spelt(run))
    names = list(dict.fromkeys(SHORT.get(c, f"U+{ord(c):04X}") for c in run if not _is_tag(c)))
    more = "…" if len(names) > 3 else ""
    words = " ".join(names[:3]) + more
    if len(run) > len(names) and not spelt:
        words += f" ×{len(run)}"
    if spelt:
        cut = spelt if len(spelt) <= MAX_SHOWN_TAGS else f"{spelt[:MAX_SHOWN_TAGS]}…"
        words = f"{words} tags: {cut}".strip()
    return words


def _spelt(run: str) -> Iterator[str]:
    for character in run:
        if _is_tag(character):
            code = ord(character) - 0xE0000
            yield chr(code) if 0x20 <= code < 0x7F else "·"


def _hides(match: Match[str], text: str) -> bool:
    """Whether the character hides: a joiner does not where a letter of a script that joins is."""
    if match.group() not in JOINERS:
        return True
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return before.isascii() and after.isascii()


def _is_tag(character: str) -> bool:
    return "\U000e0000" <= character <= "\U000e0fff"


def _kind(character: str) -> str:
    if character in BIDI:
        return "direction"
    if _is_tag(character):
        return "tag"
    return "private" if category(character) == "Co" else "invisible"


def _label(character: str) -> str:
    if _is_tag(character):
        return "U+E0000 block, tag characters"
    return f"U+{ord(character):04X} {name(character, 'without a name').lower()}"
