"""What a provider says went wrong, told by status and by the form's own codes, never by its words.

The forms are those of https://platform.openai.com/docs/guides/error-codes,
https://docs.anthropic.com/en/api/errors and https://google.aip.dev/193; all three put an object
called `error` into the body, and some put it into a 200.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from labeling.clients.protocol import RETRY_AFTER_LIMIT_SECONDS, ErrorKind, ProviderError

# The HTTP status that an error's own code stands for where it comes inside a 200 or a stream.
_STATUS = {
    "authentication_error": 401,
    "invalid_api_key": 401,
    "UNAUTHENTICATED": 401,
    "billing_error": 402,
    "permission_error": 403,
    "PERMISSION_DENIED": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "NOT_FOUND": 404,
    "request_too_large": 413,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "RESOURCE_EXHAUSTED": 429,
    "api_error": 500,
    "server_error": 500,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "timeout_error": 504,
    "overloaded_error": 529,
}
# Google says 400 for a key that it does not know.
_KEY_REASONS = frozenset({"API_KEY_INVALID", "API_KEY_SERVICE_BLOCKED", "API_KEY_EXPIRED"})


@dataclass(frozen=True)
class Said:
    """An error as a provider put it: the status it stands for, if any, and its message."""

    status: int | None = None
    message: str = ""
    retry_seconds: float | None = None


def said_in(value: Any) -> Said | None:
    """The error that a body holds, or None where it holds none."""
    if not isinstance(value, dict):
        return None
    error = value.get("error")
    # vLLM answers {"object": "error", "message", "type", "code"}.
    if not error and value.get("object") == "error":
        error = value
    if not error:
        return None
    if not isinstance(error, dict):
        return Said(message=error if isinstance(error, str) else "")
    message = error.get("message")
    details = error.get("details")
    details = [d for d in details if isinstance(d, dict)] if isinstance(details, list) else []
    status = _status(error)
    if any(detail.get("reason") in _KEY_REASONS for detail in details):
        status = 401
    return Said(status, message if isinstance(message, str) else "", _retry_delay(details))


def provider_error(
    status: int, message: str, headers: Mapping[str, str], said: Said | None = None
) -> ProviderError:
    """The error of a kind that a status stands for. `message` is fit to be shown."""
    words = f"HTTP {status}{f': {message}' if message else ''}"
    wait = retry_after(headers)
    if wait is None and said is not None:
        wait = said.retry_seconds
    if status == 429:
        return ProviderError(ErrorKind.RATE_LIMITED, words, retry_after_seconds=wait, status=status)
    if status in (401, 403) or (said is not None and said.status == 401):
        # What a provider says about a key may quote it.
        words = f"HTTP {status}: the key was not accepted."
        return ProviderError(ErrorKind.UNAUTHORISED, words, status=status)
    if 300 <= status < 400:
        words = f"HTTP {status}: redirects are not followed."
        return ProviderError(ErrorKind.REDIRECTED, words, status=status)
    if status >= 500 or status in (408, 409, 425):
        return ProviderError(ErrorKind.SERVER_ERROR, words, retry_after_seconds=wait, status=status)
    return ProviderError(ErrorKind.REFUSED, words, status=status)


def retry_after(headers: Mapping[str, str]) -> float | None:
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
    return _within(seconds)


def _status(error: Mapping[str, Any]) -> int | None:
    for name in ("code", "status", "type"):
        code = error.get(name)
        if isinstance(code, str) and code.isdecimal() and len(code) == 3:
            code = int(code)
        if isinstance(code, int) and 400 <= code < 600:
            return code
        if isinstance(code, str) and code in _STATUS:
            return _STATUS[code]
    return None


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Google's RetryInfo: {"retryDelay": "34.5s"}."""
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str) and delay.endswith("s"):
            try:
                return _within(float(delay[:-1]))
            except ValueError:
                return None
    return None


def _within(seconds: float) -> float | None:
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), RETRY_AFTER_LIMIT_SECONDS)
