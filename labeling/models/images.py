"""Images that rows brought, kept in our own storage."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Image(PublicModel):
    """One image of a campaign, encoded anew. Messages name it by the hash of what it came as."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="images")
    source_hash = models.BinaryField(max_length=32)
    # Named by the hash of the bytes that are kept.
    file = models.FileField(max_length=200)
    media_type = models.CharField(max_length=40)
    byte_count = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["campaign", "source_hash"], name="image_once"),
            CheckConstraint(condition=Q(width__gt=0, height__gt=0), name="image_has_size"),
        ]
