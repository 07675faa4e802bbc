"""What a run may ask for: variants, prompts, budgets, filters, pairs with earlier models."""

import gzip
from decimal import Decimal

import pytest

from labeling.actions.endpoints import update_endpoint
from labeling.actions.generation import (
    change_budget,
    pause_variant,
    resume_generation,
    resume_variant,
    start_generation,
)
from labeling.errors import ConflictError, InvalidInputError
from labeling.models import (
    AuditEvent,
    Comparison,
    Completion,
    GenerationRun,
    GenerationSlot,
    Notification,
    RawAnswer,
    RunEndpoint,
)
from labeling.queries.generation_estimates import estimate_generation
from tests import factories, generating
from tests.generating import campaign_with_prompts, drain, endpoint, started, states, step
from tests.llm_server import completion, says
from workers.generation import drive_endpoint, run_generation

pytestmark = pytest.mark.django_db
PRICE = {"input_per_million": 1000, "output_per_million": 2000, "currency": "EUR"}


def numbered(server):
    """Every answer is another one."""
    numbers = iter(range(10_000))
    server.answer = lambda handler, body: handler.send_json(
        completion(f"An answer of its own, number {next(numbers)}")
    )


def begun(campaign, **wishes):
    run = start_generation(campaign=campaign, by=None, **wishes)
    run_generation(run.job_id)
    run.refresh_from_db()
    return run


# Variants


def test_one_endpoint_is_asked_in_several_ways_each_under_its_own_name(server):
    numbered(server)
    campaign = campaign_with_prompts(2)
    endpoint(server, campaign.organisation, "larch", sampling={"temperature": 0.5, "top_p": 0.9})
    run = drain(
        begun(
            campaign,
            endpoints=["larch"],
            variants=[
                {"endpoint": "larch", "sampling": {"temperature": 1.2, "top_p": None}},
                {"endpoint": "larch", "name": "larch-terse", "system": "Be terse."},
            ],
        )
    )
    assert (run.state, states(run)) == ("finished", {"filled": 6})
    names = list(run.run_endpoints.values_list("name", flat=True))
    assert names == ["larch", "larch (2)", "larch-terse"]
    hot = [c["body"] for c in server.calls if c["body"].get("temperature") == 1.2]
    assert len(hot) == 2 and not any("top_p" in body for body in hot)
    terse = [c["body"] for c in server.calls if c["body"]["messages"][0]["role"] == "system"]
    assert len(terse) == 2
    assert {body["messages"][0]["content"] for body in terse} == {"Be terse."}
    made = Completion.objects.filter(source__model="larch-terse")
    assert {one.source.params["system"] for one in made} == {"Be terse."}
    # Three models, every pair, two prompts.
    assert Comparison.objects.filter(campaign=campaign).count() == 6


@pytest.mark.parametrize("kind", ["anthropic", "google"])
def test_a_setting_that_the_provider_does_not_know_is_refused_with_its_field(server, kind):
    campaign = campaign_with_prompts(1)
    endpoint(server, campaign.organisation, "larch", kind=kind)
    odd = {"endpoint": "larch", "sampling": {"temperature": 1, "repetition_penalty": 1.1}}
    with pytest.raises(InvalidInputError) as refusal:
        start_generation(campaign=campaign, variants=[{"endpoint": "larch"}, odd], by=None)
    (problem,) = refusal.value.problems
    assert problem.field == "variants.1.sampling"
    assert "repetition_penalty" in problem.message
    assert not GenerationRun.objects.exists()


def test_samples_have_seeds_of_their_own_and_settings_may_name_the_first(server):
    numbered(server)
    campaign = campaign_with_prompts(1)
    endpoint(server, campaign.organisation, "larch")
    drain(
        begun(
            campaign,
            variants=[
                {"endpoint": "larch"},
                {"endpoint": "larch", "sampling": {"seed": 7}},
            ],
            completions_per_prompt=2,
        )
    )
    seeds = [call["body"]["seed"] for call in server.calls]
    assert len(set(seeds)) == 4
    assert {7, 8} < set(seeds)
    asked = {s.provenance["request"]["seed"] for s in GenerationSlot.objects.all()}
    assert asked == set(seeds)
    # A seed of a run is no setting of the model: its completions are one source.
    assert {c.source.params.get("seed") for c in Completion.objects.all()} == {None, 7}


def test_one_model_is_paused_and_the_others_go_on(server):
    numbered(server)
    campaign = campaign_with_prompts(2)
    endpoint(server, campaign.organisation, "larch")
    run = begun(
        campaign,
        variants=[
            {"endpoint": "larch"},
            {"endpoint": "larch", "sampling": {"temperature": 2}},
        ],
    )
    pause_variant(run=run, position=1, by=None)
    pause_variant(run=run, position=1, by=None)
    run = drain(run)
    assert (run.state, states(run)) == ("running", {"filled": 2, "waiting": 2})
    assert not any(call["body"].get("temperature") for call in server.calls)
    resume_variant(run=run, position=1, by=None)
    assert (drain(run).state, len(server.calls)) == ("finished", 4)
    verbs = AuditEvent.objects.filter(subject=run.public_id).values_list("verb", flat=True)
    assert list(verbs).count("generation.model_paused") == 1
    with pytest.raises(ConflictError):
        pause_variant(run=run, position=0, by=None)


def test_a_filter_chooses_prompts(server):
    numbered(server)
    campaign = factories.campaign()
    for number in range(4):
        factories.prompt(campaign, f"Frage {number}", language="de", tags=["maths"])
        factories.prompt(campaign, f"Question {number}", language="en", tags=["maths", "hard"])
    endpoint(server, campaign.organisation, "larch")
    run = drain(
        begun(
            campaign,
            endpoints=["larch"],
            completions_per_prompt=2,
            prompt_filter={"languages": ["en"], "tags": ["hard", "other"], "limit": 3},
        )
    )
    assert states(run) == {"filled": 6}
    asked = {call["body"]["messages"][-1]["content"] for call in server.calls}
    assert asked == {"Question 0", "Question 1", "Question 2"}
    assert Comparison.objects.filter(campaign=campaign).count() == 3


# Money


def test_calls_stop_at_the_budget_and_go_on_when_it_is_raised(server):
    """GE-11: no call beyond the cap, the state says so, and raising it resumes."""
    numbered(server)
    campaign = campaign_with_prompts(10)
    manager = factories.member(campaign, "manager")
    endpoint(server, campaign.organisation, "larch", limits={"concurrency": 8})
    run = drain(begun(campaign, endpoints=["larch"], completions_per_prompt=2, budget_calls=7))
    assert (run.state, run.call_count, len(server.calls)) == ("budget", 7, 7)
    assert states(run) == {"filled": 7, "waiting": 13}
    assert Notification.objects.filter(user=manager, kind="generation.budget").count() == 1
    assert drive_endpoint(run.pk, run.run_endpoints.get().endpoint_id) == 0
    with pytest.raises(ConflictError):
        resume_generation(run=run, by=None)
    change_budget(run=run, by=None, budget_calls=6)
    run.refresh_from_db()
    assert run.state == "budget"
    change_budget(run=run, by=manager, budget_calls=12)
    run = drain(run)
    assert (run.state, len(server.calls)) == ("budget", 12)
    change_budget(run=run, by=manager, budget_calls=None)
    run = drain(run)
    assert (run.state, states(run)) == ("finished", {"filled": 20})
    with pytest.raises(ConflictError):
        change_budget(run=run, by=None, budget_calls=99)


def test_failed_calls_count_against_the_budget(server):
    campaign = campaign_with_prompts(3)
    endpoint(server, campaign.organisation, "larch")
    server.answer = says({"error": {"message": "no"}}, 400)
    run = drain(begun(campaign, endpoints=["larch"], completions_per_prompt=2, budget_calls=4))
    assert (run.state, len(server.calls)) == ("budget", 4)


def test_cost_is_counted_by_the_price_in_force_at_the_start(server):
    numbered(server)
    campaign = campaign_with_prompts(4)
    larch = endpoint(server, campaign.organisation, "larch", price=PRICE, limits={"concurrency": 1})
    run = begun(campaign, endpoints=["larch"], completions_per_prompt=2)
    update_endpoint(endpoint=larch, by=None, price={"input_per_million": 1})
    step(run, larch)
    slot = GenerationSlot.objects.get(state="filled")
    # 3 tokens in and 5 out, by the local server's word.
    assert (slot.input_tokens, slot.output_tokens) == (3, 5)
    assert slot.cost == Decimal("0.013")
    change_budget(run=run, by=None, budget_cost="0.03")
    run = drain(run)
    assert run.state == "budget"
    assert Decimal("0.03") <= run.cost <= Decimal("0.03") + Decimal("0.013")
    assert (run.input_tokens, run.output_tokens) == (9, 15)


def test_an_endpoint_that_has_cost_enough_in_a_run_is_paused_there(server):
    numbered(server)
    campaign = campaign_with_prompts(20)
    larch = endpoint(
        server,
        campaign.organisation,
        "larch",
        price=PRICE,
        limits={"concurrency": 1, "cost_per_run": 0.05},
    )
    demo = generating.demo_pair(campaign)[0]
    run = started(campaign, larch, demo)
    for _ in range(20):
        step(run, larch)
    # 0.013 each: the fourth reaches it.
    assert len(server.calls) == 4
    assert RunEndpoint.objects.get(run=run, endpoint=larch).is_paused
    assert drain(run).slots.filter(endpoint=demo, state="filled").count() == 20


def test_a_dry_run_tells_what_it_would_take_and_starts_nothing(server):
    numbered(server)
    campaign = campaign_with_prompts(30)
    larch = endpoint(
        server,
        campaign.organisation,
        "larch",
        price=PRICE,
        sampling={"max_tokens": 100},
        limits={"requests_per_minute": 60},
    )
    wishes = {"endpoints": ["larch"], "completions_per_prompt": 2}
    blind = estimate_generation(campaign, **wishes)
    assert (blind.prompts, blind.completions, blind.calls) == (30, 60, 60)
    (one,) = blind.variants
    assert (one.is_measured, one.currency) == (False, "EUR")
    assert (one.output_tokens.low, one.output_tokens.high) == (0, 6000)
    assert one.cost is not None and one.cost.low < one.cost.expected < one.cost.high
    assert one.seconds == 60
    assert not GenerationRun.objects.exists()
    update_endpoint(endpoint=larch, by=None, limits={})
    drain(begun(campaign, endpoints=["larch"], completions_per_prompt=2))
    for number in range(10):
        factories.prompt(campaign, f"A later question {number}")
    told = estimate_generation(campaign, **wishes, budget_calls=10)
    # Five tokens each, every time: nothing is left to doubt.
    assert (told.completions, told.output_tokens.expected) == (20, 100)
    assert told.variants[0].is_measured
    assert told.variants[0].seconds is not None
    assert told.is_over_budget
    with pytest.raises(InvalidInputError):
        estimate_generation(campaign, endpoints=["nobody"], completions_per_prompt=2)


# What is kept of an answer


def test_the_raw_answer_is_kept_where_the_run_says_so(server):
    numbered(server)
    campaign = campaign_with_prompts(1)
    endpoint(server, campaign.organisation, "larch")
    drain(begun(campaign, endpoints=["larch"], completions_per_prompt=2, keeps_raw=True))
    bodies = [gzip.decompress(bytes(raw.body)) for raw in RawAnswer.objects.all()]
    assert len(bodies) == 2
    assert all(b"An answer of its own" in body for body in bodies)
    assert not any(generating.KEY.encode() in body for body in bodies)


# Filters


def answers(server, by_prompt):
    """What is said to each prompt, one text after the other; a pair has its finish reason."""
    left = {prompt: list(texts) for prompt, texts in by_prompt.items()}

    def answer(handler, body):
        said = left[body["messages"][-1]["content"]].pop(0)
        text, reason = said if isinstance(said, tuple) else (said, "stop")
        handler.send_json(completion(text, reason))

    server.answer = answer


def test_filters_drop_mark_and_keep_and_say_so(server):
    campaign = factories.campaign()
    long = "The harbour was rebuilt in the years after the great flood of that century, they say."
    factories.prompt(campaign, "cut", language="en")
    factories.prompt(campaign, "script", language="en")
    factories.prompt(campaign, "alike", language="en")
    factories.prompt(campaign, "maker", language="en")
    answers(
        server,
        {
            "cut": ["Whole.", ("Half of an", "length"), "Another whole one."],
            "script": [
                "In English.",
                "这是一个完全用中文写成的回答没有任何英文单词在里面对吗是的",
                "Two.",
            ],
            "alike": [long, f"  {long.upper()} ", "Quite another."],
            "maker": ["I am.", "I am ChatGPT, a model by OpenAI.", "So am I."],
        },
    )
    endpoint(server, campaign.organisation, "larch", limits={"concurrency": 1})
    run = drain(
        begun(
            campaign,
            endpoints=["larch"],
            completions_per_prompt=3,
            filters={
                "cut": "drop",
                "wrong_language": "drop",
                "near_identical": "drop",
                "names_maker": "mark",
            },
        )
    )
    assert states(run) == {"filled": 12}
    out = {s.prompt.messages[0]["content"]: s.left_out for s in run.slots.exclude(left_out="")}
    assert out == {
        "cut": "cut",
        "script": "wrong_language",
        "alike": "near_identical",
    }
    # One pair of each of the three prompts, and all three of the fourth.
    assert Comparison.objects.filter(campaign=campaign).count() == 6
    marked = Completion.objects.get(marks__contains=["names_maker"])
    assert "ChatGPT" in marked.messages[0]["content"]


def test_earlier_models_stand_against_the_new_one_and_not_against_one_another(server):
    numbered(server)
    campaign = campaign_with_prompts(2)
    for prompt in campaign.prompts.all():
        for model in ("old-a", "old-b", "old-c"):
            factories.completion(prompt, f"{model} on {prompt.pk}", model)
    endpoint(server, campaign.organisation, "larch")
    drain(begun(campaign, endpoints=["larch"], against=["old-a", "old-b"], pairing="baseline"))
    pairs = [
        sorted((c.completion_a.source.model, c.completion_b.source.model))
        for c in Comparison.objects.filter(campaign=campaign)
    ]
    assert sorted(pairs) == [["larch", "old-a"]] * 2 + [["larch", "old-b"]] * 2


def test_uncertain_makes_so_many_pairs_with_their_chances_and_no_more(server):
    numbered(server)
    campaign = campaign_with_prompts(10)
    for name in ("larch", "alder", "cedar"):
        endpoint(server, campaign.organisation, name)
    run = drain(
        begun(
            campaign,
            endpoints=["larch", "alder", "cedar"],
            pairing="uncertain",
            comparisons=12,
        )
    )
    made = Comparison.objects.filter(campaign=campaign)
    assert made.count() == 12
    assert {one.selection_policy for one in made} == {"uncertain"}
    assert all(one.propensity == pytest.approx(12 / 30) for one in made)
    run_generation(run.job_id)
    assert made.count() == 12
