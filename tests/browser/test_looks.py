"""Nothing hostile runs or leaves, nobody is shut out, and the page stays light."""

import gzip
import os
from pathlib import Path

import brotli
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Dialog, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Comparison
from tests import factories
from tests.browser.conftest import Enter
from tests.rendering.payloads import PAYLOADS
from tests.web.building import SCHEMA, open_campaign, publish

# PostgreSQL stores no NUL: the importers refuse it, and the renderer has tests of its own.
STORABLE = [text for text in PAYLOADS if "\0" not in text]
WIDTHS = (1440, 1024, 390)
CODE = '''Only retry what can *succeed* later:

```python
def fetch(url, tries=6):
    """Wait longer each time."""
    for n in range(tries):
        time.sleep(2 ** n)  # seconds
```

| Retry | Wait |
|---|--:|
| 0 | 1 s |
| 1 | 2 s |

- Worst case: $w_n = \\sum_{i=0}^{n} 2^i$
- A `404` is raised at once.

\\[ P(A \\mid B) = \\frac{P(B \\mid A) P(A)}{P(B)} \\]

> Quoted, and [linked](https://example.org).
'''
ARABIC = "مرحبا! هذه **إجابة** قصيرة.\n\n1. أولا\n2. ثانيا\n\n`code` داخل النص."
LONG = "# Title\n\n" + "A paragraph that goes on for a while, as answers do. " * 30


def rich_campaign() -> Campaign:
    """A campaign whose comparison holds every kind of content at once."""
    campaign = open_campaign(0)
    publish(campaign)
    prompt = factories.prompt(
        campaign,
        messages=[
            {"role": "user", "content": "My downloader hangs.\n\n```\nwhile True: pass\n```"},
            {"role": "assistant", "content": "`urlopen` has no timeout."},
            {"role": "user", "content": "Please rewrite it with backoff."},
        ],
    )
    tools = [
        {"type": "text", "text": LONG},
        {"type": "tool_call", "name": "search", "arguments": {"q": "backoff"}},
        {"type": "tool_result", "content": "three results"},
        {"type": "image_url", "image_url": {"url": "https://elsewhere.example/x.png"}},
    ]
    left = factories.completion(prompt, CODE + "\nadmin\u202egpj.exe")
    right = factories.completion(
        prompt,
        "",
        "model-two",
        messages=[
            {"role": "assistant", "content": tools},
            {"role": "tool", "content": ARABIC},
        ],
    )
    Comparison.objects.create(
        campaign=campaign, prompt=prompt, completion_a=left, completion_b=right
    )
    open_waiting(campaign=campaign, by=None)
    return campaign


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary'][:160]})"
        for one in found
        for node in one["nodes"]
    ]


def picture(page: Page, name: str) -> None:
    """Keep a screenshot where LOOKS names a folder, for people to look at."""
    if folder := os.environ.get("LOOKS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def overflow(page: Page) -> int:
    return int(
        page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def test_hostile_texts_run_nothing_load_nothing_and_break_nothing(
    live_server: LiveServer, enter: Enter, troubles: list[str], requests_elsewhere: list[str]
) -> None:
    campaign = open_campaign(0, name="<script>boom()</script>", schema=SCHEMA | {"criteria": []})
    publish(campaign, "\n\n".join(STORABLE))
    for start in range(0, len(STORABLE), 30):
        part = STORABLE[start : start + 30]
        prompt = factories.prompt(
            campaign, messages=[{"role": text[:40], "content": text} for text in part]
        )
        tools = [{"type": "tool_result", "content": text} for text in part]
        sides = [
            factories.completion(prompt, "\n\n".join(part), "one"),
            factories.completion(
                prompt,
                "",
                "two",
                messages=[{"role": "assistant", "content": "Before\n\n" + text} for text in part]
                + [{"role": "assistant", "content": tools}],
            ),
        ]
        Comparison.objects.create(
            campaign=campaign, prompt=prompt, completion_a=sides[0], completion_b=sides[1]
        )
    open_waiting(campaign=campaign, by=None)
    page = enter(factories.rater(campaign))
    ran: list[str] = []
    page.expose_function("boom", lambda *_: ran.append("boom"))

    def opened(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", opened)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    for _ in range(0, len(STORABLE), 30):
        expect(page.locator("form.work")).to_be_visible()
        for folded in page.locator("details.tool summary").all()[:3]:
            folded.click()
        assert page.locator("main").count() == 1
        assert page.locator("#a, #b, #skip, #say").count() == 4
        alien = ".prose :is(script, style, iframe, form, img, input, svg:not(.copy > svg))"
        assert page.locator(alien).count() == 0
        assert overflow(page) <= 0
        before = page.locator("form.work [name=assignment_id]").input_value()
        page.locator("h2").first.click()
        page.keyboard.press("3")
        page.keyboard.press("Enter")
        expect(page.locator(f"form.work [name=assignment_id][value='{before}']")).to_have_count(0)
    expect(page.locator("h1")).to_have_text("That was the last one for now")
    page.keyboard.press("g")
    expect(page.locator("#guidelines .prose")).to_contain_text("boom()")
    page.goto(f"{live_server.url}/rate/{campaign.slug}/guidelines/")
    page.goto(f"{live_server.url}/rate/")
    expect(page.locator("body")).to_contain_text("<script>boom()</script>")
    assert ran == []
    # Not even the content policy had anything to stop.
    assert troubles == []
    assert requests_elsewhere == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_is_for_everybody(
    width: int, theme: str, live_server: LiveServer, enter: Enter
) -> None:
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 900})

    def check(name: str) -> None:
        picture(page, f"{name}-{width}-{theme}")
        assert violations(page) == [], name
        assert overflow(page) <= 0, name

    page.goto(f"{live_server.url}/rate/")
    check("home")
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    check("bench")
    page.locator("details.tool summary").first.click()
    page.keyboard.press("Escape")
    page.locator("[name=verdict][value='right:1']").check(force=True)
    page.locator("#why").fill("Because it is clearer.")
    check("chosen")
    page.locator("#pair").evaluate("node => node.scrollIntoView()")
    check("scrolled")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#say")).to_contain_text("Helpful")
    check("fault")
    page.locator("#why").blur()
    page.keyboard.press("s")
    check("skip")
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    expect(page.locator("#guidelines .prose")).to_be_visible()
    check("guidelines")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    check("keys")
    page.keyboard.press("Escape")
    page.locator(".hid").first.click()
    check("hidden")
    page.keyboard.press("Escape")
    for name in ("criterion_helpful", "criterion_truthful"):
        page.locator(f"[name={name}][value=right]").check(force=True)
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("h1")).to_have_text("That was the last one for now")
    check("empty")
    page.keyboard.press("u")
    expect(page.locator("#say")).to_contain_text("You are changing")
    check("undo")
    page.goto(f"{live_server.url}/rate/{campaign.slug}/guidelines/")
    check("guidelines-page")
    page.goto(f"{live_server.url}/no/such/page/")
    check("404")
    page.context.clear_cookies()
    page.goto(f"{live_server.url}/login/")
    check("login")


def test_the_bench_is_light(live_server: LiveServer, enter: Enter) -> None:
    """At most 8 requests and 60 kB, as the server sends them."""
    campaign = rich_campaign()
    page = enter(factories.rater(campaign))
    weights: dict[str, int] = {}

    def weigh(response: object) -> None:
        body = response.body()  # type: ignore[attr-defined]
        url = response.url  # type: ignore[attr-defined]
        is_page = response.headers.get("content-encoding") == "gzip"  # type: ignore[attr-defined]
        # Files are stored compressed where the server runs; here they lie as they are written.
        small = gzip.compress(body) if is_page else body
        weights[url] = len(brotli.compress(body) if "/static/" in url else small)

    page.on("response", weigh)
    page.goto(f"{live_server.url}/rate/{campaign.slug}/", wait_until="networkidle")
    expect(page.locator("form.work")).to_be_visible()
    assert len(weights) <= 8, weights
    assert sum(weights.values()) <= 60_000, weights


def test_a_long_answer_and_an_unbroken_word_stay_in_their_column(
    live_server: LiveServer, enter: Enter
) -> None:
    campaign = open_campaign(0, schema=SCHEMA | {"criteria": []})
    factories.comparison(campaign, "word " * 20_000, "W" * 5_000 + "\n\n" + "z\u0301" * 400)
    open_waiting(campaign=campaign, by=None)
    page = enter(factories.rater(campaign))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{live_server.url}/rate/{campaign.slug}/")
        assert overflow(page) <= 0
        expect(page.get_by_role("button", name="Submit")).to_be_in_viewport()
