"""How fast an endpoint may be asked by all workers together, kept in Valkey.

Token buckets for requests and tokens per minute, and a window of calls at once that a provider's
"too many requests" halves and that grows again slowly. How many calls are under way is no matter
of Valkey: leases in the database say so, exactly. Should Valkey be away, an endpoint with rates is
asked one call at a time with pauses between, by leases alone; should it have lost everything,
buckets are full and the window is open, and the next refusal teaches it again.

A bucket holds what a tenth of a minute allows and fills so that no minute has more than its limit
(a bucket of c, filled at the rate (n - c + 1) / 60, lets at most n through in any 60 s).
"""

import logging
import time
from dataclasses import dataclass
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

# How long a window stays as it is before it grows by a step.
EASE_SECONDS: Final = 10.0
# After Valkey failed, it is not asked again for a moment: each try may take its whole timeout.
AWAY_SECONDS: Final = 3.0
KEPT_MS: Final = 3_600_000

logger = logging.getLogger(__name__)

_TAKE: Final = """
local want, each, rpm, tpm, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]),
  tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'calls', 'tokens', 'at', 'window')
local passed = math.max(0, now - (tonumber(kept[3]) or now))
local window = math.min(tonumber(kept[4]) or most, most)
local count, wait = want, 0
local calls, tokens
if rpm > 0 then
  local size = math.max(1, rpm / 10)
  local rate = (rpm - size + 1) / 60
  calls = math.min(size, (tonumber(kept[1]) or size) + passed * rate)
  count = math.min(count, math.floor(calls))
  if calls < 1 then wait = (1 - calls) / rate end
end
if tpm > 0 then
  local size = tpm / 10
  local rate = (tpm - size) / 60
  tokens = math.min(size, (tonumber(kept[2]) or size) + passed * rate)
  -- A call larger than the bucket goes when the bucket has anything, and leaves a debt.
  local fits = tokens > 0 and math.max(1, math.floor(tokens / math.max(each, 1))) or 0
  count = math.min(count, fits)
  if tokens <= 0 then wait = math.max(wait, (1 - tokens) / rate) end
end
if rpm > 0 then redis.call('HSET', KEYS[1], 'calls', string.format('%.6f', calls - count)) end
if tpm > 0 then
  redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens - count * each))
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return {count, window, math.ceil(wait * 1000)}
"""
_CORRECT: Final = """
if redis.call('HEXISTS', KEYS[1], 'calls') == 1 and ARGV[1] ~= '0' then
  redis.call('HINCRBYFLOAT', KEYS[1], 'calls', ARGV[1])
end
if redis.call('HEXISTS', KEYS[1], 'tokens') == 1 and ARGV[2] ~= '0' then
  redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', ARGV[2])
end
return 1
"""
# Refusals of one burst narrow the window once: until the pause they brought is over.
_SLOW: Final = """
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'window', 'cut_until')
local window = math.min(tonumber(kept[1]) or tonumber(ARGV[1]), tonumber(ARGV[1]))
if now >= (tonumber(kept[2]) or 0) then
  window = math.max(1, math.floor(window / 2))
  redis.call('HSET', KEYS[1], 'window', window, 'raised_at', string.format('%.6f', now),
    'cut_until', string.format('%.6f', now + tonumber(ARGV[2])))
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return window
"""
_EASE: Final = """
local kept = redis.call('HMGET', KEYS[1], 'window', 'raised_at')
if not kept[1] then return tonumber(ARGV[1]) end
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local window = tonumber(kept[1])
if now - (tonumber(kept[2]) or 0) < tonumber(ARGV[2]) then return window end
window = window + math.max(1, math.floor(window / 10))
if window >= tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[1], 'window', 'raised_at', 'cut_until')
  return tonumber(ARGV[1])
end
redis.call('HSET', KEYS[1], 'window', window, 'raised_at', string.format('%.6f', now))
return window
"""


class Server(Protocol):
    """What is used of redis-py's client; it may be shared between threads."""

    def eval(self, script: str, numkeys: int, *keys_and_args: Any) -> Any: ...


@dataclass(frozen=True)
class Allowance:
    """What an endpoint's limits allow; None is no limit."""

    concurrency: int
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None

    @property
    def has_rates(self) -> bool:
        """It limits more than the calls at once."""
        return self.requests_per_minute is not None or self.tokens_per_minute is not None

    def spacing_seconds(self, tokens: int) -> float:
        """The pause between calls made one by one that keeps both rates."""
        pauses = [0.0]
        if self.requests_per_minute:
            pauses.append(60 / self.requests_per_minute)
        if self.tokens_per_minute:
            pauses.append(60 * tokens / self.tokens_per_minute)
        return max(pauses)


@dataclass(frozen=True)
class Grant:
    """How many calls may begin now, how many may be under way in all, and when to ask again."""

    count: int
    window: int
    wait_seconds: float = 0.0
    # Valkey is away: each call is to be held back so long, its lease held meanwhile.
    spacing_seconds: float = 0.0


class Rates:
    """The rates of endpoints, by any text that tells them apart, shared by all that use `server`.

    Nothing here raises: without its server it knows less and allows less.
    """

    def __init__(self, server: Server, *, prefix: str = "thurstone:rates") -> None:
        self._server = server
        self._prefix = prefix
        self._away_until = 0.0

    def take(self, endpoint: str, *, want: int, tokens_each: int, allowed: Allowance) -> Grant:
        """Leave to begin up to `want` calls of about so many tokens each."""
        said = self._run(
            _TAKE,
            endpoint,
            want,
            tokens_each,
            allowed.requests_per_minute or 0,
            allowed.tokens_per_minute or 0,
            allowed.concurrency,
            KEPT_MS,
        )
        if said is None:
            if not allowed.has_rates:
                return Grant(want, allowed.concurrency)
            return Grant(min(want, 1), 1, spacing_seconds=allowed.spacing_seconds(tokens_each))
        count, window, wait_ms = said
        return Grant(int(count), int(window), int(wait_ms) / 1000)

    def give_back(self, endpoint: str, *, count: int, tokens_each: int) -> None:
        """Calls that were allowed and not made."""
        if count > 0:
            self._run(_CORRECT, endpoint, count, count * tokens_each)

    def correct(self, endpoint: str, *, tokens: int) -> None:
        """Calls took so many tokens more than was thought; fewer, if negative."""
        if tokens:
            self._run(_CORRECT, endpoint, 0, -tokens)

    def slow(self, endpoint: str, *, concurrency: int, rest_seconds: float) -> int:
        """Halve the calls at once, after "too many requests"; how many are left."""
        said = self._run(_SLOW, endpoint, concurrency, max(rest_seconds, 1.0), KEPT_MS)
        return 1 if said is None else int(said)

    def ease(self, endpoint: str, *, concurrency: int, after: float = EASE_SECONDS) -> int:
        """Let one call more at once, or a tenth, where all went well for a while."""
        said = self._run(_EASE, endpoint, concurrency, after)
        return concurrency if said is None else int(said)

    def _run(self, script: str, endpoint: str, *arguments: Any) -> Any:
        if time.monotonic() < self._away_until:
            return None
        try:
            return self._server.eval(script, 1, f"{self._prefix}:{endpoint}", *arguments)
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            logger.warning("rates are not shared for now: %s", type(error).__name__)
            return None
