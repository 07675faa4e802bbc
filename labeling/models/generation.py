"""LLM endpoints, runs that fill prompts with completions, and the slots that are the queue."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint
from django.db.models.functions import Now

from labeling.models.accounts import Organisation, User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign
from labeling.models.jobs import Job
from labeling.models.prompts import Completion, Prompt
from labeling.models.rounds import Round


class Endpoint(PublicModel):
    """A model behind an HTTP address. Its key is write-only and bound to the host it is for."""

    class Kind(models.TextChoices):
        OPENAI_COMPATIBLE = "openai_compatible"
        ANTHROPIC = "anthropic"
        GOOGLE = "google"
        DEMO = "demo"

    organisation = models.ForeignKey(Organisation, models.CASCADE, related_name="endpoints")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=24, choices=Kind.choices, default=Kind.OPENAI_COMPATIBLE)
    base_url = models.CharField(max_length=500, blank=True, default="")
    model = models.CharField(max_length=200)
    sampling = models.JSONField(default=dict)
    limits = models.JSONField(default=dict)
    price = models.JSONField(default=dict)
    # Answers are asked for piece by piece, and when each piece came is kept with the completion.
    streams = models.BooleanField(default=False, db_default=False)
    encrypted_key = models.BinaryField(null=True)
    key_hint = models.CharField(
        max_length=4, blank=True, default="", db_default="", help_text="How the key ends."
    )
    key_host = models.CharField(max_length=255, blank=True, default="")
    disabled_reason = models.CharField(max_length=500, blank=True, default="")
    # What its last calls said: how many failed in a row, and until when it is left alone.
    strike_count = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    # How often in a row its key was refused, and nothing else came between.
    refusal_count = models.PositiveIntegerField(default=0, db_default=0)
    # What its last test said, for the list of endpoints.
    tested_at = models.DateTimeField(null=True)
    test_result = models.JSONField(default=dict, db_default={})
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            UniqueConstraint(fields=["organisation", "name"], name="endpoint_name"),
            CheckConstraint(
                condition=Q(kind__in=["openai_compatible", "anthropic", "google", "demo"]),
                name="endpoint_known_kind",
            ),
            CheckConstraint(
                condition=Q(kind="demo", base_url="") | ~Q(base_url=""),
                name="endpoint_has_address",
            ),
        ]

    @property
    def is_enabled(self) -> bool:
        """Runs may ask it."""
        return not self.disabled_reason

    @property
    def is_demo(self) -> bool:
        """Built in: it makes its answers up, and they are marked as demo."""
        return self.kind == self.Kind.DEMO


class GenerationRun(PublicModel):
    """Prompts × endpoints × samples, to be filled and then paired into a round."""

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        BUDGET = "budget", "paused at its budget"
        FINISHED = "finished"
        CANCELLED = "cancelled"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="generation_runs")
    # The job that is told about it. Retrying what failed in a finished run is a job of its own.
    job = models.ForeignKey(Job, models.RESTRICT, related_name="generation_runs")
    state = models.CharField(max_length=16, choices=State.choices, default=State.RUNNING)
    completions_per_prompt = models.PositiveSmallIntegerField(default=1)
    pairing = models.CharField(max_length=16, default="all")
    seed = models.BigIntegerField(default=0)
    # Which prompts: {"languages": […], "tags": […], "limit": n}; {} is all of them.
    prompt_filter = models.JSONField(default=dict, db_default={})
    # Which completions make no pairs, by labeling.formats.filters.
    filters = models.JSONField(default=dict, db_default={})
    # Models whose completions are there already and are paired with the new ones.
    against = ArrayField(models.TextField(), default=list, db_default=[])
    # At the cap the run pauses itself; raising it goes on. Null: no cap.
    budget_calls = models.PositiveIntegerField(null=True)
    budget_cost = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    # What it has used so far, failed calls included.
    call_count = models.PositiveIntegerField(default=0, db_default=0)
    cost = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    input_tokens = models.BigIntegerField(default=0, db_default=0)
    output_tokens = models.BigIntegerField(default=0, db_default=0)
    keeps_raw = models.BooleanField(
        default=False, db_default=False, help_text="Keep each answer as the provider sent it."
    )
    round = models.ForeignKey(Round, models.SET_NULL, null=True, related_name="generation_runs")
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state__in=["running", "paused", "budget", "finished", "cancelled"]),
                name="generationrun_known_state",
            ),
            CheckConstraint(
                condition=Q(pairing__in=["all", "baseline", "uncertain"]),
                name="generationrun_known_pairing",
            ),
            # Two runs that want the same completion would wait for one another.
            UniqueConstraint(
                fields=["campaign"],
                condition=Q(state__in=["running", "paused", "budget"]),
                name="generationrun_one_at_a_time",
            ),
        ]


class RunEndpoint(models.Model):
    """An endpoint as a run uses it: named, set and ordered as it was when the run was started.

    One endpoint may stand there several times, with other sampling settings or system texts.
    """

    run = models.ForeignKey(GenerationRun, models.CASCADE, related_name="run_endpoints")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="+")
    position = models.PositiveSmallIntegerField(help_text="0 is the baseline.")
    name = models.CharField(max_length=120)
    model = models.CharField(max_length=200)
    # The server behind it: its form, and host:port of its address.
    kind = models.CharField(max_length=24, blank=True, default="", db_default="")
    host = models.CharField(max_length=255, blank=True, default="", db_default="")
    sampling = models.JSONField(default=dict)
    # Put before the prompt's messages, in place of a system message of its own.
    system = models.TextField(blank=True, default="", db_default="")
    price = models.JSONField(default=dict, db_default={})
    streams = models.BooleanField(default=False, db_default=False)
    is_paused = models.BooleanField(default=False, db_default=False)
    params_key = models.BinaryField(
        max_length=32, help_text="sha256 of model, sampling and system, canonical."
    )

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            UniqueConstraint(fields=["run", "endpoint", "params_key"], name="runendpoint_once"),
            UniqueConstraint(fields=["run", "position"], name="runendpoint_position"),
        ]


class GenerationSlot(models.Model):
    """One completion wanted: at most one is ever stored in it. The row is the queue."""

    class State(models.TextChoices):
        WAITING = "waiting"
        LEASED = "leased"
        FILLED = "filled"
        FAILED = "failed"
        CANCELLED = "cancelled"

    run = models.ForeignKey(GenerationRun, models.CASCADE, related_name="slots")
    prompt = models.ForeignKey(Prompt, models.CASCADE, related_name="slots")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="slots")
    params_key = models.BinaryField(
        max_length=32, help_text="sha256 of model and sampling, canonical."
    )
    sample = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    # Each lease raises the fence; only the holder of the current fence may fill the slot.
    fence = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    completion = models.ForeignKey(Completion, models.PROTECT, null=True, related_name="slots")
    error_kind = models.CharField(max_length=40, blank=True, default="")
    error = models.TextField(blank=True, default="")
    # Provenance: the request's parameters, the model as answered, finish reason.
    provenance = models.JSONField(default=dict)
    input_tokens = models.PositiveIntegerField(null=True)
    output_tokens = models.PositiveIntegerField(null=True)
    latency_ms = models.PositiveIntegerField(null=True)
    first_token_ms = models.PositiveIntegerField(null=True)
    cost = models.DecimalField(max_digits=14, decimal_places=6, null=True)
    # What calls cost that brought no completion.
    lost_cost = models.DecimalField(max_digits=14, decimal_places=6, default=0, db_default=0)
    # Why its completion makes no pairs: the name of a filter.
    left_out = models.CharField(max_length=40, blank=True, default="", db_default="")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["run", "endpoint", "id"],
                condition=Q(state__in=["waiting", "leased"]),
                name="slot_queue",
            ),
            models.Index(fields=["leased_until"], condition=Q(state="leased"), name="slot_leases"),
        ]
        constraints = [
            UniqueConstraint(
                fields=["prompt", "endpoint", "params_key", "sample"], name="slot_once"
            ),
            CheckConstraint(
                condition=Q(state__in=["waiting", "leased", "filled", "failed", "cancelled"]),
                name="slot_known_state",
            ),
            CheckConstraint(
                condition=Q(state="filled", completion__isnull=False)
                | (~Q(state="filled") & Q(completion=None)),
                name="slot_filled_has_completion",
            ),
        ]


class RawAnswer(models.Model):
    """What a provider sent for a slot, compressed, where a run keeps it."""

    slot = models.OneToOneField(GenerationSlot, models.CASCADE, related_name="raw")
    body = models.BinaryField(help_text="gzip of the body as it came.")
    created_at = models.DateTimeField(db_default=Now())
