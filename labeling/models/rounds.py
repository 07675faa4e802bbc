"""A batch of a campaign's comparisons, opened together."""

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign

# An e-value rule has the numbers of a posterior one and is kept as such, with this among what the
# round was given: how it is measured whether an item has enough.
EVALUE = "evalue"
STOP_MEASURE = "stop_measure"
# Of a round that chooses pairs while raters work: how often it has, and that none are left.
DRAWS = "draws"
EXHAUSTED = "is_exhausted"


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
    # What the rule of choice was given: a baseline, k, the uniform share, strengths as they were.
    pairing_settings = models.JSONField(default=dict, db_default={})
    budget = models.PositiveIntegerField(null=True, help_text="Judgments it may ask for, at most.")
    stop_rule = models.CharField(
        max_length=12,
        default="fixed",
        db_default="fixed",
        help_text="When a comparison has enough: fixed, curtailed or posterior.",
    )
    max_overlap = models.PositiveSmallIntegerField(
        null=True, help_text="Of a posterior rule: how many judgments an undecided item may get."
    )
    stop_at = models.FloatField(null=True, help_text="Of a posterior rule: how sure is enough.")
    anchor = models.TextField(
        blank=True,
        default="",
        db_default="",
        help_text="The model held at one score in all rounds.",
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
                condition=Q(stop_rule__in=["fixed", "curtailed"], max_overlap=None, stop_at=None)
                | Q(
                    stop_rule="posterior",
                    max_overlap__gte=F("overlap"),
                    max_overlap__lte=100,
                    stop_at__gt=0.5,
                    stop_at__lt=1,
                ),
                name="round_stop_rule_fits",
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

    @property
    def stops_by(self) -> str:
        """The rule by which its items stop: fixed, curtailed, posterior or evalue."""
        measure: str = self.pairing_settings.get(STOP_MEASURE, self.stop_rule)
        return measure


class RoundItem(models.Model):
    """A comparison that an adjudication round puts before reviewers; it stays in its own round."""

    round = models.ForeignKey(Round, models.CASCADE, related_name="items")
    comparison = models.ForeignKey("Comparison", models.CASCADE, related_name="round_items")

    class Meta:
        constraints = [UniqueConstraint(fields=["round", "comparison"], name="rounditem_once")]
