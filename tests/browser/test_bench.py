"""The bench by keyboard alone, in a real browser, and what it does when the network goes."""

import re

import pytest
from playwright.sync_api import Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Assignment, Judgment
from tests import factories
from tests.browser.conftest import Enter
from tests.web.building import SCHEMA, open_campaign, publish


def bench(page: Page, live_server: LiveServer, slug: str) -> None:
    page.goto(f"{live_server.url}/rate/{slug}/")
    expect(page.locator("form.work")).to_be_visible()


def stored() -> list[Judgment]:
    return list(Judgment.objects.order_by("pk"))


def card(page: Page) -> str:
    return page.locator("form.work [name=assignment_id]").input_value()


def test_ten_comparisons_by_keyboard_alone(
    live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = open_campaign(10)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))
    for number, key in enumerate("1234567017"):
        before = card(page)
        page.keyboard.press(key)
        if key != "0":
            page.keyboard.press("Shift+Digit1")
            page.keyboard.press("Shift+Digit2")
            page.keyboard.press("Shift+Digit2")
        page.keyboard.press("r")
        page.keyboard.type(f"Reason 1 for {number}: u, s, p and 7 are only letters here.")
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        if number < 9:
            expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
            expect(page.locator("#say")).to_contain_text("Saved")
            expect(page.locator("#live")).to_contain_text("Saved")
            expect(page.locator("#task h1")).to_be_focused()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    assert loads == []
    judgments = stored()
    shown = [(j.assignment.side(j.preference), j.strength) for j in judgments if j.assignment]
    assert shown == [
        ("left", 3),
        ("left", 2),
        ("left", 1),
        ("tie", 0),
        ("right", 1),
        ("right", 2),
        ("right", 3),
        ("both_bad", 0),
        ("left", 3),
        ("right", 3),
    ]
    first = judgments[0]
    assert first.assignment is not None
    assert {k: first.assignment.side(v) for k, v in first.criteria.items()} == {
        "helpful": "left",
        "truthful": "tie",
    }
    assert first.rationale.startswith("Reason 1 for 0: u, s, p and 7")
    assert all(judgment.active_ms for judgment in judgments)
    assert troubles == []


def test_undo_by_key_brings_the_last_one_back_and_changes_it(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(3, schema=SCHEMA | {"criteria": []})
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    first = card(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    second = card(page)
    page.keyboard.press("u")
    expect(page.locator("#say")).to_contain_text("You are changing your last judgment")
    assert card(page) == first
    expect(page.locator("[name=verdict][value='left:2']")).to_be_checked()
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    assert card(page) == second
    old, new = stored()
    assert new.supersedes == old
    assert new.assignment is not None
    assert new.assignment.side(new.preference) == "right"


def test_skip_by_key_with_a_reason(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(2)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    before = card(page)
    page.keyboard.press("s")
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    expect(page.locator("#say")).to_contain_text("Skipped")
    assert Assignment.objects.get(outcome="skipped").skip_reason == "language"


def test_what_is_missing_is_said_and_focused_and_nothing_typed_is_lost(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press("r")
    page.keyboard.type("My reason")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Choose which response is better")
    expect(page.locator("[name=verdict]").first).to_be_focused()
    page.keyboard.press("5")
    page.keyboard.press("Shift+Digit1")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Truthful: say which is better")
    expect(page.locator(".mini[data-name=criterion_truthful]")).to_have_attribute("data-error", "")
    expect(page.locator("#why")).to_have_value("My reason")
    page.keyboard.press("Shift+Digit2")
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    assert stored()[0].rationale == "My reason"


def test_a_draft_outlives_a_reload(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(2)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press("6")
    page.keyboard.press("Shift+Digit1")
    page.keyboard.press("r")
    page.keyboard.type("Half a thought")
    page.keyboard.press("Escape")
    page.reload()
    expect(page.locator("[name=verdict][value='right:2']")).to_be_checked()
    expect(page.locator("[name=criterion_helpful][value=left]")).to_be_checked()
    expect(page.locator("#why")).to_have_value("Half a thought")
    page.keyboard.press("Shift+Digit2")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    # The next comparison begins empty, and stays so after a reload.
    page.reload()
    expect(page.locator("[name=verdict]:checked")).to_have_count(0)
    expect(page.locator("#why")).to_have_value("")


def test_a_lost_network_keeps_the_judgment_and_sends_it_once(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(2, schema=SCHEMA | {"criteria": []})
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    before = card(page)

    def cut(route: Route) -> None:
        route.abort("internetdisconnected")

    page.route("**/rate/**", cut)
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("No connection")
    expect(page.locator("[name=verdict][value='left:1']")).to_be_checked()
    assert "Saved" not in page.locator("#say").inner_text()
    assert stored() == []
    # While it waits, keys do not change what is sent.
    page.keyboard.press("7")
    page.unroute("**/rate/**", cut)
    expect(page.locator("#say")).to_contain_text("Saved", timeout=20_000)
    assert card(page) != before
    (judgment,) = stored()
    assert judgment.assignment is not None
    assert judgment.assignment.side(judgment.preference) == "left"


def test_an_answer_that_was_stored_but_not_heard_is_stored_once(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(2, schema=SCHEMA | {"criteria": []})
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    lost: list[str] = []

    def lose_the_first_answer(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.request.url)
            route.fetch(max_redirects=0)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/rate/**", lose_the_first_answer)
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved", timeout=20_000)
    assert len(lost) == 1
    assert len(stored()) == 1


def test_a_lost_lease_says_so_beside_the_typed_answer(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1, schema=SCHEMA | {"criteria": []})
    seat = factories.rater(campaign)
    page = enter(seat)
    bench(page, live_server, campaign.slug)
    other = factories.rater(campaign)
    Assignment.objects.filter(rater=seat.rater).update(rater=other.rater)
    page.keyboard.press("r")
    page.keyboard.type("A long thought")
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.locator("#say .bad")).to_be_visible()
    expect(page.locator("#why")).to_have_value("A long thought")
    expect(page.locator("[name=verdict][value='right:1']")).to_be_checked()
    assert stored() == []


def test_signing_out_elsewhere_keeps_the_answer(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(1, schema=SCHEMA | {"criteria": []})
    seat = factories.rater(campaign)
    page = enter(seat)
    bench(page, live_server, campaign.slug)
    page.context.clear_cookies(name="session")
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("You have been signed out")
    # One key leads to the sign-in page, and that back to the answer.
    expect(page.locator("#say a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#id_username")).to_be_focused()
    assert seat.rater.user is not None
    page.keyboard.type(seat.rater.user.username)
    page.keyboard.press("Tab")
    page.keyboard.type("password")
    page.keyboard.press("Enter")
    expect(page.locator("[name=verdict][value='right:1']")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    assert len(stored()) == 1


def test_the_drawer_and_the_list_of_keys_open_by_key(
    live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = open_campaign(1)
    publish(campaign)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press("g")
    expect(page.locator("#guidelines")).to_contain_text("Be fair.")
    page.keyboard.press("Escape")
    expect(page.locator("#guidelines")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("p")
    expect(page.locator("section.prompt")).to_be_hidden()
    page.keyboard.press("p")
    expect(page.locator("section.prompt")).to_be_visible()
    assert troubles == []


def test_without_javascript_the_whole_loop_works(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(2)
    seat = factories.rater(campaign)
    cookies = enter(seat).context.cookies()
    browser = enter(seat).context.browser
    assert browser is not None
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies(cookies)  # type: ignore[arg-type]
    page = context.new_page()
    bench(page, live_server, campaign.slug)
    page.get_by_role("radio", name="A better", exact=True).check(force=True)
    for name in ("criterion_helpful", "criterion_truthful"):
        page.locator(f"[name={name}][value=right]").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#say")).to_contain_text("Saved")
    page.locator("#say a").click()
    expect(page.locator("[name=verdict][value='left:2']")).to_be_checked()
    page.get_by_role("radio", name="B better", exact=True).check(force=True)
    page.get_by_role("button", name="Save change").click()
    expect(page.locator("#say")).to_contain_text("Saved")
    page.get_by_role("button", name="Skip", exact=False).first.click()
    page.get_by_label("The prompt is unclear").check()
    page.locator("#skip").get_by_role("button", name="Skip").click()
    expect(page.locator("h1")).to_have_text("That was the last one for now")
    context.close()
    assert len(stored()) == 2


def test_the_theme_stays_chosen(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(1)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("radio", name="Dark").check(force=True)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert re.findall(r"\d+", background)[:3] == ["14", "15", "17"]


@pytest.mark.parametrize("key", ["Control+1", "Alt+2", "Meta+3"])
def test_shortcuts_of_the_browser_are_left_alone(
    key: str, live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press(key)
    expect(page.locator("[name=verdict]:checked")).to_have_count(0)
