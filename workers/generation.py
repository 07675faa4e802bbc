"""Completions from LLM endpoints: a task drives many calls. The slots are the queue."""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from ssl import SSLContext, create_default_context

from celery import shared_task
from django.conf import settings
from django.db import OperationalError
from redis import Redis

from labeling import jobs
from labeling.actions.endpoints import egress_policy
from labeling.actions.generation_course import (
    DRIVER_WIDTH,
    begin_generation,
    finish_generation,
    pair_completions,
    ring_due_slots,
)
from labeling.actions.rounds import open_waiting
from labeling.actions.slots import (
    CALL,
    Answer,
    Claim,
    claim_slots,
    prolong_leases,
    stop_at_cost,
    store_answers,
)
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.clients.protocol import (
    CompletionResult,
    ErrorKind,
    LlmClient,
    ProviderError,
)
from labeling.clients.rates import Allowance, Rates
from labeling.clients.registry import client_for
from labeling.models import Endpoint
from labeling.queries.generation import is_filled, live_runs
from labeling.queries.sent_images import sent_images
from workers.driving import Lot, drive, one_of, slice_seconds

RUN = "workers.generation.run_generation"
# What an answer takes until something is known of the endpoint's: for its tokens per minute.
USUAL_TOKENS = 512
CHARS_PER_TOKEN = 4


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def run_generation(job_id: int) -> None:
    """Lay the slots of the job's run if that is to do, and ring for every driver that is due."""
    run = begin_generation(job_id=job_id)
    if run is not None:
        ring_due_slots(run=run)
        settle(run.pk)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def drive_endpoint(run_id: int, endpoint_id: int) -> int:
    """Ask the endpoint for the run's completions as long as some are due; how many calls.

    No transaction is open during a call. A worker that dies loses its leases within a minute, and
    another takes the slots.
    """
    return drive_calls(run_id=run_id, endpoint_id=endpoint_id)


def drive_calls(*, run_id: int, endpoint_id: int, most: int | None = None) -> int:
    """Make calls for the run, `most` at the most; how many."""
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        return 0
    stop_at_cost(run_id=run_id, endpoint_id=endpoint_id)
    limits = call_limits(endpoint.limits)
    width = min(limits.concurrency, DRIVER_WIDTH)
    drivers = -(-limits.concurrency // DRIVER_WIDTH)
    with one_of(("generation", run_id, endpoint_id), drivers) as is_free:
        if not is_free:
            return 0
        work = GenerationWork(run_id, endpoint, limits)
        try:
            driven = drive(work, width=width, seconds=slice_seconds(), most=most)
        finally:
            work.close()
    if driven.is_cut_short:
        jobs.enqueue(CALL, run_id, endpoint_id)
    settle(run_id)
    return driven.calls


@shared_task(expires=10)
def sweep_generation() -> None:
    """Ring for every run under way: for pauses that are over, leases that lapsed, bells lost."""
    for job_id in live_runs():
        jobs.enqueue(RUN, job_id)


def settle(run_id: int) -> None:
    """Pair what came and put it before raters, once nothing of the run is left to do.

    Each step may be repeated, so a worker that dies between two of them leaves nothing undone
    that the sweep does not make good.
    """
    if not is_filled(run_id):
        return
    run = pair_completions(run_id=run_id)
    if run is not None:
        open_waiting(campaign=run.campaign, by=run.created_by)
        finish_generation(run_id=run_id)


class GenerationWork:
    """A run's slots at one endpoint, as `workers.driving` drives them."""

    def __init__(self, run_id: int, endpoint: Endpoint, limits: CallLimits) -> None:
        self._run_id = run_id
        self._endpoint = endpoint
        self._limits = limits
        self._rates = shared_rates()
        self._key = str(endpoint.public_id)
        self._allowed = Allowance(
            limits.concurrency, limits.requests_per_minute, limits.tokens_per_minute
        )
        self._tokens_each = USUAL_TOKENS
        self._spacing = 0.0
        # By all that a client is made of: a key entered meanwhile gets a client of its own.
        self._clients: dict[tuple[str, bytes | None], LlmClient] = {}
        self._unreadable: set[tuple[str, bytes | None]] = set()

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[Claim]:
        """Slots, as far as rates, room and budget go."""
        grant = self._rates.take(
            self._key, want=most, tokens_each=self._tokens_each, allowed=self._allowed
        )
        self._spacing = grant.spacing_seconds
        again = grant.wait_seconds or None
        if grant.count < 1:
            return Lot(again_in=again)
        claimed = claim_slots(
            run_id=self._run_id,
            endpoint_id=self._endpoint.pk,
            most=grant.count,
            window=grant.window,
            landed=landed,
            is_idle=is_idle,
        )
        unused = grant.count - len(claimed.claims)
        if unused and self._allowed.has_rates:
            self._rates.give_back(self._key, count=unused, tokens_each=self._tokens_each)
        claims = [self._with_images(one) for one in claimed.claims]
        for claim in claims:
            self._open(claim)
        return Lot(claims, claimed.is_alone, again if claims else None)

    def call(self, claim: Claim) -> CompletionResult:
        """Ask for the completion; the one thing that happens in a thread."""
        if self._spacing:
            time.sleep(self._spacing)
        client = self._clients.get(_client_key(claim))
        if client is None:
            raise ProviderError(
                ErrorKind.UNAUTHORISED, "The stored key cannot be read here. Enter it again."
            )
        return client.complete(claim.request)

    def store(self, answers: Sequence[Answer]) -> None:
        """Keep what came, and let the rates know."""
        store_answers(run_id=self._run_id, endpoint_id=self._endpoint.pk, answers=answers)
        limited = [
            one
            for _, one in answers
            if isinstance(one, ProviderError) and one.kind == ErrorKind.RATE_LIMITED
        ]
        came = [one for _, one in answers if isinstance(one, CompletionResult)]
        if limited:
            rest = max(one.retry_after_seconds or 1.0 for one in limited)
            self._rates.slow(self._key, concurrency=self._limits.concurrency, rest_seconds=rest)
        elif came:
            self._rates.ease(self._key, concurrency=self._limits.concurrency)
        self._count_tokens(came)

    def hold_on(self, claims: Sequence[Claim]) -> None:
        """The leases, and a look at what it all costs."""
        prolong_leases(claims=claims)
        if self._limits.cost_per_run is not None:
            stop_at_cost(run_id=self._run_id, endpoint_id=self._endpoint.pk)

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
        self._tokens_each = max(1, round(0.7 * self._tokens_each + 0.3 * mean))

    def _with_images(self, claim: Claim) -> Claim:
        images = sent_images(claim.campaign_id, claim.request.messages)
        return replace(claim, request=replace(claim.request, images=images)) if images else claim

    def _open(self, claim: Claim) -> None:
        key = _client_key(claim)
        if key in self._clients or key in self._unreadable:
            return
        try:
            self._clients[key] = client_for(
                kind=claim.kind,
                base_url=claim.base_url,
                key=_opened_key(claim),
                limits=claim.limits.of_a_call,
                policy=egress_policy(),
                ssl_context=ssl_context(),
            )
        except (KeyUnreadableError, ProviderError):
            self._unreadable.add(key)


def _client_key(claim: Claim) -> tuple[str, bytes | None]:
    return claim.base_url, claim.sealed_key


def _opened_key(claim: Claim) -> str:
    if claim.sealed_key is None:
        return ""
    return open_key(
        claim.sealed_key, host=host_of(claim.base_url), with_keys=settings.FIELD_ENCRYPTION_KEYS
    )


@cache
def shared_rates() -> Rates:
    """The rates of all workers, on the server that the cache is on."""
    address = settings.CACHES["default"]["LOCATION"]
    return Rates(
        Redis.from_url(address, socket_timeout=1.0, socket_connect_timeout=1.0),
        prefix="thurstone:rates",
    )


@cache
def ssl_context() -> SSLContext:
    """The system's certificates: reading them costs more than a local call."""
    return create_default_context()
