"""What the page of judges shows: the report's figures beside its charts and in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from labeling.charts.axes import Axis
from labeling.charts.judging import Reached, accuracy_chart, calibration_chart
from labeling.charts.markup import Svg
from labeling.metrics.judge_routing import EVERYTHING, LEAST_DECIDED, LEAST_TOGETHER, NOTHING
from labeling.models import Judge
from labeling.web.report_shell import NOT_YET
from labeling.web.whiskers import axis_of, per_cent, points, span, whisker_of

Row = Mapping[str, Any]
# A leaning of fewer points is sure, perhaps, but small.
NOTABLE = 0.05
COLUMNS = ("name", "model", "judgments", "figure", "value", "low", "high", "n", "unit", "why")
FIGURES = (
    *("agreement", "agreement_decisive", "one_person", "advantage", "kappa", "consistency"),
    *("first_lean", "length_lean", "own_model_lean", "cost", "equal_accuracy"),
)


@dataclass(frozen=True)
class Line:
    """A judge's line of the table, or the yardstick's."""

    name: str
    row: Row
    agreement: Row
    whisker: Svg
    reading: str
    reading_class: str
    is_yardstick: bool = False


@dataclass(frozen=True)
class Weighed:
    """One judge's calibration and what comes of letting it decide."""

    name: str
    row: Row
    calibration: Svg
    accuracy: Svg
    points: Sequence[Row]
    chosen: Row | None
    words: str

    @property
    def may_be_used(self) -> bool:
        """Whether enough was judged by both, and the judge is so sure of anything."""
        return (
            self.row["routing"]["n"] >= LEAST_TOGETHER
            and self.chosen is not None
            and self.chosen["judge_accuracy"]["low"] is not None
            and self.chosen["judge_accuracy"]["n"] >= LEAST_DECIDED
        )


def rows_of(body: Mapping[str, Any] | None) -> list[Row]:
    """The report's rows of judges that were asked here; a report of before has none of these."""
    return [row for row in (body or {}).get("judges", []) if row.get("judge")]


def lines(judges: Sequence[Judge], rows: Sequence[Row]) -> tuple[list[Line], str]:
    """The table, the yardstick first, and the span of its axis in words."""
    known = {row["judge"]: row for row in rows}
    weighed = [row for row in rows if row["agreement"]["value"] is not None]
    yardstick = max(weighed, key=lambda row: row["one_person"]["n"], default=None)
    shown = [row["agreement"] for row in weighed]
    if yardstick is not None and yardstick["one_person"]["value"] is not None:
        shown = [yardstick["one_person"], *shown]
    axis = _axis(shown)
    reference = yardstick["one_person"]["value"] if yardstick is not None else None
    table = []
    if yardstick is not None:
        table.append(
            Line(
                "One person",
                yardstick,
                yardstick["one_person"],
                _whisker("One person", yardstick["one_person"], axis, None),
                "Yardstick",
                "",
                is_yardstick=True,
            )
        )
    for judge in judges:
        row = known.get(str(judge.public_id))
        if row is None:
            empty: dict[str, Any] = dict.fromkeys(FIGURES, NOT_YET) | {"judgment_count": 0}
            table.append(Line(judge.name, empty, NOT_YET, Svg(), "Not weighed yet", ""))
            continue
        drawn = _whisker(judge.name, row["agreement"], axis, reference)
        table.append(Line(judge.name, row, row["agreement"], drawn, *_reading(row)))
    return table, span(axis.low, axis.high, per_cent)


def weigh(row: Row, cut: float) -> Weighed:
    """What there is to say of one judge where it decides what it is this sure of."""
    bins = [one for one in row["calibration"]["bins"] if one["agreement"]["value"] is not None]
    said = [
        Reached(
            one["stated"],
            one["agreement"]["value"],
            one["agreement"]["low"],
            one["agreement"]["high"],
        )
        for one in bins
    ]
    points = row["routing"]["points"]
    chosen = next((one for one in points if abs(one["cut"] - cut) < 1e-9), None)
    return Weighed(
        name=row["name"],
        row=row,
        calibration=calibration_chart(said, key="calibration"),
        accuracy=accuracy_chart(
            [_reached(one) for one in points],
            chosen=_reached(chosen) if chosen else None,
            key="accuracy",
        ),
        points=points,
        chosen=chosen,
        words=_calibration_words(said),
    )


def cut_words(cut: float) -> str:
    """From when on the judge decides, as the table of the curve says it."""
    if cut in (EVERYTHING, NOTHING):
        return "everything" if cut == EVERYTHING else "nothing"
    return f"{cut * 100:.0f} % and surer"


def file_rows(rows: Sequence[Row]) -> Iterator[tuple[Any, ...]]:
    """Every figure of every judge, one a line."""
    for row in rows:
        first = (row["name"], row["model"], row["judgment_count"])
        figures = {name: row[name] for name in FIGURES}
        figures["brier"] = row["calibration"]["brier"]
        figures["brier_corrected"] = row["calibration"]["brier_corrected"]
        for one in row["calibration"]["bins"]:
            figures[f"agreement_said_{one['low']:.1f}_{one['high']:.1f}"] = one["agreement"]
        figures["people_accuracy"] = row["routing"]["people"]
        for point in row["routing"]["points"]:
            name = cut_words(point["cut"]).replace(" % and surer", "").replace(" ", "_")
            for figure in ("share", "judge_accuracy", "accuracy"):
                figures[f"{figure}_cut_{name}"] = point[figure]
        for one in row["personas"]:
            for figure in ("with_group", "with_others", "difference", "group_itself"):
                figures[f"persona_{one['group']}_{one['value']}_{figure}"] = one[figure]
        for name, figure in figures.items():
            yield (*first, name, *(_plain(figure.get(key)) for key in COLUMNS[4:]))


def _plain(value: Any) -> Any:
    return "" if value is None else value


def _reached(point: Row) -> Reached:
    accuracy = point["accuracy"]
    return Reached(
        point["share"]["value"],
        accuracy["value"],
        accuracy["low"] if accuracy["low"] is not None else accuracy["value"],
        accuracy["high"] if accuracy["high"] is not None else accuracy["value"],
    )


def _axis(figures: Sequence[Row]) -> Axis:
    return axis_of(figures, step=0.05, without=(0.5, 1))


def _whisker(name: str, figure: Row, axis: Axis, reference: float | None) -> Svg:
    return whisker_of(name, figure, axis, say=points, unit=" per cent", reference=reference)


def _is_above(figure: Row, least: float = 0.0) -> bool:
    return figure["low"] is not None and figure["low"] > 0 and figure["value"] >= least


def _is_below(figure: Row, least: float = 0.0) -> bool:
    return figure["high"] is not None and figure["high"] < 0 and figure["value"] <= -least


def _reading(row: Row) -> tuple[str, str]:
    """What a careful reader would take from the figures, worst first, and its class."""
    if row["agreement"]["value"] is None:
        return "Not weighed yet", ""
    if _is_below(row["advantage"]):
        return "Below one person", "bad"
    if _is_above(row["own_model_lean"]):
        return "Favours itself", "bad"
    for name, more, less in (
        ("length_lean", "Leans to length", "Leans to brevity"),
        ("first_lean", "Leans to the first", "Leans to the last"),
    ):
        if _is_above(row[name], NOTABLE):
            return more, "warn"
        if _is_below(row[name], NOTABLE):
            return less, "warn"
    if _is_above(row["advantage"]):
        return "Steadier than one person", "ok"
    return "Like one person", "ok"


def _calibration_words(said: Sequence[Reached]) -> str:
    if not said:
        return ""
    over = [one for one in said if one.high < one.at]
    under = [one for one in said if one.low > one.at]
    if over and not under:
        return "Surer than it is right."
    if under and not over:
        return "Right more often than it says."
    return "No sign that it is surer, or less sure, than it is right." if not over else "Uneven."
