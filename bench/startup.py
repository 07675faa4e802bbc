"""How long a newcomer waits, and what an idle instance weighs.

A clone of the last commit is started with `make demo` as on a fresh machine (packages come from
uv's cache), stopped, started again, weighed, and stopped. Memory is PSS: shared pages count once.
"""

import http.client
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.instance import ROOT, free_port
from bench.processes import descendants

IDLE_SECONDS = 10


def main() -> dict[str, Any]:
    """Seconds to the first page and to stop, from a fresh clone and again; idle memory in MB."""
    with tempfile.TemporaryDirectory(prefix="thurstone-bench-") as folder:
        clone = Path(folder, "clone")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        fresh, memory_fresh, stop_fresh = _start_and_stop(clone)
        again, memory, stop_again = _start_and_stop(clone)
    return {
        "fresh_clone_to_first_page_s": fresh,
        "second_start_to_first_page_s": again,
        "stop_s": max(stop_fresh, stop_again),
        "idle_memory_mb": round(sum(memory.values()), 1),
        "idle_memory_after_first_start_mb": round(sum(memory_fresh.values()), 1),
        "idle_memory_by_process_mb": memory,
        "targets": {"fresh_s": 90, "second_s": 10, "memory_mb": 400},
    }


def _start_and_stop(clone: Path) -> tuple[float, dict[str, float], float]:
    port = free_port()
    drop = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "THURSTONE_HOME", "VIRTUAL_ENV", "DEBUG")
    env = {name: value for name, value in os.environ.items() if name not in drop}
    # The machine's own choice, as a newcomer's shell has it.
    env = {**env, "PORT": str(port)}
    env.pop("THURSTONE_DATA", None)
    began = time.monotonic()
    with Path(clone, "bench.log").open("ab") as log:
        process = subprocess.Popen(
            ["make", "demo"],
            cwd=clone,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not _first_page(port):
            if process.poll() is not None or time.monotonic() - began > 600:
                raise RuntimeError(Path(clone, "bench.log").read_text()[-4000:])
            time.sleep(0.1)
        seconds = time.monotonic() - began
        time.sleep(IDLE_SECONDS)
        memory = _memory(process.pid)
    finally:
        stopping = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        process.wait(60)
    return round(seconds, 1), memory, round(time.monotonic() - stopping, 1)


def _first_page(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/login/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _memory(root: int) -> dict[str, float]:
    """PSS in MB of a process and all below it, summed by what they are."""
    weights: dict[str, float] = {}
    for pid in descendants(root):
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        pss = next(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Pss:"))
        weights[_kind(line)] = round(weights.get(_kind(line), 0.0) + pss / 1024, 1)
    return weights


def _kind(command_line: str) -> str:
    for mark, kind in (
        ("gunicorn", "web"),
        ("workers.embedded", "worker and scheduler"),
        ("valkey-server", "valkey"),
        ("postgres", "postgres"),
        ("manage.py up", "supervisor"),
    ):
        if mark in command_line:
            return kind
    return "make"
