"""Endpoints on the local server, and runs driven by the workers' own tasks."""

from typing import Any

from labeling.actions.endpoints import ensure_demo_endpoint, register_endpoint
from labeling.actions.generation import start_generation
from labeling.actions.slot_answers import store_answers
from labeling.actions.slots import Claim, claim_slots
from labeling.clients.protocol import CompletionResult, ProviderError
from labeling.models import Campaign, Endpoint, GenerationRun, GenerationSlot, Organisation
from tests import factories
from tests.llm_server import LlmServer
from workers.generation import drive_calls, drive_endpoint, run_generation

KEY = "sk-zq-canary-0123456789"


def endpoint(server: LlmServer, of: Organisation, name: str = "", **fields: Any) -> Endpoint:
    """An endpoint at the server, whose address the caller has opened (see `opened`)."""
    fields = {"model": "served", "key": KEY, "by": None} | fields
    return register_endpoint(
        organisation=of, name=name or "larch", base_url=server.base_url, **fields
    )


def opened(settings: Any, server: LlmServer) -> None:
    """Let this instance connect to the local server, as an operator would."""
    settings.EGRESS_ALLOW = [server.host]


def campaign_with_prompts(count: int = 2, **fields: Any) -> Campaign:
    """An active campaign with prompts and nothing to answer them."""
    campaign = factories.campaign(**fields)
    for number in range(count):
        factories.prompt(campaign, f"Question {number} about harbours")
    return campaign


def started(campaign: Campaign, *endpoints: Endpoint, **fields: Any) -> GenerationRun:
    """A run whose slots are laid and whose first bells have been rung."""
    run = start_generation(
        campaign=campaign, endpoints=[e.name for e in endpoints], by=None, **fields
    )
    run_generation(run.job_id)
    run.refresh_from_db()
    return run


def drain(run: GenerationRun, *, most: int = 200) -> GenerationRun:
    """Do what a worker does with the run's bells until none of its slots is due."""
    endpoints = list(dict.fromkeys(run.run_endpoints.values_list("endpoint_id", flat=True)))
    for _ in range(most):
        if not any([drive_endpoint(run.pk, endpoint_id) for endpoint_id in endpoints]):
            break
    else:
        raise AssertionError("The run does not come to an end.")
    run.refresh_from_db()
    return run


def hurry(run: GenerationRun) -> None:
    """As if every pause were over."""
    run.slots.update(not_before=None)
    Endpoint.objects.update(rests_until=None)


def demo_pair(campaign: Campaign) -> tuple[Endpoint, Endpoint]:
    """Two demo endpoints of the campaign's organisation."""
    of = campaign.organisation
    return (
        ensure_demo_endpoint(organisation=of, manner="terse"),
        ensure_demo_endpoint(organisation=of, manner="long"),
    )


def states(run: GenerationRun) -> dict[str, int]:
    """How many slots of the run are in each state."""
    counts: dict[str, int] = {}
    for state in GenerationSlot.objects.filter(run=run).values_list("state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    return counts


def step(run: GenerationRun, at: Endpoint) -> int:
    """One call of the run, as a worker makes it; whether there was one."""
    return drive_calls(run_id=run.pk, endpoint_id=at.pk, most=1)


def held(run: GenerationRun) -> Claim:
    """The run's next slot, leased."""
    endpoint_id = run.run_endpoints.get(position=0).endpoint_id
    (claim,) = claim_slots(run_id=run.pk, endpoint_id=endpoint_id, most=1).claims
    return claim


def store(claim: Claim, came: CompletionResult | ProviderError) -> bool:
    """Store what a call came to; whether the slot was still the caller's."""
    stored = store_answers(
        run_id=claim.run_id, endpoint_id=claim.endpoint_id, answers=[(claim, came)]
    )
    return claim.slot_id in stored


def answer(text: str = "An answer.") -> CompletionResult:
    """What a provider would have said."""
    return CompletionResult(text=text, finish_reason="stop", model="m", latency_ms=5)
