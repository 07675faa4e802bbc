"""Completions in batches: lease slots, store what came, or say why not. The calls are a worker's.

Locks go run, slot, endpoint, job. A claim holds the endpoint before slots, but passes over those
that are held.
"""

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from math import ceil
from typing import Any

import orjson
from django.db import transaction
from django.db.models import F

from labeling import audit, notify
from labeling.actions.endpoint_health import (
    STRIKES_TO_REST,
    Health,
    note_outcomes,
    usable,
    wait_seconds,
)
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.protocol import CompletionRequest, CompletionResult, ErrorKind, ProviderError
from labeling.formats import filters, rows
from labeling.models import (
    Campaign,
    Completion,
    Endpoint,
    GenerationRun,
    Prompt,
    RunEndpoint,
    Source,
    slots,
)

CALL = "workers.generation.drive_endpoint"
LOST = "worker_lost"
WORKER_LOST = (
    "The worker stopped each time while asking for this. Retry what failed; if it happens again, "
    "the worker's log has the reason."
)
# A worker that fell silent for so long has lost its slots. Its driver prolongs them meanwhile.
LEASE_SECONDS = 40.0
MILLION = Decimal(1_000_000)
CENT = Decimal("0.000001")
# The kinds whose forms know seeds; Anthropic's has none.
SEEDED = frozenset({Endpoint.Kind.OPENAI_COMPATIBLE, Endpoint.Kind.GOOGLE})
MOST_TOKEN_TIMES = 100_000
State = GenerationRun.State


@dataclass(frozen=True)
class Claim:
    """A slot leased to one worker, and what it takes to ask for its completion."""

    slot_id: int
    fence: int
    attempts: int
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
    price: Mapping[str, Any]
    language: str
    filters: Mapping[str, str]
    # The settings that every sample has; the request has a seed besides.
    sampling: Mapping[str, Any]
    request: CompletionRequest

    @property
    def source_params(self) -> dict[str, object]:
        """The settings that belong to a completion's source.

        A demo's answers say so wherever they are exported to.
        """
        params = dict(self.sampling)
        if self.request.system:
            params["system"] = self.request.system
        if self.name != self.request.model:
            params["model"] = self.request.model
        if self.kind == Endpoint.Kind.DEMO:
            params["demo"] = True
        return params


@dataclass(frozen=True)
class Claimed:
    """The slots leased at once. One that is leased alone may be what kills its worker."""

    claims: list[Claim] = field(default_factory=list)
    is_alone: bool = False


Answer = tuple[Claim, CompletionResult | ProviderError]


@transaction.atomic(durable=True)
def claim_slots(
    *,
    run_id: int,
    endpoint_id: int,
    most: int,
    window: int | None = None,
    landed: int = 0,
    is_idle: bool = True,
    lease_seconds: float = LEASE_SECONDS,
) -> Claimed:
    """Lease up to `most` due slots of the run at the endpoint, as far as there is room and budget.

    Each lease has a higher fence than the last, and counts as a call of the run. The run's and the
    endpoint's rows are held meanwhile, so that the budget and the limit of calls at once are kept
    by all workers together. `window` is a limit on top of the endpoint's own; `landed` are the
    caller's calls that are over and not stored yet. At its budget the run pauses itself.
    """
    run = (
        GenerationRun.objects.select_for_update(no_key=True, of=("self",))
        .select_related("campaign")
        .filter(pk=run_id, state=State.RUNNING, job__is_cancel_requested=False)
        .exclude(campaign__state=Campaign.State.ARCHIVED)
        .first()
    )
    if run is None:
        return Claimed()
    endpoint = (
        Endpoint.objects.select_for_update(no_key=True).filter(usable(), pk=endpoint_id).first()
    )
    variants = {
        bytes(one.params_key): one
        for one in RunEndpoint.objects.filter(run=run, endpoint_id=endpoint_id, is_paused=False)
    }
    if endpoint is None or not variants:
        return Claimed()
    limits = call_limits(endpoint.limits)
    room = limits.concurrency if window is None else min(limits.concurrency, window)
    if endpoint.strike_count >= STRIKES_TO_REST:
        # One call asks whether the trouble is over.
        room = 1
    room = min(room - (slots.live_count(endpoint_id=endpoint_id) - landed), most)
    slots.park(
        run_id=run_id,
        endpoint_id=endpoint_id,
        most=limits.max_attempts,
        kind=LOST,
        error=WORKER_LOST,
    )
    if room < 1:
        return Claimed()
    if has_reached_budget(run):
        _stop_at_budget(run)
        return Claimed()
    if (left := calls_left(run)) is not None:
        room = min(room, left)
    if room < 1:
        return Claimed()
    asked: dict[str, Any] = {
        "run_id": run_id,
        "endpoint_id": endpoint_id,
        "keys": list(variants),
        "most": room,
        "lease_seconds": lease_seconds,
    }
    leased = slots.claim(**asked, suspects=True) if is_idle else []
    is_alone = bool(leased)
    leased = leased or slots.claim(**asked)
    if not leased:
        return Claimed()
    GenerationRun.objects.filter(pk=run_id).update(call_count=F("call_count") + len(leased))
    prompts = Prompt.objects.in_bulk([one.prompt_id for one in leased])
    claims = [
        _claim(one, run, endpoint, variants[one.params_key], prompts[one.prompt_id])
        for one in leased
    ]
    return Claimed(claims, is_alone)


def _claim(
    leased: slots.Leased,
    run: GenerationRun,
    endpoint: Endpoint,
    used: RunEndpoint,
    prompt: Prompt,
) -> Claim:
    sampling = dict(used.sampling)
    if endpoint.kind in SEEDED:
        sampling = {**sampling, **seeded(sampling, run.seed, prompt, leased.sample)}
    return Claim(
        slot_id=leased.slot_id,
        fence=leased.fence,
        attempts=leased.attempts,
        run_id=run.pk,
        campaign_id=run.campaign_id,
        prompt_id=prompt.pk,
        endpoint_id=endpoint.pk,
        name=used.name,
        kind=endpoint.kind,
        base_url=endpoint.base_url,
        sealed_key=None if endpoint.encrypted_key is None else bytes(endpoint.encrypted_key),
        limits=call_limits(endpoint.limits),
        price=used.price,
        language=prompt.language,
        filters=run.filters,
        sampling=used.sampling,
        request=CompletionRequest(
            model=used.model,
            messages=prompt.messages,
            sampling={k: v for k, v in sampling.items() if k != "seed" or v is not None},
            sample=leased.sample,
            system=used.system,
            streams=used.streams,
            keeps_raw=run.keeps_raw,
        ),
    )


def seeded(sampling: Mapping[str, Any], seed: int, prompt: Prompt, sample: int) -> dict[str, int]:
    """The seed of one sample: the settings' own and those after it, else one of the run's.

    A seed of null in the settings sends none.
    """
    if "seed" in sampling:
        own = sampling["seed"]
        return {"seed": own + sample - 1} if isinstance(own, int) else {}
    told = sha256(f"{seed}:{prompt.public_id}:{sample}".encode()).digest()
    return {"seed": int.from_bytes(told[:4]) & 0x7FFFFFFF}


def has_reached_budget(run: GenerationRun) -> bool:
    """No more calls are to be made for the run."""
    return (run.budget_calls is not None and run.call_count >= run.budget_calls) or (
        run.budget_cost is not None and run.cost >= run.budget_cost
    )


def calls_left(run: GenerationRun) -> int | None:
    """How many calls the run's budget leaves; None is any number.

    What is under way is expected to cost what a call did so far, so that the cost ends about where
    it should, and not as many calls later as there are at once.
    """
    bounds = []
    if run.budget_calls is not None:
        bounds.append(run.budget_calls - run.call_count)
    if run.budget_cost is not None and run.cost > 0:
        under_way = slots.run_live_count(run_id=run.pk)
        each = run.cost / max(run.call_count - under_way, 1)
        bounds.append(ceil((run.budget_cost - run.cost) / each) - under_way)
    return min(bounds) if bounds else None


@transaction.atomic(durable=True)
def prolong_leases(*, claims: Sequence[Claim], lease_seconds: float = LEASE_SECONDS) -> int:
    """Hold the slots on; how many still are the caller's."""
    held = [(claim.slot_id, claim.fence) for claim in claims]
    return slots.prolong(held, lease_seconds=lease_seconds)


@transaction.atomic(durable=True)
def store_answers(*, run_id: int, endpoint_id: int, answers: Sequence[Answer]) -> set[int]:
    """Store what the calls came to; the slots that were still the caller's.

    A completion fills its slot. A failure puts it back for another try, or ends it with the reason;
    being told to wait is no try, so however long a provider limits its rate, nothing is lost. What
    a stale lease brings changes nothing but what the run has cost.
    """
    run = GenerationRun.objects.select_for_update(no_key=True).filter(pk=run_id).first()
    if run is None:
        return set()
    came = [(claim, one) for claim, one in answers if isinstance(one, CompletionResult)]
    spent = sum((cost_of(claim, one) or Decimal(0) for claim, one in came), Decimal(0))
    if came:
        GenerationRun.objects.filter(pk=run_id).update(
            cost=F("cost") + spent,
            input_tokens=F("input_tokens") + sum(one.prompt_token_count or 0 for _, one in came),
            output_tokens=F("output_tokens")
            + sum(one.completion_token_count or 0 for _, one in came),
        )
    held = slots.hold([(claim.slot_id, claim.fence) for claim, _ in answers])
    _fill([(claim, one) for claim, one in came if claim.slot_id in held])
    health = note_outcomes(
        endpoint_id=endpoint_id,
        campaign_id=run.campaign_id,
        outcomes=[one if isinstance(one, ProviderError) else None for _, one in answers],
    )
    failed = [
        _failed(claim, one, health)
        for claim, one in answers
        if isinstance(one, ProviderError) and claim.slot_id in held
    ]
    slots.fail(failed)
    ended = len(held) - sum(one.pause_seconds is not None for one in failed)
    slots.advance(run_id=run_id, count=ended)
    return held


def cost_of(claim: Claim, result: CompletionResult) -> Decimal | None:
    """What the answer cost by the price when the run began; None where that is not known."""
    price = claim.price
    given, taken = result.prompt_token_count, result.completion_token_count
    if not price or given is None or taken is None:
        return None
    cost = given * Decimal(str(price.get("input_per_million", 0)))
    cost += taken * Decimal(str(price.get("output_per_million", 0)))
    return (cost / MILLION).quantize(CENT)


def _fill(came: Sequence[tuple[Claim, CompletionResult]]) -> None:
    """The same text of the same source is one completion, however many slots it fills."""
    if not came:
        return
    sources: dict[bytes, Source] = {}
    wanted: dict[tuple[int, bytes, int], Completion] = {}
    keys: list[tuple[int, bytes, int]] = []
    left_out: list[str] = []
    for claim, result in came:
        messages = result.messages()
        params = claim.source_params
        made = rows.completion_row(messages=messages, model=claim.name, params=params)
        if made.source_key not in sources:
            sources[made.source_key] = source_of(
                claim.campaign_id, made.source_key, claim.name, params
            )
        found = filters.findings(
            filters.Answer(
                result.text, result.finish_reason, claim.language, bool(result.tool_calls)
            )
        )
        left_out.append(filters.dropped_for(found, claim.filters))
        marks = dict.fromkeys([*made.marks, *filters.marked_for(found, claim.filters)])
        key = (claim.prompt_id, made.content_hash, sources[made.source_key].pk)
        keys.append(key)
        wanted.setdefault(
            key,
            Completion(
                prompt_id=claim.prompt_id,
                source=sources[made.source_key],
                content_hash=made.content_hash,
                messages=messages,
                char_count=made.char_count,
                finish_reason=result.finish_reason[:32],
                marks=list(marks),
                token_times=_token_times(result),
            ),
        )
    ids = stored_completions(wanted)
    slots.fill(
        [
            slots.Filled(
                slot_id=claim.slot_id,
                completion_id=ids[key],
                provenance=_provenance(claim, result),
                input_tokens=result.prompt_token_count,
                output_tokens=result.completion_token_count,
                latency_ms=result.latency_ms,
                first_token_ms=result.first_token_ms,
                cost=cost_of(claim, result),
                left_out=why,
            )
            for (claim, result), key, why in zip(came, keys, left_out, strict=True)
        ]
    )
    slots.keep_raw(
        [
            (claim.slot_id, gzip.compress(result.raw))
            for claim, result in came
            if claim.request.keeps_raw and result.raw is not None
        ]
    )


def source_of(campaign_id: int, key: bytes, model: str | None, params: Mapping[str, Any]) -> Source:
    """The source with this key, made if it is new."""
    known = {"campaign_id": campaign_id, "key": key}
    source = Source.objects.filter(**known).first()
    if source is None:
        # Calls that end together meet here: the database takes one, without an error in its log.
        new = Source(**known, model=model, params=dict(params))
        Source.objects.bulk_create([new], ignore_conflicts=True)
        source = Source.objects.get(**known)
    return source


def stored_completions(
    wanted: Mapping[tuple[int, bytes, int], Completion],
) -> dict[tuple[int, bytes, int], int]:
    """The ids of completions by prompt, text and source; those that are new are stored."""
    # In one order, so that two who store the same wait for one another and not in a ring.
    new = [wanted[key] for key in sorted(wanted)]
    Completion.objects.bulk_create(new, ignore_conflicts=True)
    found = Completion.objects.filter(
        prompt_id__in={key[0] for key in wanted},
        content_hash__in={key[1] for key in wanted},
        source_id__in={key[2] for key in wanted},
    ).values_list("prompt_id", "content_hash", "source_id", "pk")
    ids = {(prompt, bytes(text), source): pk for prompt, text, source, pk in found}
    return {key: ids[key] for key in wanted}


def _token_times(result: CompletionResult) -> list[int] | None:
    times = result.token_times
    return list(times) if times and len(times) <= MOST_TOKEN_TIMES else None


def _provenance(claim: Claim, result: CompletionResult) -> str:
    request: dict[str, Any] = {**claim.request.sampling, "model": claim.request.model}
    if claim.request.system:
        request["system"] = claim.request.system
    told = {
        "request": request,
        "model": result.model,
        "response_id": result.response_id,
        "finish_reason": result.finish_reason,
        "latency_ms": result.latency_ms,
        "attempt": claim.attempts,
        "prompt_token_count": result.prompt_token_count,
        "completion_token_count": result.completion_token_count,
        "is_demo": result.is_demo,
    }
    return orjson.dumps(told).decode()


def _failed(claim: Claim, error: ProviderError, health: Health) -> slots.Failed:
    is_limited = error.kind == ErrorKind.RATE_LIMITED
    tries = health.strikes if is_limited else claim.attempts
    is_over = not error.kind.is_retryable or (
        not is_limited and claim.attempts >= claim.limits.max_attempts
    )
    return slots.Failed(
        claim.slot_id,
        error.kind.value,
        error.message[:500],
        None if is_over else wait_seconds(error, tries),
        is_refunded=is_limited,
    )


@transaction.atomic(durable=True)
def stop_at_cost(*, run_id: int, endpoint_id: int) -> bool:
    """Pause the endpoint in this run, once it has cost what its limits allow for one."""
    run = GenerationRun.objects.select_for_update(no_key=True).filter(pk=run_id).first()
    endpoint = Endpoint.objects.filter(pk=endpoint_id).first()
    if run is None or endpoint is None:
        return False
    most = call_limits(endpoint.limits).cost_per_run
    if most is None or float(slots.cost_of(run_id=run_id, endpoint_id=endpoint_id)) < most:
        return False
    used = RunEndpoint.objects.filter(run=run, endpoint=endpoint, is_paused=False)
    if not (names := list(used.values_list("name", flat=True))):
        return False
    used.update(is_paused=True)
    audit.record(
        "generation.cost_reached",
        campaign=run.campaign,
        subject=run.public_id,
        endpoint=str(endpoint.public_id),
        paused=names,
        cost=str(most),
    )
    return True


def _stop_at_budget(run: GenerationRun) -> None:
    if not slots.has_waiting(run_id=run.pk):
        return
    run.state = State.BUDGET
    run.save(update_fields=["state"])
    audit.record(
        "generation.budget_reached",
        campaign=run.campaign,
        subject=run.public_id,
        calls=run.call_count,
        cost=str(run.cost),
    )
    notify.tell(
        notify.managers_of(run.campaign),
        "generation.budget",
        key=f"{run.public_id}:{run.call_count}",
        campaign=run.campaign,
        calls=run.call_count,
    )
