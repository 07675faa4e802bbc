"""What a page of the report is made of: tables and charts to take away, definitions, how it was
made. A page is a `Section`; `labeling.web.report_pages` lists them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import QueryDict

from labeling.charts.markup import Svg
from labeling.charts.standalone import standalone
from labeling.models import Campaign, Report

Estimate = Mapping[str, Any]
# What a table says of one estimate, in this order: see `cells`.
ESTIMATE_COLUMNS: Final = ("value", "low", "high", "n", "unit", "interval", "why")
# What stands beside each row of a file: a number without it means little.
MADE_COLUMNS: Final = (
    *("campaign", "computed_at", "method_version", "tie_rule", "judgments_counted", "raters"),
    *("gold_judgments_left_out", "repeats_left_out", "excluded_judgments"),
)
NOT_YET: Estimate = {"value": None, "low": None, "high": None, "n": 0, "why": "Not computed yet."}


@dataclass(frozen=True)
class Asked:
    """What a page is made from: the campaign, its newest report if any, and the query."""

    campaign: Campaign
    report: Report | None
    query: QueryDict

    @property
    def address_query(self) -> str:
        """What follows the address of a file, so that it holds what the page shows."""
        return f"?{self.query.urlencode()}" if self.query else ""

    @property
    def body(self) -> Mapping[str, Any]:
        """The report's values; empty before the first report."""
        return self.report.body if self.report else {}


@dataclass(frozen=True)
class Table:
    """Rows that can be taken away as CSV, whatever of them the page shows."""

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Chart:
    """A chart that can be taken away as SVG and PNG; without a drawing, `why` there is none."""

    key: str
    title: str
    svg: Svg
    why: str = ""


@dataclass(frozen=True)
class Definition:
    """What a term means, one click away from it; `source` names where it comes from."""

    key: str
    term: str
    text: str
    source: str = ""


@dataclass(frozen=True)
class Shown:
    """One page's content: what its template is given, and what can be taken away from it."""

    context: Mapping[str, Any] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    definitions: Sequence[Definition] = ()
    # "How it was made" in this page's own words, after what holds for the whole report.
    made: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Section:
    """A page of the report. `name` is its word in the address.

    `template` extends labeling/campaign_report_base.html and holds the partial `section`, which
    the printed report includes. `read` must cope without a report and with an older one; where the
    report lacks a key of `needs` the shell offers to compute it again.
    """

    name: str
    title: str
    template: str
    read: Callable[[Asked], Shown]
    needs: tuple[str, ...] = ()

    @property
    def partial(self) -> str:
        """The part of the template that the printed report includes."""
        return f"{self.template}#section"

    def lacks(self, body: Mapping[str, Any]) -> bool:
        """Whether there is a report, but from before this page had its part in it."""
        return bool(body) and any(key not in body for key in self.needs)


def cells(estimate: Estimate) -> tuple[Any, ...]:
    """The estimate in the order of ESTIMATE_COLUMNS; what is not there stays empty."""
    return tuple(estimate.get(name) for name in ESTIMATE_COLUMNS)


def file_columns(table: Table) -> tuple[str, ...]:
    """The header of the table as a file."""
    return (*table.columns, *MADE_COLUMNS)


def file_rows(table: Table, asked: Asked) -> Iterator[tuple[Any, ...]]:
    """The rows of the table as a file, each with how it was made."""
    body, counts = asked.body, asked.body.get("counts", {})
    beside = (
        asked.campaign.slug,
        body.get("computed_at"),
        body.get("method_version"),
        body.get("methods", {}).get("agreement", {}).get("tie_rule"),
        counts.get("judgments_counted"),
        body.get("rater_count"),
        counts.get("dropped_gold_judgments"),
        counts.get("dropped_repeat_judgments"),
        counts.get("excluded_judgments"),
    )
    return ((*row, *beside) for row in table.rows)


def chart_file(chart: Chart, asked: Asked) -> str:
    """The chart as an SVG file, with what it was made of below it."""
    counts = asked.body.get("counts", {})
    note = (
        f"{asked.campaign.name}: {counts.get('judgments_counted', 0):,} judgments of"
        f" {asked.body.get('rater_count', 0):,} raters, ties a category,"
        f" computed {str(asked.body.get('computed_at', ''))[:16].replace('T', ' ')} UTC"
    )
    return standalone(chart.svg, title=chart.title, note=note)


def made_of(asked: Asked) -> list[tuple[str, str]]:
    """How the report's numbers were made, term by term; nothing before the first report."""
    body = asked.body
    if not body:
        return []
    counts = body["counts"]
    left_out = [
        f"{count:,} {words}"
        for count, words in (
            (counts["dropped_gold_judgments"], "judgments on known answers"),
            (counts["dropped_repeat_judgments"], "judgments of what a rater was asked again"),
            (counts.get("excluded_judgments", 0), "judgments by decision"),
        )
        if count
    ]
    if counts["items_not_ranked"]:
        left_out.append(f"of rankings {counts['items_not_ranked']:,} items that name no two models")
    answered = counts["a"] + counts["b"] + counts["tie"] + counts["both_bad"]
    ties = (counts["tie"] + counts["both_bad"]) / answered if answered else 0.0
    bad = counts["both_bad"] / answered if answered else 0.0
    return [
        (
            "Judgments",
            f"{counts['judgments_counted']:,} on {counts['items_counted']:,} items; "
            f"{counts['items_with_two_raters']:,} items have two raters or more, "
            f"{counts['items_with_one_vote']:,} have one",
        ),
        ("Raters", f"{body['rater_count']:,} people; LLM judges stay out"),
        ("Left out", "; ".join(left_out) or "nothing"),
        (
            "Ties",
            f"a category of their own, {ties:.1%}; “both bad” counts as a tie ({bad:.1%})".replace(
                "%", " %"
            ),
        ),
        ("Method", f"version {body['method_version']}, 95 % intervals"),
    ]
