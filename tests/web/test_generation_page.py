"""`/campaigns/<slug>/generation/`: started from a page, watched on it, and by whom not."""

import pytest
from django.test import Client
from django.urls import reverse

from labeling.models import Comparison, GenerationRun
from tests import factories, generating, llm_server
from tests.generating import campaign_with_prompts, drain, endpoint, started
from tests.llm_server import says
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return campaign_with_prompts(2, name="Harbours")


@pytest.fixture
def url(campaign):
    return reverse("campaign_generation", args=[campaign.slug])


@pytest.fixture
def manager(campaign):
    return as_(factories.member(campaign, "manager"))


def as_(person):
    client = Client()
    client.force_login(person)
    return client


def body(response, status=200):
    assert response.status_code == status, response.content[:2000]
    return response.content.decode()


def htmx(client, url):
    return client.get(url, headers={"hx-request": "true"})


def test_a_manager_starts_a_run_and_watches_it_come(campaign, url, manager):
    terse, long = generating.demo_pair(campaign)
    page = body(manager.get(url))
    assert "Demo: made-up answers" in page
    sent = {
        "endpoints": [str(terse.public_id), str(long.public_id)],
        "completions_per_prompt": 1,
        "pairing": "baseline",
        "baseline": str(long.public_id),
    }
    answer = manager.post(url, sent)
    assert (answer.status_code, answer["Location"]) == (302, url)
    run = GenerationRun.objects.get()
    assert [e.name for e in run.run_endpoints.all()] == ["demo-long", "demo-terse"]
    live = body(htmx(manager, url))
    assert "Running" in live
    assert 'hx-trigger="every 2s"' in live
    assert "<html" not in live
    run_generation(run.job_id)
    drain(run)
    done = body(htmx(manager, url))
    assert "Finished" in done
    assert "hx-trigger" not in done
    assert "in round 1" in done
    assert '<span class="pill">Demo</span>' in done
    assert Comparison.objects.filter(campaign=campaign).count() == 2


def test_errors_stand_on_the_page_by_kind_and_can_be_retried(campaign, url, manager, settings):
    with llm_server.running() as server:
        generating.opened(settings, server)
        larch = endpoint(server, campaign.organisation, "larch")
        server.answer = says({"error": {"message": "<b>no such model</b>"}}, 404)
        run = drain(started(campaign, larch, completions_per_prompt=2))
    page = body(manager.get(url))
    assert "refused" in page
    assert "4 completions" in page
    assert "&lt;b&gt;no such model&lt;/b&gt;" in page
    assert "<b>no such" not in page
    assert generating.KEY not in page
    retry = reverse("campaign_generation_move", args=[campaign.slug, run.public_id, "retry"])
    assert retry in page
    assert manager.post(retry).status_code == 302
    run.refresh_from_db()
    assert run.state == "running"


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_buttons_move_the_run_and_a_second_click_does_no_harm(campaign, url, manager, verb, state):
    run = started(campaign, *generating.demo_pair(campaign))
    move = reverse("campaign_generation_move", args=[campaign.slug, run.public_id, verb])
    for _ in range(2):
        assert manager.post(move).status_code == 302
    run.refresh_from_db()
    assert run.state == state
    assert manager.get(move).status_code == 405
    unknown = reverse("campaign_generation_move", args=[campaign.slug, run.public_id, "destroy"])
    assert manager.post(unknown).status_code == 404


@pytest.mark.parametrize(
    "change",
    [
        {"endpoints": []},
        {"endpoints": ["00000000-0000-0000-0000-000000000000"]},
        {"completions_per_prompt": "0"},
        {"completions_per_prompt": ""},
        {"pairing": "uncertain"},
    ],
)
def test_a_form_that_cannot_be_used_comes_again_and_starts_nothing(campaign, url, manager, change):
    demo = generating.demo_pair(campaign)[0]
    sent = {"endpoints": [str(demo.public_id)], "completions_per_prompt": 2, "pairing": "all"}
    page = body(manager.post(url, {**sent, **change}), 422)
    assert "text bad" in page
    assert not GenerationRun.objects.exists()
    alone = body(manager.post(url, {**sent, "completions_per_prompt": 1}), 422)
    assert "nothing to compare" in alone
    assert "checked" in alone


def test_who_may_not(campaign, url):
    run = started(campaign, *generating.demo_pair(campaign))
    move = reverse("campaign_generation_move", args=[campaign.slug, run.public_id, "cancel"])
    researcher = as_(factories.member(campaign, "researcher"))
    page = body(researcher.get(url))
    assert "demo-terse" in page
    assert "<form" not in page.partition('id="run"')[2]
    assert researcher.post(url, {}).status_code == 403
    assert researcher.post(move).status_code == 403
    rater = as_(factories.rater(campaign).rater.user)
    stranger = as_(factories.user(of=factories.organisation(), role="owner"))
    for outsider in (rater, stranger):
        for answer in (outsider.get(url), outsider.post(url, {}), outsider.post(move)):
            assert answer.status_code == 404
            assert "demo-terse" not in answer.content.decode()
    assert Client().get(url).status_code == 302
    other = factories.campaign(of=campaign.organisation)
    elsewhere = reverse("campaign_generation_move", args=[other.slug, run.public_id, "cancel"])
    assert as_(factories.member(other, "manager")).post(elsewhere).status_code == 404
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(factories.member(campaign, "manager"))
    assert forged.post(move).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_the_page_costs_the_same_whatever_was_run(
    campaign, url, manager, django_assert_max_num_queries
):
    demo = generating.demo_pair(campaign)[0]
    for count in range(2, 6):
        drain(started(campaign, demo, completions_per_prompt=count))
    with django_assert_max_num_queries(12):
        body(manager.get(url))
