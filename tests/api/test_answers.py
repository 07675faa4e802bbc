"""What a campaign may ask beside the verdict, answered by API."""

import pytest

from labeling.actions.guidelines import publish_guidelines
from labeling.models import Judgment
from tests import factories

pytestmark = pytest.mark.django_db

SCHEMA = {
    "scale": 7,
    "edit_winner": True,
    "steps": True,
    "clauses": True,
    "absolute_quality": True,
}
GOOD = {
    "side": "left",
    "strength": 2,
    "quality": {"left": 5, "right": 3},
    "steps": {"left": ["ok"], "right": ["wrong"]},
    "clauses": ["T1"],
    "edited": {"side": "left", "text": "Better still."},
    "flags": ["unsafe"],
}


@pytest.fixture
def campaign():
    campaign = factories.campaign(schema=SCHEMA)
    factories.open_comparisons(campaign, 2)
    publish_guidelines(campaign=campaign, body="## T1 Truth", by=None)
    return campaign


@pytest.fixture
def rate(call_as, campaign):
    return call_as(factories.rater(campaign).rater.user, "rate")


@pytest.fixture
def held(rate, campaign):
    return rate.post(f"campaigns/{campaign.slug}/assignments/").json()


def test_a_claim_brings_the_steps_that_are_to_be_marked(held):
    for side in ("left", "right"):
        assert held[side]["steps"] == [held[side]["messages"][0]["content"]]


def test_a_whole_answer_is_stored_and_its_repeat_is_the_same(rate, held):
    path = f"assignments/{held['id']}/judgment/"
    assert rate.post(path, GOOD).status_code == 201
    assert rate.post(path, GOOD).status_code == 200
    judgment = Judgment.objects.get()
    assert judgment.assignment.preference("left") == judgment.edited["side"]
    assert judgment.clauses == ["T1"]
    assert judgment.flags == ["unsafe"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"quality": {"left": 5}}, "quality.right"),
        ({"steps": {"left": ["ok", "ok"], "right": ["ok"]}}, "steps.left"),
        ({"steps": {"left": ["ok"]}}, "steps.right.1"),
        ({"clauses": ["Z9"]}, "clauses"),
        ({"edited": {"side": "right", "text": "x"}}, "edited"),
    ],
)
def test_what_does_not_fit_is_refused_by_field(rate, held, changes, field):
    answer = rate.post(f"assignments/{held['id']}/judgment/", GOOD | changes)
    assert answer.status_code == 400
    assert [problem["field"] for problem in answer.json()["errors"]] == [field]
    assert not Judgment.objects.exists()
