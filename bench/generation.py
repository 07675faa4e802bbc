"""Completions per second of a run, against a bare asyncio client at the same concurrency.

A server of its own process answers after 300 ms, however many ask. Both are measured in the same
run: the bare client asks and forgets; ours leases, asks, checks, stores and pairs, in a worker's
own process. GENERATION_SLOTS names other sizes, as "1000,10000,100000".
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from bench.instance import running
from bench.llm import PATH, serving, started_run

LATENCY_SECONDS = 0.3
CONCURRENCY = (16, 64)
SLOTS = (1_000, 10_000)
SAMPLES = 2


def main() -> dict[str, Any]:
    """The ratio by concurrency and number of slots, with both speeds."""
    asked = os.environ.get("GENERATION_SLOTS")
    sizes = tuple(map(int, asked.split(","))) if asked else SLOTS
    with serving(LATENCY_SECONDS) as server:
        os.environ["EGRESS_ALLOW"] = f"127.0.0.1:{server.port}"
        with running():
            return {
                f"concurrency_{concurrency}.slots_{size}": _compared(server.port, concurrency, size)
                for concurrency in CONCURRENCY
                for size in sizes
            }


def _compared(port: int, concurrency: int, size: int) -> dict[str, float]:
    # As many calls as are needed for a steady figure: a bare client has nothing that grows.
    bare_count = min(size, concurrency * 40)
    bare = bare_count / _timed(lambda: asyncio.run(_bare(port, concurrency, bare_count)))
    ours, stored = _ours(port, concurrency, size)
    return {
        "bare_per_second": round(bare, 1),
        "ours_per_second": round(ours, 1),
        "ratio": round(ours / bare, 3),
        "stored": stored,
    }


def _ours(port: int, concurrency: int, size: int) -> tuple[float, int]:
    """Completions per second from the first call to the last row stored, and how many there are."""
    from labeling.models import Completion
    from workers.generation import drive_calls

    run = started_run(
        port,
        prompts=size // SAMPLES,
        samples=SAMPLES,
        concurrency=concurrency,
        name=f"bench-{concurrency}-{size}",
    )
    endpoint_id = run.run_endpoints.get().endpoint_id
    began = time.perf_counter()
    filled = 0.0
    # What a worker does, slice after slice; the last one pairs, which is no part of the speed.
    while run.slots.filter(state__in=["waiting", "leased"]).exists():
        drive_calls(run_id=run.pk, endpoint_id=endpoint_id)
        ends = list(
            run.slots.filter(state="filled", finished_at__isnull=False)
            .order_by("finished_at")
            .values_list("finished_at", flat=True)
        )
        if ends and ends[0] and ends[-1]:
            filled = (ends[-1] - ends[0]).total_seconds()
    took = filled + LATENCY_SECONDS if filled else time.perf_counter() - began
    stored = Completion.objects.filter(prompt__campaign=run.campaign).count()
    return run.slots.filter(state="filled").count() / took, stored


async def _bare(port: int, concurrency: int, count: int) -> None:
    import httpx

    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    left = iter(range(count))
    async with httpx.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:

        async def ask() -> None:
            for number in left:
                body = {
                    "model": "bench",
                    "messages": [{"role": "user", "content": f"Question {number}"}],
                }
                answer = await client.post(f"http://127.0.0.1:{port}{PATH}", json=body)
                answer.raise_for_status()

        await asyncio.gather(*(ask() for _ in range(concurrency)))


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
