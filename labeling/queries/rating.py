"""What raters see of their own work: their desk in one campaign, and all their campaigns."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from labeling.models import Assignment, Campaign, GuidelineVersion, Judgment, Membership, Seat, User


@dataclass(frozen=True)
class Desk:
    """A rater's seat, what they did today, and the judgment they may still change."""

    seat: Seat
    judged_today: int = 0
    undoable: UUID | None = None
    guideline_number: int | None = None


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


def desk_of(user: User, campaign: Campaign) -> Desk | None:
    """The user's desk in one statement; None before their first visit.

    Counts go by the index of what a rater ended and when: today's work, however much lies behind.
    """
    mine = Assignment.objects.filter(
        rater=OuterRef("rater"), campaign=campaign.pk, outcome=Assignment.Outcome.COMPLETED
    )
    today = mine.filter(ended_at__gte=_midnight()).order_by().values("rater")
    newest = Judgment.objects.filter(
        assignment__rater=OuterRef("rater"),
        assignment__campaign=campaign.pk,
        assignment__outcome=Assignment.Outcome.COMPLETED,
        assignment__ended_at__gte=Now() - timedelta(seconds=campaign.revise_seconds),
    ).order_by("-assignment__ended_at", "-pk")
    published = GuidelineVersion.objects.filter(campaign=campaign.pk, number__isnull=False)
    seat = (
        Seat.objects.filter(campaign=campaign, rater__user=user)
        .select_related("rater")
        .annotate(
            judged_today=Coalesce(Subquery(today.annotate(n=Count("pk")).values("n")), 0),
            undoable=Subquery(newest.values("public_id")[:1]),
            guideline_number=Subquery(published.order_by("-number").values("number")[:1]),
        )
        .first()
    )
    if seat is None:
        return None
    return Desk(seat, seat.judged_today, seat.undoable, seat.guideline_number)


def undoable_judgment(seat: Seat, campaign: Campaign) -> Judgment | None:
    """The rater's newest judgment within the time for changing it, with what it was made of."""
    return (
        Judgment.objects.filter(
            assignment__rater=seat.rater_id,
            assignment__campaign=campaign.pk,
            assignment__outcome=Assignment.Outcome.COMPLETED,
            assignment__ended_at__gte=Now() - timedelta(seconds=campaign.revise_seconds),
        )
        .select_related(
            "assignment__campaign",
            "assignment__comparison__prompt",
            "assignment__comparison__completion_a",
            "assignment__comparison__completion_b",
        )
        .order_by("-assignment__ended_at", "-pk")
        .first()
    )


def day_in(seat: Seat) -> Day:
    """The rater's day in the campaign of `seat`."""
    return _days([seat]).get(seat.campaign_id, Day())


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
    days = _days(seats)
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
    """Whether the user has a part in any campaign other than rating."""
    readers = [role for role in Membership.Role.values if role != Membership.Role.RATER]
    return Campaign.objects.with_role(user, *readers).exists()


def _days(seats: Iterable[Seat]) -> dict[int, Day]:
    rows = (
        Assignment.objects.filter(
            rater__in=[seat.rater_id for seat in seats],
            campaign__in=[seat.campaign_id for seat in seats],
            ended_at__gte=_midnight(),
        )
        .order_by()
        .values("campaign")
        .annotate(
            judged=Count("pk", filter=Q(outcome="completed"), distinct=True),
            skipped=Count("pk", filter=Q(outcome="skipped"), distinct=True),
            active_ms=Coalesce(
                Sum("judgments__active_ms", filter=Q(judgments__supersedes=None)), 0
            ),
        )
    )
    return {row["campaign"]: Day(row["judged"], row["skipped"], row["active_ms"]) for row in rows}
