"""`/campaigns/<slug>/generation/`: started from a page, watched on it, and by whom not."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from labeling.models import Campaign, Comparison, Endpoint, GenerationRun, GenerationSlot
from tests import factories, generating, llm_server
from tests.generating import campaign_with_prompts, drain, endpoint, hurry, started
from tests.llm_server import says
from tests.web.visiting import as_
from workers.generation import run_generation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> None:
    cache.clear()


@pytest.fixture
def campaign() -> Campaign:
    return campaign_with_prompts(2, name="Harbours")


@pytest.fixture
def url(campaign: Campaign) -> str:
    return reverse("campaign_generation", args=[campaign.slug])


@pytest.fixture
def manager(campaign: Campaign) -> Client:
    return as_(factories.member(campaign, "manager"))


def body(response: Any, status: int = 200) -> str:
    assert response.status_code == status, response.content[:2000]
    return str(response.content.decode())


def live(client: Client, url: str, seen: str = "") -> str:
    """What the page asks for while it is watched, uncached."""
    cache.clear()
    return body(client.get(url, {"seen": seen}, headers={"hx-request": "true"}))


def sent(*rows: Endpoint | dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the form sends for these models, each an endpoint or a whole row."""
    data: dict[str, Any] = {"completions_per_prompt": 1, "pairing": "all"}
    data["variants-TOTAL_FORMS"] = len(rows)
    data["variants-INITIAL_FORMS"] = 0
    for number, row in enumerate(rows):
        values = {"endpoint": row} if isinstance(row, Endpoint) else row
        for name, value in values.items():
            said = str(value.public_id) if isinstance(value, Endpoint) else value
            data[f"variants-{number}-{name}"] = said
    return {**data, **more}


def move(campaign: Campaign, run: GenerationRun, verb: str) -> str:
    return reverse("campaign_generation_move", args=[campaign.slug, run.public_id, verb])


def test_a_manager_starts_a_run_and_watches_it_come(
    campaign: Campaign, url: str, manager: Client
) -> None:
    terse, long = generating.demo_pair(campaign)
    assert "demo-terse" in body(manager.get(url))
    answer = manager.post(url, sent(long, terse, pairing="baseline"))
    assert (answer.status_code, answer["Location"]) == (302, url)
    run = GenerationRun.objects.get()
    assert [e.name for e in run.run_endpoints.all()] == ["demo-long", "demo-terse"]
    part = live(manager, url)
    assert "Running" in part
    assert 'hx-trigger="every 2s"' in part
    assert "<html" not in part
    assert "The run: running" in part
    assert "The run:" not in live(manager, url, f"{run.public_id}.running")
    run_generation(run.job_id)
    drain(run)
    done = live(manager, url, f"{run.public_id}.running")
    assert "Finished" in done
    assert "The run: finished" in done
    assert "hx-trigger" not in done
    assert '<span class="pill">Demo</span>' in done
    assert Comparison.objects.filter(campaign=campaign).count() == 2


def test_everything_that_the_form_says_reaches_the_run(
    campaign: Campaign, url: str, manager: Client
) -> None:
    terse = Endpoint.objects.create(
        organisation=campaign.organisation,
        name="terse",
        base_url="https://models.example/v1",
        model="terse-1",
        # A cap on cost needs one.
        price={"output_per_million": 2, "currency": "EUR"},
    )
    campaign.prompts.update(language="en", tags=["sea"])
    factories.prompt(campaign, "Eine Frage", language="de")
    old = factories.completion(campaign.prompts.earliest("pk"), "An old one.", "old-model")
    assert "en (2)" in body(manager.get(url))
    rows: list[dict[str, Any]] = [
        {"endpoint": terse, "temperature": "0.2", "seed": "7"},
        {"endpoint": terse, "temperature": "1", "max_tokens": "64", "system": "Be brief."},
        {"endpoint": ""},
    ]
    answer = manager.post(
        url,
        sent(
            *rows,
            languages=["en"],
            tags=["sea"],
            limit="5",
            against=["old-model"],
            budget_calls="100",
            budget_cost="2.5",
            keeps_raw="on",
            filter_cut="drop",
            filter_near_identical="mark",
        ),
    )
    assert answer.status_code == 302, answer.content[:3000]
    run = GenerationRun.objects.get()
    first, second = run.run_endpoints.order_by("position")
    assert first.sampling == {"temperature": 0.2, "seed": 7}
    assert second.sampling == {"temperature": 1, "max_tokens": 64}
    assert second.system == "Be brief."
    assert first.name != second.name
    assert run.prompt_filter == {"languages": ["en"], "tags": ["sea"], "limit": 5}
    assert run.against == [old.source.model]
    assert (run.budget_calls, run.budget_cost) == (100, Decimal("2.5"))
    assert run.keeps_raw
    assert (run.filters["cut"], run.filters["near_identical"]) == ("drop", "mark")
    run_generation(run.job_id)
    page = body(manager.get(url))
    assert "T 0.2" in page
    assert "own system text" in page
    assert "Cut off at its limit" in page


def test_what_it_would_take_is_said_before_anything_is_asked(
    campaign: Campaign, url: str, manager: Client, settings: Any
) -> None:
    with llm_server.running() as server:
        generating.opened(settings, server)
        price = {"input_per_million": 1, "output_per_million": 2000, "currency": "EUR"}
        limits = {"requests_per_minute": 1}
        larch = endpoint(server, campaign.organisation, "larch", price=price, limits=limits)
        demo = generating.demo_pair(campaign)[0]
        rows: list[dict[str, Any]] = [{"endpoint": larch, "max_tokens": "500"}, {"endpoint": demo}]
        page = body(manager.post(url, sent(*rows, dry="1")))
        assert not server.calls
    assert "2 prompts × 2 models: about 4 calls" in page
    assert "€ 0.00" in page
    assert "–2.00" in page
    assert "about 2 min" in page
    assert not GenerationRun.objects.exists()
    # What was typed is still there.
    assert 'value="500"' in page
    over = body(manager.post(url, sent(*rows, dry="1", budget_calls="3")))
    assert "more than its budget" in over


def test_rows_are_added_without_a_script(campaign: Campaign, url: str, manager: Client) -> None:
    demo = generating.demo_pair(campaign)[0]
    page = body(manager.post(url, sent({"endpoint": demo, "seed": "5"}, more="variants")))
    assert 'name="variants-1-endpoint"' in page
    assert 'name="variants-0-seed" value="5"' in page
    assert not GenerationRun.objects.exists()
    many = sent(demo, more="variants") | {"variants-TOTAL_FORMS": "9" * 30}
    assert manager.post(url, many).status_code == 200
    assert not GenerationRun.objects.exists()


def test_errors_stand_on_the_page_by_kind_and_can_be_retried(
    campaign: Campaign, url: str, manager: Client, settings: Any
) -> None:
    with llm_server.running() as server:
        generating.opened(settings, server)
        larch = endpoint(server, campaign.organisation, "larch")
        server.answer = says({"error": {"message": "<b>no such model</b>"}}, 404)
        run = drain(started(campaign, larch, completions_per_prompt=2))
    page = body(manager.get(url))
    assert "the request was refused" in page
    assert "4 completions" in page
    assert "&lt;b&gt;no such model&lt;/b&gt;" in page
    assert "<b>no such" not in page
    assert generating.KEY not in page
    assert reverse("endpoint", args=[larch.public_id]) in page
    retry = move(campaign, run, "retry")
    assert retry in page
    for wrong in ({"position": "x"}, {"position": "7"}, {"kind": "a\0"}):
        assert manager.post(retry, wrong).status_code == 404
    assert "Nothing has failed" in body(manager.post(retry, {"kind": "empty"}, follow=True))
    assert manager.post(retry, {"kind": "refused", "position": "0"}).status_code == 302
    run.refresh_from_db()
    assert run.state == "running"
    assert GenerationSlot.objects.filter(run=run, state="waiting").count() == 4


def test_a_refused_key_is_told_and_the_other_model_goes_on(
    campaign: Campaign, url: str, manager: Client, settings: Any
) -> None:
    with llm_server.running() as server:
        generating.opened(settings, server)
        cedar = endpoint(server, campaign.organisation, "cedar")
        server.answer = says({"error": {"message": "Expired."}}, 401)
        run = started(campaign, cedar, generating.demo_pair(campaign)[0], completions_per_prompt=2)
        assert "Starting" not in live(manager, url)
        drain(run)
        run_generation(run.job_id)
        drain(run)
    part = live(manager, url)
    assert "Finished" in part
    assert "Failed" in part.partition('id="run-models"')[2].partition("</tbody>")[0]
    assert "the key was refused" in part
    assert "Key refused" in body(as_(_owner(campaign)).get(reverse("endpoints")))


def _owner(campaign: Campaign) -> Any:
    return factories.user(of=campaign.organisation, role="owner")


def test_one_model_is_paused_and_goes_on_while_the_rest_runs(
    campaign: Campaign, url: str, manager: Client
) -> None:
    run = started(campaign, *generating.demo_pair(campaign))
    manager.post(move(campaign, run, "pause-one"), {"position": "1"})
    drain(run)
    part = live(manager, url)
    assert "Paused" in part
    assert "Resume demo-long" in part
    states = GenerationSlot.objects.filter(run=run).values_list("endpoint__name", "state")
    assert set(states) == {("demo-terse", "filled"), ("demo-long", "waiting")}
    assert manager.post(move(campaign, run, "pause-one"), {"position": "9"}).status_code == 404
    manager.post(move(campaign, run, "resume-one"), {"position": "1"})
    drain(run)
    assert run.state == "finished"


def test_a_run_at_its_budget_says_so_and_goes_on_when_that_is_raised(
    campaign: Campaign, url: str, manager: Client
) -> None:
    run = drain(started(campaign, *generating.demo_pair(campaign), budget_calls=3))
    assert run.state == "budget"
    part = live(manager, url)
    assert "stopped at its budget" in part
    assert "3 of 3 calls" in part
    up = move(campaign, run, "raise")
    assert "Write a whole number" in body(manager.post(up, {"budget_calls": "x"}, follow=True))
    assert "used up already" in body(manager.post(up, {"budget_calls": "2"}, follow=True))
    manager.post(up, {"budget_calls": "10"})
    drain(run)
    assert run.state == "finished"
    assert "stopped at its budget" not in live(manager, url)


def field_of(part: str, name: str) -> str:
    """What the field of a name is filled with."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', part)
    assert found, name
    return found[1]


def test_the_cap_that_is_reached_is_doubled_and_the_other_stays_as_it_is(
    campaign: Campaign, url: str, manager: Client, settings: Any
) -> None:
    price = {"input_per_million": 1, "output_per_million": 2, "currency": "EUR"}
    with llm_server.running() as server:
        generating.opened(settings, server)
        larch = endpoint(server, campaign.organisation, "larch", price=price)
        caps: dict[str, Any] = {"budget_calls": 2, "budget_cost": "0.005"}
        run = drain(started(campaign, larch, completions_per_prompt=4, **caps))
        assert run.state == "budget"
        part = live(manager, url)
        assert (field_of(part, "budget_calls"), field_of(part, "budget_cost")) == ("4", "0.005")
        # An empty field is no wish to have no cap.
        manager.post(move(campaign, run, "raise"), {"budget_calls": "4", "budget_cost": ""})
        run.refresh_from_db()
        assert (run.state, run.budget_calls) == ("running", 4)
        assert run.budget_cost == Decimal("0.005")
        drain(run)
        # The same with the cost.
        GenerationRun.objects.filter(pk=run.pk).update(budget_calls=100, cost="0.006")
        part = live(manager, url)
        assert (field_of(part, "budget_calls"), field_of(part, "budget_cost")) == ("100", "0.012")


def test_figures_speed_and_what_was_left_out(
    campaign: Campaign, url: str, manager: Client, settings: Any
) -> None:
    with llm_server.running() as server:
        generating.opened(settings, server)
        price = {"output_per_million": 1_000_000, "currency": "EUR"}
        larch = endpoint(server, campaign.organisation, "larch", price=price)
        run = started(campaign, larch, completions_per_prompt=2)
        drain(run)
        hurry(run)
    GenerationSlot.objects.filter(run=run).update(latency_ms=6800)
    GenerationSlot.objects.filter(pk=run.slots.earliest("pk").pk).update(left_out="empty")
    part = live(manager, url)
    assert "6.8 s" in part
    # Five tokens a completion, at a euro a token.
    assert "€ 20.00" in part
    assert "Left out by the filters" in part
    assert "1 <span" in part.partition(">Empty</dt>")[2][:40]


@pytest.mark.parametrize(("verb", "state"), [("pause", "paused"), ("cancel", "cancelled")])
def test_buttons_move_the_run_and_a_second_click_does_no_harm(
    campaign: Campaign, url: str, manager: Client, verb: str, state: str
) -> None:
    run = started(campaign, *generating.demo_pair(campaign))
    for _ in range(2):
        assert manager.post(move(campaign, run, verb)).status_code == 302
    run.refresh_from_db()
    assert run.state == state
    assert manager.get(move(campaign, run, verb)).status_code == 405
    assert manager.post(move(campaign, run, "destroy")).status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"variants-0-endpoint": ""}, "Choose a model"),
        ({"variants-0-endpoint": "00000000-0000-0000-0000-000000000000"}, "valid choice"),
        ({"variants-0-temperature": "hot"}, "number"),
        ({"variants-0-temperature": "inf"}, "number"),
        ({"completions_per_prompt": "0"}, "greater than or equal to 1"),
        ({"completions_per_prompt": ""}, "required"),
        ({"completions_per_prompt": "1"}, "nothing to compare"),
        ({"pairing": "uncertain"}, "valid choice"),
        ({"languages": ["xx"]}, "valid choice"),
        ({"budget_cost": "0"}, "above 0"),
        ({"filter_cut": "burn"}, "valid choice"),
    ],
)
def test_a_form_that_cannot_be_used_comes_again_and_starts_nothing(
    campaign: Campaign, url: str, manager: Client, change: dict[str, Any], words: str
) -> None:
    demo = generating.demo_pair(campaign)[0]
    data = sent(demo, completions_per_prompt=2)
    page = body(manager.post(url, {**data, **change}), 422)
    assert words in page
    assert not GenerationRun.objects.exists()


def test_who_may_not(campaign: Campaign, url: str) -> None:
    run = started(campaign, *generating.demo_pair(campaign))
    cancel = move(campaign, run, "cancel")
    researcher = as_(factories.member(campaign, "researcher"))
    page = body(researcher.get(url))
    assert "demo-terse" in page
    assert "<form" not in page.partition('id="run-h"')[2]
    assert "<form" not in live(researcher, url)
    assert researcher.post(url, {}).status_code == 403
    assert researcher.post(cancel).status_code == 403
    seat = factories.rater(campaign).rater.user
    assert seat is not None
    rater = as_(seat)
    stranger = as_(factories.user(of=factories.organisation(), role="owner"))
    for outsider in (rater, stranger):
        for answer in (outsider.get(url), outsider.post(url, {}), outsider.post(cancel)):
            assert answer.status_code == 404
            assert "demo-terse" not in answer.content.decode()
    assert Client().get(url).status_code == 302
    other = factories.campaign(of=campaign.organisation)
    elsewhere = move(other, run, "cancel")
    assert as_(factories.member(other, "manager")).post(elsewhere).status_code == 404
    forged = Client(enforce_csrf_checks=True)
    forged.force_login(factories.member(campaign, "manager"))
    assert forged.post(cancel).status_code == 403
    run.refresh_from_db()
    assert run.state == "running"


def test_the_page_costs_the_same_whatever_was_run(
    campaign: Campaign, url: str, manager: Client, django_assert_max_num_queries: Any
) -> None:
    demo = generating.demo_pair(campaign)[0]
    for count in range(2, 6):
        drain(started(campaign, demo, completions_per_prompt=count))
    with django_assert_max_num_queries(19):
        body(manager.get(url))
    with django_assert_max_num_queries(12):
        live(manager, url)
