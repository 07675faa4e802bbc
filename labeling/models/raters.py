"""Raters, persons and LLM judges alike, and their seats in campaigns."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.accounts import Organisation, User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Rater(PublicModel):
    """A person or an LLM judge: same assignments, same actions, same audit."""

    class Kind(models.TextChoices):
        HUMAN = "human"
        JUDGE = "judge"

    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="raters")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.HUMAN)
    # Null for a judge, and for people known only from an imported file.
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="raters")
    is_simulated = models.BooleanField(default=False)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["organisation", "user"],
                condition=Q(user__isnull=False),
                name="rater_once_per_user",
            ),
            CheckConstraint(condition=Q(kind__in=["human", "judge"]), name="rater_known_kind"),
            CheckConstraint(condition=Q(kind="human") | Q(user=None), name="rater_judge_no_user"),
        ]


class Seat(models.Model):
    """A rater's part in one campaign: their pseudonym there, and the row a claim locks.

    `turn` counts claims: a claim that waited for the lock sees by it that it reads the past.
    Autovacuum and fillfactor are set in the migration; `turn` must stay out of every index.
    """

    rater = models.ForeignKey(Rater, models.CASCADE, related_name="seats")
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="seats")
    is_active = models.BooleanField(default=True, help_text="May claim. Imported raters may not.")
    turn = models.BigIntegerField(default=0, db_default=0)
    pseudonym = models.CharField(
        max_length=40, help_text="Keyed by the campaign; what exports say."
    )
    external_id = models.TextField(null=True, help_text="The id an imported file gave the rater.")
    groups = models.JSONField(default=dict, help_text='{"group": "value"} for per-group analysis.')
    skills = ArrayField(models.CharField(max_length=60), default=list)
    qualified_at = models.DateTimeField(
        null=True, help_text="When they passed a qualification round of this campaign."
    )

    class Meta:
        constraints = [
            UniqueConstraint(fields=["rater", "campaign"], name="seat_once"),
            UniqueConstraint(fields=["campaign", "pseudonym"], name="seat_pseudonym"),
            UniqueConstraint(
                fields=["campaign", "external_id"],
                condition=Q(external_id__isnull=False),
                name="seat_external_id",
            ),
        ]
