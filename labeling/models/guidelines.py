"""Written guidelines, in numbered versions; a judgment is stamped with the one in force."""

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater


class GuidelineVersion(PublicModel):
    """One text of the guidelines. A draft has no number; a published one never changes."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="guidelines")
    number = models.PositiveIntegerField(null=True)
    body = models.TextField(help_text="Markdown; a clause is a heading that begins with its id.")
    # [{"id": "H1", "title": "…"}], read from the headings when the version is published.
    clauses = models.JSONField(default=list)
    # Worked comparisons, as labeling.schemas reads them: a clause each, two texts, what wins, why.
    examples = models.JSONField(default=list, db_default=[])
    asks_rereading = models.BooleanField(
        default=True, db_default=True, help_text="Raters see what changed before they go on."
    )
    asks_requalification = models.BooleanField(
        default=False, db_default=False, help_text="Raters pass the qualification once more."
    )
    change_note = models.TextField(blank=True, default="")
    published_at = models.DateTimeField(null=True)
    published_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["campaign", "number"]
        constraints = [
            UniqueConstraint(fields=["campaign", "number"], name="guidelineversion_number"),
            CheckConstraint(
                condition=Q(number=None, published_at=None)
                | Q(number__isnull=False, published_at__isnull=False),
                name="guidelineversion_published_is_numbered",
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="published_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__published_at__isnull=False),
            )
        ]


class GuidelineReading(models.Model):
    """That a rater has read a version, and when."""

    rater = models.ForeignKey(Rater, models.CASCADE, related_name="readings")
    version = models.ForeignKey(GuidelineVersion, models.CASCADE, related_name="readings")
    read_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [UniqueConstraint(fields=["rater", "version"], name="guidelinereading_once")]
