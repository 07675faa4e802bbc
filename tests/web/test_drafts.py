"""What is chosen and typed is kept on the server until it is answered."""

import json
import re
import time
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.utils import timezone

from labeling.models import Assignment
from labeling.models.drafts import Draft
from tests import factories
from tests.web.building import answer, assignment_of, open_campaign, signed_in
from workers.rating import sweep_drafts

pytestmark = pytest.mark.django_db(transaction=True)


def shown(html: str) -> dict[str, list[str]]:
    found = re.search(r'data-draft="([^"]*)"', html)
    fields: dict[str, list[str]] = json.loads(unescape(found[1])) if found else {}
    return fields


def test_a_draft_is_shown_wherever_the_comparison_is_opened_next() -> None:
    campaign = open_campaign(2)
    seat = factories.rater(campaign)
    url = f"/rate/{campaign.slug}/"
    here, elsewhere = signed_in(seat), signed_in(seat)
    page = here.get(url).content.decode()
    assert shown(page) == {}
    fields = answer(page, rationale='Half a <thought> & "more"', telemetry="{}")
    assert here.post(f"{url}draft/", fields).json() == {"kept": True}
    found = shown(elsewhere.get(url).content.decode())
    assert found["rationale"] == ['Half a <thought> & "more"']
    assert found["verdict"] == ["left:2"]
    assert "assignment_id" not in found
    assert "telemetry" not in found
    # An answer ends it, and the next comparison begins empty.
    here.post(url, answer(page))
    assert shown(here.get(url).content.decode()) == {}
    sweep_drafts()
    assert not Draft.objects.exists()


def test_the_newest_draft_stays_whatever_comes_later() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    now = round(time.time() * 1000)

    def send(text: str, at: Any) -> bool:
        fields = answer(page, rationale=text, written_ms=str(at))
        return bool(client.post(f"{url}draft/", fields).json()["kept"])

    assert send("new", now - 1_000)
    assert not send("old", now - 60_000)
    # A clock that is a day fast cannot keep others out: nothing is of the future.
    assert send("fast clock", now + 86_400_000)
    time.sleep(0.01)
    assert send("newest", round(time.time() * 1000))
    assert send("no clock", "x")
    assert shown(client.get(url).content.decode())["rationale"] == ["no clock"]


def test_the_next_rater_does_not_see_the_draft_of_the_one_before() -> None:
    campaign = open_campaign(1)
    one, two = factories.rater(campaign), factories.rater(campaign)
    first, second = signed_in(one), signed_in(two)
    url = f"/rate/{campaign.slug}/"
    page = first.get(url).content.decode()
    first.post(f"{url}draft/", answer(page, rationale="zq-mine-alone"))
    Assignment.objects.update(leased_until=timezone.now() - timedelta(minutes=1))
    theirs = second.get(url).content.decode()
    assert assignment_of(theirs) == assignment_of(page)
    assert "zq-mine-alone" not in theirs
    # What comes late of the first is not kept over the second's.
    assert second.post(f"{url}draft/", answer(theirs, rationale="second")).json()["kept"]
    assert not first.post(f"{url}draft/", answer(page, rationale="late")).json()["kept"]
    assert shown(second.get(url).content.decode())["rationale"] == ["second"]


def test_a_draft_is_bounded_and_holds_fields_alone() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    path = f"{url}draft/"
    assert client.post(path, answer(page, rationale="x" * 300_001)).status_code == 400
    assert client.post(path, answer(page, rationale="\x00")).status_code == 400
    assert client.post(path, answer(page, assignment_id="nonsense")).status_code == 400
    many = {f"step_left_{n}": "ok" for n in range(500)}
    assert client.post(path, answer(page) | many).status_code == 400
    assert client.post(path, answer(page) | {"Not-A-Field": "1"}).status_code == 200
    assert "Not-A-Field" not in shown(client.get(url).content.decode())
    assert client.get(path).status_code == 405


def test_an_old_draft_is_forgotten() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    client.post(f"{url}draft/", answer(page))
    sweep_drafts()
    assert Draft.objects.count() == 1
    Draft.objects.update(saved_at=timezone.now() - timedelta(days=31))
    sweep_drafts()
    assert not Draft.objects.exists()
