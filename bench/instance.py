"""A throw-away instance to measure: services in a folder of its own, and a web server.

Importing this loads no Django: `running` makes the environment that settings are read from first.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import descendants
from config import embedded
from config.own_keys import load_keys

ROOT = Path(__file__).resolve().parents[1]
ALIVE = "/healthz/live"


@dataclass(frozen=True)
class Instance:
    """A running instance: its folder, and the process id of its PostgreSQL."""

    home: Path
    postgres: int


@dataclass(frozen=True)
class WebServer:
    """Gunicorn that answers: its port, its own process id and those of its workers."""

    port: int
    pid: int
    workers: list[int]


@contextlib.contextmanager
def running() -> Iterator[Instance]:
    """PostgreSQL with an empty, migrated database and Valkey; Django is set up in this process."""
    with tempfile.TemporaryDirectory(prefix="thurstone-bench-") as folder:
        home = Path(folder)
        services = embedded.Services(home)
        try:
            keys = load_keys(home)
            os.environ.update(
                services.start(),
                THURSTONE_HOME=str(home),
                SECRET_KEY=keys.secret_key,
                FIELD_ENCRYPTION_KEYS=",".join(keys.field_encryption_keys),
                DJANGO_SETTINGS_MODULE="config.settings",
                STATIC_ROOT=str(home / "static"),
            )
            os.environ.pop("DEBUG", None)
            _set_up()
            postmaster = (home / "postgres" / "postmaster.pid").read_text()
            yield Instance(home, int(postmaster.split("\n", 1)[0]))
        finally:
            services.stop()


def _set_up() -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def close_connections() -> None:
    """Let go of this process's database connections: what follows is measured without them."""
    from django.db import connection

    connection.close()
    getattr(connection, "close_pool", lambda: None)()


@contextlib.contextmanager
def web_server(*, workers: int | None = None) -> Iterator[WebServer]:
    """Gunicorn as configured for production, on a free port; `workers` instead of its own count."""
    port = free_port()
    address = f"127.0.0.1:{port}"
    environment = {**os.environ, "BIND": address, "BASE_URL": f"http://{address}"}
    if workers:
        environment["WEB_WORKERS"] = str(workers)
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-c", "python:config.web", "config.wsgi"],
        cwd=ROOT,
        env=environment,
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The web process did not start.")
            time.sleep(0.1)
        yield WebServer(port, server.pid, [p for p in descendants(server.pid) if p != server.pid])
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(60)


def free_port() -> int:
    """A port of the loopback interface that nobody holds."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def seconds_of(port: int, path: str = ALIVE) -> float:
    """How long the server takes to answer one request on a connection of its own."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    connection.getresponse().read()
    connection.close()
    return time.perf_counter() - began


def _answers(port: int) -> bool:
    try:
        return seconds_of(port) > 0
    except OSError:
        return False
