"""`/campaigns/<slug>/report/agreement/`: how far raters agree, by every definition."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any, Final

from labeling.charts.axes import Axis
from labeling.charts.markup import Svg
from labeling.charts.small import whisker
from labeling.web import dashboard
from labeling.web.report_shell import (
    ESTIMATE_COLUMNS,
    NOT_YET,
    Asked,
    Chart,
    Definition,
    Section,
    Shown,
    Table,
    cells,
)

ALPHA: Final = "krippendorff_alpha_ordinal"
# Each definition: its key in the report, its name, what it means, where it comes from.
MEASURES: Final = (
    Definition(
        ALPHA,
        "Krippendorff’s alpha, ordinal",
        "One minus observed over expected disagreement, with A, tie, B in order: A against B costs"
        " more than A against a tie. Copes with any pattern of missing raters. The headline.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_nominal",
        "Krippendorff’s alpha, nominal",
        "The same, with every disagreement costing the same: a near miss to a tie counts as much"
        " as the opposite.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_interval",
        "Krippendorff’s alpha, interval",
        "The same with A, tie, B as −1, 0, +1 and squared distance: opposite sides cost four times"
        " what a side against a tie does.",
        "Krippendorff 2011",
    ),
    Definition(
        "krippendorff_alpha_interval_score",
        "Krippendorff’s alpha, full score",
        "The same on the score from −3 (A much better) to +3 (B much better), squared distance:"
        " rewards agreement on strength.",
        "Krippendorff 2011",
    ),
    Definition(
        "percent_agreement",
        "Percent, pooled",
        "Agreeing pairs of raters over all pairs of raters, ties a category. Items with more"
        " raters weigh more.",
    ),
    Definition(
        "percent_agreement_item_mean",
        "Percent, mean over items",
        "The share of agreeing pairs within each item, then the mean. Every item weighs the same.",
    ),
    Definition(
        "percent_agreement_decisive",
        "Percent, decisive only",
        "Pooled, after every tie is dropped: when two raters both chose a side, was it the same?",
    ),
    Definition(
        "percent_agreement_decisive_item_mean",
        "Percent, decisive, mean over items",
        "The same within each item, then the mean.",
    ),
    Definition(
        "half_credit",
        "Percent, half credit",
        "One for the same answer, a half when exactly one of two raters said tie, nothing for"
        " opposite sides.",
    ),
    Definition(
        "cohen_kappa_mean",
        "Cohen’s kappa, mean",
        "Kappa of each two raters over at least 20 items they share, weighed by how many they"
        " share: agreement beyond what each one’s habits would bring by chance.",
        "Cohen 1960",
    ),
    Definition(
        "fleiss_kappa",
        "Fleiss’ kappa",
        "General form, for any number of raters an item: mean agreement against the sum of the"
        " squared mean shares of the answers.",
        "Fleiss 1971",
    ),
    Definition(
        "gwet_ac1",
        "Gwet’s AC1",
        "The same observed agreement with a chance term that stays calm when one answer is rare.",
        "Gwet 2008",
    ),
    Definition(
        "leave_one_out_majority",
        "Leave-one-out majority",
        "Each vote against the most common answer of the others, on items with three votes or"
        " more. A shared first place counts in part.",
    ),
    Definition(
        "leave_one_out_majority_item_mean",
        "Leave-one-out majority, mean over items",
        "The same within each item, then the mean.",
    ),
    Definition(
        "intra_rater",
        "Same rater, asked again",
        "Hidden repeats: the same comparison later, sides swapped. The ceiling for agreement"
        " between people.",
    ),
)


@dataclass(frozen=True)
class Line:
    """A row of a table of estimates: what it is of, the estimate, its whisker."""

    name: str
    row: Mapping[str, Any]
    whisker: Svg
    definition: Definition | None = None


def read(asked: Asked) -> Shown:
    """The page's content."""
    agreement = asked.body.get("agreement", {})
    rows = [(one, agreement.get(one.key, NOT_YET)) for one in MEASURES]
    axis = axis_of([row for _, row in rows])
    measures = [Line(one.term, row, drawn(one.term, row, axis), one) for one, row in rows]
    curve = dashboard.agreement_over_time(asked.body or None)
    over_time = asked.body.get("over_time", {}).get(ALPHA, [])
    return Shown(
        context={
            "alpha": agreement.get(ALPHA, NOT_YET),
            "percent": agreement.get("percent_agreement", NOT_YET),
            "decisive": agreement.get("percent_agreement_decisive", NOT_YET),
            "again": agreement.get("intra_rater", NOT_YET),
            "measures": measures if asked.body else [],
            "span": span_of(axis),
        },
        tables=(
            Table(
                "measures",
                "Every definition of agreement",
                ("measure", *ESTIMATE_COLUMNS),
                [(one.key, *cells(row)) for one, row in rows] if asked.body else [],
            ),
            Table(
                "over-time",
                "Ordinal alpha of all judgments up to each moment",
                ("until", *ESTIMATE_COLUMNS),
                [(row["at"], *cells(row)) for row in over_time],
            ),
        ),
        charts=(Chart("over-time", "Krippendorff’s alpha over time", curve.svg, curve.why),),
        definitions=MEASURES,
    )


def axis_of(rows: list[Mapping[str, Any]]) -> Axis:
    """From a round tenth below the lowest limit to one above the highest."""
    limits = [
        row[limit] for row in rows for limit in ("low", "value", "high") if row[limit] is not None
    ]
    if not limits:
        return Axis(0, 1)
    return Axis(floor(min(limits) * 10) / 10, ceil(max(limits) * 10) / 10)


def span_of(axis: Axis) -> str:
    """The ends of an axis in words."""
    return f"{axis.low:.1f} to {axis.high:.1f}".replace("-", "−")


def drawn(name: str, row: Mapping[str, Any], axis: Axis, reference: float | None = None) -> Svg:
    """The whisker of an estimate that has an interval; nothing for another."""
    if row["value"] is None or row["low"] is None:
        return Svg()
    return whisker(
        low=row["low"],
        value=row["value"],
        high=row["high"],
        axis=axis,
        reference=reference,
        label=f"{name} {row['low']:.2f} to {row['high']:.2f}".replace("-", "−"),
    )


SECTION: Final = Section(
    "agreement", "Agreement", "labeling/campaign_report_agreement.html", read, needs=()
)
