"""What is said before it hurts: needs nobody meets, overlap beyond the pool, gold without."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.actions.campaigns import update_campaign
from labeling.actions.raters import suspend_rater
from labeling.models import Round, Skill
from labeling.queries.plan import plan_of
from labeling.queries.readiness import setup_of, warnings_of
from tests import factories
from tests.web.building import add_gold, publish
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db


def fields_of(campaign):
    campaign.refresh_from_db()
    return [warning.field for warning in warnings_of(campaign)]


def the(campaign, field):
    campaign.refresh_from_db()
    (found,) = [one for one in warnings_of(campaign) if one.field == field]
    assert found.way_out
    return found.message


def test_a_campaign_that_is_ready_is_left_alone():
    campaign = factories.campaign()
    factories.rater(campaign)
    assert warnings_of(campaign) == []


def test_requirements_that_nobody_meets_say_who_lacks_what():
    campaign = factories.campaign(requirements={"skills": {"python": 0.8}, "languages": ["nb"]})
    ann, bob = factories.rater(campaign, "ann"), factories.rater(campaign, "bob")
    Skill.objects.create(rater=ann.rater, name="python", level=0.6, source="granted")
    ann.rater.languages = ["nb"]
    ann.rater.save()
    message = the(campaign, "requirements.skills")
    assert "ann lacks python at 0.8 (has 0.6)" in message
    assert "bob lacks nb and python at 0.8 (none shown)" in message
    Skill.objects.filter(rater=ann.rater).update(level=0.9)
    assert fields_of(campaign) == []
    # Whoever is paused meets nothing.
    suspend_rater(campaign=campaign, rater=ann.rater, by=None)
    assert "bob lacks" in the(campaign, "requirements.skills")
    assert bob.is_active


def test_more_judgments_than_people_who_may_rate():
    campaign = factories.campaign(overlap=3)
    assert "Nobody may rate" in the(campaign, "people")
    factories.rater(campaign)
    factories.rater(campaign)
    assert "2 people may rate" in the(campaign, "overlap")
    factories.rater(campaign)
    assert fields_of(campaign) == []


def test_gold_is_asked_for_and_there_is_none():
    campaign = factories.campaign(requirements={"gold_rate": 0.1})
    factories.rater(campaign)
    assert "10% of the comparisons should be gold" in the(campaign, "requirements.gold_rate")
    add_gold(campaign)
    assert fields_of(campaign) == []


def test_a_qualification_that_nobody_can_pass_just_now():
    campaign = factories.campaign()
    factories.rater(campaign)
    update_campaign(campaign=campaign, by=None, requirements={"qualification": campaign.slug})
    assert "no qualification round open" in the(campaign, "requirements.qualification")
    Round.objects.create(
        campaign=campaign, number=1, kind="qualification", overlap=1, seed=1, pass_share=0.7
    )
    assert fields_of(campaign) == []


def test_a_budget_that_ends_before_the_work_does_and_clauses_nobody_wrote():
    campaign = factories.campaign(overlap=2, policy={"budget": 3})
    for _ in range(2):
        factories.rater(campaign)
        factories.comparison(campaign)
    assert "want 4 judgments, and the budget ends at 3" in the(campaign, "policy.budget")
    update_campaign(campaign=campaign, by=None, schema={"scale": 2, "clauses": True}, policy={})
    assert "guidelines have none" in the(campaign, "schema.clauses")
    version = publish(campaign, "## T1 Truth\n\nNo lies.")
    type(version).objects.filter(pk=version.pk).delete()
    campaign.guidelines.create(
        number=1, body="x", clauses=[{"id": "T1", "title": ""}], published_at=version.published_at
    )
    assert fields_of(campaign) == []


def test_recorded_times_that_no_completion_has():
    campaign = factories.campaign(presentation={"arms": [{"name": "live", "mode": "recorded"}]})
    factories.rater(campaign)
    factories.comparison(campaign)
    assert "“live” replays recorded times" in the(campaign, "presentation.arms")


def test_many_raters_take_no_more_statements_than_one():
    campaign = factories.campaign(requirements={"skills": {"python": 0.5}})
    factories.rater(campaign)
    with CaptureQueriesContext(connection) as one:
        warnings_of(campaign)
    for _ in range(6):
        factories.rater(campaign)
    with CaptureQueriesContext(connection) as seven:
        warnings_of(campaign)
    assert len(seven) == len(one)


def test_managers_are_told_on_the_overview_and_readers_are_not():
    campaign = factories.campaign(overlap=4, policy={"budget": 9})
    factories.rater(campaign)
    manager = page(as_(factories.member(campaign, "manager")), "campaign", campaign.slug)
    assert "Needs a look" in manager
    assert "one person may rate" in manager
    assert "budget 0 of 9" in manager
    reader = page(as_(factories.member(campaign, "researcher")), "campaign", campaign.slug)
    assert "Needs a look" not in reader


def test_a_plan_counts_what_is_there_and_says_how_it_knows_the_time():
    campaign = factories.campaign(overlap=3, policy={"pay_per_hour": 36})
    for _ in range(4):
        factories.comparison(campaign, "x" * 600, "y" * 600)
    plan = plan_of(setup_of(campaign), campaign=campaign)
    assert (plan.comparisons, plan.judgments, plan.is_planned) == (4, 12, False)
    # 1,200 characters are 200 words: 50.4 s at 238 a minute, and 15 s to choose.
    assert plan.seconds == pytest.approx(65.42, abs=0.01)
    assert plan.cost == pytest.approx(12 * 65.42 / 3600 * 36, abs=0.01)
    assert "mean of 4 comparisons" in plan.seconds_from
    cut = plan_of(setup_of(factories.campaign(overlap=3, policy={"budget": 20})), planned=100)
    assert (cut.judgments, cut.is_cut, cut.is_planned) == (20, True, True)
