"""A campaign's dashboard: its numbers, what is new in them, and its buttons."""

import re

import pytest
from django.urls import reverse

from labeling.models import Campaign, Gold, Job, Judgment, Seat, User
from labeling.queries.progress import newest_report, progress
from tests import factories
from tests.judging import judged
from tests.web.visiting import as_, page
from workers.metrics import refresh_report, run_report

pytestmark = pytest.mark.django_db


ANSWERS = {
    "ann": ["a", "a", "a", "a", "b"],
    "bob": ["a", "a", "a", "b", "b"],
    "cat": ["a", "a", "b", "tie", "b"],
}


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=3, name="Everyday <b>helpfulness</b>")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager", "marit")


def test_the_dashboard_shows_the_numbers_of_known_judgments(campaign, manager):
    judged(campaign, ANSWERS)
    refresh_report(campaign.pk)
    shown = page(as_(manager), "campaign", campaign.slug)
    # Ten of fifteen pairs of raters agree; 9 wins and a tie of 15 votes.
    assert "66.7 %" in shown
    assert "63.3 %" in shown
    assert "15 of 15" in shown
    report = newest_report(campaign)
    assert report is not None
    alpha = report.body["agreement"]["krippendorff_alpha_ordinal"]["value"]
    assert f"{alpha:.2f}" in shown
    names = re.findall(r'<th scope="row">(\d · [\w-]+)</th>', shown)
    assert names == ["1 · model-one", "2 · model-two"]
    assert re.findall(r'class="step ([ab]\d)" title="[^"]*">(\d+)<', shown) == [
        ("a2", "63"),
        ("b2", "37"),
    ]
    for seat in Seat.objects.filter(campaign=campaign):
        assert seat.pseudonym in shown
    for name in ANSWERS:
        assert f">{name}<" not in shown
        assert f"{name} judged" not in shown
    assert "judged 5 comparisons" in shown
    assert 'class="chart"' in shown
    assert "Show as a table" in shown


def test_a_campaign_without_judgments_says_so(campaign, manager):
    for _ in range(2):
        shown = page(as_(manager), "campaign", campaign.slug)
        assert "0 of 0" in shown
        assert "Nobody has judged yet" in shown
        refresh_report(campaign.pk)


def test_live_parts_come_only_when_something_is_new(campaign, manager):
    judged(campaign, ANSWERS)
    refresh_report(campaign.pk)
    client = as_(manager)
    seen = re.search(
        r'"seen": "([^"]+)"', page(client, "campaign", campaign.slug).replace("&quot;", '"')
    )
    assert seen is not None
    url = reverse("campaign_live", args=[campaign.slug])
    assert client.get(url, {"seen": seen[1]}).status_code == 204
    judgment = Judgment.objects.last()
    assert judgment is not None
    campaign.judgments.create(
        comparison=judgment.comparison, rater=factories.rater(campaign).rater, preference="a"
    )
    refresh_report(campaign.pk)
    response = client.get(url, {"seen": seen[1]})
    shown = response.content.decode()
    assert response.status_code == 200
    assert "16 of 16" in shown
    assert shown.count('hx-swap-oob="true"') == 5
    assert "<html" not in shown


def test_progress_counts_what_came_after_the_report(campaign):
    judged(campaign, ANSWERS)
    report = newest_report(campaign)
    assert report is None
    assert progress(campaign, None).done == 15
    refresh_report(campaign.pk)
    report = newest_report(campaign)
    assert progress(campaign, report).done == 15
    more = factories.open_comparisons(campaign, 2)
    rater = Seat.objects.get(campaign=campaign, rater__user__username="ann").rater
    gold = factories.comparison(campaign)
    Gold.objects.create(comparison=gold, preference="a")
    for comparison in (more[0], gold):
        campaign.judgments.create(comparison=comparison, rater=rater, preference="a")
    now = progress(campaign, report)
    assert (now.done, now.open, now.held, now.waiting) == (16, 6, 0, 0)
    refresh_report(campaign.pk)
    assert progress(campaign, newest_report(campaign)).done == 16


def test_pausing_resuming_and_starting(campaign, manager):
    client = as_(manager)
    url = reverse("campaign_state", args=[campaign.slug])
    assert client.post(url, {"state": "paused"}).status_code == 302
    campaign.refresh_from_db()
    assert campaign.state == "paused"
    assert "Resume" in page(client, "campaign", campaign.slug)
    waiting = factories.comparison(campaign)
    client.post(url, {"state": "active"})
    campaign.refresh_from_db()
    assert campaign.state == "active"
    waiting.refresh_from_db()
    assert waiting.round is not None
    for wrong in ("archived", "draft", "", "nonsense"):
        assert client.post(url, {"state": wrong}).status_code == 400


def test_opening_a_round(campaign, manager):
    client = as_(manager)
    url = reverse("campaign_open_round", args=[campaign.slug])
    assert client.post(url).status_code == 409
    factories.comparison(campaign)
    assert "1 comparison waits to be opened" in page(client, "campaign", campaign.slug)
    assert client.post(url).status_code == 302
    assert campaign.rounds.count() == 1
    assert "3" in page(client, "campaign", campaign.slug)


def test_recomputing_by_hand(campaign, manager):
    judged(campaign, {"ann": ["a"]})
    as_(manager).post(reverse("campaign_recompute", args=[campaign.slug]))
    job = Job.objects.get(campaign=campaign, kind="report")
    run_report(job.pk)
    job.refresh_from_db()
    assert job.status == "succeeded"
    assert newest_report(campaign) is not None


def test_a_paused_campaign_can_be_completed(campaign, manager):
    client = as_(manager)
    address_ = reverse("campaign_state", args=[campaign.slug])
    assert 'value="completed"' not in page(client, "campaign", campaign.slug)
    client.post(address_, {"state": "paused"})
    assert 'value="completed"' in page(client, "campaign", campaign.slug)
    client.post(address_, {"state": "completed"})
    campaign.refresh_from_db()
    assert campaign.state == "completed"
    assert "completed the campaign" in page(client, "campaign", campaign.slug)


def test_what_waits_in_a_completed_campaign_is_not_announced(campaign, manager):
    factories.comparison(campaign)
    client = as_(manager)
    assert "1 comparison waits to be opened" in page(client, "campaign", campaign.slug)
    Campaign.objects.filter(pk=campaign.pk).update(state="completed")
    shown = page(client, "campaign", campaign.slug)
    assert "to be opened" not in shown
    assert "Open round" not in shown
