"""Bodies that no writer of JSON should send: a 400 that says why, and nothing stored."""

import json

import pytest

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.models import Campaign, Judgment
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


def test_a_body_over_the_limit_is_refused_as_too_large(call_as):
    person = factories.user(of=factories.organisation(), role="manager")
    body = json.dumps({"name": "x" * 3_000_000}).encode()
    assert call_as(person, "write")("POST", "campaigns/", body).status_code == 413


def test_an_address_the_api_does_not_have_is_a_problem_document(call_as):
    for path in ("nowhere/", "campaigns/a/b/c/", "campaigns"):
        answer = call_as().get(path)
        assert answer.status_code in {404, 401}
        assert answer["Content-Type"] == "application/problem+json"


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
