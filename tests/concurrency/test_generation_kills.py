"""Runs whose workers are killed, whose broker is lost, and that are swept twice at once.

CR-03 to CR-07 and CR-10: the slots alone say what is to do, and each is filled once.
"""

import signal
import threading
import time
from datetime import timedelta

import pytest
from django.db import close_old_connections, connection, connections
from django.db.models.functions import Now

from labeling.actions.generation_course import begin_generation, ring_due_slots
from labeling.models import Comparison, Completion, GenerationSlot
from tests import generating, llm_server
from tests.concurrency.doomed import doomed_worker
from tests.generating import campaign_with_prompts, drain, endpoint, started, states
from tests.llm_server import completion
from workers.generation import drive_endpoint, run_generation, sweep_generation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        generating.opened(settings, running)
        yield running


def lapse(run):
    """As if the leases' time were over."""
    run.slots.filter(state="leased").update(leased_until=Now() - timedelta(seconds=1))


def numbered(server, pause=0.0):
    numbers = iter(range(100_000))

    def answer(handler, body):
        time.sleep(pause)
        handler.send_json(completion(f"An answer of its own, number {next(numbers)}"))

    server.answer = answer


def test_killed_workers_leave_every_slot_filled_once(server):
    """CR-03: no slot is lost or doubled, and a kill costs at most what was under way."""
    numbered(server, 0.02)
    concurrency, kills = 8, 4
    campaign = campaign_with_prompts(100)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": concurrency})
    run = started(campaign, larch, completions_per_prompt=2)
    for _ in range(kills):
        process = doomed_worker(server, "workers.generation.drive_endpoint", run.pk, larch.pk)
        before = run.slots.filter(state="filled").count()
        deadline = time.monotonic() + 20
        while run.slots.filter(state="filled").count() < before + 10:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        lapse(run)
    run = drain(run)
    assert (run.state, states(run)) == ("finished", {"filled": 200})
    assert len(server.calls) <= 200 + kills * concurrency
    assert Completion.objects.filter(prompt__campaign=campaign).count() == 200
    assert Comparison.objects.filter(campaign=campaign).count() == 100
    assert run.call_count >= len(server.calls)


def test_leases_are_short_so_that_what_a_dead_worker_held_is_free_soon(server):
    """Within two minutes: the lease, the sweep's ten seconds, and the call."""
    campaign = campaign_with_prompts(1)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    claim = generating.held(run)
    slot = GenerationSlot.objects.get(pk=claim.slot_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ((now,),) = cursor.fetchall()
    assert slot.leased_until - now < timedelta(seconds=60)


def test_a_call_longer_than_a_lease_keeps_it(server, monkeypatch):
    from workers import driving

    monkeypatch.setattr(driving, "BEAT_SECONDS", 0.1)
    numbered(server, 0.8)
    campaign = campaign_with_prompts(1)
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2)
    ends = []

    def watch():
        try:
            deadline = time.monotonic() + 0.7
            while time.monotonic() < deadline:
                ends.extend(run.slots.filter(state="leased").values_list("leased_until", flat=True))
                time.sleep(0.1)
        finally:
            connections.close_all()

    thread = threading.Thread(target=watch)
    thread.start()
    drive_endpoint(run.pk, larch.pk)
    thread.join()
    assert len(set(ends)) > 2
    run.refresh_from_db()
    assert (run.state, len(server.calls)) == ("finished", 2)


def test_what_kills_its_worker_is_parked_and_all_others_are_filled(server):
    """CR-07: counted in the database, and alone once it is suspected."""
    numbered(server)
    campaign = campaign_with_prompts(20)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 8, "max_attempts": 4})
    run = started(campaign, larch, completions_per_prompt=2)
    poison = run.slots.order_by("pk").first()
    from labeling.actions.slot_answers import store_answers
    from labeling.actions.slots import claim_slots

    crashes = 0
    for _ in range(100):
        lot = claim_slots(run_id=run.pk, endpoint_id=larch.pk, most=8)
        if not lot.claims:
            break
        if any(claim.slot_id == poison.pk for claim in lot.claims):
            # The process is gone, and with it all that it held.
            crashes += 1
            lapse(run)
            continue
        store_answers(
            run_id=run.pk,
            endpoint_id=larch.pk,
            answers=[
                (claim, generating.answer(f"Answer {claim.slot_id}.")) for claim in lot.claims
            ],
        )
    assert crashes == 4
    poison.refresh_from_db()
    assert (poison.state, poison.error_kind, poison.attempts) == ("failed", "worker_lost", 4)
    assert states(run) == {"filled": 39, "failed": 1}


def test_two_sweeps_at_once_do_what_one_does(server):
    """CR-10: no call, pair or round is doubled."""
    numbered(server, 0.02)
    campaign = campaign_with_prompts(10)
    larch = endpoint(server, campaign.organisation, limits={"concurrency": 4})
    run = started(campaign, larch, completions_per_prompt=2)
    errors = []

    def sweep():
        try:
            for _ in range(5):
                sweep_generation()
                run_generation(run.job_id)
                drive_endpoint(run.pk, larch.pk)
        except Exception as error:
            errors.append(error)
        finally:
            close_old_connections()
            connections.close_all()

    threads = [threading.Thread(target=sweep) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    run = drain(run)
    assert (run.state, len(server.calls), states(run)) == ("finished", 20, {"filled": 20})
    assert server.most_in_flight <= 4
    assert Comparison.objects.filter(campaign=campaign).count() == 10
    assert campaign.rounds.count() == 1


def test_a_bell_that_was_lost_is_rung_again_by_the_sweep(server, monkeypatch):
    """CR-04 to CR-06: a flushed or absent broker loses bells and nothing else."""
    from labeling import jobs

    campaign = campaign_with_prompts(2)
    larch = endpoint(server, campaign.organisation)
    rung = []
    monkeypatch.setattr(
        jobs.current_app, "send_task", lambda task, args, **_: rung.append((task, args))
    )
    run = started(campaign, larch, completions_per_prompt=2)
    rung.clear()
    sweep_generation()
    assert rung == [("workers.generation.run_generation", (run.job_id,))]
    begun = begin_generation(job_id=run.job_id)
    assert begun is not None
    ring_due_slots(run=begun)
    assert rung[1:] == [("workers.generation.drive_endpoint", (run.pk, larch.pk))]
