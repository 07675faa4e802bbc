"""Texts that arrive over time, on a clock that the test turns: paced, recorded, and not at all."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Completion, Judgment
from tests import factories
from tests.browser.arriving import (
    HUNDRED,
    RICH,
    arriving_campaign,
    bench,
    is_locked,
    seen,
    still,
    words,
)
from tests.browser.conftest import Enter

A_FRAME = 40


def stored() -> Judgment:
    return Judgment.objects.order_by("pk")[0]


def record(campaign: Any, first: list[int] | None, second: list[int] | None) -> None:
    """Give the two completions these token times, the first to the one shown on the left."""
    assignment = campaign.assignments.get()
    pair = [assignment.comparison.completion_a, assignment.comparison.completion_b]
    for completion, times in zip(
        pair if assignment.a_on_left else pair[::-1], (first, second), strict=True
    ):
        Completion.objects.filter(pk=completion.pk).update(token_times=times)


def test_both_texts_arrive_at_their_pace_and_unlock_the_dock(
    live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = arriving_campaign()
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    assert words(page, "a") == words(page, "b") == 0
    for side in "ab":
        expect(page.locator(f"#{side}")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#say")).to_contain_text("unlocks when both responses have finished")
    expect(page.locator("#live")).to_contain_text("unlocks when both responses have finished")
    assert is_locked(page)
    page.clock.run_for(4000)
    # Ten tokens a second, a word a token: all words that have begun to come are there, or one less.
    assert 37 <= words(page, "a") <= 40
    assert 37 <= words(page, "b") <= 40
    assert HUNDRED.startswith(seen(page, "a").strip())
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("[name=verdict]:checked")).to_have_count(0)
    page.clock.run_for(6000 + A_FRAME)
    assert words(page, "a") == words(page, "b") == 100
    for side in "ab":
        expect(page.locator(f"#{side}")).not_to_have_attribute("aria-busy", "true")
    expect(page.locator("#live")).to_have_text("Both responses have finished.")
    expect(page.locator("#say .toast")).to_have_count(0)
    assert not is_locked(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    judgment = stored()
    assert judgment.presentation_arm == "zq-arm"
    assert judgment.client["shown_as"] == "paced"
    assert "revealed_early" not in judgment.client
    assert 10_000 <= judgment.client["arrival_ms"] <= 10_000 + 2 * A_FRAME
    assert troubles == []


def test_space_shows_both_at_once_and_that_is_stored(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign()
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    page.clock.run_for(2500)
    page.keyboard.press("Space")
    assert words(page, "a") == words(page, "b") == 100
    assert not is_locked(page)
    page.keyboard.press("5")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    client = stored().client
    assert (client["shown_as"], client["revealed_early"]) == ("paced", True)
    assert client["shown_share"]["left"] == pytest.approx(0.25, abs=0.01)


def test_an_arm_without_the_lock_takes_an_answer_before_the_end(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = arriving_campaign(lock_until_shown=False)
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    page.clock.run_for(5000)
    assert not is_locked(page)
    expect(page.locator("#say")).to_contain_text("You can answer before they have finished")
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    client = stored().client
    assert client["shown_as"] == "paced"
    assert client["shown_share"]["right"] == pytest.approx(0.5, abs=0.01)
    assert "revealed_early" not in client


def test_the_next_card_arrives_as_the_first_did(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign(count=2)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    first = page.locator("form.work [name=assignment_id]").input_value()
    page.keyboard.press("Space")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(first)
    expect(page.locator("#a")).to_have_attribute("aria-busy", "true")
    expect(page.locator("#say")).to_contain_text("unlocks when both responses have finished")
    assert words(page, "a") < 100
    page.keyboard.press("Space")
    expect(page.locator("#a")).not_to_have_attribute("aria-busy", "true")
    assert words(page, "a") == 100


def test_recorded_times_are_followed_on_each_side(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign(mode="recorded", tokens_per_second=None)
    # Left: a long wait, then all in a rush. Right: half at once, the rest by and by.
    record(campaign, [*range(3000, 3100)], [*[0] * 50, *range(80, 4080, 80)])
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    page.clock.run_for(2000)
    assert words(page, "a") == 0
    assert 70 <= words(page, "b") <= 76
    page.clock.run_for(1000 + 100 + A_FRAME)
    assert words(page, "a") == 100
    assert 86 <= words(page, "b") <= 90
    assert is_locked(page)
    page.clock.run_for(900)
    assert words(page, "b") == 100
    assert not is_locked(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    assert stored().client["shown_as"] == "recorded"


def test_a_timing_recorded_on_one_side_only_is_not_made_up_for_the_other(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = arriving_campaign(mode="recorded", tokens_per_second=None)
    record(campaign, [10, 20, 30_000], None)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    assert words(page, "a") == words(page, "b") == 100
    assert not is_locked(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    client = stored().client
    assert (client["shown_as"], client["instant_because"]) == ("instant", "not_recorded")


def test_with_less_movement_texts_arrive_whole(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign()
    page = enter(factories.rater(campaign))
    page.emulate_media(reduced_motion="reduce")
    bench(page, live_server, campaign.slug)
    assert words(page, "a") == words(page, "b") == 100
    assert not is_locked(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    judgment = stored()
    assert judgment.presentation_arm == "zq-arm"
    assert judgment.client["shown_as"] == "instant"
    assert judgment.client["instant_because"] == "reduced_motion"


def test_without_javascript_texts_are_whole_and_the_judgment_says_so(
    live_server: LiveServer, enter: Enter, context: BrowserContext, browser: Browser
) -> None:
    campaign = arriving_campaign()
    enter(factories.rater(campaign))
    plain = browser.new_context(java_script_enabled=False)
    plain.add_cookies(context.cookies())  # type: ignore[arg-type]
    page = plain.new_page()
    bench(page, live_server, campaign.slug)
    assert words(page, "a") == words(page, "b") == 100
    expect(page.locator("[aria-busy]")).to_have_count(0)
    page.locator("[name=verdict][value='left:2']").check(force=True)
    page.locator(".dock [type=submit]").click()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    judgment = stored()
    assert judgment.presentation_arm == "zq-arm"
    assert (judgment.client["shown_as"], judgment.client["script"]) == ("instant", False)
    plain.close()


def test_should_the_script_never_come_the_texts_come_without_it(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = arriving_campaign()
    page = enter(factories.rater(campaign))
    page.route("**/bench_whole*.js", lambda route: route.abort())
    bench(page, live_server, campaign.slug)
    expect(page.locator("#a > .prose")).to_have_css("visibility", "visible", timeout=15_000)
    assert words(page, "a") == 100
    assert not is_locked(page)


# Where every block stands. Spans are left out: a run of text that comes in part is two for a while.
BOXES = """() => [...document.querySelectorAll('.response, .prose *')]
  .filter((node) => node.tagName !== 'SPAN').map((node) => {
    const box = node.getBoundingClientRect();
    return [node.tagName, box.x, box.y, box.width, box.height].join(' ');
  })"""


def test_all_kinds_of_content_arrive_in_their_places_and_leave_no_trace(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = arriving_campaign(RICH, RICH + "\nMore.", tokens_per_second=5)
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    before = page.evaluate(BOXES)
    shown: list[str] = []
    for _ in range(12):
        page.clock.run_for(1500)
        shown.append(" ".join(seen(page, "a").split()))
        assert page.evaluate(BOXES) == before
    page.keyboard.press("Space")
    assert page.evaluate(BOXES) == before
    whole = " ".join(seen(page, "a").split())
    assert len(set(shown)) > 6
    assert all(len(one) <= len(after) for one, after in pairwise(shown))
    assert "The last words." in whole
    expect(page.locator(".to-come")).to_have_count(0)
    page.emulate_media(reduced_motion="reduce")
    arrived = page.locator("#a > .prose").inner_html()
    page.reload()
    assert page.locator("#a > .prose").inner_html() == arrived


def test_nothing_shifts_while_texts_arrive(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign(RICH, RICH + "\nMore.", tokens_per_second=200)
    page = enter(factories.rater(campaign))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => {"
        " window.shift += entry.value })).observe({type: 'layout-shift', buffered: true})"
    )
    bench(page, live_server, campaign.slug)
    expect(page.locator("#live")).to_have_text("Both responses have finished.", timeout=15_000)
    page.wait_for_timeout(200)
    assert page.evaluate("window.shift") == 0


def test_a_tab_in_the_background_holds_the_arrival(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign()
    page = enter(factories.rater(campaign))
    still(page)
    bench(page, live_server, campaign.slug)
    page.clock.run_for(1000)
    hide(page, True)
    # A browser gives a hidden tab no frames; then comes one that is half an hour late.
    page.clock.fast_forward(1_800_000)
    hide(page, False)
    page.clock.run_for(1000)
    assert 17 <= words(page, "a") <= 21
    page.keyboard.press("Space")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    page.clock.resume()
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    client = stored().client
    assert client["arrival_ms"] < 2200
    assert client["arrival_hidden_ms"] >= 1_800_000


def hide(page: Page, is_hidden: bool) -> None:
    page.evaluate(
        """(is) => {
          Object.defineProperty(document, 'hidden', { value: is, configurable: true });
          const state = is ? 'hidden' : 'visible';
          Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }""",
        is_hidden,
    )


def test_undo_shows_at_once_what_was_read_before(live_server: LiveServer, enter: Enter) -> None:
    campaign = arriving_campaign(count=2)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press("Space")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    page.keyboard.press("u")
    expect(page.locator("form.work [name=judgment_id]")).to_have_count(1)
    assert words(page, "a") == 100
    assert not is_locked(page)
