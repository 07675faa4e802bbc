"""Long work: a row per job with its progress, and what an import found wrong."""

from django.db import models
from django.db.models import CheckConstraint, Q

from labeling.models.accounts import User
from labeling.models.base import PublicModel
from labeling.models.campaigns import Campaign


class Job(PublicModel):
    """Work a worker does for someone. `beat_at` is its pulse: a silent job is run again."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=32)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    result = models.JSONField(null=True)
    error = models.JSONField(null=True)
    parameters = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    is_cancel_requested = models.BooleanField(default=False)
    beat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "-id"], name="job_newest"),
            models.Index(
                fields=["beat_at"], condition=Q(status__in=["queued", "running"]), name="job_live"
            ),
        ]
        constraints = [
            CheckConstraint(
                condition=Q(status__in=["queued", "running", "succeeded", "failed", "cancelled"]),
                name="job_known_status",
            )
        ]


class Import(models.Model):
    """A file on its way in: what it holds, in which layout, and how strictly it is read."""

    job = models.OneToOneField(Job, models.CASCADE, related_name="imported_file")
    file = models.FileField(upload_to="imports/%Y/%m/")
    original_name = models.CharField(max_length=255, blank=True, default="")
    byte_count = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    layout = models.CharField(max_length=24, default="native")
    is_lenient = models.BooleanField(default=False)
    is_dry_run = models.BooleanField(default=False)


class ImportProblem(models.Model):
    """A line that could not be read: which, in what field, and why. The first thousand are kept."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="problems")
    line = models.PositiveBigIntegerField()
    field = models.CharField(max_length=200, blank=True, default="")
    message = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["job", "line"], name="importproblem_line")]
