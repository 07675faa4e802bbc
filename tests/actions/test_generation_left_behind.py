"""What a worker held when it died does not keep its run from saying how things are."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.actions.endpoint_health import note_outcomes
from labeling.actions.generation import change_budget
from labeling.actions.slots import claim_slots
from labeling.models import Endpoint, GenerationRun, Notification
from tests import factories
from tests.generating import answer, campaign_with_prompts, drain, endpoint, started, states, store
from workers.generation import run_generation, sweep_generation

pytestmark = pytest.mark.django_db


def abandoned(run: GenerationRun, larch: Endpoint, most: int) -> None:
    """Slots whose worker leased them and fell silent."""
    claims = claim_slots(run_id=run.pk, endpoint_id=larch.pk, most=most, lease_seconds=-1).claims
    assert len(claims) == most


def test_a_run_whose_last_calls_died_at_its_budget_says_that_it_is_spent(server):
    campaign = campaign_with_prompts(2)
    manager = factories.member(campaign, "manager")
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2, budget_calls=4)
    abandoned(run, larch, 4)
    run = drain(run)
    assert (run.state, server.calls) == ("budget", [])
    assert Notification.objects.filter(user=manager, kind="generation.budget").count() == 1
    change_budget(run=run, by=manager, budget_calls=8)
    run = drain(run)
    assert (run.state, states(run)) == ("finished", {"filled": 4})


def test_a_run_ends_though_its_endpoint_went_out_of_use_while_a_dead_worker_held_slots(server):
    campaign = campaign_with_prompts(2)
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2)
    abandoned(run, larch, 3)
    Endpoint.objects.filter(pk=larch.pk).update(disabled_reason="The provider refused the key.")
    sweep_generation()
    run_generation(run.job_id)
    run.refresh_from_db()
    assert states(run) == {"failed": 4}
    assert run.state == "finished"
    assert not run.slots.filter(leased_until__isnull=False).exists()


def test_an_answer_that_cannot_be_stored_is_paid_for(server):
    price = {"input_per_million": 1_000_000, "output_per_million": 1_000_000}
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, price=price)
    run = started(campaign, larch, completions_per_prompt=2)
    (claim, *_) = claim_slots(run_id=run.pk, endpoint_id=larch.pk, most=1).claims
    came = answer()
    object.__setattr__(came, "latency_ms", 1 << 40)  # more than the database's column holds
    object.__setattr__(came, "prompt_token_count", 2)
    object.__setattr__(came, "completion_token_count", 3)
    assert store(claim, came)
    run.refresh_from_db()
    assert (run.cost, run.input_tokens, run.output_tokens) == (5, 2, 3)


def test_good_answers_that_were_under_way_do_not_shorten_the_next_rest(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    known = Endpoint.objects.filter(pk=larch.pk)
    known.update(strike_count=4, refusal_count=1, rests_until=timezone.now() + timedelta(days=1))
    note_outcomes(endpoint_id=larch.pk, campaign_id=campaign.pk, outcomes=[None, None])
    assert known.values_list("strike_count", "refusal_count").get() == (4, 0)
    known.update(rests_until=None)
    note_outcomes(endpoint_id=larch.pk, campaign_id=campaign.pk, outcomes=[None])
    assert known.values_list("strike_count", flat=True).get() == 0
