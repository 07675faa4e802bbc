"""Calls to LLM judges. The calls in the database are the queue; one task drives one judge's.

A drive claims calls in batches, gives them to threads that do HTTP and nothing else, stores what
came in batches, and ends after a while by ringing for the next. A worker that dies in it loses its
leases, and another takes the calls.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cache
from ssl import SSLContext, create_default_context
from threading import Lock

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from labeling import jobs
from labeling.actions.endpoints import egress_policy
from labeling.actions.judge_answers import answer_calls, fail_calls
from labeling.actions.judge_calls import Access, JudgeClaim, claim_calls, prolong_calls
from labeling.actions.judges import DRIVE, follow_question
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.clients.protocol import CompletionResult, ErrorKind, LlmClient, ProviderError
from labeling.clients.registry import client_for
from labeling.judging.verdicts import Verdict, read_verdict
from labeling.models import judge_queue

# How long one task goes on; the next bell gives others of the queue their turn between.
DRIVE_SECONDS = 20.0
MOST_THREADS = 256
# How long what came waits for more, so that a batch is stored at once.
GATHER_SECONDS = 0.02
Answer = tuple[JudgeClaim, Verdict, CompletionResult]
Failure = tuple[JudgeClaim, ProviderError]


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def drive_judge(judge_id: int) -> int:
    """Make the judge's calls that are due, for a while; how many came to an end.

    One worker at a time: a second one leaves at once, and the calls are no slower for it.
    """
    with judge_queue.driving(judge_id) as is_mine:
        if not is_mine:
            return 0
        follow_question(judge_id=judge_id)
        with ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="judge") as pool:
            ended = _Drive(judge_id, pool).run()
    if judge_queue.due(judge_id):
        jobs.enqueue(DRIVE, judge_id)
    return ended


@shared_task(expires=10)
def sweep_judges() -> None:
    """Ring for every judge with a call to make: pauses that are over, leases lapsed, bells lost."""
    for judge_id in judge_queue.due():
        jobs.enqueue(DRIVE, judge_id)


class _Drive:
    """One task's part of a judge's calls."""

    def __init__(self, judge_id: int, pool: ThreadPoolExecutor) -> None:
        self._judge_id = judge_id
        self._pool = pool
        self._under_way: dict[Future[Answer | Failure], JudgeClaim] = {}
        self._clients: dict[tuple[object, ...], LlmClient] = {}
        self._making = Lock()
        self._ended = 0

    def run(self) -> int:
        until = time.monotonic() + DRIVE_SECONDS
        beat = time.monotonic()
        try:
            while True:
                is_begun = time.monotonic() < until and self._begin()
                if not is_begun and not self._under_way:
                    return self._ended
                self._store(self._come())
                if self._under_way and time.monotonic() - beat > self._beat_seconds():
                    prolong_calls(claims=list(self._under_way.values()))
                    beat = time.monotonic()
        finally:
            for client in self._clients.values():
                close = getattr(client, "close", None)
                if close is not None:
                    close()

    def _begin(self) -> bool:
        """Claim what there is room for; whether there was anything."""
        room = MOST_THREADS - len(self._under_way)
        claims = claim_calls(judge_id=self._judge_id, most=room) if room else []
        for claim in claims:
            self._under_way[self._pool.submit(self._ask, claim)] = claim
        return bool(claims)

    def _ask(self, claim: JudgeClaim) -> Answer | Failure:
        """In a thread: no database here."""
        try:
            result = self._client(claim.access).complete(claim.request)
            return claim, read_verdict(result, mark=claim.mark, schema=claim.schema), result
        except ProviderError as error:
            return claim, error

    def _come(self) -> Sequence[Answer | Failure]:
        """What has come, after a moment for more of it to come."""
        done, _ = wait(self._under_way, timeout=1.0, return_when=FIRST_COMPLETED)
        if done and len(done) < len(self._under_way):
            time.sleep(GATHER_SECONDS)
        come = [future for future in self._under_way if future.done()]
        for future in come:
            del self._under_way[future]
        return [future.result() for future in come]

    def _store(self, come: Sequence[Answer | Failure]) -> None:
        answers = list(_answers(come))
        failures = list(_failures(come))
        if answers:
            answer_calls(judge_id=self._judge_id, answers=answers)
        if failures:
            fail_calls(judge_id=self._judge_id, failures=failures)
        self._ended += len(come)

    def _beat_seconds(self) -> float:
        return min(one.access.limits.lease_seconds for one in self._under_way.values()) / 3

    def _client(self, access: Access) -> LlmClient:
        known = (access.endpoint_id, access.base_url, access.sealed_key, access.limits)
        with self._making:
            if known not in self._clients:
                self._clients[known] = client_for(
                    kind=access.kind,
                    base_url=access.base_url,
                    key=_key(access),
                    limits=access.limits.of_a_call,
                    policy=egress_policy(),
                    ssl_context=_ssl_context(),
                )
            return self._clients[known]


def _answers(come: Sequence[Answer | Failure]) -> Iterator[Answer]:
    for one in come:
        if len(one) == 3:
            yield one


def _failures(come: Sequence[Answer | Failure]) -> Iterator[Failure]:
    for one in come:
        if len(one) == 2:
            yield one


def _key(access: Access) -> str:
    if access.sealed_key is None:
        return ""
    try:
        return open_key(
            access.sealed_key,
            host=host_of(access.base_url),
            with_keys=settings.FIELD_ENCRYPTION_KEYS,
        )
    except KeyUnreadableError:
        raise ProviderError(
            ErrorKind.UNAUTHORISED, "The stored key cannot be read here. Enter it again."
        ) from None


@cache
def _ssl_context() -> SSLContext:
    # Reading the system's certificates costs more than a local call.
    return create_default_context()
