"""Completions per second of two workers in network namespaces of their own, against one.

A namespace stands for a machine: it has its own loopback interface, on which its own server
answers after a latency, and shares the database and the broker. A worker drives 64 calls at once,
so that its threads and not the server bound it. Making namespaces needs root on Linux; elsewhere
the figures are empty. One and two are measured in one run, each first and each last.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from bench.instance import ROOT, close_connections, free_port, running
from bench.llm import started_run
from bench.workers import start_worker

LATENCY_SECONDS = 1.0
WIDTH = 64
SLOTS = 4_000
SAMPLES = 2
ROUNDS = (1, 2, 2, 1)
NAMES = ("thurstone-bench-a", "thurstone-bench-b")


def main() -> dict[str, Any]:
    """Completions per second of one and two workers, and their ratio."""
    if os.name != "posix" or os.geteuid() or shutil.which("ip") is None:
        return {"why_not": "Network namespaces need root and the `ip` command."}
    port = free_port()
    os.environ["EGRESS_ALLOW"] = f"127.0.0.1:{port}"
    with contextlib.ExitStack() as stack:
        for name in NAMES:
            stack.enter_context(_machine(name, port))
        instance = stack.enter_context(running())
        rates: dict[int, list[float]] = {1: [], 2: []}
        for turn, count in enumerate(ROUNDS):
            rates[count].append(_rate(instance.home, port, turn, count))
    one, two = (sum(rates[count]) / len(rates[count]) for count in (1, 2))
    return {
        "one_per_second": [round(rate, 1) for rate in rates[1]],
        "two_per_second": [round(rate, 1) for rate in rates[2]],
        "ratio": round(two / one, 3),
    }


@contextlib.contextmanager
def _machine(name: str, port: int) -> Iterator[None]:
    """A namespace with a loopback interface and a server on it."""
    subprocess.run(["ip", "netns", "add", name], check=True)
    inside = ("ip", "netns", "exec", name)
    server = None
    try:
        subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
        server = subprocess.Popen(
            [*inside, sys.executable, "-m", "bench.llm", str(port), str(LATENCY_SECONDS)], cwd=ROOT
        )
        yield
    finally:
        if server is not None:
            server.kill()
            server.wait(10)
        subprocess.run(["ip", "netns", "del", name], check=True)


def _rate(home: Any, port: int, turn: int, count: int) -> float:
    """Completions per second from the first stored to the last, by `count` workers."""
    from labeling.models import GenerationSlot

    run = started_run(
        port, prompts=SLOTS // SAMPLES, samples=SAMPLES, concurrency=2 * WIDTH, name=f"turn{turn}"
    )
    workers = [
        start_worker(home, f"{turn}-{name}", threads=1, inside=("ip", "netns", "exec", name))
        for name in NAMES[:count]
    ]
    try:
        deadline = time.monotonic() + 300
        while run.slots.exclude(state="filled").exists():
            if time.monotonic() > deadline:
                raise RuntimeError("The run stood still.")
            time.sleep(0.5)
        found = GenerationSlot.objects.filter(run=run).order_by("finished_at")
        ends = [end for end in found.values_list("finished_at", flat=True) if end is not None]
    finally:
        close_connections()
        for worker in workers:
            worker.kill()
            worker.wait(10)
    # The middle: neither the workers' start nor the last calls, when one has nothing left to do.
    first, last = len(ends) // 4, 9 * len(ends) // 10
    return (last - first) / (ends[last] - ends[first]).total_seconds()
