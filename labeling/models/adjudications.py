"""What a reviewer decided of a comparison: beside the raters' judgments, never over them."""

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel, TransactionIdField
from labeling.models.campaigns import Campaign
from labeling.models.comparisons import PREFERENCES, Comparison
from labeling.models.guidelines import GuidelineVersion
from labeling.models.rounds import Round
from labeling.models.tally_marks import when_inserted


class AdjudicationQuerySet(models.QuerySet["Adjudication"]):
    def standing(self) -> "AdjudicationQuerySet":
        """Those that no later one supersedes: one of a comparison at most."""
        return self.filter(superseded_by=None)


class Adjudication(PublicModel):
    """One decision about a comparison. A later one supersedes it; none is edited."""

    class Outcome(models.TextChoices):
        DECIDED = "decided"
        SENT_BACK = "sent_back", "sent back for more judgments"
        LEFT_OUT = "left_out", "left out of datasets"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="adjudications")
    comparison = models.ForeignKey(Comparison, models.PROTECT, related_name="adjudications")
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="superseded_by"
    )
    # The adjudication round it was decided in, if any.
    round = models.ForeignKey(Round, models.PROTECT, null=True, related_name="adjudications")
    guideline_version = models.ForeignKey(
        GuidelineVersion, models.PROTECT, null=True, related_name="+"
    )
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    preference = models.CharField(max_length=8, blank=True, default="")
    strength = models.PositiveSmallIntegerField(null=True)
    criteria = models.JSONField(default=dict)
    note = models.TextField(blank=True, default="", help_text="For the raters.")
    # Whether those who judged the comparison may read it.
    tells_raters = models.BooleanField(default=False)
    # Of one sent back: how many more judgments were asked for, and how many the comparison is to
    # have in all, at least. It may have had more than its round asks for, so that `more` on top of
    # the overlap would be nothing more.
    more = models.PositiveSmallIntegerField(null=True)
    wanted = models.PositiveIntegerField(null=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    xid = TransactionIdField()

    objects = AdjudicationQuerySet.as_manager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["comparison"],
                condition=Q(supersedes=None),
                name="adjudication_one_first",
            ),
            CheckConstraint(
                condition=Q(outcome="decided", preference__in=PREFERENCES, more=None)
                | Q(outcome="sent_back", preference="", more__gt=0)
                | Q(outcome="left_out", preference="", more=None),
                name="adjudication_outcome_fits",
            ),
            CheckConstraint(
                condition=Q(strength=None)
                | Q(preference__in=["a", "b"], strength__range=(1, 3))
                | Q(preference__in=["tie", "both_bad"], strength=0),
                name="adjudication_strength_fits",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="decision_stays", operation=pgtrigger.Update),
            when_inserted("SELECT campaign_id, comparison_id FROM new_rows"),
        ]
