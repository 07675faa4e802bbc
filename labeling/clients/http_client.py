"""What the clients of all providers have in common: ask, check, read whole or piece by piece."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Any, ClassVar

from labeling.clients.egress import EgressPolicy
from labeling.clients.errors_said import Said, provider_error, said_in
from labeling.clients.event_stream import Event
from labeling.clients.protocol import (
    ClientLimits,
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    ProviderError,
)
from labeling.clients.reading import Reading, parsed, parsed_or_none, word
from labeling.clients.sending import Answer, Sender

MAX_MODELS = 200


class HttpClient(ABC):
    """An `LlmClient` for one base URL and key; a provider's form is what its class adds."""

    key_header: ClassVar[tuple[str, str]] = ("Authorization", "Bearer ")
    headers: ClassVar[Mapping[str, str]] = {}
    # Where a base URL's path ends; "" leaves it to whoever entered it.
    version: ClassVar[str] = ""
    models_path: ClassVar[str] = "models"

    def __init__(
        self,
        *,
        base_url: str,
        key: str = "",
        policy: EgressPolicy,
        limits: ClientLimits | None = None,
        ssl_context: SSLContext | None = None,
    ) -> None:
        base_url = base_url.rstrip("/")
        if self.version and not base_url.rpartition("/")[2].startswith("v1"):
            base_url = f"{base_url}/{self.version}"
        self._sender = Sender(
            base_url=base_url,
            key=key,
            key_header=self.key_header,
            headers=self.headers,
            policy=policy,
            limits=limits,
            ssl_context=ssl_context,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._sender.base_url!r})"

    def close(self) -> None:
        """Close the connections kept alive."""
        self._sender.close()

    def complete(self, request: CompletionRequest) -> CompletionResult:
        """One completion, or `ProviderError`, by the total deadline whatever the server does.

        The error has the tokens that the provider said it took.
        """
        path, body = self._question(request)
        reading: Reading | None = None
        try:
            with self._sender.asked(
                "POST", path, body, streams=request.streams, keeps_raw=request.keeps_raw
            ) as answer:
                self._check(answer)
                reading = Reading(
                    ms=answer.ms,
                    began=answer.clock.begin_answer,
                    most_chars=self._sender.limits.body_bytes,
                )
                is_streamed = request.streams and answer.is_event_stream
                if is_streamed:
                    self._follow(answer, reading, request)
                else:
                    value = parsed(answer.body())
                    self._refuse_error(value, answer)
                    self._read(value, reading, request)
                raw = None if answer.raw is None else self._sender.kept(bytes(answer.raw))
                return reading.result(request, is_streamed=is_streamed, raw=raw)
        except ProviderError as error:
            if reading is not None:
                error.prompt_token_count = reading.prompt_tokens
                error.completion_token_count = reading.completion_tokens
            raise

    def models(self) -> Sequence[str]:
        """The names of the models on offer, or `ProviderError`."""
        with self._sender.asked("GET", self.models_path) as answer:
            self._check(answer)
            value = parsed(answer.body())
            self._refuse_error(value, answer)
            names = self._model_names(value)
        return [name for name in map(word, names) if name.isprintable() and name][:MAX_MODELS]

    @abstractmethod
    def _question(self, request: CompletionRequest) -> tuple[str, dict[str, Any]]:
        """Path and body that ask for the completion."""

    @abstractmethod
    def _read(self, value: dict[str, Any], reading: Reading, request: CompletionRequest) -> None:
        """Read a whole answer, what it took first: it may be of no use otherwise."""

    @abstractmethod
    def _read_event(
        self, value: dict[str, Any], reading: Reading, request: CompletionRequest
    ) -> bool:
        """Read one event of a stream; whether the provider says that nothing comes after it."""

    def _end_stream(self, reading: Reading) -> None:
        """Put together what came in pieces, once all of it is there."""
        return

    def _error_in(self, value: dict[str, Any]) -> Said | None:
        """The error that a body or an event holds."""
        return said_in(value)

    def _model_names(self, value: dict[str, Any]) -> list[Any]:
        listed = value.get("data")
        listed = listed if isinstance(listed, list) else []
        return [one.get("id") for one in listed if isinstance(one, dict)]

    def _is_end(self, event: Event) -> bool:
        """An event that is no JSON and says that nothing comes after it."""
        return False

    def _follow(self, answer: Answer, reading: Reading, request: CompletionRequest) -> None:
        events = answer.events()
        for event in events:
            if self._is_end(event):
                reading.is_whole = True
            else:
                value = parsed(event.data)
                self._refuse_error(value, answer, is_error=event.name == "error")
                if not self._read_event(value, reading, request):
                    continue
            answer.see_off(events)
            break
        if not reading.is_whole:
            raise ProviderError(ErrorKind.MALFORMED, "The stream ended before the answer did.")
        self._end_stream(reading)

    def _check(self, answer: Answer) -> None:
        if 200 <= answer.status < 300:
            return
        try:
            said = said_in(parsed_or_none(answer.body())) or Said()
        except ProviderError:
            # The status says enough, whatever the body is.
            said = Said()
        raise provider_error(answer.status, self._sender.shown(said.message), answer.headers, said)

    def _refuse_error(
        self, value: dict[str, Any], answer: Answer, *, is_error: bool = False
    ) -> None:
        """Raise the error that a 200 holds: its own code says which, if it is one we know."""
        said = self._error_in(value)
        if said is None and is_error:
            said = Said()
        if said is not None:
            raise provider_error(
                said.status or 500, self._sender.shown(said.message), answer.headers, said
            )
