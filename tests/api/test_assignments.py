"""Claim, answer, skip, hold, revise by API: what is shown, what is refused, what stands."""

import json
import uuid

import pytest

from labeling.models import Assignment, AuditEvent, Judgment
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    campaign = factories.campaign(
        schema={
            "scale": 7,
            "both_bad": True,
            "criteria": [{"key": "helpful", "label": "Helpful"}],
            "rationale": "optional",
        }
    )
    factories.open_comparisons(campaign, 3)
    return campaign


@pytest.fixture
def rate(call_as, campaign):
    return call_as(factories.rater(campaign).rater.user, "rate")


def claim(rate, campaign):
    answer = rate.post(f"campaigns/{campaign.slug}/assignments/")
    assert answer.status_code == 201, answer.content
    return answer.json()


GOOD = {"side": "left", "strength": 2, "criteria": {"helpful": "left"}, "rationale": "clearer"}


def test_a_claim_shows_two_sides_and_no_model(rate, campaign):
    shown = claim(rate, campaign)
    assert set(shown) == {
        "id",
        "expires_at",
        "prompt",
        "left",
        "right",
        "presentation",
        "schema",
        "images",
    }
    said = json.dumps(shown)
    assert "model-one" not in said
    assert "model-two" not in said
    texts = {shown[side]["messages"][0]["content"].split(" to ")[0] for side in ("left", "right")}
    assert texts == {"Answer one", "Answer two"}


def test_a_second_claim_is_the_same_assignment(rate, campaign):
    assert claim(rate, campaign)["id"] == claim(rate, campaign)["id"]


def test_the_side_is_stored_as_the_completion_that_stood_there(rate, campaign):
    shown = claim(rate, campaign)
    answer = rate.post(f"assignments/{shown['id']}/judgment/", GOOD)
    assert answer.status_code == 201, answer.content
    judgment = Judgment.objects.get()
    assignment = Assignment.objects.get(public_id=shown["id"])
    chosen = (
        judgment.comparison.completion_a
        if judgment.preference == "a"
        else judgment.comparison.completion_b
    )
    assert chosen.messages == shown["left"]["messages"]
    assert judgment.criteria == {"helpful": judgment.preference}
    assert (judgment.shown_left == "a") == assignment.a_on_left
    assert judgment.strength == 2
    assert answer.json()["side"] == "left"


def test_the_same_again_is_the_first_and_another_is_a_conflict(rate, campaign):
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    first, again, other, nonsense = (
        rate.post(path, body)
        for body in (GOOD, GOOD, GOOD | {"side": "right"}, GOOD | {"side": "middle"})
    )
    assert [a.status_code for a in (first, again, other, nonsense)] == [201, 200, 409, 400]
    assert first.json() == again.json()
    assert Judgment.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"side": "middle"}, "answer.side"),
        ({"strength": 4}, "answer.strength"),
        ({"strength": 0}, "strength"),
        ({"side": "tie", "strength": 1}, "strength"),
        ({"criteria": {}}, "criteria.helpful"),
        ({"criteria": {"helpful": "left", "kind": "left"}}, "criteria.kind"),
        ({"edited": {"side": "left", "text": "x"}}, "edited"),
        ({"clauses": ["T1"]}, "clauses"),
        ({"model": "zq-canary"}, "answer"),
        ({"rater": "someone"}, "answer"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "answer"),
        ({"swapped": True}, "answer"),
        ({"completion_id": "x"}, "answer"),
        ({"winner_model": "x"}, "answer"),
    ],
)
def test_an_answer_the_campaign_did_not_ask_for_is_refused(rate, campaign, wrong, field):
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    answer = rate.post(path, GOOD | wrong)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not Judgment.objects.exists()


def test_a_scale_of_two_has_no_tie_unless_asked(call_as):
    campaign = factories.campaign(schema={"scale": 2, "tie": False, "both_bad": False})
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    for side in ("tie", "both_bad"):
        assert rate.post(path, {"side": side}).status_code == 400
    assert rate.post(path, {"side": "right", "strength": 2}).status_code == 400
    assert rate.post(path, {"side": "right"}).status_code == 201


def test_a_required_rationale_is_asked_for(call_as):
    schema = {"scale": 2, "rationale": "required", "min_rationale_chars": 10}
    campaign = factories.campaign(schema=schema)
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    assert rate.post(path, {"side": "left", "rationale": "short"}).status_code == 400
    assert rate.post(path, {"side": "left", "rationale": "long enough, this"}).status_code == 201


def test_nothing_left_is_204(call_as):
    campaign = factories.campaign()
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    assert rate.post(f"campaigns/{campaign.slug}/assignments/").status_code == 204


@pytest.mark.parametrize("state", ["draft", "paused", "completed"])
def test_a_campaign_that_is_not_active_gives_no_lease(call_as, campaign, state):
    campaign.state = state
    campaign.save()
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    assert rate.post(f"campaigns/{campaign.slug}/assignments/").status_code == 204


def test_a_lease_taken_before_the_pause_may_be_answered(rate, campaign):
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    campaign.state = "paused"
    campaign.save()
    assert rate.post(path, GOOD).status_code == 201


def test_what_is_not_yours_does_not_exist(call_as, rate, campaign):
    theirs = claim(rate, campaign)["id"]
    stranger = call_as(factories.rater(factories.campaign()).rater.user, "rate")
    colleague = call_as(factories.rater(campaign).rater.user, "rate")
    nowhere = uuid.uuid4()
    for who in (stranger, colleague):
        answers = [
            who.post(f"assignments/{which}/{verb}/", GOOD if verb == "judgment" else None)
            for which in (theirs, nowhere)
            for verb in ("judgment", "skip", "heartbeat")
        ]
        assert {a.status_code for a in answers} == {404}
        assert len({a.content for a in answers}) == 1
    assert not Judgment.objects.exists()
    # Each attempt has left a trace: who, and at what.
    refused = AuditEvent.objects.filter(verb="judgment.refused")
    assert refused.count() == 12
    assert {event.subject for event in refused} == {uuid.UUID(theirs), nowhere}


def test_a_manager_who_is_not_a_rater_cannot_claim(call_as, campaign):
    call = call_as(factories.member(campaign, "manager"), "admin")
    assert call.post(f"campaigns/{campaign.slug}/assignments/").status_code == 404


def test_a_skipped_comparison_goes_to_another_and_never_comes_back(call_as):
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    one, two = (call_as(factories.rater(campaign).rater.user, "rate") for _ in range(2))
    first = claim(one, campaign)
    for _ in range(2):
        skipped = one.post(f"assignments/{first['id']}/skip/", {"reason": "not my field"})
        assert skipped.status_code == 204
    assert one.post(f"campaigns/{campaign.slug}/assignments/").status_code == 204
    assert claim(two, campaign)["id"] != first["id"]


def test_a_heartbeat_keeps_the_lease(rate, campaign):
    claimed = claim(rate, campaign)
    answer = rate.post(f"assignments/{claimed['id']}/heartbeat/")
    assert answer.status_code == 200
    assert answer.json()["expires_at"] >= claimed["expires_at"]


def test_a_revision_supersedes_and_history_keeps_both(call_as, rate, campaign):
    claimed = claim(rate, campaign)
    first = rate.post(f"assignments/{claimed['id']}/judgment/", GOOD).json()
    changed = GOOD | {"side": "tie", "strength": 0}
    for status in (201, 200):
        answer = rate.post(f"judgments/{first['id']}/revise/", changed)
        assert answer.status_code == status, answer.content
    reader = call_as(factories.member(campaign, "researcher"), "read")
    path = f"campaigns/{campaign.slug}/judgments/"
    (standing,) = reader.get(path).json()["results"]
    assert standing["preference"] == "tie"
    assert standing["strength"] == standing["score"] == 0
    old, new = reader.get(f"{path}?history=1").json()["results"]
    assert old["superseded_by"] == new["judgment_id"] == standing["judgment_id"]


def test_an_answer_that_was_revised_since_is_told_what_stands(call_as):
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    path = f"assignments/{claim(rate, campaign)['id']}/judgment/"
    left, right = {"side": "left"}, {"side": "right"}
    first = rate.post(path, left).json()
    second = rate.post(f"judgments/{first['id']}/revise/", right).json()
    stale = rate.post(path, left)
    assert stale.status_code == 409
    assert "“right” is stored" in stale.json()["detail"]
    again = rate.post(path, right)
    assert (again.status_code, again.json()) == (200, second | {"feedback": None})
    # Back to the first answer by a revision: then it stands, in a row of its own.
    third = rate.post(f"judgments/{second['id']}/revise/", left).json()
    again = rate.post(path, left)
    assert (again.status_code, again.json()) == (200, third | {"feedback": None})
    assert rate.post(path, right).status_code == 409
    assert Judgment.objects.count() == 3


def test_a_page_of_judgments_goes_on_after_one_that_was_superseded(call_as, rate, campaign):
    said = [
        rate.post(f"assignments/{claim(rate, campaign)['id']}/judgment/", GOOD).json()["id"]
        for _ in range(3)
    ]
    reader = call_as(factories.member(campaign, "researcher"), "read")
    page = reader.get(f"campaigns/{campaign.slug}/judgments/?page_size=1").json()
    assert [row["judgment_id"] for row in page["results"]] == said[:1]
    assert rate.post(f"judgments/{said[0]}/revise/", GOOD | {"side": "right"}).status_code == 201
    rest = reader.get(page["next"].replace("page_size=1", "page_size=5")).json()
    assert [row["judgment_id"] for row in rest["results"]][:2] == said[1:]
    assert len(rest["results"]) == 3


def test_the_time_for_revising_ends(rate, campaign):
    first = rate.post(f"assignments/{claim(rate, campaign)['id']}/judgment/", GOOD).json()
    campaign.revise_seconds = 0
    campaign.save()
    answer = rate.post(f"judgments/{first['id']}/revise/", GOOD | {"side": "right"})
    assert answer.status_code == 409
    assert Judgment.objects.count() == 1


def test_nobody_revises_the_judgment_of_another(call_as, rate, campaign):
    first = rate.post(f"assignments/{claim(rate, campaign)['id']}/judgment/", GOOD).json()
    colleague = call_as(factories.rater(campaign).rater.user, "rate")
    answer = colleague.post(f"judgments/{first['id']}/revise/", GOOD | {"side": "right"})
    assert answer.status_code == 404
    assert Judgment.objects.count() == 1
    assert str(AuditEvent.objects.get(verb="judgment.refused").subject) == first["id"]


def test_a_judgment_carries_the_guideline_version_it_was_made_under(call_as, rate, campaign):
    manager = call_as(factories.member(campaign, "manager"), "write")
    path = f"campaigns/{campaign.slug}/guidelines/"
    for body in ("## T1 Truth\nSay it.", "## T1 Truth\nSay it well."):
        assert manager.post(path, {"body": body}).status_code == 201
    rate.post(f"assignments/{claim(rate, campaign)['id']}/judgment/", GOOD)
    assert Judgment.objects.get().guideline_version.number == 2
    assert manager.get(f"{path}2/").json()["clauses"] == [{"id": "T1", "title": "Truth"}]
    assert "+Say it well." in manager.get(f"{path}diff/?from=1&to=2").json()["diff"]
