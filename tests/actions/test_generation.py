"""Runs of generation: from prompts to an open round, and what managers do with them."""

import pytest

from labeling.actions import endpoints as endpoint_actions
from labeling.actions.claiming import claim_assignment
from labeling.actions.generation import (
    cancel_generation,
    pause_generation,
    resume_generation,
    retry_failed,
    start_generation,
)
from labeling.actions.generation_course import begin_generation, pair_completions
from labeling.actions.jobs import cancel_job
from labeling.actions.rounds import open_waiting
from labeling.actions.slots import claim_slots
from labeling.errors import ConflictError, InvalidInputError
from labeling.formats import rows
from labeling.models import Comparison, Completion, Endpoint, GenerationRun, GenerationSlot
from tests import factories, generating
from tests.generating import (
    KEY,
    answer,
    campaign_with_prompts,
    drain,
    endpoint,
    held,
    started,
    states,
    step,
    store,
)
from tests.llm_server import completion, in_turn, says
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


# From prompts to raters


def test_two_endpoints_fill_every_prompt_and_open_a_round(server):
    campaign = campaign_with_prompts(3)
    larch = endpoint(server, campaign.organisation, "larch", sampling={"temperature": 0.5})
    alder = endpoint(server, campaign.organisation, "alder", model="other")
    server.answer = lambda handler, body: handler.send_json(
        completion(f"{body['model']} on {body['messages'][-1]['content']}")
    )
    run = drain(started(campaign, larch, alder))
    assert (run.state, states(run)) == ("finished", {"filled": 6})
    assert len(server.calls) == 6
    assert {call["headers"]["Authorization"] for call in server.calls} == {f"Bearer {KEY}"}
    asked = next(c["body"] for c in server.calls if c["body"]["model"] == "served")
    assert asked["temperature"] == 0.5

    comparisons = Comparison.objects.filter(campaign=campaign)
    assert comparisons.count() == 3
    assert {c.selection_policy for c in comparisons} == {"all"}
    assert {c.round_id for c in comparisons} == {run.round_id}
    assert run.round is not None and run.round.state == "open"
    rater = factories.rater(campaign).rater
    assert claim_assignment(rater=rater, campaign=campaign) is not None

    run.job.refresh_from_db()
    assert run.job.status == "succeeded"
    assert (run.job.done, run.job.total) == (6, 6)
    assert run.job.result == {
        "generation": str(run.public_id),
        "completions": 6,
        "failed": 0,
        "errors": {},
        "comparisons": 3,
        "round": 1,
    }


def test_a_run_whose_comparisons_others_opened_still_tells_their_round(server):
    """The worker died between opening the round and ending the run, or a sweep was first."""
    campaign = campaign_with_prompts(2)
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2)
    for number in range(4):
        assert store(held(run), answer(f"Answer {number}."))
    assert pair_completions(run_id=run.pk) is not None
    opened = open_waiting(campaign=campaign, by=None)
    assert opened is not None
    run_generation(run.job_id)
    run.refresh_from_db()
    assert (run.state, run.round) == ("finished", opened)
    run.job.refresh_from_db()
    assert run.job.result["round"] == opened.number


def test_a_completion_has_the_identity_an_import_would_give_it(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, "served", sampling={"top_p": 0.9})
    server.answer = in_turn(says(completion("One.")), says(completion("Two.", "length")))
    drain(started(campaign, larch, completions_per_prompt=2))
    made = {k.messages[0]["content"]: k for k in Completion.objects.filter(source__model="served")}
    one, two = made["One."], made["Two."]
    imported = rows.completion_row(
        messages=rows.assistant_message("One."), model="served", params={"top_p": 0.9}
    )
    assert bytes(one.content_hash) == imported.content_hash
    assert bytes(one.source.key) == imported.source_key
    assert (one.char_count, one.finish_reason, two.finish_reason) == (4, "stop", "length")
    slot = GenerationSlot.objects.get(completion=one)
    assert slot.provenance["model"] == "served-model"
    assert slot.provenance["completion_token_count"] == 5


def test_a_draft_campaigns_comparisons_wait():
    campaign = campaign_with_prompts(1, state="draft")
    run = drain(started(campaign, *generating.demo_pair(campaign)))
    assert (run.state, run.round) == ("finished", None)
    assert Comparison.objects.get(campaign=campaign).round is None


def test_demo_answers_need_no_network_and_say_what_they_are():
    first, second = campaign_with_prompts(2), campaign_with_prompts(2)
    for campaign in (first, second):
        drain(started(campaign, *generating.demo_pair(campaign)))
    texts = [
        [c.messages for c in Completion.objects.filter(prompt__campaign=campaign).order_by("pk")]
        for campaign in (first, second)
    ]
    assert texts[0] == texts[1] and len(texts[0]) == 4
    made = Completion.objects.filter(prompt__campaign=first)
    assert all(c.source.params["demo"] for c in made)
    assert {c.source.model for c in made} == {"demo-terse", "demo-long"}
    assert all(s.provenance["is_demo"] for s in GenerationSlot.objects.all())


# Which pairs


def pairs_of(campaign):
    return {
        tuple(sorted((c.completion_a.source.model, c.completion_b.source.model)))
        for c in Comparison.objects.filter(campaign=campaign)
    }


@pytest.mark.parametrize(
    ("rule", "pairs", "count"),
    [
        ("all", {("a", "b"), ("a", "c"), ("b", "c"), ("a", "a"), ("b", "b"), ("c", "c")}, 15),
        ("baseline", {("a", "b"), ("a", "c")}, 8),
    ],
)
def test_the_rule_says_which_pairs_are_made(server, rule, pairs, count):
    campaign = campaign_with_prompts(1)
    numbers = iter(range(100))
    server.answer = lambda handler, body: handler.send_json(completion(f"Text {next(numbers)}"))
    used = [endpoint(server, campaign.organisation, name) for name in "abc"]
    drain(started(campaign, *used, completions_per_prompt=2, pairing=rule))
    assert pairs_of(campaign) == pairs
    made = Comparison.objects.filter(campaign=campaign)
    assert made.count() == count
    assert {(c.selection_policy, c.propensity) for c in made} == {(rule, 1.0)}


def test_equal_texts_of_one_prompt_are_not_paired(server):
    campaign = campaign_with_prompts(1)
    used = [endpoint(server, campaign.organisation, name) for name in ("a", "b", "c")]
    texts = {"a": "Same.", "b": "Same.", "c": "Other."}
    for one in used:
        Endpoint.objects.filter(pk=one.pk).update(model=one.name)
    server.answer = lambda handler, body: handler.send_json(completion(texts[body["model"]]))
    run = drain(started(campaign, *used))
    assert pairs_of(campaign) == {("a", "c"), ("b", "c")}
    assert states(run) == {"filled": 3}


def test_samples_that_say_the_same_are_one_completion(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    run = drain(started(campaign, larch, completions_per_prompt=3))
    assert states(run) == {"filled": 3}
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 1
    assert not Comparison.objects.filter(campaign=campaign).exists()
    run.job.refresh_from_db()
    assert run.job.result["comparisons"] == 0


def test_a_second_run_asks_only_for_what_is_missing(server):
    campaign = campaign_with_prompts(2)
    numbers = iter(range(100))
    server.answer = lambda handler, body: handler.send_json(completion(f"Text {next(numbers)}"))
    larch, alder = (endpoint(server, campaign.organisation, n) for n in ("larch", "alder"))
    drain(started(campaign, larch, completions_per_prompt=2))
    assert len(server.calls) == 4
    factories.prompt(campaign, "A late question")
    run = drain(started(campaign, larch, alder, completions_per_prompt=2))
    # Two late larch samples, and two of alder for each of three prompts.
    assert len(server.calls) == 12
    assert states(run) == {"filled": 8}
    # Four completions of each of three prompts, every pair once.
    assert Comparison.objects.filter(campaign=campaign).count() == 18
    again = drain(started(campaign, larch, alder, completions_per_prompt=2))
    assert (again.state, len(server.calls)) == ("finished", 12)
    again.job.refresh_from_db()
    assert (again.job.total, again.job.result["comparisons"]) == (0, 18)


def test_an_endpoint_changed_meanwhile_does_not_mix_answers(server):
    campaign = campaign_with_prompts(2)
    larch = endpoint(server, campaign.organisation, sampling={"temperature": 0})
    run = started(campaign, larch, completions_per_prompt=2)
    step(run, larch)
    endpoint_actions.update_endpoint(endpoint=larch, by=None, sampling={"temperature": 2})
    drain(run)
    assert {call["body"]["temperature"] for call in server.calls} == {0}


# What managers do


def test_a_paused_run_asks_for_nothing_and_goes_on_when_resumed(server):
    campaign = campaign_with_prompts(2)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    under_way = held(run)
    pause_generation(run=run, by=None)
    pause_generation(run=run, by=None)
    assert store(under_way, answer())
    drain(run)
    assert not server.calls
    assert begin_generation(job_id=run.job_id) is None
    resume_generation(run=run, by=None)
    run_generation(run.job_id)
    assert states(drain(run)) == {"filled": 4}
    assert run.state == "finished"
    with pytest.raises(ConflictError):
        pause_generation(run=run, by=None)


@pytest.mark.parametrize("through_job", [False, True])
def test_a_cancelled_run_keeps_what_came_and_the_next_goes_on(server, through_job):
    campaign = campaign_with_prompts(2)
    server.answer = lambda handler, body: handler.send_json(completion(f"{len(server.calls)}"))
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2)
    step(run, larch)
    under_way = held(run)
    if through_job:
        person = factories.user()
        run.job.refresh_from_db()
        cancel_job(job=run.job, by=person)
        assert not claim_slots(run_id=run.pk, endpoint_id=larch.pk, most=1).claims
        run_generation(run.job_id)
    else:
        cancel_generation(run=run, by=None)
        cancel_generation(run=run, by=None)
    assert not store(under_way, answer())
    run.refresh_from_db()
    run.job.refresh_from_db()
    assert (run.state, run.job.status) == ("cancelled", "cancelled")
    assert states(run) == {"filled": 1, "cancelled": 3}
    with pytest.raises(ConflictError):
        retry_failed(run=run, by=None)
    again = drain(started(campaign, larch, completions_per_prompt=2))
    assert states(again) == {"filled": 3}
    assert Comparison.objects.filter(campaign=campaign).count() == 2


def test_a_job_cancelled_before_it_began_ends_its_run(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    run = start_generation(
        campaign=campaign, endpoints=["larch"], by=None, completions_per_prompt=2
    )
    cancel_job(job=run.job, by=factories.user())
    run_generation(run.job_id)
    run.refresh_from_db()
    assert (run.state, run.slots.count()) == ("cancelled", 0)
    assert started(campaign, larch, completions_per_prompt=2).state == "running"


def test_a_retry_asks_again_for_what_failed_alone(server):
    campaign = campaign_with_prompts(3)
    numbers = iter(range(100))

    def some(handler, body):
        if "Question 1" in body["messages"][-1]["content"]:
            handler.send_json({"error": "no"}, 400)
        else:
            handler.send_json(completion(f"Text {next(numbers)}"))

    server.answer = some
    run = drain(
        started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    )
    first_job = run.job
    assert states(run) == {"filled": 4, "failed": 2}
    server.answer = lambda handler, body: handler.send_json(completion(f"Text {next(numbers)}"))
    run = retry_failed(run=run, by=None)
    assert run.job.pk != first_job.pk
    run_generation(run.job_id)
    run = drain(run)
    assert (run.state, states(run)) == ("finished", {"filled": 6})
    assert len(server.calls) == 8
    assert Comparison.objects.filter(campaign=campaign).count() == 3
    run.job.refresh_from_db()
    assert (run.job.status, run.job.done, run.job.total) == ("succeeded", 6, 6)
    with pytest.raises(ConflictError):
        retry_failed(run=run, by=None)


def test_two_runs_of_a_campaign_do_not_go_at_once(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    started(campaign, larch, completions_per_prompt=2)
    with pytest.raises(ConflictError):
        start_generation(campaign=campaign, endpoints=["larch"], by=None, completions_per_prompt=2)
    assert GenerationRun.objects.filter(campaign=campaign).count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"endpoints": []}, "endpoints"),
        ({"variants": [{"endpoint": "nobody"}]}, "variants.0.endpoint"),
        ({"variants": [{"endpoint": "demo-terse", "temperature": 1}]}, "variants.0.temperature"),
        ({"variants": [{"endpoint": "demo-terse", "sampling": 1}]}, "variants.0.sampling"),
        ({"variants": [{"endpoint": "demo-terse", "sampling": {"n": 2}}]}, "variants.0.sampling.n"),
        ({"variants": [{"endpoint": "demo-terse"}]}, "variants.0"),
        ({"against": ["nobody"]}, "against"),
        ({"prompt_filter": {"limit": 0}}, "prompt_filter.limit"),
        ({"prompt_filter": {"words": 1}}, "prompt_filter.words"),
        ({"filters": {"cut": "burn"}}, "filters.cut"),
        ({"filters": {"dull": "drop"}}, "filters.dull"),
        ({"budget_calls": 0}, "budget_calls"),
        ({"budget_cost": "much"}, "budget_cost"),
        ({"budget_cost": 0}, "budget_cost"),
        ({"comparisons": 5}, "comparisons"),
        ({"endpoints": ["nobody"]}, "endpoints"),
        ({"endpoints": ["demo-terse", "demo-terse"]}, "endpoints"),
        ({"completions_per_prompt": 0}, "completions_per_prompt"),
        ({"completions_per_prompt": 17}, "completions_per_prompt"),
        ({"completions_per_prompt": 1, "endpoints": ["demo-long"]}, "completions_per_prompt"),
        ({"pairing": "some"}, "pairing"),
        ({"pairing": "uncertain"}, "pairing"),
        ({"pairing": "baseline", "endpoints": ["demo-long"]}, "pairing"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_with_the_field(changes, field):
    campaign = campaign_with_prompts(1)
    generating.demo_pair(campaign)
    wanted = {"endpoints": ["demo-terse", "demo-long"], "completions_per_prompt": 2} | changes
    with pytest.raises(InvalidInputError) as caught:
        start_generation(campaign=campaign, by=None, **wanted)
    assert caught.value.problems[0].field == field
    assert not GenerationRun.objects.exists()


def test_endpoints_of_another_organisation_are_unknown(server):
    campaign = campaign_with_prompts(1)
    foreign = endpoint(server, factories.organisation(), "foreign")
    for text in ("foreign", str(foreign.public_id)):
        with pytest.raises(InvalidInputError):
            start_generation(campaign=campaign, endpoints=[text], by=None, completions_per_prompt=2)


def test_a_campaign_without_prompts_has_nothing_to_generate():
    campaign = factories.campaign()
    generating.demo_pair(campaign)
    with pytest.raises(ConflictError):
        start_generation(campaign=campaign, endpoints=["demo-terse", "demo-long"], by=None)
