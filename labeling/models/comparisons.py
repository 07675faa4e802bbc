"""Two completions of one prompt, and what is known beforehand about which is better."""

from typing import Self

from django.db import models
from django.db.models import CheckConstraint, Exists, F, OuterRef, Q, UniqueConstraint

from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.prompts import Completion, Prompt
from labeling.models.rounds import Round
from labeling.models.tally_marks import when_deleted, when_inserted, when_updated

PREFERENCES = ["a", "b", "tie", "both_bad"]
_OF_GOLD = """SELECT c.campaign_id, c.id FROM {} g
  JOIN labeling_comparison c ON c.id = g.comparison_id"""


class ComparisonQuerySet(models.QuerySet["Comparison"]):
    def waiting(self) -> Self:
        """In no round, not gold, and fit to be opened: what a round would open."""
        return self._openable().filter(gold=None)

    def arrived(self) -> Self:
        """Of what waits, what nobody has left waiting: it came after the newest round that took
        some and no more, as far as a budget went or as a sample to calibrate by.
        """
        bounded = Q(kind=Round.Kind.CALIBRATION) | Q(
            kind=Round.Kind.PRODUCTION, budget__isnull=False
        )
        chose = Round.objects.filter(
            bounded, campaign=OuterRef("campaign"), created_at__gte=OuterRef("created_at")
        )
        return self.waiting().filter(~Exists(chose))

    def for_practice(self) -> Self:
        """In no round, an answer known, and fit to be opened: what a qualification would open."""
        return self._openable().filter(gold__isnull=False, gold__retired_at=None)

    def _openable(self) -> Self:
        """In no round and with both texts known.

        Where the campaign says so, those of which a side names its own model are left out.
        """
        named = Q(completion_a__marks__contains=[IDENTIFIES_ITSELF]) | Q(
            completion_b__marks__contains=[IDENTIFIES_ITSELF]
        )
        return self.filter(
            ~(Q(campaign__requirements__contains={"identity": "exclude"}) & named),
            round=None,
            completion_a__messages__isnull=False,
            completion_b__messages__isnull=False,
        )


class Comparison(PublicModel):
    """Two completions of one prompt. `a` has the lower id, so a pair has one row."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="comparisons")
    # Null while it waits for a round to open.
    round = models.ForeignKey(Round, models.PROTECT, null=True, related_name="comparisons")
    prompt = models.ForeignKey(Prompt, models.PROTECT, related_name="comparisons")
    completion_a = models.ForeignKey(Completion, models.PROTECT, related_name="+")
    completion_b = models.ForeignKey(Completion, models.PROTECT, related_name="+")
    external_id = models.TextField(null=True)
    # A row that names the comparison by its id alone means the sides as the file named them.
    is_turned = models.BooleanField(
        default=False, db_default=False, help_text="The file that brought it calls our b its a."
    )
    # How the pair was chosen and with what probability, so that estimates can undo the choice.
    selection_policy = models.CharField(max_length=32, blank=True, default="")
    propensity = models.FloatField(null=True)

    objects = ComparisonQuerySet.as_manager()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(completion_a__lt=F("completion_b")), name="comparison_a_before_b"
            ),
            UniqueConstraint(
                fields=["campaign", "external_id"],
                condition=Q(external_id__isnull=False),
                name="comparison_external_id",
            ),
            UniqueConstraint(
                fields=["completion_a", "completion_b"],
                condition=Q(external_id=None),
                name="comparison_pair_once",
            ),
            CheckConstraint(
                condition=Q(propensity=None) | Q(propensity__gt=0, propensity__lte=1),
                name="comparison_propensity_is_probability",
            ),
        ]
        indexes = [
            models.Index(fields=["completion_a", "completion_b"], name="comparison_pair"),
            models.Index(fields=["campaign"], condition=Q(round=None), name="comparison_waiting"),
        ]
        # Practice does not count, whatever was said of it elsewhere.
        triggers = [
            when_updated(
                "SELECT n.campaign_id, n.id FROM new_rows n JOIN old_rows o ON o.id = n.id"
                " LEFT JOIN labeling_round now_in ON now_in.id = n.round_id"
                " LEFT JOIN labeling_round was_in ON was_in.id = o.round_id"
                " WHERE n.round_id IS DISTINCT FROM o.round_id"
                " AND 'qualification' IN (now_in.kind, was_in.kind)"
            )
        ]


class Gold(models.Model):
    """The known answer to a comparison. A table apart, so that nothing a rater reads joins it."""

    comparison = models.OneToOneField(Comparison, models.CASCADE, related_name="gold")
    preference = models.CharField(max_length=8)
    strength = models.PositiveSmallIntegerField(null=True)
    explanation = models.TextField(blank=True, default="")
    clause = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="Of the guidelines: its id."
    )
    retired_at = models.DateTimeField(null=True)
    retired_why = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            CheckConstraint(condition=Q(preference__in=PREFERENCES), name="gold_known_preference"),
            CheckConstraint(
                condition=Q(strength=None) | Q(strength__lte=3), name="gold_strength_bounded"
            ),
        ]
        triggers = [
            when_inserted(_OF_GOLD.format("new_rows")),
            when_deleted(_OF_GOLD.format("old_rows")),
        ]
