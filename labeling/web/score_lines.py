"""Models' scores over rounds as a table and a chart: of the page of rounds and of the report."""

from collections.abc import Collection

from labeling.charts.markup import Svg
from labeling.charts.scores import ScoreLine, ScorePoint, scores_chart
from labeling.metrics.one_scale import OneScale, Score

# Lines of the chart beside the anchor's; the table has all.
DRAWN = 6


def score_table(scale: OneScale) -> list[tuple[str, list[Score | None]]]:
    """Each model with its score of each round, best in the newest first."""
    names: list[str] = []
    for one in reversed(scale.rounds):
        names += [score.model for score in one.scores if score.model not in names]
    by_round = [{score.model: score for score in one.scores} for one in scale.rounds]
    return [(name, [found.get(name) for found in by_round]) for name in names]


def score_chart(scale: OneScale, chief: Collection[str], *, key: str = "rounds") -> Svg:
    """The lines of the anchor, of the chief models, and of the best others."""
    rows = score_table(scale)
    numbers = [one.number for one in scale.rounds]
    ordered = sorted(rows, key=lambda row: row[0] not in chief)
    lines: list[ScoreLine] = []
    for name, scores in ordered:
        points = tuple(
            ScorePoint(number, score.elo, score.low, score.high)
            for number, score in zip(numbers, scores, strict=True)
            if score is not None and score.elo is not None
        )
        is_anchor = name == scale.anchor
        if points and (is_anchor or sum(not line.is_anchor for line in lines) < DRAWN):
            lines.append(ScoreLine(name, points, name in chief, is_anchor))
    return scores_chart(lines, anchor=scale.anchor, key=key)
