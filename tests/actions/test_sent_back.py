"""A comparison sent back gets as many more as were asked for, whatever it has had."""

import itertools
from typing import Any

import pytest

from labeling.actions.adjudications import send_back
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import skip_assignment, submit_judgment
from labeling.models import Assignment, Campaign, Judgment
from labeling.queries.queue_faults import QueueFaults
from tests import factories
from tests.concurrency.crowd import lapse
from workers.rating import sweep_leases
from workers.rounds import settle_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["posterior", "lowered", "elsewhere"])
def test_sent_back_it_gets_so_many_more_whatever_it_has_already(kind: str) -> None:
    asked: dict[str, Any] = {"stop_rule": "posterior", "max_overlap": 4, "stop_at": 0.9}
    campaign = factories.campaign(state="draft", overlap=2)
    comparison = factories.comparison(campaign)
    pair_and_open_round(campaign=campaign, by=None, **(asked if kind == "posterior" else {}))
    Campaign.objects.filter(pk=campaign.pk).update(state="active")
    campaign.refresh_from_db()

    def judge_all() -> None:
        rater = factories.rater(campaign).rater
        while held := claim_assignment(rater=rater, campaign=campaign):
            answer = {"side": held.side(next(preferences))}
            submit_judgment(rater=rater, assignment_id=held.public_id, answer=answer)
            settle_all()
            rater = factories.rater(campaign).rater

    preferences = itertools.cycle("ab")
    judge_all()
    if kind == "lowered":
        update_campaign(campaign=campaign, by=None, overlap=1)
    if kind == "elsewhere":
        for _ in range(3):
            rater = factories.rater(campaign).rater
            Judgment.objects.create(
                campaign=campaign, comparison=comparison, rater=rater, preference="a"
            )
    before = Judgment.objects.count()
    reviewer = factories.member(campaign, "reviewer")
    for _ in range(3):
        factories.rater(campaign)
    first = send_back(comparison=comparison, by=reviewer, more=2)
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 2
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
    # What lapses and what is skipped is asked of another.
    lapse(claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign))
    sweep_leases()
    skipping = factories.rater(campaign).rater
    held = claim_assignment(rater=skipping, campaign=campaign)
    assert held is not None
    skip_assignment(rater=skipping, assignment_id=held.public_id, reason="")
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 2
    judge_all()
    assert Judgment.objects.count() == before + 2
    send_back(comparison=comparison, by=reviewer, more=1, supersedes=first.public_id)
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 1
    assert not QueueFaults.of(campaign), QueueFaults.of(campaign)
