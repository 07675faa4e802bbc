"""What the bench refuses: answers too late, twice, not one's own, or of the server's to give."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.models import Assignment, AuditEvent, Judgment
from tests import factories
from tests.web.building import answer, assignment_of, open_campaign, publish, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_going_back_and_sending_another_answer_says_what_is_stored() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    client.post(url, answer(page))
    assert client.post(url, answer(page)).status_code == 303
    response = client.post(url, answer(page, verdict="right:1", rationale="Changed my mind."))
    assert response.status_code == 409
    body = response.content.decode()
    assert "already judged" in body
    assert "Changed my mind." in body
    assert Judgment.objects.count() == 1


def test_a_lost_lease_keeps_the_typed_text_on_the_page() -> None:
    campaign = open_campaign(1)
    one, two = (factories.rater(campaign) for _ in range(2))
    slow, quick = signed_in(one), signed_in(two)
    url = f"/rate/{campaign.slug}/"
    page = slow.get(url).content.decode()
    Assignment.objects.filter(rater=one.rater).update(
        leased_until=timezone.now() - timedelta(minutes=1)
    )
    quick.post(url, answer(quick.get(url).content.decode()))
    response = slow.post(url, answer(page, rationale="A long thought."))
    assert response.status_code == 409
    assert "A long thought." in response.content.decode()
    with_script = slow.post(url, answer(page), headers={"hx-request": "true"})
    assert with_script.status_code == 409
    assert with_script["HX-Retarget"] == "#say"
    assert "<html" not in with_script.content.decode()
    assert Judgment.objects.count() == 1


def test_what_is_not_ones_own_is_not_found_and_the_attempt_is_noted() -> None:
    """Another rater's assignment, one of another campaign, and an unknown one look alike."""
    campaign, elsewhere = open_campaign(3, overlap=2), open_campaign(1)
    one, two, away = (factories.rater(c) for c in (campaign, campaign, elsewhere))
    url = f"/rate/{campaign.slug}/"
    theirs = assignment_of(signed_in(two).get(url).content.decode())
    foreign = assignment_of(signed_in(away).get(f"/rate/{elsewhere.slug}/").content.decode())
    client = signed_in(one)
    mine = client.get(url).content.decode()
    bodies = set()
    for target in (theirs, foreign, uuid.uuid4()):
        fields = answer(mine, assignment_id=str(target))
        skipped = {"assignment_id": str(target), "reason": "unclear"}
        for headers in ({}, {"hx-request": "true"}):
            for path, sent in ((url, fields), (f"{url}skip/", skipped)):
                response = client.post(path, sent, headers=headers)
                assert response.status_code == 404
                bodies.add((bool(headers), response.content))
        changed = client.post(f"{url}undo/", fields | {"judgment_id": str(target)})
        assert changed.status_code == 404
        attempts = AuditEvent.objects.filter(verb="judgment.refused", subject=target)
        assert [event.user for event in attempts] == [one.rater.user] * 5
    assert len({body for is_htmx, body in bodies if is_htmx}) == 1
    assert not Judgment.objects.exists()
    assert not Assignment.objects.exclude(outcome=None).exists()


def test_an_ended_campaign_refuses_what_was_held_and_notes_it() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    campaign.state = "archived"
    campaign.save()
    assert client.post(url, answer(html)).status_code == 409
    assert not Judgment.objects.exists()
    assert AuditEvent.objects.filter(verb="judgment.refused").count() == 1


def test_what_only_the_server_may_say_is_ignored_in_the_form() -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    stray = {
        "model": "zq-canary-two",
        "left_model": "x",
        "swapped": "1",
        "completion_id": "1",
        "winner_model": "x",
        "rater": "999",
        "completed_by": "999",
        "created_at": "2001-01-01",
        "lead_time": "1",
        "ip": "1.2.3.4",
        "campaign": "999",
        "is_repeat": "1",
        "preference": "b",
    }
    client.post(url, answer(page) | stray)
    judgment = Judgment.objects.get()
    assert judgment.rater == seat.rater
    assert judgment.campaign == campaign
    assert judgment.preference == judgment.shown_left
    assert judgment.judged_at > timezone.now() - timedelta(minutes=1)
    assert not judgment.is_repeat
    assert set(judgment.client) == {"page", "script", "shown_as", "active_ms"}


def test_who_has_no_part_in_the_campaign_finds_nothing() -> None:
    campaign = open_campaign(1)
    publish(campaign)
    stranger = signed_in(factories.rater(open_campaign(1)))
    manager = signed_in(factories.rater(open_campaign(1)))
    manager.force_login(factories.member(campaign, "manager"))
    for path in ("", "undo/", "guidelines/"):
        for client in (stranger, manager):
            assert client.get(f"/rate/{campaign.slug}/{path}").status_code == 404
        assert stranger.get(f"/rate/no-such-campaign/{path}").status_code == 404
    assert stranger.post(f"/rate/{campaign.slug}/skip/").status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    client.logout()
    url = f"/rate/{campaign.slug}/"
    assert client.get(url)["Location"] == f"/login/?next={url}"
    fragment = client.post(url, {}, headers={"hx-request": "true"})
    assert fragment.status_code == 401
    assert "kept on this device" in fragment.content.decode()
