"""LaTeX as MathML, rebuilt node by node from an allow-list; its source where that fails."""

import re
from collections.abc import Iterator
from html import escape
from xml.etree.ElementTree import Element

from latex2mathml.converter import Converter

MAX_CHARS = 1500
MAX_NODES = 2500
MAX_DEPTH = 40
MAX_BRACES = 20

ELEMENTS = {
    "math", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot",
    "mstyle", "msub", "msup", "msubsup", "munder", "mover", "munderover", "mmultiscripts",
    "mprescripts", "none", "mtable", "mtr", "mtd", "mphantom", "mpadded", "menclose",
}  # fmt: skip
# A value must match the whole pattern. Lengths are bounded, so that no formula leaves its box.
_LENGTH = re.compile(r"-?[0-3]?(\.\d{1,4})?(em|ex|pt|mu)|-?\d{1,2}(\.\d{1,3})?(pt|mu)|0")
_LENGTHS = re.compile(r"([0-3]?(\.\d{1,4})?(em|ex)|\d{1,2}pt|0)( ([0-3]?(\.\d{1,4})?(em|ex)|0))*")
_WORD = re.compile(r"true|false")
ATTRIBUTES = {
    "displaystyle": _WORD,
    "scriptlevel": re.compile(r"[+-]?[0-2]"),
    "mathvariant": re.compile(r"[a-z-]{4,24}"),
    "stretchy": _WORD,
    "fence": _WORD,
    "separator": _WORD,
    "symmetric": _WORD,
    "largeop": _WORD,
    "movablelimits": _WORD,
    "accent": _WORD,
    "accentunder": _WORD,
    "form": re.compile(r"prefix|infix|postfix"),
    "lspace": _LENGTH,
    "rspace": _LENGTH,
    "width": _LENGTH,
    "minsize": re.compile(r"[1-4](\.\d{1,3})?(em)?"),
    "maxsize": re.compile(r"[1-4](\.\d{1,3})?(em)?"),
    "linethickness": re.compile(r"0|0(em|pt)|[12]pt|thin|medium|thick"),
    "columnalign": re.compile(r"(left|center|right)( (left|center|right)){0,30}"),
    "rowspacing": _LENGTHS,
    "columnspacing": _LENGTHS,
    "notation": re.compile(r"box|actuarial|radical|[a-z]{3,20}strike"),
}
# What loads, links, styles, names or defines is not typeset at all.
_REFUSED = re.compile(
    r"\\(?:def|edef|gdef|xdef|let|newcommand|renewcommand|providecommand|newenvironment|href|url"
    r"|html\w*|class|cssId|style|unicode|includegraphics|require|input|include|catcode|csname"
    r"|special|write|openout|read|loop|rule|label|tag|ref|eqref)(?![A-Za-z])"
)
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|split|align|eqnarray)\*?\}")


class _UnusableError(ValueError):
    """The formula cannot be shown as MathML."""


def formula(latex: str, *, is_display: bool) -> str:
    """`latex` as `<math>`, with the source as alternative text; or the source as `<code>`."""
    try:
        body = _mathml(latex, is_display=is_display)
    # latex2mathml has a family of errors and also lets IndexError, ValueError and the like through.
    except Exception:
        return formula_source(latex, is_display=is_display)
    kind = ' display="block" tabindex="0"' if is_display else ""
    return f'<math{kind} alttext="{escape(latex)}">{body}</math>'


def formula_source(latex: str, *, is_display: bool) -> str:
    """The formula as it was written."""
    return f'<code class="tex{" block" if is_display else ""}" dir="ltr">{escape(latex)}</code>'


def _mathml(latex: str, *, is_display: bool) -> str:
    if not latex.strip() or len(latex) > MAX_CHARS or _REFUSED.search(latex):
        raise _UnusableError
    if _brace_depth(latex) > MAX_BRACES:
        raise _UnusableError
    source = _ALIGNED.sub(r"\\\1{align*}", latex)
    root = Converter(display="block" if is_display else "inline").convert_to_element(source)
    parts: list[str] = []
    for count, part in enumerate(part for child in root for part in _rebuilt(child, 0)):
        if count > MAX_NODES:
            raise _UnusableError
        parts.append(part)
    return "".join(parts)


def _brace_depth(latex: str) -> int:
    depth = deepest = 0
    for character in latex:
        if character == "{":
            depth += 1
            deepest = max(deepest, depth)
        elif character == "}":
            depth -= 1
    return deepest


def _rebuilt(node: Element, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH or node.tag not in ELEMENTS:
        raise _UnusableError
    attributes = "".join(
        f' {name}="{escape(value)}"'
        for name, value in node.attrib.items()
        if name in ATTRIBUTES and ATTRIBUTES[name].fullmatch(value)
    )
    yield f"<{node.tag}{attributes}>{_text(node)}"
    for child in node:
        yield from _rebuilt(child, depth + 1)
    yield f"</{node.tag}>"


def _text(node: Element) -> str:
    text = node.text or ""
    if node.tag == "mi" and text == "&":
        # An alignment mark outside an aligned environment: the converter did not understand it.
        raise _UnusableError
    plain = _ENTITY.sub(_character, text)
    return escape(plain)


def _character(match: re.Match[str]) -> str:
    code = int(match.group(1), 16)
    if code < 0x20 or 0xD800 <= code <= 0xDFFF or code > 0x10FFFF:
        raise _UnusableError
    return chr(code)
