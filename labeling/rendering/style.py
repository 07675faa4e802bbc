"""How much a text is formatted: its headings, bold passages and list items, counted.

Counts go into the statistics of style (docs/METRICS.md, Bias). They are of the Markdown as written,
outside code: what a page would show as headings, bold and lists. Each pass is linear in the text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# Indented further, a heading is code.
_MOST_INDENTED: Final = 3
_HEADING: Final = re.compile(r"#{1,6}[ \t]+[^\s#]")
_ITEM: Final = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+\S")
# A rule (`* * *`) begins like an item and is none.
_RULE: Final = re.compile(r"([-*])(?:[ \t]+\1){2,}\s*$")
_FENCE: Final = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)
# What a line of interest may begin with, after its indentation.
_STARTS: Final = frozenset("#-*+0123456789`~")
_INLINE_CODE: Final = re.compile(r"`[^`\n]*`")
# Inside, two stars together end it: nothing is looked at twice.
_STARS: Final = re.compile(r"\*\*(?=[^\s*])[^*\n]+(?:\*(?!\*)[^*\n]*)*\*\*")
_UNDERSCORES: Final = re.compile(r"(?<!\w)__(?=[^\s_])[^_\n]+(?:_(?!_)[^_\n]*)*__(?!\w)")


@dataclass(frozen=True, slots=True)
class Style:
    """Headings, bold passages and list items of a text."""

    headers: int = 0
    bold: int = 0
    lists: int = 0


def style_of(text: str) -> Style:
    """The headings, bold passages and list items of a Markdown text; code does not count."""
    headers = lists = 0
    fence = ""
    is_fenced = "```" in text or "~~~" in text
    prose: list[str] = []
    for line in text.split("\n"):
        words = line.lstrip(" \t")
        if words and words[0] in _STARTS:
            if is_fenced and words[0] in "`~" and (mark := _fence(words, fence)) is not None:
                fence = mark
                continue
            if not fence:
                if _HEADING.match(words) and len(line) - len(words) <= _MOST_INDENTED:
                    headers += 1
                elif _ITEM.match(words) and not _RULE.match(words):
                    lists += 1
        if is_fenced and not fence:
            prose.append(line)
    return Style(headers, _bold("\n".join(prose) if is_fenced else text), lists)


def style_of_messages(messages: Sequence[Mapping[str, Any]]) -> Style:
    """The same of all text parts of the messages; what a tool gave back is no Markdown."""
    found = [
        style_of(text)
        for message in messages
        if message.get("role") != "tool"
        for text in _texts(message.get("content"))
    ]
    if len(found) == 1:
        return found[0]
    return Style(
        sum(one.headers for one in found),
        sum(one.bold for one in found),
        sum(one.lists for one in found),
    )


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if not isinstance(content, list):
        return []
    texts = (part.get("text") for part in content if isinstance(part, Mapping))
    return [text for text in texts if isinstance(text, str)]


def _fence(words: str, fence: str) -> str | None:
    """The fence that holds after this line: "" where it closes, None where it is no fence.

    A fence that nothing closes goes on to the end.
    """
    found = _FENCE.match(words)
    if found is None:
        return None
    mark, rest = found.groups()
    if fence:
        closes = mark[0] == fence[0] and len(mark) >= len(fence) and not rest.strip()
        return "" if closes else None
    # Code on one line (```x```) opens nothing.
    return None if mark[0] == "`" and "`" in rest else str(mark)


def _bold(text: str) -> int:
    has_stars, has_underscores = "**" in text, "__" in text
    if not has_stars and not has_underscores:
        return 0
    said = _INLINE_CODE.sub("", text) if "`" in text else text
    count = len(_STARS.findall(said)) if has_stars else 0
    return count + (len(_UNDERSCORES.findall(said)) if has_underscores else 0)
