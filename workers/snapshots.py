"""Frozen data sets: read what stands, hash it, record it."""

import logging

from celery import shared_task
from django.db import OperationalError

from labeling.actions.jobs import finish_job, start_job
from labeling.actions.progress import pulse
from labeling.actions.snapshots import record_snapshot
from labeling.models import Job, Round
from labeling.queries.frozen_rows import frozen_rows

logger = logging.getLogger(__name__)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def run_freeze(job_id: int) -> None:
    """Freeze the round the job names. A second run finds what the first recorded."""
    job = start_job(job_id=job_id)
    if job is None:
        return
    round_ = Round.objects.get(campaign=job.campaign_id, number=job.parameters["round"])
    with pulse(job_id=job.pk, attempt=job.attempts):
        rows = frozen_rows(job.campaign, round_)
    made = record_snapshot(job=job, round_=round_, sha256=rows.sha256, manifest=rows.manifest)
    finish_job(
        job=job,
        status=Job.Status.SUCCEEDED,
        result={
            "snapshot": str(made.public_id),
            "number": made.number,
            "sha256": made.sha256,
            "judgments": made.manifest["judgments"],
        },
    )
    logger.info("snapshot %d of campaign %s is frozen", made.number, job.campaign.slug)
