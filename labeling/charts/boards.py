"""Two boards of the same models on one scale: each model's two scores with their intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from labeling.charts.axes import Axis, value_axis
from labeling.charts.markup import Svg, element, per_cent, short, text_of

_ROW: Final = 44
_LONGEST: Final = 40  # letters of a name above its row, on a narrow page, too
_ABOVE: Final = 15
_FIRST: Final = 27
_SECOND: Final = 36


@dataclass(frozen=True, slots=True)
class Placed:
    """A score with its 95 % limits."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Both:
    """One model on both boards."""

    model: str
    first: Placed
    second: Placed


def boards_chart(rows: Sequence[Both], *, key: str, title: str, names: tuple[str, str]) -> Svg:
    """A row for each model: its score on the first board above that on the second.

    `names` are what the boards are called; `key` makes the ids of the page unique.
    """
    if not rows:
        return Svg()
    limits = [x for row in rows for one in (row.first, row.second) for x in (one.low, one.high)]
    axis = value_axis(limits, least=-1e6, most=1e6)
    said = "; ".join(
        f"{row.model} {row.first.value:,.0f} and {row.second.value:,.0f}" for row in rows
    )
    height = _ROW * len(rows)
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(f"{names[0]} and {names[1]}: {said}."), id=f"{key}-d"),
    ]
    for k, (value, _) in enumerate(axis.ticks):
        x = per_cent(axis.place(value))
        anchor = "start" if k == 0 else "end" if k == len(axis.ticks) - 1 else "middle"
        parts.append(element("line", class_="grid", x1=x, x2=x, y1="0", y2="100%"))
        text = text_of(f"{value:,.0f}")
        parts.append(element("text", text, x=x, y="100%", dy="20", text_anchor=anchor))
    for k, row in enumerate(rows):
        top = k * _ROW
        name = text_of(short(row.model, _LONGEST))
        parts.append(element("text", name, class_="strong", x="0", y=str(top + _ABOVE)))
        parts += _interval(row.first, axis, top + _FIRST, "tie")
        parts += _interval(row.second, axis, top + _SECOND, "")
    return element(
        "svg",
        parts,
        class_="chart",
        height=str(height),
        direction="ltr",
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
    )


def _interval(one: Placed, axis: Axis, y: int, hue: str) -> list[str]:
    low, value, high = (per_cent(axis.place(x)) for x in (one.low, one.value, one.high))
    return [
        element("line", class_=f"err {hue}".strip(), x1=low, x2=high, y1=str(y), y2=str(y)),
        element("circle", class_=f"dot {hue}".strip(), cx=value, cy=str(y), r="3.5"),
    ]
