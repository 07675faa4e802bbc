"""Every kind of answer by keyboard alone, in a real browser."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Judgment
from tests import factories
from tests.browser.conftest import Enter

LEFT = "First it rains.\n\nThen the sun shines, so it is warm.\n\nHence $x = 2$."
RIGHT = "First it rains.\n\nThen the moon shines.\n\nHence $x = 3$."
BARE = {"criteria": [], "rationale": "off", "both_bad": True, "tie": True}
GUIDELINES = "# Rules\n\n## T1 Truthfulness\n\nTrue.\n\n## H2 Instructions\n\nKept.\n"


def campaign_asking(count: int = 2, **schema: Any) -> Campaign:
    campaign = factories.campaign(schema=BARE | schema)
    for number in range(count):
        factories.comparison(campaign, LEFT, RIGHT, prompt_text=f"How is the weather, {number}?")
    open_waiting(campaign=campaign, by=None)
    return campaign


def enter_bench(page: Page, live_server: LiveServer, campaign: Campaign) -> Page:
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    expect(page.locator("form.work")).to_be_visible()
    return page


def submit(page: Page) -> Judgment:
    """Press Enter; what the server then has."""
    before = page.locator("form.work [name=assignment_id]").input_value()
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    return Judgment.objects.order_by("-pk")[0]


def as_shown(judgment: Judgment, values: dict[str, Any]) -> dict[str, Any]:
    """Values by a and b, as values by the sides the rater saw."""
    assert judgment.assignment is not None
    return {judgment.assignment.side(letter): value for letter, value in values.items()}


def text_of(page: Page, owner: str) -> str:
    return str(page.locator(f"#original-{owner}").evaluate("t => t.content.textContent"))


@pytest.mark.parametrize(
    ("scale", "tie", "keys"),
    [
        (2, False, {"1": ("left", 1), "2": ("right", 1)}),
        (2, True, {"1": ("left", 1), "2": ("tie", 0), "3": ("right", 1)}),
        (4, False, {"1": ("left", 2), "2": ("left", 1), "3": ("right", 1), "4": ("right", 2)}),
        (7, True, {"1": ("left", 3), "4": ("tie", 0), "7": ("right", 3), "0": ("both_bad", 0)}),
    ],
)
def test_each_scale_has_its_digits(
    live_server: LiveServer,
    enter: Enter,
    scale: int,
    tie: bool,
    keys: dict[str, tuple[str, int]],
) -> None:
    campaign = campaign_asking(len(keys) + 1, scale=scale, tie=tie)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    for key, (side, strength) in keys.items():
        page.keyboard.press(key)
        judgment = submit(page)
        assert judgment.assignment is not None
        assert judgment.assignment.side(judgment.preference) == side
        assert judgment.strength == strength


def test_grades_are_given_by_digits_and_asked_for_when_missing(
    live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = campaign_asking(absolute_quality=True)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Say how good A is by itself")
    expect(page.locator("[name=quality_left]").first).to_be_focused()
    page.keyboard.press("6")
    expect(page.locator("[name=quality_left][value='6']")).to_be_checked()
    page.keyboard.press("3")
    expect(page.locator("[name=quality_right][value='3']")).to_be_checked()
    # The digits are the verdict's again.
    page.keyboard.press("1")
    expect(page.locator("[name=verdict][value='left:3']")).to_be_checked()
    # Q comes back to change one.
    page.keyboard.press("q")
    page.keyboard.press("7")
    page.keyboard.press("3")
    judgment = submit(page)
    grades = {"a": judgment.quality_a, "b": judgment.quality_b}
    assert as_shown(judgment, grades) == {"left": 7, "right": 3}
    assert judgment.strength == 3
    # The one refusal, which the browser reports by itself.
    assert len(troubles) == 1
    assert "422" in troubles[0]


def test_a_required_reason_counts_its_characters(live_server: LiveServer, enter: Enter) -> None:
    campaign = campaign_asking(rationale="required", min_rationale_chars=12)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    count = page.locator("#why-count")
    expect(count).to_have_text("0/12")
    page.keyboard.press("1")
    page.keyboard.press("r")
    page.keyboard.type("Too short 👍 ")
    expect(count).to_have_text("11/12")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#say")).to_contain_text("at least 12 characters; there are 11")
    expect(page.locator("#why")).to_be_focused()
    page.keyboard.type("!")
    expect(count).to_have_text("13/12")
    expect(count).to_have_attribute("data-enough", "")
    page.keyboard.press("Escape")
    assert submit(page).rationale == "Too short 👍 !"


def test_steps_are_met_and_marked_one_by_one_up_to_the_first_error(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = campaign_asking(steps=True)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    expect(page.locator("#a .steps > li")).to_have_count(3)
    page.keyboard.press("6")
    for key in ("y", "j", "m", "j", "y"):
        page.keyboard.press("j") if key == "y" and not page.locator(
            "[name^=step_]:focus"
        ).count() else None
        page.keyboard.press(key)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Response B, step 1: say whether it is correct")
    expect(page.locator("[name=step_right_1]").first).to_be_focused()
    page.keyboard.press("y")
    page.keyboard.press("j")
    page.keyboard.press("n")
    second = page.locator("#b .steps > li").nth(1)
    expect(second.get_by_text("First error.")).to_be_visible()
    expect(page.locator("#b .steps > li").nth(2).locator(".first-error")).to_be_hidden()
    # K goes back: an error before it is the first one then.
    page.keyboard.press("k")
    page.keyboard.press("n")
    expect(second.get_by_text("First error.")).to_be_hidden()
    page.keyboard.press("y")
    judgment = submit(page)
    assert as_shown(judgment, judgment.steps) == {
        "left": ["ok", "unsure", "ok"],
        "right": ["ok", "wrong"],
    }


def test_the_winner_is_edited_with_its_words_compared_as_they_are_typed(
    live_server: LiveServer, enter: Enter, troubles: list[str]
) -> None:
    campaign = campaign_asking(edit_winner=True)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    page.keyboard.press("e")
    expect(page.locator("#say")).to_contain_text("Choose the better response")
    expect(page.locator("#edit")).to_be_hidden()
    page.keyboard.press("6")
    page.keyboard.press("e")
    field = page.locator("#edited")
    expect(field).to_be_focused()
    assert field.input_value() == text_of(page, "right")
    page.keyboard.press("Control+Home")
    page.keyboard.press("Control+Delete")
    page.keyboard.type("<b>Mostly</b>")
    expect(page.locator("#edit-diff ins")).to_have_text("<b>Mostly</b>")
    expect(page.locator("#edit-diff del")).to_have_count(1)
    expect(page.locator("#edit-diff b")).to_have_count(0)
    expect(page.locator("#edit-out")).to_have_text("−1")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#edit")).to_be_hidden()
    expect(page.locator("[data-do=edit]")).to_have_attribute("data-set", "")
    text = field.input_value()
    judgment = submit(page)
    assert judgment.assignment is not None
    assert judgment.edited == {"side": judgment.assignment.preference("right"), "text": text}
    assert text.startswith("<b>Mostly</b>")
    # Undo brings it back, and an edit that changes nothing is none.
    page.keyboard.press("u")
    expect(page.locator("#say")).to_contain_text("You are changing")
    page.keyboard.press("e")
    expect(field).to_be_focused()
    expect(field).to_have_value(text)
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text_of(page, "right"))
    page.keyboard.press("Escape")
    expect(page.locator("#edit")).to_be_hidden()
    expect(page.locator("[data-do=edit]")).not_to_have_attribute("data-set", "")
    assert submit(page).edited is None
    assert troubles == []


def test_an_edit_of_what_lost_is_refused_and_kept(live_server: LiveServer, enter: Enter) -> None:
    campaign = campaign_asking(edit_winner=True)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    page.keyboard.press("1")
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.type("Oh. ")
    page.keyboard.press("Escape")
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("You edited A, but B is better")
    assert Judgment.objects.count() == 0
    page.keyboard.press("1")
    assert "Oh. " in submit(page).edited["text"]  # type: ignore[index]


def test_clauses_are_found_by_typing_and_cited(live_server: LiveServer, enter: Enter) -> None:
    campaign = campaign_asking(clauses=True)
    publish_guidelines(campaign=campaign, body=GUIDELINES, by=None)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    page.keyboard.press("3")
    page.keyboard.press("c")
    expect(page.locator("#clause-filter")).to_be_focused()
    page.keyboard.type("instr")
    expect(page.locator("#clauses li:visible")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.locator(".cited")).to_have_text("H2")
    page.keyboard.type("zzz")
    expect(page.locator("#clauses").get_by_text("No clause has these words.")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.press("Delete")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator(".cited")).to_have_text("T1 H2")
    page.keyboard.press("Enter")
    expect(page.locator("#clauses")).to_be_hidden()
    judgment = submit(page)
    assert judgment.clauses == ["T1", "H2"]


def test_flags_go_with_the_judgment(live_server: LiveServer, enter: Enter) -> None:
    campaign = campaign_asking()
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    page.keyboard.press("f")
    expect(page.locator("#flag")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    expect(page.locator("#flag")).to_be_hidden()
    assert Judgment.objects.count() == 0
    page.keyboard.press("5")
    assert submit(page).flags == ["unsafe", "identifies_itself"]
    page.keyboard.press("5")
    page.keyboard.press("f")
    page.keyboard.press("2")
    page.keyboard.press("Escape")
    page.keyboard.press("u")


def test_word_differences_are_shown_and_said_without_a_request(
    live_server: LiveServer, enter: Enter, requests_elsewhere: list[str]
) -> None:
    campaign = campaign_asking()
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    mark = page.locator("#a mark", has_text="sun").or_(page.locator("#b mark", has_text="sun"))
    colour = "e => getComputedStyle(e).backgroundColor"
    off = mark.evaluate(colour)
    said = page.locator(".own-words").first
    expect(said).to_be_hidden()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("d")
    assert mark.evaluate(colour) != off
    expect(said).to_be_attached()
    assert said.evaluate("e => getComputedStyle(e).display") != "none"
    assert "x = " in " ".join(page.locator(".own-words").all_text_contents())
    page.keyboard.press("d")
    assert mark.evaluate(colour) == off
    assert not [url for url in asked if not url.endswith(("/ahead/", "/hold/", "/draft/"))]


def test_criteria_and_both_bad_and_only_what_is_asked(
    live_server: LiveServer, enter: Enter
) -> None:
    criteria = [{"key": "clear", "label": "Clear"}, {"key": "right", "label": "Right"}]
    campaign = campaign_asking(criteria=criteria, both_bad=True)
    page = enter_bench(enter(factories.rater(campaign)), live_server, campaign)
    for absent in ("#why", "#edit", "#clauses", ".grade", ".steps"):
        expect(page.locator(absent)).to_have_count(0)
    page.keyboard.press("7")
    page.keyboard.press("Enter")
    expect(page.locator("#say")).to_contain_text("Clear: say which is better")
    page.keyboard.press("Shift+Digit1")
    for _ in range(3):
        page.keyboard.press("Shift+Digit2")
    judgment = submit(page)
    assert as_shown(judgment, {"a": 0, "b": 0}).keys() == {"left", "right"}
    assert judgment.assignment is not None
    sides = {key: judgment.assignment.side(value) for key, value in judgment.criteria.items()}
    assert sides == {"clear": "left", "right": "right"}
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_contain_text("last one")
    assert Judgment.objects.order_by("-pk")[0].preference == "both_bad"
