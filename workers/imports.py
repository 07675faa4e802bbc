"""Files on their way in: read one, and put what came before raters."""

import logging

from celery import shared_task
from django.db import OperationalError

from labeling.actions import imports
from labeling.actions.jobs import start_job
from labeling.actions.rounds import open_waiting
from labeling.models import Job
from labeling.queries.arrivals import campaigns_with_arrivals

logger = logging.getLogger(__name__)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def run_import(job_id: int) -> None:
    """Read the job's file; in an active campaign, open what came to raters."""
    job = start_job(job_id=job_id)
    if job is None:
        return
    job = imports.run_import(job=job)
    logger.info("import %s %s: %s", job.public_id, job.status, job.result)
    if job.status == Job.Status.SUCCEEDED:
        # Should the worker die here, `open_arrivals` does it.
        open_waiting(campaign=job.campaign, by=job.created_by)


@shared_task(expires=600)
def sweep_uploads() -> None:
    """Delete the files of imports that ended without being read: cancelled early, or parked."""
    if count := imports.forget_uploads():
        logger.info("deleted %d uploads of imports that have ended", count)


@shared_task(expires=30)
def open_arrivals() -> None:
    """Open what waits in active campaigns, whoever brought it and did not live to ring."""
    for campaign in campaigns_with_arrivals():
        open_waiting(campaign=campaign, by=None)
