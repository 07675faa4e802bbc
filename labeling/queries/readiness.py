"""What would hurt a campaign once raters begin: said before, each with a way out.

Nothing here refuses anything. What cannot be at all is refused where it is stored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from labeling.models import (
    Campaign,
    Comparison,
    Gold,
    Membership,
    Organisation,
    Rater,
    Round,
    Seat,
    User,
)
from labeling.policy import Policy, read_policy
from labeling.queries.routing import known_skills
from labeling.schemas import (
    Presentation,
    Requirements,
    ResponseSchema,
    read_presentation,
    read_requirements,
    read_schema,
)
from labeling.skills import Obstacle, obstacles

# People named in a sentence before the rest is counted.
NAMED = 4


@dataclass(frozen=True)
class Warning:
    """Something a manager should look at: at which field, what, and what to do about it."""

    field: str
    message: str
    way_out: str


@dataclass(frozen=True)
class Setup:
    """A campaign's settings as typed values, whether they are stored or only thought of."""

    overlap: int = 3
    schema: ResponseSchema = field(default_factory=ResponseSchema)
    presentation: Presentation = field(default_factory=Presentation)
    requirements: Requirements = field(default_factory=Requirements)
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class _Person:
    """Somebody who may rate, and what of the requirements they do not meet, in words."""

    name: str
    lacks: tuple[str, ...]


def setup_of(campaign: Campaign) -> Setup:
    """The settings that are stored."""
    names = ("overlap", "schema", "presentation", "requirements", "policy")
    return setup_from({name: getattr(campaign, name) for name in names})


def setup_from(settings: Mapping[str, Any]) -> Setup:
    """Settings as JSON, read; what is left out has its default."""
    return Setup(
        overlap=settings.get("overlap", 3),
        schema=read_schema(settings.get("schema", {})),
        presentation=read_presentation(settings.get("presentation", {})),
        requirements=read_requirements(settings.get("requirements", {})),
        policy=read_policy(settings.get("policy", {})),
    )


def warnings_of(campaign: Campaign) -> list[Warning]:
    """What a manager of the campaign should look at, as it is set up now."""
    return warnings_for(setup_of(campaign), organisation=campaign.organisation, campaign=campaign)


def warnings_for(
    setup: Setup, *, organisation: Organisation, campaign: Campaign | None = None
) -> list[Warning]:
    """The same of settings that are not stored yet; without `campaign` it is a new one."""
    return [
        *_of_raters(setup, organisation, campaign),
        *_of_qualification(setup, organisation, campaign),
        *_of_gold(setup, campaign),
        *_of_budget(setup, campaign),
        *_of_texts(setup, campaign),
    ]


def _of_raters(
    setup: Setup, organisation: Organisation, campaign: Campaign | None
) -> Iterator[Warning]:
    asked = setup.requirements
    people = _people(organisation, campaign, asked)
    where = "this campaign" if campaign else "your organisation"
    if not people:
        yield Warning(
            "people",
            f"Nobody may rate in {where} yet.",
            "Let raters in on the page “Raters”; the queue waits for them.",
        )
        return
    fit = [person for person in people if not person.lacks]
    if not fit:
        lacking = [f"{person.name} lacks {' and '.join(person.lacks)}" for person in people]
        rest = len(lacking) - NAMED
        told = "; ".join(lacking[:NAMED]) + (f"; and {rest} more" if rest > 0 else "")
        yield Warning(
            "requirements.skills" if asked.skills else "requirements.languages",
            f"Nobody who may rate in {where} meets the requirements: {told}.",
            "Ask for less, give raters the skill or the language on the page “Raters”, or let"
            " somebody in who has them.",
        )
    elif setup.overlap > len(fit):
        few = "one person" if len(fit) == 1 else f"{len(fit)} people"
        why = " and meet the requirements" if len(fit) < len(people) else ""
        yield Warning(
            "overlap",
            f"Each comparison wants {setup.overlap} judgments of different raters, and {few} may"
            f" rate{why}: none would ever be complete.",
            f"Lower the overlap to {len(fit)}, or let more raters in.",
        )


def _people(
    organisation: Organisation, campaign: Campaign | None, asked: Requirements
) -> list[_Person]:
    """Those who may rate in the campaign; for a new one, those of its organisation."""
    users = User.objects.filter(is_active=True)
    if campaign is None:
        users = users.filter(raters__organisation=organisation).distinct()
    else:
        members = Membership.objects.filter(campaign=campaign, role=Membership.Role.RATER)
        paused = Seat.objects.filter(campaign=campaign, is_active=False, rater__user__isnull=False)
        users = users.filter(pk__in=members.values("user")).exclude(
            pk__in=paused.values("rater__user")
        )
    if not asked.skills and not asked.languages:
        return [_Person(user.label, ()) for user in users]
    raters = {
        rater.user_id: rater
        for rater in Rater.objects.filter(organisation=organisation, user__in=users)
    }
    known = known_skills([rater.pk for rater in raters.values()])
    now = timezone.now()
    found = []
    for user in users.order_by("pk"):
        rater = raters.get(user.pk)
        lacks = obstacles(
            asked, known[rater.pk] if rater else [], rater.languages if rater else [], now
        )
        found.append(_Person(user.label, tuple(map(_lack, lacks))))
    return found


def _lack(obstacle: Obstacle) -> str:
    if obstacle.kind == "language":
        return obstacle.name
    has = f"has {obstacle.level_yours}" if obstacle.level_yours else "none shown"
    return f"{obstacle.name} at {obstacle.level_needed} ({has})"


def _of_qualification(
    setup: Setup, organisation: Organisation, campaign: Campaign | None
) -> Iterator[Warning]:
    slug = setup.requirements.qualification
    if slug is None:
        return
    open_rounds = Round.objects.filter(
        campaign__slug=slug,
        campaign__organisation=organisation,
        kind=Round.Kind.QUALIFICATION,
        state=Round.State.OPEN,
    )
    if open_rounds.exists():
        return
    own = campaign is not None and slug == campaign.slug
    yield Warning(
        "requirements.qualification",
        f"{'This campaign' if own else slug} has no qualification round open: nobody who has not"
        " passed one could get in.",
        "Import gold and open a qualification round of it, or ask for none.",
    )


def _of_gold(setup: Setup, campaign: Campaign | None) -> Iterator[Warning]:
    if not setup.requirements.gold_rate:
        return
    gold = Gold.objects.filter(retired_at=None).exclude(
        comparison__round__kind=Round.Kind.QUALIFICATION
    )
    if campaign is None or not gold.filter(comparison__campaign=campaign).exists():
        yield Warning(
            "requirements.gold_rate",
            f"{setup.requirements.gold_rate:.0%} of the comparisons should be gold, and there is"
            " none.",
            "Import comparisons with known answers (kind “gold”), or set the share to 0.",
        )


def _of_budget(setup: Setup, campaign: Campaign | None) -> Iterator[Warning]:
    if (budget := setup.policy.budget) is None or campaign is None:
        return
    wanted = Comparison.objects.filter(campaign=campaign, gold=None).count() * setup.overlap
    if wanted > budget:
        yield Warning(
            "policy.budget",
            f"The comparisons that are here want {wanted:,} judgments, and the budget ends at"
            f" {budget:,}.",
            "Raise the budget, lower the overlap, or have fewer comparisons: what comes first in"
            " the queue is judged first.",
        )


def _of_texts(setup: Setup, campaign: Campaign | None) -> Iterator[Warning]:
    if campaign is None:
        return
    if setup.schema.clauses:
        published = campaign.guidelines.filter(number__isnull=False).order_by("-number").first()
        if published is None or not published.clauses:
            yield Warning(
                "schema.clauses",
                "Raters should cite clauses, and the guidelines have none.",
                "Publish guidelines whose headings begin with an id, such as “## T1 Truth”.",
            )
    recorded = [arm.name for arm in setup.presentation.arms if arm.mode == "recorded"]
    comparisons = campaign.comparisons.all()
    if recorded and comparisons.exists():
        timed: dict[str, Any] = {
            "completion_a__token_times__isnull": False,
            "completion_b__token_times__isnull": False,
        }
        if not comparisons.filter(**timed).exists():
            yield Warning(
                "presentation.arms",
                f"The arm “{recorded[0]}” replays recorded times, and no completion has any: it"
                " shows both texts at once.",
                "Import completions with token_times, generate them here, or use a paced arm.",
            )
