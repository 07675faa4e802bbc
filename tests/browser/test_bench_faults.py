"""What goes wrong while somebody judges: input stays, it is said what to do, one row is left."""

import datetime
import time

import psycopg
from django.db import connection
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.campaigns import update_campaign
from labeling.models import Assignment, Judgment
from labeling.models.drafts import Draft
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.states import pass_on
from tests.web.building import SCHEMA, open_campaign

PLAIN = SCHEMA | {"criteria": []}


def bench(page: Page, live_server: LiveServer, slug: str) -> None:
    page.goto(f"{live_server.url}/rate/{slug}/")
    expect(page.locator("form.work")).to_be_visible()


def card(page: Page) -> str:
    return page.locator("form.work [name=assignment_id]").input_value()


def fill(page: Page, text: str = "A long thought", key: str = "6") -> None:
    page.keyboard.press(key)
    page.keyboard.press("r")
    page.keyboard.type(text)
    page.keyboard.press("Escape")


def wait_draft(page: Page, text: str) -> None:
    for _ in range(100):
        if text in str(list(Draft.objects.values_list("said", flat=True))):
            return
        page.wait_for_timeout(100)
    raise AssertionError("no draft reached the server")


def let_in(is_allowed: bool) -> None:
    """Whether PostgreSQL takes connections to this test's database; those there are end if not."""
    parameters = connection.get_connection_params()
    name = parameters["dbname"]
    wanted = {
        key: parameters[key] for key in ("host", "port", "user", "password") if key in parameters
    }
    connection.close()
    with psycopg.connect(dbname="postgres", autocommit=True, **wanted) as beside:
        beside.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS {str(is_allowed).lower()}')
        if not is_allowed:
            beside.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )


def test_the_database_and_then_the_network_go_and_one_judgment_is_stored(
    live_server: LiveServer, enter: Enter
) -> None:
    """CR-08."""
    campaign = open_campaign(2, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    before = card(page)
    fill(page)
    began = time.monotonic()
    let_in(False)
    try:
        page.keyboard.press("Enter")
        expect(page.locator("#say .bad")).to_contain_text("is kept here and is sent again")
        expect(page.locator("#why")).to_have_value("A long thought")
        expect(page.locator("[name=verdict][value='right:2']")).to_be_checked()
        page.wait_for_timeout(max(0.0, 15 - (time.monotonic() - began)) * 1000)
        assert "Saved" not in page.locator("#say").inner_text()
    finally:
        let_in(True)
    page.context.set_offline(True)
    # The key that sent it sends it again at once.
    with page.expect_event("requestfailed"):
        page.keyboard.press("Enter")
    expect(page.locator("#say .bad")).to_contain_text("is kept here and is sent again")
    expect(page.locator("#why")).to_have_value("A long thought")
    page.context.set_offline(False)
    expect(page.locator("#say")).to_contain_text("Saved", timeout=40_000)
    assert card(page) != before
    assert Judgment.objects.get().rationale == "A long thought"


def test_a_minute_without_network_loses_nothing(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(2, schema=PLAIN)
    page = enter(factories.rater(campaign))
    page.clock.install()
    bench(page, live_server, campaign.slug)
    page.context.set_offline(True)
    fill(page, "Typed in a tunnel")
    page.keyboard.press("Enter")
    expect(page.locator("#say .bad")).to_contain_text("No connection")
    for _ in range(6):
        page.clock.run_for(10_000)
    expect(page.locator("#why")).to_have_value("Typed in a tunnel")
    expect(page.locator("#say .bad")).to_contain_text("No connection")
    page.context.set_offline(False)
    for _ in range(5):
        page.clock.run_for(10_000)
        if "Saved" in page.locator("#say").inner_text():
            break
    expect(page.locator("#say")).to_contain_text("Saved")
    assert Judgment.objects.get().rationale == "Typed in a tunnel"


def test_a_draft_is_restored_in_another_browser(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    fill(page, "Half a thought")
    wait_draft(page, "Half a thought")
    browser = page.context.browser
    assert browser is not None
    elsewhere = browser.new_context()
    elsewhere.add_cookies(page.context.cookies())  # type: ignore[arg-type]
    other = elsewhere.new_page()
    bench(other, live_server, campaign.slug)
    expect(other.locator("#why")).to_have_value("Half a thought")
    expect(other.locator("[name=verdict][value='right:2']")).to_be_checked()
    # The newest wins: what is typed there is what this browser shows after a reload.
    other.keyboard.press("r")
    other.keyboard.press("Control+A")
    other.keyboard.type("A whole thought")
    wait_draft(other, "A whole thought")
    page.reload()
    expect(page.locator("#why")).to_have_value("A whole thought")
    elsewhere.close()


def test_a_closed_tab_leaves_its_last_words_on_the_server(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.keyboard.press("r")
    page.keyboard.type("Typed and gone at once")
    other = page.context.new_page()
    page.close()
    wait_draft(other, "Typed and gone at once")


def test_a_rater_who_types_keeps_the_lease_and_one_who_lost_it_is_told(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(1, schema=PLAIN, lease_seconds=8)
    seat = factories.rater(campaign)
    page = enter(seat)
    bench(page, live_server, campaign.slug)
    public_id = card(page)
    page.keyboard.press("5")
    page.keyboard.press("r")
    for _ in range(11):
        page.keyboard.type("word ")
        page.wait_for_timeout(1000)
    held = Assignment.objects.get(public_id=public_id)
    assert held.rater == seat.rater
    assert held.leased_until is not None
    assert held.leased_until > datetime.datetime.now(datetime.UTC)
    # And now it goes to somebody else, whatever the page did.
    pass_on(public_id, factories.rater(campaign))
    page.keyboard.type("more")
    expect(page.locator("#say [data-lapsed]")).to_contain_text(
        "Submit what you have", timeout=15_000
    )
    page.keyboard.press("Control+Enter")
    expect(page.locator("#say .bad")).to_contain_text("it has gone to another rater")
    # The page goes on asking about its lease, and does not say the opposite.
    page.wait_for_timeout(2500)
    expect(page.locator("#say .bad")).to_contain_text("What you typed is still here")
    expect(page.locator("#why")).to_have_value("word " * 11 + "more")
    assert Judgment.objects.count() == 0
    # Going on would leave those words behind: the way there is a key away, and not under Enter.
    expect(page.locator("#why")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.locator("#say a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")


def test_a_lease_that_ended_unnoticed_is_taken_up_by_the_answer(
    live_server: LiveServer, enter: Enter
) -> None:
    """Nobody else has the comparison by then, so that the words typed meanwhile count."""
    campaign = open_campaign(1, schema=PLAIN, lease_seconds=8)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.route("**/hold/", lambda route: route.abort("internetdisconnected"))
    public_id = card(page)
    page.keyboard.press("5")
    page.keyboard.press("r")
    page.keyboard.type("Typed while the lease ")
    Assignment.objects.filter(public_id=public_id).update(
        leased_until=datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    )
    page.keyboard.type("ended.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#task h1")).to_have_text("That was the last one for now")
    expect(page.locator("#task")).to_contain_text("Saved")
    assert Judgment.objects.get().rationale == "Typed while the lease ended."


def test_a_campaign_paused_meanwhile_takes_the_answer_and_says_it_is_paused(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(3, schema=PLAIN)
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign.slug)
    page.wait_for_timeout(700)
    fill(page)
    update_campaign(campaign=campaign, by=None, state="paused")
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_have_text("This campaign is paused")
    expect(page.locator("#task")).to_contain_text("Saved")
    assert Judgment.objects.get().rationale == "A long thought"


def test_going_back_and_forth_shows_the_draft_and_sends_nothing_twice(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(3, schema=PLAIN)
    page = enter(factories.rater(campaign))
    page.goto(f"{live_server.url}/rate/")
    bench(page, live_server, campaign.slug)
    first = card(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(first)
    second = card(page)
    fill(page, "Before going back")
    page.evaluate("history.back()")
    expect(page).to_have_url(f"{live_server.url}/rate/")
    page.evaluate("history.forward()")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(second)
    expect(page.locator("#why")).to_have_value("Before going back")
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(second)
    assert Judgment.objects.count() == 2


def test_a_clock_that_is_wrong_by_a_day_spoils_nothing(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(2, schema=PLAIN)
    seat = factories.rater(campaign)
    page = enter(seat)
    bench(page, live_server, campaign.slug)
    fill(page, "By the right clock")
    wait_draft(page, "By the right clock")
    browser = page.context.browser
    assert browser is not None
    for days in (-1, 1):
        context = browser.new_context()
        context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        wrong = context.new_page()
        wrong.clock.install(time=datetime.datetime.now() + datetime.timedelta(days=days))
        bench(wrong, live_server, campaign.slug)
        wrong.clock.run_for(1000)
        wrong.wait_for_timeout(300)
        text = f"A clock off by {days}"
        wrong.keyboard.press("r")
        wrong.keyboard.press("Control+A")
        wrong.keyboard.type(text)
        for _ in range(20):
            wrong.clock.run_for(500)
            wrong.wait_for_timeout(50)
        wait_draft(wrong, text)
        context.close()
        # Of this browser's older copy and the newer one on the server, the newer is shown.
        page.reload()
        expect(page.locator("#why")).to_have_value(text)
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Saved")
    judgment = Judgment.objects.get()
    assert judgment.rationale == "A clock off by 1"
    assert abs(judgment.judged_at - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(
        minutes=5
    )
