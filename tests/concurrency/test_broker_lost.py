"""A broker that is flushed or away: work waits in the database and is rung for again.

CR-04 and CR-05, with a broker of the test's own, so that nobody else's bells are in it.
"""

import base64
import json

import pytest
from celery import Celery
from redis import Redis

from labeling import jobs
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Judgment
from tests import factories, generating, llm_server
from tests.generating import campaign_with_prompts, drain, endpoint, started, states
from workers.generation import run_generation, sweep_generation

pytestmark = pytest.mark.django_db(transaction=True)

RUN = "workers.generation.run_generation"
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        generating.opened(settings, running)
        yield running


@pytest.fixture
def valkey(settings):
    """The server that this process's cache is on, with nothing in it."""
    with Redis.from_url(settings.CACHES["default"]["LOCATION"]) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def ringing(monkeypatch, settings, valkey):
    """`ringing(address)`: from now on bells go to the broker there."""

    def ring_at(address):
        app = Celery("broker-of-a-test", broker=address, set_as_current=False)
        app.conf.task_routes = settings.CELERY_TASK_ROUTES
        app.conf.broker_transport_options = settings.CELERY_BROKER_TRANSPORT_OPTIONS
        monkeypatch.setattr(jobs, "current_app", app)

    path, _, query = settings.CACHES["default"]["LOCATION"].partition("?")
    number = query.removeprefix("db=")
    ring_at.own = f"{path.replace('unix://', 'redis+socket://')}?virtual_host={number}"
    return ring_at


def bells(valkey):
    """What waits in the queue of calls: tasks and their arguments."""
    messages = [json.loads(one) for one in valkey.lrange("llm", 0, -1)]
    return [
        (one["headers"]["task"], *json.loads(base64.b64decode(one["body"]))[0]) for one in messages
    ]


def test_a_flushed_broker_is_filled_again_from_the_slots(server, valkey, ringing):
    ringing(ringing.own)
    campaign = campaign_with_prompts(2)
    larch = endpoint(server, campaign.organisation)
    run = started(campaign, larch, completions_per_prompt=2)
    assert (RUN, run.job_id) in bells(valkey)
    valkey.flushdb()
    assert bells(valkey) == []
    sweep_generation()
    assert bells(valkey) == [(RUN, run.job_id)]
    run_generation(run.job_id)
    valkey.flushdb()
    sweep_generation()
    assert bells(valkey) == [(RUN, run.job_id)]
    assert states(drain(run)) == {"filled": 4}


def test_without_a_broker_judgments_are_stored_and_runs_wait(server, valkey, ringing, monkeypatch):
    def waits(seconds):
        pytest.fail(f"somebody's request waits {seconds} seconds for a broker")

    monkeypatch.setattr("kombu.utils.functional.sleep", waits)
    ringing(NOWHERE)
    rated = factories.campaign()
    factories.comparison(rated)
    open_round(campaign=rated, by=None)
    rater = factories.rater(rated).rater
    claimed = claim_assignment(rater=rater, campaign=rated)
    submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": "left"})
    assert Judgment.objects.filter(campaign=rated).count() == 1
    campaign = campaign_with_prompts(2)
    run = started(campaign, endpoint(server, campaign.organisation), completions_per_prompt=2)
    sweep_generation()
    run.refresh_from_db()
    assert run.state == "running"
    ringing(ringing.own)
    sweep_generation()
    assert bells(valkey) == [(RUN, run.job_id)]
    assert states(drain(run)) == {"filled": 4}
