"""Judges whose workers are killed: each comparison is judged once all the same (CR-03)."""

import signal
import time
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from labeling.actions.judges import ask_judge
from labeling.models import JudgeVerdict, Judgment
from tests import factories, llm_server
from tests.concurrency.doomed import doomed_worker
from tests.judging.asking import drain, endpoint, fine, judge, of_judge, states
from tests.judging.playing import better, plays

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        settings.EGRESS_ALLOW = [running.host]
        yield running


def test_killed_workers_leave_one_judgment_each(server):
    answer = plays(better)

    def slowly(handler, body):
        time.sleep(0.02)
        answer(handler, body)

    server.answer = slowly
    concurrency, kills = 8, 4
    campaign = factories.campaign()
    pairs = fine(campaign, 60)
    endpoint(
        server,
        campaign.organisation,
        limits={"concurrency": concurrency, "max_attempts": 10},
    )
    one = judge(campaign, server)
    ask_judge(judge=one, by=None)
    for _ in range(kills):
        process = doomed_worker(server, "workers.judges.drive_judge", one.pk)
        before = one.calls.filter(state="answered").count()
        deadline = time.monotonic() + 20
        while one.calls.filter(state="answered").count() < before + 10:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        process.stdout.close()
        one.calls.filter(state="leased").update(leased_until=Now() - timedelta(seconds=1))
    assert states(one).get("waiting"), "too quick to have been disturbed"
    drain(one)
    assert states(one) == {"answered": 120}
    assert len(server.calls) <= 120 + kills * concurrency
    assert of_judge(one) == {pair.pk: "b" for pair in pairs}
    assert Judgment.objects.filter(rater=one.rater).count() == 60
    assert JudgeVerdict.objects.filter(judge=one).count() == 60
    assert one.call_count >= len(server.calls)
