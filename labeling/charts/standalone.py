"""A chart of a page as a file of its own: its size, room for its labels, and its colours in it."""

import re
from typing import Final

from labeling.charts.markup import Svg, element, number, text_of

WIDTH: Final = 640
# Room for what stands outside of the box: labels of the axes, names at the end of lines.
LEFT, RIGHT, TOP, BELOW = 64, 48, 44, 44
INK, MUTED, LINE, EDGE = "#17171a", "#666670", "#e6e6ea", "#8e8e98"
# The pages' light colours: a file is put on paper and slides.
HUES: Final = {
    "a": "#4150c9",
    "b": "#a4470c",
    "ok": "#17703f",
    "warn": "#7d5700",
    "bad": "#b81f3d",
    "tie": MUTED,
}
_ROOT = re.compile(r"^<svg\b[^>]*>")
_ATTRIBUTE = re.compile(r'\s([\w-]+)="([^"]*)"')


def standalone(chart: Svg, *, title: str, note: str = "") -> str:
    """The chart under its title as an SVG file; nothing where there is no chart.

    `note` says below it what it was made of. Without CSS variables, so that drawing programs show
    it as browsers do.
    """
    root = _ROOT.match(chart)
    if root is None:
        return ""
    attributes = dict(_ATTRIBUTE.findall(root.group()))
    height = float(attributes.get("height", "216"))
    box = attributes | {
        "x": str(LEFT),
        "y": str(TOP),
        "width": str(WIDTH),
        "height": number(height),
        "overflow": "visible",
    }
    opened = "<svg" + "".join(f' {name}="{value}"' for name, value in box.items()) + ">"
    whole = (WIDTH + LEFT + RIGHT, height + TOP + BELOW + (18 if note else 0))
    parts: list[str] = [
        element("style", _style()),
        element("rect", width="100%", height="100%", fill="#ffffff"),
        element("text", text_of(title), class_="title", x=LEFT, y=24),
        opened + chart[root.end() :],
    ]
    if note:
        parts.append(element("text", text_of(note), x=LEFT, y=number(whole[1] - 10)))
    return element(
        "svg",
        parts,
        xmlns="http://www.w3.org/2000/svg",
        width=number(whole[0]),
        height=number(whole[1]),
        viewBox=f"0 0 {number(whole[0])} {number(whole[1])}",
        role="img",
        aria_label=title,
    )


def _style() -> str:
    rules = [
        "svg{overflow:visible}",
        f"text{{font:12px system-ui,'Segoe UI',Roboto,sans-serif;fill:{MUTED}}}",
        f".strong,.title{{fill:{INK};font-weight:500}}.title{{font-size:15px;font-weight:600}}",
        f".line,.err{{stroke:{INK};stroke-width:1.75}}",
        ".line{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round}",
        ".soft-line{stroke-dasharray:4 4}",
        f".grid{{stroke:{LINE}}}.ref{{stroke:{EDGE};stroke-dasharray:3 3}}",
        f".band{{fill:{INK};opacity:.12}}.dot{{fill:{INK}}}.bar{{fill:{MUTED};opacity:.6}}",
    ]
    for name, colour in HUES.items():
        rules.append(
            f".line.{name},.err.{name},.{name} .line,.{name} .err{{stroke:{colour}}}"
            f".band.{name},.dot.{name},.bar.{name},.{name} .dot,.{name} .bar,text.{name}"
            f"{{fill:{colour}}}"
        )
    return "".join(rules)
