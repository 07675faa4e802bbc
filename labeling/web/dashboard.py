"""What the dashboard shows: the report's numbers beside the page's charts of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor
from typing import Any

from django.utils import timezone

from labeling.charts.axes import Axis
from labeling.charts.lines import Interval, agreement_chart, burn_up
from labeling.charts.markup import Svg
from labeling.charts.small import spark, whisker
from labeling.models import Board, Campaign, Report
from labeling.queries import progress as progress_queries
from labeling.queries.progress import Pace, Progress
from labeling.web.report_shell import NOT_YET

# Models shown at first; the page links to all of them.
SHOWN_MODELS = 12
# A cell of the matrix is the darker the further from an even chance: points from a half.
PALE, STRONG = 0.08, 0.18
# Rows of a chart's table.
TABLE_ROWS = 12


@dataclass(frozen=True)
class Stats:
    """The strip of key figures."""

    progress: Progress
    pace: Pace
    spark: Svg
    alpha: Mapping[str, Any]
    percent: Mapping[str, Any]
    gold: Mapping[str, Any]
    report: Report | None


@dataclass(frozen=True)
class BoardRow:
    """A model's place: its numbers and its whisker."""

    place: int
    row: Mapping[str, Any]
    whisker: Svg


@dataclass(frozen=True)
class Cell:
    """A pair of models: how often the row's beats the column's, and the class that shades it."""

    per_cent: int | None
    step: str
    words: str


@dataclass(frozen=True)
class ShownBoard:
    """The leaderboard and the win matrix, both of the first `rows` models of `model_count`."""

    rows: list[BoardRow]
    model_count: int
    span: str
    method: Mapping[str, Any]
    names: list[str]
    matrix: list[tuple[str, list[Cell]]]
    matrix_why: str

    @property
    def is_cut(self) -> bool:
        return self.model_count > len(self.rows)


@dataclass(frozen=True)
class BiasRow:
    """One check: its effect, a whisker of it, the sentence, and a reading with its class."""

    name: str
    row: Mapping[str, Any]
    whisker: Svg
    reading: str
    reading_class: str


@dataclass(frozen=True)
class Chart:
    """A chart and the rows of the table under it; without a line, why there is none."""

    svg: Svg
    rows: list[Any]
    why: str = ""


@dataclass(frozen=True)
class Fresh:
    """The newest numbers of the board and of agreement, and through which moment they count."""

    numbers: Mapping[str, Any] | None
    at: datetime | None = None
    judgment_count: int = 0


def freshest(report: Report | None, counted: Board | None) -> Fresh:
    """The report's numbers, or those counted since, whichever know more."""
    if counted is not None and (report is None or counted.counted_at > report.computed_at):
        return Fresh(counted.numbers, counted.counted_at, counted.numbers["judgment_count"])
    if report is None:
        return Fresh(None)
    return Fresh(report.body, report.computed_at, report.judgment_count)


def stats(
    campaign: Campaign, report: Report | None, fresh: Fresh, now: datetime | None = None
) -> Stats:
    """The key figures, of now where they can change by the second."""
    body = report.body if report else None
    done = progress_queries.progress(campaign, report)
    is_collecting = campaign.state in {Campaign.State.ACTIVE, Campaign.State.PAUSED}
    remaining = done.wanted - done.done if is_collecting else 0
    pace = progress_queries.pace(body, now or timezone.now(), remaining)
    agreement = fresh.numbers["agreement"] if fresh.numbers else {}
    return Stats(
        progress=done,
        pace=pace,
        spark=spark([float(count) for count in pace.history]),
        alpha=agreement.get("krippendorff_alpha_ordinal", NOT_YET),
        percent=agreement.get("percent_agreement", NOT_YET),
        gold=body["gold"] if body else NOT_YET,
        report=report,
    )


def board(body: Mapping[str, Any] | None, *, show_all: bool = False) -> ShownBoard:
    """Who wins, how surely, and against whom."""
    rows: Sequence[Mapping[str, Any]] = body["leaderboard"] if body else []
    shown = rows if show_all else rows[:SHOWN_MODELS]
    axis = _elo_axis(shown)
    matrix: Mapping[str, Any] = body["win_matrix"] if body else {"models": [], "cells": []}
    names = matrix["models"][: len(shown)]
    return ShownBoard(
        rows=[
            BoardRow(
                place=k,
                row=row,
                whisker=whisker(
                    low=row["low"],
                    value=row["elo"],
                    high=row["high"],
                    axis=axis,
                    reference=1000,
                    label=f"{row['low']:,.0f} to {row['high']:,.0f}",
                ),
            )
            for k, row in enumerate(shown, start=1)
        ],
        model_count=len(rows),
        span=f"{axis.low:,.0f} to {axis.high:,.0f}",
        method=body["methods"]["leaderboard"] if body else {},
        names=names,
        matrix=[
            (name, [_cell(name, names[c], row[c]) for c in range(len(names))])
            for name, row in zip(names, matrix["cells"][: len(names)], strict=True)
        ],
        matrix_why=matrix.get("why", ""),
    )


def bias_rows(body: Mapping[str, Any] | None) -> tuple[list[BiasRow], str]:
    """The checks that were made, and the span of their axis in words."""
    if not body:
        return [], ""
    checks = [
        (name, body["bias"][key]) for key, name in (("position", "Position"), ("length", "Length"))
    ]
    limits = [
        (row[limit] - 0.5) * 100
        for _, row in checks
        if row["value"] is not None
        for limit in ("low", "high")
    ]
    axis = Axis(floor(min([*limits, -2])), ceil(max([*limits, 2])))
    return [_bias_row(name, row, axis) for name, row in checks], (
        f"{axis.low:+.0f} to {axis.high:+.0f} points".replace("-", "−")
    )


def agreement_over_time(body: Mapping[str, Any] | None) -> Chart:
    """Ordinal alpha as judgments came in."""
    over_time = body["over_time"] if body else {}
    rows = over_time.get("krippendorff_alpha_ordinal", [])
    points = [
        Interval(row["at"], row["value"], row["low"], row["high"])
        for row in rows
        if row["low"] is not None
    ]
    table = [{**row, "at": progress_queries.moment(row["at"])} for row in _thinned(rows)]
    if body is None or body["agreement"]["krippendorff_alpha_ordinal"]["value"] is None:
        why = "Agreement needs comparisons that two raters judged."
    elif over_time.get("by_day"):
        why = "A curve is drawn from the 30th judgment on."
    else:
        why = _undated(over_time) or "Nothing to draw yet."
    return Chart(agreement_chart(points, name="Krippendorff’s alpha", key="alpha"), table, why)


def burn_up_chart(body: Mapping[str, Any] | None, done: Progress) -> Chart:
    """Judgments against those wanted, over time."""
    series = progress_queries.burn_up_series(body)
    rows = [(progress_queries.moment(at), int(count)) for at, count in _thinned(series)]
    over_time = body["over_time"] if body else {}
    why = _undated(over_time) or "The curve begins with the first judgments."
    return Chart(burn_up(series, wanted=max(done.wanted, 1), key="burn"), rows, why)


def _undated(over_time: Mapping[str, Any]) -> str:
    count = over_time.get("undated_count", 0)
    if not count:
        return ""
    return f"All {count:,} judgments were imported without times: nothing to draw over time."


def _elo_axis(rows: Sequence[Mapping[str, Any]]) -> Axis:
    if not rows:
        return Axis(900, 1100)
    low, high = min(row["low"] for row in rows), max(row["high"] for row in rows)
    return Axis(floor(low / 20) * 20, ceil(high / 20) * 20)


def _cell(row: str, column: str, cell: Mapping[str, Any] | None) -> Cell:
    if row == column or cell is None:
        return Cell(None, "", "")
    share = cell["value"]
    away = abs(share - 0.5)
    depth = 1 if away < PALE else 2 if away < STRONG else 3
    words = (
        f"{row} beats {column} in {share:.0%} of {cell['n']:,},"
        f" 95 % interval {cell['low']:.0%} to {cell['high']:.0%}"
    )
    return Cell(round(share * 100), f"{'a' if share >= 0.5 else 'b'}{depth}", words)


def _bias_row(name: str, row: Mapping[str, Any], axis: Axis) -> BiasRow:
    if row["value"] is None:
        return BiasRow(name, row, Svg(), "Unknown", "")
    low, value, high = ((row[key] - 0.5) * 100 for key in ("low", "value", "high"))
    drawn = whisker(
        low=low,
        value=value,
        high=high,
        axis=axis,
        reference=0,
        label=f"{name} {low:.1f} to {high:.1f} points",
    )
    if low <= 0 <= high:
        return BiasRow(name, row, drawn, "No sign", "ok")
    # Where even the further limit is within five points, the leaning is sure but small.
    is_small = max(abs(low), abs(high)) < 5
    return BiasRow(name, row, drawn, *(("Small", "ok") if is_small else ("Watch", "warn")))


def _thinned(rows: Sequence[Any]) -> list[Any]:
    """At most TABLE_ROWS of the rows, evenly, the last among them."""
    step = ceil(len(rows) / TABLE_ROWS) or 1
    return list(rows[::-1][::step][::-1])
