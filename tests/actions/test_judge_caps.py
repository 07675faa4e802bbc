"""A judge's budgets of calls and of cost: what counts, where it stops, and how it goes on."""

from decimal import Decimal

import pytest
from django.db import DataError

from labeling.actions.endpoints import update_endpoint
from labeling.actions.judge_answers import store_answers
from labeling.actions.judges import (
    ask_judge,
    change_judge,
    resume_judge,
    retire_judge,
)
from labeling.clients.protocol import ErrorKind, ProviderError
from labeling.errors import ConflictError, InvalidInputError
from tests import factories, llm_server
from tests.judging.asking import (
    answer_calls,
    drain,
    endpoint,
    fail_calls,
    fine,
    held,
    hurry,
    judge,
    lapse,
    result,
    states,
    verdict,
)
from tests.judging.playing import better, plays
from tests.llm_server import says

pytestmark = pytest.mark.django_db


def test_no_call_passes_the_budget_of_calls(server):
    server.answer = plays(better)
    campaign = factories.campaign()
    fine(campaign, 5)
    one = judge(campaign, server, budget_calls=7)
    ask_judge(judge=one, by=None)
    drain(one)
    assert (len(server.calls), one.call_count, one.state) == (7, 7, "budget")
    assert one.verdicts.count() == 3
    with pytest.raises(ConflictError, match="Raise it"):
        resume_judge(judge=one, by=None)
    change_judge(judge=one, by=None, budget_calls=100)
    drain(one)
    assert (one.state, one.call_count, one.verdicts.count()) == ("active", 10, 5)


def test_a_judge_stops_at_its_budget_of_cost(server):
    campaign = factories.campaign()
    fine(campaign, 10)
    endpoint(
        server,
        campaign.organisation,
        "larch",
        price={"input_per_million": 1000, "output_per_million": 10000, "currency": "EUR"},
    )
    one = judge(campaign, server, budget_cost="10")
    ask_judge(judge=one, by=None)
    while claims := held(one, 3):
        answers = [(claim, verdict("tie"), result()) for claim in claims]
        answer_calls(judge_id=one.pk, answers=answers)
    one.refresh_from_db()
    # A call costs 2: five are in the budget, and nothing is begun beyond it.
    assert one.state == "budget"
    assert one.cost == Decimal(10)
    assert one.calls.filter(cost=Decimal(2)).count() == 5


def test_until_a_price_is_known_calls_under_a_cost_cap_go_one_by_one(server):
    campaign = factories.campaign()
    fine(campaign, 3)
    price = {"input_per_million": 1.0, "output_per_million": 1.0}
    endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server, budget_cost="0.005")
    ask_judge(judge=one, by=None)
    (first,) = held(one)
    assert held(one) == []
    answer_calls(judge_id=one.pk, answers=[(first, verdict(), result())])
    # It cost 0.0011, so three more may be under way, and no fourth.
    assert len(held(one)) == 3
    assert held(one) == []


def test_a_cap_on_cost_is_refused_where_no_price_is_known(server):
    campaign = factories.campaign()
    with pytest.raises(InvalidInputError, match="budget_cost: larch has no price"):
        judge(campaign, server, budget_cost="5")
    one = judge(campaign, server)
    with pytest.raises(InvalidInputError, match="budget_cost"):
        change_judge(judge=one, by=None, budget_cost="5")


def test_a_worker_killed_during_the_first_call_spends_nothing_of_a_cap_on_cost(server):
    campaign = factories.campaign()
    fine(campaign, 2)
    price = {"input_per_million": 1.0, "output_per_million": 1.0}
    endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server, budget_cost="0.005")
    ask_judge(judge=one, by=None)
    assert len(held(one)) == 1
    lapse(one)
    (again,) = held(one)
    one.refresh_from_db()
    assert one.state == "active"
    answer_calls(judge_id=one.pk, answers=[(again, verdict(), result())])
    assert len(held(one)) == 3


def test_a_raised_cap_on_cost_goes_on_beside_a_lapsed_lease(server):
    campaign = factories.campaign()
    fine(campaign, 2)
    price = {"input_per_million": 1.0, "output_per_million": 1.0}
    endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server, budget_cost="0.001")
    ask_judge(judge=one, by=None)
    held(one)
    lapse(one)
    # As it was left by a worker that died.
    type(one).objects.filter(pk=one.pk).update(state="budget")
    change_judge(judge=one, by=None, budget_cost="0.005")
    assert len(held(one)) == 1


def test_what_a_judge_thinks_to_no_end_is_counted_against_its_cap(server):
    # All of max_tokens went into thoughts: there is no answer, and it is paid for.
    server.answer = says(llm_server.completion(None, "length"))
    campaign = factories.campaign()
    fine(campaign, 3)
    endpoint(server, campaign.organisation, price={"output_per_million": 1_000_000})
    one = judge(campaign, server, budget_cost="12")
    ask_judge(judge=one, by=None)
    drain(one)
    assert set(one.calls.values_list("error_kind", flat=True)) == {"", "empty"}
    assert (one.state, one.cost, len(server.calls)) == ("budget", Decimal(15), 3)


def test_what_comes_too_late_is_paid_for_all_the_same(server):
    campaign = factories.campaign()
    fine(campaign, 1)
    price = {"input_per_million": 1000, "output_per_million": 10000}
    endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    first = held(one)
    lapse(one)
    held(one)
    late = ProviderError(ErrorKind.EMPTY, "No text.")
    late.completion_token_count = 100
    answer_calls(judge_id=one.pk, answers=[(first[0], verdict(), result())])
    fail_calls(judge_id=one.pk, failures=[(first[1], late)])
    one.refresh_from_db()
    assert (states(one), one.cost) == ({"leased": 2}, Decimal(3))
    retire_judge(judge=one, by=None)
    answer_calls(judge_id=one.pk, answers=[(first[0], verdict(), result())])
    one.refresh_from_db()
    assert one.cost == Decimal(5)


def test_a_batch_that_cannot_be_stored_is_counted_when_it_is(server):
    campaign = factories.campaign()
    fine(campaign, 1)
    endpoint(server, campaign.organisation, price={"output_per_million": 10000})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    came, failed = held(one)
    batch = [(came, (verdict(), result())), (failed, ProviderError(ErrorKind.EMPTY, "\0"))]
    with pytest.raises(DataError, match="NUL"):
        store_answers(judge_id=one.pk, answers=batch)
    one.refresh_from_db()
    assert (states(one), one.cost) == ({"leased": 2}, 0)


def test_what_was_paid_in_vain_says_what_a_call_costs(server):
    campaign = factories.campaign()
    fine(campaign, 3)
    price = {"input_per_million": 1.0, "output_per_million": 1.0}
    endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server, budget_cost="0.005")
    ask_judge(judge=one, by=None)
    vain = ProviderError(ErrorKind.EMPTY, "No text.")
    vain.prompt_token_count, vain.completion_token_count = 1000, 100
    fail_calls(judge_id=one.pk, failures=[(claim, vain) for claim in held(one)])
    hurry(one)
    # It cost 0.0011, so three more may be under way, and no fourth.
    assert len(held(one)) == 3
    assert held(one) == []


def test_calls_before_there_was_a_price_make_none_cheaper(server):
    campaign = factories.campaign()
    fine(campaign, 8)
    of = endpoint(server, campaign.organisation, limits={"concurrency": 16})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    answers = [(claim, verdict(), result()) for claim in held(one, 10)]
    answer_calls(judge_id=one.pk, answers=answers)
    update_endpoint(endpoint=of, by=None, price={"input_per_million": 1.0})
    change_judge(judge=one, by=None, budget_cost="0.004")
    (first,) = held(one)
    answer_calls(judge_id=one.pk, answers=[(first, verdict(), result())])
    # It cost 0.001: three more are in the cap, however many were made for nothing.
    assert len(held(one)) == 3


def test_a_cap_whose_price_is_gone_stops_the_judge_until_it_is_back(server):
    campaign = factories.campaign()
    fine(campaign, 4)
    price = {"input_per_million": 1.0, "currency": "EUR"}
    of = endpoint(server, campaign.organisation, price=price)
    one = judge(campaign, server, budget_cost="1")
    ask_judge(judge=one, by=None)
    answers = [(claim, verdict(), result()) for claim in held(one)]
    update_endpoint(endpoint=of, by=None, price={"currency": "EUR"})
    assert held(one) == []
    one.refresh_from_db()
    # What is under way is waited for.
    assert one.state == "active"
    answer_calls(judge_id=one.pk, answers=answers)
    assert held(one) == []
    one.refresh_from_db()
    assert one.state == "budget"
    with pytest.raises(ConflictError, match="larch has no price"):
        resume_judge(judge=one, by=None)
    update_endpoint(endpoint=of, by=None, price=price)
    assert resume_judge(judge=one, by=None).state == "active"
    assert len(held(one)) == 4


def test_what_was_spent_in_one_currency_is_no_part_of_a_cap_in_another(server):
    campaign = factories.campaign()
    fine(campaign, 4)
    euros = {"input_per_million": 1.0, "currency": "EUR"}
    dollars = euros | {"currency": "USD"}
    of = endpoint(server, campaign.organisation, price=euros)
    one = judge(campaign, server, budget_cost="1")
    ask_judge(judge=one, by=None)
    answers = [(claim, verdict(), result()) for claim in held(one)]
    answer_calls(judge_id=one.pk, answers=answers)
    update_endpoint(endpoint=of, by=None, price=dollars)
    assert held(one) == []
    one.refresh_from_db()
    assert one.state == "budget"
    for cap in ("1", "5"):
        with pytest.raises(InvalidInputError, match="in USD, and what this judge spent is in EUR"):
            change_judge(judge=one, by=None, budget_cost=cap)
    # Without the cap it goes on, and has then spent in both: no cap is possible any more.
    change_judge(judge=one, by=None, budget_cost=None)
    answers = [(claim, verdict(), result()) for claim in held(one, 1)]
    answer_calls(judge_id=one.pk, answers=answers)
    with pytest.raises(InvalidInputError, match="EUR"):
        change_judge(judge=one, by=None, budget_cost="5")
    change_judge(judge=one, by=None, budget_calls=3)
    update_endpoint(endpoint=of, by=None, price={"input_per_million": 1.0, "currency": "eur"})
    assert len(held(one)) == 1
