"""Endpoints in trouble during a run: errors, limits, refused keys, what comes of its slots."""

from datetime import timedelta

import pytest
from django.db import connection

from labeling.actions import endpoints as endpoint_actions
from labeling.actions.generation import retry_failed, start_generation
from labeling.errors import InvalidInputError
from labeling.models import AuditEvent, Comparison, Completion, GenerationSlot, Notification
from labeling.queries.generation import progress_of
from tests import factories, generating, llm_server
from tests.generating import KEY, campaign_with_prompts, drain, endpoint, started, states
from tests.llm_server import completion, in_turn, raw, says
from workers.generation import run_generation, sweep_generation

pytestmark = pytest.mark.django_db


def test_an_error_and_then_an_answer_is_an_answer(server):
    campaign = campaign_with_prompts(1)
    server.answer = in_turn(
        raw(b"<html>Bad gateway</html>", 502), llm_server.hang_up, says(completion("Fine."))
    )
    larch = endpoint(server, campaign.organisation)
    run = drain(started(campaign, larch, generating.demo_pair(campaign)[0]))
    slot = run.slots.get(endpoint=larch)
    assert (slot.state, slot.attempts, slot.error_kind) == ("waiting", 1, "server_error")
    assert run.state == "running"
    drained_at = slot.not_before
    assert drained_at is not None
    for _ in range(2):
        generating.hurry(run)
        drain(run)
    slot.refresh_from_db()
    assert (slot.state, slot.attempts, slot.error, slot.error_kind) == ("filled", 3, "", "")
    assert run.state == "finished"
    assert Comparison.objects.filter(campaign=campaign).count() == 1


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (raw(b"not json at all"), "malformed"),
        (says({}), "malformed"),
        (says({"choices": []}), "malformed"),
        (says(completion(None)), "empty"),
        (says(completion("")), "empty"),
        (says(completion(7)), "malformed"),
        (says({"error": {"message": "I cannot reach the server"}}), "server_error"),
        (says({"error": {"message": "no such model"}}, 404), "refused"),
        (llm_server.cut(b'{"choices": [{"message": {"content": "Half an', 30), "unreachable"),
    ],
)
def test_what_is_no_answer_fails_its_slot_alone_and_is_never_a_completion(server, broken, kind):
    campaign = campaign_with_prompts(2)
    bad = endpoint(server, campaign.organisation, limits={"max_attempts": 2})

    def some(handler, body):
        if "Question 0" in body["messages"][-1]["content"]:
            broken(handler, body)
        else:
            handler.send_json(completion(f"Fine {len(server.calls)}."))

    server.answer = some
    run = started(campaign, bad, completions_per_prompt=2)
    for _ in range(3):
        drain(run)
        generating.hurry(run)
    run.refresh_from_db()
    assert (run.state, states(run)) == ("finished", {"failed": 2, "filled": 2})
    failed = run.slots.filter(state="failed")
    assert {slot.error_kind for slot in failed} == {kind}
    assert all(slot.error and slot.completion is None for slot in failed)
    texts = [c.messages[0]["content"] for c in Completion.objects.filter(prompt__campaign=campaign)]
    assert len(texts) == 2 and all(text.startswith("Fine ") for text in texts)
    assert Comparison.objects.filter(campaign=campaign).count() == 1
    run.job.refresh_from_db()
    assert (run.job.status, run.job.result["errors"]) == ("succeeded", {kind: 2})
    problem = progress_of([run])[run.pk].problems[0]
    assert (problem.endpoint, problem.kind, problem.count, problem.is_retried) == (
        bad.name,
        kind,
        2,
        False,
    )


def test_a_run_of_which_nothing_came_has_failed(server):
    campaign = campaign_with_prompts(1)
    server.answer = says({"error": {"message": "no such model"}}, 404)
    run = drain(
        started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    )
    run.job.refresh_from_db()
    assert (run.state, run.job.status) == ("finished", "failed")
    assert "2 × refused" in run.job.error["message"]


def clock():
    """What the database's clock says, however long the test's transaction has been open."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ((moment,),) = cursor.fetchall()
    return moment


def test_a_rate_limit_rests_the_endpoint_and_costs_no_try(server):
    campaign = campaign_with_prompts(3)
    larch = endpoint(server, campaign.organisation, limits={"max_attempts": 1, "concurrency": 2})
    server.answer = says({"error": {"message": "slow down"}}, 429, Retry_After="7")
    began = clock()
    run = drain(started(campaign, larch, completions_per_prompt=2))
    ended = clock()
    # Those that were under way at once found out; the others were not even made.
    assert len(server.calls) <= 2
    assert states(run) == {"waiting": 6}
    refused = run.slots.filter(error_kind="rate_limited")
    assert {slot.attempts for slot in refused} == {0}
    larch.refresh_from_db()
    told = timedelta(seconds=7)
    assert began + told <= larch.rests_until <= ended + told + timedelta(seconds=1.5)
    for _ in range(3):
        generating.hurry(run)
        drain(run)
    assert states(run) == {"waiting": 6}
    server.answer = llm_server.echo
    generating.hurry(run)
    assert states(drain(run)) == {"filled": 6}
    larch.refresh_from_db()
    assert larch.strike_count == 0


@pytest.mark.parametrize(("status", "told"), [(429, "0"), (429, "-3"), (429, "0.2"), (503, "0")])
def test_being_told_to_come_back_at_once_is_no_leave_to_ask_in_a_circle(server, status, told):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    server.answer = says({"error": {"message": "again"}}, status, Retry_After=told)
    began = clock()
    run = drain(started(campaign, larch, completions_per_prompt=2))
    # The two that were under way at once, and none after them until the pause is over.
    assert len(server.calls) <= 2
    assert states(run) == {"waiting": 2}
    pauses = run.slots.filter(attempts__lte=1, error_kind__gt="").values_list("not_before")
    assert pauses and all(until >= began + timedelta(seconds=1) for (until,) in pauses)


def test_an_endpoint_in_trouble_is_left_alone_while_others_go_on(server):
    campaign = campaign_with_prompts(20)
    larch = endpoint(server, campaign.organisation)
    demo = generating.demo_pair(campaign)[0]
    server.answer = says({"error": "down"}, 503)
    run = drain(started(campaign, larch, demo))
    # Five found out, with what was under way beside them; then one call asks whether it is over.
    assert 5 <= len(server.calls) < 10
    larch.refresh_from_db()
    assert larch.rests_until is not None
    assert 5 <= larch.strike_count <= len(server.calls)
    assert run.slots.filter(endpoint=demo, state="filled").count() == 20
    assert run.slots.filter(endpoint=larch, state="waiting").count() == 20


def test_a_refused_key_takes_its_endpoint_out_of_use_until_a_new_one_comes(server):
    campaign = campaign_with_prompts(6)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 1})
    demo = generating.demo_pair(campaign)[0]
    server.answer = says({"error": {"message": f"Incorrect API key: {KEY}"}}, 401)
    run = drain(started(campaign, larch, demo))
    assert len(server.calls) == 3
    larch.refresh_from_db()
    assert larch.disabled_reason == endpoint_actions.KEY_REFUSED
    assert AuditEvent.objects.filter(verb="endpoint.key_refused").count() == 1
    sweep_generation()
    run_generation(run.job_id)
    run.refresh_from_db()
    kinds = sorted(run.slots.filter(state="failed").values_list("error_kind", flat=True))
    assert kinds == ["endpoint_disabled"] * 3 + ["unauthorised"] * 3
    assert run.state == "finished"
    stored = str(list(GenerationSlot.objects.values())) + str(list(AuditEvent.objects.values()))
    assert KEY not in stored

    with pytest.raises(InvalidInputError):
        start_generation(campaign=campaign, endpoints=["larch", demo.name], by=None)
    endpoint_actions.update_endpoint(endpoint=larch, by=None, key="sk-a-better-one")
    server.answer = llm_server.echo
    run = retry_failed(run=run, by=None)
    run_generation(run.job_id)
    run = drain(run)
    assert (run.state, states(run)) == ("finished", {"filled": 12})
    assert Comparison.objects.filter(campaign=campaign).count() == 6


REFUSED = says({"error": {"message": "Incorrect API key"}}, 401)
DOWN = says({"error": "down"}, 500)


@pytest.mark.parametrize(
    ("said", "is_out"),
    [
        ((REFUSED, DOWN, DOWN, DOWN), False),
        ((DOWN, DOWN, REFUSED, DOWN), False),
        ((REFUSED, REFUSED, DOWN, REFUSED, REFUSED, DOWN), False),
        ((DOWN, REFUSED, REFUSED, REFUSED), True),
    ],
)
def test_only_a_key_refused_in_a_row_takes_an_endpoint_out_of_use(server, said, is_out):
    campaign = campaign_with_prompts(len(said))
    limits = {"concurrency": 1, "max_attempts": 1}
    larch = endpoint(server, campaign.organisation, limits=limits)
    server.answer = in_turn(*said)
    run = started(campaign, larch, completions_per_prompt=2)
    for _ in said:
        generating.step(run, larch)
        generating.hurry(run)
    assert len(server.calls) == len(said)
    larch.refresh_from_db()
    assert larch.disabled_reason == (endpoint_actions.KEY_REFUSED if is_out else "")


def test_a_refused_key_is_told_once_a_day_and_another_key_again(server):
    campaign = campaign_with_prompts(4)
    manager = factories.member(campaign, "manager")
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 1, "max_attempts": 1})
    server.answer = REFUSED
    told = Notification.objects.filter(user=manager, kind="endpoint.failing")
    run = drain(started(campaign, larch, completions_per_prompt=4))
    assert told.count() == 1
    # Switched on again with the same key, it says nothing new.
    endpoint_actions.update_endpoint(endpoint=larch, by=None, is_enabled=True)
    drain(run)
    larch.refresh_from_db()
    assert larch.disabled_reason and told.count() == 1
    endpoint_actions.update_endpoint(endpoint=larch, by=None, key="sk-another-that-is-refused")
    drain(run)
    larch.refresh_from_db()
    assert larch.disabled_reason and told.count() == 2


def test_a_change_of_anything_else_leaves_an_endpoint_at_rest(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    server.answer = says({"error": {"message": "slow down"}}, 429, Retry_After="90")
    drain(started(campaign, larch, completions_per_prompt=2))
    larch.refresh_from_db()
    rests, strikes = larch.rests_until, larch.strike_count
    assert rests is not None and strikes == 1
    for change in ({"name": "larch-two"}, {"limits": {"concurrency": 2}}, {"is_enabled": True}):
        larch = endpoint_actions.update_endpoint(endpoint=larch, by=None, **change)
        assert (larch.rests_until, larch.strike_count) == (rests, strikes)
    larch = endpoint_actions.update_endpoint(endpoint=larch, by=None, key="sk-another")
    assert (larch.rests_until, larch.strike_count) == (None, 0)
