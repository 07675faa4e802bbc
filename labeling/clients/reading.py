"""An answer while it is read, whole or piece by piece, and the result that it comes to."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson

from labeling.clients.protocol import (
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    ProviderError,
)

# Beyond so many, two neighbours become one: they stand for equal parts of the text all the same.
MAX_TOKEN_TIMES = 20_000
# Commas and brackets of JSON: a body of 8 MB that is all of them would take 200 MB as objects.
MAX_JSON_PARTS = 400_000
# No call takes more; a larger count is no count of tokens.
MAX_TOKENS = 10_000_000


@dataclass
class Reading:
    """What an answer has said so far. `ms` is the time since the request, `began` is told once."""

    ms: Callable[[], int]
    began: Callable[[], None]
    most_chars: int
    pieces: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    # The provider said that this is all.
    is_whole: bool = False
    model: str = ""
    response_id: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    first_ms: int | None = None
    times: list[int] = field(default_factory=list)
    # A call that is being read, where the form says when one begins and ends.
    open_call: tuple[dict[str, Any], list[str]] | None = None
    _stride: int = 1
    _untimed: int = 0
    _chars: int = 0

    def add(self, text: Any) -> None:
        """Another piece of the text."""
        if text is None or text == "":
            return
        if not isinstance(text, str):
            raise ProviderError(ErrorKind.MALFORMED, "The content is not text.")
        self.weigh(text)
        self.pieces.append(text)
        moment = self.touch()
        if self.first_ms is None:
            self.first_ms = moment
        self._untimed += 1
        if self._untimed == self._stride:
            self._untimed = 0
            self.times.append(moment)
            if len(self.times) > MAX_TOKEN_TIMES:
                del self.times[::2]
                self._stride *= 2

    def weigh(self, text: str) -> None:
        """Refuse what is too long all in all."""
        self._chars += len(text)
        if self._chars > self.most_chars:
            raise ProviderError(
                ErrorKind.TOO_LARGE, f"The answer is longer than {self.most_chars:,} characters."
            )

    def touch(self) -> int:
        """The model is at work, be it on its thoughts or on a call: the answer has begun."""
        self.began()
        return self.ms()

    def read_names(self, model: Any, response_id: Any) -> None:
        """The model and the answer by the provider's own names."""
        self.model = self.model or word(model)
        self.response_id = self.response_id or word(response_id)

    def result(
        self, request: CompletionRequest, *, is_streamed: bool, raw: bytes | None
    ) -> CompletionResult:
        """The result, or `ProviderError` where what came is no completion."""
        text = "".join(self.pieces)
        reason = self.finish_reason[:32] or "unknown"
        if not text.strip() and not self.calls:
            if reason == "content_filter":
                raise ProviderError(ErrorKind.FILTERED, "The provider filtered the whole answer.")
            raise ProviderError(ErrorKind.EMPTY, "The completion is empty.")
        try:
            written = orjson.dumps([text, self.calls, reason])
        except orjson.JSONEncodeError:
            raise ProviderError(ErrorKind.MALFORMED, "The answer is no text.") from None
        if b"\\u0000" in written and has_nul([text, self.calls, reason]):
            raise ProviderError(ErrorKind.MALFORMED, "The text holds U+0000, which is no text.")
        return CompletionResult(
            text=text,
            finish_reason=reason,
            model=self.model or request.model,
            latency_ms=self.ms(),
            tool_calls=self.calls,
            response_id=self.response_id,
            prompt_token_count=self.prompt_tokens,
            completion_token_count=self.completion_tokens,
            token_times=tuple(self.times) if is_streamed and self.times else None,
            first_token_ms=self.first_ms if is_streamed else None,
            raw=raw,
        )


def parsed(body: bytes) -> dict[str, Any]:
    """The JSON object that an answer, or one event of it, is."""
    value = parsed_or_none(body)
    if value is None:
        raise ProviderError(ErrorKind.MALFORMED, "The answer is not JSON.")
    if not isinstance(value, dict):
        raise ProviderError(ErrorKind.MALFORMED, "The answer is no JSON object.")
    return value


def parsed_or_none(body: bytes) -> Any:
    """The JSON value of a body, or None where it is none that can be read in little memory."""
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAX_JSON_PARTS:
        raise ProviderError(
            ErrorKind.TOO_LARGE, f"The answer has more than {MAX_JSON_PARTS:,} parts."
        )
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None


def has_nul(value: Any) -> bool:
    """U+0000 stands in a text somewhere; the database has no place for it."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(map(has_nul, value)) or any(map(has_nul, value.values()))
    return isinstance(value, list) and any(map(has_nul, value))


def word(value: Any) -> str:
    """A name that a provider gives, cut short."""
    return value[:200].replace("\x00", "") if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """A number of tokens, or None where it cannot be one."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_TOKENS
    return value if is_count else None
