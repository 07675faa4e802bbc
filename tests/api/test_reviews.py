"""Reviews by API: decisions are listed, made once, and refused with what to do."""

import pytest

from labeling.actions.guidelines import publish_guidelines
from labeling.models import Adjudication, Campaign, Comparison, Gold, User
from tests import factories
from tests.judging import judged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, schema={"scale": 7, "rationale": "optional"})


@pytest.fixture
def item(campaign: Campaign) -> Comparison:
    (item,) = judged(campaign, {"one": ["a"], "two": ["b"]})
    return item


@pytest.fixture
def reviewer(campaign: Campaign) -> User:
    return factories.member(campaign, "reviewer")


def place(campaign: Campaign) -> str:
    return f"campaigns/{campaign.slug}/reviews/"


def test_a_decision_is_made_superseded_and_listed(call_as, campaign, item, reviewer):
    call = call_as(reviewer, "write")
    sent = {"comparison": str(item.public_id), "preference": "a", "strength": 2, "note": "Why."}
    first = call.post(place(campaign), sent)
    assert first.status_code == 201, first.content
    made = first.json()
    assert (made["outcome"], made["preference"], made["strength"]) == ("decided", "a", 2)
    assert made["tells_raters"] is False
    # The same again is the same one.
    assert call.post(place(campaign), sent).json()["id"] == made["id"]
    other = {"comparison": str(item.public_id), "preference": "tie"}
    assert call.post(place(campaign), other).status_code == 409
    later = call.post(place(campaign), other | {"supersedes": made["id"]})
    assert later.status_code == 201
    assert later.json()["supersedes"] == made["id"]
    listed = call.get(place(campaign)).json()["results"]
    assert [row["preference"] for row in listed] == ["tie"]
    with_history = call.get(place(campaign) + "?history=1").json()["results"]
    assert [row["preference"] for row in with_history] == ["a", "tie"]
    assert call.get(place(campaign) + "?outcome=left_out").json()["results"] == []
    # The judgments are as they were.
    records = call.get(f"campaigns/{campaign.slug}/judgments/").json()["results"]
    assert [row["preference"] for row in records] == ["a", "b"]
    assert records[0]["adjudication"]["preference"] == "tie"


def test_one_key_decides_once(call_as, campaign, item, reviewer):
    call = call_as(reviewer, "write")
    factories.rater(campaign)
    sent = {"comparison": str(item.public_id), "outcome": "sent_back", "more": 1}
    headers = {"Idempotency-Key": "k1"}
    assert call.post(place(campaign), sent, **headers).status_code == 201
    assert call.post(place(campaign), sent, **headers).headers["Idempotent-Replayed"] == "true"
    assert Adjudication.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "preference"),
        ({"preference": "left"}, "preference"),
        ({"preference": "a", "strength": 9}, "strength"),
        ({"preference": "a", "colour": "red"}, "colour"),
        ({"outcome": "sent_back"}, "more"),
        ({"outcome": "sent_back", "more": 1, "preference": "a"}, "preference"),
        ({"outcome": "left_out", "more": 2}, "more"),
        ({"outcome": "left_out"}, "note"),
        ({"preference": "a", "tells_raters": True}, "note"),
        ({"preference": "a", "note": "x", "tells_raters": True, "makes_gold": True}, "makes_gold"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(call_as, item, reviewer, body, field):
    call = call_as(reviewer, "write")
    answer = call.post(place(item.campaign), {"comparison": str(item.public_id)} | body)
    assert answer.status_code == 400, answer.content
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert not Adjudication.objects.exists()


def test_who_may_not_decide(call_as, campaign, item, reviewer):
    sent = {"comparison": str(item.public_id), "preference": "a", "strength": 1}
    for role, status in (("researcher", 403), ("rater", 404)):
        call = call_as(factories.member(campaign, role), "write")
        assert call.post(place(campaign), sent).status_code == status
    assert call_as(factories.user(), "write").post(place(campaign), sent).status_code == 404
    assert call_as(reviewer, "read").post(place(campaign), sent).status_code == 403
    rater = call_as(factories.member(campaign, "rater"), "read", "rate")
    assert rater.get(place(campaign)).status_code == 404
    elsewhere = factories.comparison(factories.campaign())
    unknown = sent | {"comparison": str(elsewhere.public_id)}
    assert call_as(reviewer, "write").post(place(campaign), unknown).status_code == 404
    assert not Adjudication.objects.exists()


def test_a_callers_own_id_names_the_comparison(call_as, campaign, reviewer):
    named = factories.comparison(campaign, external_id="mine-7")
    answer = call_as(reviewer, "write").post(
        place(campaign), {"comparison": "mine-7", "preference": "both_bad"}
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["comparison"] == "mine-7"
    assert Adjudication.objects.get().comparison == named


def test_guidelines_warn_of_citations_by_api_too(call_as, campaign, item):
    publish_guidelines(campaign=campaign, body="## T1 Truth\n\nBe true.", by=None)
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a", clause="T1")
    call = call_as(factories.member(campaign, "manager"), "write")
    path = f"campaigns/{campaign.slug}/guidelines/"
    body = {"body": "## T2 Truth\n\nBe true."}
    refused = call.post(path, body)
    assert refused.status_code == 409
    assert "cite T1" in refused.json()["detail"]
    wrong = call.post(path, body | {"renamed": {"T1": "X9"}})
    assert wrong.status_code == 400
    made = call.post(path, body | {"renamed": {"T1": "T2"}})
    assert made.status_code == 201, made.content
    assert made.json()["clauses"] == [{"id": "T2", "title": "Truth", "was": ["T1"]}]
    gone = call.post(path, {"body": "## S1 Safe\n\nBe safe.", "confirmed": True})
    assert gone.status_code == 201
