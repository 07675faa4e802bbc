"""The rater's own keys in a real browser: what they do, and when they must do nothing."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.rounds import open_waiting
from labeling.models import Seat, User
from tests import factories
from tests.browser.conftest import Enter
from tests.web.building import SCHEMA, open_campaign, publish

ONE_QUESTION = SCHEMA | {"criteria": []}


@pytest.fixture
def seat() -> Seat:
    campaign = open_campaign(3, schema=ONE_QUESTION)
    publish(campaign)
    return factories.rater(campaign)


def bench(live_server: LiveServer, enter: Enter, seat: Seat, **settings: object) -> Page:
    User.objects.filter(raters=seat.rater).update(bench=settings)
    page = enter(seat)
    page.goto(f"{live_server.url}/rate/{seat.campaign.slug}/")
    expect(page.locator("form.work")).to_be_visible()
    return page


def chosen(page: Page) -> str | None:
    value: str | None = page.evaluate(
        "document.querySelector('[name=verdict]:checked')?.value ?? null"
    )
    return value


def test_a_remapped_key_works_and_the_old_one_does_not(
    live_server: LiveServer, enter: Enter, seat: Seat, troubles: list[str]
) -> None:
    page = bench(
        live_server,
        enter,
        seat,
        keys={"verdict_1": "a", "skip": "x", "submit": "Space", "show": "v"},
    )
    page.keyboard.press("1")
    page.keyboard.press("s")
    assert chosen(page) is None
    expect(page.locator("#skip")).to_be_hidden()
    page.keyboard.press("a")
    assert chosen(page) == "left:3"
    page.keyboard.press("x")
    expect(page.locator("#skip")).to_be_visible()
    page.keyboard.press("Escape")
    before = page.locator("[name=assignment_id]").first.input_value()
    # A space on a choice is the browser's; anywhere else it submits here.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Space")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    assert troubles == []


def test_the_list_shows_ones_own_keys_and_its_key_opens_and_closes_it(
    live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat, keys={"keys": "h", "undo": "z"})
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("h")
    expect(page.locator("#keys")).to_be_visible()
    row = page.locator("#keys dl > div").filter(has_text="Undo the last judgment")
    expect(row.locator("kbd")).to_have_text("Z")
    page.keyboard.press("h")
    expect(page.locator("#keys")).to_be_hidden()


def test_with_single_keys_off_only_alt_makes_them_act(
    live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat, single_keys=False)
    for key in ("1", "s", "r", "p", "?", "u", "g", "Enter", "0"):
        page.keyboard.press(key)
    assert chosen(page) is None
    assert page.evaluate("document.querySelectorAll(':popover-open').length") == 0
    expect(page.locator("#say")).to_be_empty()
    expect(page.locator("section.prompt")).to_be_visible()
    assert page.evaluate("document.activeElement.id") != "why"
    page.keyboard.press("Alt+Digit6")
    assert chosen(page) == "right:2"
    page.keyboard.press("Alt+s")
    expect(page.locator("#skip")).to_be_visible()


TYPING = {
    "a reason": "document.getElementById('why').focus()",
    "an editable part": """
        const box = document.createElement('div'); box.contentEditable = 'true'; box.id = 'box';
        document.querySelector('form.work').append(box); box.focus();""",
    "a search field": """
        const box = document.createElement('input'); box.type = 'search';
        document.querySelector('.pin').append(box); box.focus();""",
    "a list": """
        const box = document.createElement('select'); box.innerHTML = '<option>s1<option>s2';
        document.querySelector('.pin').append(box); box.focus();""",
}


@pytest.mark.parametrize("field", TYPING)
def test_nothing_fires_while_typing_in(
    field: str, live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat)
    page.evaluate(f"() => {{{TYPING[field]}}}")
    for key in "1sru0pg?d4fe":
        page.keyboard.press(key)
    assert chosen(page) is None
    assert page.evaluate("document.querySelectorAll(':popover-open').length") == 0
    expect(page.locator("section.prompt")).to_be_visible()
    if field == "a reason":
        expect(page.locator("#why")).to_have_value("1sru0pg?d4fe")
        page.keyboard.press("Escape")
        assert page.evaluate("document.activeElement.id") != "why"
        page.keyboard.press("2")
        assert chosen(page) == "left:2"


def test_nothing_fires_while_an_input_method_composes(
    live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat)
    send = """([fields, where]) => {
        const event = new KeyboardEvent('keydown', {bubbles: true, cancelable: true, ...fields});
        return document.querySelector(where).dispatchEvent(event);
    }"""
    for where in ("#why", "body"):
        for fields in (
            {"key": "1", "code": "Digit1", "isComposing": True},
            {"key": "Process", "code": "Digit1", "keyCode": 229},
            {"key": "Enter", "code": "Enter", "isComposing": True},
        ):
            # True: nobody prevented what the browser does with it.
            assert page.evaluate(send, [fields, where])
    assert chosen(page) is None
    expect(page.locator("#say")).to_be_empty()
    # The same key without a composition is heard: the test would notice a deaf page.
    assert not page.evaluate(send, [{"key": "1", "code": "Digit1"}, "body"])
    assert chosen(page) == "left:3"


@pytest.mark.parametrize(
    ("typed", "verdict"),
    [
        (("&", "Digit1"), "left:3"),
        (("२", "Digit2"), "left:2"),
        (("٧", "Digit7"), "right:3"),
        (("5", "Numpad5"), "right:1"),
    ],
    ids=["AZERTY", "Devanagari", "Arabic", "number pad"],
)
def test_digits_are_known_by_their_place(
    typed: tuple[str, str], verdict: str, live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat)
    press(page, *typed)
    assert chosen(page) == verdict


def press(page: Page, key: str, code: str) -> None:
    page.evaluate(
        "([key, code]) => document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {bubbles: true, cancelable: true, key, code}))",
        [key, code],
    )


@pytest.mark.parametrize(("key", "code"), [("س", "KeyS"), ("स", "KeyS"), ("ы", "KeyS")])
def test_letters_of_another_script_are_known_by_their_place(
    key: str, code: str, live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat)
    press(page, key, code)
    expect(page.locator("#skip")).to_be_visible()


def test_a_letter_of_ones_own_script_may_be_a_key(
    live_server: LiveServer, enter: Enter, seat: Seat
) -> None:
    page = bench(live_server, enter, seat, keys={"skip": "ش"})
    # On this layout the sign stands where A is; S does not skip any more.
    press(page, "س", "KeyS")
    expect(page.locator("#skip")).to_be_hidden()
    press(page, "ش", "KeyA")
    expect(page.locator("#skip")).to_be_visible()


def test_the_account_page_takes_the_key_that_is_pressed(
    live_server: LiveServer, enter: Enter, seat: Seat, troubles: list[str]
) -> None:
    page = enter(seat)
    page.goto(f"{live_server.url}/account/")
    field = page.locator("[name=key_skip]")
    field.focus()
    page.keyboard.press("u")
    expect(field).to_have_value("U")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator("[name=key_undo]")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Tab")
    page.locator("[name=key_undo]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[name=key_undo]")).to_have_value("↵")
    page.keyboard.press("z")
    expect(page.locator("table.keys [aria-invalid]")).to_have_count(0)
    page.locator("#keys").get_by_role("button", name="Save").click()
    expect(page.locator(".notices")).to_have_text("Saved.")
    assert User.objects.get(raters=seat.rater).bench["keys"] == {"skip": "u", "undo": "z"}
    expect(page.locator("[name=key_skip]")).to_have_value("U")
    page.get_by_role("button", name="Back to standard").click()
    expect(page.locator("[name=key_skip]")).to_have_value("S")
    assert troubles == []


def test_steps_are_walked_and_answered_by_keys(live_server: LiveServer, enter: Enter) -> None:
    campaign = open_campaign(0, schema=ONE_QUESTION | {"steps": True})
    factories.comparison(
        campaign, "One is odd.\n\nTwo is even.\n\nSo three.", "First this.\n\nThen that."
    )
    open_waiting(campaign=campaign, by=None)
    page = bench(live_server, enter, factories.rater(campaign))
    names = page.evaluate(
        "[...new Set([...document.querySelectorAll('input[name^=step_]')].map((e) => e.name))]"
    )
    assert len(names) > 2
    page.keyboard.press("j")
    page.keyboard.press("y")
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.keyboard.press("k")
    page.keyboard.press("m")
    marks = page.evaluate(
        "[...document.querySelectorAll('input[name^=step_]:checked')].map((e) => [e.name, e.value])"
    )
    assert marks == [[names[0], "unsure"], [names[1], "wrong"]]
