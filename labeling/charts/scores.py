"""Models' scores over rounds, on the scale on which the anchor is held."""

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.charts.axes import Axis, value_axis
from labeling.charts.lines import frame, label, placed
from labeling.charts.markup import Svg, element, path, per_cent


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """A model's score in a round, with its limits where it has some."""

    round: int
    elo: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """One model over the rounds that score it; `is_chief` are those the page is about."""

    model: str
    points: tuple[ScorePoint, ...]
    is_chief: bool = False
    is_anchor: bool = False


def scores_chart(lines: Sequence[ScoreLine], *, anchor: str, key: str) -> Svg:
    """A line and a band for each model over two rounds or more; nothing with fewer."""
    rounds = sorted({point.round for line in lines for point in line.points})
    if len(rounds) < 2:
        return Svg()
    values = [
        value
        for line in lines
        for point in line.points
        for value in (point.elo, point.low, point.high)
        if value is not None
    ]
    y = value_axis(values, least=-1e6, most=1e6)
    x = Axis(rounds[0], rounds[-1], tuple((number, f"Round {number}") for number in rounds))
    drawing: list[str] = []
    after: list[str] = []
    words = []
    for line in lines:
        hue = "ref" if line.is_anchor else "" if line.is_chief else "tie"
        points = [(float(point.round), point.elo) for point in line.points]
        highs = [(float(p.round), p.high) for p in line.points if p.high is not None]
        lows = [(float(p.round), p.low) for p in reversed(line.points) if p.low is not None]
        if len(highs) > 1 and not line.is_anchor:
            shape = path(placed([*highs, *lows], x, y), is_closed=True)
            drawing.append(element("path", class_=f"band {hue}".strip(), d=shape))
        drawing.append(element("path", class_=f"line {hue}".strip(), d=path(placed(points, x, y))))
        at, value = points[-1]
        where = (per_cent(x.place(at)), per_cent(100 - y.place(value)))
        text = f"{line.model}, the anchor" if line.is_anchor else line.model
        after.append(
            label(text, where, dx=-2, dy=-10, anchor="end" if x.place(at) > 0 else "start")
        )
        if line.is_chief or len(points) == 1:
            after.append(element("circle", class_="dot", cx=where[0], cy=where[1], r="3.5"))
        words.append(f"{line.model} {points[0][1]:,.0f} to {value:,.0f}")
    return frame(
        x,
        y,
        key=key,
        title=f"Model scores over {len(rounds)} rounds",
        description=f"With {anchor} held at one score: {'; '.join(words)}.",
        before=[],
        drawing=drawing,
        after=after,
    )
