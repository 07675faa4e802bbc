"""What every LLM client offers: one call, a result with its provenance, and errors by kind.

An error is never a completion: whatever a provider says that is not an answer in the form agreed
on is raised, and its text is kept for the log of the run alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

# What a run waits at most because a provider said so; a longer wish is cut to this.
RETRY_AFTER_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class CompletionRequest:
    """One completion wanted of one model."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    # Tells samples of one prompt apart where a client is deterministic; providers never see it.
    sample: int = 0


@dataclass(frozen=True)
class CompletionResult:
    """An answer in the form agreed on, with where it came from.

    `finish_reason` is the provider's own word: "stop" is whole, "length" was cut,
    "content_filter" was filtered, and "unknown" stands where none was given.
    """

    text: str
    finish_reason: str
    model: str
    latency_ms: int
    tool_calls: Sequence[Mapping[str, Any]] = ()
    response_id: str = ""
    prompt_token_count: int | None = None
    completion_token_count: int | None = None
    is_demo: bool = False

    def messages(self) -> list[dict[str, Any]]:
        """The answer as a completion's messages."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text}
        if self.tool_calls:
            message["tool_calls"] = [dict(call) for call in self.tool_calls]
        return [message]


class ErrorKind(StrEnum):
    """Why there is no completion. The value is stored with the slot."""

    RATE_LIMITED = "rate_limited"
    UNAUTHORISED = "unauthorised"
    REFUSED = "refused"  # the request is wrong: another try would be the same
    SERVER_ERROR = "server_error"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    MALFORMED = "malformed"
    EMPTY = "empty"
    FILTERED = "filtered"
    TOO_LARGE = "too_large"
    REDIRECTED = "redirected"
    ADDRESS_REFUSED = "address_refused"

    @property
    def is_retryable(self) -> bool:
        """Another try a moment later may go better."""
        return self in _RETRYABLE


_RETRYABLE = frozenset(
    {
        ErrorKind.RATE_LIMITED,
        ErrorKind.SERVER_ERROR,
        ErrorKind.UNREACHABLE,
        ErrorKind.TIMED_OUT,
        ErrorKind.MALFORMED,
        ErrorKind.EMPTY,
    }
)


class ProviderError(Exception):
    """No completion came, and why. The message holds no key and may be shown to managers."""

    def __init__(
        self, kind: ErrorKind, message: str, *, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.retry_after_seconds = retry_after_seconds


class LlmClient(Protocol):
    """A model behind an address, or something that stands in for one."""

    def complete(self, request: CompletionRequest) -> CompletionResult:
        """One completion, or `ProviderError`."""
        ...
