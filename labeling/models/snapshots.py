"""Frozen, numbered sets of judgments; their bytes never change."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Snapshot(PublicModel):
    """A frozen set of a campaign's judgments under one rule. Called a dataset version in public."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="snapshots")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=200)
    rule = models.CharField(max_length=24)
    tie_policy = models.CharField(max_length=8, default="keep")
    filters = models.JSONField(default=dict)
    splits = models.JSONField(default=dict)
    manifest = models.JSONField(default=dict)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    supersedes = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    frozen_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["campaign", "number"]
        constraints = [
            UniqueConstraint(fields=["campaign", "number"], name="snapshot_number"),
            CheckConstraint(
                condition=Q(
                    rule__in=[
                        "each",
                        "majority",
                        "dawid_skene",
                        "bradley_terry",
                        "soft",
                        "per_group",
                    ]
                ),
                name="snapshot_known_rule",
            ),
            CheckConstraint(
                condition=Q(tie_policy__in=["keep", "drop", "split"]), name="snapshot_known_ties"
            ),
            CheckConstraint(
                condition=Q(frozen_at=None, sha256="")
                | (Q(frozen_at__isnull=False) & ~Q(sha256="")),
                name="snapshot_frozen_has_hash",
            ),
        ]
