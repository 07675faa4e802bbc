"""One HTTP call to a provider: within its deadlines, no larger than its limit, and without secrets.

All clients send through here. Nothing of the HTTP library's own errors is passed on, not even as a
cause: they may quote headers. It is httpcore, without httpx's layer above it: what that adds
(cookies, redirects, proxies of the environment, decoding) is what must not happen here.
"""

import re
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ssl import SSLContext
from typing import Any

import httpcore
import httpx
import orjson

from labeling.clients import event_stream
from labeling.clients.egress import (
    AddressRefusedError,
    Connections,
    Deadline,
    EgressPolicy,
    deadline,
)
from labeling.clients.protocol import ClientLimits, ErrorKind, ProviderError

_SECRET = re.compile(r"(?i)bearer\s+\S+|\bsk-[\w*-]{4,}|\bAIza[\w-]{8,}")
_MAX_SHOWN_CHARS = 300
_DECODERS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
# A byte a piece makes work without making bytes. A stream has a piece for each token.
MAX_PIECES = 20_000
MAX_STREAM_PIECES = 200_000
# The frames of a stream are many times the text they carry.
STREAM_FACTOR = 8
MAX_RAW_BYTES = 1 << 20
# How long the end of a stream is waited for once the answer is whole.
_GOODBYE_SECONDS = 0.5
_INFLATED_AT_ONCE = 1 << 16
_MOST_URLS = 64
_BROKEN = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


class Sender:
    """Calls to one base URL with one key. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        key_header: tuple[str, str],
        headers: Mapping[str, str] | None = None,
        policy: EgressPolicy,
        limits: ClientLimits | None = None,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self.limits = limits or ClientLimits()
        self.base_url = base_url.rstrip("/")
        self._policy = policy
        self._key = key.strip()
        if not all("!" <= c <= "~" for c in self._key):
            raise ProviderError(ErrorKind.UNAUTHORISED, "The key holds a character no key has.")
        self._headers = [
            ("User-Agent", "thurstone"),
            ("Accept-Encoding", "identity"),
            ("Content-Type", "application/json"),
            *(headers or {}).items(),
        ]
        if self._key:
            name, before = key_header
            self._headers.append((name, f"{before}{self._key}"))
        total = self.limits.total_seconds
        connect = min(self.limits.connect_seconds, total)
        self._timeout = {"connect": connect, "read": total, "write": total, "pool": total}
        self._urls: dict[str, httpcore.URL] = {}
        self._connections = Connections(policy, ssl_context=ssl_context)

    def close(self) -> None:
        """Close the connections kept alive."""
        self._connections.close()

    @contextmanager
    def asked(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        streams: bool = False,
        keeps_raw: bool = False,
    ) -> Iterator["Answer"]:
        """The answer to one request, to be read within this block, or `ProviderError`."""
        limits = self.limits
        first_seconds = limits.first_token_seconds if streams else None
        clock: Deadline | None = None
        try:
            self._policy.check_form(self.base_url)
            accepted = "text/event-stream" if streams else "application/json"
            with (
                deadline(limits.total_seconds, first_seconds=first_seconds) as clock,
                self._connections.one() as connection,
                connection.stream(
                    method,
                    self._url(path),
                    headers=[*self._headers, ("Accept", accepted)],
                    content=None if body is None else orjson.dumps(body),
                    extensions={"timeout": self._timeout},
                ) as response,
            ):
                yield Answer(response, limits, clock, keeps_raw=keeps_raw)
        except orjson.JSONEncodeError:
            raise ProviderError(
                ErrorKind.REFUSED, "The prompt is not text that JSON has."
            ) from None
        except AddressRefusedError as error:
            raise ProviderError(ErrorKind.ADDRESS_REFUSED, str(error)) from None
        except httpcore.ConnectTimeout:
            raise ProviderError(
                ErrorKind.UNREACHABLE, f"No connection in {limits.connect_seconds:g} s."
            ) from None
        except httpcore.TimeoutException:
            if clock is not None and clock.waits_for_first:
                words = f"No first piece of the answer in {first_seconds:g} s."
            else:
                words = f"No whole answer in {limits.total_seconds:g} s."
            raise ProviderError(ErrorKind.TIMED_OUT, words) from None
        except httpcore.ConnectError:
            raise ProviderError(ErrorKind.UNREACHABLE, "The server cannot be reached.") from None
        except _BROKEN:
            raise ProviderError(
                ErrorKind.UNREACHABLE, "The connection broke before the answer was whole."
            ) from None

    def _url(self, path: str) -> httpcore.URL:
        """The address of a path, read once. A host in letters of the world is sent as IDNA."""
        if (known := self._urls.get(path)) is not None:
            return known
        try:
            read = httpx.URL(f"{self.base_url}/{path}")
        except httpx.InvalidURL:
            raise ProviderError(ErrorKind.ADDRESS_REFUSED, "This is no URL.") from None
        url = httpcore.URL(
            scheme=read.raw_scheme, host=read.raw_host, port=read.port, target=read.raw_path
        )
        if len(self._urls) < _MOST_URLS:
            self._urls[path] = url
        return url

    def shown(self, text: str) -> str:
        """What a provider said, without secrets and control characters, cut short."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = _SECRET.sub("[key]", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text[:_MAX_SHOWN_CHARS]

    def kept(self, raw: bytes) -> bytes:
        """A body as it may be kept: our key, which a server may echo, is not in it."""
        return raw.replace(self._key.encode(), b"[key]") if self._key else raw


class Answer:
    """What comes back, piece by piece, and never more of it than the limits allow."""

    def __init__(
        self,
        response: httpcore.Response,
        limits: ClientLimits,
        clock: Deadline,
        *,
        keeps_raw: bool,
    ) -> None:
        self.status = response.status
        # Names in small letters.
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in response.headers
        }
        self.clock = clock
        self.raw = bytearray() if keeps_raw else None
        self._response = response
        self._limits = limits
        self._begun = clock.end - limits.total_seconds

    @property
    def is_event_stream(self) -> bool:
        """It comes piece by piece, as was asked; some servers answer at once all the same."""
        kind = self.headers.get("content-type", "")
        return bool(kind.partition(";")[0].strip().lower() == "text/event-stream")

    def ms(self) -> int:
        """Milliseconds since the request was begun."""
        return round((time.monotonic() - self._begun) * 1000)

    def body(self) -> bytes:
        """All of it."""
        return b"".join(self._pieces(self._limits.body_bytes, MAX_PIECES))

    def events(self) -> Iterator[event_stream.Event]:
        """The events of a stream, as they come."""
        limit = self._limits.body_bytes
        pieces = self._pieces(STREAM_FACTOR * limit, MAX_STREAM_PIECES)
        return event_stream.events(pieces, most_bytes=limit)

    def see_off(self, events: Iterator[event_stream.Event]) -> None:
        """Read what follows a whole answer, which leaves the connection fit for another call.

        Nothing that goes wrong now matters, and it gets half a second.
        """
        self.clock.begin_answer()
        self.clock.shorten(_GOODBYE_SECONDS)
        with suppress(*_BROKEN, httpcore.TimeoutException, ProviderError):
            for _ in events:
                pass

    def _pieces(self, limit: int, most: int) -> Iterator[bytes]:
        total = 0
        for piece in filter(None, self._inflated(most)):
            total += len(piece)
            if total > limit:
                raise ProviderError(
                    ErrorKind.TOO_LARGE, f"The answer is larger than {limit:,} bytes."
                )
            if self.raw is not None and len(self.raw) < MAX_RAW_BYTES:
                self.raw += piece[: MAX_RAW_BYTES - len(self.raw)]
            yield piece

    def _inflated(self, most: int) -> Iterator[bytes]:
        coding = self.headers.get("content-encoding", "").strip().lower()
        decompressor = None
        if coding in _DECODERS:
            decompressor = zlib.decompressobj(_DECODERS[coding])
        elif coding not in ("", "identity"):
            raise ProviderError(ErrorKind.MALFORMED, "The answer is compressed in an unknown way.")
        for count, piece in enumerate(self._response.iter_stream()):
            if count >= most:
                raise ProviderError(
                    ErrorKind.TOO_LARGE, f"The answer came in more than {most:,} pieces."
                )
            # What was read at once may be worked off for long without another read.
            self.clock.remaining()
            if decompressor is None:
                yield piece
                continue
            left = piece
            while left:
                try:
                    # So much at once is all that a bomb can make us hold.
                    inflated = decompressor.decompress(left, _INFLATED_AT_ONCE)
                except zlib.error:
                    raise ProviderError(
                        ErrorKind.MALFORMED, "The answer cannot be decompressed."
                    ) from None
                left = decompressor.unconsumed_tail
                yield inflated
        if decompressor is not None and not decompressor.eof:
            raise ProviderError(ErrorKind.MALFORMED, "The answer was cut short.")
