"""Guidelines that ask for the qualification once more: nobody rates on, and all are told why."""

import pytest
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.qualification import grade_practice, qualify_rater
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.errors import InvalidInputError, NotQualifiedError
from labeling.models import Campaign, Gold, Round, Seat
from tests import factories
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)

BODY = "## T1 Truth\n\nOne wrong claim loses."


def known(campaign: Campaign, count: int) -> None:
    for _ in range(count):
        comparison = factories.comparison(campaign)
        Gold.objects.create(comparison=comparison, preference="a", strength=1)


@pytest.fixture
def campaign() -> Campaign:
    campaign = factories.campaign(slug="school", requirements={"qualification": "school"})
    known(campaign, 2)
    open_round(campaign=campaign, by=None, kind=Round.Kind.QUALIFICATION)
    publish_guidelines(campaign=campaign, body=BODY, by=None)
    factories.open_comparisons(campaign, 3)
    return campaign


def is_qualified(seat: Seat) -> bool:
    return Seat.objects.get(pk=seat.pk).qualified_at is not None


def pass_practice(seat: Seat) -> None:
    for _ in range(20):
        held = claim_assignment(rater=seat.rater, campaign=seat.campaign)
        assert held is not None
        if held.ordinal is not None:
            return
        submit_judgment(
            rater=seat.rater, assignment_id=held.public_id, answer={"side": held.side("a")}
        )
        grade_practice(rater=seat.rater, campaign=seat.campaign)


def test_everybody_passes_it_once_more_and_old_answers_do_not_count(campaign: Campaign) -> None:
    seat = factories.rater(campaign)
    pass_practice(seat)
    assert is_qualified(seat)
    version = publish_guidelines(
        campaign=campaign,
        body=BODY + " Always.",
        by=None,
        asks_rereading=False,
        asks_requalification=True,
    )
    assert not is_qualified(seat)
    assert version.asks_requalification
    assert not campaign.rounds.filter(kind="qualification", state="open").exists()
    with pytest.raises(NotQualifiedError):
        for _ in range(3):
            claim_assignment(rater=seat.rater, campaign=campaign)
    # The bench and home say why.
    assert seat.rater.user is not None
    client = as_(seat.rater.user)
    for address in (reverse("rate", args=["school"]), reverse("rate_home")):
        page = client.get(address).content.decode()
        assert "version 2 asks everybody to pass the qualification once more" in page
    # One who never judged here is a newcomer, and is told nothing of it.
    fresh = factories.rater(campaign)
    assert fresh.rater.user is not None
    page = as_(fresh.rater.user).get(reverse("rate_home")).content.decode()
    assert "once more" not in page
    # A new round of other items lets them in again.
    known(campaign, 1)
    open_round(campaign=campaign, by=None, kind=Round.Kind.QUALIFICATION)
    pass_practice(seat)
    assert is_qualified(seat)


def test_without_a_switch_everybody_stays_qualified(campaign: Campaign) -> None:
    seat = factories.rater(campaign)
    qualify_rater(campaign=campaign, rater=seat.rater, by=None)
    publish_guidelines(campaign=campaign, body=BODY + " Always.", by=None)
    assert is_qualified(seat)
    assert campaign.rounds.filter(kind="qualification", state="open").exists()


def test_a_campaign_without_a_qualification_of_its_own_cannot_ask() -> None:
    campaign = factories.campaign()
    with pytest.raises(InvalidInputError) as caught:
        publish_guidelines(campaign=campaign, body=BODY, by=None, asks_requalification=True)
    assert caught.value.problems[0].field == "asks_requalification"
    assert not campaign.guidelines.exists()


def test_the_page_asks_before_and_counts_whom_it_stops(campaign: Campaign) -> None:
    seat = factories.rater(campaign)
    qualify_rater(campaign=campaign, rater=seat.rater, by=None)
    client = as_(factories.member(campaign, "manager"))
    address = reverse("campaign_guidelines_draft", args=["school"])
    seen = client.get(address).context["seen"]
    sent = {
        "do": "publish",
        "body": BODY + " Always.",
        "asks_requalification": "on",
        "seen": seen,
    }
    asked = client.post(address, sent).content.decode()
    assert "1 qualified rater pass the qualification once more" in asked
    assert "no known answer waits for a new one" in asked
    assert is_qualified(seat)
    assert client.post(address, sent | {"confirmed": "1"}).status_code == 302
    assert not is_qualified(seat)
