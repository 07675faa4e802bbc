"""A campaign asks for no more judgments than its budget has."""

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.actions.ahead import prepare_assignment
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Gold, Round
from labeling.queries import budget
from labeling.queries.asked import judgments_asked
from labeling.queries.budget import left_of, spent_of
from tests import factories
from tests.concurrency.crowd import at_once
from workers.rating import sweep_leases

pytestmark = pytest.mark.django_db(transaction=True)
LEFT = {"side": "left"}


def judge_one(campaign, rater):
    claimed = claim_assignment(rater=rater, campaign=campaign)
    if claimed is not None:
        submit_judgment(rater=rater, assignment_id=claimed.public_id, answer=LEFT)
    return claimed


def test_nothing_is_handed_out_beyond_the_budget():
    campaign = factories.campaign(policy={"budget": 3}, overlap=2)
    factories.open_comparisons(campaign, 4)
    first, other = factories.rater(campaign).rater, factories.rater(campaign).rater
    assert judge_one(campaign, first)
    assert judge_one(campaign, first)
    held = claim_assignment(rater=first, campaign=campaign)
    assert left_of(campaign) == 0
    # What is held may be finished, and nobody gets another.
    assert claim_assignment(rater=first, campaign=campaign) == held
    assert claim_assignment(rater=other, campaign=campaign) is None
    assert prepare_assignment(rater=first, campaign=campaign, beside=held.public_id) is None
    submit_judgment(rater=first, assignment_id=held.public_id, answer=LEFT)
    assert judge_one(campaign, first) is None
    assert campaign.judgments.count() == 3


def test_a_larger_budget_goes_on_and_none_has_no_bound():
    campaign = factories.campaign(policy={"budget": 1})
    factories.open_comparisons(campaign, 3)
    rater = factories.rater(campaign).rater
    assert judge_one(campaign, rater)
    assert judge_one(campaign, rater) is None
    campaign = update_campaign(campaign=campaign, by=None, policy={"budget": 2})
    assert judge_one(campaign, rater)
    assert judge_one(campaign, rater) is None
    campaign = update_campaign(campaign=campaign, by=None, policy={})
    assert left_of(campaign) is None
    assert judge_one(campaign, rater)


def test_gold_counts_and_a_lease_given_back_does_not():
    campaign = factories.campaign(policy={"budget": 2}, requirements={"gold_rate": 1.0})
    factories.open_comparisons(campaign, 2)
    gold = factories.comparison(campaign)
    gold_answer(gold)
    rater = factories.rater(campaign).rater
    assert judge_one(campaign, rater).comparison_id == gold.pk
    assert left_of(campaign) == 1
    held = claim_assignment(rater=rater, campaign=campaign)
    assert left_of(campaign) == 0
    # A lapsed lease counts until it is taken back: its late answer is taken meanwhile.
    campaign.assignments.filter(pk=held.pk).update(leased_until="2020-01-01T00:00:00Z")
    assert left_of(campaign) == 0
    sweep_leases()
    assert left_of(campaign) == 1


def gold_answer(comparison):
    Gold.objects.create(comparison=comparison, preference="a")


def test_many_at_once_take_no_more_than_is_left():
    campaign = factories.campaign(policy={"budget": 5})
    factories.open_comparisons(campaign, 30)
    raters = [factories.rater(campaign).rater for _ in range(8)]
    taken = []

    def work(rater):
        for _ in range(3):
            if judge_one(campaign, rater) is not None:
                taken.append(rater)

    at_once([lambda rater=rater: work(rater) for rater in raters])
    assert len(taken) == campaign.judgments.count() == 5


def counts_of(rater, campaign):
    """How many statements of a claim count the campaign's judgments."""
    with CaptureQueriesContext(connection) as seen:
        claim_assignment(rater=rater, campaign=campaign)
    return len([one for one in seen if "AS n FROM labeling_round" in one["sql"]])


def test_judgments_are_not_counted_anew_at_each_claim(monkeypatch):
    # However slow the machine is.
    monkeypatch.setattr(budget, "NEAR_SECONDS", 60)
    monkeypatch.setattr(budget, "NOTHING_SECONDS", 60)
    campaign = factories.campaign(policy={"budget": 10})
    factories.open_comparisons(campaign, 20)
    raters = [factories.rater(campaign).rater for _ in range(12)]
    assert [counts_of(rater, campaign) for rater in raters[:3]] == [1, 0, 0]
    for rater in raters[:10]:
        judge_one(campaign, rater)
    assert left_of(campaign) == 0
    cache.delete(f"budget:{campaign.pk}:10")
    assert [counts_of(rater, campaign) for rater in raters[10:]] == [1, 0]
    assert campaign.assignments.filter(rater__isnull=False).count() == 10
    # Another budget is counted at once.
    campaign = update_campaign(campaign=campaign, by=None, policy={"budget": 11})
    assert judge_one(campaign, raters[11])


def test_what_a_budget_has_spent_is_what_a_round_may_not_ask_for():
    campaign = factories.campaign(policy={"budget": 9}, requirements={"gold_rate": 1.0})
    factories.open_comparisons(campaign, 3)
    gold_answer(factories.comparison(campaign))
    practice = factories.comparison(campaign)
    Round.objects.create(campaign=campaign, number=9, kind="qualification", overlap=1, seed=1)
    campaign.comparisons.filter(pk=practice.pk).update(round=campaign.rounds.get(number=9))
    rater = factories.rater(campaign).rater
    assert judge_one(campaign, rater).ordinal is None
    lane = campaign.assignments.first().lane
    campaign.assignments.create(
        comparison=practice,
        lane=lane,
        position=0,
        a_on_left=True,
        rater=rater,
        leased_until="2030-01-01T00:00:00Z",
    )
    assert spent_of(campaign) == 1
    assert judgments_asked(campaign) == 4


def test_a_campaign_without_a_budget_pays_no_statement_for_it():
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 3)
    rater = factories.rater(campaign).rater
    judge_one(campaign, rater)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        claim_assignment(rater=rater, campaign=campaign)
    assert not [
        one
        for one in seen
        if "advisory" in one["sql"]
        or ("count(*)" in one["sql"].lower() and "labeling_judgment" in one["sql"])
    ]
