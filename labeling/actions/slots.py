"""Slots in batches: lease them as far as room and budget go, and hold on to them.

Locks go run, slot, endpoint, job. A claim holds the endpoint before slots, but passes over those
that are held. What calls came to is stored by labeling.actions.slot_answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from typing import Any

from django.db import transaction
from django.db.models import F

from labeling import audit, notify
from labeling.actions.endpoint_health import STRIKES_TO_REST, usable
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.keys import host_of
from labeling.clients.protocol import CompletionRequest
from labeling.models import (
    Campaign,
    Endpoint,
    GenerationRun,
    Prompt,
    RunEndpoint,
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
# The kinds whose forms know seeds; Anthropic's has none.
SEEDED = frozenset({Endpoint.Kind.OPENAI_COMPATIBLE, Endpoint.Kind.GOOGLE})
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
    def host(self) -> str:
        """host:port of the server that is asked; none for the demo."""
        return host_of(self.base_url) if self.base_url else ""

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
