"""A campaign's raters as its managers see them: who they are, how far they are, how they did.

Few statements, however large the pool: all of it is read in outline, and a page of it in full.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from labeling.metrics.binomial import at_most
from labeling.metrics.estimates import Estimate, proportion
from labeling.models import Campaign, Membership, Rater, Skill, User
from labeling.models.counted import RIGHT_SQL
from labeling.policy import read_policy
from labeling.schemas import Requirements, read_requirements
from labeling.skills import (
    ENOUGH_GOLD,
    Known,
    Obstacle,
    best_levels,
    language_tag,
    obstacles,
    reads_language,
    same_name,
)

PAGE = 25
# On probation is who, were they as careful as the policy's bar, would rarely do so badly on gold.
RARELY = 0.01

Status = Literal[
    "invited", "practice", "qualified", "probation", "paused", "finished", "judge", "file"
]
STATUSES: tuple[Status, ...] = (
    *("invited", "practice", "qualified", "probation", "paused", "finished", "judge", "file"),
)

_OUTLINE = f"""
WITH practice AS MATERIALIZED (
  SELECT c.id, r.state = 'open' AND g.id IS NOT NULL AS counts
  FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
  LEFT JOIN labeling_gold g ON g.comparison_id = c.id AND g.retired_at IS NULL
  WHERE r.campaign_id = %(campaign)s AND r.kind = 'qualification'),
work AS MATERIALIZED (
  SELECT j.rater_id, count(*) AS n, max(j.created_at) AS last_at FROM labeling_judgment j
  WHERE j.campaign_id = %(campaign)s AND j.supersedes_id IS NULL
    AND j.comparison_id NOT IN (SELECT id FROM practice)
  GROUP BY j.rater_id),
practised AS MATERIALIZED (
  SELECT a.rater_id, count(*) FILTER (WHERE p.counts AND a.ended_at IS NOT NULL) AS n,
    max(coalesce(a.ended_at, a.leased_until)) AS last_at
  FROM practice p JOIN labeling_assignment a ON a.comparison_id = p.id
  WHERE a.rater_id IS NOT NULL GROUP BY a.rater_id),
gold AS MATERIALIZED (
  SELECT j.rater_id, count(*) AS n, count(*) FILTER (WHERE {RIGHT_SQL}) AS k
  FROM labeling_gold g JOIN labeling_judgment j ON j.comparison_id = g.comparison_id
  WHERE j.campaign_id = %(campaign)s AND g.retired_at IS NULL AND j.supersedes_id IS NULL
    AND NOT j.is_repeat AND j.comparison_id NOT IN (SELECT id FROM practice)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
  GROUP BY j.rater_id)
SELECT r.id, r.kind, r.user_id, r.languages, s.is_active, q.qualified_at, coalesce(w.n, 0),
  greatest(w.last_at, p.last_at), coalesce(p.n, 0), coalesce(g.k, 0), coalesce(g.n, 0),
  (SELECT count(*) FROM practice WHERE counts),
  EXISTS (SELECT FROM labeling_entryvisit v JOIN labeling_entrylink l ON l.id = v.link_id
    WHERE v.rater_id = r.id AND l.campaign_id = s.campaign_id AND v.finished_at IS NOT NULL)
FROM labeling_seat s JOIN labeling_rater r ON r.id = s.rater_id
LEFT JOIN labeling_seat q ON q.rater_id = r.id AND q.campaign_id = %(school)s
LEFT JOIN work w ON w.rater_id = r.id
LEFT JOIN practised p ON p.rater_id = r.id
LEFT JOIN gold g ON g.rater_id = r.id
WHERE s.campaign_id = %(campaign)s
"""  # noqa: S608


@dataclass(frozen=True)
class Person:
    """One rater in outline."""

    rater_id: int
    kind: str
    user_id: int | None
    languages: list[str]
    is_active: bool
    qualified_at: datetime | None
    judged: int
    last_at: datetime | None
    practised: int
    gold_right: int
    gold_met: int
    practice_items: int
    has_finished: bool
    status: Status = "file"
    known: tuple[Known, ...] = ()


@dataclass(frozen=True)
class PoolRow:
    """One line of the table. Without a rater it is somebody who has not opened the bench yet."""

    name: str
    status: Status
    person: Person | None = None
    public_id: UUID | None = None
    pseudonym: str = ""
    is_simulated: bool = False
    groups: dict[str, Any] = field(default_factory=dict)
    skills: tuple[str, ...] = ()
    gold: Estimate = field(
        default_factory=lambda: Estimate.undefined("no known answers met", unit="votes")
    )


@dataclass(frozen=True)
class Need:
    """How many people of the pool meet one thing that is asked for."""

    name: str
    met: int
    needed: int

    @property
    def is_enough(self) -> bool:
        return self.met >= self.needed

    @property
    def most(self) -> int:
        """The length of its bar."""
        return max(self.met, self.needed, 1)


@dataclass(frozen=True)
class Pool:
    """A page of the table, and what is said beside it."""

    rows: list[PoolRow]
    total: int
    shown: int
    page: int
    active_this_week: int
    needs: list[Need]
    skills: list[str]
    languages: list[str]
    # Where it does not, whoever judged is simply one who rates.
    asks_qualification: bool

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE + 1 if self.shown else 0

    @property
    def last(self) -> int:
        return min(self.page * PAGE, self.shown)

    @property
    def has_next(self) -> bool:
        return self.last < self.shown


def pool_of(
    campaign: Campaign,
    *,
    skill: str = "",
    status: str = "",
    page: int = 1,
    names_people: bool = True,
) -> Pool:
    """The raters of the campaign, those who judged most first; narrowed to a skill or language
    (`lang:en`) and to a status. Without `names_people` they go by their pseudonyms.
    """
    asked = read_requirements(campaign.requirements)
    people = _people(campaign, asked)
    now = timezone.now()
    waiting = list(
        User.objects.filter(memberships__campaign=campaign, memberships__role=Membership.Role.RATER)
        .exclude(pk__in=[one.user_id for one in people if one.user_id is not None])
        .order_by("username")
    )
    fits = [one for one in people if _fits(one, skill, status, now)]
    fits.sort(key=lambda one: (-one.judged, one.rater_id))
    invited = waiting if not skill and status in {"", "invited"} else []
    shown = len(fits) + len(invited)
    page = max(1, min(page, -(-shown // PAGE)))
    begin, end = (page - 1) * PAGE, page * PAGE
    rows = _in_full(campaign, fits[begin:end], now, names_people=names_people)
    rest = invited[max(begin - len(fits), 0) : max(end - len(fits), 0)]
    rows += [
        PoolRow(
            one.label if names_people else "has not come yet",
            "invited",
            is_simulated=one.is_simulated,
        )
        for one in rest
    ]
    names: dict[str, str] = {same_name(name): name for name in asked.skills}
    spoken: set[str] = {language_tag(code) for code in asked.languages}
    for one in people:
        spoken.update(language_tag(code) for code in one.languages)
        for known in one.known:
            names.setdefault(same_name(known.name), known.name)
    week = now.timestamp() - 7 * 86_400
    return Pool(
        rows=rows,
        total=len(people) + len(waiting),
        shown=shown,
        page=page,
        active_this_week=sum(
            one.last_at is not None and one.last_at.timestamp() > week for one in people
        ),
        needs=_needs(campaign, asked, people, now),
        skills=[names[key] for key in sorted(names)],
        languages=sorted(spoken),
        asks_qualification=asked.qualification is not None,
    )


def _people(campaign: Campaign, asked: Requirements) -> list[Person]:
    """Everybody with a seat, with their status and what is known of their skills."""
    school = None
    if asked.qualification is not None:
        schools = Campaign.objects.filter(
            slug=asked.qualification, organisation=campaign.organisation_id
        )
        school = schools.values_list("pk", flat=True).first()
    with connection.cursor() as cursor:
        cursor.execute(_OUTLINE, {"campaign": campaign.pk, "school": school})
        people = [Person(*row) for row in cursor.fetchall()]
    known: dict[int, list[Known]] = {}
    for row in Skill.objects.filter(rater__seats__campaign=campaign).order_by("name", "pk"):
        known.setdefault(row.rater_id, []).append(
            Known(row.name, row.level, row.source, row.earned_at)
        )
    bar = read_policy(campaign.policy).gold_bar
    asks = asked.qualification is not None
    return [
        replace(
            one,
            status=_status(one, bar=bar, asks_qualification=asks),
            known=tuple(known.get(one.rater_id, ())),
        )
        for one in people
    ]


def _status(one: Person, *, bar: float, asks_qualification: bool) -> Status:
    if one.kind == Rater.Kind.JUDGE:
        return "judge"
    if one.user_id is None:
        return "file"
    if not one.is_active:
        return "paused"
    if one.has_finished:
        return "finished"
    if asks_qualification and one.qualified_at is None:
        return "practice" if one.practised or one.last_at else "invited"
    fails = one.gold_met >= ENOUGH_GOLD and at_most(one.gold_right, one.gold_met, bar) < RARELY
    if fails:
        return "probation"
    has_begun = one.judged or one.qualified_at is not None
    return "qualified" if has_begun else "invited"


def _fits(one: Person, skill: str, status: str, now: datetime) -> bool:
    if status and one.status != status:
        return False
    if skill.startswith("lang:"):
        return reads_language(skill.removeprefix("lang:"), one.languages)
    return not skill or same_name(skill) in best_levels(one.known, now)


def _needs(
    campaign: Campaign, asked: Requirements, people: list[Person], now: datetime
) -> list[Need]:
    """How many meet each thing that is asked for, and all of them together; a comparison's
    judgments come from so many different raters.
    """
    able = [one for one in people if one.user_id is not None and one.is_active]
    if not asked.skills and not asked.languages:
        return []
    lacking: list[tuple[Obstacle, ...]] = [
        obstacles(asked, one.known, one.languages, now) for one in able
    ]
    needs = []
    for kind, names in (("language", asked.languages), ("skill", asked.skills)):
        for name in names:
            lacks = sum(
                any(one.kind == kind and one.name == name for one in found) for found in lacking
            )
            words = f"{name} at {asked.skills[name]:g}" if kind == "skill" else name
            needs.append(Need(words, len(able) - lacks, campaign.overlap))
    needs.append(Need("All of it", sum(not found for found in lacking), campaign.overlap))
    return needs


def _in_full(
    campaign: Campaign, people: list[Person], now: datetime, *, names_people: bool
) -> list[PoolRow]:
    ids = [one.rater_id for one in people]
    raters: Mapping[int, Rater] = Rater.objects.select_related("user", "judge").in_bulk(ids)
    seats = {seat.rater_id: seat for seat in campaign.seats.filter(rater__in=ids)}
    rows = []
    for one in people:
        rater, seat = raters[one.rater_id], seats[one.rater_id]
        if not names_people:
            name = seat.pseudonym
        elif rater.user is not None:
            name = rater.user.label
        elif hasattr(rater, "judge"):
            name = rater.judge.name
        else:
            name = "LLM judge" if one.kind == Rater.Kind.JUDGE else "from a file"
        best = best_levels(one.known, now)
        rows.append(
            PoolRow(
                name=name,
                status=one.status,
                person=one,
                public_id=rater.public_id,
                pseudonym=seat.pseudonym if names_people else "",
                is_simulated=rater.is_simulated,
                groups=dict(seat.groups),
                skills=tuple(
                    dict.fromkeys(
                        known.name for known in one.known if same_name(known.name) in best
                    )
                ),
                gold=proportion(
                    one.gold_right, one.gold_met, unit="votes", why="no known answers met"
                ),
            )
        )
    return rows
