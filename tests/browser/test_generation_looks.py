"""Endpoints and generation are for everybody: at every width, in both themes, in every state."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions import endpoints as actions
from labeling.actions.endpoints import KEY_REFUSED
from labeling.models import Campaign, Endpoint, GenerationRun, GenerationSlot, Seat
from tests import factories, generating, llm_server
from tests.browser.looking import Look
from tests.browser.test_campaign_looks import look, manager
from tests.generating import drain, endpoint, started
from tests.llm_server import LlmServer, says

__all__ = ["look", "manager"]

LONG = "organisation/an-instruct-model-of-seventy-billion-parameters-v2.1-chat-awq-int4"
HOSTILE = "<img src=x onerror=boom()> \u202egnirts \U0001f30a {{ 7 }} ' \" </td></table>"


@pytest.fixture
def server(settings: Any) -> Iterator[LlmServer]:
    """The local server, opened to this instance."""
    cache.clear()
    with llm_server.running() as server:
        generating.opened(settings, server)
        yield server


def four_endpoints(campaign: Campaign, server: LlmServer) -> list[Endpoint]:
    """One that answers in time, one whose key was refused, a hostile one, one with a long name."""
    of = campaign.organisation
    price = {"input_per_million": 0.6, "output_per_million": 1.8, "currency": "EUR"}
    limits = {"concurrency": 24, "requests_per_minute": 600, "tokens_per_minute": 1_000_000}
    made = [
        endpoint(server, of, "larch-32b", price=price, limits=limits),
        endpoint(server, of, "cedar-14b", model="cedar-14b-instruct"),
        endpoint(server, of, HOSTILE.replace("\u202e", ""), model="<b>m</b> {{ 7 }}", key=""),
        endpoint(server, of, LONG, model=LONG, sampling={"temperature": 0.7, "top_k": 40}),
    ]
    actions.test_endpoint(endpoint=made[0], by=None)
    Endpoint.objects.filter(pk=made[1].pk).update(disabled_reason=KEY_REFUSED)
    server.answer = says({"error": {"message": f"no {HOSTILE}"}}, 404)
    actions.test_endpoint(endpoint=made[3], by=None)
    server.answer = llm_server.echo
    return made


def a_run(campaign: Campaign, *endpoints: Endpoint) -> GenerationRun:
    """Half done, with failures of several kinds, speed over the last minutes, and money spent."""
    run = started(campaign, *endpoints, completions_per_prompt=2, filters={"cut": "drop"})
    now = timezone.now()
    GenerationRun.objects.filter(pk=run.pk).update(
        created_at=now - timedelta(minutes=19), cost="39.1", budget_cost="75", call_count=50
    )
    for number, slot in enumerate(GenerationSlot.objects.filter(run=run).order_by("pk")):
        at = now - timedelta(seconds=23 * number)
        if number % 5 == 4:
            slot.state, slot.error_kind = "failed", ("refused", "empty", "timed_out")[number % 3]
            slot.error = HOSTILE * 4
            slot.finished_at = at
        elif number % 5 < 3:
            slot.state = "filled"
            slot.completion = factories.completion(slot.prompt, f"Answer {number}.")
            slot.latency_ms, slot.output_tokens, slot.finished_at = 3000 + number, 900, at
            slot.cost = "0.01"
            slot.left_out = "cut" if number % 10 == 0 else ""
        else:
            slot.error_kind, slot.error = "rate_limited", "Slow down."
            slot.not_before = now + timedelta(hours=1)
        slot.save()
    cache.clear()
    return run


def test_endpoints_are_for_everybody(
    manager: Seat, look: Callable[..., None], server: LlmServer
) -> None:
    look("/endpoints/", "no-endpoints")
    made = four_endpoints(manager.campaign, server)
    look("/endpoints/", "endpoints")
    look(f"/endpoints/{made[0].public_id}/", "endpoint")
    look(f"/endpoints/{made[2].public_id}/", "endpoint-hostile")
    look(f"/endpoints/{made[3].public_id}/", "endpoint-long")
    demo = generating.demo_pair(manager.campaign)[0]
    look(f"/endpoints/{demo.public_id}/", "endpoint-demo")


def test_generation_is_for_everybody(
    manager: Seat, look: Callable[..., None], server: LlmServer, page: Page, live_server: LiveServer
) -> None:
    campaign = manager.campaign
    place = f"/campaigns/{campaign.slug}/generation/"
    look(place, "generation-no-endpoint")
    made = four_endpoints(campaign, server)
    look(place, "generation-no-prompts")
    for number in range(8):
        tags = ["sea", LONG] if number % 2 else [HOSTILE[:90]]
        factories.prompt(campaign, f"Which harbour is {number}?", language="en", tags=tags)
    look(place, "generation-first")
    drain(started(campaign, generating.demo_pair(campaign)[0], completions_per_prompt=2))
    run = a_run(campaign, made[0], made[2], made[3])
    look(place, "generation")
    GenerationRun.objects.filter(pk=run.pk).update(state="budget")
    look(place, "generation-budget")


def test_nothing_jumps_when_a_run_comes_on_and_the_focus_stays(
    manager: Seat, page: Page, live_server: LiveServer, server: LlmServer
) -> None:
    campaign = manager.campaign
    for number in range(12):
        factories.prompt(campaign, f"Which harbour is {number}?")
    larch = endpoint(server, campaign.organisation, "larch", limits={"concurrency": 2})
    demo = generating.demo_pair(campaign)[0]
    run = started(campaign, larch, demo)
    seen = Look(page)
    for width in (1440, 390):
        seen.widen(width)
        seen.load(f"{live_server.url}/campaigns/{campaign.slug}/generation/", "run")
        page.get_by_text("Show as a table").click()
        pause = page.get_by_role("button", name="Pause larch", exact=True)
        pause.focus()
        before = GenerationSlot.objects.filter(run=run, state="filled").count()
        with seen.act(f"more-{width}"):
            generating.step(run, larch)
            generating.step(run, demo)
            server.answer = says({"error": {"message": "No."}}, 400)
            generating.step(run, larch)
            server.answer = llm_server.echo
            expect(page.locator("#run-stats .value").first).to_have_text(str(before + 2))
            expect(page.locator("#run-models tr").nth(1)).to_contain_text(str(before // 2 + 1))
        expect(pause).to_be_focused()
        expect(page.locator("details.data")).to_have_attribute("open", "")
    assert not seen.faults, "\n".join(seen.faults)
