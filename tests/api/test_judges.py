"""`…/judges/`: made, asked, changed and ended by those who manage, and unknown to all others."""

import json
from uuid import uuid4

import pytest

from labeling.models import Judge, OrganisationMember
from tests import factories, llm_server
from tests.judging.asking import drain, endpoint, fine, judge
from tests.judging.playing import better, plays

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        settings.EGRESS_ALLOW = [running.host]
        running.answer = plays(better)
        yield running


@pytest.fixture
def campaign():
    return factories.campaign(schema={"scale": 7})


def as_(client, person, *scopes):
    text = factories.token(person, *(scopes or ("write",)))

    def send(verb, path, body=None, **headers):
        answer = client.generic(
            verb,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"authorization": f"Bearer {text}", **headers},
        )
        return answer.status_code, answer.json() if answer.content else None

    return send


def test_from_an_endpoint_to_judgments(client, server, campaign):
    larch = endpoint(server, campaign.organisation, price={"input_per_million": 2})
    pairs = fine(campaign, 2)
    send = as_(client, factories.member(campaign, "manager"))
    url = f"/api/v1/campaigns/{campaign.slug}/judges/"
    wanted = {
        "name": "oak",
        "endpoint": "larch",
        "rubric": "Mind the tone.",
        "persona": {"age": "60 and over"},
        "share": 1,
        "both_orders": True,
        "budget_calls": 100,
        "budget_cost": "2.5",
    }
    status, made = send("POST", url, wanted, **{"idempotency-key": "one"})
    assert status == 201
    assert send("POST", url, wanted, **{"idempotency-key": "one"}) == (201, made)
    assert (made["state"], made["rubric"], made["persona"]) == (
        "active",
        "Mind the tone.",
        {"age": "60 and over"},
    )
    assert made["endpoint"] == {
        "id": str(larch.public_id),
        "name": "larch",
        "model": "served",
        "is_demo": False,
        "is_enabled": True,
    }
    assert (made["budget_calls"], made["budget_cost"], made["call_count"]) == (
        100,
        "2.500000",
        0,
    )
    assert send("POST", url, wanted)[0] == 409

    at = f"{url}{made['id']}/"
    assert send("POST", f"{at}ask/", {"round": 77})[0] == 400
    status, asked = send("POST", f"{at}ask/", {"round": 1})
    assert (status, asked["asked"]) == (202, {"calls": 4, "comparisons": 2})
    assert asked["progress"]["counts"]["waiting"] == 4
    drain(Judge.objects.get())
    status, told = send("GET", at)
    assert status == 200
    assert told["progress"] == {
        "done": 4,
        "total": 4,
        "counts": {"waiting": 0, "leased": 0, "answered": 4, "failed": 0, "cancelled": 0},
        "comparisons": 2,
        "inconsistent": 0,
        "cap_problem": "",
    }
    assert (told["call_count"], told["cost"], told["problems"]) == (4, "0.000024", [])
    status, listed = send("GET", url)
    assert listed["results"] == [told]
    status, rows = send("GET", f"/api/v1/campaigns/{campaign.slug}/judgments/")
    assert {row["comparison_id"] for row in rows["results"]} == {str(p.public_id) for p in pairs}
    assert {(row["rater_kind"], row["preference"]) for row in rows["results"]} == {("judge", "b")}
    assert {row["rater"] for row in rows["results"]} == {told["rater"]}


def test_change_pause_resume_and_retire(client, server, campaign):
    one = judge(campaign, server)
    send = as_(client, factories.member(campaign, "manager"))
    at = f"/api/v1/campaigns/{campaign.slug}/judges/{one.public_id}/"
    status, changed = send("PATCH", at, {"samples": 3, "name": "elm", "budget_calls": None})
    assert (status, changed["samples"], changed["name"]) == (200, 3, "elm")
    for body in ({"share": 0}, {"samples": 99}, {"colour": "red"}, {"endpoint": "nowhere"}):
        assert send("PATCH", at, body)[0] == 400
    for verb, state in (("pause", "paused"), ("resume", "active"), ("retire", "retired")):
        status, told = send("POST", f"{at}{verb}/")
        assert (status, told["state"]) == (200, state)
    assert send("POST", f"{at}ask/", {})[0] == 409
    assert send("DELETE", at)[0] in (403, 405)


def test_problems_are_told_by_kind(client, server, campaign):
    server.answer = llm_server.says(llm_server.completion("[[A]]"))
    fine(campaign, 1)
    one = judge(campaign, server)
    send = as_(client, factories.member(campaign, "manager"))
    at = f"/api/v1/campaigns/{campaign.slug}/judges/{one.public_id}/"
    send("POST", f"{at}ask/", {})
    drain(one)
    (problem,) = send("GET", at)[1]["problems"]
    assert (problem["kind"], problem["count"], problem["is_retried"]) == ("malformed", 2, False)
    assert problem["message"]


def test_a_reader_looks_and_changes_nothing(client, server, campaign):
    one = judge(campaign, server)
    send = as_(client, factories.member(campaign, "researcher"), "admin")
    url = f"/api/v1/campaigns/{campaign.slug}/judges/"
    assert send("GET", url)[0] == 200
    for verb in ("ask", "pause", "resume", "retire"):
        assert send("POST", f"{url}{one.public_id}/{verb}/", {})[0] in (403, 404)
    assert send("POST", url, {"name": "x", "endpoint": "larch"})[0] in (403, 404)
    assert send("PATCH", f"{url}{one.public_id}/", {"name": "x"})[0] in (403, 404)
    one.refresh_from_db()
    assert (one.name, one.state) == ("oak", "active")


def test_to_raters_and_strangers_there_is_no_judge(client, server, campaign):
    fine(campaign, 1)
    one = judge(campaign, server, "zq-canary-judge", rubric="zq-canary-rubric")
    elsewhere = factories.member(factories.campaign(), "manager")
    OrganisationMember.objects.filter(user=elsewhere).update(role="manager")
    for person in (factories.rater(campaign).rater.user, elsewhere):
        send = as_(client, person, "admin")
        url = f"/api/v1/campaigns/{campaign.slug}/judges/"
        for verb, path in (
            ("GET", url),
            ("POST", url),
            ("GET", f"{url}{one.public_id}/"),
            ("PATCH", f"{url}{one.public_id}/"),
            *(("POST", f"{url}{one.public_id}/{v}/") for v in ("ask", "pause", "retire")),
        ):
            there = send(verb, path, {} if verb != "GET" else None)
            none = send(
                verb,
                path.replace(str(one.public_id), str(uuid4())),
                {} if verb != "GET" else None,
            )
            assert there[0] == none[0] in (403, 404)
            assert "zq-canary" not in json.dumps(there)


def test_a_list_of_judges_costs_the_same_however_many_there_are(
    client, server, campaign, django_assert_max_num_queries
):
    send = as_(client, factories.member(campaign, "manager"), "read")
    for number in range(12):
        judge(campaign, server, f"judge-{number}")
    with django_assert_max_num_queries(12):
        assert len(send("GET", f"/api/v1/campaigns/{campaign.slug}/judges/")[1]["results"]) == 12
