"""Raters as clients of the API: keep-alive HTTP over loopback, with next to no own work."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

ANSWER = b'{"side": "left", "strength": 2, "rationale": "It answers what was asked, and briefly."}'


@dataclass
class Waits:
    """Seconds each claim and each submission took, and what was not answered as hoped."""

    claims: list[float] = field(default_factory=list)
    submissions: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def add(self, other: "Waits") -> None:
        self.claims += other.claims
        self.submissions += other.submissions
        self.empty += other.empty
        self.others += other.others


class Connection:
    """A keep-alive connection that reads no more of an answer than it must."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host = f"127.0.0.1:{port}".encode()

    def send(self, method: str, path: str, head: bytes, body: bytes) -> tuple[int, bytes, bytes]:
        """Status, head and body of the answer."""
        self.socket.sendall(
            b"%s %s HTTP/1.1\r\nHost: %s\r\n%sContent-Length: %d\r\n\r\n%s"
            % (method.encode(), path.encode(), self.host, head, len(body), body)
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._more()
        answered, _, content = answer.partition(b"\r\n\r\n")
        length = next(
            (
                int(line[15:])
                for line in answered.split(b"\r\n")
                if line[:15].lower() == b"content-length:"
            ),
            0,
        )
        while len(content) < length:
            content += self._more()
        return int(answered[9:12]), answered, content

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _more(self) -> bytes:
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError("The server hung up.")
        return piece


class AnyRater(Protocol):
    """Somebody who judges in a campaign until a moment comes."""

    def rate(self, slug: str, until: float) -> Waits: ...


class ApiRater:
    """One rater's connection to the API."""

    def __init__(self, port: int, token: str) -> None:
        self.connection = Connection(port)
        self.head = (
            f"Authorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nAccept: application/json\r\n"
        ).encode()

    def post(self, path: str, body: bytes = b"{}") -> tuple[int, bytes]:
        """Status and body of the answer."""
        status, _, content = self.connection.send("POST", f"/api/v1/{path}", self.head, body)
        return status, content

    def rate(self, slug: str, until: float, *, most: int = 10**9) -> Waits:
        """Claim and submit until the moment comes; where nothing is left, go on asking."""
        waits = Waits()
        while time.perf_counter() < until and most:
            most -= 1
            began = time.perf_counter()
            status, shown = self.post(f"campaigns/{slug}/assignments/")
            claimed = time.perf_counter()
            if status == 204:
                waits.empty.append(claimed - began)
                continue
            if status != 201:
                waits.others.append(status)
                continue
            waits.claims.append(claimed - began)
            public_id = shown.partition(b'"id":"')[2][:36].decode()
            status, _ = self.post(f"assignments/{public_id}/judgment/", ANSWER)
            if status == 201:
                waits.submissions.append(time.perf_counter() - claimed)
            else:
                waits.others.append(status)
        return waits


def rate_together(raters: Sequence[Callable[[], AnyRater]], slug: str, seconds: float) -> Waits:
    """All these raters at once, each as fast as the server lets them; each comes anew."""
    total = Waits()
    errors: list[BaseException] = []
    until = time.perf_counter() + seconds

    def work(come: Callable[[], AnyRater]) -> None:
        try:
            waits = come().rate(slug, until)
        except BaseException as error:
            errors.append(error)
            return
        total.add(waits)

    threads = [threading.Thread(target=work, args=(come,)) for come in raters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return total
