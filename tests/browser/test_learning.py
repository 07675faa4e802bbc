"""Practice, new guidelines, home and a break, at the keyboard alone and at three widths."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rounds import open_round
from labeling.models import Campaign, Gold, GuidelineReading, Judgment, Seat
from tests import factories
from tests.browser.conftest import wait_until
from tests.browser.looking import Look
from tests.web.building import SCHEMA, open_campaign

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

Enter = Callable[[Seat], Page]
GUIDE = "# Guide\n\nRead both.\n\n## T1 Truthfulness\n\nOne wrong claim loses."
EXAMPLE = {
    "clause": "T1",
    "prompt": "What is 2 + 2?",
    "a": "4",
    "b": "5",
    "preference": "a",
    "strength": 3,
    "why": "B is wrong.",
}


def practising(count: int = 2) -> Campaign:
    campaign = factories.campaign(
        slug="trained", schema=SCHEMA, requirements={"qualification": "trained"}
    )
    publish_guidelines(campaign=campaign, body=GUIDE, by=None, examples=[EXAMPLE])
    for number in range(count):
        Gold.objects.create(
            comparison=factories.comparison(
                campaign,
                f"First answer {number}",
                f"Second answer {number}",
                prompt_text=f"Practice {number}?",
            ),
            preference="tie",
            strength=0,
            explanation="Both say the **same**.",
            clause="T1",
        )
    open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.5)
    factories.open_comparisons(campaign, 2)
    return campaign


def settle(page: Page) -> None:
    """Return once what came in has its place and the focus: then keys go where they should."""
    wait_until(page, "!document.querySelector('.htmx-added, .htmx-settling, .htmx-request')")
    page.evaluate("() => new Promise((done) => setTimeout(done, 50))")


def judge(page: Page, key: str) -> None:
    """Answer at the keyboard, once the card is in place: the step, both criteria, submit."""
    expect(page.locator("form.work")).to_be_visible()
    settle(page)
    for pressed in (key, "Shift+Digit1", "Shift+Digit2", "Enter"):
        page.keyboard.press(pressed)


def test_practice_with_feedback_is_done_with_keys_alone(
    enter: Enter, live_server: LiveServer, troubles: list[str]
) -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    page = enter(seat)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    expect(page.locator("#progress")).to_contain_text("1 of 2")
    judge(page, "4")
    expect(page.get_by_role("heading", name="You saw it as expected")).to_be_visible()
    expect(page.locator(".dock")).to_contain_text("Both say the same.")
    expect(page.locator("[data-enter]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#progress")).to_contain_text("2 of 2")
    judge(page, "1")
    expect(page.get_by_role("heading", name="This one was expected to be a tie")).to_be_visible()
    expect(page.locator(".dock")).to_contain_text("You have passed.")
    page.keyboard.press("Enter")
    expect(page.locator("form.work")).to_be_visible()
    seat.refresh_from_db()
    assert seat.qualified_at is not None
    judge(page, "7")
    expect(page.locator("#say")).to_contain_text("Saved")
    assert Judgment.objects.count() == 3
    assert troubles == []


def test_an_appeal_is_written_with_keys_alone(enter: Enter, live_server: LiveServer) -> None:
    campaign = practising()
    page = enter(factories.rater(campaign))
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    judge(page, "1")
    expect(page.locator("[data-enter]")).to_be_focused()
    settle(page)
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#appeal-why")).to_be_focused()
    page.keyboard.type("A is plainly better.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your appeal waits for a manager")).to_be_visible()


def test_guidelines_published_while_judging_are_read_and_the_answer_is_still_there(
    enter: Enter, live_server: LiveServer
) -> None:
    campaign = open_campaign(3)
    publish_guidelines(campaign=campaign, body=GUIDE, by=None)
    seat = factories.rater(campaign)
    page = enter(seat)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    judge(page, "2")
    expect(page.locator("#say")).to_contain_text("Saved")
    settle(page)
    page.keyboard.press("r")
    page.keyboard.type("Typed before the change.")
    page.keyboard.press("Escape")
    publish_guidelines(
        campaign=campaign, body=GUIDE + "\n\n## S1 Safety\n\nReal risk loses.", by=None
    )
    judge(page, "3")
    expect(page.locator("#say")).to_contain_text("The guidelines changed to v2")
    expect(page.locator("#say [data-enter]")).to_be_focused()
    settle(page)
    assert Judgment.objects.count() == 1
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The guidelines have changed")).to_be_visible()
    expect(page.get_by_text("Real risk loses.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_have_value("Typed before the change.")
    expect(page.locator('[name=verdict][data-key="3"]')).to_be_checked()
    assert GuidelineReading.objects.filter(rater=seat.rater, version__number=2).count() == 1
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    assert Judgment.objects.count() == 2


def test_the_drawer_shows_examples_under_their_clause(
    enter: Enter, live_server: LiveServer
) -> None:
    campaign = practising()
    page = enter(factories.rater(campaign))
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    page.keyboard.press("g")
    drawer = page.locator("#guidelines")
    expect(drawer.locator(".example")).to_contain_text("What is 2 + 2?")
    expect(drawer.locator(".example")).to_contain_text("A much better")
    page.keyboard.press("g")
    expect(drawer).to_be_hidden()


def test_a_break_is_offered_once_after_fifty_minutes(enter: Enter, live_server: LiveServer) -> None:
    campaign = open_campaign(2)
    page = enter(factories.rater(campaign))
    page.clock.install()
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")

    def work(minutes: int) -> None:
        for _ in range(minutes * 2):
            page.clock.run_for(30_000)
            page.evaluate("dispatchEvent(new KeyboardEvent('keydown', { key: 'Shift' }))")

    page.evaluate("document.hasFocus = () => true")
    work(49)
    expect(page.locator(".rest")).to_have_count(0)
    work(2)
    expect(page.locator(".rest")).to_contain_text("A short break now")
    page.locator(".rest").get_by_role("button").press("Enter")
    expect(page.locator(".rest")).to_have_count(0)
    work(10)
    expect(page.locator(".rest")).to_have_count(0)


def test_every_page_of_learning_is_sound_at_every_width(
    enter: Enter, live_server: LiveServer
) -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    page = enter(seat)
    look = Look(page)
    bench = f"{live_server.url}/rate/{campaign.slug}/"
    page.goto(bench)
    look.at_every_width("practice")
    judge(page, "1")
    expect(page.locator(".feedback")).to_be_visible()
    look.at_every_width("practice-feedback")
    publish_guidelines(
        campaign=campaign,
        body=GUIDE.replace("wrong", "wrong or invented") + "\n\n## S1 Safety\n\nReal risk loses.",
        by=None,
        change_note="Two gold items were about invented sources.",
    )
    for name, address in (
        ("guidelines-news", f"{bench}guidelines/news/"),
        ("guidelines", f"{bench}guidelines/"),
        ("answers", f"{bench}answers/"),
        ("home", f"{live_server.url}/rate/"),
    ):
        page.goto(address)
        look.at_every_width(name)
    page.goto(f"{bench}guidelines/news/")
    page.keyboard.press("Enter")
    judge(page, "2")
    expect(page.locator("[data-enter]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Thank you for practising")).to_be_visible()
    look.at_every_width("not-passed")
    page.goto(f"{live_server.url}/rate/")
    look.at_every_width("home-not-passed")
    assert look.faults == []
