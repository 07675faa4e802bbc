"""Completions from LLM endpoints: one task is one call. The slots in the database are the queue."""

from functools import cache
from ssl import SSLContext, create_default_context

from celery import shared_task
from django.conf import settings
from django.db import OperationalError

from labeling import jobs
from labeling.actions.endpoints import egress_policy
from labeling.actions.generation import (
    begin_generation,
    finish_generation,
    pair_completions,
    ring_due_slots,
)
from labeling.actions.rounds import open_waiting
from labeling.actions.slots import CALL, Claim, claim_slot, fail_slot, fill_slot
from labeling.clients.demo import DemoClient
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.clients.openai_compatible import OpenAICompatibleClient
from labeling.clients.protocol import ClientLimits, CompletionResult, ErrorKind, ProviderError
from labeling.models import Endpoint
from labeling.queries.generation import is_filled, live_runs

RUN = "workers.generation.run_generation"


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def run_generation(job_id: int) -> None:
    """Lay the slots of the job's run if that is to do, and ring for every call that is due."""
    run = begin_generation(job_id=job_id)
    if run is not None:
        ring_due_slots(run=run)
        settle(run.pk)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def call_next(run_id: int, endpoint_id: int) -> bool:
    """Ask the endpoint for the run's next completion; whether there was one to ask for.

    No transaction is open during the call. A worker that dies in it loses its lease, and another
    takes the slot.
    """
    claim = claim_slot(run_id=run_id, endpoint_id=endpoint_id)
    if claim is not None:
        try:
            result = _complete(claim)
        except ProviderError as error:
            fail_slot(claim=claim, error=error)
        else:
            fill_slot(claim=claim, result=result)
        jobs.enqueue(CALL, run_id, endpoint_id)
    settle(run_id)
    return claim is not None


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


def _complete(claim: Claim) -> CompletionResult:
    if claim.kind == Endpoint.Kind.DEMO:
        return DemoClient().complete(claim.request)
    client = OpenAICompatibleClient(
        base_url=claim.base_url,
        key=_key(claim),
        policy=egress_policy(),
        limits=ClientLimits(total_seconds=claim.limits.timeout_seconds),
        ssl_context=_ssl_context(),
    )
    try:
        return client.complete(claim.request)
    finally:
        client.close()


def _key(claim: Claim) -> str:
    if claim.sealed_key is None:
        return ""
    try:
        return open_key(
            claim.sealed_key,
            host=host_of(claim.base_url),
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
