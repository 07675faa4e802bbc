"""What people's votes came to, by item and in all: kept, so that the board need not recount."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Now

from labeling.models.campaigns import Campaign
from labeling.models.comparisons import Comparison


class DueTally(models.Model):
    """A comparison to be counted anew: triggers write it, counting takes it away.

    There may be several rows of one. No key refers to another table, so that a judgment waits for
    no lock of it.
    """

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    comparison = models.ForeignKey(
        Comparison, models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )

    class Meta:
        indexes = [models.Index(fields=["campaign", "id"], name="duetally_campaign")]


class ItemTally(models.Model):
    """What people's standing votes say of one comparison, sides as its file names them.

    Judges, practice and what datasets leave out are not in it. `people` are all votes; all else is
    the first vote of each rater, and nothing where the answer is known (`is_gold`).
    """

    comparison = models.OneToOneField(
        Comparison, models.CASCADE, primary_key=True, related_name="tally", db_constraint=False
    )
    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="+", db_constraint=False)
    source_a = models.BigIntegerField()
    source_b = models.BigIntegerField()
    is_gold = models.BooleanField()
    people = models.PositiveIntegerField()
    a = models.PositiveIntegerField()
    tie = models.PositiveIntegerField(help_text="Both bad among them.")
    b = models.PositiveIntegerField()
    both_bad = models.PositiveIntegerField()
    # Votes for a side, where the place is known: with a on the left, with b there, for the left.
    left_a = models.PositiveIntegerField()
    left_b = models.PositiveIntegerField()
    chose_left = models.PositiveIntegerField()
    # Votes by score from -3 to +3, then those for a side whose strength is unknown.
    scores = ArrayField(models.PositiveIntegerField())


class TallyPattern(models.Model):
    """How many of a campaign's items have just these counts: the sums that the board needs."""

    class Kind(models.IntegerChoices):
        # The columns of each are those of labeling.metrics.tallies.
        ANSWERS = 0
        SIDES = 1
        SUMS = 2
        SCORES = 3

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="+", db_constraint=False, db_index=False
    )
    kind = models.PositiveSmallIntegerField(choices=Kind.choices)
    counts = ArrayField(models.BigIntegerField())
    items = models.BigIntegerField()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["campaign", "kind", "counts"], name="tallypattern_once")
        ]
        indexes = [
            models.Index(fields=["campaign"], condition=Q(items__lte=0), name="tallypattern_gone")
        ]


class Board(models.Model):
    """The numbers that counts alone give, of all that was committed at `counted_at`.

    Its presence says that the campaign's items were all counted once, so that from then on those
    that are due are enough. Another `method_version` is counted whole.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="board")
    numbers = models.JSONField()
    method_version = models.CharField(max_length=40)
    # With `recorded_at` it tells what counting cost.
    counted_at = models.DateTimeField()
    # Items were counted since, and no board was recorded of it: as when a worker died between.
    is_behind = models.BooleanField(default=False, db_default=False)
    recorded_at = models.DateTimeField(db_default=Now())
