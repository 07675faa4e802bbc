"""Who has a seat in a campaign, and how much they judged."""

from django.db.models import Count, F, IntegerField, OrderBy, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from labeling.models import Campaign, Judgment, Rater, Seat


def seated_raters(campaign: Campaign) -> QuerySet[Rater]:
    """Raters with `pseudonym`, `groups`, `may_claim`, `qualified_at` and `judgment_count` in it."""
    seats = Seat.objects.filter(rater=OuterRef("pk"), campaign=campaign)
    judged = (
        Judgment.objects.filter(rater=OuterRef("pk"), campaign=campaign, supersedes=None)
        .order_by()
        .values("rater")
        .annotate(n=Count("pk"))
    )
    return (
        Rater.objects.filter(seats__campaign=campaign)
        .select_related("user")
        .annotate(
            pseudonym=Subquery(seats.values("pseudonym")[:1]),
            groups=Subquery(seats.values("groups")[:1]),
            qualified_at=Subquery(seats.values("qualified_at")[:1]),
            may_claim=Subquery(seats.values("is_active")[:1]),
            judgment_count=Coalesce(
                Subquery(judged.values("n"), output_field=IntegerField()), Value(0)
            ),
        )
    )


def by_work(raters: QuerySet[Rater]) -> QuerySet[Rater]:
    """`seated_raters`, those who judged most first."""
    return raters.order_by(OrderBy(F("judgment_count"), descending=True), "pk")
