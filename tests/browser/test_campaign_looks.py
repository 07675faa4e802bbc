"""The managers' pages are for everybody: at every width, in both themes, with data and without."""

import os
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.tokens import issue_token
from labeling.models import Campaign, Membership, Seat
from tests import factories
from tests.browser.conftest import Enter
from tests.generating import drain, started
from tests.imports.files import import_rows, pair
from tests.judging import judged
from tests.web.building import SCHEMA, publish
from workers.metrics import refresh_report

WIDTHS = (1440, 1024, 390)
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
RUN = """async (rules) => (await axe.run(rules ? { runOnly: rules } : {})).violations.flatMap(
  (one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 160)}`))"""
# A theme changes colours alone; all else was looked at in the light.
RULES: tuple[tuple[Literal["light", "dark"], list[str] | None], ...] = (
    ("light", None),
    ("dark", ["color-contrast"]),
)
LONG_NAMES = ("Platypus-2 Instruct (70B), a long name", "organisation/model-v2.1-chat-awq")


@pytest.fixture
def manager(enter: Enter) -> Seat:
    """Somebody who manages the organisation, rates, and is signed in."""
    schema = SCHEMA | {"criteria": []}
    campaign = factories.campaign(name="Harbours", schema=schema, overlap=2)
    seat = factories.rater(campaign, "mia")
    assert seat.rater.user is not None
    Membership.objects.create(campaign=campaign, user=seat.rater.user, role="manager")
    seat.rater.user.organisation_memberships.update(role="manager")
    enter(seat)
    return seat


@pytest.fixture
def look(page: Page, live_server: LiveServer, troubles: list[str]) -> Iterator[Callable[..., None]]:
    """Open a page and see that nobody is shut out of it, nothing runs over, nothing complains."""

    def looked(path: str, name: str) -> None:
        page.goto(f"{live_server.url}{path}")
        page.evaluate(AXE)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for theme, rules in RULES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                place = f"{name} at {width} px, {theme}"
                assert page.evaluate(RUN, rules) == [], place
                wide = "document.documentElement.scrollWidth - innerWidth"
                assert page.evaluate(wide) <= 0, place
                if folder := os.environ.get("LOOKS"):
                    picture = Path(folder) / f"{name}-{width}-{theme}.png"
                    page.screenshot(path=picture, full_page=True, caret="initial")

    yield looked
    assert troubles == []


def with_data(campaign: Campaign) -> Any:
    """Judge it, with long names, and compute its report; returns the ended import."""
    publish(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(attribution="Harbours by Mia, CC0")
    judged(campaign, {"ann": ["a", "b", "tie"] * 6, "bob": ["a", "a", "b"] * 6})
    for source, name in zip(campaign.sources.order_by("model"), LONG_NAMES, strict=True):
        campaign.sources.filter(pk=source.pk).update(model=name)
    refresh_report(campaign.pk)
    return import_rows(campaign, pair(1), {"promt": "x"}, kind="comparisons")


def test_pages_of_a_campaign_that_was_judged(
    manager: Seat, look: Callable[..., None], page: Page
) -> None:
    campaign = manager.campaign
    job = with_data(campaign)
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    drain(started(campaign, demo, completions_per_prompt=2))
    comparison = campaign.comparisons.filter(judgments__isnull=False).first()
    assert comparison is not None
    place = f"/campaigns/{campaign.slug}/"
    look("/campaigns/", "campaigns")
    look(place, "dashboard")
    assert page.locator("svg.chart").count() >= 1
    look(f"{place}prompts/", "comparisons")
    look(f"{place}prompts/{comparison.public_id}/", "comparison")
    look(f"{place}imports/", "imports")
    look(f"{place}imports/{job.public_id}/", "import")
    look(f"{place}generation/", "generation")
    look(f"{place}raters/", "raters")
    look(f"{place}guidelines/", "guidelines")
    look(f"{place}datasets/", "datasets")


def test_pages_with_nothing_on_them_yet(manager: Seat, look: Callable[..., None]) -> None:
    user = manager.rater.user
    assert user is not None
    empty = factories.campaign(of=manager.campaign.organisation, state="draft")
    look("/campaigns/new/", "new")
    look(f"/campaigns/{empty.slug}/", "draft")
    look(f"/campaigns/{empty.slug}/prompts/", "no-comparisons")
    look(f"/campaigns/{empty.slug}/guidelines/", "no-guidelines")
    issue_token(user=user, by=user, scopes=["read", "rate", "write"], name="notebook")
    look("/account/", "account")


def test_a_leaderboard_of_long_names_keeps_its_last_column(
    manager: Seat, page: Page, live_server: LiveServer
) -> None:
    with_data(manager.campaign)
    page.set_viewport_size({"width": 1024, "height": 900})
    page.goto(f"{live_server.url}/campaigns/{manager.campaign.slug}/")
    hidden = "node => node.scrollWidth - node.clientWidth"
    assert page.locator("#board-scroll").evaluate(hidden) <= 0
