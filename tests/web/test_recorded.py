"""What is recorded of a judgment: stored as measured, told to its rater, and to nobody else."""

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Judgment, Seat
from labeling.telemetry import MEASURES
from tests import factories
from tests.presentation.test_telemetry import COMPLETE
from tests.web.building import answer, open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/rate/recorded/"
PASTED = "zq words that were pasted"


def judge(seat: Seat, campaign: Campaign, **client: Any) -> Judgment:
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    said = {
        "side": "left",
        "strength": 1,
        "criteria": {"helpful": "left", "truthful": "tie"},
        "client": client,
    }
    made = submit_judgment(rater=seat.rater, assignment_id=assignment.public_id, answer=said)
    return made.judgment


def test_what_the_page_measured_is_stored_with_the_judgment() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    page = client.get(f"/rate/{campaign.slug}/").content.decode()
    sent = COMPLETE | {"clipboard": PASTED, "pastes": [{"into": "rationale", "chars": 25}]}
    telemetry = json.dumps(sent)
    client.post(
        f"/rate/{campaign.slug}/", answer(page, telemetry=telemetry, shown_as="paced", active_ms=77)
    )
    judgment = Judgment.objects.get()
    assert judgment.client == COMPLETE | {
        "pastes": [{"into": "rationale", "chars": 25}],
        "active_ms": 77,
    }
    assert judgment.active_ms == 77


@pytest.mark.parametrize("telemetry", ["{", "[]", "x" * 100_000, '{"active_ms": -1}', "\\u0000"])
def test_a_judgment_never_fails_for_what_was_measured_of_it(telemetry: str) -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    page = client.get(f"/rate/{campaign.slug}/").content.decode()
    client.post(f"/rate/{campaign.slug}/", answer(page, telemetry=telemetry, shown_as="backwards"))
    stored = Judgment.objects.get().client
    assert stored == {"page": "bench", "script": True, "active_ms": 1234}


def test_the_api_takes_the_same_measures_and_keeps_nothing_else() -> None:
    campaign = open_campaign(1)
    judge(factories.rater(campaign), campaign, **COMPLETE, clipboard=PASTED, note="zq")
    judgment = Judgment.objects.get()
    assert judgment.client == COMPLETE
    assert judgment.active_ms == COMPLETE["active_ms"]


def test_a_rater_sees_the_measures_of_their_own_judgments() -> None:
    campaign = open_campaign(1, name="Tone of voice")
    seat = factories.rater(campaign)
    judge(seat, campaign, **COMPLETE | {"pastes": [{"into": "rationale", "chars": 4321}]})
    html = signed_in(seat).get(PAGE).content.decode()
    for shown in ("Tone of voice", "bit by bit", "you asked for both", "4321", "30, 25"):
        assert shown in html, shown


def test_a_judgment_without_measures_is_shown_with_dashes() -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    judge(seat, campaign)
    html = signed_in(seat).get(PAGE).content.decode()
    assert html.count("–") > 5
    assert ">None" not in html


def test_nobody_sees_the_measures_of_another() -> None:
    campaign = open_campaign(2, name="zq-campaign", overlap=2)
    seat, colleague = factories.rater(campaign), factories.rater(campaign)
    judge(seat, campaign, active_ms=3_480_000)
    manager = Client()
    manager.force_login(factories.member(campaign, "manager"))
    for other in (signed_in(colleague), manager):
        html = other.get(PAGE).content.decode()
        assert "58 min" not in html
        assert "Nothing yet" in html
    assert "58 min" in signed_in(seat).get(PAGE).content.decode()
    stranger = Client().get(PAGE)
    assert (stranger.status_code, stranger.headers["location"]) == (302, f"/login/?next={PAGE}")


def test_the_page_names_no_model_no_arm_and_no_gold() -> None:
    arms = {"arms": [{"name": "zq-arm", "mode": "instant"}]}
    campaign = open_campaign(1, presentation=arms)
    seat = factories.rater(campaign)
    judge(seat, campaign, **COMPLETE)
    html = signed_in(seat).get(PAGE).content.decode()
    assert "zq-" not in html


def test_only_the_newest_fifty_are_listed_at_a_fixed_cost(
    django_assert_max_num_queries: Any,
) -> None:
    campaign = open_campaign(52)
    seat = factories.rater(campaign)
    for number in range(52):
        judge(seat, campaign, keystrokes=70_000 + number)
    client = signed_in(seat)
    with django_assert_max_num_queries(6):
        html = client.get(PAGE).content.decode().replace(",", "")
    assert html.count("<tr>") == 1 + 8 + 1 + 50
    assert "70051" in html
    assert "70001" not in html


def test_every_rater_is_led_to_the_page() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    for path in ("/rate/", "/account/", f"/rate/{campaign.slug}/"):
        assert f'href="{PAGE}"' in client.get(path).content.decode(), path
    assert reverse("rate_recorded") == PAGE


def test_no_campaign_can_hide_the_page() -> None:
    with pytest.raises(Exception, match="taken by a page"):
        factories.campaign(slug="recorded")


def test_every_measure_is_one_of_those_the_page_tells_of() -> None:
    # A new measure belongs on the page first; then its key is added here.
    assert set(MEASURES) == set(COMPLETE)
