"""Which of the completions a model sent are not put before raters, and why.

Each filter keeps, marks or drops. What is dropped makes no pairs, what is marked is paired and says
so in exports; the text itself stays as it came. A language is told by its script alone: a small
table, no model, and so English is not told from Spanish, but an answer in Chinese to a question in
English is.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.errors import refused
from labeling.formats.identity import identifies_itself, may_name

KEEP, MARK, DROP = "keep", "mark", "drop"
EMPTY = "empty"
CUT = "cut"
REFUSED = "refused"
IDENTICAL = "identical"
NEAR_IDENTICAL = "near_identical"
WRONG_LANGUAGE = "wrong_language"
NAMES_MAKER = "names_maker"
# What is done unless a run says otherwise.
DEFAULTS: Final[Mapping[str, str]] = {
    EMPTY: DROP,
    CUT: MARK,
    REFUSED: MARK,
    IDENTICAL: DROP,
    NEAR_IDENTICAL: KEEP,
    WRONG_LANGUAGE: KEEP,
    NAMES_MAKER: KEEP,
}
# What a manager reads of each.
WORDS: Final[Mapping[str, str]] = {
    EMPTY: "Empty",
    CUT: "Cut off at its limit",
    REFUSED: "Filtered or refused by the provider",
    IDENTICAL: "The same text as another",
    NEAR_IDENTICAL: "Nearly the same text as another",
    WRONG_LANGUAGE: "In another script than its prompt's language",
    NAMES_MAKER: "Says which model it is",
}
# Two texts of which one is left out as the other's double: a matter of pairs.
OF_PAIRS: Final = frozenset({IDENTICAL, NEAR_IDENTICAL})
# Finish reasons as providers write them, in lower case.
_CUT_REASONS: Final = frozenset({"length", "max_tokens", "model_length", "context_length"})
_REFUSED_REASONS: Final = frozenset(
    {"content_filter", "refusal", "safety", "recitation", "blocklist", "prohibited_content"}
    | {"spii", "language", "image_safety"}
)
# Scripts by the first word of their letters' Unicode names, and the languages written in them.
_SCRIPTS: Final[Mapping[str, frozenset[str]]] = {
    "ar": frozenset({"ARABIC"}),
    "fa": frozenset({"ARABIC"}),
    "ur": frozenset({"ARABIC"}),
    "he": frozenset({"HEBREW"}),
    "hi": frozenset({"DEVANAGARI"}),
    "mr": frozenset({"DEVANAGARI"}),
    "ne": frozenset({"DEVANAGARI"}),
    "bn": frozenset({"BENGALI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "th": frozenset({"THAI"}),
    "el": frozenset({"GREEK"}),
    "ka": frozenset({"GEORGIAN"}),
    "hy": frozenset({"ARMENIAN"}),
    "am": frozenset({"ETHIOPIC"}),
    "ru": frozenset({"CYRILLIC"}),
    "uk": frozenset({"CYRILLIC"}),
    "bg": frozenset({"CYRILLIC"}),
    "be": frozenset({"CYRILLIC"}),
    "mk": frozenset({"CYRILLIC"}),
    "zh": frozenset({"CJK"}),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
} | dict.fromkeys(
    (
        *("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "no", "nb", "nn", "fi", "is"),
        *("et", "lv", "lt", "pl", "cs", "sk", "sl", "hr", "hu", "ro", "tr", "vi", "id", "ms"),
        *("tl", "sw", "ca", "eu", "gl", "ga", "cy", "af", "sq"),
    ),
    frozenset({"LATIN"}),
)
# Where fewer letters stand, or this share of them is as it should be, nothing is wrong.
_LEAST_LETTERS: Final = 24
_LEAST_SHARE: Final = 0.3
_MOST_LOOKED_AT: Final = 4000
_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the filters look at of one completion."""

    text: str
    finish_reason: str = ""
    # Of its prompt; "" where nobody said.
    language: str = ""
    has_calls: bool = False


def read_filters(value: Any) -> dict[str, str]:
    """What a run does about each finding, checked; what it does not name has its default."""
    if not isinstance(value, dict):
        raise refused("filters", 'An object, like {"cut": "drop", "near_identical": "mark"}.')
    for name, chosen in value.items():
        if name not in DEFAULTS:
            raise refused(f"filters.{name}", f"Unknown; filters are {', '.join(DEFAULTS)}.")
        if chosen not in (KEEP, MARK, DROP):
            raise refused(f"filters.{name}", "Write keep, mark or drop.")
    return {**DEFAULTS, **value}


def findings(answer: Answer) -> tuple[str, ...]:
    """The filters that the answer meets by itself, in the order in which they are told."""
    found = []
    reason = answer.finish_reason.lower()
    if not answer.text.strip() and not answer.has_calls:
        found.append(EMPTY)
    if reason in _REFUSED_REASONS:
        found.append(REFUSED)
    if reason in _CUT_REASONS:
        found.append(CUT)
    if is_wrong_script(answer.text, answer.language):
        found.append(WRONG_LANGUAGE)
    if may_name(answer.text) and identifies_itself(answer.text):
        found.append(NAMES_MAKER)
    return tuple(found)


def dropped_for(found: Sequence[str], filters: Mapping[str, str]) -> str:
    """The first finding for which the answer is left out; "" if it stays."""
    chosen = {**DEFAULTS, **filters}
    return next((name for name in found if chosen[name] == DROP), "")


def marked_for(found: Sequence[str], filters: Mapping[str, str]) -> list[str]:
    """The findings that are marked."""
    chosen = {**DEFAULTS, **filters}
    return [name for name in found if chosen[name] == MARK]


def normalised(text: str) -> str:
    """The text without what a reader does not weigh: case, forms of letters, marks and spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded))


def is_wrong_script(text: str, language: str) -> bool:
    """Few of the text's letters belong to the scripts in which the language is written.

    Code is not looked at, nor is a text with hardly any letters, nor a language without an entry.
    """
    expected = _SCRIPTS.get(language.lower().replace("_", "-").split("-", 1)[0])
    if expected is None:
        return False
    letters = [c for c in _CODE.sub(" ", text[:_MOST_LOOKED_AT]) if c.isalpha()]
    if len(letters) < _LEAST_LETTERS:
        return False
    fitting = sum(_script_of(letter) in expected for letter in letters)
    return fitting < _LEAST_SHARE * len(letters)


def _script_of(letter: str) -> str:
    if letter.isascii():
        return "LATIN"
    return unicodedata.name(letter, "").partition(" ")[0]
