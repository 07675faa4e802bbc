"""What calls in vain cost, and caps on cost that could not be kept."""

from decimal import Decimal

import pytest

from labeling.actions.generation import change_budget, start_generation
from labeling.errors import InvalidInputError
from labeling.models import Completion, GenerationRun, RunEndpoint
from labeling.queries.generation_figures import figures_of
from tests import generating, llm_server
from tests.generating import campaign_with_prompts, drain, endpoint, hurry, started, states, step
from tests.llm_forms import anthropic_events, candidate, completion, message
from tests.llm_server import in_turn, says

pytestmark = pytest.mark.django_db
PRICE = {"input_per_million": 1000, "output_per_million": 2000, "currency": "EUR"}
# 3 tokens in and 5 out, by the local server's word.
EACH = Decimal("0.013")
USAGE = {"prompt_tokens": 3, "completion_tokens": 5}


def cut_stream(events):
    """A stream that said what it took, or began to, and then broke off."""
    return llm_server.streams(*events, ends=False)


@pytest.mark.parametrize(
    ("kind", "answer", "error", "cost"),
    [
        ("openai_compatible", says(completion("")), "empty", EACH),
        ("openai_compatible", says(completion(7)), "malformed", EACH),
        ("openai_compatible", says({"choices": [], "usage": USAGE}), "malformed", EACH),
        ("openai_compatible", says(completion("x\0y")), "malformed", EACH),
        ("openai_compatible", says(completion("", "content_filter")), "filtered", EACH),
        ("anthropic", says(message("")), "empty", EACH),
        ("anthropic", says(message(content="no blocks")), "malformed", EACH),
        ("google", says(candidate("")), "empty", EACH),
        ("google", says(candidate(7)), "malformed", EACH),
        # The tokens in were told before it broke: 3 in, and 1 out so far.
        (
            "anthropic",
            cut_stream(anthropic_events(["One ", "two"])[:4]),
            "unreachable",
            Decimal("0.005"),
        ),
        # Nobody said what it took.
        ("openai_compatible", says({"choices": []}), "malformed", None),
    ],
)
def test_an_answer_of_no_use_is_paid_for_all_the_same(server, kind, answer, error, cost):
    campaign = campaign_with_prompts(1)
    larch = endpoint(
        server,
        campaign.organisation,
        kind=kind,
        streams=error == "unreachable",
        price=PRICE,
        limits={"concurrency": 1, "max_attempts": 2},
    )
    server.answer = answer
    run = started(campaign, larch, completions_per_prompt=2)
    step(run, larch)
    slot = run.slots.exclude(error_kind="").get()
    run.refresh_from_db()
    assert slot.error_kind == error
    assert (slot.lost_cost, run.cost) == (cost or 0, cost or 0)
    assert (slot.input_tokens is not None) == (cost is not None)
    assert run.input_tokens == (slot.input_tokens or 0) == (3 if cost else 0)
    assert run.output_tokens == (slot.output_tokens or 0)
    assert not Completion.objects.exists()


def test_what_came_at_last_is_told_apart_from_what_was_lost_before(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, price=PRICE, limits={"concurrency": 1})
    empty = says(completion(""))
    server.answer = in_turn(empty, empty, llm_server.echo)
    run = started(campaign, larch, completions_per_prompt=2)
    for _ in range(4):
        drain(run)
        hurry(run)
    drain(run)
    assert states(run) == {"filled": 2}
    assert {slot.cost for slot in run.slots.all()} == {EACH}
    assert sum(slot.lost_cost for slot in run.slots.all()) == 2 * EACH
    assert (run.cost, run.input_tokens, run.output_tokens) == (4 * EACH, 12, 20)
    (own,) = figures_of(run).models.values()
    assert own.cost == 4 * EACH


def test_calls_in_vain_reach_a_cap_on_cost(server):
    campaign = campaign_with_prompts(10)
    limits = {"concurrency": 1, "max_attempts": 1}
    larch = endpoint(server, campaign.organisation, price=PRICE, limits=limits)
    server.answer = says(completion(""))
    run = drain(started(campaign, larch, completions_per_prompt=2, budget_cost="0.039"))
    assert (run.state, len(server.calls), run.cost) == ("budget", 3, 3 * EACH)


def test_calls_in_vain_reach_an_endpoints_cap_for_one_run(server):
    campaign = campaign_with_prompts(10)
    limits = {"concurrency": 1, "max_attempts": 1, "cost_per_run": 0.03}
    larch = endpoint(server, campaign.organisation, price=PRICE, limits=limits)
    server.answer = says(completion(""))
    run = started(campaign, larch, completions_per_prompt=2)
    for _ in range(6):
        step(run, larch)
    assert len(server.calls) == 3
    assert RunEndpoint.objects.get(run=run).is_paused


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ([PRICE, {}], "alder has no price"),
        ([PRICE, {"currency": "EUR"}], "alder has no price"),
        ([PRICE, {**PRICE, "currency": "USD"}], "larch in EUR, alder in USD"),
        ([PRICE, {"input_per_million": 1}], "larch in EUR, alder in none"),
    ],
)
def test_a_cap_on_cost_needs_prices_of_one_currency(server, prices, words):
    campaign = campaign_with_prompts(1)
    for name, price in zip(("larch", "alder"), prices, strict=True):
        endpoint(server, campaign.organisation, name, price=price)
    wishes = {"endpoints": ["larch", "alder"], "by": None}
    with pytest.raises(InvalidInputError) as refusal:
        start_generation(campaign=campaign, budget_cost="1", **wishes)
    (problem,) = refusal.value.problems
    assert problem.field == "budget_cost"
    assert words in problem.message
    run = start_generation(campaign=campaign, **wishes)
    with pytest.raises(InvalidInputError) as refusal:
        change_budget(run=run, by=None, budget_cost="1")
    assert refusal.value.problems[0].field == "budget_cost"
    assert GenerationRun.objects.get().budget_cost is None


def test_a_demo_costs_nothing_and_stands_beside_what_has_a_price(server):
    campaign = campaign_with_prompts(1)
    endpoint(server, campaign.organisation, "larch", price=PRICE)
    demo = generating.demo_pair(campaign)[0]
    with pytest.raises(InvalidInputError) as refusal:
        start_generation(
            campaign=campaign,
            endpoints=[demo.name],
            completions_per_prompt=2,
            budget_cost="1",
            by=None,
        )
    assert refusal.value.problems[0].field == "budget_cost"
    run = start_generation(
        campaign=campaign, endpoints=["larch", demo.name], budget_cost="1", by=None
    )
    assert run.budget_cost == 1
