"""How raters did on known answers in the campaigns that name a skill, up to yesterday."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from labeling.models import Campaign, Organisation
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL, RIGHT_SQL
from labeling.schemas import read_requirements
from labeling.skills import HALF_LIFE_DAYS, same_name

# First answers of people who sign in, on known answers that still count; practice is no measure.
_RESULTS = f"""
SELECT j.rater_id, j.campaign_id, count(*) FILTER (WHERE {RIGHT_SQL}), count(*),
  max(j.created_at)
FROM labeling_gold g
JOIN labeling_comparison c ON c.id = g.comparison_id
JOIN labeling_judgment j ON j.comparison_id = c.id
JOIN labeling_rater p ON p.id = j.rater_id AND p.kind = 'human' AND p.user_id IS NOT NULL
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE c.campaign_id = ANY(%(campaigns)s) AND g.retired_at IS NULL
  AND j.assignment_id IS NOT NULL AND j.supersedes_id IS NULL AND NOT j.is_repeat
  AND j.created_at >= %(since)s AND j.created_at < %(midnight)s
  AND r.kind IS DISTINCT FROM 'qualification'
  AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
  AND NOT {LEFT_OUT_SQL} AND NOT {LEFT_OUT_COMPARISON_SQL}
GROUP BY 1, 2
"""  # noqa: S608


@dataclass(frozen=True)
class GoldResult:
    """One rater's known answers over all campaigns that name one skill."""

    rater_id: int
    skill: str
    right: int
    answered: int
    last_at: datetime


def gold_results(organisation: Organisation) -> list[GoldResult]:
    """Results of the last half-life up to yesterday: of today's, a level would tell which they
    were.
    """
    named = _skills_named(organisation)
    if not named:
        return []
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    parameters: dict[str, Any] = {
        "campaigns": list(named),
        "since": midnight - timedelta(days=HALF_LIFE_DAYS),
        "midnight": midnight,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, parameters)
        rows = cursor.fetchall()
    found: dict[tuple[int, str], GoldResult] = {}
    for rater_id, campaign_id, right, answered, last_at in rows:
        for skill in named[campaign_id]:
            key = (rater_id, same_name(skill))
            before = found.get(key, GoldResult(rater_id, skill, 0, 0, last_at))
            found[key] = GoldResult(
                rater_id,
                before.skill,
                before.right + right,
                before.answered + answered,
                max(before.last_at, last_at),
            )
    return list(found.values())


def _skills_named(organisation: Organisation) -> dict[int, list[str]]:
    """The skills that each campaign of the organisation asks for, by its id."""
    campaigns = Campaign.objects.filter(
        organisation=organisation, requirements__has_key="skills"
    ).exclude(state=Campaign.State.ARCHIVED)
    named = {one.pk: list(read_requirements(one.requirements).skills) for one in campaigns}
    return {pk: skills for pk, skills in named.items() if skills}


def organisations_naming_skills() -> QuerySet[Organisation]:
    """Those in whose campaigns some skill is asked for."""
    asking = Campaign.objects.filter(
        organisation=OuterRef("pk"), requirements__has_key="skills"
    ).exclude(requirements__skills={})
    return Organisation.objects.filter(Exists(asking))
