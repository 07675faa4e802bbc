"""A new rater's first minutes, from the sign-in page on, with a keyboard and nothing else."""

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Assignment, Judgment
from tests import factories
from tests.browser.states import BARE, bench_campaign, card, send

MOST_TABS = 12


def tab_to(page: Page, name: str, *, back: bool = False) -> None:
    """Walk to the link or button of this name; it may not be far."""
    wanted = page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first
    for _ in range(MOST_TABS):
        if wanted.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"{name} is more than {MOST_TABS} steps away")


def sign_in(page: Page, name: str, password: str) -> None:
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")


def test_from_signing_in_to_the_guidelines_and_home_again(
    live_server: LiveServer, page: Page, troubles: list[str]
) -> None:
    campaign = bench_campaign(4, schema=BARE | {"rationale": "optional"})
    factories.rater(campaign, "ines")
    page.goto(f"{live_server.url}/")
    sign_in(page, "ines", "Password")
    # The name stays; the password is what is asked for again.
    expect(page.locator("#fault")).to_be_visible()
    expect(page.locator("#id_password")).to_be_focused()
    page.keyboard.type("password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hello, ines")).to_be_visible()
    tab_to(page, "Start")
    page.keyboard.press("Enter")
    expect(page.locator("form.work")).to_be_visible()

    # An answer, and another one in its place.
    first = card(page)
    page.keyboard.press("2")
    page.keyboard.press("r")
    page.keyboard.type("It answers what was asked.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(first)
    expect(page.locator("#task h1")).to_be_focused()
    second = card(page)
    page.keyboard.press("u")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(first)
    expect(page.locator("#why")).to_have_value("It answers what was asked.")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(second)

    # A second thought about a second thought: Esc leads to the message, which offers the way out.
    page.keyboard.press("u")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(first)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Keep it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).to_have_value(second)

    # Skipping says why; the guidelines open and close over the pair, and the focus comes back.
    page.keyboard.press("s")
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Skipped")
    page.keyboard.press("2")
    page.keyboard.press("g")
    expect(page.locator("#guidelines .clause").first).to_be_visible()
    expect(page.locator("#guidelines [popovertarget]")).to_be_focused()
    page.keyboard.press("g")
    expect(page.locator("#guidelines")).to_be_hidden()
    expect(page.locator("[name=verdict][data-key='2']")).to_be_focused()
    send(page)

    tab_to(page, "Thurstone: my campaigns", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Hello, ines")).to_be_visible()
    assert Assignment.objects.filter(outcome="skipped").get().skip_reason == "unclear"
    assert Judgment.objects.standing().count() == 2
    assert troubles == []
