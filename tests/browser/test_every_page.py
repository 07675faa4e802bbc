"""Every page around the bench, and every reason why it is empty, at each width in both themes."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.campaigns import update_campaign
from labeling.models import Campaign, Gold
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.looking import WIDTHS, Look
from tests.browser.states import BARE, bench_campaign, practising, shown

EMPTY = "#task h1"


def menu(page: Page, look: Look, button: str, opened: str) -> None:
    """One of the menus of a page's frame, opened by key at each width."""
    for width in WIDTHS:
        look.widen(width)
        page.get_by_role("button", name=button).focus()
        with look.act(opened, within=f"#{opened}"):
            page.keyboard.press("Enter")
            expect(page.locator(f"#{opened}")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(":popover-open")).to_have_count(0)


def test_signing_in_and_what_is_not_there(live_server: LiveServer, page: Page) -> None:
    look = Look(page)
    look.load(f"{live_server.url}/login/", "login")
    look.at_every_width("login")
    page.keyboard.type("nobody")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#fault")).to_be_visible()
    look.at_every_width("login-refused")
    look.load(f"{live_server.url}/no/such/page/", "404")
    look.at_every_width("404")
    assert not look.faults, "\n".join(look.faults)


def test_what_raters_see_beside_the_bench(live_server: LiveServer, enter: Enter) -> None:
    """With practice that is not passed."""
    campaign = practising()
    seat = factories.rater(campaign, "Ines Vega")
    page = enter(seat)
    look = Look(page)
    url = live_server.url
    look.load(f"{url}/rate/", "home")
    look.at_every_width("home")
    menu(page, look, "Theme", "theme")
    menu(page, look, "Ines Vega: account", "me")
    look.load(f"{url}/account/", "account")
    look.at_every_width("account")
    look.widen(WIDTHS[0])
    look.load(f"{url}/rate/practice/", "practice", until="form.work")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator(".feedback")).to_be_visible()
    look.at_every_width("feedback")
    page.get_by_role("button", name="I disagree").focus()
    page.keyboard.press("Enter")
    look.at_every_width("appeal", within="#appeal")
    page.keyboard.type("B says when it gives up, which is what was asked for.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your appeal waits for a manager")).to_be_visible()
    look.at_every_width("answers-appealed")
    look.load(f"{url}/rate/practice/", "practice", until="form.work")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".feedback")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(EMPTY)).to_contain_text("Thank you for practising")
    look.at_every_width("empty-not-passed")
    look.load(f"{url}/rate/practice/answers/", "answers")
    look.at_every_width("answers")
    look.load(f"{url}/rate/practice/guidelines/", "guidelines-page")
    look.at_every_width("guidelines-page")
    assert not look.faults, "\n".join(look.faults)


def test_practice_that_is_passed(live_server: LiveServer, enter: Enter) -> None:
    """The last feedback says so; then there is work, and what is recorded of it."""
    campaign = practising()
    Gold.objects.update(preference="tie", strength=0)
    page = enter(factories.rater(campaign))
    look = Look(page)
    look.load(f"{live_server.url}/rate/practice/", "practice", until="form.work")
    for _ in range(2):
        shown(page)
        page.keyboard.press("4")
        page.keyboard.press("Enter")
        expect(page.locator(".feedback")).to_contain_text("You saw it as expected")
        if page.get_by_text("You have passed.").count() == 0:
            page.keyboard.press("Enter")
    expect(page.locator(".feedback")).to_contain_text("You have passed.")
    look.at_every_width("feedback-passed")
    page.keyboard.press("Enter")
    shown(page)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator(EMPTY)).to_have_text("That was the last one for now")
    look.load(f"{live_server.url}/rate/recorded/", "recorded")
    look.at_every_width("recorded")
    assert not look.faults, "\n".join(look.faults)


def capped() -> Campaign:
    return bench_campaign(3, schema=BARE, requirements={"daily_cap": 1})


def elsewhere() -> Campaign:
    school = bench_campaign(1, schema=BARE)
    asked = {"qualification": school.slug}
    return bench_campaign(
        1, schema=BARE, of=school.organisation, requirements=asked, slug="asks-elsewhere"
    )


def not_open() -> Campaign:
    return bench_campaign(1, schema=BARE, slug="own", requirements={"qualification": "own"})


def in_state(state: str) -> Callable[[], Campaign]:
    def made() -> Campaign:
        campaign = bench_campaign(2, schema=BARE)
        update_campaign(campaign=campaign, by=None, state=state)
        return campaign

    return made


WHY_EMPTY: dict[str, tuple[Callable[[], Campaign], str]] = {
    "nothing-left": (lambda: bench_campaign(1, schema=BARE), "That was the last one for now"),
    "enough": (capped, "That is enough for today"),
    "elsewhere": (elsewhere, "A qualification comes first"),
    "not-open": (not_open, "A qualification comes first"),
    "paused": (in_state("paused"), "This campaign is paused"),
    "completed": (in_state("completed"), "This campaign is complete"),
}


def test_every_reason_why_there_is_nothing_to_do(live_server: LiveServer, enter: Enter) -> None:
    """Each says why; what a rater may still do is one key away."""
    for name, (made, said) in WHY_EMPTY.items():
        campaign = made()
        page = enter(factories.rater(campaign))
        look = Look(page)
        page.goto(f"{live_server.url}/rate/{campaign.slug}/")
        if name in {"nothing-left", "enough"}:
            shown(page)
            page.keyboard.press("2")
            page.keyboard.press("Enter")
        expect(page.locator(EMPTY)).to_have_text(said)
        look.at_every_width(f"empty-{name}")
        assert not look.faults, "\n".join(look.faults)
