"""`/campaigns/<slug>/report/agreement/`: how far raters agree, by every definition and part."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from labeling.charts.axes import Axis
from labeling.charts.lines import Interval, agreement_chart
from labeling.charts.markup import Svg
from labeling.models import Campaign
from labeling.policy import read_policy
from labeling.schemas import read_schema
from labeling.web import agreement_words, dashboard
from labeling.web.agreement_terms import ALPHA, MEASURES, TERMS
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
from labeling.web.whiskers import axis_of, one_decimal, span, two_decimals, whisker_of

Row = Mapping[str, Any]
# Windows that the page lists; the file has all of them.
SHOWN_WINDOWS: Final = 12
SHOWN_PAIRS: Final = 10
DAY: Final = 24 * 3600
PART_COLUMNS: Final = (
    *("judgments", "raters_judging", "items", "items_with_two_raters", "measure"),
    *ESTIMATE_COLUMNS,
)
PART_MEASURES: Final = {
    "alpha": ALPHA,
    "percent": "percent_agreement",
    "decisive": "percent_agreement_decisive",
    "ties": "tie_share",
}
OF_SCALE: Final = ("percent", "kappa_quadratic", "alpha_interval")


@dataclass(frozen=True)
class Line:
    """A row of a table of estimates: what it is of, the estimate or part, its whisker."""

    name: str
    row: Row
    whisker: Svg
    definition: Definition | None = None


@dataclass(frozen=True)
class Parts:
    """A table of parts: its lines, the span of its axis, and why there are none."""

    lines: Sequence[Line]
    span: str
    why: str
    below: str = ""
    more: int = 0


def read(asked: Asked) -> Shown:
    """The page's content."""
    body = asked.body
    agreement = body.get("agreement", {})
    by: Mapping[str, Any] = body.get("agreement_by", {})
    alpha = agreement.get(ALPHA, NOT_YET)
    least = read_policy(asked.campaign.policy).agreement_floor
    rows = [(one, agreement.get(one.key, NOT_YET)) for one in MEASURES]
    axis = _axis(row for _, row in rows)
    named = _named(asked.campaign, by)
    parts = {key: _parts(found, alpha, least) for key, found in named.items()}
    parts["windows"] = _newest(parts["windows"])
    pairs = by.get("pairs", {"count": 0, "lowest": [], "highest": [], "why": ""})
    return Shown(
        context={
            "alpha": alpha,
            "percent": agreement.get("percent_agreement", NOT_YET),
            "decisive": agreement.get("percent_agreement_decisive", NOT_YET),
            "again": agreement.get("intra_rater", NOT_YET),
            # Beside the headline, as it is the first thing to ask of it.
            "is_made_above": bool(body),
            "headline": agreement_words.headline(alpha) if agreement else "",
            "remarks": agreement_words.remarks(agreement) if agreement else [],
            "against_floor": agreement_words.against_floor(alpha, least),
            "measures": [
                Line(one.term, row, _drawn(one.term, row, axis), one) for one, row in rows if body
            ],
            "span": _span(axis),
            "by": by,
            "parts": parts,
            "why": by.get("why", {}),
            "groups": [
                (row, _parts([(one["group"], one) for one in row["groups"]], alpha, least))
                for row in by.get("groups", [])
            ],
            "scales": by.get("scales", []),
            "pairs": pairs,
            "pair_lines": _pair_lines(pairs),
            "unit": _unit(by),
        },
        tables=_tables(asked, rows, named),
        charts=_charts(body, by),
        definitions=(*MEASURES, *TERMS),
    )


def _named(campaign: Campaign, by: Row) -> dict[str, list[tuple[str, Row]]]:
    """The rows of the simple parts, each with its name."""
    labels = {one.key: one.label for one in read_schema(campaign.schema).criteria}
    windows = by.get("windows", {"rows": []})["rows"]
    return {
        "criteria": [
            (labels.get(row["criterion"], row["criterion"]), row) for row in by.get("criteria", [])
        ],
        "rounds": [(f"Round {row['round']}", row) for row in by.get("rounds", [])],
        "windows": [(window_name(row["from"], row["until"]), row) for row in windows],
    }


def window_name(begins: int, ends: int) -> str:
    """ "3 Mar 2026", or "2 to 8 Mar 2026": the days of a window, in UTC."""
    first = datetime.fromtimestamp(begins, UTC).date()
    last = datetime.fromtimestamp(ends, UTC).date() - timedelta(days=1)
    if first == last:
        return f"{first.day} {first:%b %Y}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {last.day} {last:%b %Y}"
    if first.year == last.year:
        return f"{first.day} {first:%b} to {last.day} {last:%b %Y}"
    return f"{first.day} {first:%b %Y} to {last.day} {last:%b %Y}"


def _parts(named: Sequence[tuple[str, Row]], whole: Row, reference: float | None) -> Parts:
    axis = _axis(row["alpha"] for _, row in named)
    return Parts(
        [Line(name, row, _drawn(name, row["alpha"], axis, reference)) for name, row in named],
        _span(axis),
        "",
        agreement_words.lower_parts(whole, named),
    )


def _newest(parts: Parts) -> Parts:
    """The newest windows first, as many as a page has room for."""
    shown = list(parts.lines)[::-1][:SHOWN_WINDOWS]
    return Parts(shown, parts.span, parts.why, parts.below, len(parts.lines) - len(shown))


def _pair_lines(pairs: Row) -> list[tuple[str, str, list[Line]]]:
    """The least and the most alike pairs, those that the page has room for."""
    listed = [*pairs["lowest"], *pairs["highest"]]
    axis = _axis(row["kappa"] for row in listed)

    def lines(rows: Iterable[Row]) -> list[Line]:
        named = [(" and ".join(row["raters"]), row) for row in rows]
        return [Line(name, row, _drawn(name, row["kappa"], axis)) for name, row in named]

    if not listed:
        return []
    if len(listed) <= SHOWN_PAIRS:
        return [("Pair", _span(axis), lines(listed))]
    return [
        ("Least alike", _span(axis), lines(pairs["lowest"][:SHOWN_PAIRS])),
        ("Most alike", _span(axis), lines(pairs["highest"][::-1][:SHOWN_PAIRS])),
    ]


def _unit(by: Row) -> str:
    """What a window is called."""
    seconds = by.get("windows", {}).get("seconds")
    return {DAY: "day", 28 * DAY: "four weeks"}.get(seconds, "week")


def _charts(body: Row, by: Row) -> tuple[Chart, ...]:
    whole = dashboard.agreement_over_time(body or None)
    windows = by.get("windows", {"rows": [], "seconds": None, "why": ""})
    points = [
        Interval((row["from"] + row["until"]) / 2, *(row["alpha"][k] for k in _LIMITS))
        for row in windows["rows"]
        if row["alpha"]["low"] is not None
    ]
    unit = _unit(by)
    name = f"Alpha by {unit}"
    return (
        Chart("over-time", "Krippendorff’s alpha over time", whole.svg, whole.why),
        Chart(
            "windows",
            f"Krippendorff’s alpha by {unit}",
            agreement_chart(points, name=name, key="alpha-windows"),
            windows.get("why") or "A curve needs two windows with agreement.",
        ),
    )


_LIMITS: Final = ("value", "low", "high")


def _tables(
    asked: Asked,
    measures: Sequence[tuple[Definition, Row]],
    named: Mapping[str, Sequence[tuple[str, Row]]],
) -> tuple[Table, ...]:
    """All of the page's figures as files; without a report they are empty."""
    body = asked.body
    by: Mapping[str, Any] = body.get("agreement_by", {})
    over_time = body.get("over_time", {}).get(ALPHA, [])
    groups = [
        ((row["attribute"], one["group"]), one)
        for row in by.get("groups", [])
        for one in row["groups"]
    ]
    pairs = by.get("pairs", {"lowest": [], "highest": []})
    return (
        Table(
            "measures",
            "every definition",
            ("measure", *ESTIMATE_COLUMNS),
            [(one.key, *cells(row)) for one, row in measures] if body else [],
        ),
        Table(
            "over-time",
            "ordinal alpha of all judgments up to each moment",
            ("until", *ESTIMATE_COLUMNS),
            [(_moment(row["at"]), *cells(row)) for row in over_time],
        ),
        *(
            _part_table(
                key,
                f"agreement by {column}",
                (column,),
                [((row[column],), row) for _, row in named[key]],
            )
            for key, column in (("criteria", "criterion"), ("rounds", "round"))
        ),
        _part_table(
            "windows",
            "agreement by day or week",
            ("from", "until"),
            [((_moment(row["from"]), _moment(row["until"])), row) for _, row in named["windows"]],
        ),
        _part_table("groups", "agreement within groups", ("attribute", "group"), groups),
        Table(
            "pairs",
            "pairs of raters",
            ("rater", "other_rater", "measure", *ESTIMATE_COLUMNS),
            [
                (*row["raters"], name, *cells(row[name]))
                for row in [*pairs["lowest"], *pairs["highest"]]
                for name in ("kappa", "percent")
            ],
        ),
        Table(
            "scales",
            "agreement on scales of 2, 4 and 7 steps",
            ("steps", "votes_left_out", "measure", *ESTIMATE_COLUMNS),
            [
                (row["steps"], row["dropped_count"], name, *cells(row[name]))
                for row in by.get("scales", [])
                for name in OF_SCALE
            ],
        ),
    )


def _part_table(
    key: str, title: str, columns: Sequence[str], rows: Iterable[tuple[tuple[Any, ...], Row]]
) -> Table:
    """One line for each part and measure."""
    return Table(
        key,
        title,
        (*columns, *PART_COLUMNS),
        [
            (
                *names,
                row["judgment_count"],
                row["rater_count"],
                row["item_count"],
                row["item_count_two_raters"],
                word,
                *cells(row[name]),
            )
            for names, row in rows
            for name, word in PART_MEASURES.items()
        ],
    )


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _axis(rows: Iterable[Row]) -> Axis:
    return axis_of(rows, step=0.1, without=(0, 1))


def _span(axis: Axis) -> str:
    return span(axis.low, axis.high, one_decimal)


def _drawn(name: str, row: Row, axis: Axis, reference: float | None = None) -> Svg:
    return whisker_of(name, row, axis, say=two_decimals, reference=reference)


SECTION: Final = Section(
    "agreement",
    "Agreement",
    "labeling/campaign_report_agreement.html",
    read,
    needs=("agreement_by",),
)
