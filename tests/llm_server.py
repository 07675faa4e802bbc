"""A real HTTP server on the loopback that speaks the providers' forms, well or as badly as told.

By the path it is asked at, it answers as OpenAI, as Anthropic or as Google would.
"""

import gzip
import json
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests import llm_forms
from tests.llm_forms import EVENTS, WHOLE

completion = llm_forms.completion


class LlmServer(ThreadingHTTPServer):
    """Answers what is posted as `answer` says and remembers every call.

    `answer` gets the handler and the request's body. The default is a good completion that
    repeats the last message, in the form and the way, whole or streamed, that was asked for.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[_Handler, dict[str, Any]], None] = echo
        self.models = ["cedar-14b-instruct", "cedar-7b"]
        # How long the list of models takes.
        self.models_seconds = 0.0
        self.calls: list[dict[str, Any]] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        """host:port, as an allow-list writes it."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def base_url(self) -> str:
        """What an endpoint is registered with."""
        return f"http://{self.host}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what some tests are about; it is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: LlmServer

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.calls.append(
                {
                    "path": self.path,
                    "headers": dict(self.headers),
                    "body": body,
                    "from": self.client_address,
                }
            )
            self.server.in_flight += 1
            self.server.most_in_flight = max(self.server.most_in_flight, self.server.in_flight)
        try:
            with suppress(ConnectionError):
                self.server.answer(self, body)
        finally:
            with self.server.lock:
                self.server.in_flight -= 1

    def do_GET(self) -> None:
        """The models on offer; elsewhere nothing, where a redirect that was followed arrives."""
        with self.server.lock:
            self.server.calls.append(
                {"path": self.path, "headers": dict(self.headers), "body": None}
            )
        time.sleep(self.server.models_seconds)
        if not self.path.partition("?")[0].endswith("/models"):
            self.send(200, b"{}")
        elif "v1beta" in self.path:
            self.send_json({"models": [{"name": f"models/{n}"} for n in self.server.models]})
        else:
            self.send_json({"data": [{"id": name} for name in self.server.models]})

    @property
    def form(self) -> str:
        """Whose form the path asks for."""
        if self.path.endswith("/messages"):
            return "anthropic"
        return "google" if ":" in self.path.rpartition("/")[2] else "openai_compatible"

    def begin_stream(self) -> None:
        """The head of a stream of events; `send_event` follows, and `end_stream`."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, chunk: bytes) -> None:
        """One chunk of a body, at once."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.flush()

    def end_stream(self) -> None:
        """The regular end of a body in chunks."""
        self.wfile.write(b"0\r\n\r\n")

    def send(self, status: int, body: bytes, **headers: str) -> None:
        """One whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, value: Any, status: int = 200, **headers: str) -> None:
        """A JSON answer."""
        self.send(
            status, json.dumps(value).encode(), **{"Content_Type": "application/json"} | headers
        )

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


Answer = Callable[[_Handler, dict[str, Any]], None]


@contextmanager
def running() -> Iterator[LlmServer]:
    """The server in a thread of its own, on a free port."""
    server = LlmServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def echo(handler: _Handler, body: dict[str, Any]) -> None:
    """A good completion that repeats the last message, as it was asked for."""
    text = f"You said: {_last(body)}"
    if body.get("stream") or "alt=sse" in handler.path:
        pieces = [text[at : at + 4] for at in range(0, len(text), 4)]
        streams(*EVENTS[handler.form](pieces))(handler, body)
    else:
        handler.send_json(WHOLE[handler.form](text))


def _last(body: dict[str, Any]) -> Any:
    if "contents" in body:
        return body["contents"][-1]["parts"][-1]["text"]
    return body["messages"][-1]["content"]


def streams(*frames: bytes, tokens_per_second: float = 0, ends: bool = True) -> Answer:
    """These bytes, a chunk each, at a pace; without an end it hangs up where they stop."""

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.begin_stream()
        for one in frames:
            if tokens_per_second:
                time.sleep(1 / tokens_per_second)
            handler.send_chunk(one)
        if ends:
            handler.end_stream()
        else:
            handler.close_connection = True

    return answer


def streams_until_closed(body: bytes) -> Answer:
    """A stream in no chunks: its end is where the connection is closed, cut or not."""

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def bytewise(body: bytes, kind: str = "application/json") -> Answer:
    """Each byte in a chunk of its own, as fast as it goes."""
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(chunks)
        handler.end_stream()

    return answer


def rated(answer: Answer, *, per_minute: int) -> Answer:
    """The answer to so many calls in any minute, and 429 with a wait to the others."""
    taken: deque[float] = deque()
    lock = threading.Lock()

    def rationed(handler: _Handler, body: dict[str, Any]) -> None:
        now = time.monotonic()
        with lock:
            while taken and taken[0] <= now - 60:
                taken.popleft()
            wait = 60 - (now - taken[0]) if len(taken) >= per_minute else 0.0
            if not wait:
                taken.append(now)
        if wait:
            error = {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}}
            handler.send_json(error, 429, Retry_After=f"{wait:.3f}")
        else:
            answer(handler, body)

    return rationed


def after(seconds: float, answer: Answer) -> Answer:
    """The answer, later."""

    def late(handler: _Handler, body: dict[str, Any]) -> None:
        time.sleep(seconds)
        answer(handler, body)

    return late


def says(value: Any, status: int = 200, **headers: str) -> Answer:
    """A fixed JSON answer."""
    return lambda handler, body: handler.send_json(value, status, **headers)


def raw(body: bytes, status: int = 200, **headers: str) -> Answer:
    """A fixed answer, byte for byte."""
    return lambda handler, _: handler.send(status, body, **headers)


def in_turn(*answers: Answer) -> Answer:
    """One answer after the other, the last one for ever."""
    left = list(answers)
    lock = threading.Lock()

    def answer(handler: _Handler, body: dict[str, Any]) -> None:
        with lock:
            chosen = left.pop(0) if len(left) > 1 else left[0]
        chosen(handler, body)

    return answer


def drip_body(seconds: float) -> Answer:
    """Headers at once, then a byte now and then, and never an end."""

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        for _count in range(1000):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(seconds)

    return answer


def drip_headers(seconds: float) -> Answer:
    """A status line, then headers a byte at a time."""

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _count in range(1000):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(seconds)

    return answer


def cut(whole: bytes, sent: int) -> Answer:
    """Promises the whole, sends a part, hangs up."""

    def answer(handler: _Handler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(whole)))
        handler.end_headers()
        handler.wfile.write(whole[:sent])
        handler.wfile.flush()
        handler.close_connection = True

    return answer


def hang_up(handler: _Handler, _: dict[str, Any]) -> None:
    """No answer at all."""
    handler.close_connection = True
    handler.connection.close()


def endless(handler: _Handler, _: dict[str, Any]) -> None:
    """Chunks without end."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    while True:
        handler.wfile.write(chunk)


def endless_events(handler: _Handler, _: dict[str, Any]) -> None:
    """A stream of events whose one line has no end."""
    handler.begin_stream()
    handler.send_chunk(b"data: ")
    while True:
        handler.send_chunk(b"x" * 0x10000)


def gzip_bomb(size: int) -> Answer:
    """A small body that would be `size` bytes of blanks."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [compressor.compress(b" " * (1 << 20)) for _ in range(size >> 20)]
    return raw(b"".join([*parts, compressor.flush()]), Content_Encoding="gzip")


def gzipped(value: Any) -> Answer:
    """A good JSON answer, compressed though nobody asked."""
    return raw(gzip.compress(json.dumps(value).encode()), Content_Encoding="gzip")
