"""What raters decided. Rows are never edited: a change supersedes, a removal withdraws."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Exists, OuterRef, Q, UniqueConstraint
from django.db.models.functions import Now

from labeling.models.accounts import User
from labeling.models.assignments import Assignment
from labeling.models.base import PublicModel, TransactionIdField
from labeling.models.campaigns import Campaign
from labeling.models.comparisons import PREFERENCES, Comparison
from labeling.models.guidelines import GuidelineVersion
from labeling.models.raters import Rater
from labeling.models.tally_marks import when_deleted, when_inserted


class JudgmentQuerySet(models.QuerySet["Judgment"]):
    def standing(self) -> "JudgmentQuerySet":
        """Those that count: neither superseded nor withdrawn."""
        later = Judgment.objects.filter(supersedes=OuterRef("pk"))
        gone = Withdrawal.objects.filter(judgment=OuterRef("pk"))
        return self.filter(~Exists(later), ~Exists(gone))


class Judgment(PublicModel):
    """A rater's decision about a comparison, under one version of the guidelines."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="judgments", db_index=False)
    comparison = models.ForeignKey(
        Comparison, models.PROTECT, related_name="judgments", db_index=False
    )
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="judgments")
    # Null when the judgment was made elsewhere and imported.
    assignment = models.ForeignKey(
        Assignment, models.PROTECT, null=True, related_name="judgments", db_index=False
    )
    supersedes = models.OneToOneField(
        "self", models.PROTECT, null=True, related_name="superseded_by"
    )
    guideline_version = models.ForeignKey(
        GuidelineVersion, models.PROTECT, null=True, related_name="judgments", db_index=False
    )
    preference = models.CharField(max_length=8)
    strength = models.PositiveSmallIntegerField(null=True, help_text="1 slightly … 3 much better.")
    criteria = models.JSONField(default=dict, help_text='{"helpful": "a" | "b" | "tie"}')
    quality_a = models.PositiveSmallIntegerField(null=True)
    quality_b = models.PositiveSmallIntegerField(null=True)
    rationale = models.TextField(blank=True, default="")
    clauses = ArrayField(models.CharField(max_length=40), default=list)
    steps = models.JSONField(default=dict)
    edited = models.JSONField(null=True, help_text='{"side": "a" | "b", "text": …}')
    flags = ArrayField(models.CharField(max_length=40), default=list)
    # The side that stood on the left ("a" or "b"), the arm, and what the page measured.
    shown_left = models.CharField(max_length=1, null=True)
    presentation_arm = models.CharField(max_length=60, blank=True, default="")
    active_ms = models.PositiveIntegerField(null=True)
    client = models.JSONField(default=dict)
    # The rater had met the pair before (hidden repeat, or the imported file says so).
    is_repeat = models.BooleanField(default=False)
    # Imported rows: the caller's id, and the hash that makes a second import harmless.
    external_id = models.TextField(null=True)
    row_hash = models.BinaryField(max_length=32, null=True)
    judged_at = models.DateTimeField(
        db_default=Now(), help_text="When the rater decided; created_at is when we stored it."
    )
    xid = TransactionIdField()

    objects = JudgmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "id"], name="judgment_campaign"),
            models.Index(fields=["comparison"], name="judgment_comparison"),
            models.Index(fields=["xid"], name="judgment_xid"),
        ]
        constraints = [
            UniqueConstraint(
                fields=["assignment"],
                condition=Q(supersedes=None, assignment__isnull=False),
                name="judgment_once_per_assignment",
            ),
            UniqueConstraint(
                fields=["campaign", "external_id"],
                condition=Q(external_id__isnull=False),
                name="judgment_external_id",
            ),
            UniqueConstraint(
                fields=["campaign", "row_hash"],
                condition=Q(row_hash__isnull=False, external_id=None),
                name="judgment_import_once",
            ),
            CheckConstraint(condition=Q(preference__in=PREFERENCES), name="judgment_preference"),
            # 0 for tie and both bad; 1 to 3 for a side; null where the source had no strength.
            CheckConstraint(
                condition=Q(strength=None)
                | Q(preference__in=["a", "b"], strength__range=(1, 3))
                | Q(preference__in=["tie", "both_bad"], strength=0),
                name="judgment_strength_fits",
            ),
            CheckConstraint(
                condition=Q(shown_left=None) | Q(shown_left__in=["a", "b"]),
                name="judgment_shown_left",
            ),
        ]
        triggers = [
            # What the page measured may be forgotten; what was decided never changes.
            pgtrigger.Protect(
                name="never_edited",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "NEW.client <> '{}'::jsonb OR (to_jsonb(OLD) - 'client')"
                    " IS DISTINCT FROM (to_jsonb(NEW) - 'client')"
                ),
            ),
            when_inserted("SELECT DISTINCT campaign_id, comparison_id FROM new_rows"),
            when_deleted("SELECT DISTINCT campaign_id, comparison_id FROM old_rows"),
        ]


class Withdrawal(models.Model):
    """A judgment that no longer counts, with who took it back and why. The judgment stays."""

    judgment = models.OneToOneField(Judgment, models.PROTECT, related_name="withdrawal")
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    xid = TransactionIdField()

    class Meta:
        triggers = [
            when_inserted(
                "SELECT j.campaign_id, j.comparison_id FROM new_rows n"
                " JOIN labeling_judgment j ON j.id = n.judgment_id"
            )
        ]
