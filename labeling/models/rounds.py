"""A batch of a campaign's comparisons, opened together."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Round(PublicModel):
    """Comparisons opened together, with one overlap and one way of choosing pairs."""

    class Kind(models.TextChoices):
        PRODUCTION = "production"
        QUALIFICATION = "qualification"
        CALIBRATION = "calibration"
        ADJUDICATION = "adjudication"

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=200, blank=True, default="")
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.PRODUCTION)
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    overlap = models.PositiveSmallIntegerField()
    pairing = models.CharField(
        max_length=32, default="given", help_text="How its pairs were chosen."
    )
    seed = models.BigIntegerField(help_text="Of the shuffles of sides, arms and order.")
    pass_share = models.FloatField(
        null=True, help_text="Of a qualification: the share of right answers that passes."
    )
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["campaign", "number"]
        constraints = [
            UniqueConstraint(fields=["campaign", "number"], name="round_number"),
            CheckConstraint(condition=Q(overlap__range=(1, 100)), name="round_overlap_bounded"),
            CheckConstraint(
                condition=Q(pass_share=None)
                | Q(kind="qualification", pass_share__gt=0, pass_share__lte=1),
                name="round_pass_share_is_share",
            ),
            CheckConstraint(
                condition=Q(
                    kind__in=["production", "qualification", "calibration", "adjudication"]
                ),
                name="round_known_kind",
            ),
            CheckConstraint(
                condition=Q(state="open", closed_at=None)
                | Q(state="closed", closed_at__isnull=False),
                name="round_closed_has_time",
            ),
        ]
