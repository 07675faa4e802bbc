"""A local OpenAI-compatible server for benchmarks, and a run that asks it.

The server is a process of its own that answers each call after a latency, however many ask.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.instance import free_port

if TYPE_CHECKING:
    from labeling.models import GenerationRun

PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class Server:
    """Where it listens, and how many calls it was asked for."""

    port: int
    _calls: Any

    @property
    def calls(self) -> int:
        """Calls that reached it so far."""
        return int(self._calls.value)


@contextlib.contextmanager
def serving(latency_seconds: float) -> Iterator[Server]:
    """A server on a free port of the loopback interface, ended with the block."""
    context = multiprocessing.get_context("spawn")
    server = Server(free_port(), context.Value("L", 0))
    process = context.Process(
        target=serve, args=(server.port, latency_seconds, server._calls), daemon=True
    )
    process.start()
    try:
        until_up(server.port)
        server._calls.value = 0
        yield server
    finally:
        process.terminate()
        process.join(10)


def started_run(
    port: int, *, prompts: int, samples: int, concurrency: int, name: str
) -> "GenerationRun":
    """A run of `prompts` × `samples` at the server, with its slots laid and nothing asked yet."""
    from labeling.actions.endpoints import register_endpoint
    from labeling.actions.generation import start_generation
    from labeling.actions.generation_course import begin_generation
    from labeling.models import Prompt
    from tests import factories

    campaign = factories.campaign(state="draft")
    Prompt.objects.bulk_create(
        Prompt(
            campaign=campaign,
            content_hash=number.to_bytes(32),
            messages=[{"role": "user", "content": f"Question {number} about harbours"}],
        )
        for number in range(prompts)
    )
    endpoint = register_endpoint(
        organisation=campaign.organisation,
        by=None,
        name=name,
        base_url=f"http://127.0.0.1:{port}/v1",
        model="bench",
        limits={"concurrency": concurrency},
    )
    run = start_generation(
        campaign=campaign, endpoints=[endpoint.name], by=None, completions_per_prompt=samples
    )
    begin_generation(job_id=run.job_id)
    return run


def until_up(port: int) -> None:
    """Wait until something listens there; RuntimeError after 30 s."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            asyncio.run(asyncio.open_connection("127.0.0.1", port))
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("The server did not start.")


def serve(port: int, latency_seconds: float, calls: Any = None) -> None:
    """Answer each call after the latency, in one event loop, until the process is ended."""
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
                if calls is not None:
                    calls.value += 1
                await asyncio.sleep(latency_seconds)
                number += 1
                body = orjson.dumps(_answer(asked, f"{id(writer)}-{number}-{time.monotonic_ns()}"))
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

    async def listen() -> None:
        server = await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=512)
        async with server:
            await server.serve_forever()

    asyncio.run(listen())


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


if __name__ == "__main__":
    import sys

    serve(int(sys.argv[1]), float(sys.argv[2]))
