"""What a person finds in their profile: languages, skills as they are known, what is asked."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from labeling.models import Campaign, Demographics, Membership, Rater, Skill, User
from labeling.policy import read_policy
from labeling.queries.demographics import STEP, smallest_shown
from labeling.queries.routing import OPEN, Routing, routings_of
from labeling.schemas import Requirements, read_requirements
from labeling.skills import Known, level_on, same_name


@dataclass(frozen=True)
class KnownSkill:
    """One way in which a skill of the user's is known."""

    name: str
    source: str
    level: float
    since: datetime

    @property
    def level_shown(self) -> str:
        """Rounded down; nothing for what the rater says."""
        if self.source == Skill.Source.DECLARED:
            return ""
        return f"{math.floor(self.level * 100 + 1e-9) / 100:.2f}"


@dataclass(frozen=True)
class Asking:
    """A campaign of the user's that asks for skills or languages, and what they lack there."""

    campaign: Campaign
    requirements: Requirements
    routing: Routing


@dataclass(frozen=True)
class Profile:
    """The profile of one person over all organisations in which they rate."""

    is_rater: bool
    languages: list[str]
    declared: list[str]
    skills: list[KnownSkill]
    asking: list[Asking]
    organisations: list[str]
    smallest_group: int
    step: int
    demographics: dict[str, Any]
    has_demographics: bool


def profile_of(user: User) -> Profile:
    """What the user said of themselves and what is known of their skills."""
    raters = list(Rater.objects.filter(user=user).order_by("pk"))
    campaigns = list(
        Campaign.objects.filter(memberships__user=user, memberships__role=Membership.Role.RATER)
        .exclude(state=Campaign.State.ARCHIVED)
        .select_related("organisation")
        .order_by("name")
    )
    asked = {one: read_requirements(one.requirements) for one in campaigns}
    routings = routings_of(user, asked)
    now = timezone.now()
    rows = Skill.objects.filter(rater__in=raters).order_by("name", "source", "pk")
    said = Demographics.objects.filter(rater__in=raters).first()
    declared = {
        same_name(row.name): row.name for row in rows if row.source == Skill.Source.DECLARED
    }
    names = {one.organisation.name for one in campaigns}
    return Profile(
        is_rater=bool(raters or campaigns),
        languages=list(dict.fromkeys(code for one in raters for code in one.languages)),
        declared=list(declared.values()),
        skills=[
            KnownSkill(
                row.name,
                row.source,
                level_on(Known(row.name, row.level, row.source, row.earned_at), now),
                row.earned_at,
            )
            for row in rows
        ],
        asking=[
            Asking(one, wanted, routings.get(one.pk, OPEN))
            for one, wanted in asked.items()
            if wanted.skills or wanted.languages
        ],
        organisations=sorted(names),
        smallest_group=min(
            (smallest_shown(read_policy(one.policy)) for one in campaigns),
            default=smallest_shown(read_policy({})),
        ),
        step=STEP,
        demographics=dict(said.answers) if said else {},
        has_demographics=said is not None,
    )
