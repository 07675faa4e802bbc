"""Tell how far a job has come, and hear whether to stop, beside the transaction that does it."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from django.db import Error, connection

logger = logging.getLogger(__name__)

_TICK = """
UPDATE labeling_job SET done = %s, total = coalesce(%s, total), beat_at = now()
WHERE id = %s AND attempts = %s AND status = 'running' RETURNING is_cancel_requested
"""


class JobCancelledError(Exception):
    """Someone asked the job to stop, or another worker has taken it: undo what was begun."""


class Progress:
    """A job's pulse on a connection of its own, so that it is seen before the work commits."""

    INTERVAL_SECONDS = 1.0
    PULSE_SECONDS = 10.0

    def __init__(
        self, *, job_id: int, attempt: int, tell: Callable[[int], None] | None = None
    ) -> None:
        self._job = (job_id, attempt)
        self._tell = tell
        self._connection = connection.copy()
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def tick(self, done: int, total: int | None = None, *, at_once: bool = False) -> None:
        """Write it down, once an interval at most; `JobCancelledError` when asked to stop."""
        now = time.monotonic()
        if self._tell:
            self._tell(done)
        if not at_once and now - self._last < self.INTERVAL_SECONDS:
            return
        self._last = now
        with self._connection.cursor() as cursor:
            cursor.execute(_TICK, [done, total, *self._job])
            row = cursor.fetchone()
        if row is None or row[0]:
            raise JobCancelledError


@contextmanager
def pulse(*, job_id: int, attempt: int) -> Iterator[None]:
    """Keep the job's pulse until the block ends, for work that cannot tick between its steps.

    It stops early when the job is not ours any more, or is to be cancelled: the job falls silent,
    and a sweep ends it.
    """
    is_over = threading.Event()

    def beat() -> None:
        with Progress(job_id=job_id, attempt=attempt) as progress:
            try:
                while not is_over.wait(Progress.PULSE_SECONDS):
                    progress.tick(0, at_once=True)
            except JobCancelledError:
                pass
            except Error as error:
                logger.warning("job %d has no pulse: %s", job_id, type(error).__name__)

    thread = threading.Thread(target=beat, name=f"pulse of job {job_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
