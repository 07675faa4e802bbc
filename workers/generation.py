"""Completions from LLM endpoints: a task drives many calls. The slots are the queue."""

import time
from collections.abc import Sequence
from dataclasses import replace

from celery import shared_task
from django.db import OperationalError

from labeling import jobs
from labeling.actions.generation_course import (
    DRIVER_WIDTH,
    begin_generation,
    finish_generation,
    pair_completions,
    ring_due_slots,
)
from labeling.actions.rounds import open_waiting
from labeling.actions.slot_answers import Answer, store_answers
from labeling.actions.slots import CALL, Claim, claim_slots, prolong_leases, stop_at_cost
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.protocol import CompletionResult, ProviderError
from labeling.models import Endpoint
from labeling.queries.generation import is_filled, live_runs
from labeling.queries.sent_images import sent_images
from workers.asking import Asking
from workers.driving import Lot, drive, one_of, slice_seconds

RUN = "workers.generation.run_generation"
# What an answer takes until something is known of the endpoint's: for its tokens per minute.
USUAL_TOKENS = 512


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
        self._asking = Asking(endpoint, limits, usual_tokens=USUAL_TOKENS)
        self._spacing = 0.0

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[Claim]:
        """Slots, as far as rates, room and budget go."""
        grant = self._asking.take(most)
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
        self._asking.give_back(grant.count - len(claimed.claims))
        claims = [self._with_images(one) for one in claimed.claims]
        for claim in claims:
            self._asking.open(claim)
        return Lot(claims, claimed.is_alone, again if claims else None)

    def call(self, claim: Claim) -> CompletionResult:
        """Ask for the completion; the one thing that happens in a thread."""
        if self._spacing:
            time.sleep(self._spacing)
        return self._asking.ask(claim, claim.request)

    def store(self, answers: Sequence[Answer]) -> None:
        """Keep what came, and let the rates know."""
        store_answers(run_id=self._run_id, endpoint_id=self._endpoint.pk, answers=answers)
        came = [one for _, one in answers if isinstance(one, CompletionResult)]
        failed = [one for _, one in answers if isinstance(one, ProviderError)]
        self._asking.note(came, failed)

    def hold_on(self, claims: Sequence[Claim]) -> None:
        """The leases, and a look at what it all costs."""
        prolong_leases(claims=claims)
        if self._limits.cost_per_run is not None:
            stop_at_cost(run_id=self._run_id, endpoint_id=self._endpoint.pk)

    def close(self) -> None:
        """Close the connections kept alive."""
        self._asking.close()

    def _with_images(self, claim: Claim) -> Claim:
        images = sent_images(claim.campaign_id, claim.request.messages)
        return replace(claim, request=replace(claim.request, images=images)) if images else claim
