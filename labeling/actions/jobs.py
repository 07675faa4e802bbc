"""A job's life: queued, taken by a worker, ticked, ended. Rows that went silent are run again."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.models import Campaign, Job, User

# A running job whose worker has not ticked for this long is taken by another.
SILENCE = timedelta(seconds=60)
MAX_ATTEMPTS = 3
RUNG_AT_ONCE = 200
# The task that runs each kind of job.
TASKS = {
    "import": "workers.imports.run_import",
    "report": "workers.metrics.run_report",
    "generation": "workers.generation.run_generation",
    "snapshot": "workers.snapshots.run_freeze",
}
# What a manager is told of a job that stopped its worker MAX_ATTEMPTS times.
PARKED = {
    "import": "The worker stopped three times while reading this file, so nothing was imported. "
    "Split the file, or give the worker more memory, and import it again; the worker's log has "
    "the reason.",
    "report": "The worker stopped three times while computing this. Give it more memory and ask "
    "again; the worker's log has the reason.",
}
Status = Job.Status


@transaction.atomic(durable=True)
def queue_job(*, campaign: Campaign, kind: str, by: User | None, **parameters: Any) -> Job:
    """A queued job, whose worker is rung after commit: the one that waits, if it asks for the same.

    However often a button is pressed, one job waits behind the one that runs.
    """
    same = campaign.jobs.filter(kind=kind, status=Status.QUEUED, parameters=parameters)
    if waiting := same.first():
        return waiting
    job = Job.objects.create(campaign=campaign, kind=kind, parameters=parameters, created_by=by)
    audit.record("job.queued", campaign=campaign, by=by, subject=job.public_id, kind=kind)
    jobs.enqueue(TASKS[kind], job.pk)
    return job


@transaction.atomic(durable=True)
def start_job(*, job_id: int) -> Job | None:
    """Take the job, if it waits or its worker went silent; None if another has it or it is over.

    A job that failed to finish in MAX_ATTEMPTS tries is parked as failed: something in it kills
    its worker.
    """
    free = Q(status=Status.QUEUED) | Q(status=Status.RUNNING, beat_at__lt=Now() - SILENCE)
    job = Job.objects.select_for_update(skip_locked=True).filter(free, pk=job_id).first()
    if job is None:
        return None
    if job.is_cancel_requested or job.attempts >= MAX_ATTEMPTS:
        job.status = Status.CANCELLED if job.is_cancel_requested else Status.FAILED
        if job.status == Status.FAILED:
            job.error = {"message": PARKED.get(job.kind, PARKED["report"])}
        job.finished_at = Now()
        job.save(update_fields=["status", "error", "finished_at"])
        return None
    Job.objects.filter(pk=job.pk).update(
        status=Status.RUNNING,
        attempts=F("attempts") + 1,
        started_at=Now(),
        beat_at=Now(),
    )
    job.refresh_from_db()
    return job


@transaction.atomic(durable=True)
def finish_job(
    *,
    job: Job,
    status: str,
    result: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
) -> None:
    """End the job with what came of it, unless another worker has taken it meanwhile."""
    held = Job.objects.filter(pk=job.pk, attempts=job.attempts, status=Status.RUNNING)
    if held.update(status=status, result=result, error=error, finished_at=Now(), beat_at=Now()):
        audit.record("job.ended", campaign=job.campaign, subject=job.public_id, status=status)


@transaction.atomic(durable=True)
def cancel_job(*, job: Job, by: User) -> None:
    """Ask the worker to stop; a job that still waits ends now. Safe to repeat."""
    ended = Job.objects.filter(pk=job.pk, status=Status.QUEUED).update(
        status=Status.CANCELLED, finished_at=Now()
    )
    asked = Job.objects.filter(pk=job.pk, status=Status.RUNNING).update(is_cancel_requested=True)
    if ended or asked:
        audit.record("job.cancel_asked", campaign=job.campaign, by=by, subject=job.public_id)


@transaction.atomic(durable=True)
def ring_silent_jobs() -> int:
    """Ring for jobs that wait without a bell or whose worker went silent, oldest first; how many.

    Those beyond RUNG_AT_ONCE are the next sweep's: bells queue up behind one another anyway.
    """
    waiting = Q(status=Status.QUEUED, created_at__lt=Now() - timedelta(seconds=15))
    silent = Q(status=Status.RUNNING, beat_at__lt=Now() - SILENCE)
    due = Job.objects.filter(waiting | silent, kind__in=TASKS).order_by("pk")
    rows = due.values_list("pk", "kind")[:RUNG_AT_ONCE]
    for pk, kind in rows:
        jobs.enqueue(TASKS[kind], pk)
    return len(rows)
