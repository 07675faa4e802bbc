"""What speaks about a rater's work, what was said and decided, and what datasets leave out."""

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.judgments import Judgment
from labeling.models.raters import Rater, Seat
from labeling.models.tally_marks import when_inserted, when_updated


class Case(PublicModel):
    """One look at a rater's work in a campaign, from the question to the decision."""

    class State(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    seat = models.ForeignKey(Seat, models.CASCADE, related_name="cases")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    # The stated rule that opened it (labeling.policy), or empty: somebody did.
    rule = models.CharField(max_length=40, blank=True, default="")
    opened_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["seat"], condition=Q(state="open"), name="case_one_open_per_seat"
            ),
            CheckConstraint(
                condition=Q(state="open", closed_at=None)
                | Q(state="closed", closed_at__isnull=False),
                name="case_closed_has_time",
            ),
        ]


class CaseEntry(PublicModel):
    """A word or a decision in a case. The rater reads all but notes."""

    class Kind(models.TextChoices):
        OPENED = "opened"
        MESSAGE = "message"
        REPLY = "reply"
        NOTE = "note"
        DECISION = "decision"

    case = models.ForeignKey(Case, models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    # Of a decision: resume, retrain, pause, exclude_flagged, exclude_round, exclude_all, undo.
    action = models.CharField(max_length=20, blank=True, default="")
    text = models.TextField(blank=True, default="")
    # Of what opened or decided it: the figures as they stood.
    details = models.JSONField(default=dict)
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(kind__in=["opened", "message", "reply", "note"], action="")
                | (Q(kind="decision") & ~Q(action="")),
                name="caseentry_decision_has_action",
            ),
        ]
        indexes = [models.Index(fields=["case", "id"], name="caseentry_in_order")]
        triggers = [pgtrigger.Protect(name="said_stays", operation=pgtrigger.Update)]


class Exclusion(PublicModel):
    """A decision that datasets leave some judgments of a rater out. The judgments stay."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="exclusions")
    rater = models.ForeignKey(Rater, models.PROTECT, related_name="exclusions")
    case = models.ForeignKey(Case, models.SET_NULL, null=True, related_name="exclusions")
    reason = models.TextField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # Leaving out all of somebody's work needs a second manager, and counts from then on.
    needs_second = models.BooleanField(default=False)
    agreed_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    agreed_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    class Meta:
        # Agreed to, or undone.
        triggers = [
            when_updated(
                "SELECT DISTINCT j.campaign_id, j.comparison_id FROM new_rows n"
                " JOIN labeling_excludedjudgment x ON x.exclusion_id = n.id"
                " JOIN labeling_judgment j ON j.id = x.judgment_id"
            )
        ]


class ExcludedJudgment(models.Model):
    """A judgment that an exclusion names."""

    exclusion = models.ForeignKey(Exclusion, models.CASCADE, related_name="judgments")
    judgment = models.ForeignKey(Judgment, models.CASCADE, related_name="exclusions")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["exclusion", "judgment"], name="excludedjudgment_once")
        ]
        triggers = [
            when_inserted(
                "SELECT DISTINCT j.campaign_id, j.comparison_id FROM new_rows n"
                " JOIN labeling_judgment j ON j.id = n.judgment_id"
            )
        ]
