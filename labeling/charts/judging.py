"""How right a judge is when it says how sure it is, and what comes of letting it decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor

from labeling.charts.axes import Axis
from labeling.charts.lines import frame, label, placed
from labeling.charts.markup import Svg, element, path, per_cent

# A label beside a point this near to an end of the box would run over it.
_NEAR = 25.0


@dataclass(frozen=True, slots=True)
class Reached:
    """A share reached at some place along the axis, with its 95 % limits."""

    at: float
    value: float
    low: float
    high: float


def calibration_chart(points: Sequence[Reached], *, key: str) -> Svg:
    """True agreement over what the judge said of itself, beside the line where the two are one."""
    if len(points) < 2:
        return Svg()
    x = Axis(0.5, 1.0, _ticks((0.5, 0.75, 1.0)))
    y = _share_axis([*(one.low for one in points), 0.5, 1.0])
    first, last = points[0], points[-1]
    description = (
        f"Where the judge says {first.at:.0%} people agree {first.value:.0%} of the time, and where"
        f" it says {last.at:.0%}, {last.value:.0%}."
    )
    exact = [(max(x.low, y.low), max(x.low, y.low)), (1.0, 1.0)]
    after = [_dot(one, x, y) for one in (first, last)]
    after.append(_said(last, x, y))
    return frame(
        x,
        y,
        key=key,
        title="Calibration: stated against true agreement",
        description=description,
        before=[],
        drawing=[
            element("path", class_="band", d=path(placed(_band(points), x, y), is_closed=True)),
            element("path", class_="line ref", d=path(placed(exact, x, y))),
            element("path", class_="line", d=path(placed(_values(points), x, y))),
        ],
        after=after,
    )


def accuracy_chart(points: Sequence[Reached], *, chosen: Reached | None, key: str) -> Svg:
    """Accuracy over the share that the judge decides, from people alone to the judge alone."""
    if len(points) < 2:
        return Svg()
    points = sorted(points, key=lambda one: one.at)
    x = Axis(0.0, 1.0, _ticks((0.0, 0.5, 1.0)))
    y = _share_axis([limit for one in points for limit in (one.low, one.high)])
    first, last = points[0], points[-1]
    description = f"People alone {first.value:.1%}, the judge alone {last.value:.1%}."
    after = []
    if chosen is not None:
        description += f" With {chosen.at:.0%} decided by the judge {chosen.value:.1%}."
        after = [_dot(chosen, x, y), _said(chosen, x, y)]
    return frame(
        x,
        y,
        key=key,
        title="Expected accuracy over the share the judge decides",
        description=description,
        before=[],
        drawing=[
            element("path", class_="band", d=path(placed(_band(points), x, y), is_closed=True)),
            element("path", class_="line", d=path(placed(_values(points), x, y))),
        ],
        after=after,
    )


def _ticks(values: Sequence[float]) -> tuple[tuple[float, str], ...]:
    return tuple((value, f"{value * 100:.0f} %") for value in values)


def _share_axis(values: Sequence[float]) -> Axis:
    """From a round ten per cent below the values to one above, with three ticks."""
    low = floor(min(values) * 10 + 1e-9) / 10
    high = max(ceil(max(values) * 10 - 1e-9) / 10, low + 0.1)
    low, high = max(low, 0.0), min(high, 1.0)
    return Axis(low, high, _ticks((low, (low + high) / 2, high)))


def _dot(one: Reached, x: Axis, y: Axis) -> Svg:
    place = (per_cent(x.place(one.at)), per_cent(100 - y.place(one.value)))
    return element("circle", class_="dot", cx=place[0], cy=place[1], r="3.5")


def _said(one: Reached, x: Axis, y: Axis) -> Svg:
    """The value beside its point, on the side where there is room."""
    across, up = x.place(one.at), y.place(one.value)
    anchor = "start" if across < _NEAR else "end"
    return label(
        f"{one.value * 100:.0f} %",
        (per_cent(across), per_cent(100 - up)),
        dx=6 if anchor == "start" else -6,
        dy=20 if up > 100 - _NEAR else -10,
        anchor=anchor,
    )


def _band(points: Sequence[Reached]) -> list[tuple[float, float]]:
    band = [(one.at, one.high) for one in points]
    return band + [(one.at, one.low) for one in reversed(points)]


def _values(points: Sequence[Reached]) -> list[tuple[float, float]]:
    return [(one.at, one.value) for one in points]
