"""Every language's pages at two widths and in both themes; and sides that stay where they are."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Judgment, Seat, User
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.test_looks import overflow, picture, rich_campaign, violations
from tests.web.building import SCHEMA, open_campaign, publish

LANGUAGES = ("es", "fr", "hi", "ar")


def speak(seat: Seat, language: str) -> None:
    User.objects.filter(raters=seat.rater).update(language=language)


def in_theme(page: Page, theme: str) -> None:
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)


def outside(page: Page) -> list[str]:
    """Controls of the dock and the bar that stick out of the window."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.topbar *, .pin *, .dock *')].filter((one) => {
            const box = one.getBoundingClientRect();
            return one.checkVisibility() && !one.closest('.sr-only, [popover]')
                && getComputedStyle(one).clipPath === 'none' && box.width > 1
                && !one.parentElement.closest('.clip')
                && (box.left < -1 || box.right > innerWidth + 1);
        }).map((one) => one.outerHTML.slice(0, 160))"""
    )
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_bench_of_every_language_fits_and_shuts_nobody_out(
    language: str, live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = rich_campaign()
    seat = factories.rater(campaign)
    speak(seat, language)
    page = enter(seat)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{live_server.url}/rate/{campaign.slug}/")
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.evaluate("getComputedStyle(document.body).direction") == (
            "rtl" if language == "ar" else "ltr"
        )
        assert overflow(page) == 0, f"{language} at {width}"
        assert outside(page) == [], f"{language} at {width}"
        for theme in ("light", "dark"):
            in_theme(page, theme)
            page.wait_for_timeout(300)
            picture(page, f"{language}-bench-{width}-{theme}")
            assert violations(page) == [], f"{language} at {width}, {theme}"
    assert troubles == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_around_the_bench_fit_in_every_language(
    language: str, live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(2)
    publish(campaign)
    seat = factories.rater(campaign)
    speak(seat, language)
    page = enter(seat)
    guidelines = f"/rate/{campaign.slug}/guidelines/"
    for path in ("/rate/", "/account/", "/rate/recorded/", guidelines, "/rate/none/"):
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(f"{live_server.url}{path}")
            name = path.strip("/").replace("/", "-").replace(campaign.slug, "campaign")
            picture(page, f"{language}-{name}-{width}")
            assert overflow(page) == 0, f"{language}: {path} at {width}"
            assert violations(page) == [], f"{language}: {path} at {width}"


def test_the_menus_open_inside_the_window_from_right_to_left(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1)
    publish(campaign)
    seat = factories.rater(campaign)
    speak(seat, "ar")
    page = enter(seat)
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{live_server.url}/rate/{campaign.slug}/")
        for box in ("keys", "skip", "guidelines", "theme", "flag"):
            page.locator(f"[popovertarget={box}]").first.click()
            expect(page.locator(f"#{box}")).to_be_visible()
            page.wait_for_timeout(300)
            place = page.locator(f"#{box}").bounding_box()
            assert place is not None
            assert place["x"] >= -1 and place["x"] + place["width"] <= width + 1, box
            picture(page, f"ar-{box}-{width}")
            page.keyboard.press("Escape")


@pytest.mark.parametrize("language", ["en", "ar"])
def test_left_means_left_whatever_the_direction_of_the_page(
    language: str, live_server: LiveServer, enter: Enter
) -> None:
    """What is stored as left was on the left: position bias is counted by place."""
    campaign = open_campaign(2, schema=SCHEMA | {"criteria": []})
    seat = factories.rater(campaign)
    speak(seat, language)
    page = enter(seat)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    expect(page.locator("form.work")).to_be_visible()

    def at(selector: str) -> float:
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        return box["x"]

    assert at("#a") < at("#b")
    steps = page.locator(".scale label").all()
    places = [box["x"] for step in steps if (box := step.bounding_box())]
    assert len(places) == 7 and places == sorted(places)
    on_the_left = page.locator("#a > .prose").inner_text().strip()
    # The leftmost step of the scale, by hand.
    steps[0].click()
    page.keyboard.press("Enter")
    expect(page.locator("#say [role=status]")).to_be_visible()
    (judgment,) = Judgment.objects.select_related("assignment__comparison")
    assert judgment.assignment is not None
    assert judgment.assignment.side(judgment.preference) == "left"
    comparison = judgment.assignment.comparison
    completion = getattr(comparison, f"completion_{judgment.preference}")
    text = completion.messages[0]["content"].replace("*", "")
    assert on_the_left == text


def test_on_a_phone_the_first_swipe_leads_from_a_to_b_in_arabic_too(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1)
    seat = factories.rater(campaign)
    speak(seat, "ar")
    page = enter(seat)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    a, b = page.locator("#a").bounding_box(), page.locator("#b").bounding_box()
    assert a is not None and b is not None
    assert abs(a["x"]) < 2 and b["x"] >= 388
    links = [page.locator(f".switch a[href='#{side}']").bounding_box() for side in "ab"]
    assert links[0] is not None and links[1] is not None
    assert links[0]["x"] < links[1]["x"]
