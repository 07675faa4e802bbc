"""A run whose workers are killed and whose broker is flushed, again and again (CR-03 to CR-06).

Three workers with their schedulers make calls; one after another is killed with -9 and replaced,
and the broker is flushed. GENERATION_KILLS names another number of kills than 200 (a flush to ten
of them), GENERATION_SLOTS another size of run. So that 200 kills take minutes, the leases are
short; the last part kills the only worker, with the product's own leases, and measures how long
it takes until another fills what it held.
"""

import os
import random
import subprocess
import time
from typing import TYPE_CHECKING, Any

from bench.instance import close_connections, running
from bench.llm import Server, serving, started_run
from bench.workers import start_worker

if TYPE_CHECKING:
    from labeling.models import GenerationRun

LATENCY_SECONDS = 0.3
CONCURRENCY = 16
SLOTS = 10_000
KILLS = 200
KILLS_TO_A_FLUSH = 10
WORKERS = 3
SHORT_LEASE_SECONDS = 4.0
SAMPLES = 2
# So much must be filled between two kills: each hits a worker's calls, none only its start.
FILLED_BETWEEN = 8
PATIENCE_SECONDS = 180.0


def main() -> dict[str, Any]:
    """Calls, completions and pairs after the kills, and the seconds that a recovery took."""
    slots = int(os.environ.get("GENERATION_SLOTS", SLOTS))
    kills = int(os.environ.get("GENERATION_KILLS", KILLS))
    with serving(LATENCY_SECONDS) as server:
        os.environ["EGRESS_ALLOW"] = f"127.0.0.1:{server.port}"
        with running() as instance:
            return {
                "killed": _killed(server, instance.home, slots, kills),
                "recovery": _recovery(server, instance.home),
            }


def _killed(server: Server, home: Any, slots: int, kills: int) -> dict[str, Any]:
    run = started_run(
        server.port,
        prompts=slots // SAMPLES,
        samples=SAMPLES,
        concurrency=CONCURRENCY,
        name="killed",
    )
    numbers = iter(range(10_000))
    chance = random.Random(20)

    def start() -> subprocess.Popen[bytes]:
        return start_worker(home, f"killed{next(numbers)}", lease_seconds=SHORT_LEASE_SECONDS)

    workers = [start() for _ in range(WORKERS)]
    began = time.monotonic()
    flushes = 0
    try:
        for number in range(kills):
            _until_filled(run, _filled(run) + FILLED_BETWEEN)
            victim = workers.pop(chance.randrange(len(workers)))
            victim.kill()
            victim.wait(10)
            if number % KILLS_TO_A_FLUSH == 0:
                _flush()
                flushes += 1
            workers.append(start())
        left_at_last_kill = slots - _filled(run)
        _until_finished(run, slots)
    finally:
        _end(workers)
    return {
        "slots": slots,
        "kills": kills,
        "flushes": flushes,
        "left_at_last_kill": left_at_last_kill,
        "seconds": round(time.monotonic() - began, 1),
        **_counted(run, server, slots, kills),
    }


def _recovery(server: Server, home: Any) -> dict[str, Any]:
    """One worker, the product's own leases: killed with its calls under way, and replaced."""
    slots = 600
    calls_before = server.calls
    run = started_run(
        server.port, prompts=slots // SAMPLES, samples=SAMPLES, concurrency=CONCURRENCY, name="lone"
    )
    worker = start_worker(home, "lone0")
    try:
        _until_filled(run, 100)
        worker.kill()
        worker.wait(10)
        held = list(run.slots.filter(state="leased").values_list("pk", flat=True))
        began = time.monotonic()
        worker = start_worker(home, "lone1")
        while run.slots.filter(pk__in=held).exclude(state="filled").exists():
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError("What the killed worker held was not filled.")
            time.sleep(0.2)
        seconds = time.monotonic() - began
        _until_finished(run, slots)
    finally:
        _end([worker])
    return {
        "held_at_the_kill": len(held),
        "seconds_until_filled": round(seconds, 1),
        "calls_beyond_slots": server.calls - calls_before - slots,
    }


def _counted(run: "GenerationRun", server: Server, slots: int, kills: int) -> dict[str, Any]:
    from labeling.models import Comparison, Completion

    completions = Completion.objects.filter(prompt__campaign=run.campaign)
    if run.slots.filter(state="filled").count() != slots or completions.count() != slots:
        raise RuntimeError("Not every slot has its one completion.")
    if server.calls > slots + kills * CONCURRENCY:
        raise RuntimeError("More calls were made than kills explain.")
    return {
        "completions": completions.count(),
        "completions_of_two_slots": slots
        - run.slots.values("completion").distinct().order_by().count(),
        "comparisons": Comparison.objects.filter(campaign=run.campaign).count(),
        "calls": server.calls,
        "most_calls_allowed": slots + kills * CONCURRENCY,
        "calls_lost_a_kill": round((server.calls - slots) / max(kills, 1), 2),
    }


def _filled(run: "GenerationRun") -> int:
    return run.slots.filter(state="filled").count()


def _until_filled(run: "GenerationRun", count: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while _filled(run) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Stood still at {_filled(run)} filled slots.")
        time.sleep(0.1)


def _until_finished(run: "GenerationRun", slots: int) -> None:
    before = -1
    while run.state != "finished":
        filled = _filled(run)
        if filled > before:
            before, deadline = filled, time.monotonic() + PATIENCE_SECONDS
        elif time.monotonic() > deadline:
            raise RuntimeError(f"Stood still at {filled} of {slots} slots, {run.state}.")
        time.sleep(0.5)
        run.refresh_from_db()


def _flush() -> None:
    from django.conf import settings
    from redis import Redis

    with Redis.from_url(str(settings.CACHES["default"]["LOCATION"])) as valkey:
        valkey.flushall()


def _end(workers: list[subprocess.Popen[bytes]]) -> None:
    close_connections()
    for worker in workers:
        worker.kill()
        worker.wait(10)
