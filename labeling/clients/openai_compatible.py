"""Chat completions of any server that speaks OpenAI's form, with every answer checked.

What an answer is, is decided by HTTP status and by the form of the body, never by the words in it.
"""

import math
import re
import time
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ssl import SSLContext
from typing import Any, NoReturn

import httpcore
import httpx
import orjson

from labeling.clients.egress import AddressRefusedError, EgressPolicy, GuardedTransport, deadline
from labeling.clients.protocol import (
    RETRY_AFTER_LIMIT_SECONDS,
    ClientLimits,
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    ProviderError,
)

# These are the request's own; sampling settings cannot replace them.
_RESERVED = frozenset({"model", "messages", "stream", "n"})
_SECRET = re.compile(r"(?i)bearer\s+\S+|\bsk-[\w*-]{4,}")
_MAX_SHOWN_CHARS = 300
_DECODERS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class OpenAICompatibleClient:
    """An `LlmClient` for one base URL and key. Safe to share between threads."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str = "",
        policy: EgressPolicy,
        limits: ClientLimits | None = None,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._limits = limits or ClientLimits()
        self._policy = policy
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = key.strip()
        if not all("!" <= c <= "~" for c in self._key):
            raise ProviderError(ErrorKind.UNAUTHORISED, "The key holds a character no key has.")
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        self._http = httpx.Client(
            transport=GuardedTransport(policy, ssl_context=ssl_context),
            headers={"User-Agent": "thurstone", **headers},
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(self._limits.total_seconds, connect=self._limits.connect_seconds),
        )

    def __repr__(self) -> str:
        return f"OpenAICompatibleClient({self._url!r})"

    def close(self) -> None:
        """Close the connections kept alive."""
        self._http.close()

    def complete(self, request: CompletionRequest) -> CompletionResult:
        """One completion, or `ProviderError`, by the total deadline whatever the server does."""
        sampling = {k: v for k, v in request.sampling.items() if k not in _RESERVED}
        body = {**sampling, "model": request.model, "messages": list(request.messages)}
        begun = time.monotonic()
        status, headers, answer = self._send(orjson.dumps(body))
        latency_ms = round((time.monotonic() - begun) * 1000)
        if not 200 <= status < 300:
            self._fail(status, headers, answer)
        return self._read(answer, headers, request, latency_ms)

    def _send(self, body: bytes) -> tuple[int, httpx.Headers, bytes]:
        # Nothing of the library's errors is passed on, not even as a cause: they may quote headers.
        try:
            self._policy.check_form(self._url)
            with (
                deadline(self._limits.total_seconds),
                self._http.stream(
                    "POST",
                    self._url,
                    content=body,
                    headers={"Content-Type": "application/json"},
                ) as response,
            ):
                return response.status_code, response.headers, self._body(response)
        except AddressRefusedError as error:
            raise ProviderError(ErrorKind.ADDRESS_REFUSED, str(error)) from None
        except (httpcore.TimeoutException, httpx.TimeoutException):
            raise ProviderError(
                ErrorKind.TIMED_OUT, f"No whole answer in {self._limits.total_seconds:g} s."
            ) from None
        except (httpcore.ConnectError, httpx.ConnectError):
            raise ProviderError(ErrorKind.UNREACHABLE, "The server cannot be reached.") from None
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.ProxyError,
            httpcore.UnsupportedProtocol,
            httpx.HTTPError,
            httpx.InvalidURL,
        ):
            raise ProviderError(
                ErrorKind.UNREACHABLE, "The connection broke before the answer was whole."
            ) from None

    def _body(self, response: httpx.Response) -> bytes:
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding in ("", "identity"):
            decompressor = None
        elif coding in _DECODERS:
            decompressor = zlib.decompressobj(_DECODERS[coding])
        else:
            raise ProviderError(ErrorKind.MALFORMED, "The answer is compressed in an unknown way.")
        limit = self._limits.body_bytes
        end = time.monotonic() + self._limits.total_seconds
        body = bytearray()
        for piece in response.iter_raw():
            if decompressor is None:
                body += piece
            else:
                try:
                    # One byte more than allowed is enough to know, and all a bomb can make us hold.
                    body += decompressor.decompress(piece, limit + 1 - len(body))
                except zlib.error:
                    raise ProviderError(
                        ErrorKind.MALFORMED, "The answer cannot be decompressed."
                    ) from None
            if len(body) > limit:
                raise ProviderError(
                    ErrorKind.TOO_LARGE, f"The answer is larger than {limit:,} bytes."
                )
            if time.monotonic() > end:
                raise httpcore.ReadTimeout("The time for the whole call is over.")
        if decompressor is not None and not decompressor.eof:
            raise ProviderError(ErrorKind.MALFORMED, "The answer was cut short.")
        return bytes(body)

    def _fail(self, status: int, headers: Mapping[str, str], answer: bytes) -> NoReturn:
        said = self._shown(_error_text(answer))
        message = f"HTTP {status}{f': {said}' if said else ''}"
        if status == 429:
            raise ProviderError(
                ErrorKind.RATE_LIMITED, message, retry_after_seconds=_retry_after(headers)
            )
        if status in (401, 403):
            # What a provider says about a key may quote it.
            raise ProviderError(ErrorKind.UNAUTHORISED, f"HTTP {status}: the key was not accepted.")
        if 300 <= status < 400:
            raise ProviderError(ErrorKind.REDIRECTED, f"HTTP {status}: redirects are not followed.")
        if status >= 500 or status in (408, 409, 425):
            raise ProviderError(
                ErrorKind.SERVER_ERROR, message, retry_after_seconds=_retry_after(headers)
            )
        raise ProviderError(ErrorKind.REFUSED, message)

    def _read(
        self,
        answer: bytes,
        headers: Mapping[str, str],
        request: CompletionRequest,
        latency_ms: int,
    ) -> CompletionResult:
        try:
            value = orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise ProviderError(ErrorKind.MALFORMED, "The answer is not JSON.") from None
        if not isinstance(value, dict):
            raise ProviderError(ErrorKind.MALFORMED, "The answer is no JSON object.")
        if value.get("error"):
            self._fail_in_body(value["error"], headers)
        choices = value.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise ProviderError(ErrorKind.MALFORMED, "The answer has no choices.")
        if len(choices) > 1:
            raise ProviderError(ErrorKind.MALFORMED, "The answer has more choices than one.")
        choice = choices[0]
        if choice.get("error"):
            self._fail_in_body(choice["error"], headers)
        message = choice.get("message")
        if not isinstance(message, dict):
            raise ProviderError(ErrorKind.MALFORMED, "The choice has no message.")
        reason = choice.get("finish_reason")
        finish_reason = reason[:32] if isinstance(reason, str) and reason else "unknown"
        text, calls = _content(message, finish_reason)
        if "\x00" in finish_reason or b"\\u0000" in orjson.dumps([text, calls]):
            raise ProviderError(ErrorKind.MALFORMED, "The text holds U+0000, which is no text.")
        usage = value.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        return CompletionResult(
            text=text,
            finish_reason=finish_reason,
            model=_word(value.get("model")) or request.model,
            latency_ms=latency_ms,
            tool_calls=calls,
            response_id=_word(value.get("id")),
            prompt_token_count=_count(usage.get("prompt_tokens")),
            completion_token_count=_count(usage.get("completion_tokens")),
        )

    def _fail_in_body(self, error: Any, headers: Mapping[str, str]) -> NoReturn:
        """An error inside a 200: its own code says which, if it is an HTTP status."""
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        self._fail(status, headers, orjson.dumps({"error": error}))

    def _shown(self, text: str) -> str:
        """What a provider said, without secrets and control characters, cut short."""
        if self._key:
            text = text.replace(self._key, "[key]")
        text = _SECRET.sub("[key]", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text[:_MAX_SHOWN_CHARS]


def _content(message: dict[str, Any], finish_reason: str) -> tuple[str, list[dict[str, Any]]]:
    content = message.get("content")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise ProviderError(ErrorKind.MALFORMED, "The tool calls have another form.")
    if content is None:
        content = ""
    elif not isinstance(content, str):
        raise ProviderError(ErrorKind.MALFORMED, "The content is not text.")
    if not content.strip() and not calls:
        if finish_reason == "content_filter":
            raise ProviderError(ErrorKind.FILTERED, "The provider filtered the whole answer.")
        raise ProviderError(ErrorKind.EMPTY, "The completion is empty.")
    return content, calls


def _error_text(answer: bytes) -> str:
    """The provider's own message, if the body has one in the usual place."""
    try:
        value = orjson.loads(answer)
    except orjson.JSONDecodeError:
        return ""
    error = value.get("error") if isinstance(value, dict) else None
    if isinstance(error, dict):
        error = error.get("message")
    return error if isinstance(error, str) else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The wait a provider asks for, in seconds or as a date, within our own limit."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - datetime.now(UTC)).total_seconds()
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_SECONDS)


def _word(value: Any) -> str:
    return value[:200].replace("\x00", "") if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31
    return value if is_count else None
