"""An endpoint's three settings as they may be stored: sampling, limits, price."""

from dataclasses import dataclass
from typing import Any

import orjson

from labeling.clients.protocol import ClientLimits
from labeling.errors import refused

# What the request says for itself.
RESERVED = ("model", "messages", "stream", "n")
MAX_SAMPLING_BYTES = 8192
_LIMITS: dict[str, tuple[type, float, float]] = {
    "concurrency": (int, 1, 256),
    "timeout_seconds": (float, 1, 900),
    "connect_seconds": (float, 1, 60),
    "first_token_seconds": (float, 1, 900),
    "requests_per_minute": (int, 1, 100_000),
    "tokens_per_minute": (int, 1, 100_000_000),
    "max_attempts": (int, 1, 20),
    "cost_per_run": (float, 0.01, 1_000_000),
}
_SECONDS = ("timeout_seconds", "connect_seconds", "first_token_seconds")
_PRICES = ("input_per_million", "output_per_million")


@dataclass(frozen=True)
class CallLimits:
    """How an endpoint may be asked."""

    concurrency: int = 4
    timeout_seconds: float = 120.0
    connect_seconds: float = 10.0
    # Until the answer begins; None: it may take the whole time.
    first_token_seconds: float | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_attempts: int = 6
    # In the currency of the endpoint's price: at this much a run stops asking it.
    cost_per_run: float | None = None

    @property
    def of_a_call(self) -> ClientLimits:
        """What a client needs to know of them."""
        return ClientLimits(
            connect_seconds=min(self.connect_seconds, self.timeout_seconds),
            first_token_seconds=self.first_token_seconds,
            total_seconds=self.timeout_seconds,
        )


def read_sampling(value: Any) -> dict[str, Any]:
    """Sampling settings, which go into the request as they are."""
    if not isinstance(value, dict):
        raise refused("sampling", 'An object, like {"temperature": 0.7, "max_tokens": 1024}.')
    if taken := [name for name in RESERVED if name in value]:
        raise refused(f"sampling.{taken[0]}", f"{taken[0]} is set by the request itself.")
    try:
        sent = orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise refused("sampling", "Numbers beyond 64 bits cannot be sent.") from None
    if len(sent) > MAX_SAMPLING_BYTES:
        raise refused("sampling", f"At most {MAX_SAMPLING_BYTES:,} bytes.")
    # orjson writes NaN and infinity as null, which is another setting.
    if orjson.loads(sent) != value:
        raise refused("sampling", "Only what JSON can say can be sent; infinity it cannot.")
    if b"\\u0000" in sent:
        raise refused("sampling", "U+0000 cannot be stored.")
    return value


def read_limits(value: Any) -> dict[str, Any]:
    """Limits of calls. A limit that is not kept is refused, not ignored."""
    if not isinstance(value, dict):
        raise refused("limits", 'An object, like {"concurrency": 4, "timeout_seconds": 120}.')
    for name, given in value.items():
        if name not in _LIMITS:
            raise refused(f"limits.{name}", f"Unknown; limits are {', '.join(_LIMITS)}.")
        kind, least, most = _LIMITS[name]
        if not _is_number(given) or (kind is int and not isinstance(given, int)):
            raise refused(
                f"limits.{name}",
                "A whole number."
                if kind is int
                else "A number of seconds."
                if name in _SECONDS
                else "An amount of money, as a number.",
            )
        if not least <= given <= most:
            raise refused(f"limits.{name}", f"From {least:,} to {most:,}.")
    return value


def call_limits(stored: dict[str, Any]) -> CallLimits:
    """Stored limits, with ours where none is set."""
    return CallLimits(**{name: stored[name] for name in _LIMITS if name in stored})


def read_price(value: Any) -> dict[str, Any]:
    """What a million tokens cost, and in which currency."""
    if not isinstance(value, dict):
        raise refused("price", 'An object, like {"input_per_million": 0.3, "currency": "EUR"}.')
    for name, given in value.items():
        if name == "currency":
            if not (isinstance(given, str) and len(given) == 3 and given.isalpha()):
                raise refused("price.currency", "Three letters, like EUR.")
        elif name not in _PRICES:
            raise refused(f"price.{name}", f"Unknown; write {', '.join(_PRICES)}, currency.")
        elif not _is_number(given) or not 0 <= given <= 1e6:
            raise refused(f"price.{name}", "A number from 0 to a million.")
    return value


def read_key(value: Any) -> str:
    """A provider's key: what an HTTP header can carry."""
    key = value.strip() if isinstance(value, str) else ""
    if not key or len(key) > 1000 or not all("!" <= c <= "~" for c in key):
        # The key itself is never quoted, not even a wrong one.
        raise refused("key", "A key has 1 to 1,000 printable ASCII characters and no spaces.")
    return key


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
