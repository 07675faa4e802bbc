"""Worker processes as an installation runs them, each with the scheduler in it."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.instance import ROOT

# A lease's default is bound when its function is made: this says another before the worker starts.
_SHORT = """
import runpy, sys
import django
django.setup()
from labeling.actions import slots
from workers import driving
for one in (slots.claim_slots.__wrapped__, slots.prolong_leases):
    one = getattr(one, "__wrapped__", one)
    one.__kwdefaults__["lease_seconds"] = {seconds}
driving.BEAT_SECONDS = {seconds} / 5
runpy.run_module("workers.embedded", run_name="__main__", alter_sys=True)
"""


def start_worker(
    home: Path,
    name: str,
    *,
    threads: int = 8,
    lease_seconds: float | None = None,
    inside: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start a worker on the database and broker of this process's environment.

    `lease_seconds` gives slots other leases than the product's; `inside` is a command that runs
    it, such as `ip netns exec NAME`.
    """
    program = (
        ["-m", "workers.embedded"]
        if lease_seconds is None
        else ["-c", _SHORT.format(seconds=float(lease_seconds))]
    )
    return subprocess.Popen(
        [
            *(*inside, sys.executable, *program, str(home / f"beat-{name}")),
            *("--pool", "threads", "--loglevel", "error", "--concurrency", str(threads)),
            *("--queues", "default,llm", "--hostname", f"{name}@bench"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
        cwd=ROOT,
        env=os.environ.copy(),
    )
