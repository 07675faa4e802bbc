"""The raters and guidelines pages: who is let in, paused, and by what they judge."""

import pytest
from django.urls import reverse

from labeling.actions.raters import suspend_rater
from labeling.models import GuidelineVersion, Membership
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return factories.campaign()


@pytest.fixture
def manager(client, campaign):
    client.force_login(factories.member(campaign, "manager"))
    return client


def test_a_person_let_in_finds_the_campaign_on_their_bench(manager, campaign, client):
    person = factories.user("ada", of=campaign.organisation)
    path = reverse("campaign_raters", args=[campaign.slug])
    answer = manager.post(path, {"username": "ada", "role": "rater"}, follow=True)
    assert b"ada has the role of rater" in answer.content
    client.force_login(person)
    assert campaign.name in client.get(reverse("rate_home")).content.decode()


def test_a_name_outside_the_organisation_is_refused_with_the_way_out(manager, campaign):
    factories.user("eve", of=factories.organisation())
    path = reverse("campaign_raters", args=[campaign.slug])
    answer = manager.post(path, {"username": "eve", "role": "rater"})
    assert answer.status_code == 422
    assert b"manage.py invite" in answer.content
    assert not Membership.objects.filter(role="rater").exists()


def test_a_rater_is_paused(manager, campaign):
    seat = factories.rater(campaign)
    path = reverse("campaign_pause_rater", args=[campaign.slug, seat.rater.public_id])
    assert b"paused" in manager.post(path, follow=True).content
    seat.refresh_from_db()
    assert not seat.is_active


def test_a_paused_rater_goes_on(manager, campaign):
    seat = factories.rater(campaign)
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    assert (
        b">Resume</button>" in manager.get(reverse("campaign_raters", args=[campaign.slug])).content
    )
    path = reverse("campaign_resume_rater", args=[campaign.slug, seat.rater.public_id])
    assert b"go on judging" in manager.post(path, follow=True).content
    seat.refresh_from_db()
    assert seat.is_active


def test_guidelines_are_published_in_numbered_versions(manager, campaign):
    path = reverse("campaign_guidelines_draft", args=[campaign.slug])
    for body in ("## T1 Truth\nSay it.", "## T1 Truth\n<script>alert(1)</script> Say it well."):
        answer = manager.post(path, {"body": body, "do": "publish"}, follow=True)
    assert list(GuidelineVersion.objects.values_list("number", flat=True)) == [1, 2]
    assert "Version 2" in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()


def test_two_clauses_of_one_id_are_refused_and_the_text_is_kept(manager, campaign):
    path = reverse("campaign_guidelines_draft", args=[campaign.slug])
    answer = manager.post(path, {"body": "## T1 One\n## T1 Two", "do": "publish"})
    assert answer.status_code == 422
    assert "## T1 Two" in answer.content.decode()
    assert not GuidelineVersion.objects.exists()


@pytest.mark.parametrize("name", ["campaign_raters"])
def test_readers_see_and_do_not_change_and_raters_see_nothing(client, campaign, name):
    path = reverse(name, args=[campaign.slug])
    sent = {"username": "ada", "role": "rater", "body": "text"}
    client.force_login(factories.member(campaign, "researcher"))
    assert client.get(path).status_code == 200
    assert client.post(path, sent).status_code == 403
    client.force_login(factories.rater(campaign).rater.user)
    assert client.get(path).status_code == client.post(path, sent).status_code == 404
    client.logout()
    assert client.get(path).status_code == 302
