"""The queue: one row per judgment wanted, in lanes that raters walk from their own place onwards.

The design and its proof are in docs/QUEUE.md: whatever becomes open gets a new position at the
tail of its lane, so a claim starts at the rater's place and never looks back.
"""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.comparisons import Comparison
from labeling.models.raters import Rater, Seat


class Lane(models.Model):
    """Open assignments of one campaign for one audience, in order of position."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="lanes")
    audience = models.CharField(max_length=200, blank=True, default="", help_text="Skills needed.")
    rank = models.IntegerField(default=0, help_text="Lanes of lower rank are served first.")
    tail = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [UniqueConstraint(fields=["campaign", "audience", "rank"], name="lane_once")]


class Place(models.Model):
    """How far a rater has come in a lane: they have met all that is open up to here."""

    seat = models.ForeignKey(Seat, models.CASCADE, related_name="places")
    lane = models.ForeignKey(Lane, models.CASCADE, related_name="places")
    rank = models.IntegerField(default=0)
    position = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [UniqueConstraint(fields=["seat", "lane"], name="place_once")]


class Assignment(PublicModel):
    """One judgment wanted of a comparison: open, then leased to a rater, then ended."""

    class Outcome(models.TextChoices):
        COMPLETED = "completed"
        SKIPPED = "skipped"
        CANCELLED = "cancelled"

    # The campaign is repeated from the comparison, so that sweeps and holds are one index scan.
    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="assignments", db_index=False
    )
    comparison = models.ForeignKey(
        Comparison, models.CASCADE, related_name="assignments", db_index=False
    )
    # 1…overlap, so that "never over" is a unique index; null for hidden repeats and gold.
    ordinal = models.PositiveSmallIntegerField(null=True)
    lane = models.ForeignKey(Lane, models.PROTECT, related_name="assignments", db_index=False)
    position = models.BigIntegerField()
    rater = models.ForeignKey(
        Rater, models.PROTECT, null=True, related_name="assignments", db_index=False
    )
    lapsed_from = models.ForeignKey(
        Rater, models.PROTECT, null=True, related_name="+", db_index=False
    )
    a_on_left = models.BooleanField(help_text="Dealt evenly when the round opens; never changes.")
    arm = models.CharField(max_length=60, blank=True, default="", help_text="Presentation arm.")
    leased_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, null=True, choices=Outcome.choices)
    skip_reason = models.CharField(max_length=200, blank=True, default="")
    repeat_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="repeats")

    class Meta:
        indexes = [
            models.Index(
                fields=["lane", "position"],
                condition=Q(rater=None, ended_at=None),
                name="assignment_queue",
            ),
            models.Index(
                fields=["campaign", "leased_until"],
                condition=Q(rater__isnull=False, ended_at=None),
                name="assignment_live",
            ),
            models.Index(
                fields=["rater", "campaign"],
                condition=Q(rater__isnull=False, ended_at=None),
                name="assignment_held",
            ),
            models.Index(fields=["rater", "ended_at"], name="assignment_rater_history"),
        ]
        constraints = [
            UniqueConstraint(
                fields=["comparison", "rater"],
                condition=Q(rater__isnull=False, repeat_of=None),
                name="assignment_once",
            ),
            UniqueConstraint(
                fields=["comparison", "ordinal"],
                condition=Q(outcome=None) | Q(outcome="completed"),
                name="assignment_ordinal",
            ),
            CheckConstraint(
                condition=Q(rater=None, leased_until=None)
                | Q(rater__isnull=False, leased_until__isnull=False),
                name="assignment_lease_has_rater",
            ),
            CheckConstraint(
                condition=Q(ended_at=None, outcome=None)
                | Q(ended_at__isnull=False, outcome__isnull=False),
                name="assignment_ended_has_outcome",
            ),
            CheckConstraint(
                condition=Q(outcome=None) | Q(outcome__in=["completed", "skipped", "cancelled"]),
                name="assignment_known_outcome",
            ),
            CheckConstraint(
                condition=Q(rater__isnull=False) | Q(outcome=None) | Q(outcome="cancelled"),
                name="assignment_done_by_someone",
            ),
        ]

    def preference(self, side: str) -> str:
        """The stored preference for what the rater saw: the one place where sides are turned."""
        if side not in {"left", "right"}:
            return side
        return "a" if (side == "left") == self.a_on_left else "b"

    def side(self, preference: str) -> str:
        """The side on which a stored preference stood for the rater."""
        if preference not in {"a", "b"}:
            return preference
        return "left" if (preference == "a") == self.a_on_left else "right"
