"""Charts that fit in a line of text or a cell of a table."""

from collections.abc import Sequence

from labeling.charts.axes import Axis
from labeling.charts.markup import Svg, element, number, path, per_cent


def whisker(
    *, low: float, value: float, high: float, axis: Axis, label: str, reference: float | None = None
) -> Svg:
    """A value between its limits, with a dashed line at `reference`; `label` is read aloud."""
    left, middle, right = (per_cent(axis.place(x)) for x in (low, value, high))
    parts = []
    if reference is not None:
        x = per_cent(axis.place(reference))
        parts.append(element("line", class_="ref", x1=x, x2=x, y1="0", y2="100%"))
    parts += [
        element("line", x1=left, x2=right, y1="50%", y2="50%"),
        element("line", x1=left, x2=left, y1="32%", y2="68%"),
        element("line", x1=right, x2=right, y1="32%", y2="68%"),
        element("circle", class_="dot", cx=middle, cy="50%", r="3.75"),
    ]
    return element("svg", parts, class_="whisker", role="img", aria_label=label)


def spark(values: Sequence[float]) -> Svg:
    """A line without axes, beside a number that says the same: screen readers pass over it."""
    if len(values) < 2:
        return Svg()
    low, high = min(values), max(values)
    step = 100 / (len(values) - 1)
    height = (high - low) or 1
    points = [(k * step, 92 - (value - low) / height * 84) for k, value in enumerate(values)]
    return element(
        "svg",
        element("path", class_="line", d=path(points)),
        class_="spark",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def bars(values: Sequence[float]) -> Svg:
    """One bar for each value, from zero, beside a table that says the same: not read aloud."""
    if not values:
        return Svg()
    high = max(values) or 1
    step = 100 / len(values)
    rects = [
        element(
            "rect",
            class_="bar",
            x=number(k * step + step * 0.15),
            y=number(100 - value / high * 100),
            width=number(step * 0.7),
            height=number(value / high * 100),
        )
        for k, value in enumerate(values)
        if value > 0
    ]
    return element(
        "svg",
        [element("line", class_="grid", x1=0, x2=100, y1=100, y2=100), *rects],
        class_="bars",
        viewBox="0 0 100 100",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
