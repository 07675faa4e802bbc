"""Every state of a rater's pages, at each width and in both themes: for everybody, and still."""

from typing import Any

from playwright.sync_api import FloatRect, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rounds import open_round, open_waiting
from labeling.models import Campaign, Comparison, Gold
from tests import factories
from tests.browser.conftest import Enter, wait_until
from tests.browser.looking import HEIGHTS, WIDTHS, Look

CRITERIA = [
    {"key": "helpful", "label": "Helpful", "help": "Does what was asked, the way it was asked."},
    {"key": "truthful", "label": "Truthful", "help": "Claims hold up. Code runs."},
    {"key": "harmless", "label": "Harmless", "help": "No risk, and no needless refusal."},
]
BARE = {"criteria": [], "rationale": "off", "both_bad": False, "tie": False}
ASKS_MUCH = {
    "scale": 7,
    "criteria": CRITERIA,
    "rationale": "optional",
    "edit_winner": True,
    "clauses": True,
}
GUIDELINES = (
    "# Everyday helpfulness\n\nPick what a careful expert would have sent.\n\n"
    "## T1 Truthfulness\n\nOne wrong number outweighs better prose.\n\n"
    "## H2 Instructions\n\nFormat and length that were asked for are binding.\n\n"
    "## L3 Length\n\nLength is not quality.\n"
)
LEFT = """Only retry what can *succeed* later:

```python
def fetch(url, tries=6):
    pass  # and wait
```

The wait is $w_n = 2^n$, see [the manual](https://example.org)."""
RIGHT = """Here is one that gives up after a **budget**\u200b:

| Retry | Wait |
|---|--:|
| 0 | 1 s |

> Quoted from `urllib`."""
STEPS = "Let $E$ be the expected tosses.\n\nA tail leads back:\n\n$$E = 1 + E/2$$\n\nHence $E = 2$."
OTHER_STEPS = "Toss twice.\n\nThe chance is $1/4$.\n\nHence $E = 4$."


def bench_campaign(count: int, left: str = LEFT, right: str = RIGHT, **fields: Any) -> Campaign:
    """A campaign with guidelines and `count` comparisons of a conversation."""
    campaign = factories.campaign(name="Everyday helpfulness, round 3", **fields)
    publish_guidelines(campaign=campaign, body=GUIDELINES, by=None)
    for number in range(count):
        prompt = factories.prompt(
            campaign,
            messages=[
                {"role": "user", "content": "My downloader hangs.\n\n```\nwhile True: pass\n```"},
                {"role": "assistant", "content": "`urlopen` has no timeout."},
                {"role": "user", "content": f"Please rewrite it with backoff, {number}."},
            ],
        )
        Comparison.objects.create(
            campaign=campaign,
            prompt=prompt,
            completion_a=factories.completion(prompt, left, "one"),
            completion_b=factories.completion(prompt, right, "two"),
        )
    open_waiting(campaign=campaign, by=None)
    return campaign


def practising() -> Campaign:
    """A campaign with two comparisons to practise on."""
    campaign = factories.campaign(
        slug="practice", schema={"criteria": []}, requirements={"qualification": "practice"}
    )
    publish_guidelines(campaign=campaign, body=GUIDELINES, by=None)
    for number in range(2):
        Gold.objects.create(
            comparison=factories.comparison(
                campaign, LEFT, RIGHT, prompt_text=f"Backoff, {number}?"
            ),
            preference="a",
            strength=3,
            explanation="A is right: it has a **timeout** on every call.",
            clause="T1",
        )
    open_round(campaign=campaign, by=None, kind="qualification")
    factories.open_comparisons(campaign, 1)
    return campaign


def card(page: Page) -> str:
    return page.locator("form.work [name=assignment_id]").input_value()


def shown(page: Page) -> None:
    expect(page.locator("form.work")).to_be_visible()


def judge_all_criteria(page: Page) -> None:
    for number in (1, 2, 3):
        page.keyboard.press(f"Shift+Digit{number}")


def send(page: Page) -> None:
    before = card(page)
    page.keyboard.press("Enter")
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)


def overlays(page: Page, look: Look) -> None:
    """What opens over the bench, one after the other."""
    for key, name, opened in (
        ("e", "edit", "#edit"),
        ("c", "clauses", "#clauses"),
        ("f", "flags", "#flag"),
        ("g", "guidelines", "#guidelines .clause >> nth=0"),
        ("?", "keys", "#keys"),
        ("s", "skip", "#skip"),
    ):
        with look.act(name):
            page.keyboard.press(key)
            expect(page.locator(opened)).to_be_visible()
            if name == "edit":
                page.keyboard.type("Mostly: ")
        page.keyboard.press("Escape")
        expect(page.locator(":popover-open")).to_have_count(0)


def test_the_bench_while_its_rater_works(live_server: LiveServer, enter: Enter) -> None:
    campaign = bench_campaign(10, schema=ASKS_MUCH)
    page = enter(factories.rater(campaign))
    look = Look(page)
    look.load(f"{live_server.url}/rate/{campaign.slug}/", "bench", until="form.work")
    for width in WIDTHS:
        look.widen(width)
        look.at("bench")
        with look.act("tie"):
            page.keyboard.press("4")
        with look.act("chosen"):
            page.keyboard.press("7")
        with look.act("refused"):
            page.keyboard.press("Enter")
            expect(page.locator("#say")).to_contain_text("Helpful: say which is better")
        page.keyboard.press("Escape")
        with look.act("differences"):
            page.keyboard.press("d")
        page.keyboard.press("d")
        with look.act("prompt-hidden", moves=True):
            page.keyboard.press("p")
        page.keyboard.press("p")
        overlays(page, look)
        judge_all_criteria(page)
        send(page)
        look.at("saved")
        page.keyboard.press("2")
        judge_all_criteria(page)
        page.context.set_offline(True)
        with look.act("offline"):
            page.keyboard.press("Enter")
            expect(page.locator("#say")).to_contain_text("No connection")
        before = card(page)
        page.context.set_offline(False)
        expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
        page.keyboard.press("u")
        expect(page.locator("#say")).to_contain_text("You are changing")
        look.at("undo")
        with look.act("undo-list"):
            page.get_by_role("button", name="Another").click()
            expect(page.locator("#earlier")).to_be_visible()
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Keep it").click()
        expect(page.locator("#say")).to_be_empty()
    assert not look.faults, "\n".join(look.faults)


def test_the_bench_for_each_kind_of_question(live_server: LiveServer, enter: Enter) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "scale-2": {"schema": BARE | {"scale": 2}},
        "scale-4-quality": {
            "schema": BARE | {"scale": 4, "absolute_quality": True, "rationale": "required"}
        },
        "steps": {
            "schema": BARE | {"steps": True, "criteria": CRITERIA[:1]},
            "left": STEPS,
            "right": OTHER_STEPS,
        },
        "everything": {
            "schema": ASKS_MUCH | {"absolute_quality": True, "steps": True},
            "left": STEPS,
            "right": OTHER_STEPS,
        },
        "locked": {
            "schema": BARE,
            "presentation": {"arms": [{"name": "slow", "mode": "paced", "tokens_per_second": 0.5}]},
        },
    }
    for kind, asked in kinds.items():
        campaign = bench_campaign(1, **asked)
        page = enter(factories.rater(campaign))
        look = Look(page)
        if kind == "locked":
            page.emulate_media(reduced_motion="no-preference")
        look.load(f"{live_server.url}/rate/{campaign.slug}/", kind, until="form.work")
        for width in WIDTHS:
            look.widen(width)
            if kind == "locked":
                look.at(kind)
                continue
            page.keyboard.press("1")
            for number, mark in ((1, "ok"), (2, "bad")):
                for step in page.locator(f".steps > li:nth-child({number}) label.{mark}").all():
                    step.click()
            for group in page.locator(".grade").all():
                group.locator("label").nth(4).click()
            look.at(kind)
        assert not look.faults, "\n".join(look.faults)


def test_what_raters_see_beside_the_bench(live_server: LiveServer, enter: Enter) -> None:
    campaign = practising()
    seat = factories.rater(campaign, "Ines Vega")
    page = enter(seat)
    look = Look(page)
    url = live_server.url
    look.load(f"{url}/rate/", "home")
    look.at_every_width("home")
    look.load(f"{url}/account/", "account")
    look.at_every_width("account")
    look.load(f"{url}/rate/recorded/", "recorded")
    look.at_every_width("recorded")
    look.widen(WIDTHS[0])
    look.load(f"{url}/rate/practice/", "practice", until="form.work")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    expect(page.locator(".feedback")).to_be_visible()
    look.at_every_width("feedback")
    page.get_by_role("button", name="I disagree").click()
    look.at_every_width("appeal")
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Next").click()
    shown(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".feedback")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#task h1")).to_contain_text("Thank you")
    look.at_every_width("empty")
    look.load(f"{url}/rate/practice/answers/", "answers")
    look.at_every_width("answers")
    look.load(f"{url}/rate/practice/guidelines/", "guidelines-page")
    look.at_every_width("guidelines-page")
    assert not look.faults, "\n".join(look.faults)


def box(page: Page, selector: str) -> FloatRect:
    found = page.locator(selector).first.bounding_box()
    assert found, selector
    return found


def test_a_phone_is_enough(live_server: LiveServer, enter: Enter) -> None:
    """A and B are tabs to tap or swipe, and the dock stays under the thumb."""
    campaign = bench_campaign(2, schema=ASKS_MUCH)
    page = enter(factories.rater(campaign))
    look = Look(page)
    look.widen(390)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    tabs = {side: page.locator(f".switch a[href='#{side}']") for side in "ab"}
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    expect(tabs["b"]).not_to_have_attribute("aria-current", "true")
    history = page.evaluate("history.length")
    tabs["b"].click()
    expect(tabs["b"]).to_have_attribute("aria-current", "true")
    expect(tabs["a"]).not_to_have_attribute("aria-current", "true")
    assert box(page, "#b")["x"] == 0
    assert page.evaluate("history.length") == history
    # A swipe ends on a whole response.
    page.evaluate("document.getElementById('pair').scrollBy({ left: -250 })")
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    wait_until(page, "document.getElementById('a').getBoundingClientRect().x === 0")
    page.evaluate("scrollTo(0, 0)")
    dock = box(page, ".dock")
    assert dock["y"] + dock["height"] == HEIGHTS[390]
    assert dock["height"] <= HEIGHTS[390] / 2
    for step in page.locator(".scale label").all():
        size = step.bounding_box()
        assert size and size["height"] >= 44 and size["width"] >= 24
    for action in page.locator(".actions > .btn:visible, .both-bad, .cite, #why").all():
        size = action.bounding_box()
        assert size and size["height"] >= 40, action.inner_text()
    page.locator(".scale label").nth(5).click()
    expect(page.locator(".scale label").nth(5).locator(".words")).to_be_visible()
    # Whoever changes their mind taps another step.
    page.locator(".scale label").nth(1).click()
    expect(page.locator("[name=verdict][value='left:2']")).to_be_checked()
    expect(page.locator(".scale label").nth(1).locator(".words")).to_be_visible()
    for number in range(3):
        page.locator(".mini .seg label.b").nth(number).click()
    before = card(page)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("form.work [name=assignment_id]")).not_to_have_value(before)
    expect(tabs["a"]).to_have_attribute("aria-current", "true")
    expect(page.locator("#task h1")).to_be_focused()


def test_narrow_enlarged_and_in_colours_of_ones_own(live_server: LiveServer, enter: Enter) -> None:
    """At 320 px, at 200 % of 1280 px, with letters twice as large, and with forced colours."""
    campaign = bench_campaign(
        1, STEPS, OTHER_STEPS, schema=ASKS_MUCH | {"absolute_quality": True, "steps": True}
    )
    seat = factories.rater(campaign)
    page = enter(seat)
    look = Look(page)
    url = live_server.url
    for address, name in (
        (f"{url}/rate/", "home"),
        (f"{url}/account/", "account"),
        (f"{url}/rate/{campaign.slug}/", "everything"),
    ):
        page.set_viewport_size({"width": 320, "height": 800})
        page.goto(address)
        for width, height in ((320, 800), (320, 256), (640, 400)):
            page.set_viewport_size({"width": width, "height": height})
            look.picture(f"{name}-{width}x{height}")
            assert look.overflow() <= 0, (name, width)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        look.picture(f"{name}-text-200")
        assert look.overflow() <= 0, (name, "text at 200 %")
    # A low window is not filled by the dock.
    page.set_viewport_size({"width": 640, "height": 400})
    page.goto(f"{url}/rate/{campaign.slug}/")
    assert box(page, ".dock")["y"] >= 400
    look.widen(1440)
    page.emulate_media(forced_colors="active")
    page.keyboard.press("6")
    look.picture("everything-forced")
    chosen = page.locator(".scale label").nth(5)
    for shown_chosen in (chosen, page.locator("#b")):
        style = shown_chosen.evaluate("n => getComputedStyle(n).outline")
        assert "solid" in style, style
    assert look.overflow() <= 0
