"""From an endpoint to an open round with a keyboard alone, through the trouble of one endpoint.

The provider is a real local server; where a worker would act, its own functions are called.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Campaign, Endpoint, GenerationRun, GenerationSlot, Round, Seat
from tests import factories, llm_server
from tests.browser.test_campaign_looks import manager
from tests.generating import drain
from tests.llm_server import LlmServer
from workers.generation import run_generation

__all__ = ["manager"]

MOST_TABS = 90
KEY = "sk-zq-canary-0123456789"
GOOD_KEY = "sk-zq-canary-good-key-42"


@pytest.fixture
def servers(settings: Any) -> Iterator[tuple[LlmServer, LlmServer]]:
    """One provider that answers, and one that refuses the first key it is given."""
    cache.clear()

    def picky(handler: Any, body: dict[str, Any]) -> None:
        if handler.headers["Authorization"] == f"Bearer {GOOD_KEY}":
            handler.send_json(llm_server.completion(f"Cedar says: {body['messages'][-1]}"))
        else:
            handler.send_json({"error": {"message": "Key has expired."}}, 401)

    with llm_server.running() as well, llm_server.running() as ill:
        ill.answer = picky
        settings.EGRESS_ALLOW = [well.host, ill.host]
        yield well, ill


def tab_to(page: Page, wanted: Locator) -> None:
    """Walk there by Tab; focus that is lost on the way is a fault."""
    expect(wanted).to_have_count(1)
    for _ in range(MOST_TABS):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{wanted} cannot be reached by Tab")


def press(page: Page, name: str, *, role: Any = "button") -> None:
    tab_to(page, page.get_by_role(role, name=name, exact=True))
    page.keyboard.press("Enter")


def fill(page: Page, label: str, text: str) -> None:
    tab_to(page, page.get_by_label(label, exact=True))
    page.keyboard.type(text)


def register(page: Page, name: str, server: LlmServer) -> None:
    press(page, "Add an endpoint", role="link")
    fill(page, "Name", name)
    fill(page, "Model", f"{name}-instruct")
    fill(page, "Address", server.base_url)
    fill(page, "Key", KEY)
    press(page, "Register and test")
    expect(page.get_by_role("heading", name=f"What {name} said")).to_be_visible()


def work(run: GenerationRun) -> None:
    """What workers and the sweep do until nothing is due."""
    run_generation(run.job_id)
    drain(run)
    run_generation(run.job_id)
    drain(run)


def test_from_an_endpoint_to_an_open_round_by_keyboard(
    manager: Seat,
    page: Page,
    live_server: LiveServer,
    servers: tuple[LlmServer, LlmServer],
    troubles: list[str],
) -> None:
    campaign = manager.campaign
    Campaign.objects.filter(pk=campaign.pk).update(state="draft")
    for number in range(4):
        factories.prompt(campaign, f"Which harbour is {number}?")

    # The way there is in the menu; each endpoint is registered and tested.
    page.goto(f"{live_server.url}/campaigns/")
    press(page, "mia: account")
    press(page, "LLM endpoints", role="link")
    register(page, "larch", servers[0])
    expect(page.locator("#test")).to_contain_text("In time")
    register(page, "cedar", servers[1])
    expect(page.locator("#test")).to_contain_text("401")
    expect(page.locator("#rows tr").first).to_contain_text("Key refused")
    Endpoint.objects.update(tested_at=None)
    press(page, "Test larch")
    expect(page.get_by_role("heading", name="What larch said")).to_be_visible()
    expect(page.locator("#rows tr").nth(1)).to_contain_text("In time")
    expect(page.get_by_role("button", name="Test larch")).to_be_focused()
    assert KEY not in page.content()

    # Two models; first what it would take, then the run itself.
    place = f"{live_server.url}/campaigns/{campaign.slug}/generation/"
    page.goto(place)
    fill(page, "Model, row 1", "larch")
    fill(page, "Temperature, row 1", "0.3")
    fill(page, "Model, row 2", "cedar")
    press(page, "What would it take?")
    expect(page.locator("#estimate")).to_contain_text("4 prompts × 2 models: about 8 calls")
    assert not GenerationRun.objects.exists()
    expect(page.locator("#dry")).to_be_focused()
    press(page, "Generate")
    expect(page.locator("#run-state")).to_have_text("Running")
    run = GenerationRun.objects.get()

    # One provider refuses the key; the other one's completions all come.
    work(run)
    rows = page.locator("#run-models tr")
    expect(rows.nth(0)).to_contain_text("Done")
    expect(rows.nth(1)).to_contain_text("Failed")
    expect(page.locator("#run-errors")).to_contain_text("the key was refused")
    filled = GenerationSlot.objects.filter(state="filled").values_list("endpoint__name", flat=True)
    assert set(filled) == {"larch"}
    assert GenerationSlot.objects.filter(state="failed", endpoint__name="cedar").count() == 4

    # Repaired where the page says so, tested, and asked again.
    tab_to(page, page.get_by_role("link", name="Open the endpoint").first)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Edit cedar")).to_be_visible()
    Endpoint.objects.update(tested_at=None)
    fill(page, "New key", GOOD_KEY)
    press(page, "Save and test")
    expect(page.locator("#test")).to_contain_text("In time")
    page.goto(place)
    press(page, "Retry 4 failed")
    expect(page.locator("#run-state")).to_have_text("Running")
    run.refresh_from_db()
    work(run)
    expect(page.locator("#run-state")).to_have_text("Finished")
    expect(rows.nth(1)).to_contain_text("Done")
    assert GenerationSlot.objects.filter(state="filled").count() == 8
    assert campaign.comparisons.count() == 4

    # What was paired waits in the draft for its round.
    press(page, "Rounds", role="link")
    tab_to(page, page.locator("#open").get_by_role("button", name="Open round 1"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Round 1 is open")
    assert Round.objects.get(campaign=campaign).comparisons.count() == 4
    assert not [one for one in troubles if "422" not in one]
