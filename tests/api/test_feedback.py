"""What an answer over the API is told: the expected one after practice, nothing after the rest."""

from collections.abc import Callable
from typing import Any

import pytest

from labeling.actions.rounds import open_round
from labeling.models import Assignment, Campaign, Gold, Judgment, Seat
from tests import factories
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db(transaction=True)


def school(**requirements: Any) -> Campaign:
    """A campaign with one item to practise on, whose known answer is A, better by two steps."""
    campaign = factories.campaign(
        slug="school", requirements={"qualification": "school", **requirements}
    )
    Gold.objects.create(
        comparison=factories.comparison(campaign),
        preference="a",
        strength=2,
        explanation="B **invents** a source.",
        clause="T1",
    )
    open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
    return campaign


def answered(call: Caller, campaign: Campaign, side: str = "", **headers: str) -> Any:
    """The answer to `side`, or to the expected one, of the next assignment."""
    item = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    side = side or Assignment.objects.get(public_id=item["id"]).side("a")
    return call.post(f"assignments/{item['id']}/judgment/", {"side": side}, **headers)


@pytest.fixture
def rater_of(call_as: Callable[..., Caller]) -> Callable[[Campaign], tuple[Seat, Caller]]:
    def make(campaign: Campaign) -> tuple[Seat, Caller]:
        seat = factories.rater(campaign)
        return seat, call_as(seat.rater.user, "rate")

    return make


@pytest.mark.parametrize(
    ("side", "nearness"), [("a", "right"), ("b", "other"), ("tie", "other"), ("both_bad", "other")]
)
def test_practice_is_told_the_expected_answer_as_its_rater_saw_the_sides(
    rater_of: Any, side: str, nearness: str
) -> None:
    campaign = school()
    campaign.schema = campaign.schema | {"both_bad": True}
    campaign.save()
    _, call = rater_of(campaign)
    item = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    dealt = Assignment.objects.get(public_id=item["id"])
    said = call.post(f"assignments/{item['id']}/judgment/", {"side": dealt.side(side)})
    assert said.status_code == 201
    assert said.json()["feedback"] == {
        "side": dealt.side("a"),
        "strength": 2,
        "nearness": nearness,
        "explanation": "B **invents** a source.",
        "clause": "T1",
    }
    again = call.post(f"assignments/{item['id']}/judgment/", {"side": dealt.side(side)})
    assert again.status_code == 200
    assert again.json()["feedback"] == said.json()["feedback"]


def test_a_replay_under_its_key_tells_it_again(rater_of: Any) -> None:
    campaign = school()
    _, call = rater_of(campaign)
    item = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    path, key = f"assignments/{item['id']}/judgment/", {"Idempotency-Key": "one"}
    first = call.post(path, {"side": "tie"}, **key)
    replayed = call.post(path, {"side": "tie"}, **key)
    assert replayed["Idempotent-Replayed"] == "true"
    assert replayed.json() == first.json()
    assert first.json()["feedback"]["clause"] == "T1"


def test_gold_and_slots_are_told_nothing_in_the_same_words(rater_of: Any) -> None:
    campaign = school(gold_rate=0.5)
    for _ in range(4):
        Gold.objects.create(
            comparison=factories.comparison(campaign), preference="a", explanation="zq-note"
        )
    factories.open_comparisons(campaign, 8)
    _, call = rater_of(campaign)
    assert answered(call, campaign).json()["feedback"] is not None
    keys = set()
    for _ in range(10):
        said = answered(call, campaign, "left")
        assert said.json()["feedback"] is None
        assert b"zq-note" not in said.content
        keys.add(tuple(said.json()))
    assert len(keys) == 1
    dealt = Judgment.objects.exclude(comparison__round__kind="qualification")
    assert {one.comparison.round_id is None for one in dealt} == {True, False}


def test_it_is_the_answerers_alone(rater_of: Any, call_as: Callable[..., Caller]) -> None:
    campaign = school()
    _, call = rater_of(campaign)
    _, other = rater_of(campaign)
    item = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    path = f"assignments/{item['id']}/judgment/"
    strangers = [
        other,
        call_as(factories.member(campaign, "researcher"), "rate"),
        call_as(factories.member(campaign, "manager"), "rate"),
        call_as(factories.user(), "rate"),
    ]
    for stranger in strangers:
        refused = stranger.post(path, {"side": "left"})
        assert refused.status_code == 404
        assert b"invents" not in refused.content
    call.post(path, {"side": "tie"})
    for stranger in strangers:
        assert stranger.post(path, {"side": "tie"}).status_code == 404
    # Another answer than the one that stands is refused, and told nothing either.
    conflict = call.post(path, {"side": "left"})
    assert conflict.status_code == 409
    assert b"invents" not in conflict.content


def test_a_known_answer_that_was_taken_away_is_told_no_more(rater_of: Any) -> None:
    campaign = school()
    _, call = rater_of(campaign)
    item = call.post(f"campaigns/{campaign.slug}/assignments/").json()
    Gold.objects.all().delete()
    said = call.post(f"assignments/{item['id']}/judgment/", {"side": "left"})
    assert said.status_code == 201
    assert said.json()["feedback"] is None
