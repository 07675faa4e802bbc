"""Estimates below one another, each with its name and its interval, beside a dashed line."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from labeling.charts.axes import Axis, minus, round_step
from labeling.charts.lines import label
from labeling.charts.markup import Svg, element, per_cent, short, text_of

_ROW: Final = 40  # pixels from one estimate to the next: its name above, its interval below
_LONGEST: Final = 64  # letters of a name: a model and two groups


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate called `name`, with its 95 % limits."""

    name: str
    value: float
    low: float
    high: float


def intervals_chart(rows: Sequence[Interval], *, reference: float, key: str, title: str) -> Svg:
    """A point with its interval for each row, in whole numbers; nothing without any.

    `key` makes the ids of the page unique.
    """
    if not rows:
        return Svg()
    x = _axis([limit for one in rows for limit in (one.low, one.high)] + [reference])
    said = "; ".join(f"{one.name}: {_whole(one.value)}, {_span(one)}" for one in rows)
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(f"{said}."), id=f"{key}-d"),
    ]
    for k, (value, name) in enumerate(x.ticks):
        at = per_cent(x.place(value))
        anchor = "start" if k == 0 else "end" if k == len(x.ticks) - 1 else "middle"
        parts += [
            element("line", class_="grid", x1=at, x2=at, y1="0", y2="100%"),
            element("text", text_of(name), x=at, y="100%", dy="20", text_anchor=anchor),
        ]
    at = per_cent(x.place(reference))
    parts.append(element("line", class_="ref", x1=at, x2=at, y1="0", y2="100%"))
    for k, one in enumerate(rows):
        y = per_cent((k + 0.72) / len(rows) * 100)
        ends = (per_cent(x.place(one.low)), per_cent(x.place(one.high)))
        parts += [
            label(short(one.name, _LONGEST), ("0", y), dx=4, dy=-12, anchor="start"),
            element("line", class_="err", x1=ends[0], x2=ends[1], y1=y, y2=y),
            element("circle", class_="dot", cx=per_cent(x.place(one.value)), cy=y, r="3.5"),
        ]
    return element(
        "svg",
        parts,
        class_="chart",
        height=str(_ROW * len(rows)),
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
    )


def _axis(values: Sequence[float]) -> Axis:
    step = round_step(max(max(values) - min(values), 1.0) / 4, is_whole=True)
    low, high = floor(min(values) / step) * step, ceil(max(values) / step) * step
    count = round((high - low) / step)
    return Axis(
        low, high, tuple((low + k * step, _whole(low + k * step)) for k in range(count + 1))
    )


def _whole(value: float) -> str:
    return minus(f"{round(value):,}")


def _span(one: Interval) -> str:
    return f"{_whole(one.low)} to {_whole(one.high)}"
