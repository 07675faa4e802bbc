"""Starting and changing campaigns by API, and who may not."""

import io

import pytest

from labeling.actions.campaigns import update_campaign
from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.generation import start_generation
from labeling.actions.imports import queue_import, run_import
from labeling.actions.jobs import start_job
from labeling.actions.slots import claim_slots
from labeling.errors import InvalidInputError
from labeling.models import Assignment, AuditEvent, Campaign
from tests import factories
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager():
    return factories.user(of=factories.organisation(), role="manager")


def test_a_campaign_is_started_with_the_settings_sent(call_as, manager):
    call = call_as(manager, "write")
    schema = {"scale": 4, "tie": False, "criteria": [{"key": "helpful", "label": "Helpful"}]}
    sent = {"name": "Tone", "slug": "tone", "overlap": 2, "schema": schema}

    answer = call.post("campaigns/", sent)

    assert answer.status_code == 201, answer.content
    stored = call.get("campaigns/tone/").json()
    assert stored["overlap"] == 2
    assert stored["schema"]["scale"] == 4
    assert stored["schema"]["criteria"][0]["key"] == "helpful"
    assert stored["schema"]["rationale"] == "optional"
    assert AuditEvent.objects.filter(verb="campaign.created", user=manager).count() == 1


def test_each_wrong_setting_is_named(call_as, manager):
    call = call_as(manager, "write")
    for sent, field in (
        ({"schema": {"scale": 5}}, "schema.scale"),
        ({"schema": {"sclae": 4}}, "schema"),
        (
            {"presentation": {"arms": [{"name": "slow", "mode": "paced"}]}},
            "presentation.arms[0].tokens_per_second",
        ),
        ({"requirements": {"gold_rate": 2}}, "requirements.gold_rate"),
        ({"overlap": 0}, "overlap"),
        ({"name": ""}, "name"),
        ({"organisation": 3}, "organisation"),
    ):
        answer = call.post("campaigns/", {"name": "Tone"} | sent)
        assert answer.status_code == 400, (sent, answer.content)
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["errors"][0]["field"] == field
    assert not Campaign.objects.exists()


def test_a_slug_that_is_taken_is_a_conflict(call_as, manager):
    call = call_as(manager, "write")
    assert call.post("campaigns/", {"name": "Tone", "slug": "tone"}).status_code == 201
    assert call.post("campaigns/", {"name": "Other", "slug": "tone"}).status_code == 409


def test_the_same_idempotency_key_starts_one_campaign(call_as, manager):
    call = call_as(manager, "write")
    first = call.post("campaigns/", {"name": "Tone"}, **{"Idempotency-Key": "k1"})
    again = call.post("campaigns/", {"name": "Tone"}, **{"Idempotency-Key": "k1"})
    other = call.post("campaigns/", {"name": "Other"}, **{"Idempotency-Key": "k1"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json() == first.json()
    assert again["Idempotent-Replayed"] == "true"
    assert Campaign.objects.count() == 1


def test_activating_a_campaign_opens_what_waits(call_as, manager):
    campaign = factories.campaign(by=manager, of=manager.organisations.get(), state="draft")
    factories.comparison(campaign)
    assert not Assignment.objects.exists()
    answer = call_as(manager, "write")("PATCH", f"campaigns/{campaign.slug}/", {"state": "active"})
    assert answer.status_code == 200, answer.content
    assert Assignment.objects.filter(campaign=campaign).count() == 1


def test_an_archived_campaign_stays_archived(call_as, manager):
    campaign = factories.campaign(by=manager, of=manager.organisations.get(), state="archived")
    answer = call_as(manager, "write")("PATCH", f"campaigns/{campaign.slug}/", {"state": "active"})
    assert answer.status_code == 409


def test_the_scale_stays_once_there_are_judgments(call_as, manager):
    campaign = factories.campaign(by=manager, of=manager.organisations.get())
    factories.open_comparisons(campaign, 1)
    seat = factories.rater(campaign)
    rate = call_as(seat.rater.user, "rate")
    claimed = rate.post(f"campaigns/{campaign.slug}/assignments/").json()
    assert rate.post(f"assignments/{claimed['id']}/judgment/", {"side": "left"}).status_code == 201
    call = call_as(manager, "write")
    answer = call("PATCH", f"campaigns/{campaign.slug}/", {"schema": {"scale": 7}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "schema.scale"


def test_foreign_and_unknown_campaigns_look_the_same(call_as, manager):
    foreign = factories.campaign()
    call = call_as(manager, "admin")
    for below in (
        "",
        "comparisons/",
        "prompts/",
        "judgments/",
        "rounds/",
        "guidelines/",
        "report/",
    ):
        there = call.get(f"campaigns/{foreign.slug}/{below}")
        nowhere = call.get(f"campaigns/no-such-campaign/{below}")
        assert there.status_code == nowhere.status_code == 404
        assert there.json() == nowhere.json()
    assert call.get("campaigns/").json()["results"] == []
    assert call("PATCH", f"campaigns/{foreign.slug}/", {"name": "Mine"}).status_code == 404


def test_a_researcher_reads_but_does_not_change(call_as):
    campaign = factories.campaign()
    call = call_as(factories.member(campaign, "researcher"), "write")
    assert call.get(f"campaigns/{campaign.slug}/comparisons/").status_code == 200
    assert call("PATCH", f"campaigns/{campaign.slug}/", {"name": "Mine"}).status_code == 403


def test_a_rater_reads_nothing_of_what_others_did(call_as):
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 1)
    call = call_as(factories.rater(campaign).rater.user, "admin")
    for below in ("comparisons/", "completions/", "prompts/", "judgments/", "report/", "rounds/"):
        assert call.get(f"campaigns/{campaign.slug}/{below}").status_code == 404, below


def test_lists_come_in_pages_that_lead_forward_and_back(call_as):
    campaign = factories.campaign()
    made = [factories.comparison(campaign) for _ in range(7)]
    call = call_as(factories.member(campaign, "researcher"), "read")
    first = call.get(f"campaigns/{campaign.slug}/comparisons/?page_size=3").json()
    second = call.get(first["next"]).json()
    third = call.get(second["next"]).json()
    seen = [row["id"] for page in (first, second, third) for row in page["results"]]
    assert seen == [str(one.public_id) for one in made]
    assert first["previous"] is None
    assert third["next"] is None
    assert call.get(third["previous"]).json()["results"] == second["results"]
    assert call.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0",
        "page_size=-1",
        "page_size=1e309",
        "page_size=NaN",
        "page_size=2000",
        "cursor=nonsense",
        "cursor=00000000-0000-0000-0000-000000000000",
        "prompt__campaign__slug=x",
        "ordering=id",
        "search=x",
        "_connector=OR",
    ],
)
def test_a_list_refuses_what_it_does_not_know(call_as, query):
    campaign = factories.campaign()
    call = call_as(factories.member(campaign, "researcher"), "read")
    answer = call.get(f"campaigns/{campaign.slug}/comparisons/?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    call_as, django_assert_max_num_queries
):
    campaign = factories.campaign()
    for _ in range(30):
        factories.comparison(campaign)
    call = call_as(factories.member(campaign, "researcher"), "read")
    # The first use of a token in a minute is noted, by statements of its own.
    call.get("campaigns/")
    with django_assert_max_num_queries(4):
        assert len(call.get(f"campaigns/{campaign.slug}/comparisons/").json()["results"]) == 30


def test_an_archived_campaign_takes_nothing_more(call_as, manager):
    """Its numbers are final: no rounds, guidelines, files, candidates or settings."""
    campaign = factories.campaign(by=manager, of=manager.organisations.get())
    factories.prompt(campaign)
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    call = call_as(manager, "write")
    path = f"campaigns/{campaign.slug}/"
    asked = {"endpoints": [demo.name], "completions_per_prompt": 2}
    assert call.post(f"{path}generations/", asked).status_code == 202
    run = campaign.generation_runs.get()
    assert call.post(f"{path}generations/{run.public_id}/pause/").status_code == 200
    queued = queue_import(
        campaign=campaign,
        by=manager,
        file=io.BytesIO(b'{"prompt": "One more"}\n'),
        name="",
        sha256="",
        kind="prompts",
    )
    assert call("PATCH", path, {"state": "archived"}).status_code == 200
    factories.comparison(campaign)
    for below, body in (
        ("rounds/", {}),
        ("guidelines/", {"body": "# New"}),
        ("generations/", asked),
        (f"generations/{run.public_id}/resume/", {}),
        (f"generations/{run.public_id}/retry/", {}),
    ):
        answer = call.post(f"{path}{below}", body)
        assert answer.status_code == 409, (below, answer.content)
        assert "archived" in answer.json()["detail"]
    upload = call.client.post(
        f"/api/v1/{path}imports/?kind=prompts", b'{"prompt": "x"}\n', "application/x-ndjson"
    )
    assert upload.status_code == 409, upload.content
    assert call("PATCH", path, {"overlap": 5}).status_code == 409
    assert call("PATCH", path, {"requirements": {"gold_rate": 0.5}}).status_code == 409
    assert call("PATCH", path, {"attribution": "By us"}).status_code == 200
    # What was on its way when it was archived does not arrive.
    job = start_job(job_id=queued.pk)
    assert job is not None
    job = run_import(job=job)
    assert (job.status, job.error["message"][:26]) == ("failed", "This campaign is archived;")
    assert not campaign.rounds.exists() and not campaign.guidelines.exists()
    assert campaign.prompts.count() == 2


def test_archiving_ends_a_run_that_asks_for_completions(manager):
    campaign = factories.campaign(by=manager, of=manager.organisations.get())
    factories.prompt(campaign)
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    run = start_generation(
        campaign=campaign, endpoints=[demo.name], by=manager, completions_per_prompt=2
    )
    run_generation(run.job_id)
    update_campaign(campaign=campaign, by=manager, state="archived")
    assert not claim_slots(run_id=run.pk, endpoint_id=demo.pk, most=1).claims
    run_generation(run.job_id)
    run.refresh_from_db()
    assert run.state == "cancelled"


@pytest.mark.parametrize("state", ["paused", "completed", "archived"])
def test_a_campaign_begins_as_a_draft_or_active(call_as, manager, state):
    answer = call_as(manager, "write").post("campaigns/", {"name": "Over", "state": state})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "state"
    assert not Campaign.objects.exists()


def test_a_round_opened_with_an_overlap_of_its_own_keeps_it(call_as, manager):
    campaign = factories.campaign(by=manager, of=manager.organisations.get(), overlap=3)
    call = call_as(manager, "write")
    path = f"campaigns/{campaign.slug}/"
    factories.comparison(campaign)
    own = call.post(f"{path}rounds/", {"overlap": 10}).json()
    factories.comparison(campaign)
    usual = call.post(f"{path}rounds/", {}).json()
    assert call("PATCH", path, {"overlap": 4}).status_code == 200
    rounds = {row["id"]: row["overlap"] for row in call.get(f"{path}rounds/").json()["results"]}
    assert rounds == {own["id"]: 10, usual["id"]: 4}
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 14


@pytest.mark.django_db(transaction=True)
def test_a_change_is_made_whole_or_not_at_all(manager):
    """Name, overlap, state and what going active brings are one transaction."""
    campaign = factories.campaign(by=manager, of=manager.organisations.get(), state="draft")
    factories.comparison(campaign)
    changes = {"name": "After", "state": "active"}
    with pytest.raises(InvalidInputError):
        update_campaign(campaign=campaign, by=manager, **changes, overlap=101)
    campaign.refresh_from_db()
    assert (campaign.state, campaign.name == "After") == ("draft", False)
    assert not campaign.rounds.exists()
    update_campaign(campaign=campaign, by=manager, **changes, overlap=2)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.overlap, campaign.state) == ("After", 2, "active")
    assert Assignment.objects.filter(campaign=campaign).count() == 2


@pytest.mark.parametrize("kind", ["calibration", "adjudication"])
def test_a_round_with_nobody_or_nothing_to_be_about_takes_no_comparisons(call_as, manager, kind):
    campaign = factories.campaign(by=manager, of=manager.organisations.get())
    factories.comparison(campaign)
    call = call_as(manager, "write")
    answer = call.post(f"campaigns/{campaign.slug}/rounds/", {"kind": kind})
    assert answer.status_code == 409
    assert not campaign.rounds.exists()
    assert campaign.comparisons.waiting().exists()


def test_a_policy_is_set_beside_the_other_settings(call_as, manager):
    call = call_as(manager, "write")
    sent = {"name": "Tone", "slug": "tone", "policy": {"budget": 900, "pay_per_hour": 21.5}}
    assert call.post("campaigns/", sent).status_code == 201
    stored = call.get("campaigns/tone/").json()["policy"]
    assert (stored["budget"], stored["currency"], stored["smallest_group"]) == (900, "EUR", 5)
    answer = call("PATCH", "campaigns/tone/", {"policy": {"budget": 0}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "policy.budget"
    assert call("PATCH", "campaigns/tone/", {"policy": {"budget": 7}}).status_code == 200
    assert call.get("campaigns/tone/").json()["policy"]["pay_per_hour"] is None


def test_a_criterion_that_was_judged_stays(call_as, manager):
    schema = {"scale": 2, "criteria": [{"key": "helpful", "label": "Helpful"}]}
    campaign = factories.campaign(by=manager, of=manager.organisations.get(), schema=schema)
    factories.open_comparisons(campaign, 1)
    rate = call_as(factories.rater(campaign).rater.user, "rate")
    claimed = rate.post(f"campaigns/{campaign.slug}/assignments/").json()
    said = {"side": "left", "criteria": {"helpful": "left"}}
    assert rate.post(f"assignments/{claimed['id']}/judgment/", said).status_code == 201
    call = call_as(manager, "write")
    answer = call("PATCH", f"campaigns/{campaign.slug}/", {"schema": {"scale": 2}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "schema.criteria"
    more = schema | {"criteria": [*schema["criteria"], {"key": "kind", "label": "Kind"}]}
    answer = call("PATCH", f"campaigns/{campaign.slug}/", {"schema": more})
    assert answer.status_code == 200, answer.content
