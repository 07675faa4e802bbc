"""What calls came to, stored: batches with an answer that the database has no place for."""

from dataclasses import replace

import pytest

from labeling.actions.endpoints import update_endpoint
from labeling.actions.slot_answers import UNSTORABLE, store_answers
from labeling.actions.slots import claim_slots
from labeling.models import Completion, RunEndpoint
from tests import llm_server
from tests.generating import answer, campaign_with_prompts, drain, endpoint, started, states
from tests.llm_server import completion

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("told", [10_000_001, 1 << 31, 1 << 63, -1, 3.5, "5", True, None])
def test_a_number_that_no_call_can_take_is_no_count_of_tokens(server, told):
    campaign = campaign_with_prompts(2)
    price = {"input_per_million": 1_000_000, "output_per_million": 1_000_000}
    larch = endpoint(server, campaign.organisation, price=price)
    usage = {"prompt_tokens": told, "completion_tokens": 10_000_000}
    texts = iter(range(100))
    server.answer = lambda handler, body: handler.send_json(
        completion(f"Fine, {next(texts)}.") | {"usage": usage}
    )
    run = drain(started(campaign, larch, completions_per_prompt=2))
    assert (run.state, states(run)) == ("finished", {"filled": 4})
    counts = run.slots.values_list("input_tokens", "output_tokens", "cost").distinct()
    assert list(counts) == [(None, 10_000_000, None)]


def test_of_a_batch_the_one_that_cannot_be_stored_fails_alone(server):
    campaign = campaign_with_prompts(3)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 8, "max_attempts": 1})
    run = started(campaign, larch, completions_per_prompt=2)
    claims = claim_slots(run_id=run.pk, endpoint_id=larch.pk, most=8).claims
    assert len(claims) == 6
    answers = [(claim, answer(f"Text {claim.slot_id}")) for claim in claims]
    # More than the database's column holds.
    bad = answers[2][0]
    answers[2] = bad, replace(answers[2][1], latency_ms=1 << 40)
    held = store_answers(run_id=run.pk, endpoint_id=larch.pk, answers=answers)
    assert held == {claim.slot_id for claim in claims}
    assert states(run) == {"filled": 5, "failed": 1}
    failed = run.slots.get(state="failed")
    assert (failed.pk, failed.error_kind, failed.error) == (bad.slot_id, "malformed", UNSTORABLE)
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 5
    run.job.refresh_from_db()
    assert run.job.done == 6
    # Stored again, as a driver does that does not know whether it was, it changes nothing.
    assert not store_answers(run_id=run.pk, endpoint_id=larch.pk, answers=answers)
    assert states(run) == {"filled": 5, "failed": 1}


def test_provenance_names_the_server_that_answered(server, settings):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    first = started(campaign, larch, completions_per_prompt=2)
    drain(first)
    used = RunEndpoint.objects.get(run=first)
    assert (used.kind, used.host) == ("openai_compatible", server.host)
    with llm_server.running() as other:
        settings.EGRESS_ALLOW = [server.host, other.host]
        second = started(campaign, larch, completions_per_prompt=4)
        # The address changes while the run is under way: what answers is what is named.
        update_endpoint(endpoint=larch, by=None, base_url=other.base_url.removesuffix("/v1"))
        update_endpoint(endpoint=larch, by=None, kind="anthropic")
        drain(second)
        assert len(other.calls) == 2
    named = second.slots.values_list("provenance__kind", "provenance__host")
    assert set(named) == {("anthropic", other.host)}
    named = first.slots.values_list("provenance__kind", "provenance__host")
    assert set(named) == {("openai_compatible", server.host)}
