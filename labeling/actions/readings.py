"""That a rater has read the guidelines."""

from django.db import transaction
from django.db.models.functions import Now

from labeling import audit
from labeling.errors import NotFoundError
from labeling.models import Campaign, GuidelineReading, GuidelineVersion, Rater


@transaction.atomic(durable=True)
def confirm_reading(*, rater: Rater, campaign: Campaign, number: int) -> GuidelineReading:
    """Note that the rater has read version `number`. Safe to repeat."""
    version = GuidelineVersion.objects.filter(campaign=campaign, number=number).first()
    if version is None:
        raise NotFoundError("There is no such version of these guidelines.")
    reading, is_new = GuidelineReading.objects.get_or_create(
        rater=rater, version=version, defaults={"read_at": Now()}
    )
    if is_new:
        audit.record(
            "guidelines.read",
            campaign=campaign,
            by=rater,
            subject=version.public_id,
            number=number,
        )
    return reading
