"""The slots of a run: leased to one worker at a time, filled once, asked for in order."""

import threading
import time
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import close_old_connections, connection, transaction
from django.db.models.functions import Now

from labeling.actions.generation import start_generation
from labeling.actions.generation_course import pair_completions, ring_due_slots
from labeling.actions.slots import LOST
from labeling.clients.protocol import ErrorKind, ProviderError
from labeling.formats import rows
from labeling.models import Comparison, Completion, GenerationRun, GenerationSlot
from tests import generating
from tests.generating import (
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
from tests.llm_server import completion
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


def test_only_the_newest_lease_fills_a_slot(server):
    campaign = campaign_with_prompts(1)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    first = held(run)
    GenerationSlot.objects.filter(pk=first.slot_id).update(leased_until=Now() - timedelta(hours=1))
    second = held(run)
    assert (second.slot_id, second.fence) == (first.slot_id, first.fence + 1)
    assert not store(first, answer("Too late."))
    assert not store(first, ProviderError(ErrorKind.REFUSED, "Too late."))
    assert store(second, answer("In time."))
    assert not store(second, answer("Twice."))
    slot = GenerationSlot.objects.get(pk=first.slot_id)
    assert slot.completion is not None
    assert slot.completion.messages == rows.assistant_message("In time.")
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 1


def test_an_answer_that_says_which_model_it_is_is_marked_as_it_comes(server):
    campaign = campaign_with_prompts(1)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    assert store(held(run), answer("As ChatGPT, I cannot."))
    made = Completion.objects.get(prompt__campaign=campaign)
    assert made.marks == ["identifies_itself", "names_vendor"]
    assert made.messages == rows.assistant_message("As ChatGPT, I cannot.")


def test_a_dead_workers_slot_is_taken_again_and_parked_if_it_kills_each(server):
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation, limits={"max_attempts": 2})
    run = started(campaign, larch, completions_per_prompt=2)
    lost = held(run).slot_id

    def lapse():
        GenerationSlot.objects.filter(pk=lost).update(leased_until=Now() - timedelta(seconds=1))

    lapse()
    assert ring_due_slots(run=run) == 1
    assert held(run).slot_id == lost
    lapse()
    run = drain(run)
    parked = run.slots.get(pk=lost)
    assert (parked.state, parked.error_kind) == ("failed", LOST)
    assert "Retry what failed" in parked.error
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
                step(run, larch)
                step(run, alder)
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


def test_slots_are_asked_for_in_order(server):
    campaign = campaign_with_prompts(3)
    # One at a time: of several at once the server may hear the last first.
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 1})
    run = drain(started(campaign, larch, completions_per_prompt=2))
    asked = [call["body"]["messages"][-1]["content"] for call in server.calls]
    # A first answer to every prompt before any second one.
    assert asked[:3] == asked[3:]
    assert len(set(asked)) == 3
    assert all(a < b for a, b in pairwise(run.slots.order_by("pk").values_list("pk", flat=True)))


@pytest.mark.django_db(transaction=True)
def test_sweeps_do_not_pile_up_behind_one_who_holds_the_run():
    campaign = campaign_with_prompts(2)
    run = start_generation(
        campaign=campaign,
        endpoints=[one.name for one in generating.demo_pair(campaign)],
        by=None,
    )
    is_held, is_over = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                GenerationRun.objects.select_for_update(no_key=True).get(pk=run.pk)
                is_held.set()
                is_over.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert is_held.wait(10)
        began = time.monotonic()
        run_generation(run.job_id)
        assert pair_completions(run_id=run.pk) is None
        assert time.monotonic() - began < 5
        assert not run.slots.exists()
    finally:
        is_over.set()
        holder.join(10)
    # What they did not do then, the next one does.
    run_generation(run.job_id)
    assert run.slots.count() == 4
    run.job.refresh_from_db()
    assert run.job.status == "running"
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
