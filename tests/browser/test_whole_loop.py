"""The main job from end to end: a file comes in, two people judge it, a file goes out.

Pages, forms and keys are a browser's; where a worker would act, its own function is called.
"""

import json
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Campaign, Job, Judgment
from tests import factories
from workers.imports import run_import
from workers.metrics import refresh_report

MODELS = ("larch", "alder")
# The right answer says so; each model is right half of the time.
ROWS = [
    {
        "prompt": f"Which harbour is number {n}?",
        "completion_a": {"text": f"**Right**: harbour {n}.", "model": MODELS[n % 2]},
        "completion_b": {"text": f"No idea about {n}.", "model": MODELS[1 - n % 2]},
    }
    for n in range(4)
]


def signed_in(browser: Browser, live_server: LiveServer, name: str, seen: list[str]) -> Page:
    """A browser of this person's own, signed in by the form."""
    page = browser.new_context().new_page()

    def note(message: ConsoleMessage) -> None:
        # The 422 of a form that was not complete is shown by the browser as an error.
        if message.type in {"error", "warning"} and "422" not in message.text:
            seen.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.goto(live_server.url)
    page.get_by_label("name").fill(name)
    page.get_by_label("Password").fill("password")
    page.keyboard.press("Enter")
    expect(page.locator("main h1")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_count(0)
    return page


def upload(page: Page, file: Path) -> None:
    """Send the file by the form, do the worker's part, and wait for the page to tell it."""
    page.get_by_role("link", name="Imports").first.click()
    page.set_input_files("[name=file]", file)
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#job")).to_contain_text(file.name)
    run_import(Job.objects.latest("pk").pk)
    # The page asks by itself.
    expect(page.locator("#job .pill")).to_have_text({"bad.jsonl": "Failed"}.get(file.name, "Done"))


def publish(page: Page, text: str, *, version: int) -> None:
    """Write the next version of the guidelines into the draft, and publish it."""
    page.get_by_role("link", name="Guidelines").first.click()
    page.locator("a[href$='/guidelines/draft/']").click()
    page.locator("[name=body]").fill(text)
    page.get_by_role("button", name=f"Publish version {version}").click()
    confirm = page.locator("#consequences")
    if confirm.count():
        confirm.get_by_role("button", name=f"Publish version {version}").click()
    expect(page.get_by_text(f"v{version}, current")).to_be_visible()


def judge_all(page: Page, live_server: LiveServer, campaign: Campaign) -> int:
    """Judge by keyboard alone, the right answer always better; how many there were."""
    page.goto(f"{live_server.url}/rate/{campaign.slug}/")
    count = 0
    heading = page.locator("#task h1")
    while page.locator("form.work").count():
        card = page.locator("form.work [name=assignment_id]")
        before = card.input_value()
        is_left = "Right" in page.locator("#a").inner_text()
        page.keyboard.press("1" if is_left else "7")
        page.keyboard.press("Shift+Digit1")
        if not is_left:
            page.keyboard.press("Shift+Digit1")
            page.keyboard.press("Shift+Digit1")
        page.keyboard.press("r")
        page.keyboard.type("It answers.")
        page.keyboard.press("Escape")
        page.keyboard.press("Enter")
        count += 1
        expect(page.locator(f"form.work [name=assignment_id][value='{before}']")).to_have_count(0)
        expect(heading).to_be_focused()
    expect(heading).to_have_text("That was the last one for now")
    return count


def test_from_a_file_to_pairs_a_trainer_loads(
    browser: Browser, live_server: LiveServer, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings.MEDIA_ROOT = str(tmp_path / "files")
    lab = factories.organisation("Lab")
    factories.user("mia", of=lab, role="manager")
    for name in ("ann", "bob"):
        factories.user(name, of=lab)
    troubles: list[str] = []
    manager = signed_in(browser, live_server, "mia", troubles)

    # A campaign, from the form.
    manager.get_by_role("link", name="New campaign").click()
    manager.get_by_role("textbox", name="Name", exact=True).fill("Harbours")
    manager.get_by_label("Raters per comparison").fill("2")
    manager.get_by_label("Criterion, row 1").fill("Truthful")
    manager.get_by_label("What it means, row 1").fill("claims hold up")
    manager.get_by_role("button", name="Save draft").first.click()
    expect(manager).to_have_url(f"{live_server.url}/campaigns/harbours/settings/")

    # A file with faults is refused line by line; the same without them comes in.
    bad, good = tmp_path / "bad.jsonl", tmp_path / "good.jsonl"
    rows = [json.dumps(row) for row in ROWS]
    bad.write_text("\n".join([rows[0], '{"promt": "x"}', "no JSON", *rows[1:]]))
    good.write_text("\n".join(rows))
    upload(manager, bad)
    lines = manager.locator("#job tbody tr td:first-child").all_inner_texts()
    assert lines == ["2", "3"]
    expect(manager.locator("#job")).to_contain_text("promt")
    upload(manager, good)
    expect(manager.locator("#job")).to_contain_text("4 imported")

    # Guidelines, raters, and off it goes.
    publish(manager, "# Harbours\n\n## T1 Truth\n\nWhat is right wins.", version=1)
    manager.get_by_role("link", name="Raters").click()
    for name in ("ann", "bob"):
        manager.get_by_label("Sign-in name").fill(name)
        manager.get_by_role("button", name="Let in").click()
        expect(manager.get_by_role("status")).to_contain_text(f"{name} has the role of rater")
    manager.get_by_role("link", name="Overview").click()
    expect(manager.get_by_text("4 comparisons wait")).to_have_count(2)
    manager.get_by_role("button", name="Start").click()
    expect(manager.locator("#stats")).to_contain_text("0 of 8")
    campaign = Campaign.objects.get(slug="harbours")

    # Two raters judge while the manager looks at the dashboard, which nobody reloads.
    for number, name in enumerate(("ann", "bob"), start=1):
        rater = signed_in(browser, live_server, name, troubles)
        assert judge_all(rater, live_server, campaign) == 4
        refresh_reports_now()
        expect(manager.locator("#stats")).to_contain_text(f"{number * 4} of 8", timeout=15_000)
        # What was counted live may be on screen one look, five seconds, before its report is.
        raters = manager.locator("#details tbody").last.locator("tr")
        expect(raters).to_have_count(number, timeout=15_000)
    assert {j.guideline_version.number for j in stored(campaign) if j.guideline_version} == {1}
    expect(manager.locator("#stats")).to_contain_text("100.0 %")
    expect(manager.locator("#board")).to_contain_text("larch")
    expect(manager.locator("#curves svg.chart").first).to_be_visible()
    expect(manager.locator("#feed")).to_contain_text("judged 4 comparisons")

    # A token from the account page, and the pairs by API.
    manager.goto(f"{live_server.url}/account/")
    manager.get_by_role("button", name="Make the token").click()
    token = manager.locator(".secret").inner_text()
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_bytes(export(live_server, token, "trl"))
    check_pairs(pairs, tmp_path)
    assert troubles == []


def refresh_reports_now() -> None:
    """What the scheduler and a worker do every few seconds."""
    for campaign in Campaign.objects.all():
        refresh_report(campaign.pk)


def stored(campaign: Campaign) -> list[Judgment]:
    return list(campaign.judgments.select_related("guideline_version"))


def export(live_server: LiveServer, token: str, layout: str) -> bytes:
    """The live export, as curl would fetch it."""
    request = urllib.request.Request(
        f"{live_server.url}/api/v1/campaigns/harbours/export/?layout={layout}&rule=each",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        return bytes(response.read())


def check_pairs(file: Path, folder: Path) -> None:
    """Load the file as a trainer would, and see that what was right was chosen."""
    from datasets import load_dataset

    loaded = load_dataset(
        "json", data_files=str(file), split="train", cache_dir=str(folder / "datasets")
    )
    assert len(loaded) == 8
    assert {"prompt", "chosen", "rejected"} <= set(loaded.column_names)
    for row in loaded:
        assert row["prompt"][-1]["content"].startswith("Which harbour")
        assert "Right" in row["chosen"][-1]["content"]
        assert "No idea" in row["rejected"][-1]["content"]
