"""The builder and the settings in a browser: live, and for everybody at every width."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.claiming import claim_assignment
from labeling.models import Campaign, Seat
from tests import factories
from tests.browser.test_campaign_looks import look, manager  # noqa: F401
from tests.web.building import open_campaign


def test_the_pages_at_every_width(manager: Seat, look: Callable[..., None]) -> None:  # noqa: F811
    user = manager.rater.user
    organisation = manager.campaign.organisation
    look("/campaigns/new/", "builder-new")
    look("/campaigns/new/?start=template:helpsteer", "builder-template")
    draft = factories.campaign(
        of=organisation,
        by=user,
        state="draft",
        requirements={"gold_rate": 0.1, "skills": {"python": 0.8}},
        presentation={
            "arms": [
                {"name": "at once"},
                {"name": "reading", "mode": "paced", "tokens_per_second": 8, "weight": 2},
            ]
        },
        policy={"budget": 40, "pay_per_hour": 20},
    )
    factories.comparison(draft)
    look(f"/campaigns/{draft.slug}/settings/", "settings-draft")
    running = open_campaign(3, of=organisation, by=user, overlap=3)
    claim_assignment(rater=factories.rater(running).rater, campaign=running)
    look(f"/campaigns/{running.slug}/settings/", "settings-running")


def test_what_is_typed_is_previewed_at_once_and_stored_by_saving_alone(
    manager: Seat,  # noqa: F811
    page: Page,
    live_server: LiveServer,
    troubles: list[str],
) -> None:
    page.goto(f"{live_server.url}/campaigns/new/")
    dock = page.locator("#beside .dock")
    expect(dock.locator(".step")).to_have_count(7)
    page.locator('#schema input[name=scale][value="4"]').check()
    expect(dock.locator(".step")).to_have_count(5)
    page.get_by_label("Criterion, row 1").fill("Zest")
    page.get_by_label("Criterion, row 1").blur()
    expect(dock.locator(".mini")).to_contain_text("Zest")
    page.get_by_role("button", name="Criterion").click()
    expect(page.get_by_label("Criterion, row 2")).to_be_visible()
    expect(page.get_by_label("Criterion, row 1")).to_have_value("Zest")
    page.get_by_label("Gold, per cent").fill("10")
    page.get_by_label("Gold, per cent").blur()
    expect(page.locator("#beside")).to_contain_text("should be gold")
    expect(page.locator("#toc")).to_contain_text("Raters, needs a look")
    before = Campaign.objects.count()
    page.get_by_role("textbox", name="Name").fill("From the browser")
    page.get_by_role("button", name="Save draft").first.click()
    expect(page.get_by_role("heading", name="From the browser")).to_be_visible()
    made = Campaign.objects.get(name="From the browser")
    assert Campaign.objects.count() == before + 1
    assert made.schema["criteria"][0]["label"] == "Zest"
    assert troubles == []


def test_a_change_says_what_it_does_before_it_is_saved(
    manager: Seat,  # noqa: F811
    page: Page,
    live_server: LiveServer,
    troubles: list[str],
) -> None:
    running = open_campaign(3, of=manager.campaign.organisation, by=manager.rater.user, overlap=2)
    page.goto(f"{live_server.url}/campaigns/{running.slug}/settings/")
    effects = page.locator("#effects")
    expect(effects).to_contain_text("Nothing is changed yet")
    page.get_by_label("Raters per comparison").fill("3")
    page.get_by_label("Raters per comparison").blur()
    expect(effects).to_contain_text("lays 3 more judgments")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("status").first).to_contain_text("lays 3 more judgments")
    assert running.assignments.count() == 9
    page.get_by_role("button", name="Archive").first.click()
    expect(page.locator("#archive")).to_be_visible()
    assert troubles == []
