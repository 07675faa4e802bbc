"""Every kind of content on the bench: by keyboard, at every width, without moving anything."""

import os
from base64 import b64encode
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.rounds import open_waiting
from labeling.models import Campaign
from tests import factories
from tests.browser.conftest import Enter
from tests.browser.test_looks import overflow, violations
from tests.imports.files import import_rows
from tests.web.building import SCHEMA, open_campaign

CODE = (
    "def wait(n):\n    return 2 ** n  # seconds, and a line that is a good deal wider than its box"
)
ARABIC = "مرحبا! هذه **إجابة** قصيرة مع `code` و English في النص."
STACK = "Z" + "\u0301\u0302\u0308" * 70 + "algo"


def picture() -> str:
    into = BytesIO()
    made = Image.linear_gradient("L").resize((1600, 500)).convert("RGB")
    made.save(into, "PNG")
    return f"data:image/png;base64,{b64encode(into.getvalue()).decode()}"


def rich_campaign() -> Campaign:
    """One comparison that holds every kind of content, as a file brings it."""
    campaign = open_campaign(0, schema=SCHEMA | {"criteria": []})
    call = {"id": "c1", "type": "function"}
    start = [
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [call | {"function": {"name": "search", "arguments": '{"q": "waits"}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '[{"title": "Backoff"}]'},
    ]
    left = (
        f"Use this:\n\n```python\n{CODE}\n```\n\n"
        "| Retry | Wait in seconds |\n|---|--:|\n| 0 | 1 |\n| 1 | 2 |\n\n"
        f"{ARABIC}\n\nadmin\u202egpj.exe and a\u200bb.\n\n{STACK}\n\n"
        "In all $w = \\sum_{i=0}^{n} 2^i$ seconds."
    )
    right = [
        {
            "type": "text",
            "text": "Twice as long each time [1].\n\n![remote](https://elsewhere.example/x.png)",
        },
        {
            "type": "sources",
            "sources": [
                {"title": "On waiting", "url": "https://example.org/waiting", "text": "Double it."}
            ],
        },
        {"type": "image_url", "image_url": {"url": picture()}, "alt": "A chart of waits"},
    ]
    row = {
        "prompt": "How long should it wait?",
        "completion_a": {
            "messages": [*start, {"role": "assistant", "content": left}],
            "model": "north",
        },
        "completion_b": {
            "messages": [*start, {"role": "assistant", "content": right}],
            "model": "south",
        },
    }
    job = import_rows(campaign, row, kind="comparisons")
    assert job.status == "succeeded", job.error
    open_waiting(campaign=campaign, by=None)
    return campaign


def bench(page: Page, live_server: LiveServer, campaign: Campaign) -> None:
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    expect(page.locator("form.work")).to_be_visible()


def tab_to(page: Page, target: Locator, presses: int = 60) -> None:
    """Come to the control as a keyboard does: by Tab from where the focus is."""
    for _ in range(presses):
        if target.evaluate("node => node === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not come there")


def side_of(page: Page, text: str) -> Locator:
    return page.locator("article.response", has_text=text)


def test_code_is_copied_by_keyboard_and_only_the_code(
    live_server: LiveServer, enter: Enter, context: BrowserContext, troubles: list[str]
) -> None:
    campaign = rich_campaign()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign)
    key = side_of(page, "Use this").locator(".code > .copy").first
    assert "Python code" in (key.get_attribute("aria-label") or "")
    tab_to(page, key)
    page.keyboard.press("Enter")
    expect(page.locator("#live")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").strip() == CODE
    assert troubles == []


def test_steps_of_tools_open_by_keyboard_and_what_is_shared_stands_above(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign)
    steps = page.locator(".prompt details.tool")
    expect(steps).to_have_count(2)
    expect(page.locator("article.response details.tool")).to_have_count(0)
    summary = steps.first.locator("summary")
    expect(summary).to_contain_text("search")
    expect(summary).to_contain_text("waits")
    tab_to(page, summary)
    page.keyboard.press("Enter")
    expect(steps.first.locator("pre")).to_be_visible()
    page.keyboard.press("Enter")
    expect(steps.first.locator("pre")).to_be_hidden()


def test_hidden_characters_are_shown_on_demand_on_their_side_alone(
    live_server: LiveServer, enter: Enter
) -> None:
    """IM-09: the mark stands beside the character, and the order of the text is set right."""
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign)
    side = side_of(page, "Use this")
    mark = side.locator(".hc", has_text="\u202e").first
    said = "node => getComputedStyle(node, '::before').content"
    assert mark.evaluate(said) == "none"
    pill = side.locator(".hid")
    tab_to(page, pill)
    page.keyboard.press("Enter")
    box = side.locator(".reveal")
    expect(box).to_be_focused()
    page.keyboard.press("Space")
    page.keyboard.press("Escape")
    assert mark.evaluate(said) == '"RLO"'
    assert mark.evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"
    # What is copied is the text as it came.
    assert "\u202egpj.exe" in side.locator(".prose").first.evaluate("node => node.textContent")
    shot(page, "hidden")
    tab_to(page, pill)
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    assert mark.evaluate(said) == "none"


def test_stacked_marks_stay_in_their_line_and_disturb_no_other_side(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign)
    marks = page.locator(".marks").first
    style = "node => [getComputedStyle(node).overflowY, node.getBoundingClientRect().height]"
    overflow_y, height = marks.evaluate(style)
    assert overflow_y == "clip"
    assert height < 40
    contains = "node => getComputedStyle(node).contain"
    assert all("paint" in one.evaluate(contains) for one in page.locator(".response").all())


def test_an_image_has_its_place_before_it_loads_and_is_enlarged_by_keyboard(
    live_server: LiveServer, enter: Enter, requests_elsewhere: list[str], troubles: list[str]
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    page.add_init_script(
        "window.moves = []; new PerformanceObserver((list) => {"
        " for (const { value, sources } of list.getEntries())"
        " window.moves.push([value, ...sources.map(({ node }) => node?.outerHTML)]); })"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    bench(page, live_server, campaign)
    image = page.locator(".picture img")
    expect(image).to_have_js_property("naturalWidth", 1600)
    assert page.evaluate("window.moves") == []
    shown = image.evaluate("node => [node.width, node.height]")
    assert shown[0] < 1600
    assert shown[1] == pytest.approx(shown[0] * 500 / 1600, abs=1)
    key = page.locator(".picture > .copy")
    tab_to(page, key)
    page.keyboard.press("Enter")
    expect(key).to_have_attribute("aria-pressed", "true")
    assert image.evaluate("node => node.width") == 1600
    assert overflow(page) <= 0
    expect(page.locator(".image")).to_contain_text("elsewhere.example")
    assert requests_elsewhere == []
    assert troubles == []


def test_right_to_left_is_by_paragraph_and_code_in_it_is_isolated(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    bench(page, live_server, campaign)
    arabic = page.locator("article.response p[dir]", has_text="مرحبا")
    assert arabic.evaluate("node => node.matches(':dir(rtl)')")
    assert (
        arabic.locator("code").evaluate("node => getComputedStyle(node).unicodeBidi") == "isolate"
    )
    assert page.locator("article.response p[dir]", has_text="In all").evaluate(
        "node => node.matches(':dir(ltr)')"
    )
    table = page.locator("article.response .scroll")
    assert table.evaluate("node => getComputedStyle(node).overflowX") == "auto"


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("LOOKS"):
        page.screenshot(path=Path(folder) / f"content-{name}.png", full_page=True)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_of_it_is_for_everybody_at_every_width(
    theme: str, live_server: LiveServer, enter: Enter
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    for width in (1440, 1024, 390):
        page.set_viewport_size({"width": width, "height": 900})
        bench(page, live_server, campaign)
        for summary in page.locator("details.tool summary").all():
            summary.click()
        shot(page, f"{width}-{theme}")
        assert violations(page) == [], width
        assert overflow(page) <= 0, width
