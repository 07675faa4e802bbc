"""Which words of two texts differ: marked in their HTML, and said as phrases. Pure.

Words are compared, never letters: a rater reads words. Large texts are first tied together at
the words that both have once, so that the work grows with the length and not with its square.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from html import escape, unescape

# A stretch without a common landmark is compared word by word up to this length, and beyond it
# counts as different: two texts that share so little are better read than compared.
MAX_STRETCH = 300
MAX_WORDS = 20_000
# As few and as small words as these, with differences on both sides, are no common ground.
ISLAND_WORDS = 2
ISLAND_CHARS = 3
MAX_PHRASES = 40
MAX_PHRASE_WORDS = 24

_IDEOGRAPH = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_POINT = "!-/:-@\\[-^`{-~\u00a1-\u00bf\u2010-\u205e\u3000-\u303f\uff01-\uff0f"
# Scripts without spaces are compared sign by sign; everything else by words and by points.
_WORD = re.compile(f"[{_IDEOGRAPH}]|[^\\s{_POINT}{_IDEOGRAPH}]+|[{_POINT}]")
_PIECE = re.compile(
    # A formula is one word. A button or the title of a fold is no part of the text.
    r"(?P<formula><math\b.*?</math>)"
    r"|(?P<tag><(?P<name>button|summary)\b.*?</(?P=name)>"
    r"|<(?:\"[^\"]*\"|'[^']*'|[^'\">])*>)"
    rf"|(?P<word>&(?:\#\w+|\w+);|{_WORD.pattern})"
    r"|(?P<space>\s+|.)",
    re.DOTALL,
)

Pair = tuple[int, int]


@dataclass(frozen=True)
class Side:
    """One text with its own words marked, and those words as phrases. Fit for a cache."""

    html: tuple[str, ...]
    phrases: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Change:
    """A stretch of an edited text: kept, inserted or deleted."""

    kind: str
    text: str


@dataclass(frozen=True)
class EditDifference:
    """What an edit changed, in order, with how many words came and went."""

    changes: tuple[Change, ...]
    inserted: int
    deleted: int


def mark_differences(left: Sequence[str], right: Sequence[str]) -> tuple[Side, Side] | None:
    """Both texts (each as fragments of safe HTML) with a `<mark>` around what the other lacks.

    None where they are too long to be compared.
    """
    one, other = _pieces(left), _pieces(right)
    words = [[text for kind, text in pieces if kind == "word"] for pieces in (one, other)]
    if max(map(len, words)) > MAX_WORDS:
        return None
    matched = _without_islands(_matched(*words), *words)
    return (
        _marked(one, {i for i, _ in matched}),
        _marked(other, {j for _, j in matched}),
    )


def _without_islands(
    matched: Sequence[Pair], one: Sequence[str], other: Sequence[str]
) -> list[Pair]:
    """The pairs without lone commas and small words that only happen to stand in both."""
    runs: list[list[Pair]] = []
    for i, j in matched:
        if runs and runs[-1][-1] == (i - 1, j - 1):
            runs[-1].append((i, j))
        else:
            runs.append([(i, j)])
    whole = {(0, 0), (len(one) - 1, len(other) - 1)}
    return [
        pair
        for run in runs
        if len(run) > ISLAND_WORDS
        or any(len(one[i]) > ISLAND_CHARS for i, _ in run)
        or whole & {run[0], run[-1]}
        for pair in run
    ]


def difference_of_edit(original: str, edited: str) -> EditDifference:
    """The words that `edited` takes from `original` and adds to it."""
    one, other = _tokens(original), _tokens(edited)
    matched = _matched([t for t, _ in one], [t for t, _ in other])
    changes: list[Change] = []
    inserted = deleted = 0
    i = j = 0
    for next_i, next_j in [*matched, (len(one), len(other))]:
        if gone := "".join(word + space for word, space in one[i:next_i]):
            changes.append(Change("del", gone))
            deleted += next_i - i
        if came := "".join(word + space for word, space in other[j:next_j]):
            changes.append(Change("ins", came))
            inserted += next_j - j
        if next_j < len(other):
            kept = "".join(other[next_j])
            if changes and changes[-1].kind == "same":
                changes[-1] = Change("same", changes[-1].text + kept)
            else:
                changes.append(Change("same", kept))
        i, j = next_i + 1, next_j + 1
    return EditDifference(tuple(changes), inserted, deleted)


def _tokens(text: str) -> list[tuple[str, str]]:
    """The words of a plain text, each with the white space after it."""
    found = list(_WORD.finditer(text))
    if not found:
        return [("", text)] if text else []
    ends = [word.start() for word in found[1:]] + [len(text)]
    tokens = [(w.group(), text[w.end() : end]) for w, end in zip(found, ends, strict=True)]
    if found[0].start():
        tokens.insert(0, ("", text[: found[0].start()]))
    return tokens


def _pieces(fragments: Sequence[str]) -> list[tuple[str, str]]:
    """The fragments as words, spaces and tags, with an end between two fragments."""
    pieces: list[tuple[str, str]] = []
    for number, fragment in enumerate(fragments):
        if number:
            pieces.append(("end", ""))
        for match in _PIECE.finditer(fragment):
            kind = match.lastgroup or ""
            # The name of a folded tag is a group inside another.
            kind = "tag" if kind == "name" else "word" if kind == "formula" else kind
            pieces.append((kind, match.group()))
    return pieces


def _matched(one: Sequence[str], other: Sequence[str]) -> list[Pair]:
    """Which words of both are the same, as places in both, rising."""
    start, end = 0, 0
    shortest = min(len(one), len(other))
    while start < shortest and one[start] == other[start]:
        start += 1
    while end < shortest - start and one[-1 - end] == other[-1 - end]:
        end += 1
    middle = _matched_between(one[start : len(one) - end], other[start : len(other) - end])
    tail = [(len(one) - k, len(other) - k) for k in range(end, 0, -1)]
    return [
        *((k, k) for k in range(start)),
        *((i + start, j + start) for i, j in middle),
        *tail,
    ]


def _matched_between(one: Sequence[str], other: Sequence[str]) -> list[Pair]:
    if not one or not other:
        return []
    if len(one) <= MAX_STRETCH and len(other) <= MAX_STRETCH:
        return _small(one, other)
    found: list[Pair] = []
    i = j = 0
    for next_i, next_j in [*_landmarks(one, other), (len(one), len(other))]:
        gap, facing = one[i:next_i], other[j:next_j]
        if len(gap) <= MAX_STRETCH and len(facing) <= MAX_STRETCH:
            found += [(i + x, j + y) for x, y in _small(gap, facing)]
        if next_i < len(one):
            found.append((next_i, next_j))
        i, j = next_i + 1, next_j + 1
    return found


def _small(one: Sequence[str], other: Sequence[str]) -> list[Pair]:
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return [(b.a + k, b.b + k) for b in blocks for k in range(b.size)]


def _landmarks(one: Sequence[str], other: Sequence[str]) -> list[Pair]:
    """The longest rising row of words that each text has exactly once (patience sorting)."""
    counts = Counter(other)
    places = {word: j for j, word in enumerate(other) if counts[word] == 1}
    own = Counter(one)
    piles: list[list[tuple[int, int, int]]] = []
    tops: list[int] = []
    for i, word in enumerate(one):
        if own[word] != 1 or word not in places:
            continue
        j = places[word]
        low, high = 0, len(tops)
        while low < high:
            half = (low + high) // 2
            low, high = (half + 1, high) if tops[half] < j else (low, half)
        back = len(piles[low - 1]) - 1 if low else -1
        if low == len(piles):
            piles.append([])
            tops.append(j)
        piles[low].append((i, j, back))
        tops[low] = j
    row: list[Pair] = []
    place = len(piles[-1]) - 1 if piles else -1
    for pile in reversed(piles):
        i, j, place = pile[place]
        row.append((i, j))
    return row[::-1]


def _marked(pieces: Sequence[tuple[str, str]], kept: set[int]) -> Side:
    fragments: list[str] = []
    html: list[str] = []
    phrases: list[str] = []
    count = 0
    for run in _runs(pieces, kept):
        if run.kind == "end":
            fragments.append("".join(html))
            html = []
        elif run.kind == "own":
            html.append(f"<mark>{run.text}</mark>")
            count += run.words
            phrases.append(_spoken(run.text))
        else:
            html.append(run.text)
    fragments.append("".join(html))
    return Side(tuple(fragments), tuple(phrases[:MAX_PHRASES]), count)


@dataclass
class _Run:
    kind: str
    text: str
    words: int = 0


def _runs(pieces: Sequence[tuple[str, str]], kept: set[int]) -> Iterator[_Run]:
    """What is to be written, a run of own words at a time: a mark never reaches over a tag."""
    place = 0
    own: _Run | None = None
    space = ""
    for kind, text in pieces:
        if kind == "word":
            is_own = place not in kept
            place += 1
            if is_own and own:
                own.text += space + text
                own.words += 1
                space = ""
                continue
            if is_own:
                own = _Run("own", text, 1)
                continue
        elif kind == "space" and own:
            space += text
            continue
        if own:
            yield own
            own = None
        if space:
            yield _Run("as is", space)
            space = ""
        yield _Run("end" if kind == "end" else "as is", text)
    if own:
        yield own
    if space:
        yield _Run("as is", space)


_ALT = re.compile(r'<math\b[^>]*? alttext="([^"]*)".*?</math>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")


def _spoken(html: str) -> str:
    """A marked run as plain words; a formula by its source."""
    words = unescape(_TAG.sub("", _ALT.sub(r"\1", html))).split()
    more = "…" if len(words) > MAX_PHRASE_WORDS else ""
    return " ".join(words[:MAX_PHRASE_WORDS]) + more


def edit_html(difference: EditDifference) -> str:
    """The edit as safe HTML: `ins` and `del` around what came and went."""
    return "".join(
        escape(one.text, quote=False)
        if one.kind == "same"
        else f"<{one.kind}>{escape(one.text, quote=False)}</{one.kind}>"
        for one in difference.changes
    )
