"""Calls to LLM judges: a task drives many calls of one judge. The calls' rows are the queue."""

import time
from collections.abc import Sequence

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from labeling import jobs
from labeling.actions.endpoints import egress_policy
from labeling.actions.judge_answers import answer_calls, fail_calls
from labeling.actions.judge_calls import Access, JudgeClaim, claim_calls, prolong_calls
from labeling.actions.judges import DRIVE, follow_question
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.clients.protocol import CompletionResult, ErrorKind, LlmClient, ProviderError
from labeling.clients.rates import Allowance
from labeling.clients.registry import client_for
from labeling.judging.verdicts import Verdict, read_verdict
from labeling.models import Endpoint, Judge, judge_queue
from workers.driving import Lot, drive, slice_seconds
from workers.generation import shared_rates, ssl_context

MOST_THREADS = 256
# What a call takes until something is known of the endpoint's: for its tokens per minute.
USUAL_TOKENS = 2048
Said = tuple[Verdict, CompletionResult]


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def drive_judge(judge_id: int) -> int:
    """Ask the judge what is due, for a while; how many calls.

    One worker at a time: a second one leaves at once, and the calls are no slower for it. No
    transaction is open during a call; a worker that dies loses its leases, and another takes them.
    """
    judge = Judge.objects.select_related("endpoint").filter(pk=judge_id).first()
    if judge is None:
        return 0
    with judge_queue.driving(judge_id) as is_mine:
        if not is_mine:
            return 0
        follow_question(judge_id=judge_id)
        limits = call_limits(judge.endpoint.limits)
        work = JudgeWork(judge_id, judge.endpoint, limits)
        try:
            driven = drive(
                work, width=min(limits.concurrency, MOST_THREADS), seconds=slice_seconds()
            )
        finally:
            work.close()
    if driven.is_cut_short:
        jobs.enqueue(DRIVE, judge_id)
    return driven.calls


@shared_task(expires=10)
def sweep_judges() -> None:
    """Ring for every judge with a call to make: pauses that are over, leases lapsed, bells lost."""
    for judge_id in judge_queue.due():
        jobs.enqueue(DRIVE, judge_id)


class JudgeWork:
    """A judge's calls, as `workers.driving` drives them."""

    def __init__(self, judge_id: int, endpoint: Endpoint, limits: CallLimits) -> None:
        self._judge_id = judge_id
        self._limits = limits
        self._rates = shared_rates()
        # Runs that ask the same endpoint take from the same rates.
        self._key = str(endpoint.public_id)
        self._allowed = Allowance(
            limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute
        )
        self._tokens_each = USUAL_TOKENS
        self._spacing = 0.0
        # By all that a client is made of: a key entered meanwhile gets a client of its own.
        self._clients: dict[tuple[str, bytes | None], LlmClient] = {}
        self._unreadable: set[tuple[str, bytes | None]] = set()

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[JudgeClaim]:
        """Calls, as far as rates, room and budget go."""
        grant = self._rates.take(
            self._key, want=most, tokens_each=self._tokens_each, allowed=self._allowed
        )
        self._spacing = grant.spacing_seconds
        again = grant.wait_seconds or None
        if grant.count < 1:
            return Lot(again_in=again)
        claims = claim_calls(
            judge_id=self._judge_id,
            most=grant.count,
            window=grant.window,
            landed=landed,
            is_idle=is_idle,
        )
        unused = grant.count - len(claims)
        if unused and self._allowed.has_rates:
            self._rates.give_back(self._key, count=unused, tokens_each=self._tokens_each)
        for claim in claims:
            self._open(claim.access)
        is_alone = any(claim.is_suspect for claim in claims)
        return Lot(claims, is_alone, again if claims else None)

    def call(self, claim: JudgeClaim) -> Said:
        """Ask, and read the verdict; the one thing that happens in a thread."""
        if self._spacing:
            time.sleep(self._spacing)
        client = self._clients.get(_client_key(claim.access))
        if client is None:
            raise ProviderError(
                ErrorKind.UNAUTHORISED, "The stored key cannot be read here. Enter it again."
            )
        result = client.complete(claim.request)
        return read_verdict(result, mark=claim.mark, schema=claim.schema), result

    def store(self, answers: Sequence[tuple[JudgeClaim, Said | ProviderError]]) -> None:
        """Keep what came, and let the rates know."""
        came = [(claim, *said) for claim, said in answers if not isinstance(said, ProviderError)]
        failed = [(claim, said) for claim, said in answers if isinstance(said, ProviderError)]
        answer_calls(judge_id=self._judge_id, answers=came)
        fail_calls(judge_id=self._judge_id, failures=failed)
        limited = [error for _, error in failed if error.kind == ErrorKind.RATE_LIMITED]
        if limited:
            rest = max(error.retry_after_seconds or 1.0 for error in limited)
            self._rates.slow(self._key, concurrency=self._limits.concurrency, rest_seconds=rest)
        elif came:
            self._rates.ease(self._key, concurrency=self._limits.concurrency)
        self._count_tokens([result for _, _, result in came])

    def hold_on(self, claims: Sequence[JudgeClaim]) -> None:
        """The leases."""
        prolong_calls(claims=claims)

    def close(self) -> None:
        """Close the connections kept alive."""
        for client in self._clients.values():
            client.close()

    def _count_tokens(self, came: Sequence[CompletionResult]) -> None:
        """Put right what was taken of the tokens, and expect as much of the next call."""
        counted = [one for one in came if one.prompt_token_count is not None]
        if self._allowed.tokens_per_minute is None or not counted:
            return
        used = [(o.prompt_token_count or 0) + (o.completion_token_count or 0) for o in counted]
        self._rates.correct(self._key, tokens=sum(used) - len(used) * self._tokens_each)
        self._tokens_each = max(1, round(0.7 * self._tokens_each + 0.3 * sum(used) / len(used)))

    def _open(self, access: Access) -> None:
        known = _client_key(access)
        if known in self._clients or known in self._unreadable:
            return
        try:
            self._clients[known] = client_for(
                kind=access.kind,
                base_url=access.base_url,
                key=_opened_key(access),
                limits=access.limits.of_a_call,
                policy=egress_policy(),
                ssl_context=ssl_context(),
            )
        except (KeyUnreadableError, ProviderError):
            self._unreadable.add(known)


def _client_key(access: Access) -> tuple[str, bytes | None]:
    return access.base_url, access.sealed_key


def _opened_key(access: Access) -> str:
    if access.sealed_key is None:
        return ""
    return open_key(
        access.sealed_key, host=host_of(access.base_url), with_keys=settings.FIELD_ENCRYPTION_KEYS
    )
