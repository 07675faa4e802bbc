r"""Formulas between `\(…\)` and `\[…\]`, and in `\begin{align}` blocks, as models write them."""

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

CLOSERS = {"(": "\\)", "[": "\\]"}
MAX_LINES = 40
_BEGIN = re.compile(r"\\begin\{((?:align|equation|gather|multline|alignat|eqnarray)\*?)\}")


def tex_brackets_plugin(parser: MarkdownIt) -> None:
    r"""Read `\(a\)` as an inline formula, `\[a\]` and the AMS environments as displayed ones."""
    parser.inline.ruler.before("escape", "tex_brackets", _inline)
    parser.block.ruler.before(
        "fence", "tex_block", _block, {"alt": ["paragraph", "blockquote", "list"]}
    )


def _inline(state: StateInline, silent: bool) -> bool:
    source, start = state.src, state.pos
    if source[start] != "\\" or (closer := CLOSERS.get(source[start + 1 : start + 2])) is None:
        return False
    # Remembered, so that a thousand openers without a closer look for it once.
    missing: dict[str, str] = state.env.setdefault("tex_missing", {})
    if missing.get(closer) is source:
        return False
    end = source.find(closer, start + 2)
    if end < 0:
        missing[closer] = source
        return False
    content = source[start + 2 : end]
    if end > state.posMax or not content.strip():
        return False
    if not silent:
        is_display = closer == "\\]"
        token = state.push("math_inline_double" if is_display else "math_inline", "math", 0)
        token.content = content
    state.pos = end + 2
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    if state.is_code_block(start_line):
        return False
    first = _line(state, start_line)
    if first.startswith("\\["):
        closer, opener_length = "\\]", 2
    elif match := _BEGIN.match(first):
        closer, opener_length = f"\\end{{{match.group(1)}}}", 0
    else:
        return False
    # Looked for once: a thousand openers without a closer must not look a thousand times.
    if state.env.get("tex_missing", {}).get(closer) is state.src:
        return False
    if state.src.find(closer, state.bMarks[start_line]) < 0:
        state.env.setdefault("tex_missing", {})[closer] = state.src
        return False
    lines: list[str] = []
    for number in range(start_line, min(end_line, start_line + MAX_LINES)):
        line = _line(state, number)
        if not line or (number > start_line and state.sCount[number] < state.blkIndent):
            return False
        lines.append(line[opener_length:] if number == start_line else line)
        if lines[-1].endswith(closer):
            break
        if closer in lines[-1]:
            return False
    else:
        return False
    if silent:
        return True
    content = "\n".join(lines)
    token = state.push("math_block", "math", 0)
    token.block = True
    token.content = content.removesuffix("\\]") if opener_length else content
    state.line = start_line + len(lines)
    token.map = [start_line, state.line]
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].rstrip()
