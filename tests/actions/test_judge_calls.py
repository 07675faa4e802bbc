"""Calls to judges: leased to one worker at a time, answered once, within budgets."""

import random
import socket
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import DataError, close_old_connections, connection, transaction
from django.db.models.functions import Now

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
from labeling.models import (
    JudgeCall,
    JudgeVerdict,
    Judgment,
    judge_queue,
)
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
    of_judge,
    result,
    states,
    verdict,
)
from tests.judging.playing import better, plays
from tests.llm_server import says
from workers.judges import drive_judge, sweep_judges

pytestmark = pytest.mark.django_db
ERROR = {"error": {"message": "response_format is not supported", "code": 400}}


def lapse(one):
    JudgeCall.objects.filter(judge=one, state="leased").update(
        leased_until=Now() - timedelta(hours=1)
    )


def asked_of(server):
    return [call["body"] for call in server.calls]


def test_what_is_malformed_is_asked_again_and_ends_with_its_reason(server):
    good = plays(better)
    bad = says(llm_server.completion("The left one. [[A]]"))
    server.answer = llm_server.in_turn(bad, bad, good)
    campaign = factories.campaign()
    fine(campaign, 1)
    endpoint(server, campaign.organisation, price={"output_per_million": 1_000_000})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    drain(one)
    assert states(one) == {"answered": 2}
    # What held no verdict was paid for all the same: 5 tokens a call.
    assert (one.call_count, one.cost) == (4, Decimal(20))
    server.answer = bad
    fine(campaign, 1)
    ask_judge(judge=one, by=None)
    drain(one)
    assert states(one) == {"answered": 2, "failed": 2}
    failed = one.calls.filter(state="failed").first()
    assert (failed.error_kind, failed.preference) == ("malformed", "")
    assert one.verdicts.count() == 1
    server.answer = good
    assert ask_judge(judge=one, by=None) == (2, 1)
    drain(one)
    assert one.verdicts.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("tries", [1, 6])
def test_a_server_without_schemas_is_asked_without_one(server, tries):
    good = plays(better, copies=True)

    def answer(handler, body):
        if "response_format" in body:
            handler.send_json(ERROR, 400)
        else:
            good(handler, body)

    server.answer = answer
    campaign = factories.campaign()
    fine(campaign, 3)
    endpoint(server, campaign.organisation, limits={"max_attempts": tries})
    one = judge(campaign, server, name="plain")
    ask_judge(judge=one, by=None)
    drain(one)
    assert states(one) == {"answered": 6}
    assert set(of_judge(one).values()) == {"b"}
    refused = sum("response_format" in body for body in asked_of(server))
    assert refused <= 6
    server.calls.clear()
    fine(campaign, 1)
    ask_judge(judge=one, by=None)
    drain(one)
    assert not any("response_format" in body for body in asked_of(server))


def test_only_the_newest_lease_answers(server):
    campaign = factories.campaign()
    fine(campaign, 1)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    first = held(one)
    assert len(first) == 2
    assert held(one) == []
    lapse(one)
    second = held(one)
    assert [c.fence for c in second] == [2, 2]
    late = [(claim, verdict(), result()) for claim in first]
    assert answer_calls(judge_id=one.pk, answers=late) == 0
    error = ProviderError(ErrorKind.REFUSED, "Too late.")
    fail_calls(judge_id=one.pk, failures=[(claim, error) for claim in first])
    assert states(one) == {"leased": 2}
    now = [(claim, verdict("tie"), result()) for claim in second]
    assert answer_calls(judge_id=one.pk, answers=now) == 1
    assert answer_calls(judge_id=one.pk, answers=now) == 0
    assert list(of_judge(one).values()) == ["tie"]


def test_a_call_that_kills_each_worker_is_parked(server):
    campaign = factories.campaign()
    fine(campaign, 1)
    endpoint(server, campaign.organisation, "larch", limits={"max_attempts": 2})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    for _ in range(3):
        held(one)
        lapse(one)
    assert held(one) == []
    assert states(one) == {"failed": 2}
    assert set(one.calls.values_list("error_kind", flat=True)) == {"worker_lost"}


@pytest.mark.django_db(transaction=True)
def test_workers_that_die_and_double_leave_one_judgment_each(server):
    campaign = factories.campaign()
    pairs = fine(campaign, 12)
    endpoint(server, campaign.organisation, "larch", limits={"concurrency": 64, "max_attempts": 20})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    errors = []

    def work(seed):
        rng = random.Random(seed)
        try:
            for _ in range(200):
                if not one.calls.exclude(state="answered").exists():
                    return
                claims = held(one, 3)
                if rng.random() < 0.3:
                    lapse(one)
                    continue
                rng.shuffle(claims)
                for claim in claims * 2:
                    answers = [(claim, verdict("left"), result())]
                    answer_calls(judge_id=one.pk, answers=answers)
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert states(one) == {"answered": 24}
    assert Judgment.objects.filter(rater=one.rater).count() == len(pairs)
    assert JudgeVerdict.objects.filter(judge=one).count() == len(pairs)
    assert set(of_judge(one).values()) == {"tie"}


@pytest.mark.django_db(transaction=True)
def test_one_worker_drives_and_a_sweep_rings_for_what_is_due(server, monkeypatch):
    server.answer = plays(better)
    campaign = factories.campaign()
    fine(campaign, 2)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    rung = []
    monkeypatch.setattr("labeling.jobs._ring", lambda task, *args, **_: rung.append((task, args)))
    sweep_judges()
    sweep_judges()
    assert rung == [("workers.judges.drive_judge", (one.pk,))] * 2
    done = []

    def other():
        done.append(drive_judge(one.pk))
        connection.close()

    with judge_queue.driving(one.pk) as is_mine:
        assert is_mine
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(30)
    assert done == [0]
    assert server.calls == []
    assert drive_judge(one.pk) == 4
    rung.clear()
    sweep_judges()
    assert rung == []


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


def test_a_refused_key_takes_the_endpoint_out_of_use_and_nothing_is_lost(server):
    server.answer = says({"error": {"message": "bad key sk-zq-canary-0123456789"}}, 401)
    campaign = factories.campaign()
    fine(campaign, 3)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    drain(one)
    one.endpoint.refresh_from_db()
    assert one.endpoint.disabled_reason
    assert "zq-canary" not in "".join(one.calls.values_list("error", flat=True))
    assert not Judgment.objects.filter(rater=one.rater).exists()


def test_being_told_to_wait_is_no_try(server):
    server.answer = llm_server.in_turn(
        *[says({"error": {"message": "slow down"}}, 429, Retry_After="0")] * 12, plays(better)
    )
    campaign = factories.campaign()
    fine(campaign, 1)
    endpoint(server, campaign.organisation, "larch", limits={"max_attempts": 1})
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    drain(one)
    assert states(one) == {"answered": 2}


def test_an_archived_campaign_gets_no_judgment_of_a_call_under_way(server):
    campaign = factories.campaign()
    fine(campaign, 1)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    claims = held(one)
    campaign.state = "archived"
    campaign.save()
    answers = [(claim, verdict(), result()) for claim in claims]
    assert answer_calls(judge_id=one.pk, answers=answers) == 0
    # What it cost is known all the same, and nothing more is asked.
    assert states(one) == {"answered": 2}
    assert not Judgment.objects.filter(rater=one.rater).exists()
    assert held(one) == []


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


@contextmanager
def hanging_cache(settings):
    """A cache that takes connections and says nothing; gives what waits for the first of them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        port = server.getsockname()[1]
        one = {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{port}/0"}
        settings.CACHES = {**settings.CACHES, "default": one}
        yield lambda: server.accept()[0]


@pytest.mark.django_db(transaction=True)
def test_a_cache_that_hangs_holds_no_row(server, settings):
    campaign = factories.campaign()
    fine(campaign, 1)
    of = endpoint(server, campaign.organisation)
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    refused = ProviderError(ErrorKind.REFUSED, "No schema.")
    fail_calls(judge_id=one.pk, failures=[(claim, refused) for claim in held(one)])
    claims = []

    def claim():
        claims.extend(held(one))
        connection.close()

    def answer():
        answers = [(claim, verdict(), result()) for claim in claims]
        answer_calls(judge_id=one.pk, answers=answers)
        connection.close()

    for work in (claim, answer):
        with hanging_cache(settings) as asked:
            thread = threading.Thread(target=work)
            thread.start()
            with asked(), transaction.atomic():
                # Nobody waits for these rows meanwhile.
                type(of).objects.select_for_update(nowait=True).get(pk=of.pk)
                type(one).objects.select_for_update(nowait=True).get(pk=one.pk)
            thread.join(20)
    assert len(claims) == 2
    assert states(one) == {"answered": 2}
    with hanging_cache(settings):
        begun = time.monotonic()
        assert cache.get("anything") is None
        assert 0.5 < time.monotonic() - begun < 4
