"""Shares of several ways of doing a thing side by side, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from labeling.charts.axes import Axis, round_step
from labeling.charts.lines import label
from labeling.charts.markup import Svg, element, per_cent, short, text_of

# So many names fit beside one another; of more, every second is written a line lower.
_BESIDE: Final = 5
_LONGEST: Final = 16


@dataclass(frozen=True, slots=True)
class Share:
    """A share of something called `name`, with its 95 % limits."""

    name: str
    value: float
    low: float
    high: float


def shares_chart(
    shares: Sequence[Share], *, reference: float, reference_name: str, key: str, title: str
) -> Svg:
    """A point with its interval for each share, beside a dashed line; nothing without any.

    `key` makes the ids of the page unique.
    """
    if not shares:
        return Svg()
    y = _axis([limit for one in shares for limit in (one.low, one.high)] + [reference])
    said = ", ".join(
        f"{one.name} {one.value:.1%} ({one.low:.1%} to {one.high:.1%})" for one in shares
    ).replace("%", " %")
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(f"{said}."), id=f"{key}-d"),
    ]
    for value, name in y.ticks:
        height = per_cent(100 - y.place(value))
        parts.append(element("line", class_="grid", x1="0", x2="100%", y1=height, y2=height))
        parts.append(
            element("text", text_of(name), x="0", y=height, dx="-8", dy="4", text_anchor="end")
        )
    even = per_cent(100 - y.place(reference))
    parts.append(element("line", class_="ref", x1="0", x2="100%", y1=even, y2=even))
    width = 100 / len(shares)
    for k, one in enumerate(shares):
        x, height = per_cent((k + 0.5) * width), per_cent(100 - y.place(one.value))
        ends = (per_cent(100 - y.place(one.high)), per_cent(100 - y.place(one.low)))
        lower = 14 * (k % 2) if len(shares) > _BESIDE else 0
        parts += [
            element(
                "text", text_of(short(one.name, _LONGEST)), x=x, y="100%", dy=20 + lower,
                text_anchor="middle",
            ),
            element("line", class_="err", x1=x, x2=x, y1=ends[0], y2=ends[1]),
            element("circle", class_="dot", cx=x, cy=height, r="3.5"),
            label(
                f"{one.value * 100:.1f} %", (x, height), dx=9 if k + 1 < len(shares) else -9, dy=4,
                anchor="start" if k + 1 < len(shares) else "end",
            ),
        ]  # fmt: skip
    parts.append(label(reference_name, ("100%", even), dx=0, dy=16, anchor="end"))
    return element(
        "svg", parts, class_="chart", height="216", role="img", aria_labelledby=f"{key}-t {key}-d"
    )


def _axis(values: Sequence[float]) -> Axis:
    """From a round per cent below the values to one above, within what a share can be."""
    step = max(round_step((max(values) - min(values)) / 4), 0.01)
    low = max(floor(min(values) / step + 1e-9) * step, 0.0)
    high = min(ceil(max(values) / step - 1e-9) * step, 1.0)
    # Room below the reference for its name.
    low = max(low - step, 0.0)
    count = round((high - low) / step)
    decimals = 1 if step * 100 % 1 > 1e-9 else 0
    ticks = [low + k * step for k in range(count + 1)]
    return Axis(low, high, tuple((tick, f"{tick * 100:.{decimals}f} %") for tick in ticks))
