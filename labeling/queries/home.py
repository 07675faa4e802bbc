"""The rater's home: each campaign, why it can or cannot be taken, and the work done so far.

A fixed number of statements, however many campaigns a person rates in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from labeling.metrics.estimates import Estimate, proportion
from labeling.models import Campaign, Seat, User
from labeling.models.counted import RIGHT_SQL
from labeling.models.gold_dealing import campaigns_with_more
from labeling.models.practice_dealing import RoundStanding, standings
from labeling.models.repeat_dealing import campaigns_with_repeats
from labeling.queries.budget import used_up
from labeling.queries.guidelines import requalifications
from labeling.queries.rating import RatedCampaign, rated_campaigns
from labeling.queries.routing import OPEN, Routing, routings_of
from labeling.queries.told_answers import campaigns_that_tell
from labeling.schemas import Requirements, read_requirements

# Comparisons left are counted up to here: beyond it the page says "more than".
MOST_LEFT = 200
# And said in steps of so many.
ROUGHLY = 10
# Fewer known answers than this say nothing about anybody.
ENOUGH_GOLD = 10
WEEK = 7

Reason = Literal[
    "",
    "paused",
    "not_begun",
    "complete",
    "seat_paused",
    "enough_today",
    "qualify_elsewhere",
    "qualification_closed",
    "not_passed",
    "unsuited",
    "enough_in_all",
    "nothing_left",
]


@dataclass(frozen=True)
class Qualifying:
    """The qualification a campaign asks for, and how far the rater is with it."""

    slug: str
    name: str
    # Whether it is the campaign's own, so that its practice is on the campaign's bench.
    is_own: bool
    may_open: bool
    passed_at: datetime | None
    standing: RoundStanding | None

    @property
    def is_passed(self) -> bool:
        return self.passed_at is not None or (self.standing is not None and self.standing.is_passed)


@dataclass(frozen=True)
class MyCampaign:
    """A campaign in which the user rates: whether they can go on, and if not, why."""

    rated: RatedCampaign
    requirements: Requirements
    reason: Reason
    left: int
    active_ms: int
    qualifying: Qualifying | None
    # What it asks for and the rater lacks, and what its cap leaves them.
    routing: Routing
    # The version of the guidelines for which they pass their qualification once more.
    requalify: int | None = None

    @property
    def campaign(self) -> Campaign:
        return self.rated.campaign

    @property
    def is_practice(self) -> bool:
        """Whether practice is what comes next."""
        return bool(self.qualifying and not self.qualifying.is_passed and not self.reason)

    @property
    def has_many_left(self) -> bool:
        return self.left > MOST_LEFT

    @property
    def left_shown(self) -> int | None:
        """How much is left, roughly: in tens, None for a few.

        A slot lowers the count and gold does not: an exact one would tell which the rater has met.
        """
        if self.has_many_left:
            return MOST_LEFT
        return -(-self.left // ROUGHLY) * ROUGHLY if self.left >= ROUGHLY else None


@dataclass(frozen=True)
class Work:
    """Judgments and time of one person over all their campaigns."""

    by_day: list[tuple[date, int]]
    judged: int
    skipped: int
    active_ms: int
    median_ms: int | None
    week_ms: int
    all_ms: int


@dataclass(frozen=True)
class Home:
    """All that the rater's home shows."""

    campaigns: list[MyCampaign]
    resume: MyCampaign | None
    work: Work
    calibration: Estimate
    # Where answers may be shown beside the expected ones: of those listed, and of ended ones.
    told_in: list[Campaign] = field(default_factory=list)
    told_in_archived: list[Campaign] = field(default_factory=list)


# Open comparisons the rater has not met, from their place onwards.
_LEFT = """
SELECT c.id, coalesce(sum(l.n), 0) FROM labeling_campaign c
LEFT JOIN labeling_seat s ON s.campaign_id = c.id AND s.rater_id = ANY(%(raters)s)
LEFT JOIN LATERAL (
  SELECT (SELECT count(*) FROM (SELECT DISTINCT comparison_id FROM (
    SELECT a.comparison_id FROM labeling_assignment a
    WHERE a.lane_id = lane.id AND a.position > coalesce(p.position, 0) AND a.rater_id IS NULL
      AND a.ended_at IS NULL AND NOT EXISTS (SELECT FROM labeling_assignment m
        WHERE m.comparison_id = a.comparison_id AND m.rater_id = s.rater_id
          AND m.repeat_of_id IS NULL OFFSET 0)
    ORDER BY a.position LIMIT %(scan)s) seen LIMIT %(most)s) different) AS n
  FROM labeling_lane lane LEFT JOIN labeling_place p ON p.lane_id = lane.id AND p.seat_id = s.id
  WHERE lane.campaign_id = c.id) l ON true
WHERE c.id = ANY(%(campaigns)s) GROUP BY c.id
"""

# Time counts whatever became of it: practice, gold, what was revised or withdrawn, and what was
# begun and then skipped or lost, as in labeling.queries.pay.
_TIME = """
SELECT w.campaign_id, sum(coalesce(w.active_ms, 0))::bigint,
  sum(coalesce(w.active_ms, 0)) FILTER (WHERE w.created_at >= %(week)s)::bigint,
  sum(coalesce(w.active_ms, 0)) FILTER (WHERE w.created_at >= %(midnight)s)::bigint,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY w.active_ms)
    FILTER (WHERE w.created_at >= %(midnight)s AND w.is_first_answer)
FROM (
  SELECT campaign_id, active_ms::bigint, created_at, supersedes_id IS NULL AS is_first_answer
  FROM labeling_judgment WHERE rater_id = ANY(%(raters)s) AND assignment_id IS NOT NULL
  UNION ALL
  SELECT campaign_id, (details ->> 'active_ms')::bigint, created_at, false
  FROM labeling_auditevent
  WHERE rater_id = ANY(%(raters)s) AND verb IN ('assignment.skipped', 'assignment.lost')) w
GROUP BY GROUPING SETS ((w.campaign_id), ())
"""
_DAYS = """
SELECT (a.ended_at AT TIME ZONE %(zone)s)::date,
  -- Practice is no judgment; the time it took counts all the same.
  count(*) FILTER (WHERE a.outcome = 'completed' AND r.kind IS DISTINCT FROM 'qualification'),
  count(*) FILTER (WHERE a.outcome = 'skipped')
FROM labeling_assignment a JOIN labeling_comparison c ON c.id = a.comparison_id
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE a.rater_id = ANY(%(raters)s) AND a.ended_at >= %(week)s GROUP BY 1
"""

# First answers on known ones, up to yesterday: a number that moved with each answer would tell
# which comparison was gold, and how it should have been answered. Practice is no measure.
_GOLD = f"""
SELECT count(*), count(*) FILTER (WHERE {RIGHT_SQL})
FROM labeling_judgment j
JOIN labeling_gold g ON g.comparison_id = j.comparison_id AND g.retired_at IS NULL
JOIN labeling_comparison c ON c.id = j.comparison_id
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE j.rater_id = ANY(%(raters)s) AND j.assignment_id IS NOT NULL AND j.supersedes_id IS NULL
  AND NOT j.is_repeat AND j.created_at < %(midnight)s AND r.kind IS DISTINCT FROM 'qualification'
  AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
"""  # noqa: S608


def home_of(user: User) -> Home:
    """Everything on the user's home."""
    rated = rated_campaigns(user)
    seats = {
        seat.campaign_id: seat
        for seat in Seat.objects.filter(rater__user=user).select_related("campaign")
    }
    raters = sorted({seat.rater_id for seat in seats.values()})
    asked = {one.campaign.pk: read_requirements(one.campaign.requirements) for one in rated}
    left = dict(
        _rows(
            _LEFT,
            raters,
            campaigns=[one.campaign.pk for one in rated],
            scan=MOST_LEFT * 20,
            most=MOST_LEFT + 1,
        )
    )
    # Beyond its budget a campaign hands nothing out, open slots or not; what is held may be done.
    spent = used_up(one.campaign for one in rated)
    left = {key: count for key, count in left.items() if key not in spent}
    times = {row[0]: row[1:] for row in _rows(_TIME, raters)}
    qualifying = _qualifications(rated, asked, seats, raters)
    routing = routings_of(user, {one.campaign: asked[one.campaign.pk] for one in rated})
    # Where no slot is open, a claim may give something all the same.
    beside = campaigns_with_more(
        raters=raters,
        rates={
            key: 0 if key in spent else one.gold_rate
            for key, one in asked.items()
            if not left.get(key)
        },
    ) | campaigns_with_repeats(
        seats=[(seat.rater_id, key) for key, seat in seats.items()],
        rates={
            key: 0 if key in spent else one.repeat_rate
            for key, one in asked.items()
            if not left.get(key)
        },
    )
    told = campaigns_that_tell(user, raters)
    anew = [key for key, one in qualifying.items() if one.is_own and not one.is_passed]
    requalify = requalifications(raters, anew) if anew else {}
    mine = []
    for one in rated:
        key = one.campaign.pk
        way = routing.get(key, OPEN)
        count = int(left.get(key, 0))
        mine.append(
            MyCampaign(
                one,
                asked[key],
                _reason(
                    one,
                    asked[key],
                    seats.get(key),
                    qualifying.get(key),
                    bool(count) or key in beside,
                    routing=way,
                ),
                count,
                int(times.get(key, (0,))[0]),
                qualifying.get(key),
                way,
                requalify.get(key),
            )
        )
    return Home(
        campaigns=mine,
        resume=next((one for one in mine if one.rated.last_at and not one.reason), None),
        work=_work(raters, times),
        calibration=_calibration(raters),
        told_in=[told.pop(one.campaign.pk) for one in rated if one.campaign.pk in told],
        told_in_archived=list(told.values()),
    )


def _reason(
    rated: RatedCampaign,
    asked: Requirements,
    seat: Seat | None,
    qualifying: Qualifying | None,
    has_more: bool,
    *,
    routing: Routing,
) -> Reason:
    """What stands in the way, or nothing; in the order in which a claim would meet it."""
    states: dict[str, Reason] = {
        Campaign.State.PAUSED: "paused",
        Campaign.State.DRAFT: "not_begun",
        Campaign.State.COMPLETED: "complete",
    }
    if (by_state := states.get(rated.campaign.state)) is not None:
        return by_state
    if seat is not None and not seat.is_active:
        return "seat_paused"
    if routing.languages_missing:
        return "unsuited"
    if qualifying is not None and not qualifying.is_passed:
        if not qualifying.is_own:
            return "qualify_elsewhere"
        if qualifying.standing is None:
            return "qualification_closed"
        return "not_passed" if qualifying.standing.is_done else ""
    if routing.obstacles:
        return "unsuited"
    if routing.left is not None and routing.left <= 0:
        return "enough_in_all"
    if asked.daily_cap is not None and rated.day.judged >= asked.daily_cap:
        return "enough_today"
    return "" if has_more else "nothing_left"


def _qualifications(
    rated: list[RatedCampaign],
    asked: Mapping[int, Requirements],
    seats: Mapping[int, Seat],
    raters: list[int],
) -> dict[int, Qualifying]:
    """What each campaign that asks for a qualification asks for, by campaign."""
    wanted = {
        one.campaign.pk: (one.campaign.organisation_id, slug)
        for one in rated
        if (slug := asked[one.campaign.pk].qualification) is not None
    }
    if not wanted:
        return {}
    slugs = {slug for _, slug in wanted.values()}
    schools = {
        (one.organisation_id, one.slug): one for one in Campaign.objects.filter(slug__in=slugs)
    }
    ids = [school.pk for school in schools.values()]
    at: dict[int, list[RoundStanding]] = {}
    for standing in standings(rater_ids=raters, campaign_ids=ids):
        at.setdefault(standing.campaign_id, []).append(standing)
    mine = {one.campaign.pk for one in rated}
    found: dict[int, Qualifying] = {}
    for campaign_id, key in wanted.items():
        school = schools.get(key)
        seat = seats.get(school.pk) if school else None
        rounds = at.get(school.pk, []) if school else []
        found[campaign_id] = Qualifying(
            slug=key[1],
            name=school.name if school else key[1],
            is_own=school is not None and school.pk == campaign_id,
            may_open=school is not None and school.pk in mine,
            passed_at=seat.qualified_at if seat else None,
            standing=_at(rounds),
        )
    return found


def _at(rounds: list[RoundStanding]) -> RoundStanding | None:
    """The round that is passed; else the first to go on with; else the last."""
    for one in rounds:
        if one.is_passed:
            return one
    return next((one for one in rounds if not one.is_done), rounds[-1] if rounds else None)


def _work(raters: list[int], times: Mapping[Any, tuple[Any, ...]]) -> Work:
    today = timezone.localdate()
    days = {day: (judged, skipped) for day, judged, skipped in _rows(_DAYS, raters)}
    by_day = [
        (day, days.get(day, (0, 0))[0])
        for day in (today - timedelta(days=back) for back in range(WEEK - 1, -1, -1))
    ]
    all_ms, week_ms, today_ms, median = times.get(None, (0, 0, 0, None))
    judged, skipped = days.get(today, (0, 0))
    return Work(
        by_day=by_day,
        judged=judged,
        skipped=skipped,
        active_ms=int(today_ms or 0),
        median_ms=median,
        week_ms=int(week_ms or 0),
        all_ms=int(all_ms or 0),
    )


def _calibration(raters: list[int]) -> Estimate:
    """The share of known answers given as expected, once there are enough of them."""
    ((met, right),) = _rows(_GOLD, raters)
    if met < ENOUGH_GOLD:
        return Estimate.undefined("too few", unit="votes", n=met)
    return proportion(right, met, unit="votes", why="")


def _rows(sql: str, raters: list[int], **more: Any) -> list[tuple[Any, ...]]:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    parameters: dict[str, Any] = {
        "raters": raters,
        "midnight": midnight,
        "week": midnight - timedelta(days=WEEK - 1),
        "zone": timezone.get_current_timezone_name(),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters | more)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
