"""Bodies that no writer of JSON should send: a 400 that says why, and nothing stored."""

import json

import pytest
from django.db import connection

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.raters import add_member
from labeling.models import (
    Campaign,
    Endpoint,
    GenerationRun,
    GuidelineVersion,
    Judgment,
    Membership,
    OrganisationMember,
    Round,
    Token,
)
from tests import factories

pytestmark = pytest.mark.django_db

HOSTILE = {
    "not JSON": b"{",
    "NaN": b'{"name": NaN}',
    "Infinity": b'{"name": Infinity}',
    "infinite": b'{"name": 1e400}',
    "infinite in a field that takes anything": b'{"name": "a", "schema": {"scale": -1e400}}',
    "twin keys": b'{"name": "a", "name": "b"}',
    "escaped NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"na\\u0000me": "a"}',
    "lone surrogate": b'{"name": "\\ud800"}',
    "invalid UTF-8": b'{"name": "\xff"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "too deep": b"[" * 100_000,
    "a million digits": b'{"overlap": ' + b"9" * 1_000_000 + b"}",
    "a list": b"[1, 2]",
    "a string": b'"name"',
    "null": b"null",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_body_that_cannot_be_read_is_the_callers_problem(call_as, body):
    person = factories.user(of=factories.organisation(), role="manager")
    answer = call_as(person, "write")("POST", "campaigns/", body)
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    assert not Campaign.objects.exists()


# What each address that writes would take, and nothing else.
WRITES = {
    "campaigns/": {"name": "Other"},
    "campaigns/tone/": {"overlap": 2},
    "campaigns/tone/rounds/": {"overlap": 2},
    "campaigns/tone/guidelines/": {"body": "## T1 Truth"},
    "campaigns/tone/raters/": {"username": "ada"},
    "campaigns/tone/generations/": {"endpoints": ["demo-terse"], "completions_per_prompt": 2},
    "endpoints/": {"name": "larch", "base_url": "https://llm.example.org/v1", "model": "m"},
    "tokens/": {"scopes": ["write"]},
    "assignments/{held}/skip/": {"reason": "not my field"},
}


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("field", ["overlapp", "campaign", "id", "created_at", "is_demo"])
def test_a_field_that_cannot_be_set_is_refused_by_name_and_nothing_is_done(call_as, path, field):
    campaign = factories.campaign(slug="tone")
    factories.open_comparisons(campaign, 1)
    factories.comparison(campaign)
    person = factories.rater(campaign, "ada").rater.user
    add_member(campaign=campaign, user=person, role="manager", by=None)
    OrganisationMember.objects.filter(user=person).update(role="manager")
    call = call_as(person, "admin")
    held = call.post("campaigns/tone/assignments/").json()["id"]
    rows = (Campaign, Round, GuidelineVersion, Membership, GenerationRun, Endpoint, Token)
    before = [list(model.objects.order_by("pk").values("pk")) for model in rows]
    verb = "PATCH" if path == "campaigns/tone/" else "POST"
    answer = call(verb, path.format(held=held), WRITES[path] | {field: "x"})
    assert answer.status_code == 400, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert [list(model.objects.order_by("pk").values("pk")) for model in rows] == before
    assert Campaign.objects.get().overlap == 1
    assert call.post("campaigns/tone/assignments/").json()["id"] == held


def test_a_body_over_the_limit_is_refused_as_too_large(call_as):
    person = factories.user(of=factories.organisation(), role="manager")
    body = json.dumps({"name": "x" * 3_000_000}).encode()
    assert call_as(person, "write")("POST", "campaigns/", body).status_code == 413


def test_an_address_the_api_does_not_have_is_a_problem_document(call_as):
    for path in ("nowhere/", "campaigns/a/b/c/", "campaigns"):
        answer = call_as().get(path)
        assert answer.status_code in {404, 401}
        assert answer["Content-Type"] == "application/problem+json"


def test_a_forgotten_slash_is_named(call_as):
    person = factories.user(of=factories.organisation(), role="manager")
    call = call_as(person, "write")
    for answer in (call.get("campaigns"), call.post("campaigns", {"name": "Tone"})):
        assert answer.status_code == 404
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["detail"] == "Addresses end in a slash: /api/v1/campaigns/"
    for path in ("nowhere", "campaigns//", "campaigns/a/b", "%0A"):
        assert "slash" not in call.get(path).content.decode()
    assert not Campaign.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_mistake_of_ours_is_a_problem_document_too(call_as, caplog):
    campaign = factories.campaign()
    call = call_as(factories.member(campaign, "manager"), "write")
    call.client.raise_request_exception = False
    # A real fault: a column that a migration forgot.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE labeling_guidelineversion RENAME body TO mislaid")
        try:
            answer = call.get(f"campaigns/{campaign.slug}/guidelines/")
        finally:
            cursor.execute("ALTER TABLE labeling_guidelineversion RENAME mislaid TO body")
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == 500
    assert "guidelineversion" not in answer.content.decode()
    assert "logged" in answer.json()["detail"]
    assert "UndefinedColumn" in caplog.text


@pytest.mark.parametrize("path", ["campaigns/", "nowhere/"])
def test_a_host_that_is_not_ours_is_told_so_in_a_problem_document(client, path):
    answer = client.get(f"/api/v1/{path}", headers={"host": "elsewhere.example"})
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"]
    page = client.get("/login/", headers={"host": "elsewhere.example"})
    assert page.status_code == 400
    assert page["Content-Type"].startswith("text/html")


def test_a_method_that_is_not_there_is_a_problem_document(call_as):
    person = factories.user(of=factories.organisation())
    answer = call_as(person, "admin")("DELETE", "campaigns/")
    assert answer.status_code in {403, 405}
    assert answer["Content-Type"] == "application/problem+json"


def test_other_content_types_are_refused(call_as):
    person = factories.user(of=factories.organisation(), role="manager")
    call = call_as(person, "write")
    answer = call.client.post(
        "/api/v1/campaigns/", data="name=a", content_type="application/x-www-form-urlencoded"
    )
    assert answer.status_code == 415


def test_an_infinite_number_is_neither_measured_nor_set(call_as):
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    held = rate.post(f"campaigns/{campaign.slug}/assignments/").json()["id"]
    body = b'{"side": "left", "client": {"active_ms": 1e400}}'
    assert rate("POST", f"assignments/{held}/judgment/", body).status_code == 400
    assert not Judgment.objects.exists()
    manage = call_as(factories.user(of=campaign.organisation, role="manager"), "write")
    endpoint = ensure_demo_endpoint(organisation=campaign.organisation)
    body = b'{"sampling": {"temperature": 1e400}}'
    assert manage("PATCH", f"endpoints/{endpoint.public_id}/", body).status_code == 400
