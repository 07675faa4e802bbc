"""What decisions leave out of datasets and the report. The judgments themselves stay."""

from datetime import timedelta
from typing import Final

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now

from labeling.models import Campaign, ExcludedJudgment, Exclusion, Rater

UNDO_DAYS: Final = 30
# In force: not undone and, where it needs one, with a second manager's word.
IN_FORCE: Final = Q(undone_at=None) & (Q(needs_second=False) | Q(agreed_at__isnull=False))


def exclusion_decisions(campaign: Campaign) -> int:
    """How many decisions there were: exclusions made, agreed to and undone. It only grows."""
    counts = Exclusion.objects.filter(campaign=campaign).aggregate(
        made=Count("pk"), agreed=Count("agreed_at"), undone=Count("undone_at")
    )
    return int(sum(counts.values()))


def excluded_judgments(campaign: Campaign) -> list[int]:
    """Internal ids of the judgments that exclusions in force leave out."""
    in_force = Exclusion.objects.filter(IN_FORCE, campaign=campaign)
    named = ExcludedJudgment.objects.filter(exclusion__in=in_force)
    return list(named.values_list("judgment_id", flat=True).distinct())


def exclusions_of(campaign: Campaign, rater: Rater) -> QuerySet[Exclusion]:
    """Decisions about the rater's work, newest first, with `judgment_count`, `is_in_force` and
    `may_undo`.
    """
    return (
        Exclusion.objects.filter(campaign=campaign, rater=rater)
        .select_related("by", "agreed_by", "undone_by")
        .annotate(
            judgment_count=Count("judgments"),
            is_in_force=IN_FORCE,
            may_undo=Q(undone_at=None, created_at__gte=Now() - timedelta(days=UNDO_DAYS)),
        )
        .order_by("-pk")
    )
