"""Calls to judges: leased to one worker at a time, answered once, within budgets."""

import random
import socket
import threading
import time
from contextlib import contextmanager
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.db import close_old_connections, connection, transaction

from labeling.actions.judges import (
    ask_judge,
)
from labeling.clients.protocol import ErrorKind, ProviderError
from labeling.models import (
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
    judge,
    lapse,
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
