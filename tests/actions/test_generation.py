"""Runs of generation: from prompts to an open round, whatever providers and workers do."""

import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import close_old_connections, connection
from django.db.models.functions import Now

from labeling.actions import endpoints as endpoint_actions
from labeling.actions.generation import (
    begin_generation,
    cancel_generation,
    pause_generation,
    resume_generation,
    retry_failed,
    ring_due_slots,
    start_generation,
)
from labeling.actions.jobs import cancel_job
from labeling.actions.rating import claim_assignment
from labeling.actions.slots import LOST, claim_slot, fail_slot, fill_slot
from labeling.clients.protocol import CompletionResult, ErrorKind, ProviderError
from labeling.errors import ConflictError, InvalidInputError
from labeling.formats import rows
from labeling.models import (
    AuditEvent,
    Comparison,
    Completion,
    Endpoint,
    GenerationRun,
    GenerationSlot,
)
from labeling.queries.generation import progress_of
from tests import factories, generating, llm_server
from tests.generating import KEY, campaign_with_prompts, drain, endpoint, started, states
from tests.llm_server import completion, in_turn, raw, says
from workers.generation import call_next, run_generation, sweep_generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        generating.opened(settings, running)
        yield running


def held(run):
    """The run's next slot, leased."""
    claim = claim_slot(run_id=run.pk, endpoint_id=run.run_endpoints.get(position=0).endpoint_id)
    assert claim is not None
    return claim


def answer(text="An answer.", **fields):
    return CompletionResult(text=text, finish_reason="stop", model="m", latency_ms=5, **fields)


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


def test_a_completion_has_the_identity_an_import_would_give_it(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, "served", sampling={"top_p": 0.9})
    server.answer = in_turn(says(completion("One.")), says(completion("Two.", "length")))
    drain(started(campaign, larch, completions_per_prompt=2))
    one, two = Completion.objects.filter(prompt__campaign=campaign).order_by("pk")
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
    call_next(run.pk, larch.pk)
    endpoint_actions.update_endpoint(endpoint=larch, by=None, sampling={"temperature": 2})
    drain(run)
    assert {call["body"]["temperature"] for call in server.calls} == {0}


# What providers do


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
    larch = endpoint(server, campaign.organisation, limits={"max_attempts": 1})
    server.answer = says({"error": {"message": "slow down"}}, 429, Retry_After="7")
    began = clock()
    run = drain(started(campaign, larch, completions_per_prompt=2))
    ended = clock()
    # One call found out; the others were not even made.
    assert len(server.calls) == 1
    assert states(run) == {"waiting": 6}
    slot = run.slots.get(error_kind="rate_limited")
    assert slot.attempts == 0
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


def test_an_endpoint_in_trouble_is_left_alone_while_others_go_on(server):
    campaign = campaign_with_prompts(20)
    larch = endpoint(server, campaign.organisation)
    demo = generating.demo_pair(campaign)[0]
    server.answer = says({"error": "down"}, 503)
    run = drain(started(campaign, larch, demo))
    # Five found out; after each pause one more call asks whether it is over.
    assert 5 <= len(server.calls) < 10
    larch.refresh_from_db()
    assert larch.rests_until is not None
    assert larch.strike_count == len(server.calls)
    assert run.slots.filter(endpoint=demo, state="filled").count() == 20
    assert run.slots.filter(endpoint=larch, state="waiting").count() == 20


def test_a_refused_key_takes_its_endpoint_out_of_use_until_a_new_one_comes(server):
    campaign = campaign_with_prompts(6)
    larch = endpoint(server, campaign.organisation)
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


# What workers do


def test_only_the_newest_lease_fills_a_slot(server):
    campaign = campaign_with_prompts(1)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    first = held(run)
    GenerationSlot.objects.filter(pk=first.slot_id).update(leased_until=Now() - timedelta(hours=1))
    second = held(run)
    assert (second.slot_id, second.fence) == (first.slot_id, first.fence + 1)
    assert not fill_slot(claim=first, result=answer("Too late."))
    fail_slot(claim=first, error=ProviderError(ErrorKind.REFUSED, "Too late."))
    assert fill_slot(claim=second, result=answer("In time."))
    assert not fill_slot(claim=second, result=answer("Twice."))
    slot = GenerationSlot.objects.get(pk=first.slot_id)
    assert slot.completion is not None
    assert slot.completion.messages == rows.assistant_message("In time.")
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 1


def test_a_dead_workers_slot_is_taken_again_and_parked_if_it_kills_each(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, limits={"max_attempts": 2})
    run = started(campaign, larch, completions_per_prompt=2)
    lost = held(run).slot_id

    def lapse():
        GenerationSlot.objects.filter(pk=lost).update(leased_until=Now() - timedelta(seconds=1))

    lapse()
    assert ring_due_slots(run=run) == 2
    assert held(run).slot_id == lost
    lapse()
    run = drain(run)
    parked = run.slots.get(pk=lost)
    assert (parked.state, parked.error_kind) == ("failed", LOST)
    assert (run.state, states(run)) == ("finished", {"failed": 1, "filled": 1})


@pytest.mark.django_db(transaction=True)
def test_workers_side_by_side_ask_once_for_each_and_not_too_many_at_once(server):
    campaign = campaign_with_prompts(12)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 3})
    alder = endpoint(server, campaign.organisation, "alder", model="alder")
    server.answer = lambda handler, body: handler.send_json(
        completion(f"{body['model']} on {body['messages'][-1]['content']}")
    )
    run = started(campaign, larch, alder)
    errors = []

    def work():
        try:
            for _ in range(60):
                # A worker in need of room for one endpoint has time for the other.
                call_next(run.pk, larch.pk)
                call_next(run.pk, alder.pk)
                if GenerationRun.objects.get(pk=run.pk).state == "finished":
                    break
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    run.refresh_from_db()
    assert (run.state, states(run)) == ("finished", {"filled": 24})
    assert len(server.calls) == 24
    assert server.most_in_flight <= 3 + 4
    assert Comparison.objects.filter(campaign=campaign).count() == 12
    assert campaign.rounds.count() == 1
    run.job.refresh_from_db()
    assert run.job.status == "succeeded"


def test_laying_twice_lays_nothing_new(server):
    campaign = campaign_with_prompts(2)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    before = list(run.slots.values())
    run_generation(run.job_id)
    assert list(run.slots.values()) == before


# What managers do


def test_a_paused_run_asks_for_nothing_and_goes_on_when_resumed(server):
    campaign = campaign_with_prompts(2)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    under_way = held(run)
    pause_generation(run=run, by=None)
    pause_generation(run=run, by=None)
    assert fill_slot(claim=under_way, result=answer())
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
    call_next(run.pk, larch.pk)
    under_way = held(run)
    if through_job:
        person = factories.user()
        run.job.refresh_from_db()
        cancel_job(job=run.job, by=person)
        assert claim_slot(run_id=run.pk, endpoint_id=larch.pk) is None
        run_generation(run.job_id)
    else:
        cancel_generation(run=run, by=None)
        cancel_generation(run=run, by=None)
    assert not fill_slot(claim=under_way, result=answer())
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


def test_slots_are_asked_for_in_order(server):
    campaign = campaign_with_prompts(3)
    run = drain(
        started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    )
    asked = [call["body"]["messages"][-1]["content"] for call in server.calls]
    # A first answer to every prompt before any second one.
    assert asked[:3] == asked[3:]
    assert len(set(asked)) == 3
    assert all(a < b for a, b in pairwise(run.slots.order_by("pk").values_list("pk", flat=True)))
