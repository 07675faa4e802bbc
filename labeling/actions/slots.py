"""One completion at a time: claim a slot, fill it, or say why not. The call itself is a worker's.

Locks go slot, endpoint, job. A claim holds the endpoint first, but passes over slots that are held.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from labeling import audit, jobs, notify
from labeling.actions.endpoints import KEY_REFUSED
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.protocol import CompletionRequest, CompletionResult, ErrorKind, ProviderError
from labeling.formats import rows
from labeling.models import (
    Campaign,
    Completion,
    Endpoint,
    GenerationSlot,
    Prompt,
    RunEndpoint,
    Source,
    slots,
)

CALL = "workers.generation.call_next"
LOST = "worker_lost"
WORKER_LOST = (
    "The worker stopped each time while asking for this. Retry what failed; if it happens again, "
    "the worker's log has the reason."
)
LONGEST_BACKOFF_SECONDS = 300.0
LONGEST_REST_SECONDS = 30.0
# Failures in a row after which an endpoint is left alone for a moment, or taken out of use.
STRIKES_TO_REST = 5
STRIKES_OF_KEY = 3
# These say that the endpoint, not the request, is in trouble.
_TROUBLE = frozenset({ErrorKind.SERVER_ERROR, ErrorKind.UNREACHABLE, ErrorKind.TIMED_OUT})
State = GenerationSlot.State


@dataclass(frozen=True)
class Claim:
    """A slot leased to one worker, and what it takes to ask for its completion."""

    slot_id: int
    fence: int
    run_id: int
    campaign_id: int
    prompt_id: int
    endpoint_id: int
    # As reports name the source, and as it was when the run was started.
    name: str
    kind: str
    base_url: str
    sealed_key: bytes | None
    limits: CallLimits
    request: CompletionRequest

    @property
    def source_params(self) -> dict[str, object]:
        """The sampling settings that belong to a completion's source.

        A demo's answers say so wherever they are exported to.
        """
        params = dict(self.request.sampling)
        if self.name != self.request.model:
            params["model"] = self.request.model
        if self.kind == Endpoint.Kind.DEMO:
            params["demo"] = True
        return params


@transaction.atomic(durable=True)
def claim_slot(*, run_id: int, endpoint_id: int) -> Claim | None:
    """Lease the run's next due slot of the endpoint; None if there is none, or it may not be asked.

    Each lease has a higher fence than the last. The endpoint's row is held meanwhile, so that
    its limit of calls at once is kept by all workers together.
    """
    usable = Q(rests_until=None) | Q(rests_until__lte=Now())
    endpoint = (
        Endpoint.objects.select_for_update(no_key=True)
        .filter(usable, pk=endpoint_id, disabled_reason="")
        .first()
    )
    settings = (
        RunEndpoint.objects.select_related("run")
        .filter(
            run_id=run_id,
            endpoint_id=endpoint_id,
            run__state="running",
            run__job__is_cancel_requested=False,
        )
        .exclude(run__campaign__state=Campaign.State.ARCHIVED)
        .first()
    )
    if endpoint is None or settings is None:
        return None
    limits = call_limits(endpoint.limits)
    if slots.live_count(endpoint_id=endpoint_id) >= limits.concurrency:
        return None
    while leased := slots.claim(
        run_id=run_id, endpoint_id=endpoint_id, lease_seconds=limits.lease_seconds
    ):
        if leased.was_lost and leased.attempts > limits.max_attempts:
            _end(leased.slot_id, LOST, WORKER_LOST)
            continue
        prompt = Prompt.objects.get(pk=leased.prompt_id)
        return Claim(
            slot_id=leased.slot_id,
            fence=leased.fence,
            run_id=run_id,
            campaign_id=settings.run.campaign_id,
            prompt_id=prompt.pk,
            endpoint_id=endpoint_id,
            name=settings.name,
            kind=endpoint.kind,
            base_url=endpoint.base_url,
            sealed_key=None if endpoint.encrypted_key is None else bytes(endpoint.encrypted_key),
            limits=limits,
            request=CompletionRequest(
                model=settings.model,
                messages=prompt.messages,
                sampling=settings.sampling,
                sample=leased.sample,
            ),
        )
    return None


@transaction.atomic(durable=True)
def fill_slot(*, claim: Claim, result: CompletionResult) -> bool:
    """Store the completion in its slot; False if the slot has gone to another or was cancelled.

    The same text of the same source is one completion, however many slots it fills.
    """
    slot = _held(claim)
    if slot is None:
        return False
    made = rows.completion_row(
        messages=result.messages(), model=claim.name, params=claim.source_params
    )
    known = {"campaign_id": claim.campaign_id, "key": made.source_key}
    source = Source.objects.filter(**known).first()
    if source is None:
        # Calls that end together meet here: the database takes one, without an error in its log.
        new = Source(**known, model=claim.name, params=claim.source_params)
        Source.objects.bulk_create([new], ignore_conflicts=True)
        source = Source.objects.get(**known)
    completion, _ = Completion.objects.get_or_create(
        prompt_id=claim.prompt_id,
        source=source,
        content_hash=made.content_hash,
        defaults={
            "messages": result.messages(),
            "char_count": made.char_count,
            "finish_reason": result.finish_reason,
            "marks": list(made.marks),
        },
    )
    slot.state = State.FILLED
    slot.completion = completion
    slot.leased_until = slot.not_before = None
    slot.error_kind = slot.error = ""
    slot.finished_at = Now()
    slot.provenance = {
        "request": {**claim.request.sampling, "model": claim.request.model},
        "model": result.model,
        "response_id": result.response_id,
        "finish_reason": result.finish_reason,
        "latency_ms": result.latency_ms,
        "prompt_token_count": result.prompt_token_count,
        "completion_token_count": result.completion_token_count,
        "is_demo": result.is_demo,
    }
    slot.save()
    Endpoint.objects.filter(pk=claim.endpoint_id, strike_count__gt=0).update(strike_count=0)
    slots.tick(run_id=claim.run_id)
    return True


@transaction.atomic(durable=True)
def fail_slot(*, claim: Claim, error: ProviderError) -> None:
    """Put the slot back for another try, or end it with the reason. A stale lease changes nothing.

    Being told to wait is no try: however long a provider limits its rate, nothing is lost.
    """
    slot = _held(claim)
    if slot is None:
        return
    is_limited = error.kind == ErrorKind.RATE_LIMITED
    strikes = _strike(claim, error)
    slot.error_kind, slot.error = error.kind.value, error.message[:500]
    slot.leased_until = None
    if is_limited:
        slot.attempts -= 1
    if not error.kind.is_retryable or (
        slot.attempts >= claim.limits.max_attempts and not is_limited
    ):
        slot.state = State.FAILED
        slot.finished_at = Now()
    else:
        seconds = _wait(error, strikes if is_limited else slot.attempts)
        slot.state = State.WAITING
        slot.not_before = Now() + timedelta(seconds=seconds)
        jobs.enqueue(CALL, claim.run_id, claim.endpoint_id, countdown=seconds)
    slot.save()
    slots.tick(run_id=claim.run_id)


def _held(claim: Claim) -> GenerationSlot | None:
    held = GenerationSlot.objects.select_for_update(no_key=True)
    return held.filter(pk=claim.slot_id, fence=claim.fence, state=State.LEASED).first()


def _end(slot_id: int, kind: str, message: str) -> None:
    GenerationSlot.objects.filter(pk=slot_id).update(
        state=State.FAILED,
        error_kind=kind,
        error=message,
        leased_until=None,
        finished_at=Now(),
    )


def _strike(claim: Claim, error: ProviderError) -> int:
    """Count a failure against the endpoint where it is the endpoint's; how many in a row."""
    if error.kind not in _TROUBLE | {ErrorKind.RATE_LIMITED, ErrorKind.UNAUTHORISED}:
        return 0
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=claim.endpoint_id)
    endpoint.strike_count += 1
    strikes = endpoint.strike_count
    if error.kind == ErrorKind.RATE_LIMITED:
        endpoint.rests_until = Now() + timedelta(seconds=_wait(error, strikes))
    elif error.kind in _TROUBLE and strikes >= STRIKES_TO_REST:
        seconds = min(2.0 ** (strikes - STRIKES_TO_REST), LONGEST_REST_SECONDS)
        endpoint.rests_until = Now() + timedelta(seconds=seconds)
    elif (
        error.kind == ErrorKind.UNAUTHORISED
        and strikes >= STRIKES_OF_KEY
        and not endpoint.disabled_reason
    ):
        endpoint.disabled_reason = KEY_REFUSED
        audit.record("endpoint.key_refused", subject=endpoint.public_id, strikes=strikes)
        campaign = Campaign.objects.get(pk=claim.campaign_id)
        notify.tell(
            notify.managers_of(campaign),
            "endpoint.failing",
            key=f"{endpoint.public_id}:{endpoint.strike_count}",
            campaign=campaign,
            endpoint=endpoint.name,
            why=KEY_REFUSED,
        )
    endpoint.save(update_fields=["strike_count", "rests_until", "disabled_reason"])
    return strikes


def _wait(error: ProviderError, tries: int) -> float:
    """Seconds to the next try: at least what the provider asks for, and not all at one moment."""
    backoff = min(2.0 ** min(tries, 10), LONGEST_BACKOFF_SECONDS)
    wanted = error.retry_after_seconds
    return (backoff if wanted is None else wanted) * (1 + 0.2 * random.random())
