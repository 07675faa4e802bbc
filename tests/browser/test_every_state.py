"""Every state of the bench, at each width and in both themes: for everybody, and still."""

from functools import partial
from typing import Any

from playwright.sync_api import FloatRect, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.guidelines import publish_guidelines
from tests import factories
from tests.browser.conftest import Enter, wait_until
from tests.browser.looking import HEIGHTS, WIDTHS, Look
from tests.browser.states import (
    ASKS_MUCH,
    BARE,
    CRITERIA,
    GUIDELINES,
    OTHER_STEPS,
    STEPS,
    bench_campaign,
    card,
    judge_all_criteria,
    pass_on,
    send,
)


def overlays(page: Page, look: Look) -> None:
    """What opens over the bench, one after the other."""
    for key, name in (
        ("e", "edit"),
        ("c", "clauses"),
        ("f", "flag"),
        ("g", "guidelines"),
        ("?", "keys"),
        ("s", "skip"),
    ):
        with look.act(name, within=f"#{name}"):
            page.keyboard.press(key)
            expect(page.locator(f"#{name}")).to_be_visible()
            if name == "edit":
                page.keyboard.type("Mostly: ")
            if name == "guidelines":
                expect(page.locator("#guidelines .clause").first).to_be_visible()
        close(page)
    hidden = page.locator(".response .hid")
    owner = str(hidden.get_attribute("popovertarget"))
    hidden.focus()
    with look.act("hidden", within=f"#{owner}", moves=True):
        page.keyboard.press("Enter")
        expect(page.locator(f"#{owner}")).to_be_visible()
    with look.act("hidden-marked", moves=True, within="#pair"):
        page.keyboard.press("Space")
    page.keyboard.press("Space")
    close(page)
    page.get_by_role("button", name="Theme").focus()
    with look.act("theme", within="#theme"):
        page.keyboard.press("Enter")
        expect(page.locator("#theme")).to_be_visible()
    close(page)


def close(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(page.locator(":popover-open")).to_have_count(0)


def test_the_bench_while_its_rater_works(live_server: LiveServer, enter: Enter) -> None:
    campaign = bench_campaign(10, schema=ASKS_MUCH)
    page = enter(factories.rater(campaign))
    look = Look(page)
    look.load(f"{live_server.url}/rate/{campaign.slug}/", "bench", until="form.work")
    for width in WIDTHS:
        look.widen(width)
        look.at("bench")
        with look.act("tie", within=".dock"):
            page.keyboard.press("4")
        with look.act("chosen"):
            page.keyboard.press("7")
        with look.act("refused", within=".dock"):
            page.keyboard.press("Enter")
            expect(page.locator("#say")).to_contain_text("Helpful: say which is better")
        page.keyboard.press("Escape")
        with look.act("reason", within=".dock", moves=True):
            page.keyboard.press("r")
            page.keyboard.type("One wrong number outweighs better prose, and A has two of them.")
        page.keyboard.press("Escape")
        with look.act("differences", within="#pair"):
            page.keyboard.press("d")
        page.keyboard.press("d")
        with look.act("prompt-hidden", moves=True):
            page.keyboard.press("p")
        page.keyboard.press("p")
        overlays(page, look)
        judge_all_criteria(page)
        send(page)
        look.at("saved", within=".dock")
        page.keyboard.press("2")
        judge_all_criteria(page)
        page.context.set_offline(True)
        with look.act("offline", within=".dock"):
            page.keyboard.press("Enter")
            expect(page.locator("#say")).to_contain_text("No connection")
        before = card(page)
        page.context.set_offline(False)
        expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
        page.keyboard.press("u")
        expect(page.locator("#say")).to_contain_text("You are changing")
        look.at("undo", within=".dock")
        with look.act("undo-list", within="#earlier"):
            page.get_by_role("button", name="Another").click()
            expect(page.locator("#earlier")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Keep it").click()
        expect(page.locator("#say")).to_be_empty()
    assert not look.faults, "\n".join(look.faults)


def test_what_is_said_when_an_answer_is_not_taken(live_server: LiveServer, enter: Enter) -> None:
    """Every message above the dock that is not seen on a day when all goes well."""
    campaign = bench_campaign(3, schema=BARE)
    seat = factories.rater(campaign)
    page = enter(seat)
    look = Look(page)
    bench = f"{live_server.url}/rate/{campaign.slug}/"
    look.load(bench, "messages", until="form.work")
    page.keyboard.press("1")
    send(page)
    page.keyboard.press("2")
    page.context.clear_cookies(name="session")
    with look.act("signed-out", within=".dock"):
        page.keyboard.press("Enter")
        expect(page.locator("#say a")).to_have_text("Sign in")
    look.at_every_width("signed-out", within=".dock")
    enter(seat)
    with page.expect_response("**/draft/"):
        page.reload()
    publish_guidelines(campaign=campaign, body=GUIDELINES + "\n## S1 Safety\n\nHarm.", by=None)
    with look.act("news", within=".dock"):
        page.keyboard.press("Enter")
        expect(page.locator("#say a")).to_have_text("What is new")
    look.at_every_width("news", within=".dock")
    look.load(f"{bench}guidelines/news/", "guidelines-news")
    look.at_every_width("guidelines-news")
    page.keyboard.press("Enter")
    expect(page.locator("form.work")).to_be_visible()
    for name, status in (("failed", 500), ("busy", 503)):
        page.route(bench, partial(Route.fulfill, status=status))
        with look.act(name, within=".dock"):
            page.keyboard.press("Enter")
            expect(page.locator("#say .bad")).to_be_visible()
        look.at_every_width(name, within=".dock")
        page.unroute(bench)
        page.reload()
    pass_on(card(page), factories.rater(campaign))
    with look.act("lost", within=".dock"):
        page.keyboard.press("Enter")
        expect(page.locator("#say a")).to_have_text("Next")
    look.at_every_width("lost", within=".dock")
    assert not look.faults, "\n".join(look.faults)


def test_the_bench_for_each_kind_of_question(live_server: LiveServer, enter: Enter) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "scale-2": {"schema": BARE | {"scale": 2}},
        "scale-4-quality": {
            "schema": BARE | {"scale": 4, "absolute_quality": True, "rationale": "required"}
        },
        "steps": {
            "schema": BARE | {"steps": True, "criteria": CRITERIA[:1]},
            "left": STEPS,
            "right": OTHER_STEPS,
        },
        "everything": {
            "schema": ASKS_MUCH | {"absolute_quality": True, "steps": True},
            "left": STEPS,
            "right": OTHER_STEPS,
        },
        "locked": {
            "schema": BARE,
            "presentation": {"arms": [{"name": "slow", "mode": "paced", "tokens_per_second": 0.5}]},
        },
    }
    for kind, asked in kinds.items():
        campaign = bench_campaign(1, **asked)
        page = enter(factories.rater(campaign))
        look = Look(page)
        if kind == "locked":
            page.emulate_media(reduced_motion="no-preference")
        look.load(f"{live_server.url}/rate/{campaign.slug}/", kind, until="form.work")
        for width in WIDTHS:
            look.widen(width)
            if kind == "locked":
                look.at(kind)
                continue
            page.keyboard.press("1")
            for number, mark in ((1, "ok"), (2, "bad")):
                for step in page.locator(f".steps > li:nth-child({number}) label.{mark}").all():
                    step.click()
            for group in page.locator(".grade").all():
                group.locator("label").nth(4).click()
            look.at(kind)
        assert not look.faults, "\n".join(look.faults)


def box(page: Page, selector: str) -> FloatRect:
    found = page.locator(selector).first.bounding_box()
    assert found, selector
    return found


def test_a_phone_is_enough(live_server: LiveServer, enter: Enter) -> None:
    """A and B are tabs to tap or swipe, and the dock stays under the thumb."""
    campaign = bench_campaign(2, schema=ASKS_MUCH)
    page = enter(factories.rater(campaign))
    look = Look(page)
    look.widen(390)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    tabs = {side: page.locator(f".switch a[href='#{side}']") for side in "ab"}
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    expect(tabs["b"]).not_to_have_attribute("aria-current", "true")
    history = page.evaluate("history.length")
    tabs["b"].click()
    expect(tabs["b"]).to_have_attribute("aria-current", "true")
    expect(tabs["a"]).not_to_have_attribute("aria-current", "true")
    assert box(page, "#b")["x"] == 0
    assert page.evaluate("history.length") == history
    # A swipe ends on a whole response.
    page.evaluate("document.getElementById('pair').scrollBy({ left: -250 })")
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    wait_until(page, "document.getElementById('a').getBoundingClientRect().x === 0")
    page.evaluate("scrollTo(0, 0)")
    dock = box(page, ".dock")
    assert dock["y"] + dock["height"] == HEIGHTS[390]
    assert dock["height"] <= HEIGHTS[390] / 2
    for step in page.locator(".scale label").all():
        size = step.bounding_box()
        assert size and size["height"] >= 44 and size["width"] >= 24
    for action in page.locator(".actions > .btn:visible, .both-bad, .cite, #why").all():
        size = action.bounding_box()
        assert size and size["height"] >= 40, action.inner_text()
    page.locator(".scale label").nth(5).click()
    expect(page.locator(".scale label").nth(5).locator(".words")).to_be_visible()
    # Whoever changes their mind taps another step.
    page.locator(".scale label").nth(1).click()
    expect(page.locator("[name=verdict][value='left:2']")).to_be_checked()
    expect(page.locator(".scale label").nth(1).locator(".words")).to_be_visible()
    for number in range(3):
        page.locator(".mini .seg label.b").nth(number).click()
    before = card(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    expect(page.locator("#task h1")).to_be_focused()


def test_narrow_enlarged_and_in_colours_of_ones_own(live_server: LiveServer, enter: Enter) -> None:
    """At 320 px, at 200 % of 1280 px, with letters twice as large, and with forced colours."""
    campaign = bench_campaign(
        1, STEPS, OTHER_STEPS, schema=ASKS_MUCH | {"absolute_quality": True, "steps": True}
    )
    seat = factories.rater(campaign)
    page = enter(seat)
    look = Look(page)
    url = live_server.url
    for address, name in (
        (f"{url}/rate/", "home"),
        (f"{url}/account/", "account"),
        (f"{url}/rate/{campaign.slug}/", "everything"),
    ):
        page.set_viewport_size({"width": 320, "height": 800})
        page.goto(address)
        for width, height in ((320, 800), (320, 256), (640, 400)):
            page.set_viewport_size({"width": width, "height": height})
            look.picture(f"{name}-{width}x{height}")
            assert look.overflow() <= 0, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        look.picture(f"{name}-text-200")
        assert look.overflow() <= 0, (name, "text at 200 %")
    # A low window is not filled by the dock.
    page.set_viewport_size({"width": 640, "height": 400})
    page.goto(f"{url}/rate/{campaign.slug}/")
    assert box(page, ".dock")["y"] >= 400
    look.widen(1440)
    page.emulate_media(forced_colors="active")
    page.keyboard.press("6")
    look.picture("everything-forced")
    chosen = page.locator(".scale label").nth(5)
    for shown_chosen in (chosen, page.locator("#b")):
        style = shown_chosen.evaluate("n => getComputedStyle(n).outline")
        assert "solid" in style, style
    assert look.overflow() <= 0
