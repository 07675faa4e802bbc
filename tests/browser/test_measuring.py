"""What the bench measures while somebody judges: counts, lengths and times, and never a word."""

import json

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.rounds import open_waiting
from labeling.models import Judgment
from tests import factories
from tests.browser.arriving import PLAIN, bench
from tests.browser.conftest import Enter, wait_until
from tests.web.building import open_campaign

SECRET = "zq these words are nobodys business"
LONG = "A paragraph that goes on for quite a while. " * 400


def submit(page: Page) -> Judgment:
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    return Judgment.objects.get()


def put_in_clipboard(page: Page, context: BrowserContext, text: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("(text) => navigator.clipboard.writeText(text)", text)


def test_typing_and_pasting_are_counted_and_no_word_is_kept(
    live_server: LiveServer, enter: Enter, context: BrowserContext
) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or ""))
    bench(page, live_server, campaign.slug)
    put_in_clipboard(page, context, SECRET)
    page.keyboard.press("r")
    page.keyboard.type("Better.")
    page.keyboard.press("Backspace")
    page.keyboard.press("Control+v")
    expect(page.locator("#why")).to_have_value("Better" + SECRET)
    # What was pasted is taken out again: that it was pasted stays known, the words do not.
    for _ in range(len(SECRET)):
        page.keyboard.press("Backspace")
    page.keyboard.press("Escape")
    page.keyboard.press("2")
    judgment = submit(page)
    client = judgment.client
    assert judgment.rationale == "Better"
    assert client["pastes"] == [{"into": "rationale", "chars": len(SECRET)}]
    assert client["paste_count"] == 1
    assert client["keystrokes"] == 8 + len(SECRET)
    assert client["typed_chars"] == 7
    row = json.dumps({key: str(value) for key, value in vars(judgment).items()})
    assert "zq" not in row
    assert [body for body in sent if '"chars"' in body and "zq" in body] == []


def test_copies_are_counted_by_where_they_come_from(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    for selector in (".prompt .prose", "#a > .prose", "#b > .prose"):
        page.evaluate(
            "(selector) => getSelection().selectAllChildren(document.querySelector(selector))",
            selector,
        )
        page.keyboard.press("Control+c")
    page.keyboard.press("2")
    client = submit(page).client
    assert client["copy_count"] == 3
    assert [copy["from"] for copy in client["copies"]] == ["prompt", "left", "right"]
    assert all(10 <= copy["chars"] <= 20 for copy in client["copies"])


def test_changes_of_mind_and_the_first_choice_are_noted(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.clock.install()
    for key in ("2", "2", "6", "0", "7"):
        page.keyboard.press(key)
    judgment = submit(page)
    client = judgment.client
    assert client["verdict_changes"] == 3
    assert 0 <= client["first_choice_ms"] <= client["active_ms"]
    assert client["active_ms"] == judgment.active_ms
    assert (client["page"], client["script"], client["shown_as"]) == ("bench", True, "instant")


def test_leaving_the_window_is_counted_with_its_time(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    bench(page, live_server, campaign.slug)
    for away in (5000, 90_000):
        page.evaluate("window.dispatchEvent(new Event('blur'))")
        page.clock.run_for(away)
        page.evaluate("window.dispatchEvent(new Event('focus'))")
    page.keyboard.press("2")
    page.clock.resume()
    client = submit(page).client
    assert (client["blur_count"], client["return_count"]) == (2, 2)
    assert client["away_ms"] == 95_000
    assert client["away_longest_ms"] == 90_000


@pytest.mark.parametrize("is_read", [True, False])
def test_whether_both_ends_were_seen_is_noted(
    live_server: LiveServer, enter: Enter, is_read: bool
) -> None:
    campaign = open_campaign(0, schema=PLAIN)
    factories.comparison(campaign, LONG, f"{LONG}!")
    open_waiting(campaign=campaign, by=None)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    if is_read:
        page.mouse.move(400, 400)
        page.mouse.wheel(0, 300)
        wait_until(page, "scrollY > 100")
        page.mouse.wheel(0, 100_000)
        wait_until(page, "scrollY + innerHeight > document.body.scrollHeight - 5")
        # What is in view is looked at in the next frame.
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    page.keyboard.press("2")
    client = submit(page).client
    if is_read:
        assert set(client["first_scroll_ms"]) == set(client["full_read_ms"]) == {"left", "right"}
        for side in ("left", "right"):
            assert client["first_scroll_ms"][side] <= client["full_read_ms"][side]
    else:
        assert "first_scroll_ms" not in client
        assert "full_read_ms" not in client


def test_on_a_phone_a_side_that_was_never_swiped_to_was_not_read(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    page.set_viewport_size({"width": 390, "height": 844})
    bench(page, live_server, campaign.slug)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    page.locator("[name=verdict][value='left:2']").check(force=True)
    page.locator(".dock [type=submit]").click()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    assert set(Judgment.objects.get().client["full_read_ms"]) == {"left"}
