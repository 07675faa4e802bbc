"""Qualification and worked examples over the API: opening, letting in, and who is refused."""

from typing import Any

import pytest
from django.test import Client

from labeling.models import Assignment, Campaign, Comparison, Gold
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def caller(person: Any, *scopes: str) -> Client:
    return Client(headers={"authorization": f"Bearer {factories.token(person, *scopes)}"})


def campaign_with_gold(count: int = 2) -> Campaign:
    campaign = factories.campaign(slug="trained", requirements={"qualification": "trained"})
    for number in range(count):
        Gold.objects.create(
            comparison=factories.comparison(campaign, external_id=f"item-{number}"),
            preference="a",
        )
    factories.open_comparisons(campaign, 1)
    return campaign


def test_a_manager_opens_a_qualification_and_a_rater_claims_its_items_until_they_fail() -> None:
    campaign = campaign_with_gold()
    manager = caller(factories.member(campaign, "manager"), "write")
    opened = manager.post(
        f"/api/v1/campaigns/{campaign.slug}/rounds/",
        {"kind": "qualification", "pass_share": 1, "comparisons": ["item-0"]},
        content_type="application/json",
    )
    assert opened.status_code == 201, opened.content
    assert opened.json()["kind"] == "qualification"
    assert opened.json()["pass_share"] == 1
    assert "comparisons" not in opened.json()
    seat = factories.rater(campaign)
    rater = caller(seat.rater.user, "rate")
    claim = f"/api/v1/campaigns/{campaign.slug}/assignments/"
    item = rater.post(claim)
    assert item.status_code == 201
    # Nothing tells that it is practice, nor its answer.
    assert "gold" not in item.content.decode()
    said = rater.post(
        f"/api/v1/assignments/{item.json()['id']}/judgment/",
        {"side": "tie"},
        content_type="application/json",
    )
    assert said.status_code == 201
    refused = rater.post(claim)
    assert refused.status_code == 403
    assert refused.json()["title"] == "A qualification comes first"
    assert "it takes 1" in refused.json()["detail"]
    address = f"/api/v1/campaigns/{campaign.slug}/raters/{seat.rater.public_id}/qualify/"
    assert rater.post(address).status_code == 403
    assert (
        caller(factories.member(campaign, "researcher"), "write").post(address).status_code == 403
    )
    let_in = manager.post(address)
    assert let_in.status_code == 200
    assert let_in.json()["qualified_at"]
    assert rater.post(claim).status_code == 201


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "qualification", "pass_share": 0}, "pass_share"),
        ({"kind": "qualification", "pass_share": 1.5}, "pass_share"),
        ({"kind": "qualification", "pass_share": "most"}, "pass_share"),
        ({"kind": "qualification", "comparisons": ["nothing"]}, "comparisons"),
        ({"kind": "production", "pass_share": 0.5}, "pass_share"),
        ({"kind": "production", "comparisons": ["item-0"]}, "comparisons"),
    ],
)
def test_what_is_wrong_with_a_round_is_told_at_its_field(body: dict[str, Any], field: str) -> None:
    campaign = campaign_with_gold()
    manager = caller(factories.member(campaign, "manager"), "write")
    answer = manager.post(
        f"/api/v1/campaigns/{campaign.slug}/rounds/", body, content_type="application/json"
    )
    assert answer.status_code == 400, answer.content
    assert answer.json()["errors"][0]["field"].startswith(field)


def test_practice_is_not_among_the_judgments_and_what_is_in_no_round_is() -> None:
    campaign = campaign_with_gold(1)
    manager = caller(factories.member(campaign, "manager"), "read", "write")
    manager.post(
        f"/api/v1/campaigns/{campaign.slug}/rounds/",
        {"kind": "qualification", "pass_share": 0.1},
        content_type="application/json",
    )
    seat = factories.rater(campaign)
    rater = caller(seat.rater.user, "rate")
    answers = []
    for _ in range(2):
        claimed = rater.post(f"/api/v1/campaigns/{campaign.slug}/assignments/")
        assert claimed.status_code == 201, claimed.content
        item = Assignment.objects.get(public_id=claimed.json()["id"])
        said = rater.post(
            f"/api/v1/assignments/{item.public_id}/judgment/",
            {"side": item.side("a")},
            content_type="application/json",
        )
        answers.append(said.json()["id"])
    Comparison.objects.filter(gold=None).update(round=None)
    for history in ("0", "1"):
        path = f"/api/v1/campaigns/{campaign.slug}/judgments/?history={history}"
        (record,) = manager.get(path).json()["results"]
        assert record["judgment_id"] == answers[1]


def test_a_daily_cap_is_told_as_such() -> None:
    campaign = factories.campaign(requirements={"daily_cap": 1})
    factories.open_comparisons(campaign, 2)
    seat = factories.rater(campaign)
    rater = caller(seat.rater.user, "rate")
    claim = f"/api/v1/campaigns/{campaign.slug}/assignments/"
    item = rater.post(claim).json()
    rater.post(
        f"/api/v1/assignments/{item['id']}/judgment/",
        {"side": "left"},
        content_type="application/json",
    )
    refused = rater.post(claim)
    assert refused.status_code == 403
    assert refused.json()["title"] == "That is enough for today"


EXAMPLE = {
    "clause": "T1",
    "prompt": "2 + 2?",
    "a": "4",
    "b": "5",
    "preference": "a",
    "strength": 3,
    "why": "B is wrong.",
}


def test_worked_examples_are_published_with_their_guidelines_and_stay_with_their_clause() -> None:
    campaign = factories.campaign()
    manager = caller(factories.member(campaign, "manager"), "write")
    address = f"/api/v1/campaigns/{campaign.slug}/guidelines/"

    def publish(**body: Any) -> Any:
        return manager.post(address, body, content_type="application/json")

    first = publish(body="## T1 Truth\n\nx\n\n## H1 Help\n\ny", examples=[EXAMPLE])
    assert first.status_code == 201, first.content
    assert first.json()["examples"] == [EXAMPLE]
    assert first.json()["asks_rereading"] is True
    second = publish(body="## T1 Truth\n\nz", asks_rereading=False)
    assert second.json()["examples"] == [EXAMPLE]
    assert second.json()["asks_rereading"] is False
    third = publish(body="## H1 Help\n\ny")
    assert third.json()["examples"] == []
    wrong = publish(body="## T1 Truth\n\nz", examples=[EXAMPLE, EXAMPLE | {"clause": "X1"}])
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["field"] == "examples[1].clause"
