"""How gunicorn serves the application: `gunicorn -c python:config.web config.wsgi`."""

import gc
import os
from pathlib import Path
from typing import Any

bind = os.environ.get("BIND") or f"127.0.0.1:{os.environ.get('PORT', '8000')}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "2"))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once and shared: the second worker costs a third of the first.
preload_app = True
timeout = 60
graceful_timeout = int(os.environ.get("WEB_GRACEFUL_SECONDS", "30"))
keepalive = 15
accesslog = "-" if os.environ.get("LOG_REQUESTS") == "1" else None
errorlog = "-"
loglevel = "warning"
control_socket_disable = True
# The workers' heartbeat is a file; on a slow disk it would stall them.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def when_ready(server: Any) -> None:
    """Keep the shared pages shared: what is loaded by now is never collected."""
    gc.collect()
    gc.freeze()


def post_fork(server: Any, worker: Any) -> None:
    """Give the worker connections of its own: one opened before the fork is the master's."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.connection = None
