"""How far a campaign has come and what is going on in it, each in a fixed number of statements.

Whatever needs all judgments was counted by the worker and stands in the report; the statements
here read what is open, what is newer than the report, and the newest rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Count, OuterRef, QuerySet, Subquery, TextField
from django.db.models.functions import Coalesce

from labeling.models import Assignment, AuditEvent, Campaign, Report, Seat

DAY = 24 * 3600
HOUR = 3600
# Days whose mean is the present pace.
PACE_DAYS = 7
# Waiting comparisons are counted up to here: beyond it the page says "more than".
MOST_WAITING = 10_000
# Events read for each happening shown: as long a run of judgments is counted as one of them.
RUN = 40


@dataclass(frozen=True)
class Progress:
    """Judgments of people that count towards the overlap, and how many are wanted in all."""

    done: int
    open: int
    held: int
    waiting: int
    rater_count: int

    @property
    def wanted(self) -> int:
        return self.done + self.open + self.held

    @property
    def share(self) -> float | None:
        """Done of wanted, from 0 to 1."""
        return self.done / self.wanted if self.wanted else None


_PROGRESS = """
SELECT
  (SELECT count(*) FROM labeling_judgment j JOIN labeling_rater r ON r.id = j.rater_id
    WHERE j.campaign_id = %(campaign)s AND j.supersedes_id IS NULL AND NOT j.is_repeat
      AND j.id > coalesce(
        (SELECT id FROM labeling_judgment WHERE public_id = %(through)s::uuid), 0)
      AND r.kind = 'human'
      AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = j.comparison_id)),
  (SELECT count(*) FROM labeling_lane l JOIN labeling_assignment a ON a.lane_id = l.id
    WHERE l.campaign_id = %(campaign)s AND a.rater_id IS NULL AND a.ended_at IS NULL
      AND a.ordinal IS NOT NULL),
  (SELECT count(*) FROM labeling_assignment
    WHERE campaign_id = %(campaign)s AND rater_id IS NOT NULL AND ended_at IS NULL
      AND ordinal IS NOT NULL),
  (SELECT count(*) FROM (SELECT FROM labeling_comparison c
    JOIN labeling_completion a ON a.id = c.completion_a_id
    JOIN labeling_completion b ON b.id = c.completion_b_id
    WHERE c.campaign_id = %(campaign)s AND c.round_id IS NULL
      AND a.messages IS NOT NULL AND b.messages IS NOT NULL
      AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = c.id)
    LIMIT %(most)s) waiting),
  (SELECT count(*) FROM labeling_seat s JOIN labeling_rater r ON r.id = s.rater_id
    WHERE s.campaign_id = %(campaign)s AND r.kind = 'human')
"""


def newest_report(campaign: Campaign) -> Report | None:
    """The newest report, if one was ever computed."""
    return campaign.reports.order_by("-computed_at").first()


def progress(campaign: Campaign, report: Report | None) -> Progress:
    """Where the campaign stands: what the report counted, and what has come since."""
    with connection.cursor() as cursor:
        cursor.execute(
            _PROGRESS,
            {
                "campaign": campaign.pk,
                "through": report.through_judgment if report else None,
                "most": MOST_WAITING + 1,
            },
        )
        ((since, open_, held, waiting, rater_count),) = cursor.fetchall()
    counted = report.body["counts"]["judgments_counted"] if report else 0
    return Progress(counted + since, open_, held, waiting, rater_count)


def with_progress(campaigns: QuerySet[Campaign]) -> QuerySet[Campaign]:
    """Campaigns with `done_count` as of their report and `open_count`, for a list of them."""
    newest = Report.objects.filter(campaign=OuterRef("pk")).order_by("-computed_at")
    unended = (
        Assignment.objects.filter(lane__campaign=OuterRef("pk"), ended_at=None, ordinal__gte=1)
        .order_by()
        .values("lane__campaign")
        .annotate(n=Count("pk"))
        .values("n")
    )
    return campaigns.annotate(
        done_count=Subquery(newest.values("body__counts__judgments_counted")[:1]),
        open_count=Coalesce(Subquery(unended), 0),
    )


@dataclass(frozen=True)
class Pace:
    """Judgments a day, over which days, and when the last one wanted will be in at that pace."""

    per_day: float | None = None
    days: int = 0
    is_current: bool = False
    last_hours: int = 0
    undated_count: int = 0
    history: list[int] = field(default_factory=list)
    finish: date | None = None
    finish_low: date | None = None
    finish_high: date | None = None


def pace(body: Mapping[str, Any] | None, now: datetime, remaining: int) -> Pace:
    """The mean of the last seven days with its forecast; of all days when collecting is over.

    A forecast needs two days, and its limits, those of the daily mean (95 %), need three.
    Judgments that were imported without times have no pace: they are `undated_count`.
    """
    over_time: Mapping[str, Any] = (body or {}).get("over_time", {})
    by_day = dict(map(tuple, over_time.get("by_day", [])))
    undated = over_time.get("undated_count", 0)
    if not by_day:
        return Pace(undated_count=undated)
    by_hour = over_time["by_hour"]
    today = int(now.timestamp()) // DAY * DAY
    first, last = min(by_day), max(by_day)
    is_current = last > today - PACE_DAYS * DAY
    end = today if is_current else last
    start = max(first, end - (PACE_DAYS - 1) * DAY)
    counts = [by_day.get(day, 0) for day in range(start, end + DAY, DAY)]
    mean = sum(counts) / len(counts)
    shown = range(max(first, end - 27 * DAY), end + DAY, DAY)
    since = int(now.timestamp()) - DAY
    made = Pace(
        per_day=mean,
        days=len(counts),
        is_current=is_current,
        last_hours=sum(count for hour, count in by_hour if hour + HOUR > since),
        undated_count=undated,
        history=[by_day.get(day, 0) for day in shown],
    )
    if not (is_current and remaining and mean and len(counts) > 1):
        return made
    finish, low, high = _day(now, remaining / mean), None, None
    if len(counts) >= 3:
        spread = sqrt(sum((count - mean) ** 2 for count in counts) / (len(counts) - 1))
        reach = 1.96 * spread / sqrt(len(counts))
        low = _day(now, remaining / (mean + reach))
        high = _day(now, remaining / (mean - reach)) if mean > reach else None
    return Pace(**{**vars(made), "finish": finish, "finish_low": low, "finish_high": high})


def _day(now: datetime, days: float) -> date | None:
    """The day that many days from now; None when it is further off than anyone plans."""
    return (now + timedelta(days=days)).date() if days < 3650 else None


def burn_up_series(body: Mapping[str, Any] | None) -> list[tuple[float, float]]:
    """Judgments collected up to each moment (seconds), from those that were there before any."""
    rows = (body or {}).get("over_time", {}).get("collected", [])
    return [(float(at), float(count)) for at, count in rows]


@dataclass(frozen=True)
class RaterLine:
    """A rater's row of the report, and what the campaign knows of them."""

    row: Mapping[str, Any]
    is_simulated: bool
    is_active: bool

    @property
    def leaning(self) -> str:
        """ "left" or "right" where the whole interval lies well beyond a half; else empty."""
        share = self.row["left_share"]
        if share["value"] is None:
            return ""
        return "left" if share["low"] > 0.55 else "right" if share["high"] < 0.45 else ""


def rater_lines(
    campaign: Campaign, body: Mapping[str, Any] | None, *, limit: int
) -> list[RaterLine]:
    """The raters with most judgments, under their pseudonyms."""
    rows: Sequence[Mapping[str, Any]] = (body or {}).get("raters", [])[:limit]
    seats = {
        pseudonym: (is_simulated, is_active)
        for pseudonym, is_simulated, is_active in Seat.objects.filter(
            campaign=campaign, pseudonym__in=[row["rater"] for row in rows]
        ).values_list("pseudonym", "rater__is_simulated", "is_active")
    }
    return [RaterLine(row, *seats.get(row["rater"], (False, False))) for row in rows]


@dataclass(frozen=True)
class JudgeLine:
    """An LLM judge's row of the report under its name, or the one a file gave it."""

    row: Mapping[str, Any]
    name: str


def judge_lines(
    campaign: Campaign, body: Mapping[str, Any] | None, *, limit: int
) -> list[JudgeLine]:
    """The LLM judges with most judgments."""
    rows: Sequence[Mapping[str, Any]] = (body or {}).get("judges", [])[:limit]
    name = Coalesce("rater__judge__name", "external_id", output_field=TextField())
    names = dict(
        Seat.objects.filter(
            campaign=campaign, pseudonym__in=[row["rater"] for row in rows]
        ).values_list("pseudonym", name)
    )
    return [JudgeLine(row, names.get(row["rater"]) or row["rater"]) for row in rows]


@dataclass(frozen=True)
class Happening:
    """Something done, by whom (a pseudonym for raters), and how often in a row."""

    at: datetime
    who: str
    verb: str
    count: int
    details: Mapping[str, Any]
    is_simulated: bool


def activity(campaign: Campaign, *, limit: int = 10) -> list[Happening]:
    """The newest happenings; the same one by the same rater in a row is counted together."""
    events = list(
        AuditEvent.objects.filter(campaign=campaign)
        .select_related("user", "rater")
        .order_by("-pk")[: limit * RUN]
    )
    raters = {event.rater_id for event in events if event.rater_id}
    pseudonyms = dict(
        Seat.objects.filter(campaign=campaign, rater__in=raters).values_list(
            "rater_id", "pseudonym"
        )
    )
    shown: list[Happening] = []
    for event in events:
        who = pseudonyms.get(event.rater_id or 0, "")
        if event.user is not None:
            who = event.user.label
        before = shown[-1] if shown else None
        if before and event.rater_id and (before.who, before.verb) == (who, event.verb):
            shown[-1] = Happening(**{**vars(before), "count": before.count + 1})
            continue
        if len(shown) == limit:
            break
        is_simulated = bool(event.rater and event.rater.is_simulated)
        shown.append(Happening(event.created_at, who, event.verb, 1, event.details, is_simulated))
    return shown


@dataclass(frozen=True)
class Newest:
    """The public ids of a campaign's newest report and happening, and when it was last counted."""

    report: UUID | None
    event: UUID | None
    counted_at: datetime | None


def newest(campaign: Campaign) -> Newest:
    """What tells whether there is news: one statement that reads no report and no board."""
    reports = Report.objects.filter(campaign=OuterRef("pk")).order_by("-computed_at")
    events = AuditEvent.objects.filter(campaign=OuterRef("pk")).order_by("-pk")
    row = Campaign.objects.values_list(
        Subquery(reports.values("public_id")[:1]),
        Subquery(events.values("public_id")[:1]),
        "board__counted_at",
    ).get(pk=campaign.pk)
    return Newest(*row)


def moment(seconds: float) -> datetime:
    """A moment of the report's as a datetime."""
    return datetime.fromtimestamp(seconds, UTC)
