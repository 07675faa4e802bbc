"""What raters see of their own work: their desk in one campaign, and all their campaigns."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from labeling.models import (
    Assignment,
    Campaign,
    GuidelineVersion,
    Judgment,
    Membership,
    OrganisationMember,
    Rater,
    Round,
    Seat,
    User,
    joined,
)

# How many judgments back a rater may go.
UNDO_DEPTH = 10
# The stretches of a day in which a rater's pace is counted.
PACE_STEP = timedelta(minutes=10)


@dataclass(frozen=True)
class Desk:
    """A rater, what they did today in a campaign, and the judgment they may still change there."""

    rater: Rater
    campaign: Campaign
    judged_today: int = 0
    undoable: UUID | None = None
    guideline_number: int | None = None
    # The newest guidelines, where the rater is to read what changed before going on.
    to_read_number: int | None = None
    # Of a participant of a study: how many judgments it still wants of them.
    study_left: int | None = None


@dataclass(frozen=True)
class Day:
    """What a rater did today in one campaign."""

    judged: int = 0
    skipped: int = 0
    active_ms: int = 0


@dataclass(frozen=True)
class RatedCampaign:
    """A campaign in which the user rates, with their day in it."""

    campaign: Campaign
    day: Day
    last_at: datetime | None


def _midnight() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def desk_of(user: User, slug: str) -> Desk | None:
    """The user's desk in the campaign, in one statement; None before their first visit, and for
    one who does not rate there: `access.campaign_for_rater` tells which.
    """
    if (found := joined.desk(user.pk, slug, _midnight())) is None:
        return None
    seat, *numbers = found
    return Desk(seat.rater, seat.campaign, *numbers)


def undoable_judgments(rater: Rater, campaign: Campaign) -> list[Judgment]:
    """What the rater judged last and may still change, newest first: the judgments that stand.

    Neither what a manager has withdrawn nor practice.
    """
    ended = Now() - timedelta(seconds=campaign.revise_seconds)
    later = Judgment.objects.filter(supersedes=OuterRef("pk"))
    return list(
        Judgment.objects.filter(
            ~Exists(later),
            withdrawal=None,
            assignment__rater=rater,
            assignment__campaign=campaign.pk,
            assignment__outcome=Assignment.Outcome.COMPLETED,
            assignment__ended_at__gte=ended,
        )
        .exclude(comparison__round__kind=Round.Kind.QUALIFICATION)
        .select_related(
            "assignment__campaign",
            "assignment__comparison__prompt",
            "assignment__comparison__completion_a",
            "assignment__comparison__completion_b",
        )
        .order_by("-assignment__ended_at", "-pk")[:UNDO_DEPTH]
    )


def has_judged(rater: Rater, public_id: UUID) -> bool:
    """Whether this is a judgment of the rater's."""
    return Judgment.objects.filter(public_id=public_id, rater=rater).exists()


def is_qualified(rater: Rater, campaign: Campaign, asked: str) -> bool:
    """Whether the rater has passed the qualification of the campaign called `asked`."""
    return Seat.objects.filter(
        rater=rater,
        campaign__slug=asked,
        campaign__organisation=campaign.organisation_id,
        qualified_at__isnull=False,
    ).exists()


def day_in(rater: Rater, campaign: Campaign) -> Day:
    """The rater's day in the campaign."""
    return _days([rater.pk], [campaign.pk]).get(campaign.pk, Day())


def pace_in(rater: Rater, campaign: Campaign) -> list[tuple[datetime, int]]:
    """How many comparisons the rater judged in each ten minutes of today, from the first that has
    one to the last; not practice.
    """
    midnight = _midnight()
    counts = Counter(
        (ended - midnight) // PACE_STEP
        for ended in _judged_since(rater, campaign, midnight).values_list("ended_at", flat=True)
        if ended is not None
    )
    if not counts:
        return []
    steps = range(min(counts), max(counts) + 1)
    return [(timezone.localtime(midnight + step * PACE_STEP), counts[step]) for step in steps]


def judged_today(rater: Rater, campaign: Campaign) -> int:
    """How many comparisons the rater has judged in the campaign since midnight; not practice."""
    return _judged_since(rater, campaign, _midnight()).count()


def _judged_since(rater: Rater, campaign: Campaign, moment: datetime) -> QuerySet[Assignment]:
    return Assignment.objects.filter(
        rater=rater,
        campaign=campaign,
        outcome=Assignment.Outcome.COMPLETED,
        ended_at__gte=moment,
    ).exclude(comparison__round__kind=Round.Kind.QUALIFICATION)


def rated_campaigns(user: User) -> list[RatedCampaign]:
    """The campaigns in which the user rates; those worked in last come first."""
    campaigns = list(
        Campaign.objects.filter(
            memberships__user=user, memberships__role=Membership.Role.RATER
        ).exclude(state=Campaign.State.ARCHIVED)
    )
    ended = Assignment.objects.filter(
        rater=OuterRef("rater"), campaign=OuterRef("campaign"), ended_at__isnull=False
    ).order_by("-ended_at")
    seats = list(
        Seat.objects.filter(rater__user=user, campaign__in=campaigns).annotate(
            last_at=Subquery(ended.values("ended_at")[:1])
        )
    )
    days = _days([seat.rater_id for seat in seats], [seat.campaign_id for seat in seats])
    last = {seat.campaign_id: seat.last_at for seat in seats}
    rated = [RatedCampaign(c, days.get(c.pk, Day()), last.get(c.pk)) for c in campaigns]
    order = [Campaign.State.ACTIVE, Campaign.State.PAUSED, Campaign.State.DRAFT]
    return sorted(
        rated,
        key=lambda one: (
            order.index(Campaign.State(one.campaign.state))
            if one.campaign.state in order
            else len(order),
            -(one.last_at.timestamp() if one.last_at else 0),
            one.campaign.name.lower(),
        ),
    )


def latest_guidelines(campaign: Campaign) -> GuidelineVersion | None:
    """The newest published version."""
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    return published.order_by("-number").first()


def has_data_to_read(user: User) -> bool:
    """Whether the user has a part in any campaign other than rating, or may start one."""
    governed = OrganisationMember.objects.filter(user=user, role__in=["owner", "manager"])
    return governed.exists() or reads_a_campaign(user)


def reads_a_campaign(user: User) -> bool:
    """Whether the user has a role in any campaign other than rating.

    Who governs an organisation reads its campaigns without one; every page asks this, so it asks
    no more.
    """
    return Membership.objects.filter(user=user).exclude(role=Membership.Role.RATER).exists()


def _days(raters: list[int], campaigns: list[int]) -> dict[int, Day]:
    # Practice takes nothing from the day's cap; the time it took is working time all the same.
    is_work = Q(outcome="completed") & ~Q(comparison__round__kind=Round.Kind.QUALIFICATION)
    rows = (
        Assignment.objects.filter(
            rater__in=raters,
            campaign__in=campaigns,
            ended_at__gte=_midnight(),
        )
        .order_by()
        .values("campaign")
        .annotate(
            judged=Count("pk", filter=is_work, distinct=True),
            skipped=Count("pk", filter=Q(outcome="skipped"), distinct=True),
            active_ms=Coalesce(
                Sum("judgments__active_ms", filter=Q(judgments__supersedes=None)), 0
            ),
        )
    )
    return {row["campaign"]: Day(row["judged"], row["skipped"], row["active_ms"]) for row in rows}
