"""Source code as HTML with four class names, for the languages worth colouring."""

from collections.abc import Iterator
from functools import cache
from html import escape
from itertools import groupby
from typing import Any, ClassVar, cast

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.lexers.dotnet import CSharpLexer
from pygments.lexers.jvm import JavaLexer
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Literal,
    Name,
    Operator,
    String,
    _TokenType,
)
from pygments.util import ClassNotFound

from labeling.rendering.budget import Budget

MAX_CHARS = 8_000
MAX_LINE_CHARS = 200
# Words before the name of a method that a lexer may look for: "protected static final synchronized
# Map<K, V> name(" has six.
MAX_MODIFIERS = 8
# Lexers are regular expressions of very different care; these were tried with hostile input.
LANGUAGES = {
    "bash", "c", "c++", "cpp", "c#", "csharp", "css", "diff", "dockerfile", "go", "haskell",
    "html", "java", "javascript", "js", "json", "jsx", "julia", "kotlin", "lua", "make",
    "makefile", "python", "py", "python3", "pycon", "r", "ruby", "rb", "rust", "rs", "scala",
    "sh", "shell", "sql", "swift", "toml", "ts", "tsx", "typescript", "xml", "yaml", "yml",
    "php", "console", "text",
}  # fmt: skip
NAMES = {
    "py": "Python", "python3": "Python", "js": "JavaScript", "ts": "TypeScript", "rb": "Ruby",
    "rs": "Rust", "sh": "Shell", "yml": "YAML", "cpp": "C++", "csharp": "C#",
    "javascript": "JavaScript", "typescript": "TypeScript", "html": "HTML", "css": "CSS",
    "sql": "SQL", "json": "JSON", "xml": "XML", "yaml": "YAML", "toml": "TOML", "php": "PHP",
}  # fmt: skip
CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c1"),
    (Keyword.Constant, "k"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Tag, "k"),
    (String, "s1"),
    (Literal.Number, "mi"),
    (Generic.Deleted, "gd"),
    (Generic.Inserted, "gi"),
    (Generic.Heading, "c1"),
    (Generic.Prompt, "c1"),
)


def language_label(info: str) -> str:
    """What to call a block of code with this info string: "Python code", or just "Code"."""
    word = info.split(maxsplit=1)[0].lower() if info.strip() else ""
    if word not in LANGUAGES or word == "text":
        return "Code"
    return f"{NAMES.get(word, word.capitalize())} code"


def highlighted(code: str, info: str, budget: Budget) -> str:
    """`code` escaped, with spans for keywords, strings, numbers and comments where we know how."""
    word = info.split(maxsplit=1)[0].lower() if info.strip() else ""
    lexer = _lexer(word) if word in LANGUAGES and _is_modest(code) else None
    if lexer is None:
        return escape(code, quote=False)
    return "".join(_spans(lexer, code, budget))


def _is_modest(code: str) -> bool:
    # Where a lexer is slow, it is mostly so in the length of a line.
    return len(code) <= MAX_CHARS and all(len(line) <= MAX_LINE_CHARS for line in code.split("\n"))


def _bounded(states: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The rules of a lexer, where the words before a method's name are counted.

    As pygments has them, these rules look ahead over all words that follow, from each of them, and
    so cost the square of the block's length.
    """
    rules = [
        (rule[0].replace(r"\s+)+?)", rf"\s+){{1,{MAX_MODIFIERS}}}?)"), *rule[1:])
        if isinstance(rule, tuple) and isinstance(rule[0], str)
        else rule
        for rule in states["root"]
    ]
    return {**states, "root": rules}


class BoundedJava(JavaLexer):
    """Java, in time proportional to the length of the code."""

    tokens = _bounded(JavaLexer.tokens)


class BoundedCSharp(CSharpLexer):
    """C#, in time proportional to the length of the code."""

    # By how much of Unicode a name may hold; pygments' own annotation does not say so.
    tokens: ClassVar[Any] = {
        level: _bounded(cast(Any, states)) for level, states in CSharpLexer.tokens.items()
    }


BOUNDED: dict[str, type[Lexer]] = {
    "java": BoundedJava,
    "c#": BoundedCSharp,
    "csharp": BoundedCSharp,
}


@cache
def _lexer(word: str) -> Lexer | None:
    options = {"stripnl": False, "ensurenl": False}
    if word in BOUNDED:
        return BOUNDED[word](**options)
    try:
        return get_lexer_by_name(word, **options)
    except ClassNotFound:
        return None


@cache
def _class(kind: _TokenType) -> str:
    return next((name for parent, name in CLASSES if parent in kind.split()), "")


def _tokens(lexer: Lexer, code: str, budget: Budget) -> Iterator[tuple[str, str]]:
    for kind, text in lexer.get_tokens(code):
        budget.spend(2)
        yield _class(kind), text


def _spans(lexer: Lexer, code: str, budget: Budget) -> Iterator[str]:
    for name, run in groupby(_tokens(lexer, code, budget), key=lambda token: token[0]):
        text = escape("".join(part for _, part in run), quote=False)
        yield f'<span class="{name}">{text}</span>' if name and text.strip() else text
