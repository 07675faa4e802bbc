"""What stands between a rater and a campaign's comparisons, and how many they may still judge."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from labeling.models import Assignment, Campaign, Rater, Round, Skill, User
from labeling.schemas import Requirements
from labeling.skills import Known, Obstacle, obstacles

# One statement at a claim, and none where the campaign asks for nothing of this.
_ROUTING = """
SELECT r.kind, r.languages,
  (SELECT coalesce(jsonb_agg(jsonb_build_array(k.name, k.level, k.source,
      extract(epoch FROM k.earned_at))), '[]'::jsonb)
    FROM labeling_skill k WHERE k.rater_id = r.id),
  (SELECT count(*) FROM (SELECT FROM labeling_assignment a
    WHERE a.rater_id = r.id AND a.campaign_id = %(campaign)s AND a.outcome = 'completed'
      AND NOT (a.ordinal IS NULL AND EXISTS (SELECT FROM labeling_comparison q
        JOIN labeling_round u ON u.id = q.round_id AND u.kind = 'qualification'
        WHERE q.id = a.comparison_id))
    LIMIT %(cap)s) done),
  now()
FROM labeling_rater r WHERE r.id = %(rater)s
"""


@dataclass(frozen=True)
class Routing:
    """What a rater lacks in a campaign, and what its cap leaves them; None: it has no cap."""

    obstacles: tuple[Obstacle, ...] = ()
    left: int | None = None

    @property
    def languages_missing(self) -> tuple[Obstacle, ...]:
        """What no practice gives."""
        return tuple(one for one in self.obstacles if one.kind == "language")


OPEN = Routing()


def asks_routing(requirements: Requirements) -> bool:
    """Whether the campaign asks for skills or languages, or gives a rater so many and no more."""
    return bool(
        requirements.skills or requirements.languages or requirements.campaign_cap is not None
    )


def routing_of(rater: Rater, campaign: Campaign, requirements: Requirements) -> Routing:
    """Where the rater stands with the requirements, just now. LLM judges need no skills."""
    if not asks_routing(requirements):
        return OPEN
    cap = requirements.campaign_cap
    with connection.cursor() as cursor:
        cursor.execute(
            _ROUTING, {"rater": rater.pk, "campaign": campaign.pk, "cap": 0 if cap is None else cap}
        )
        ((kind, languages, rows, judged, now),) = cursor.fetchall()
    lacks: tuple[Obstacle, ...] = ()
    if kind != Rater.Kind.JUDGE:
        lacks = obstacles(requirements, [_known(row) for row in json.loads(rows)], languages, now)
    return Routing(lacks, None if cap is None else cap - judged)


def _known(row: Sequence[Any]) -> Known:
    name, level, source, epoch = row
    return Known(name, level, source, datetime.fromtimestamp(epoch, UTC))


def known_skills(raters: Sequence[int]) -> dict[int, list[Known]]:
    """Every way in which skills of these raters are known, by rater."""
    known: dict[int, list[Known]] = {pk: [] for pk in raters}
    for skill in Skill.objects.filter(rater__in=raters).order_by("name", "source"):
        known[skill.rater_id].append(Known(skill.name, skill.level, skill.source, skill.earned_at))
    return known


def routings_of(user: User, campaigns: Mapping[Campaign, Requirements]) -> dict[int, Routing]:
    """`routing_of` the user in each of the campaigns, by its id; three statements, or none."""
    asking = {one: asked for one, asked in campaigns.items() if asks_routing(asked)}
    if not asking:
        return {}
    # An organisation knows a person as one rater; one who has not begun anywhere is known to none.
    raters = {rater.organisation_id: rater for rater in Rater.objects.filter(user=user)}
    known = known_skills([rater.pk for rater in raters.values()])
    capped = [one.pk for one, asked in asking.items() if asked.campaign_cap is not None]
    judged = dict(
        Assignment.objects.filter(
            rater__in=raters.values(), campaign__in=capped, outcome=Assignment.Outcome.COMPLETED
        )
        .exclude(comparison__round__kind=Round.Kind.QUALIFICATION)
        .order_by()
        .values_list("campaign")
        .annotate(Count("pk"))
    )
    found = {}
    for campaign, asked in asking.items():
        rater = raters.get(campaign.organisation_id)
        lacks = obstacles(
            asked,
            known[rater.pk] if rater else [],
            rater.languages if rater else [],
            timezone.now(),
        )
        cap = asked.campaign_cap
        found[campaign.pk] = Routing(
            lacks, None if cap is None else cap - judged.get(campaign.pk, 0)
        )
    return found
