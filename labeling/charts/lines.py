"""Lines over time with their intervals: agreement as it settled, judgments as they came in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labeling.charts.axes import Axis, count_axis, moment_label, time_axis, value_axis
from labeling.charts.markup import Svg, element, path, per_cent, text_of

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate at a moment (seconds), with its 95 % limits."""

    at: float
    value: float
    low: float
    high: float


def agreement_chart(points: Sequence[Interval], *, name: str, key: str) -> Svg:
    """A measure of agreement over time with its band; `key` makes the ids of the page unique."""
    if len(points) < 2:
        return Svg()
    x = time_axis(points[0].at, points[-1].at, ticks=4)
    y = value_axis([limit for point in points for limit in (point.low, point.high)])
    last = points[-1]
    title = f"{name} over time"
    description = (
        f"{name} was {points[0].value:.2f} at first and is {last.value:.2f} now; "
        f"the 95 % interval goes from {last.low:.2f} to {last.high:.2f}."
    )
    band = [(point.at, point.high) for point in points]
    band += [(point.at, point.low) for point in reversed(points)]
    place = (per_cent(x.place(last.at)), per_cent(100 - y.place(last.value)))
    return frame(
        x,
        y,
        key=key,
        title=title,
        description=description,
        before=[],
        drawing=[
            element("path", class_="band", d=path(placed(band, x, y), is_closed=True)),
            element("path", class_="line", d=path(placed(_values(points), x, y))),
        ],
        after=[
            element("circle", class_="dot", cx=place[0], cy=place[1], r="3.5"),
            label(f"{last.value:.2f}".replace("-", "−"), place, dx=-2, dy=-14, anchor="end"),
        ],
    )


def burn_up(collected: Points, *, wanted: int, key: str) -> Svg:
    """Judgments collected up to each moment against what is wanted in all."""
    if len(collected) < 2:
        return Svg()
    x = time_axis(collected[0][0], collected[-1][0])
    y = count_axis(max(wanted, *(count for _, count in collected)))
    end, total = collected[-1]
    since = moment_label(collected[0][0], span=end - collected[0][0])
    description = f"{total:,.0f} of {wanted:,} judgments since {since}."
    goal = per_cent(100 - y.place(wanted))
    place = (per_cent(x.place(end)), per_cent(100 - y.place(total)))
    after = [element("circle", class_="dot", cx=place[0], cy=place[1], r="3.5")]
    if total < wanted * 0.92:
        after.append(label(f"{total:,.0f}", place, dx=-8, dy=-6, anchor="end"))
    # Above the line, and below it where it is the top of the box.
    dy = -6 if y.place(wanted) < 94 else 16
    after.append(label(f"Wanted {wanted:,}", ("1%", goal), dx=0, dy=dy, anchor="start"))
    return frame(
        x,
        y,
        key=key,
        title="Burn-up: judgments collected against those wanted",
        description=description,
        before=[element("line", class_="ref", x1="0", x2="100%", y1=goal, y2=goal)],
        drawing=[element("path", class_="line", d=path(placed(collected, x, y)))],
        after=after,
    )


def frame(
    x: Axis,
    y: Axis,
    *,
    key: str,
    title: str,
    description: str,
    before: Iterable[str],
    drawing: Iterable[str],
    after: Iterable[str],
) -> Svg:
    """Title, grid and labels around a drawing in the stretched box."""
    parts: list[str] = [
        element("title", text_of(title), id=f"{key}-t"),
        element("desc", text_of(description), id=f"{key}-d"),
    ]
    for value, label in y.ticks:
        height = per_cent(100 - y.place(value))
        parts.append(element("line", class_="grid", x1="0", x2="100%", y1=height, y2=height))
        parts.append(
            element("text", text_of(label), x="0", y=height, dx="-8", dy="4", text_anchor="end")
        )
    for k, (value, label) in enumerate(x.ticks):
        anchor = "start" if k == 0 else "end" if k == len(x.ticks) - 1 else "middle"
        where = per_cent(x.place(value))
        parts.append(
            element("text", text_of(label), x=where, y="100%", dy="20", text_anchor=anchor)
        )
    parts += before
    parts.append(
        element(
            "svg",
            drawing,
            viewBox="0 0 100 100",
            preserveAspectRatio="none",
            width="100%",
            height="100%",
        )
    )
    parts += after
    names = f"{key}-t {key}-d"
    return element("svg", parts, class_="chart", height="216", role="img", aria_labelledby=names)


def label(text: str, place: tuple[str, str], *, dx: int, dy: int, anchor: str) -> Svg:
    """A name or number beside a point, given in per cent."""
    x, y = place
    return element(
        "text", text_of(text), class_="strong", x=x, y=y, dx=dx, dy=dy, text_anchor=anchor
    )


def placed(points: Points, x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Where points stand in the stretched box, from its upper left corner."""
    return [(x.place(at), 100 - y.place(value)) for at, value in points]


def _values(points: Sequence[Interval]) -> list[tuple[float, float]]:
    return [(point.at, point.value) for point in points]
