"""A real HTTP server on the loopback that speaks OpenAI's form, well or as badly as it is told."""

import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LlmServer(ThreadingHTTPServer):
    """Answers `/v1/chat/completions` as `answer` says and remembers every call.

    `answer` gets the handler and the request's body. The default is a good completion that
    repeats the last message.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer: Callable[[_Handler, dict[str, Any]], None] = echo
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
                {"path": self.path, "headers": dict(self.headers), "body": body}
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
        # Where a redirect that was followed would arrive.
        with self.server.lock:
            self.server.calls.append(
                {"path": self.path, "headers": dict(self.headers), "body": None}
            )
        self.send(200, b"{}")

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


def completion(text: Any = "Hello.", finish_reason: Any = "stop", **message: Any) -> dict[str, Any]:
    """The body of a good answer."""
    return {
        "id": "chatcmpl-1",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5},
    }


def echo(handler: _Handler, body: dict[str, Any]) -> None:
    """A good completion that repeats the last message."""
    handler.send_json(completion(f"You said: {body['messages'][-1]['content']}"))


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


def gzip_bomb(size: int) -> Answer:
    """A small body that would be `size` bytes of blanks."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [compressor.compress(b" " * (1 << 20)) for _ in range(size >> 20)]
    return raw(b"".join([*parts, compressor.flush()]), Content_Encoding="gzip")


def gzipped(value: Any) -> Answer:
    """A good JSON answer, compressed though nobody asked."""
    return raw(gzip.compress(json.dumps(value).encode()), Content_Encoding="gzip")
