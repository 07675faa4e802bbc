"""Many calls at once from one task: threads do HTTP and nothing else, this one does the rest.

It leases work as threads come free, stores what came in batches, holds its leases on by a pulse,
and ends when its time is over or nothing is left, so that a worker can be stopped.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeVar

from celery.signals import worker_shutting_down
from django.db import InterfaceError, OperationalError, close_old_connections

from labeling.clients.protocol import ErrorKind, ProviderError

# A driver starts no more calls after this long, or after a few times as long as its slowest call.
SLICE_SECONDS: Final = 20.0
LONGEST_SLICE_SECONDS: Final = 240.0
SLOWEST_IN_SLICE: Final = 4
# Where a worker has many drivers, each gives way sooner.
CROWD: Final = 8
CROWDED_SLICE_SECONDS: Final = 5.0
BEAT_SECONDS: Final = 8.0
# What came waits this long for company before it is stored.
GATHER_SECONDS: Final = 0.05
MOST_AT_ONCE: Final = 64
# A database that is away for a moment costs no answer: storing is tried so long.
PATIENCE_SECONDS: Final = 30.0
UNREADABLE: Final = "The answer could not be handled here; the worker's log has the reason."

C = TypeVar("C")
C_co = TypeVar("C_co", covariant=True)
R = TypeVar("R")
logger = logging.getLogger(__name__)
_stopping = threading.Event()
_driving: Counter[tuple[Any, ...]] = Counter()
_lock = threading.Lock()


@dataclass(frozen=True)
class Lot(Generic[C_co]):
    """What was leased at once."""

    claims: Sequence[C_co] = ()
    # Nothing else is started beside it.
    is_alone: bool = False
    # When it is worth while to ask again, if before something lands.
    again_in: float | None = None


class Work(Protocol[C, R]):
    """What a driver drives. All but `call` happens in the driver's own thread."""

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[C]:
        """Lease up to `most`."""
        ...

    def call(self, claim: C) -> R:
        """Ask, in a thread: no database. Raises ProviderError."""
        ...

    def store(self, answers: Sequence[tuple[C, R | ProviderError]]) -> None:
        """Keep what came."""
        ...

    def hold_on(self, claims: Sequence[C]) -> None:
        """Lengthen the leases."""
        ...


@dataclass
class Driven:
    """How many calls were made, and whether there may be more to do at once."""

    calls: int = 0
    is_cut_short: bool = False


@worker_shutting_down.connect
def _stop(**_: Any) -> None:
    _stopping.set()


@contextmanager
def one_of(key: tuple[Any, ...], most: int) -> Iterator[bool]:
    """Whether this process may have one driver more of the same; counted while inside."""
    with _lock:
        is_free = _driving[key] < most
        _driving[key] += is_free
    try:
        yield is_free
    finally:
        with _lock:
            _driving[key] -= is_free
            if not _driving[key]:
                del _driving[key]


def slice_seconds() -> float:
    """How long a driver that starts now may start calls."""
    with _lock:
        return SLICE_SECONDS if _driving.total() <= CROWD else CROWDED_SLICE_SECONDS


def drive(
    work: Work[C, R], *, width: int, seconds: float = SLICE_SECONDS, most: int | None = None
) -> Driven:
    """Make calls, `width` at once, until nothing is due, `most` are made or the time is over."""
    return _Driver(work, width, seconds, most).run()


class _Driver(Generic[C, R]):
    def __init__(self, work: Work[C, R], width: int, seconds: float, most: int | None) -> None:
        self._work = work
        self._width = width
        self._most = most
        self._begun = time.monotonic()
        self._end = self._begun + seconds
        self._beat = self._begun + BEAT_SECONDS
        self._flying: dict[Future[R], tuple[C, float]] = {}
        self._landed: list[tuple[C, R | ProviderError]] = []
        self._landed_since = 0.0
        # A failure may say that no more calls should go out: it is stored before any does.
        self._has_failure = False
        self._again_at: float | None = None
        self._is_alone = False
        self._driven = Driven()

    def run(self) -> Driven:
        failure: Exception | None = None
        with ThreadPoolExecutor(self._width, thread_name_prefix="call") as pool:
            while True:
                has_stored = self._has_failure and self._flush()
                if failure is None:
                    try:
                        self._lease(pool)
                    except (OperationalError, InterfaceError) as error:
                        # What is under way is still waited for and stored.
                        failure = error
                has_stored |= self._store_if_due()
                if not self._flying and not self._landed:
                    # What was stored may have made room, or be due again at once.
                    if has_stored and failure is None:
                        continue
                    if failure is not None or not self._may_wait():
                        break
                    continue
                self._gather()
                self._hold_on()
        if failure is not None:
            raise failure
        return self._driven

    def _lease(self, pool: ThreadPoolExecutor) -> None:
        now = time.monotonic()
        # What has landed and is not stored yet would be lost with a kill as well.
        free = self._width - len(self._flying) - len(self._landed)
        if self._most is not None:
            free = min(free, self._most - self._driven.calls)
        # While there is no room, there is nothing to wake for.
        self._again_at = None
        if free < 1 or self._is_alone:
            return
        if now >= self._end or _stopping.is_set():
            self._driven.is_cut_short = True
            return
        lot = self._work.claim(
            most=free, landed=len(self._landed), is_idle=not self._flying and not self._landed
        )
        self._again_at = None if lot.again_in is None else now + lot.again_in
        self._is_alone = lot.is_alone
        for claim in lot.claims:
            self._flying[pool.submit(self._work.call, claim)] = claim, time.monotonic()
        self._driven.calls += len(lot.claims)

    def _gather(self) -> None:
        """Wait for something to land, or for the next thing to do."""
        if not self._flying:
            return
        now = time.monotonic()
        until = [self._beat]
        if self._landed:
            until.append(self._landed_since + GATHER_SECONDS)
        if self._again_at is not None:
            until.append(self._again_at)
        timeout = max(min(until) - now, 0.001)
        done, _ = wait(self._flying, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in done:
            claim, begun = self._flying.pop(future)
            self._is_alone = False
            if not self._landed:
                self._landed_since = time.monotonic()
            outcome = _outcome(future)
            self._has_failure |= isinstance(outcome, ProviderError)
            self._landed.append((claim, outcome))
            # Calls that take long are started for longer, so that the tail is a small part.
            took = min(SLOWEST_IN_SLICE * (time.monotonic() - begun), LONGEST_SLICE_SECONDS)
            if took > SLICE_SECONDS:
                self._end = max(self._end, self._begun + took)

    def _store_if_due(self) -> bool:
        waited = time.monotonic() - self._landed_since
        if self._landed and (
            not self._flying or waited >= GATHER_SECONDS or len(self._landed) >= MOST_AT_ONCE
        ):
            return self._flush()
        return False

    def _flush(self) -> bool:
        landed, self._landed = self._landed, []
        self._has_failure = False
        self._store(landed)
        return True

    def _store(self, landed: list[tuple[C, R | ProviderError]]) -> None:
        patience = time.monotonic() + PATIENCE_SECONDS
        pause = 0.2
        while True:
            try:
                self._work.store(landed)
                return
            except (OperationalError, InterfaceError):
                if time.monotonic() > patience:
                    raise
                close_old_connections()
                time.sleep(pause)
                pause = min(pause * 2, 3.0)

    def _hold_on(self) -> None:
        if time.monotonic() < self._beat:
            return
        self._beat = time.monotonic() + BEAT_SECONDS
        held = [claim for claim, _ in self._flying.values()] + [one for one, _ in self._landed]
        try:
            self._work.hold_on(held)
        except (OperationalError, InterfaceError):
            # A lease outlasts a few of these pulses.
            close_old_connections()

    def _may_wait(self) -> bool:
        """Whether more is due soon, and the time for it is there: waited for."""
        if self._again_at is None or self._driven.is_cut_short:
            return False
        if self._most is not None and self._driven.calls >= self._most:
            return False
        pause = self._again_at - time.monotonic()
        if self._again_at >= self._end:
            return False
        if _stopping.wait(max(pause, 0.0)):
            self._driven.is_cut_short = True
        return True


def _outcome(future: Future[R]) -> R | ProviderError:
    try:
        return future.result()
    except ProviderError as error:
        return error
    except Exception:
        logger.exception("a call was not handled")
        return ProviderError(ErrorKind.MALFORMED, UNREADABLE)
