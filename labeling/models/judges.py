"""LLM judges: what each is told, its calls, its verdicts, and what it decides alone."""

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.comparisons import PREFERENCES, Comparison
from labeling.models.generation import Endpoint
from labeling.models.guidelines import GuidelineVersion
from labeling.models.judgments import Judgment
from labeling.models.raters import Rater


class Judge(PublicModel):
    """A model that rates in one campaign, as a rater of its own kind."""

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        BUDGET = "budget", "paused at its budget"
        RETIRED = "retired"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="judges")
    rater = models.OneToOneField(Rater, models.PROTECT, related_name="judge")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="judges")
    name = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    # Words of its own beside the campaign's guidelines, or in place of them.
    rubric = models.TextField(blank=True, default="")
    follows_guidelines = models.BooleanField(default=True)
    # {"age": "60 and over", …}: it is asked to judge as somebody of these groups would.
    persona = models.JSONField(default=dict)
    sampling = models.JSONField(default=dict)
    both_orders = models.BooleanField(default=True)
    samples = models.PositiveSmallIntegerField(default=1)
    share = models.FloatField(default=1.0, help_text="Of the comparisons: how many it is asked.")
    budget_calls = models.PositiveIntegerField(null=True)
    budget_cost = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    call_count = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0)
    seed = models.BigIntegerField(default=0, help_text="Of the draw of its share.")
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["campaign", "name"], name="judge_name"),
            CheckConstraint(condition=Q(share__gt=0, share__lte=1), name="judge_share_is_share"),
            CheckConstraint(condition=Q(samples__range=(1, 16)), name="judge_samples_bounded"),
            CheckConstraint(
                condition=Q(state__in=["active", "paused", "budget", "retired"]),
                name="judge_known_state",
            ),
        ]


class JudgeCall(models.Model):
    """One question to a judge: a comparison, in one order, once. The row is the queue."""

    class State(models.TextChoices):
        WAITING = "waiting"
        LEASED = "leased"
        ANSWERED = "answered"
        FAILED = "failed"
        CANCELLED = "cancelled"

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="calls")
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="judge_calls")
    rubric_key = models.BinaryField(
        max_length=32, help_text="sha256 of all it was told but the comparison, canonical."
    )
    shown_left = models.CharField(max_length=1, help_text="a or b: which side stood first.")
    sample = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    # Each lease raises the fence; only the holder of the current fence may answer.
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    preference = models.CharField(max_length=8, blank=True, default="")
    strength = models.PositiveSmallIntegerField(null=True)
    criteria = models.JSONField(default=dict)
    # How sure it says it is that its preference is right, 0.5 to 1.
    confidence = models.FloatField(null=True)
    rationale = models.TextField(blank=True, default="")
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error = models.TextField(blank=True, default="")
    provenance = models.JSONField(default=dict)
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["judge", "id"],
                condition=Q(state__in=["waiting", "leased"]),
                name="judgecall_queue",
            ),
            models.Index(
                fields=["leased_until"], condition=Q(state="leased"), name="judgecall_leases"
            ),
            models.Index(
                fields=["judge", "finished_at"],
                condition=Q(state="answered"),
                name="judgecall_answered",
            ),
        ]
        constraints = [
            UniqueConstraint(
                fields=["judge", "comparison", "rubric_key", "shown_left", "sample"],
                name="judgecall_once",
            ),
            CheckConstraint(
                condition=Q(state__in=["waiting", "leased", "answered", "failed", "cancelled"]),
                name="judgecall_known_state",
            ),
            CheckConstraint(condition=Q(shown_left__in=["a", "b"]), name="judgecall_shown_left"),
            CheckConstraint(
                condition=Q(state="answered", preference__in=PREFERENCES)
                | (~Q(state="answered") & Q(preference="")),
                name="judgecall_answered_has_preference",
            ),
            CheckConstraint(
                condition=Q(confidence=None) | Q(confidence__range=(0.5, 1)),
                name="judgecall_confidence_is_probability",
            ),
        ]


class JudgeVerdict(models.Model):
    """What a judge's calls about one comparison come to, and the judgment that says so.

    `is_consistent` is null where it was asked in one order only. An inconsistent verdict is a tie.
    """

    judge = models.ForeignKey(Judge, models.CASCADE, related_name="verdicts")
    comparison = models.ForeignKey(Comparison, models.CASCADE, related_name="judge_verdicts")
    rubric_key = models.BinaryField(max_length=32)
    guideline_version = models.ForeignKey(
        GuidelineVersion, models.PROTECT, null=True, related_name="+"
    )
    judgment = models.OneToOneField(Judgment, models.PROTECT, related_name="judge_verdict")
    is_consistent = models.BooleanField(null=True)
    # Of its preference: the share of its calls, weighed by what each said of itself; 0.5 to 1.
    confidence = models.FloatField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["judge", "comparison", "rubric_key"], name="judgeverdict_once"
            ),
        ]


class Routing(PublicModel):
    """A judge decides alone what it is sure of; people get the rest, and some of that too."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="routings")
    judge = models.ForeignKey(Judge, models.PROTECT, related_name="routings")
    cut = models.FloatField(help_text="The expected accuracy from which it decides alone.")
    audit_share = models.FloatField(help_text="Of those: how many go to people all the same.")
    # What was shown when it was switched on: accuracy, interval, share, cost, calibration, n.
    expected = models.JSONField(default=dict)
    rubric_key = models.BinaryField(
        max_length=32, help_text="Of the question that the judge was weighed with."
    )
    seed = models.BigIntegerField(help_text="Of the draw of the audited share.")
    ended_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["campaign"], condition=Q(ended_at=None), name="routing_one_at_a_time"
            ),
            CheckConstraint(condition=Q(cut__range=(0.5, 1)), name="routing_cut_is_probability"),
            CheckConstraint(
                condition=Q(audit_share__gt=0, audit_share__lte=1),
                name="routing_audits_some",
            ),
        ]


class RoutedComparison(models.Model):
    """Who was to decide a comparison, and with what probability it came out so."""

    class To(models.TextChoices):
        JUDGE = "judge"
        PEOPLE = "people"
        AUDIT = "audit", "people, to audit the judge"

    comparison = models.OneToOneField(Comparison, models.CASCADE, related_name="routed")
    routing = models.ForeignKey(Routing, models.CASCADE, related_name="comparisons")
    to = models.CharField(max_length=8, choices=To.choices)
    expected_accuracy = models.FloatField(null=True)
    propensity = models.FloatField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [
            models.Index(
                fields=["routing", "id"],
                condition=Q(to="judge", expected_accuracy=None),
                name="routed_waiting",
            ),
        ]
        constraints = [
            CheckConstraint(
                condition=Q(to__in=["judge", "people", "audit"]), name="routedcomparison_known"
            ),
            CheckConstraint(
                condition=Q(propensity__gt=0, propensity__lte=1),
                name="routedcomparison_propensity_is_probability",
            ),
        ]
