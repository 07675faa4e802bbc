"""How fast completions came: one line over the last minutes."""

from labeling.charts.axes import Axis, count_axis, moment_label
from labeling.charts.lines import Points, frame, label, placed
from labeling.charts.markup import Svg, element, path, per_cent

MINUTE = 60


def throughput_chart(points: Points, *, key: str) -> Svg:
    """Tokens per second by moments (seconds); `key` makes the ids of the page unique."""
    if len(points) < 2:
        return Svg()
    start, end = points[0][0], points[-1][0]
    middle = points[len(points) // 2][0]
    x = Axis(
        start,
        end,
        tuple((moment, moment_label(moment, span=1e4)) for moment in (start, middle, end)),
    )
    y = count_axis(max(rate for _, rate in points))
    y = Axis(y.low, y.high, (y.ticks[0], y.ticks[len(y.ticks) // 2], y.ticks[-1]))
    last = points[-1][1]
    most = max(points, key=lambda point: point[1])
    minutes = round((end - start) / MINUTE) + 1
    place = (per_cent(100), per_cent(100 - y.place(last)))
    return frame(
        x,
        y,
        key=key,
        title=f"Tokens per second over the last {minutes} minutes",
        description=(
            f"{last:,.0f} tokens per second in the last minute; at most {most[1]:,.0f}, at "
            f"{moment_label(most[0], span=1e4)} UTC."
        ),
        before=[],
        drawing=[element("path", class_="line", d=path(placed(points, x, y)))],
        after=[
            element("circle", class_="dot", cx=place[0], cy=place[1], r="3.5"),
            label(
                f"{last:,.0f}",
                place,
                dx=-2,
                # Above the line where it runs along the bottom, else below it.
                dy=-10 if y.place(last) < 20 else 18,
                anchor="end",
            ),
        ],
    )
