"""What every LLM client offers: one call, a result with its provenance, and errors by kind.

An error is never a completion: whatever a provider says that is not an answer in the form agreed
on is raised, and its text is kept for the log of the run alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

# What a run waits at most because a provider said so; a longer wish is cut to this.
RETRY_AFTER_LIMIT_SECONDS = 600.0


@dataclass(frozen=True)
class ClientLimits:
    """What one call may cost."""

    connect_seconds: float = 10.0
    # Until the first piece of an answer that is streamed; None: the total.
    first_token_seconds: float | None = None
    total_seconds: float = 120.0
    body_bytes: int = 8 << 20  # after decompression


@dataclass(frozen=True)
class SentImage:
    """An image of ours, as it goes along with a prompt.

    `read` gives its bytes, or raises OSError. It is called when the call is made, in its thread:
    calls that wait for their turn hold none.
    """

    media_type: str
    read: Callable[[], bytes] = field(repr=False)
    byte_count: int


@dataclass(frozen=True)
class CompletionRequest:
    """One completion wanted of one model."""

    model: str
    messages: Sequence[Mapping[str, Any]]
    sampling: Mapping[str, Any] = field(default_factory=dict)
    # Tells samples of one prompt apart where a client is deterministic; providers never see it.
    sample: int = 0
    # Stands first, in place of the system messages that the prompt has.
    system: str = ""
    # Asks for the answer piece by piece, and notes when each came.
    streams: bool = False
    # The body is kept as it came, for `CompletionResult.raw`.
    keeps_raw: bool = False
    # A JSON schema of an object that the whole answer must be.
    schema: Mapping[str, Any] | None = None
    # By the reference that stands for it in the messages, "image:sha256-…".
    images: Mapping[str, SentImage] = field(default_factory=dict)


@dataclass(frozen=True)
class CompletionResult:
    """An answer in the form agreed on, with where it came from.

    `finish_reason` is OpenAI's word for it, whoever answered: "stop" is whole, "length" was cut,
    "content_filter" was filtered, "tool_calls" ended in a call, and "unknown" stands where none
    was given. A provider's reason that is none of these stays in its own word.
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
    # Milliseconds from the request to each piece of the text, where it was streamed.
    token_times: Sequence[int] | None = None
    first_token_ms: int | None = None
    # The body as it came, if that was asked for: without the key, and cut at our limit.
    raw: bytes | None = field(default=None, repr=False)

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
        self,
        kind: ErrorKind,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        status: int | None = None,
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.retry_after_seconds = retry_after_seconds
        # The answer's HTTP status, where there was an answer.
        self.status = status
        # What the provider said that it took: an answer that is of no use is paid for all the same.
        self.prompt_token_count: int | None = None
        self.completion_token_count: int | None = None


class LlmClient(Protocol):
    """A model behind an address, or something that stands in for one. Threads may share it."""

    def complete(self, request: CompletionRequest) -> CompletionResult:
        """One completion, or `ProviderError`."""
        ...

    def models(self) -> Sequence[str]:
        """The names of the models on offer, or `ProviderError`."""
        ...

    def close(self) -> None:
        """Close the connections kept alive."""
        ...
