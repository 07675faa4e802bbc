"""What calls to one endpoint share, whoever makes them: its rates, its clients, its tokens."""

from collections.abc import Sequence
from functools import cache
from ssl import SSLContext, create_default_context
from typing import Final, Protocol

from django.conf import settings
from redis import Redis

from labeling.actions.endpoints import egress_policy
from labeling.clients.endpoint_settings import CallLimits
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.clients.protocol import (
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    LlmClient,
    ProviderError,
)
from labeling.clients.rates import Allowance, Grant, Rates
from labeling.clients.registry import client_for
from labeling.models import Endpoint
from workers.image_room import MOST_IMAGE_BYTES, ImageRoom

CHARS_PER_TOKEN: Final = 4
# For how long a refusal that names no time counts as one: as long as its endpoint rests at least.
UNTOLD_REST_SECONDS: Final = 2.0
# Of the mean of what calls took: how much the newest batch weighs.
_NEWEST: Final = 0.3
_IMAGES: Final = ImageRoom(MOST_IMAGE_BYTES)


class Reached(Protocol):
    """How an endpoint is reached, as its row said when calls to it were claimed."""

    @property
    def kind(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def sealed_key(self) -> bytes | None: ...
    @property
    def limits(self) -> CallLimits: ...


class Asking:
    """One driver's way to an endpoint. Runs and judges that ask it take from the same rates.

    `usual_tokens` is what a call is taken to use until something is known of the endpoint's.
    """

    def __init__(self, endpoint: Endpoint, limits: CallLimits, *, usual_tokens: int) -> None:
        self._limits = limits
        self._rates = shared_rates()
        self._key = str(endpoint.public_id)
        self._allowed = Allowance(
            limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute
        )
        self._tokens_each = usual_tokens
        # By all that a client is made of: a key entered meanwhile gets a client of its own.
        self._clients: dict[tuple[str, str, bytes | None], LlmClient] = {}
        self._unreadable: set[tuple[str, str, bytes | None]] = set()

    def take(self, most: int) -> Grant:
        """Leave to make up to `most` calls now."""
        return self._rates.take(
            self._key, want=most, tokens_each=self._tokens_each, allowed=self._allowed
        )

    def give_back(self, count: int) -> None:
        """Return leave that no call was found for."""
        if count and self._allowed.has_rates:
            self._rates.give_back(self._key, count=count, tokens_each=self._tokens_each)

    def open(self, way: Reached) -> None:
        """Have a client for calls on this way; where its key cannot be read, `ask` says so."""
        key = _way(way)
        if key in self._clients or key in self._unreadable:
            return
        try:
            self._clients[key] = client_for(
                kind=way.kind,
                base_url=way.base_url,
                key=_opened_key(way),
                limits=way.limits.of_a_call,
                policy=egress_policy(),
                ssl_context=ssl_context(),
            )
        except (KeyUnreadableError, ProviderError):
            self._unreadable.add(key)

    def ask(self, way: Reached, request: CompletionRequest) -> CompletionResult:
        """Make the call, once there is room for its images. ProviderError without an answer, or
        without the client that `open` makes. Safe in a thread.
        """
        client = self._client(way)
        with _IMAGES.taken(sum(image.byte_count for image in request.images.values())):
            return client.complete(request)

    def _client(self, way: Reached) -> LlmClient:
        client = self._clients.get(_way(way))
        if client is None:
            raise ProviderError(
                ErrorKind.UNAUTHORISED, "The stored key cannot be read here. Enter it again."
            )
        return client

    def note(self, came: Sequence[CompletionResult], failed: Sequence[ProviderError]) -> None:
        """Let the rates know what calls came to, and what they took of the tokens."""
        limited = [one for one in failed if one.kind == ErrorKind.RATE_LIMITED]
        if limited:
            rest = max(one.retry_after_seconds or UNTOLD_REST_SECONDS for one in limited)
            self._rates.slow(self._key, concurrency=self._limits.concurrency, rest_seconds=rest)
        elif came:
            self._rates.ease(self._key, concurrency=self._limits.concurrency)
        self._count_tokens(came)

    def close(self) -> None:
        """Close the connections kept alive."""
        for client in self._clients.values():
            client.close()

    def _count_tokens(self, came: Sequence[CompletionResult]) -> None:
        """Put right what was taken of the tokens, and expect as much of the next call."""
        if self._allowed.tokens_per_minute is None or not came:
            return
        used = [
            (one.prompt_token_count or 0)
            + (one.completion_token_count or len(one.text) // CHARS_PER_TOKEN)
            for one in came
        ]
        self._rates.correct(self._key, tokens=sum(used) - len(used) * self._tokens_each)
        mean = sum(used) / len(used)
        self._tokens_each = max(1, round((1 - _NEWEST) * self._tokens_each + _NEWEST * mean))


def _way(way: Reached) -> tuple[str, str, bytes | None]:
    return way.kind, way.base_url, way.sealed_key


def _opened_key(way: Reached) -> str:
    if way.sealed_key is None:
        return ""
    return open_key(
        way.sealed_key, host=host_of(way.base_url), with_keys=settings.FIELD_ENCRYPTION_KEYS
    )


@cache
def shared_rates() -> Rates:
    """The rates of all workers, on the server that the cache is on."""
    address = str(settings.CACHES["default"]["LOCATION"])
    return Rates(
        Redis.from_url(address, socket_timeout=1.0, socket_connect_timeout=1.0),
        prefix="thurstone:rates",
    )


@cache
def ssl_context() -> SSLContext:
    """The system's certificates: reading them costs more than a local call."""
    return create_default_context()
