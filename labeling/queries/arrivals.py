"""Campaigns whose comparisons have come and stand before no rater yet."""

from django.db.models import Exists, OuterRef, QuerySet

from labeling.models import Campaign, Comparison, Job


def campaigns_with_arrivals() -> QuerySet[Campaign]:
    """Active campaigns with comparisons no round has opened or left, and no import bringing more.

    A run of generation makes its pairs all at once, so it keeps none waiting that others bring.
    """
    arrived = Comparison.objects.arrived().filter(campaign=OuterRef("pk"))
    busy = Job.objects.filter(
        campaign=OuterRef("pk"),
        kind="import",
        status__in=[Job.Status.QUEUED, Job.Status.RUNNING],
    )
    return Campaign.objects.filter(Exists(arrived), ~Exists(busy), state=Campaign.State.ACTIVE)
