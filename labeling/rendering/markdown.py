"""Markdown as safe HTML: what the source may bring is a short list, and the work it may cause too.

Raw HTML is text. Links lead out in a new tab and tell nobody where from; images are named, never
loaded, since a request would tell their host who judged what and when. Regions that scroll can be
reached by keyboard and are numbered, so that `name_regions` can say whose they are.
"""

import re
from collections.abc import MutableMapping, Sequence
from html import escape
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from mdit_py_plugins.dollarmath import dollarmath_plugin

from labeling.rendering.budget import Budget, TooMuchWorkError
from labeling.rendering.formulas import formula, formula_source
from labeling.rendering.highlighting import highlighted, language_label
from labeling.rendering.pictures import named_image
from labeling.rendering.tex_brackets import tex_brackets_plugin

MAX_CHARS = 200_000
MAX_LEVEL = 30
MAX_URL_CHARS = 2_000
MAX_CELLS = 6_000
# What a block, a link and a formula cost, in steps of the inline parser.
BLOCK_STEPS = 3
LINK_STEPS = 6
FORMULA_STEPS = 10
# One formula may take 30 ms; what comes after these is shown as its source.
MAX_FORMULA_CHARS = 6_000

TAGS = {
    "p", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "code", "em", "strong", "s",
    "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "a", "span", "div", "samp",
}  # fmt: skip
REGION = {"tabindex", "role", "aria-label"}
ATTRIBUTES = {
    "a": {"href", "target", "rel"},
    "ol": {"start", "dir"},
    "th": {"class", "scope"},
    "td": {"class"},
    "span": {"class"},
    "code": {"class", "dir"},
    "pre": {"class", "dir"} | REGION,
    "div": {"class"} | REGION,
    **{tag: {"dir"} for tag in ("p", "h3", "h4", "h5", "h6", "ul", "blockquote", "table")},
}
CLASSES = {
    "k",
    "s1",
    "mi",
    "c1",
    "gd",
    "gi",
    "tex",
    "block",
    "num",
    "mid",
    "scroll",
    "plain",
    "image",
    "code",
}
_REGION_NAME = re.compile(r'(<(?:pre|div)\b[^<>]*? aria-label=")')
_SLOT = re.compile(r"<samp>(\d+)</samp>")
_SCHEME = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20]", re.IGNORECASE)
_ALIGN = {"text-align:right": "num", "text-align:center": "mid"}


def render_markdown(text: str) -> str:
    """`text` as HTML that may be put into a page; as plain text if it asks for too much."""
    if len(text) > MAX_CHARS:
        return render_plain(text)
    budget = Budget(len(text))
    env: dict[str, Any] = {"budget": budget, "formulas": [], "regions": {}}
    try:
        html = _PARSER.render(text, env)
        budget.spend_output(len(html))
        budget.check_time()
    except (TooMuchWorkError, RecursionError):
        return render_plain(text)
    formulas: list[str] = env["formulas"]
    return _SLOT.sub(lambda slot: formulas[int(slot.group(1))], _clean(html))


def render_plain(text: str) -> str:
    """`text` exactly as it is, in one box."""
    return (
        '<pre class="plain" dir="auto" tabindex="0" role="region" aria-label="Plain text">'
        f"{escape(text.replace(chr(0), chr(0xFFFD)), quote=False)}</pre>"
    )


def name_regions(html: str, owner: str) -> str:
    """The rendered `html` with its regions called "<owner>, Python code" and so on."""
    return _REGION_NAME.sub(lambda match: f"{match.group(1)}{escape(owner)}, ", html)


def _clean(html: str) -> str:
    # A second wall: our renderer writes all tags itself, and only those pass here.
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_only_our_classes,
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
        strip_comments=True,
    )


def _only_our_classes(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return " ".join(word for word in value.split() if word in CLASSES) or None
    return value


def _spend(state: StateBlock | StateInline, *_args: Any) -> bool:
    """A rule that never matches: it counts the steps of the parser, and its depth."""
    budget: Budget = state.env["budget"]
    if isinstance(state, StateBlock):
        budget.spend(BLOCK_STEPS)
    else:
        # An address between angle brackets is parsed and written anew, which is slow.
        budget.spend(LINK_STEPS if state.src[state.pos] == "<" else 1)
    # Deeper text would be dropped without a word by markdown-it's maxNesting.
    if state.level > MAX_LEVEL:
        raise TooMuchWorkError("depth")
    return False


def _spend_table(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    """Refuse a table whose missing cells alone would be more than a page can bear."""
    if silent or start_line + 2 > end_line:
        return False
    delimiters = state.src[state.bMarks[start_line + 1] : state.eMarks[start_line + 1]]
    columns = delimiters.count("|")
    if not columns or delimiters.strip("|-: \t"):
        return False
    rows = start_line
    while rows < end_line and not state.isEmpty(rows):
        rows += 1
    if columns * (rows - start_line) > MAX_CELLS:
        raise TooMuchWorkError("cells")
    return False


class _Renderer(RendererHTML):
    """HTML for our allow-list: shifted headings, named images, slots for formulas."""

    def render(
        self,
        tokens: Sequence[Token],
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        _settle_blocks(tokens)
        return super().render(tokens, options, env)

    def link_open(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        href = str(tokens[idx].attrGet("href") or "")
        env["budget"].spend(LINK_STEPS)
        env["budget"].spend_output(len(href))
        return f'<a href="{escape(href)}" target="_blank" rel="noopener noreferrer nofollow">'

    def image(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        alt = self.renderInlineAsText(tokens[idx].children, options, env)
        return named_image(alt, str(tokens[idx].attrGet("src") or ""))

    def fence(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        token = tokens[idx]
        code = highlighted(token.content, token.info, env["budget"])
        label = _numbered(language_label(token.info), env)
        region = f'tabindex="0" role="region" aria-label="{label}"'
        # The box keeps the place of a copy key while the code in it scrolls.
        return f'<div class="code"><pre dir="ltr" {region}><code>{code}</code></pre></div>\n'

    code_block = fence

    def table_open(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        label = _numbered("Table", env)
        region = f'tabindex="0" role="region" aria-label="{label}"'
        return f'<div class="scroll" {region}><table dir="auto">\n'

    def table_close(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        return "</table></div>\n"

    def math_inline(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        return _slot(tokens[idx].content, env, is_display=False)

    def math_inline_double(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        return _slot(tokens[idx].content, env, is_display=True)

    def math_block(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: OptionsDict,
        env: MutableMapping[str, Any],
    ) -> str:
        return f"<div>{_slot(tokens[idx].content, env, is_display=True)}</div>\n"


def _slot(latex: str, env: MutableMapping[str, Any], *, is_display: bool) -> str:
    """A place for a formula: MathML goes in after the sanitiser, which does not know it."""
    budget: Budget = env["budget"]
    spent = env["formula_chars"] = env.get("formula_chars", 0) + len(latex)
    budget.spend(FORMULA_STEPS + len(latex) // 4)
    latex = latex.strip()
    make = formula if spent <= MAX_FORMULA_CHARS else formula_source
    html = make(latex, is_display=is_display)
    budget.spend_output(len(html))
    env["formulas"].append(html)
    return f"<samp>{len(env['formulas']) - 1}</samp>"


def _numbered(label: str, env: MutableMapping[str, Any]) -> str:
    regions: dict[str, int] = env["regions"]
    regions[label] = number = regions.get(label, 0) + 1
    return escape(label if number == 1 else f"{label} {number}")


def _settle_blocks(tokens: Sequence[Token]) -> None:
    """Give outermost blocks a direction, cells a class for their side, headings a level of ours."""
    levels: list[int] = []
    tags: list[str] = []
    for token in tokens:
        if token.type == "heading_open":
            level = int(token.tag[1])
            while levels and levels[-1] >= level:
                levels.pop()
            levels.append(level)
            # A page has its own h1 and h2, and no level is left out on the way down.
            token.tag = f"h{min(2 + len(levels), 6)}"
            tags.append(token.tag)
        elif token.type == "heading_close":
            token.tag = tags.pop()
        elif token.type in {"th_open", "td_open"}:
            style = str(token.attrs.pop("style", ""))
            if side := _ALIGN.get(style):
                token.attrs["class"] = side
            if token.type == "th_open":
                token.attrs["scope"] = "col"
        # Only the outermost: `auto` does not look into descendants that have a direction.
        if token.nesting == 1 and token.level == 0 and token.tag in {
            "p", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote",
        }:  # fmt: skip
            token.attrs["dir"] = "auto"


def _is_link(url: str) -> bool:
    return len(url) <= MAX_URL_CHARS and _SCHEME.match(url) is not None


def _parser() -> MarkdownIt:
    # Line breaks are kept: completions are often plain text, and its lines are part of the answer.
    parser = MarkdownIt(
        "commonmark",
        {"html": False, "breaks": True, "maxNesting": MAX_LEVEL + 10},
        renderer_cls=_Renderer,
    ).enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline"])
    # "$5 to $6" is money, not a formula.
    parser.use(
        dollarmath_plugin,
        allow_labels=False,
        allow_space=False,
        allow_digits=False,
        allow_blank_lines=False,
        double_inline=True,
    )
    parser.use(tex_brackets_plugin)
    for name in ("math_inline", "math_inline_double", "math_block"):
        parser.renderer.rules[name] = getattr(parser.renderer, name)  # type: ignore[attr-defined]
    # Also asked for each further line of a paragraph, a quote, a list, a definition.
    everywhere: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    parser.block.ruler.before("table", "spend", _spend, everywhere)
    parser.block.ruler.before("table", "spend_table", _spend_table)
    parser.inline.ruler.before("text", "spend", _spend)
    parser.validateLink = _is_link  # type: ignore[method-assign]
    return parser


_PARSER = _parser()
