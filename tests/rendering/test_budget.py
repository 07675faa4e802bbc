"""A hostile text of 100 kB costs about as much as the budget says, and is shown whole."""

import time
from html import escape

import pytest

from labeling.rendering.highlighting import LANGUAGES, MAX_CHARS
from labeling.rendering.markdown import render_markdown

SIZE = 100_000


def filled(unit: str) -> str:
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


UNITS = {
    "brackets": "[",
    "asterisks": "*",
    "quotes": ">",
    "quotes with spaces": "> ",
    "images": "![",
    "links": "](",
    "empty links": "[](",
    "emphasis": "a*",
    "open emphasis": "*a ",
    "mixed emphasis": "*_**__",
    "strong": "**a *",
    "underscores": "__a_ ",
    "strikes": "~~a~~ ",
    "backticks": "`",
    "less-than": "<",
    "tags": "<a ",
    "comments": "<!--",
    "autolinks": "<http://a>",
    "open autolinks": "<http://",
    "entities": "&amp;",
    "ampersands": "&",
    "backslashes": "\\",
    "escapes": "\\*",
    "dollars": "$",
    "formulas": "$a$ ",
    "fractions": r"$\frac{a}{b}$ and ",
    "blocks of dollars": "$$\n",
    "tex parentheses": r"\( ",
    "tex brackets": "\\[\n",
    "environments": "\\begin{align}\n",
    "lists": "- ",
    "numbered": "1. a\n",
    "quoted lists": "> - 1. ",
    "definitions": "[a]: b\n",
    "open definitions": "[a]:\n",
    "tables": "|a|b|\n|-|-|\n",
    "headings": "# a\n",
    "underlined headings": "a\n=\n",
    "fences": "```\n",
    "python fences": "```python\nx\n```\n",
    "rules": "* * * ",
    "breaks": "a  \n",
    "spaces": " ",
    "newlines": "\n",
    "nul": "\0",
    "titles": '[a](b "',
    "zwj": "👩‍💻",
    "marks": "z" + "\u0301" * 200,
}
CASES = {name: filled(unit) for name, unit in UNITS.items()} | {
    "growing backticks": "".join("`" * n + " " for n in range(1, 440)),
    "deep lists": "".join("  " * n + "- a\n" for n in range(400)),
    "long reference used often": "[a]: http://" + "x" * 1900 + "\n\n" + filled("[a] "),
    "many definitions": "".join(f"[a{n}]: b{n}\n" for n in range(9000)),
    "wide table": "|" + "a|" * 500 + "\n|" + "-|" * 500 + "\n" + filled("|a\n"),
    "nested links": "[a" * 20_000 + "](b)" * 10_000,
    "nested emphasis": '*a **b "' * 12_500,
    "parentheses": "[a](" + filled("(") + ")",
    "long link": "[a](http://" + "a" * SIZE + ")",
    "braces": "$" + filled("{") + "$",
    "one word": "a" * SIZE,
}


ORDINARY = "\n\n".join(
    ["The *quick* brown fox jumps over the `lazy` dog and **then** [on](https://example.org)."]
    * 100
)


def seconds_for(text: str) -> tuple[float, str]:
    """Processor time of this thread, and the HTML."""
    start = time.thread_time()
    html = render_markdown(text)
    return time.thread_time() - start, html


def assert_within(times: float, text: str) -> str:
    """The HTML of `text`, made in at most `times` what 10 kB of ordinary prose takes beside it.

    A ratio within one run: machines differ and are shared. Each try measures its own yardstick.
    """
    ratios = []
    for _ in range(4):
        yardstick = min(seconds_for(ORDINARY)[0] for _ in range(2))
        spent, html = seconds_for(text)
        ratios.append(spent / yardstick)
        if ratios[-1] <= times:
            return html
    raise AssertionError(f"{min(ratios):.1f} times as long, for {text[:40]!r}")


@pytest.mark.parametrize("name", CASES)
def test_hostile_input_is_bounded(name: str) -> None:
    text = CASES[name]
    html = assert_within(5 * max(1, len(text) / SIZE), text)
    assert len(html) <= 50_000 + 13 * len(text)
    if html.startswith('<pre class="plain"'):
        shown = escape(text.replace("\0", "\ufffd"), quote=False)
        assert html.endswith(f">{shown}</pre>")


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_highlighting_is_bounded(language: str) -> None:
    """At the greatest length that is coloured at all."""
    count = MAX_CHARS // 200
    for unit in ('"', "/*", "\\", "(", "{", "<", "a ", "$", "%{", "`", "'''", "=~/"):
        line = (unit * 200)[:198]
        code = "\n".join([line] * count)
        assert_within(6, f"~~~{language}\n{code}\n~~~")
        assert_within(6, f"~~~{language}\n{code.replace(chr(10), '')}\n~~~")
