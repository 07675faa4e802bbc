"""Ring a worker after commit. The row is the queue: a sweep rings again for a lost bell."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def enqueue(task: str, *args: int, countdown: float | None = None) -> None:
    """Ask a worker to run `task` (its dotted name) with these ids once the transaction commits."""
    transaction.on_commit(partial(_ring, task, *args, countdown=countdown))


def _ring(task: str, *args: int, countdown: float | None = None) -> None:
    try:
        current_app.send_task(task, args=args, countdown=countdown, retry=False, ignore_result=True)
    except (OperationalError, OSError) as error:
        # The work is in the database; the sweep finds it when the broker is back.
        logger.warning("no bell for %s: %s", task, type(error).__name__)
