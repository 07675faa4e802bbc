"""`/campaigns/<slug>/report/bias/`: what pulls at judgments beside the answers' worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from labeling.charts.arms import Share, shares_chart
from labeling.charts.axes import Axis
from labeling.charts.markup import Svg
from labeling.metrics.bias_checks import FALSE_SHARE
from labeling.schemas import read_presentation
from labeling.web.experiment_words import findings, points_words
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
from labeling.web.whiskers import LIMITS, axis_of, per_cent, points, span, whisker_of

Row = Mapping[str, Any]
NEEDS: Final = ("bias_checks", "presentation_experiment", "rater_leanings")
# Raters that the page lists; the file has all.
LISTED: Final = 12
READINGS: Final = {
    "none": ("No sign", "ok"),
    "small": ("Small", "ok"),
    "watch": ("Watch", "warn"),
    "open": ("Open", ""),
    "absent": ("Not known", ""),
}
CHECKS: Final = (
    Definition(
        "position",
        "Position",
        "Share of decisive votes for the side shown on the left, less a half. Where sides are"
        " dealt by lot, models cannot explain it.",
    ),
    Definition(
        "length",
        "Length",
        "Share of decisive votes for the longer answer, less a half, on pairs that differ by more"
        " than 30 characters. Longer may also be better: the style-controlled board tells the two"
        " apart as far as models go.",
    ),
    Definition(
        "markdown",
        "Markdown",
        "Headings, bold and list items together: share of decisive votes that the more formatted"
        " answer would have if both were equally long, less a half. A logistic model with the"
        " difference of lengths.",
        "after Chiang et al. 2024",
    ),
    Definition(
        "maker",
        "Named maker",
        "Share of decisive votes for the answer that says which model it is, less a half, where"
        " just one of the two does.",
    ),
    Definition(
        "presentation",
        "Presentation",
        "Win rate of the longer answer when streamed, less when shown at once; see the experiment"
        " below.",
    ),
    Definition(
        "fatigue",
        "Fatigue",
        "Share of known answers met after two hours of a sitting, less that in its first hour,"
        " within rater. Half an hour of nothing ends a sitting.",
    ),
    Definition(
        "swap",
        "Same pair, sides swapped",
        "Pairs that a rater met again: share answered alike with sides swapped, less that with"
        " sides as before. Where all were swapped: of answers that stayed in their place and so"
        " changed sides, the share on the left, less a half.",
    ),
)
OTHERS: Final = (
    Definition(
        "stands",
        "Benjamini–Hochberg",
        "Of several checks some would stand out by chance. Of those said to stand so, at most one"
        " in twenty is expected to be chance.",
        "Benjamini and Hochberg 1995",
    ),
    Definition(
        "longer",
        "Longer wins",
        "Share of decisive votes for the longer answer, on pairs that differ by more than 30"
        " characters.",
    ),
    Definition(
        "needed",
        "Needed",
        "Votes with which an effect as large as the one seen is found with 80 % power at 5 %,"
        " items being as alike as they are here. The true effect may be smaller.",
    ),
    Definition(
        "shrunken",
        "Shrunk towards the pool",
        "A rater's share drawn to that of all by as much as chance explains: few votes say little.",
        "Efron and Morris 1975",
    ),
)
TITLES: Final = {
    "streaming": "Streamed, less at once",
    "halving": "For each halving of the speed",
    "context": "Whole conversation, less last turn",
}


@dataclass(frozen=True)
class Line:
    """A row of a table: its name, its values, its whisker, and how it reads."""

    name: str
    row: Row
    whisker: Svg
    definition: Definition | None = None
    reading: str = ""
    reading_class: str = ""


def read(asked: Asked) -> Shown:
    """The page's content."""
    body: Row = asked.body if all(key in asked.body for key in NEEDS) else {}
    checks: Sequence[Row] = body.get("bias_checks", [])
    tested: Row = body.get("presentation_experiment", {})
    who: Row = body.get("rater_leanings", {})
    axis = _axis([row for row in checks if row["reading"] != "absent"], around=0.0)
    lines = [_check(one, row, axis) for one, row in zip(CHECKS, checks, strict=False)]
    raters = _raters(who)
    standing = [line.name for line in lines if line.row["stands"]]
    weighed = sum(row["chance"] is not None for row in checks)
    return Shown(
        context={
            "checks": lines,
            "span": f"{points_words(axis.low, 0)} to {points_words(axis.high, 0)} points",
            "standing": standing,
            "weighed": weighed,
            "false_share": FALSE_SHARE,
            "experiment": tested,
            "arms": tested.get("arms", []),
            "contrasts": _contrasts(tested),
            "has_arms": len(read_presentation(asked.campaign.presentation).arms) > 1,
            "findings": (
                findings(
                    tested,
                    stands=any(row["check"] == "presentation" and row["stands"] for row in checks),
                )
                if tested and not tested["why"]
                else None
            ),
            "raters": raters[:LISTED],
            "rater_count": len(raters),
            "rater_span": _rater_span(who),
            "drivers": who.get("drivers", []),
            "without": who.get("without_drivers", NOT_YET),
            "repeats": body.get("bias", {}).get("swap", {}).get("consistency", NOT_YET),
            "flagged": body.get("bias", {}).get("maker", {}).get("flagged_count", 0),
        },
        tables=_tables(checks, tested, who),
        charts=(
            Chart(
                "arms",
                "Votes for the longer answer, by how the answers were shown",
                _drawing(tested),
                tested.get("why") or "No arm has a vote that chose a longer or shorter answer.",
            ),
        ),
        definitions=(*CHECKS, *OTHERS),
        made=(
            (
                "Checks",
                "effects on win rates in points, 95 % intervals clustered by item (fatigue: by"
                " rater); Benjamini–Hochberg at 5 % over the checks that have a value",
            ),
        )
        if checks
        else (),
    )


def _check(one: Definition, row: Row, axis: Axis) -> Line:
    reading, look = READINGS[row["reading"]]
    return Line(one.term, row, _whisker(one.term, row, axis, 0.0), one, reading, look)


def _contrasts(tested: Row) -> list[Line]:
    contrasts: Row = tested.get("contrasts", {})
    axis = _axis(list(contrasts.values()), around=0.0)
    return [
        Line(title, contrasts[name], _whisker(title, contrasts[name], axis, 0.0))
        for name, title in TITLES.items()
        if name in contrasts
    ]


def _raters(who: Row) -> list[Line]:
    rows = [row for row in who.get("raters", []) if row["longer"]["value"] is not None]
    axis = _rater_axis(rows)
    return [
        Line(row["rater"], row, _whisker(row["rater"], row["longer"], axis, 0.5)) for row in rows
    ]


def _rater_span(who: Row) -> str:
    axis = _rater_axis([row for row in who.get("raters", []) if row["longer"]["value"] is not None])
    return span(axis.low, axis.high, per_cent)


def _rater_axis(rows: Sequence[Row]) -> Axis:
    axis = _axis([row["longer"] for row in rows], around=0.5)
    return Axis(max(axis.low, 0.0), min(axis.high, 1.0))


def _drawing(tested: Row) -> Svg:
    shares = [
        Share(arm["name"], arm["longer"]["value"], arm["longer"]["low"], arm["longer"]["high"])
        for arm in tested.get("arms", [])
        if arm["longer"]["value"] is not None
    ]
    return shares_chart(
        shares,
        reference=0.5,
        reference_name="no preference",
        key="arms",
        title="Share of votes for the longer answer, by arm",
    )


def _tables(checks: Sequence[Row], tested: Row, who: Row) -> tuple[Table, ...]:
    contrasts: Row = tested.get("contrasts", {})
    return (
        Table(
            "checks",
            "Checks of leanings, effects as shares less no effect",
            ("check", "of", *ESTIMATE_COLUMNS, "p", "stands", "reading", "sentence", "to_do"),
            [
                (
                    *(row["check"], row["of"], *cells(row), row["chance"], row["stands"]),
                    *(row["reading"], row["sentence"], row["to_do"]),
                )
                for row in checks
            ],
        ),
        Table(
            "arms",
            "Votes for the longer answer by presentation arm",
            (
                *("arm", "mode", "tokens_per_second", "context", "judgments", "not_honoured"),
                *("median_active_ms", *ESTIMATE_COLUMNS),
            ),
            [
                (
                    *(arm["name"], arm["mode"], arm["tokens_per_second"], arm["context"]),
                    *(arm["judgment_count"], arm["not_honoured_count"]),
                    *(arm["median_active_ms"], *cells(arm["longer"])),
                )
                for arm in tested.get("arms", [])
            ],
        ),
        Table(
            "contrasts",
            "What the way of showing does to the pull of length",
            ("contrast", *ESTIMATE_COLUMNS, "p", "needed", "detectable", "days_left"),
            [
                (
                    name,
                    *cells(one),
                    *(one["chance"], one["needed"], one["detectable"], one["days_left"]),
                )
                for name in TITLES
                if (one := contrasts.get(name))
            ],
        ),
        Table(
            "raters",
            "Leanings of raters to length and to the left, shrunk towards the pool",
            ("rater", "leaning", *ESTIMATE_COLUMNS),
            [
                (row["rater"], leaning, *cells(row[leaning]))
                for row in who.get("raters", [])
                for leaning in ("longer", "left")
            ],
        ),
    )


def _axis(rows: Sequence[Row], *, around: float) -> Axis:
    """On round shares, `around` among them."""
    limits = [row[limit] for row in rows for limit in LIMITS if row[limit] is not None]
    is_wide = bool(limits) and max(limits) - min(limits) > 0.2
    return axis_of(
        rows,
        step=0.05 if is_wide else 0.01,
        without=(around - 0.05, around + 0.05),
        around=[around],
    )


def _whisker(name: str, row: Row, axis: Axis, reference: float) -> Svg:
    unit = " points" if reference == 0 else " per cent"
    return whisker_of(name, row, axis, say=points, unit=unit, reference=reference)


SECTION: Final = Section("bias", "Bias", "labeling/campaign_report_bias.html", read, needs=NEEDS)
