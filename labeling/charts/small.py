"""Charts that fit in a line of text or a cell of a table."""

from collections.abc import Sequence

from labeling.charts.axes import Axis, count_axis
from labeling.charts.markup import Svg, element, number, path, per_cent, text_of


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


def steps(
    counts: Sequence[int], labels: Sequence[str], *, key: str, title: str, description: str
) -> Svg:
    """One bar for each step of a day with its axes; some of the `labels` stand below, the first and
    the last among them. `key` makes the ids of the page unique.
    """
    if not counts:
        return Svg()
    axis = count_axis(max(counts))
    width = 100 / len(counts)
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(description), id=f"{key}-d"),
    ]
    for value, label in (axis.ticks[0], axis.ticks[len(axis.ticks) // 2], axis.ticks[-1]):
        y = per_cent(100 - axis.place(value))
        parts.append(element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y))
        parts.append(
            element("text", text_of(label), x="0", y=y, dx="-8", dy="4", text_anchor="end")
        )
    for k in sorted({round(part * (len(labels) - 1) / 3) for part in range(4)}):
        anchor = "start" if k == 0 else "end" if k == len(labels) - 1 else "middle"
        x = {"start": 0.0, "middle": (k + 0.5) * width, "end": 100.0}[anchor]
        parts.append(
            element(
                "text", text_of(labels[k]), x=per_cent(x), y="100%", dy="20", text_anchor=anchor
            )
        )
    for k, count in enumerate(counts):
        if count:
            parts.append(
                element(
                    "rect",
                    class_="bar",
                    x=per_cent((k + 0.1) * width),
                    y=per_cent(100 - axis.place(count)),
                    width=per_cent(0.8 * width),
                    height=per_cent(axis.place(count)),
                )
            )
    # Time runs from left to right in every language, as the labels are placed.
    return element(
        "svg",
        parts,
        class_="chart",
        height="110",
        direction="ltr",
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
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
