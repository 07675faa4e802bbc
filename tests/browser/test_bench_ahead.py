"""The next card in a real browser: at once, without a shift, in one tab, and given back."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Assignment, Judgment
from tests import factories
from tests.browser.conftest import Enter
from tests.web.building import SCHEMA, open_campaign

PLAIN = SCHEMA | {"criteria": []}
SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


def bench(page: Page, live_server: LiveServer, slug: str) -> None:
    page.goto(f"{live_server.url}/rate/{slug}/")
    expect(page.locator("form.work")).to_be_visible()


def card(page: Page) -> str:
    return page.locator("form.work [name=assignment_id]").input_value()


@pytest.fixture
def prepares(page: Page) -> Iterator[list[int]]:
    """The status of every answer to the page's wish for the next card."""
    seen: list[int] = []
    page.on("response", lambda r: seen.append(r.status) if r.url.endswith("/ahead/") else None)
    yield seen


def wait_prepared(page: Page, prepares: list[int], count: int) -> None:
    for _ in range(100):
        if len(prepares) >= count:
            break
        page.wait_for_timeout(50)
    assert len(prepares) >= count
    page.wait_for_timeout(50)


def test_the_prepared_card_comes_with_the_answer_and_nothing_moves(
    live_server: LiveServer, enter: Enter, prepares: list[int], troubles: list[str]
) -> None:
    campaign = open_campaign(5, schema=PLAIN)
    page = enter(factories.rater(campaign))
    page.add_init_script(SHIFTS)
    gets: list[str] = []
    bench(page, live_server, campaign.slug)
    page.on(
        "request",
        lambda r: gets.append(r.url) if r.method == "GET" and "/static/" not in r.url else None,
    )
    for number in range(1, 4):
        wait_prepared(page, prepares, number)
        before = card(page)
        page.keyboard.press("6")
        page.keyboard.press("Enter")
        expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
        expect(page.locator("#say")).to_contain_text("Saved")
        expect(page.locator("#task h1")).to_be_focused()
        expect(page.locator("#progress")).to_contain_text(f"{number} today")
        expect(page.locator("[name=verdict]:checked")).to_have_count(0)
        expect(page.locator("#undo")).to_be_visible()
    # No card was asked for after an answer: each was there.
    assert gets == []
    assert prepares[:3] == [200] * 3
    assert Judgment.objects.count() == 3
    # The links of a card that was put in place work as on any other.
    page.keyboard.press("u")
    expect(page.locator("#say")).to_contain_text("You are changing your last judgment")
    assert page.evaluate("window.shifted") == 0
    assert troubles == []


def test_closing_the_tab_gives_the_prepared_card_back(
    live_server: LiveServer, enter: Enter, prepares: list[int]
) -> None:
    campaign = open_campaign(3, schema=PLAIN)
    seat = factories.rater(campaign)
    page = enter(seat)
    bench(page, live_server, campaign.slug)
    wait_prepared(page, prepares, 1)
    held = Assignment.objects.filter(rater=seat.rater, ended_at=None)
    assert held.count() == 2
    other = page.context.new_page()
    page.close()
    for _ in range(100):
        if held.count() == 1:
            break
        other.wait_for_timeout(50)
    assert held.count() == 1


def test_two_tabs_share_a_card_and_never_a_prepared_one(
    live_server: LiveServer, enter: Enter, prepares: list[int]
) -> None:
    campaign = open_campaign(4, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    wait_prepared(page, prepares, 1)
    second = page.context.new_page()
    bench(second, live_server, campaign.slug)
    assert card(second) == card(page)
    second.wait_for_timeout(700)
    second.keyboard.press("2")
    second.keyboard.press("Enter")
    expect(second.locator("#say")).to_contain_text("Saved")
    # The first tab answers otherwise: it is told what stands, keeps what was chosen, and goes on.
    page.bring_to_front()
    page.keyboard.press("6")
    page.keyboard.press("Enter")
    expect(page.locator("#say .bad")).to_contain_text("already judged")
    expect(page.locator("[name=verdict][value='right:2']")).to_be_checked()
    # Nothing was typed that going on would lose, so that it is one key away.
    expect(page.locator("#say a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(card(second))
    assert Judgment.objects.count() == 1


def test_undo_goes_further_back_by_key_and_by_a_list(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(4, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    seen = []
    for key in "123":
        seen.append(card(page))
        page.keyboard.press(key)
        page.keyboard.press("Enter")
        expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(seen[-1])
    for back in (2, 1, 0):
        page.keyboard.press("u")
        expect(page.locator("form.work [name=assignment_id]")).to_have_value(seen[back])
    expect(page.locator("[name=verdict][value='left:3']")).to_be_checked()
    expect(page.locator("#say")).to_contain_text("You are changing your judgment of")
    # There is nothing further back.
    page.keyboard.press("u")
    page.get_by_role("button", name="Another").click()
    rows = page.locator("#earlier a")
    expect(rows).to_have_count(3)
    rows.nth(1).click()
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(seen[1])
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    standing = Judgment.objects.standing().order_by("assignment__ended_at")
    assert [j.assignment.side(j.preference) for j in standing if j.assignment] == [
        "left",
        "right",
        "left",
    ]
    assert Judgment.objects.count() == 4


def test_a_cold_visit_and_a_next_card_stay_within_their_budgets(
    live_server: LiveServer, enter: Enter, prepares: list[int]
) -> None:
    """Requests, bytes and shifts alone: times are measured by `python -m bench page`."""
    campaign = open_campaign(3)
    page = enter(factories.rater(campaign))
    page.add_init_script(SHIFTS)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    addresses: dict[str, str] = {}
    loaded: list[tuple[str, int]] = []
    devtools.on(
        "Network.requestWillBeSent",
        lambda event: addresses.update({event["requestId"]: event["request"]["url"]}),
    )
    devtools.on(
        "Network.loadingFinished",
        lambda event: loaded.append(
            (addresses.get(event["requestId"], ""), event["encodedDataLength"])
        ),
    )
    bench(page, live_server, campaign.slug)
    wait_prepared(page, prepares, 1)
    page.wait_for_timeout(200)
    cold = [one for one in loaded if one[0].startswith("http") and "/ahead/" not in one[0]]
    assert len(cold) <= 8
    # Files lie uncompressed in the tree of a test; pages are compressed as they will be.
    pages = [size for address, size in cold if "/static/" not in address]
    assert sum(pages) <= 15_000
    loaded.clear()
    before = card(page)
    for key in ("6", "Shift+Digit1", "Shift+Digit2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    wait_prepared(page, prepares, 2)
    page.wait_for_timeout(200)
    assert sum(size for _, size in loaded) <= 15_000
    assert page.evaluate("window.shifted") == 0


def test_the_files_of_a_cold_visit_are_light_when_they_are_compressed() -> None:
    """As they are served: each with the best compression that the server keeps beside it."""
    names = ("thurstone.css", "site.js", "bench_whole.js", "favicon.svg")
    found = [finders.find(f"labeling/{name}") for name in names]
    found.append(finders.find("django_htmx/htmx-2.min.js"))
    size = sum(len(gzip.compress(Path(str(one)).read_bytes())) for one in found)
    # The page itself takes seven to eight thousand of the sixty.
    assert size <= 50_000
