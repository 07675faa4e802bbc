"""How long a text takes to be made safe HTML: milliseconds for 100 kB, the worst of hostile ones.

The aim is 100 ms for 100 kB (docs/FAULTS.md, WV-03); what asks for more is shown as plain text.
Machines differ: `of_prose` says how many times as long each takes as ordinary prose beside it.
"""

import time
from typing import Any

from labeling.formats.marks import marks_of
from labeling.rendering.markdown import render_markdown
from labeling.rendering.messages import render_messages

SIZE = 100_000
AIM_MS = 100

PROSE = (
    "The *quick* brown fox jumps over the `lazy` dog and **then** goes on, and so does the rest"
    " of a paragraph as answers have them: a clause here, [a link](https://example.org) there.\n\n"
)
CODE = "```python\ndef wait(n):\n    return 2 ** n  # seconds\n```\n\nAnd some words between.\n\n"
TABLE = "| Retry | Wait |\n|---|--:|\n" + "| 1 | 2 s |\n" * 12 + "\nWords.\n\n"
MATHS = "So $w_n = \\sum_{i=0}^{n} 2^i$ grows, as words say between the formulas of a proof.\n\n"
TEXTS = {
    "prose": PROSE,
    "code": CODE,
    "tables": TABLE,
    "formulas": MATHS,
    "arabic": "مرحبا! هذه **إجابة** قصيرة مع `code` و English في النص.\n\n",
    "hidden": "a\u200bb \u202ec\u202c and some ordinary words beside them. ",
    "brackets": "[",
    "asterisks": "*",
    "quotes": ">",
    "emphasis": "a*",
    "autolinks": "<http://a>",
    "pipes": "|a|b|\n|-|-|\n",
    "braces": "$" + "{" * 500 + "$ ",
    "marks": "z" + "\u0301" * 200 + " ",
}


def main() -> dict[str, Any]:
    render_markdown(PROSE + CODE + MATHS)
    texts = {name: _filled(unit) for name, unit in TEXTS.items()}
    prose = _milliseconds(texts["prose"])
    figures: dict[str, Any] = {}
    for name, text in texts.items():
        spent = _milliseconds(text)
        figures[name] = {
            "ms_per_100_kb": spent,
            "of_prose": round(spent / prose, 2),
            "is_shown_plain": 'class="plain"' in render_markdown(text),
        }
    worst = max(one["ms_per_100_kb"] for one in figures.values())
    return {
        **figures,
        "worst_ms_per_100_kb": worst,
        "aim_ms_per_100_kb": AIM_MS,
        "kept_aim": worst <= AIM_MS,
        "marks_ms_per_100_kb": _best(lambda: marks_of(texts["prose"])),
    }


def _filled(unit: str) -> str:
    return (unit * (SIZE // len(unit) + 1))[:SIZE]


def _milliseconds(text: str) -> float:
    return _best(lambda: render_messages([{"role": "assistant", "content": text}]))


def _best(work: Any) -> float:
    """The best of five: what the work costs, without what else the machine does."""
    spent = []
    for _ in range(5):
        start = time.thread_time()
        work()
        spent.append(time.thread_time() - start)
    return round(1000 * min(spent), 1)
