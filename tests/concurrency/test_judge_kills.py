"""Judges whose workers are killed: each comparison is judged once all the same (CR-03)."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.functions import Now

from labeling.actions.judges import ask_judge
from labeling.models import JudgeVerdict, Judgment
from tests import factories, llm_server
from tests.judging.asking import drain, endpoint, fine, judge, of_judge, states
from tests.judging.playing import better, plays

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[2]
# A worker of its own, on the test's database: it drives until it is killed.
WORKER = """
import sys
import django
django.setup()
from django.db import connections
connections.databases["default"]["NAME"] = sys.argv[1]
from django.conf import settings
settings.EGRESS_ALLOW = [sys.argv[2]]
from workers.judges import drive_judge
print("up", flush=True)
while True:
    drive_judge(int(sys.argv[3]))
"""


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        settings.EGRESS_ALLOW = [running.host]
        yield running


def worker(server, one):
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", WORKER),
            *(connection.settings_dict["NAME"], server.host, str(one.pk)),
        ],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == b"up"
    return process


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
        process = worker(server, one)
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
