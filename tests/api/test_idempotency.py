"""An Idempotency-Key, on each address that makes something: once made, and answered the same."""

from typing import Any

import pytest

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.jobs import cancel_job
from labeling.models import (
    Campaign,
    Endpoint,
    GenerationRun,
    GuidelineVersion,
    Job,
    Judgment,
    Membership,
    Round,
)
from tests import factories

pytestmark = pytest.mark.django_db

ENDPOINT = {"name": "larch", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
MAKING: dict[str, tuple[dict[str, Any], type[Any]]] = {
    "campaigns/": ({"name": "Other"}, Campaign),
    "endpoints/": (ENDPOINT, Endpoint),
    "campaigns/tone/rounds/": ({"overlap": 2}, Round),
    "campaigns/tone/guidelines/": ({"body": "## T1 Truth"}, GuidelineVersion),
    "campaigns/tone/raters/": ({"username": "ada"}, Membership),
    "campaigns/tone/generations/": ({"endpoints": ["demo"]}, GenerationRun),
    "campaigns/tone/report/": ({}, Job),
}


@pytest.mark.parametrize("path", MAKING)
def test_the_same_request_with_its_key_makes_one_thing(call_as, settings, path):
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    body, model = MAKING[path]
    organisation = factories.organisation()
    manager = factories.user(of=organisation, role="manager")
    campaign = factories.campaign(of=organisation, by=manager, slug="tone")
    factories.user("ada", of=organisation)
    factories.comparison(campaign)
    demo = ensure_demo_endpoint(organisation=organisation)
    body = {"endpoints": [demo.name], "completions_per_prompt": 2} if "endpoints" in body else body
    call = call_as(manager, "write")
    before = model.objects.count()
    first = call.post(path, body, **{"Idempotency-Key": "k"})
    assert first.status_code in {201, 202}, first.content
    for job in Job.objects.all():
        # One that waits would be given to everybody who asks for the same.
        cancel_job(job=job, by=manager)
    again = call.post(path, body, **{"Idempotency-Key": "k"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again["Idempotent-Replayed"] == "true"
    assert model.objects.count() == before + 1
    other = call.post(path, body | {"else": 1}, **{"Idempotency-Key": "k"})
    assert other.status_code in {400, 422}  # an unknown field may be met first


def test_a_judgment_and_its_revision_are_answered_the_same_whatever_came_after(call_as):
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    held = rate.post(f"campaigns/{campaign.slug}/assignments/").json()["id"]
    path = f"assignments/{held}/judgment/"
    first = rate.post(path, {"side": "left"}, **{"Idempotency-Key": "k1"})
    revise = f"judgments/{first.json()['id']}/revise/"
    second = rate.post(revise, {"side": "right"}, **{"Idempotency-Key": "k2"})
    assert (first.status_code, second.status_code) == (201, 201)
    for again, like in (
        (rate.post(path, {"side": "left"}, **{"Idempotency-Key": "k1"}), first),
        (rate.post(revise, {"side": "right"}, **{"Idempotency-Key": "k2"}), second),
    ):
        assert again.json() == like.json()
        assert again["Idempotent-Replayed"] == "true"
    assert Judgment.objects.count() == 2
