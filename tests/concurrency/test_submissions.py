"""One assignment, one judgment: repeats, rivals, replays over the API (AS-02 to AS-04, BL-06)."""

import json
import uuid

import pytest

from labeling.models import Assignment, Judgment
from tests import factories
from tests.api.conftest import Caller
from tests.concurrency.crowd import at_once, check_queue

pytestmark = pytest.mark.django_db(transaction=True)

LEFT = {"side": "left", "rationale": "clearer"}
RIGHT = {"side": "right", "rationale": "shorter"}


@pytest.fixture
def campaign():
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 3)
    return campaign


@pytest.fixture
def token(campaign):
    return factories.token(factories.rater(campaign).rater.user, "rate")


@pytest.fixture
def path(campaign, token):
    answer = Caller(token).post(f"campaigns/{campaign.slug}/assignments/")
    assert answer.status_code == 201, answer.content
    return f"assignments/{answer.json()['id']}/judgment/"


def post(token, path, body, **headers):
    return lambda: Caller(token).post(path, body, **headers)


def test_one_key_fifty_times_is_one_judgment_and_one_answer(campaign, token, path):
    """AS-02, and AS-03: the same key with another answer is 422, and what is stored stays."""
    key = {"idempotency_key": str(uuid.uuid4())}
    answers = at_once([post(token, path, LEFT, **key)] * 10)
    for _ in range(4):
        answers += at_once([post(token, path, LEFT, **key)] * 10)
    assert {answer.status_code for answer in answers} <= {200, 201}
    assert all(answer.json() == answers[0].json() for answer in answers)
    assert [answer.status_code for answer in answers].count(201) >= 1
    assert all("Idempotent-Replayed" in answer.headers for answer in answers[10:])
    assert Judgment.objects.count() == 1

    other = Caller(token).post(path, RIGHT, **key)
    assert other.status_code == 422
    assert Judgment.objects.get().rationale == "clearer"
    check_queue(campaign, most=2)


def test_the_same_answer_without_a_key_is_one_judgment(campaign, token, path):
    answers = at_once([post(token, path, LEFT)] * 16)
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert len({answer.content for answer in answers}) == 1
    assert Judgment.objects.count() == 1
    check_queue(campaign, most=2)


def test_two_tabs_with_different_answers_store_one_and_say_which(campaign, token):
    """AS-04."""
    for _ in range(3):
        claimed = Caller(token).post(f"campaigns/{campaign.slug}/assignments/").json()
        path = f"assignments/{claimed['id']}/judgment/"
        answers = at_once(
            [post(token, path, body, idempotency_key=str(uuid.uuid4())) for body in (LEFT, RIGHT)]
        )
        won, lost = sorted(answers, key=lambda answer: answer.status_code)
        assert (won.status_code, lost.status_code) == (201, 409)
        assert f"“{won.json()['side']}” is stored" in lost.json()["detail"]
        judgment = Judgment.objects.get(assignment__public_id=claimed["id"])
        assert judgment.rationale == (LEFT if won.json()["side"] == "left" else RIGHT)["rationale"]
    check_queue(campaign, most=2)


def test_two_revisions_at_once_leave_one_standing_chain(campaign, token, path):
    first = Caller(token).post(path, LEFT).json()
    revise = f"judgments/{first['id']}/revise/"
    answers = at_once([post(token, revise, body) for body in [RIGHT, {"side": "tie"}] * 3])
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    assert Judgment.objects.standing().count() == 1
    assert not Judgment.objects.filter(supersedes=None).exclude(public_id=first["id"]).exists()
    check_queue(campaign)


def test_skip_and_submit_at_once_have_one_outcome(campaign, token):
    outcomes = set()
    for _ in range(3):
        claimed = Caller(token).post(f"campaigns/{campaign.slug}/assignments/").json()
        there = f"assignments/{claimed['id']}"
        judged, skipped = at_once(
            [post(token, f"{there}/judgment/", LEFT), post(token, f"{there}/skip/", {})]
        )
        assert (judged.status_code, skipped.status_code) in {(201, 409), (409, 204)}
        outcomes.add(Assignment.objects.get(public_id=claimed["id"]).outcome)
        check_queue(campaign, most=2)
    assert outcomes <= {"completed", "skipped"}


def test_a_rater_cannot_answer_what_they_do_not_hold(campaign, token, path):
    """BL-06: another's assignment, an open one and an unknown one look alike; nothing is stored."""
    other = factories.token(factories.rater(campaign).rater.user, "rate")
    nobodys = Assignment.objects.filter(rater=None).first()
    assert nobodys is not None
    answers = [
        Caller(other).post(each, LEFT)
        for each in (
            path,
            f"assignments/{nobodys.public_id}/judgment/",
            f"assignments/{uuid.uuid4()}/judgment/",
        )
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert not Judgment.objects.exists()


def test_an_ended_campaign_takes_no_answer_and_gives_no_lease(campaign, token, path):
    campaign.state = "archived"
    campaign.save()
    assert Caller(token).post(path, LEFT).status_code == 409
    assert Caller(token).post(f"campaigns/{campaign.slug}/assignments/").status_code == 204
    assert not Judgment.objects.exists()


def test_one_comparison_over_the_api_is_leased_as_often_as_its_overlap(campaign):
    """AS-01 through the door: the rest get 204, nobody an error."""
    alone = factories.campaign(overlap=3)
    factories.open_comparisons(alone, 1)
    tokens = [factories.token(factories.rater(alone).rater.user, "rate") for _ in range(20)]
    claims = at_once([post(each, f"campaigns/{alone.slug}/assignments/", {}) for each in tokens])
    assert sorted(answer.status_code for answer in claims) == [201] * 3 + [204] * 17
    shown = [json.loads(answer.content)["id"] for answer in claims if answer.status_code == 201]
    assert len(set(shown)) == 3
    check_queue(alone, most=3)
