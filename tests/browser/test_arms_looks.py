"""Nobody is shut out while texts arrive, nor from the page of what is recorded."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from tests import factories
from tests.browser.arriving import RICH, arriving_campaign, bench, still
from tests.browser.conftest import Enter
from tests.presentation.test_telemetry import COMPLETE

WIDTHS = (1440, 1024, 390)


def inspect(page: Page, name: str) -> None:
    """No rule of axe is broken, and nothing is wider than the window."""
    if folder := os.environ.get("THURSTONE_SHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_that_arrive_break_no_rule_at_any_width(
    live_server: LiveServer, enter: Enter, scheme: str
) -> None:
    campaign = arriving_campaign(RICH, RICH + "\nMore.", tokens_per_second=0.5)
    page = enter(factories.rater(campaign))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    still(page)
    bench(page, live_server, campaign.slug)
    page.clock.run_for(30_000)
    # The script that looks at the rules waits for time to pass: far less than is left.
    page.clock.resume()
    expect(page.locator("#a")).to_have_attribute("aria-busy", "true")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        inspect(page, f"arriving-{scheme}-{width}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_recorded_breaks_no_rule_at_any_width(
    live_server: LiveServer, enter: Enter, scheme: str
) -> None:
    campaign = arriving_campaign(count=2)
    seat = factories.rater(campaign)
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    said = {"side": "left", "strength": 1, "client": COMPLETE}
    submit_judgment(rater=seat.rater, assignment_id=assignment.public_id, answer=said)
    page = enter(seat)
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"{live_server.url}/rate/recorded/")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        inspect(page, f"recorded-{scheme}-{width}")
