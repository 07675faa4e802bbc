"""`…/generations/`: from a POST to comparisons in front of raters."""

import json

import pytest

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.models import Comparison, GenerationRun
from tests import factories, generating, llm_server
from tests.generating import KEY, campaign_with_prompts, drain, endpoint
from tests.llm_server import completion, says
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        generating.opened(settings, running)
        yield running


@pytest.fixture
def campaign():
    return campaign_with_prompts(2)


@pytest.fixture
def path(campaign):
    return f"campaigns/{campaign.slug}/generations/"


@pytest.fixture
def call(campaign, call_as):
    return call_as(factories.member(campaign, "manager"), "write")


def work() -> GenerationRun:
    """What workers do once the bells have rung."""
    run = GenerationRun.objects.latest("pk")
    run_generation(run.job_id)
    return drain(run)


def test_a_post_leads_to_an_open_round(server, call, campaign, path, call_as):
    larch = endpoint(server, campaign.organisation, "larch")
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    asked = call.post(
        path,
        {
            "endpoints": ["larch", str(demo.public_id)],
            "completions_per_prompt": 1,
            "pairing": "all",
        },
    )
    assert asked.status_code == 202, asked.content
    job = asked.json()
    assert (job["kind"], job["status"]) == ("generation", "queued")
    work()
    told = call.get(f"jobs/{job['id']}/").json()
    assert (told["status"], told["progress"]) == ("succeeded", {"done": 4, "total": 4})
    assert told["result"]["comparisons"] == 2
    (run,) = call.get(path).json()["results"]
    assert run["id"] == job["generation"] == told["result"]["generation"]
    assert (run["state"], run["job"], run["round"]) == ("finished", job["id"], 1)
    assert run["progress"] == {"done": 4, "total": 4}
    assert [(e["name"], e["is_demo"], e["counts"]["filled"]) for e in run["endpoints"]] == [
        ("larch", False, 2),
        ("demo", True, 2),
    ]
    assert run["endpoints"][0]["id"] == str(larch.public_id)
    assert run["problems"] == []
    watched = call.get(f"{path}{run['id']}/").json()
    figures = watched.pop("figures")
    assert watched == run
    assert [one["position"] for one in figures["models"]] == [0, 1]
    assert figures["models"][0]["seconds_left"] == 0
    rows = call.get(f"campaigns/{campaign.slug}/comparisons/").json()["results"]
    assert {(row["model_a"], row["model_b"], row["round"]) for row in rows} <= {
        ("larch", "demo", 1),
        ("demo", "larch", 1),
    }
    seat = factories.rater(campaign)
    claimed = call_as(seat.rater.user, "rate").post(f"campaigns/{campaign.slug}/assignments/")
    assert claimed.status_code == 201
    for word in ("larch", "demo-", "served", "finish_reason"):
        assert word not in claimed.content.decode()


def test_errors_are_told_by_endpoint_and_kind_without_secrets(server, call, campaign, path):
    endpoint(server, campaign.organisation, "larch", limits={"max_attempts": 1})
    server.answer = says({"error": {"message": f"bad key Bearer {KEY}, try sk-other1234"}}, 400)
    call.post(path, {"endpoints": ["larch"], "completions_per_prompt": 2})
    work()
    answer = call.get(path)
    (problem,) = answer.json()["results"][0]["problems"]
    assert (problem["endpoint"], problem["kind"], problem["count"]) == ("larch", "refused", 4)
    assert problem["message"].startswith("HTTP 400")
    job = call.get(f"jobs/{answer.json()['results'][0]['job']}/")
    assert job.json()["status"] == "failed"
    for body in (answer.content.decode(), job.content.decode()):
        assert KEY not in body
        assert "sk-other1234" not in body


def test_a_run_is_paused_resumed_cancelled_and_taken_up_again(server, call, campaign, path):
    endpoint(server, campaign.organisation, "larch")
    body = {"endpoints": ["larch"], "completions_per_prompt": 2}
    run = f"{path}{call.post(path, body).json()['generation']}/"
    assert call.post(path, body).status_code == 409
    assert call.post(f"{run}pause/").json()["state"] == "paused"
    work()
    assert not server.calls
    assert call.post(f"{run}resume/").json()["state"] == "running"
    assert call.post(f"{run}retry/").status_code == 409
    cancelled = call.post(f"{run}cancel/").json()
    assert (cancelled["state"], cancelled["progress"]) == ("cancelled", {"done": 4, "total": 4})
    assert call.post(f"{run}cancel/").status_code == 200
    assert call.post(f"{run}resume/").status_code == 409
    assert call.post(path, body).status_code == 202
    assert work().state == "finished"


def test_what_failed_is_retried_under_a_new_job(server, call, campaign, path):
    endpoint(server, campaign.organisation, "larch")
    server.answer = says({"error": {"message": "no"}}, 400)
    first = call.post(path, {"endpoints": ["larch"], "completions_per_prompt": 2}).json()
    work()
    numbers = iter(range(100))
    server.answer = lambda handler, body: handler.send_json(completion(f"Text {next(numbers)}"))
    retried = call.post(f"{path}{first['generation']}/retry/")
    assert retried.status_code == 202
    assert retried.json()["generation"] == first["generation"]
    assert retried.json()["id"] != first["id"]
    work()
    assert call.get(f"jobs/{retried.json()['id']}/").json()["status"] == "succeeded"
    assert call.get(f"jobs/{first['id']}/").json()["status"] == "failed"
    assert Comparison.objects.filter(campaign=campaign).count() == 2


def test_a_dry_run_answers_with_an_estimate_and_starts_nothing(server, call, campaign, path):
    endpoint(server, campaign.organisation, "larch", price={"output_per_million": 2.5})
    body = {"variants": [{"endpoint": "larch"}], "completions_per_prompt": 3, "budget_calls": 2}
    told = call.post(f"{path}?dry_run=1", body)
    assert told.status_code == 200, told.content
    said = told.json()
    assert (said["prompts"], said["completions"], said["is_over_budget"]) == (2, 6, True)
    assert said["cost"]["low"] < said["cost"]["expected"] < said["cost"]["high"]
    assert not GenerationRun.objects.exists()
    assert call.post(f"{path}?dry_run=2", body).status_code == 400


def test_a_budget_is_changed_and_one_model_paused(server, call, campaign, path):
    numbers = iter(range(100))
    server.answer = lambda handler, body: handler.send_json(completion(f"Text {next(numbers)}"))
    endpoint(server, campaign.organisation, "larch")
    hot = {"endpoint": "larch", "name": "hot", "sampling": {"temperature": 2}}
    asked = {"endpoints": ["larch"], "variants": [hot], "budget_calls": 1}
    started = call.post(path, asked)
    assert started.status_code == 202, started.content
    one = f"{path}{started.json()['generation']}/"
    work()
    shown = call.get(one).json()
    assert (shown["state"], shown["call_count"], shown["budget_calls"]) == ("budget", 1, 1)
    assert call.post(f"{one}resume/").status_code == 409
    paused = call.post(f"{one}models/1/pause/").json()
    assert [e["is_paused"] for e in paused["endpoints"]] == [False, True]
    assert call.post(f"{one}models/7/pause/").status_code == 404
    changed = call("PATCH", one, {"budget_calls": None}).json()
    assert (changed["state"], changed["budget_calls"]) == ("running", None)
    assert call("PATCH", one, {"state": "finished"}).status_code == 400
    work()
    assert call.post(f"{one}models/1/resume/").status_code == 200
    work()
    assert call.get(one).json()["state"] == "finished"


def test_a_repeated_request_starts_one_run(server, call, campaign, path):
    endpoint(server, campaign.organisation, "larch")
    body = {"endpoints": ["larch"], "completions_per_prompt": 2}
    first = call.post(path, body, **{"Idempotency-Key": "k1"})
    again = call.post(path, body, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert GenerationRun.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoints": []}, "endpoints"),
        ({"endpoints": ["nobody"]}, "endpoints"),
        ({"completions_per_prompt": 0}, "completions_per_prompt"),
        ({"completions_per_prompt": 1}, "completions_per_prompt"),
        ({"pairing": "uncertain"}, "pairing"),
        ({"pairing": "random"}, "pairing"),
        ({"model": "x"}, "model"),
    ],
)
def test_a_wrong_request_is_told_by_field(call, campaign, path, change, field):
    ensure_demo_endpoint(organisation=campaign.organisation)
    refused = call.post(path, {"endpoints": ["demo"], "completions_per_prompt": 2, **change})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == field
    assert not GenerationRun.objects.exists()


def test_who_may_not_generate(server, campaign, path, call_as):
    endpoint(server, campaign.organisation, "larch")
    body = {"endpoints": ["larch"], "completions_per_prompt": 2}
    run = generating.started(
        campaign, ensure_demo_endpoint(organisation=campaign.organisation), completions_per_prompt=2
    )
    one = f"{path}{run.public_id}/"
    stranger = call_as(factories.user(of=factories.organisation(), role="owner"), "admin")
    rater = call_as(factories.rater(campaign).rater.user, "admin")
    for outsider in (stranger, rater):
        assert outsider.post(path, body).status_code == 404
        assert outsider.get(path).status_code == 404
        assert outsider.get(one).status_code == 404
        assert outsider.post(f"{one}cancel/").status_code == 404
    researcher = call_as(factories.member(campaign, "researcher"), "admin")
    assert researcher.get(path).status_code == 200
    assert researcher.post(path, body).status_code == 403
    assert researcher.post(f"{one}cancel/").status_code == 403
    reader = call_as(factories.member(campaign, "manager"), "read")
    assert reader.post(path, body).status_code == 403
    # Another campaign's run is unknown here.
    other = factories.campaign(of=campaign.organisation)
    manager = call_as(factories.member(other, "manager"), "admin")
    assert (
        manager.post(f"campaigns/{other.slug}/generations/{run.public_id}/cancel/").status_code
        == 404
    )
    run.refresh_from_db()
    assert run.state == "running"


def test_a_list_costs_the_same_whatever_its_length(
    call, campaign, path, django_assert_max_num_queries
):
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    for count in range(2, 7):
        drain(generating.started(campaign, demo, completions_per_prompt=count))
    with django_assert_max_num_queries(9):
        assert len(call.get(path).json()["results"]) == 5


def test_a_completion_tells_how_it_was_made_and_what_the_provider_sent(
    server, call, campaign, path, call_as
):
    larch = endpoint(
        server,
        campaign.organisation,
        "larch",
        price={"input_per_million": 2, "output_per_million": 4, "currency": "EUR"},
    )
    numbers = iter(range(9))
    server.answer = lambda handler, body: handler.send_json(
        completion(f"An answer of its own, number {next(numbers)}")
    )
    wishes = {"endpoints": ["larch"], "completions_per_prompt": 2, "keeps_raw": True}
    assert call.post(path, wishes).status_code == 202
    run = work()
    reader = call_as(factories.member(campaign, "researcher"), "read")
    rows = reader.get(f"campaigns/{campaign.slug}/completions/").json()["results"]
    assert len(rows) == 4
    for row in rows:
        (made,) = row["generated"]
        slot = run.slots.get(completion__public_id=row["id"])
        assert (made["generation"], made["endpoint"]) == (str(run.public_id), str(larch.public_id))
        assert (made["sample"], made["has_raw"]) == (slot.sample, True)
        assert made["provenance"]["request"]["model"] == larch.model
        assert made["provenance"]["finish_reason"] == row["finish_reason"] == "stop"
        assert float(made["cost"]) == float(slot.cost) > 0
        address = f"campaigns/{campaign.slug}/completions/{row['id']}/raw/"
        (kept,) = reader.get(address).json()["results"]
        assert kept["is_exact"]
        sent = json.loads(kept["body"])["choices"][0]["message"]["content"]
        assert sent == row["messages"][-1]["content"]
    rater = call_as(factories.rater(campaign).rater.user, "read")
    assert rater.get(address).status_code in (403, 404)


def test_an_imported_completion_was_not_generated(call, campaign):
    given = factories.completion(campaign.prompts.first(), "A text from a file", "oak")
    address = f"campaigns/{campaign.slug}/completions/{given.public_id}/"
    assert call.get(address).json()["generated"] == []
    assert call.get(f"{address}raw/").json() == {"results": []}
