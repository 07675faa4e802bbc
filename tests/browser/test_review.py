"""Review and guidelines at the keyboard, and how both look at every width in both themes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.adjudications import adjudicate
from labeling.actions.guidelines import publish_guidelines
from labeling.models import Adjudication, Campaign, Comparison, Seat
from tests.browser.conftest import wait_until
from tests.browser.test_campaign_looks import look, manager  # noqa: F401  # fixtures
from tests.judging import judged
from workers.metrics import refresh_report

BODY = """The better answer is the one a careful expert would have sent.

## T1 Truthful

**One wrong claim** that the user would act on outweighs better prose.

## H1 Helpful

The request as written is binding: format, length, tone."""
EXAMPLE = {
    "clause": "H1",
    "prompt": "Give me a regex for ISO dates. Only the regex.",
    "a": "`^\\d{4}-\\d{2}-\\d{2}$`",
    "b": "Sure! Here is a regex that checks the month and the day, too, and explains itself.",
    "preference": "a",
    "strength": 1,
    "why": "The user asked for the regex alone.",
}


@pytest.fixture
def items(manager: Seat) -> list[Comparison]:  # noqa: F811
    """Three comparisons on which two raters differ."""
    cache.clear()
    campaign = manager.campaign
    publish_guidelines(campaign=campaign, body=BODY, by=None, examples=[EXAMPLE])
    made = judged(campaign, {"ann": ["a", "b", "a"], "bob": ["b", "a", "tie"]})
    publish_guidelines(
        campaign=campaign,
        body=BODY.replace("format, length, tone", "format, length, tone, language"),
        by=None,
        change_note="Language counts",
    )
    refresh_report(campaign.pk)
    return made


def place(campaign: Campaign) -> str:
    return f"/campaigns/{campaign.slug}/"


def test_a_reviewer_decides_by_keyboard_alone(
    manager: Seat,  # noqa: F811
    items: list[Comparison],
    page: Page,
    live_server: LiveServer,
    troubles: list[str],
) -> None:
    campaign = manager.campaign
    page.goto(f"{live_server.url}{place(campaign)}review/")
    page.get_by_role("link", name="Begin").press("Enter")
    expect(page).to_have_title(re.compile("Review 1 of 3"))
    first = page.url
    page.keyboard.press("j")
    expect(page).to_have_title(re.compile("Review 2 of 3"))
    page.keyboard.press("k")
    expect(page).to_have_title(re.compile("Review 1 of 3"))
    assert page.url == first
    # Enter without a choice says what is missing, and nothing is stored.
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Choose a step of the scale first.")
    page.keyboard.press("2")
    page.keyboard.press("r")
    page.keyboard.type("A follows the format.")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Decided")
    expect(page).to_have_title(re.compile("Review 1 of 2"))
    made = Adjudication.objects.get()
    assert (made.preference, made.strength, made.note) == ("a", 2, "A follows the format.")
    # Both bad, and on to the last, which leads back to the list.
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("Review 1 of 1"))
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That was the last of this list.")).to_be_visible()
    decided = Adjudication.objects.order_by("pk").values_list("preference", flat=True)
    assert list(decided) == ["a", "both_bad", "tie"]
    page.goto(first)
    page.keyboard.press("g")
    expect(page.locator("#guidelines")).to_contain_text("One wrong claim")
    # The one refusal, which the browser notes.
    assert all("422" in trouble for trouble in troubles), troubles


def test_a_draft_saves_itself_and_a_second_editor_is_told(
    manager: Seat,  # noqa: F811
    items: list[Comparison],
    page: Page,
    live_server: LiveServer,
    troubles: list[str],
) -> None:
    campaign = manager.campaign
    page.goto(f"{live_server.url}{place(campaign)}guidelines/")
    page.get_by_role("link", name="Write the next version").press("Enter")
    other = page.context.new_page()
    other.goto(page.url)
    page.get_by_label("Text", exact=True).focus()
    page.keyboard.press("Control+End")
    page.keyboard.type("\n\n## S1 Safe\n\nReal risk comes first.")
    expect(page.locator("#saved")).to_contain_text("Saved.")
    assert "S1 Safe" in campaign.guidelines.get(number=None).body
    # It goes on from there: the next pause saves again.
    page.keyboard.type(" Always.")
    wait_until(page, "document.querySelector('#saved').textContent.includes('Saved')")
    for _ in range(50):
        if "Always." in campaign.guidelines.get(number=None).body:
            break
        page.wait_for_timeout(100)
    assert "Always." in campaign.guidelines.get(number=None).body
    other.get_by_label("Text", exact=True).focus()
    other.keyboard.press("Control+End")
    other.keyboard.type(" Mine.")
    expect(other.locator("#saved")).to_contain_text("while you were editing")
    expect(other.get_by_label("Text", exact=True)).to_have_value(re.compile("Mine\\.$"))
    other.close()
    page.get_by_role("button", name="Preview").press("Enter")
    expect(page.locator("#preview")).to_contain_text("Real risk comes first.")
    page.get_by_label("What changed", exact=True).fill("Safety")
    page.get_by_role("button", name="Publish version 3").first.press("Enter")
    expect(page.get_by_text("Version 3 is out")).to_be_visible()
    assert not campaign.guidelines.filter(number=None).exists()
    # History is swapped in place.
    page.get_by_label("From version").select_option("1")
    expect(page.locator("#changes")).to_have_attribute("aria-label", "Changes from v1 to v3")
    expect(page.locator("#changes ins").first).to_be_visible()
    assert troubles == []


def test_how_they_look(
    manager: Seat,  # noqa: F811
    items: list[Comparison],
    look: Callable[..., None],  # noqa: F811
) -> None:
    campaign = manager.campaign
    here = place(campaign)
    look(f"{here}review/", "review")
    look(f"{here}review/{items[0].public_id}/", "review-one")
    look(f"{here}guidelines/", "guidelines-clauses")
    look(f"{here}guidelines/draft/", "guidelines-draft")
    look(f"{here}guidelines/stale/", "guidelines-stale")
    user: Any = manager.rater.user
    adjudicate(comparison=items[0], by=user, preference="a", strength=1, note="Format decides.")
    look(f"{here}review/{items[0].public_id}/", "review-decided")
    look(f"{here}review/?state=left_out", "review-empty")
