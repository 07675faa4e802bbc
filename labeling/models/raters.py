"""Raters, persons and LLM judges alike, and their seats in campaigns."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

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
    languages = ArrayField(models.CharField(max_length=35), default=list, db_default=[])

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


class Skill(models.Model):
    """What a rater can do, how well, and how that is known. One row for each way of knowing."""

    class Source(models.TextChoices):
        DECLARED = "declared", "said by the rater"
        GRANTED = "granted", "given by a manager"
        IMPORTED = "imported", "from a file"
        QUALIFICATION = "qualification", "earned in a qualification"
        GOLD = "gold", "earned on known answers"

    rater = models.ForeignKey(Rater, models.CASCADE, related_name="skills")
    name = models.CharField(max_length=60)
    level = models.FloatField(
        help_text="0 to 1 on the day it was earned; labeling.skills decays it."
    )
    source = models.CharField(max_length=16, choices=Source.choices)
    earned_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            UniqueConstraint(fields=["rater", "name", "source"], name="skill_once_per_source"),
            CheckConstraint(condition=Q(level__range=(0, 1)), name="skill_level_is_share"),
            CheckConstraint(
                condition=Q(
                    source__in=["declared", "granted", "imported", "qualification", "gold"]
                ),
                name="skill_known_source",
            ),
        ]


class Demographics(models.Model):
    """What a rater chose to say of themselves, apart from all else: shown in groups only."""

    rater = models.OneToOneField(Rater, models.CASCADE, related_name="demographics")
    answers = models.JSONField(default=dict)
    consented_at = models.DateTimeField(db_default=Now())


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
