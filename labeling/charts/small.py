"""Charts that fit in a line of text or a cell of a table."""

from collections.abc import Sequence

from labeling.charts.axes import Axis
from labeling.charts.markup import Svg, element, path, per_cent


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
