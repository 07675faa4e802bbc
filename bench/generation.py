"""Completions per second of a run, against a bare asyncio client at the same concurrency.

A server of its own process answers after 300 ms, however many ask. Both are measured in the same
run: the bare client asks and forgets; ours leases, asks, checks, stores and pairs, in a worker's
own process. GENERATION_SLOTS names other sizes, as "1000,10000,100000".
"""

import asyncio
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

from bench.instance import free_port, running

LATENCY_SECONDS = 0.3
CONCURRENCY = (16, 64)
SLOTS = (1_000, 10_000)
SAMPLES = 2


def main() -> dict[str, Any]:
    """The ratio by concurrency and number of slots, with both speeds."""
    sizes = (
        tuple(map(int, os.environ.get("GENERATION_SLOTS", "").split(",")))
        if os.environ.get("GENERATION_SLOTS")
        else SLOTS
    )
    context = multiprocessing.get_context("spawn")
    port = free_port()
    server = context.Process(target=_serve, args=(port,), daemon=True)
    server.start()
    _until_up(port)
    figures: dict[str, Any] = {}
    try:
        os.environ["EGRESS_ALLOW"] = f"127.0.0.1:{port}"
        with running():
            for concurrency in CONCURRENCY:
                for size in sizes:
                    figures[f"concurrency_{concurrency}.slots_{size}"] = _compared(
                        port, concurrency, size
                    )
    finally:
        server.terminate()
        server.join(10)
    return figures


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
    from labeling.actions.endpoints import register_endpoint
    from labeling.actions.generation import start_generation
    from labeling.actions.generation_course import begin_generation
    from labeling.models import Completion, Prompt
    from tests import factories
    from workers.generation import drive_calls

    campaign = factories.campaign(state="draft")
    Prompt.objects.bulk_create(
        Prompt(
            campaign=campaign,
            content_hash=number.to_bytes(32),
            messages=[{"role": "user", "content": f"Question {number} about harbours"}],
        )
        for number in range(size // SAMPLES)
    )
    endpoint = register_endpoint(
        organisation=campaign.organisation,
        by=None,
        name=f"bench-{concurrency}-{size}",
        base_url=f"http://127.0.0.1:{port}/v1",
        model="bench",
        limits={"concurrency": concurrency},
    )
    run = start_generation(
        campaign=campaign,
        endpoints=[endpoint.name],
        by=None,
        completions_per_prompt=SAMPLES,
    )
    begin_generation(job_id=run.job_id)
    began = time.perf_counter()
    filled = 0.0
    # What a worker does, slice after slice; the last one pairs, which is no part of the speed.
    while run.slots.filter(state__in=["waiting", "leased"]).exists():
        drive_calls(run_id=run.pk, endpoint_id=endpoint.pk)
        ends = list(
            run.slots.filter(state="filled", finished_at__isnull=False)
            .order_by("finished_at")
            .values_list("finished_at", flat=True)
        )
        if ends and ends[0] and ends[-1]:
            filled = (ends[-1] - ends[0]).total_seconds()
    took = filled + LATENCY_SECONDS if filled else time.perf_counter() - began
    stored = Completion.objects.filter(prompt__campaign=campaign).count()
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
                answer = await client.post(
                    f"http://127.0.0.1:{port}/v1/chat/completions", json=body
                )
                answer.raise_for_status()

        await asyncio.gather(*(ask() for _ in range(concurrency)))


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _until_up(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            asyncio.run(_bare(port, 1, 1))
        except Exception:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start.")


def _serve(port: int) -> None:
    """An OpenAI-compatible server that answers each call after the latency, in one event loop."""
    import orjson

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                )
                asked = orjson.loads(await reader.readexactly(length))
                await asyncio.sleep(LATENCY_SECONDS)
                number += 1
                body = orjson.dumps(_answer(asked, f"{id(writer)}-{number}"))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
                    + str(len(body)).encode()
                    + b"\r\n\r\n"
                    + body
                )
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=512)
        async with server:
            await server.serve_forever()

    asyncio.run(serve())


def _answer(asked: dict[str, Any], name: str) -> dict[str, Any]:
    said = asked["messages"][-1]["content"]
    text = f"To {said}, as {name} sees it: " + "harbours are where ships find rest. " * 10
    return {
        "id": name,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": text},
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 90},
    }
