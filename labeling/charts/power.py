"""Power against judgments: how probably a win rate is told from a half, for three win rates."""

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.charts.axes import Axis, count_axis
from labeling.charts.lines import frame, label, placed
from labeling.charts.markup import Svg, element, path, per_cent

_TICKS = tuple((share, f"{share * 100:.0f} %" if share else "0") for share in (0, 0.25, 0.5, 0.75))
# Heights at which the three names stand, so that they keep clear of one another.
_HEIGHTS = {"above": 0.62, "below": 0.34}


@dataclass(frozen=True, slots=True)
class PowerLine:
    """A win rate's power at each number of judgments; `is_asked` is the one that is looked for."""

    name: str
    points: tuple[tuple[float, float], ...]
    is_asked: bool = False


def power_chart(lines: Sequence[PowerLine], *, judgments: float, wanted: float, key: str) -> Svg:
    """The lines, the power that is wanted, and where the plan of so many judgments stands."""
    asked = next((line for line in lines if line.is_asked), None)
    if asked is None or len(asked.points) < 2:
        return Svg()
    x = count_axis(asked.points[-1][0])
    y = Axis(0, 1, (*_TICKS, (1, "100 %")))
    now = _at(asked, judgments)
    place = (per_cent(x.place(judgments)), per_cent(100 - y.place(now)))
    goal = per_cent(100 - y.place(wanted))
    after = [
        element("circle", class_="dot", cx=place[0], cy=place[1], r="3.5"),
        label(f"{asked.name}, planned", place, dx=8, dy=18, anchor="start"),
    ]
    for line in lines:
        if line.is_asked:
            continue
        is_easier = _at(line, judgments) > now
        height = _HEIGHTS["above" if is_easier else "below"]
        where = next((at for at, value in line.points if value >= height), line.points[-1][0])
        spot = (per_cent(x.place(where)), per_cent(100 - y.place(_at(line, where))))
        anchor, dx, dy = ("end", -8, 0) if is_easier else ("start", 8, 14)
        after.append(label(line.name, spot, dx=dx, dy=dy, anchor=anchor))
    said = "; ".join(f"{line.name} {_at(line, judgments) * 100:.0f} %" for line in lines)
    return frame(
        x,
        y,
        key=key,
        title="Power against judgments of a pair of models",
        description=f"With {judgments:,.0f} judgments a pair the chance to find it is: {said}.",
        before=[element("line", class_="ref", x1="0", x2="100%", y1=goal, y2=goal)],
        drawing=[
            element(
                "path",
                class_="line" if line.is_asked else "line tie",
                d=path(placed([p for p in line.points if p[0] <= x.high], x, y)),
            )
            for line in lines
        ],
        after=after,
    )


def _at(line: PowerLine, judgments: float) -> float:
    """The line's height between its points."""
    before = line.points[0]
    for point in line.points:
        if point[0] >= judgments:
            span = point[0] - before[0]
            part = (judgments - before[0]) / span if span else 1.0
            return before[1] + part * (point[1] - before[1])
        before = point
    return before[1]
