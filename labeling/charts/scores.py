"""Models' scores over rounds, on the scale on which the anchor is held."""

from collections.abc import Sequence
from dataclasses import dataclass

from labeling.charts.axes import Axis, value_axis
from labeling.charts.lines import frame, label, placed
from labeling.charts.markup import Svg, element, path, per_cent

# Per cent of the chart's height from one name to the next: a line of text.
APART = 7.5


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
    names = _names(lines, x, y)
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
        after=[*names, *after],
    )


def _names(lines: Sequence[ScoreLine], x: Axis, y: Axis) -> list[str]:
    """Each line's name near its end, from the top down, none over another."""
    ends = sorted(
        ((100 - y.place(line.points[-1].elo), line) for line in lines if line.points),
        key=lambda end: (end[0], end[1].model),
    )
    # Upwards from the bottom where they would leave the box, else downwards as they come.
    places: list[float] = []
    for height, _ in ends:
        places.append(max(height, places[-1] + APART) if places else height)
    for k in range(len(places) - 1, -1, -1):
        limit = 100.0 if k == len(places) - 1 else places[k + 1] - APART
        places[k] = min(places[k], limit)
    names: list[str] = []
    for place, (_, line) in zip(places, ends, strict=True):
        at = x.place(line.points[-1].round)
        text = f"{line.model}, the anchor" if line.is_anchor else line.model
        where = (per_cent(at), per_cent(place))
        names.append(label(text, where, dx=-6, dy=-5, anchor="end" if at > 0 else "start"))
    return names
