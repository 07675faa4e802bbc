"""The worker that `up` runs: `python -m workers.embedded`, with the scheduler in a thread of it.

A scheduler of its own costs as much memory as the worker, and on one machine nothing is gained.
It lives and dies with the worker, so a kill -9 leaves no second one behind.
"""

import sys
import warnings
from typing import Any

from celery import bootsteps
from celery.beat import EmbeddedService

from workers.app import app


class Beat(bootsteps.StartStopStep):
    """Ticks beside the worker's tasks."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self.service: Any = None

    def start(self, parent: Any) -> None:
        """Start the scheduler's thread."""
        schedule = app.conf.beat_schedule_filename
        self.service = EmbeddedService(app, thread=True, schedule_filename=schedule)
        self.service.daemon = True
        self.service.start()

    def stop(self, parent: Any) -> None:
        """Stop ticking before the worker lets its last tasks end."""
        if self.service:
            self.service.stop()


if __name__ == "__main__":
    # Messages are JSON from our own socket, and a container's root owns nothing but the container.
    warnings.filterwarnings("ignore", message="You're running the worker with superuser")
    app.conf.beat_schedule_filename = sys.argv[1]
    app.steps["worker"].add(Beat)
    app.worker_main(["--quiet", "worker", *sys.argv[2:]])
