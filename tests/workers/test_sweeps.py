"""Sweeps: what no bell announced is done all the same."""

import importlib
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now

from labeling.actions import idempotency
from labeling.actions.claiming import claim_assignment
from labeling.actions.idempotency import begin_request
from labeling.models import Assignment, Campaign, IdempotentRequest
from labeling.queries.due import campaigns_with_lapsed_leases
from tests import factories
from workers.app import app
from workers.rating import sweep_answers, sweep_leases
from workers.schedule import BEAT_SCHEDULE

pytestmark = pytest.mark.django_db


def lapse(campaign: Campaign) -> None:
    Assignment.objects.filter(campaign=campaign, rater__isnull=False).update(
        leased_until=campaign.created_at - timedelta(hours=1)
    )


def test_a_lapsed_lease_is_open_again_after_the_sweep():
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 3)
    seat = factories.rater(campaign)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    sweep_leases()
    held.refresh_from_db()
    assert held.rater_id == seat.rater_id
    lapse(campaign)
    sweep_leases()
    held.refresh_from_db()
    assert not held.rater_id
    assert held.lapsed_from_id == seat.rater_id
    assert not campaigns_with_lapsed_leases().exists()
    sweep_leases()


def test_a_paused_campaigns_leases_wait():
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign)
    lapse(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(state="paused")
    sweep_leases()
    assert Assignment.objects.get(campaign=campaign).rater_id is not None


def test_more_lapsed_leases_than_one_statement_takes_are_all_opened():
    campaign = factories.campaign()
    rater = factories.rater(campaign).rater
    factories.open_comparisons(campaign, 1)
    model = Assignment.objects.get(campaign=campaign)
    opened = model.comparison.round
    comparisons = [factories.comparison(campaign, round=opened) for _ in range(230)]
    Assignment.objects.bulk_create(
        Assignment(
            campaign=campaign,
            comparison=comparison,
            ordinal=1,
            lane=model.lane,
            position=k + 10,
            a_on_left=True,
            rater=rater,
            leased_until=campaign.created_at - timedelta(hours=1),
        )
        for k, comparison in enumerate(comparisons)
    )
    sweep_leases()
    assert not Assignment.objects.filter(campaign=campaign, rater__isnull=False).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT position) FROM labeling_assignment")
        assert cursor.fetchone() == (231, 231)
    assert Assignment.objects.filter(created_at__lte=Now()).count() == 231


def test_answers_to_writes_of_last_week_are_forgotten(monkeypatch):
    monkeypatch.setattr(idempotency, "BATCH", 2)
    person = factories.user()
    for key in ("one", "two", "three", "new"):
        begin_request(user=person, key=key, fingerprint=b"x", may_run_twice=False)
    old = IdempotentRequest.objects.exclude(key="new")
    old.update(created_at=person.date_joined - timedelta(days=8))
    sweep_answers()
    assert [row.key for row in IdempotentRequest.objects.all()] == ["new"]


@pytest.mark.parametrize("entry", BEAT_SCHEDULE.values(), ids=BEAT_SCHEDULE)
def test_the_clock_rings_tasks_that_exist(entry):
    module = importlib.import_module(entry["task"].rpartition(".")[0])
    assert module.__name__ in app.conf.imports
    assert entry["task"] in app.tasks
