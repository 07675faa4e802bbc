"""The manager's page of guidelines: worked examples are kept, checked field by field, taken out."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Campaign
from tests import factories
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)

BODY = "## T1 Truthfulness\n\nOne wrong claim loses."
EXAMPLE = {
    "clause": "T1",
    "prompt": "What is 2 + 2?",
    "a": "4",
    "b": "5",
    "verdict": "a:3",
    "why": "B is wrong.",
}


def form(*examples: dict[str, str], **fields: str) -> dict[str, str]:
    """What the page would send."""
    sent = {
        "body": BODY,
        "asks_rereading": "on",
        "examples-TOTAL_FORMS": str(len(examples)),
        "examples-INITIAL_FORMS": "0",
    } | fields
    for number, example in enumerate(examples):
        sent |= {f"examples-{number}-{name}": value for name, value in example.items()}
    return sent


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign()


@pytest.fixture
def manager(campaign: Campaign) -> Client:
    return as_(factories.member(campaign, "manager"))


def publish(manager: Client, campaign: Campaign, sent: dict[str, str]) -> Any:
    address = reverse("campaign_guidelines_draft", args=[campaign.slug])
    return manager.post(address, {"do": "publish"} | sent)


def test_examples_are_published_shown_and_taken_out_by_emptying_them(
    campaign: Campaign, manager: Client
) -> None:
    # The empty one at the end is the page's own: it means nothing.
    assert publish(manager, campaign, form(EXAMPLE, {"clause": ""})).status_code == 302
    version = campaign.guidelines.get(number=1)
    (kept,) = version.examples
    assert (kept["preference"], kept["strength"], kept["why"]) == ("a", 3, "B is wrong.")
    assert version.asks_rereading
    page = manager.get(reverse("campaign_guidelines", args=[campaign.slug])).content.decode()
    assert "A much better" in page
    editor = manager.get(reverse("campaign_guidelines_draft", args=[campaign.slug]))
    assert 'value="T1"' in editor.content.decode()
    emptied = dict.fromkeys(EXAMPLE, "")
    sent = form(emptied)
    del sent["asks_rereading"]
    publish(manager, campaign, sent)
    version = campaign.guidelines.get(number=2)
    assert version.examples == []
    assert not version.asks_rereading


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"clause": "X9"}, "There is no clause X9"),
        ({"why": ""}, "Fill this in."),
        ({"verdict": ""}, "Fill this in."),
        ({"b": "x" * 5000}, "4000"),
        ({"verdict": "c:9"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_nothing_is_lost(
    campaign: Campaign, manager: Client, changed: dict[str, str], says: str
) -> None:
    answer = publish(manager, campaign, form(EXAMPLE | changed))
    assert answer.status_code == 422
    page = answer.content.decode()
    assert says in page
    assert "What is 2 + 2?" in page
    assert not campaign.guidelines.exists()


def test_a_form_that_says_nothing_of_examples_leaves_them(
    campaign: Campaign, manager: Client
) -> None:
    publish(manager, campaign, form(EXAMPLE))
    publish(manager, campaign, {"body": BODY + " Always."})
    assert len(campaign.guidelines.get(number=2).examples) == 1


def test_only_a_manager_publishes(campaign: Campaign) -> None:
    researcher = as_(factories.member(campaign, "researcher"))
    assert publish(researcher, campaign, form(EXAMPLE)).status_code == 403
    rater = as_(factories.member(campaign, "rater"))
    assert publish(rater, campaign, form(EXAMPLE)).status_code == 404
    assert not campaign.guidelines.exists()
