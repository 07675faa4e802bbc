"""A manager's week, as from a fresh start: build, invite, qualify, two rounds, review, pay.

Everything a person does is done in browsers of their own; where a worker would act, its own
function is called.
"""

import json
from pathlib import Path
from typing import Any

from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Adjudication, Campaign, Job, Judgment, Round, Seat, Snapshot, User
from tests import factories
from tests.browser.test_whole_loop import publish, signed_in
from workers.imports import run_import
from workers.metrics import refresh_report
from workers.snapshots import run_freeze

PASSWORD = "a long harbour wall"
TEXT = "# Harbours\n\n## T1 Truth\n\nWhat is right wins.\n\n## L1 Length\n\nShort is good."


def pair(number: int, **more: Any) -> dict[str, Any]:
    """A comparison of which one side says that it is right."""
    models = ("larch", "alder")
    return {
        "comparison_id": f"c{number}",
        "prompt": f"Which harbour is number {number}?",
        "completion_a": {"text": f"**Right**: harbour {number}.", "model": models[number % 2]},
        "completion_b": {"text": f"No idea about {number}.", "model": models[1 - number % 2]},
        **more,
    }


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows))
    return path


def import_by_form(manager: Page, file: Path, kind: str) -> None:
    manager.get_by_role("link", name="Imports").first.click()
    manager.set_input_files("[name=file]", file)
    manager.get_by_label("What it holds").select_option(kind)
    manager.get_by_role("button", name="Import").click()
    expect(manager.locator("#job")).to_contain_text(file.name)
    run_import(Job.objects.latest("pk").pk)
    expect(manager.locator("#job .pill")).to_have_text("Done")


def invited(manager: Page, addresses: list[str]) -> list[str]:
    """Invite the addresses as raters; the links, which are shown this once."""
    manager.get_by_role("link", name="Raters").first.click()
    manager.get_by_label("Mail addresses, one a line").fill("\n".join(addresses))
    manager.get_by_role("button", name="Invite").last.click()
    links = manager.locator(".secret")
    expect(links).to_have_count(len(addresses))
    return links.all_inner_texts()


def come_in(browser: Browser, link: str, name: str, troubles: list[str]) -> Page:
    """Open the link in a browser of one's own, and choose a name and a password."""
    page = browser.new_context().new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.goto(link)
    page.locator("#id_username").fill(name)
    page.locator("#id_password").fill(PASSWORD)
    page.locator("#id_again").fill(PASSWORD)
    page.get_by_role("button", name="Come in").click()
    expect(page.locator("#id_again")).to_have_count(0)
    return page


def judge(page: Page, live_server: LiveServer, slug: str, *, errs_after: int = 99) -> int:
    """Judge all there is by keyboard; how many. Who errs prefers the wrong one from then on."""
    page.goto(f"{live_server.url}/rate/{slug}/")
    count = 0
    while page.locator("form.work").count():
        card = page.locator("form.work [name=assignment_id]").input_value()
        is_left = ("Right" in page.locator("#a").inner_text()) != (count >= errs_after)
        page.keyboard.press("1" if is_left else "7")
        page.keyboard.press("Enter")
        expect(page.locator(f"form.work [name=assignment_id][value='{card}']")).to_have_count(0)
        heading = page.locator("#task h1")
        expect(heading).to_be_visible()
        if heading.inner_text() == "How your answer compares":
            # Practice: what was expected is told, and one goes on.
            page.locator("a[data-enter]").press("Enter")
            expect(page.get_by_text("How your answer compares")).to_have_count(0)
        count += 1
        assert count < 60
    return count


def test_a_managers_week(
    browser: Browser, live_server: LiveServer, settings: Any, tmp_path: Path
) -> None:
    cache.clear()
    settings.MEDIA_ROOT = str(tmp_path / "files")
    settings.BASE_URL = live_server.url
    lab = factories.organisation("Lab")
    factories.user("mia", of=lab, role="manager")
    troubles: list[str] = []
    manager = signed_in(browser, live_server, "mia", troubles)

    # Build it from a file, of which one line is refused by its number.
    manager.goto(f"{live_server.url}/campaigns/new/")
    manager.get_by_role("textbox", name="Name", exact=True).fill("Harbours")
    rows = [pair(1), '{"promt": "x"}', *[pair(n) for n in range(2, 7)]]
    manager.set_input_files("[name=file]", written(tmp_path / "first.jsonl", rows))
    manager.get_by_text("Leave out lines that cannot be read").click()
    manager.get_by_label("Raters per comparison").fill("2")
    manager.get_by_label("Qualification").select_option("*own")
    manager.get_by_label("Gold, per cent").fill("20")
    manager.get_by_label("Hidden repeats, per cent").fill("20")
    manager.get_by_label("Pay per hour").fill("20")
    manager.get_by_role("button", name="Save draft").first.click()
    expect(manager.get_by_role("status").first).to_contain_text("The draft is kept")

    campaign = Campaign.objects.get(slug="harbours")
    run_import(Job.objects.latest("pk").pk)
    manager.reload()
    expect(manager.locator("#job")).to_contain_text("promt")
    assert campaign.comparisons.count() == 6

    # Gold for the qualification, and gold to be mixed in.
    gold = {
        "preference": "a",
        "strength": 3,
        "explanation": "It names the harbour.",
        "clause": "T1",
    }
    import_by_form(
        manager,
        written(tmp_path / "practice.jsonl", [pair(n, gold=gold) for n in (50, 51)]),
        "gold",
    )
    publish(manager, TEXT, version=1)
    manager.get_by_role("link", name="Rounds").first.click()
    manager.get_by_role("button", name="Open a qualification").click()
    expect(manager.get_by_role("status").first).to_contain_text("open")
    import_by_form(
        manager, written(tmp_path / "gold.jsonl", [pair(n, gold=gold) for n in (60, 61)]), "gold"
    )

    # Raters come in by links that work once, and qualify before anything else.
    names = ["ann", "bob", "cid"]
    links = invited(manager, [f"{name}@example.org" for name in names])
    raters = {
        name: come_in(browser, link, name, troubles)
        for name, link in zip(names, links, strict=True)
    }
    assert User.objects.get(username="ann").email == "ann@example.org"
    manager.get_by_role("link", name="Back").click()
    manager.get_by_role("link", name="Overview").click()
    manager.get_by_role("button", name="Start").click()
    expect(manager.locator("#stats")).to_contain_text("of 12")

    # Round one. Practice comes first; then gold and repeats are mixed in, and one rater errs.
    for name, page in raters.items():
        judge(page, live_server, "harbours", errs_after=2 if name == "bob" else 99)
        assert qualified(name)
    judgments = Judgment.objects.filter(campaign=campaign)
    first = Round.objects.get(campaign=campaign, kind="production")
    assert judgments.filter(comparison__round=first, is_repeat=False).count() == 12
    assert judgments.filter(comparison__gold__isnull=False).exists()
    refresh_report(campaign.pk)

    # Review what they differ about, by keyboard.
    manager.get_by_role("link", name="Review").first.click()
    manager.get_by_role("link", name="Begin").press("Enter")
    expect(manager.locator("#a")).to_be_visible()
    manager.keyboard.press("1")
    manager.keyboard.press("Enter")
    expect(manager.get_by_role("status").first).to_be_visible()
    assert Adjudication.objects.filter(campaign=campaign, outcome="decided").count() == 1

    manager.goto(f"{live_server.url}/campaigns/harbours/")
    # Version two changes a clause; what was judged under the first is stale where it falls on it.
    publish(manager, TEXT.replace("What is right wins.", "What is right wins, always."), version=2)
    manager.get_by_role("link", name="stale").first.click()
    expect(manager.get_by_role("heading", name="Stale judgments")).to_be_visible()
    expect(manager.locator("main")).to_contain_text("under an older version")

    # Round one is closed and frozen; its model is registered; round two mixes in new comparisons.
    manager.get_by_role("link", name="Rounds").first.click()
    manager.get_by_role("button", name=f"Close round {first.number}").click()
    manager.get_by_role("button", name=f"Freeze round {first.number}").click()
    run_freeze(Job.objects.latest("pk").pk)
    assert Snapshot.objects.get(campaign=campaign).sha256
    manager.reload()
    manager.get_by_text(f"Register the model trained on round {first.number}").click()
    manager.locator(f"#model-{first.number}").fill("alder-2")
    manager.get_by_role("button", name="Register").first.click()
    expect(manager.locator("main")).to_contain_text("alder-2")
    new = [
        pair(n, completion_b={"text": f"**Right**: harbour {n}, I think.", "model": "alder-2"})
        for n in (21, 22)
    ]
    import_by_form(manager, written(tmp_path / "second.jsonl", new), "comparisons")
    manager.get_by_role("link", name="Rounds").first.click()
    if not Round.objects.filter(campaign=campaign, number__gt=first.number).exists():
        manager.locator("#open input[name=pairing][value=given]").check()
        manager.locator("#open [name=anchor]").select_option("larch")
        manager.get_by_role("button", name="Open round").click()
    second = Round.objects.filter(campaign=campaign, kind="production").latest("number")
    assert second.number > first.number
    # Two of them do it all before the third comes.
    for page in (raters["ann"], raters["bob"]):
        # What changed is read before they go on.
        page.goto(f"{live_server.url}/rate/harbours/")
        expect(page.locator("main")).to_contain_text("always")
        page.get_by_role("button", name="I have read it").press("Enter")
        expect(page.locator("form.work")).to_be_visible()
        judge(page, live_server, "harbours")
    assert judgments.filter(comparison__round=second, is_repeat=False).count() == 4
    assert {
        one.guideline_version.number
        for one in judgments.filter(comparison__round=second)
        if one.guideline_version
    } == {2}
    refresh_report(campaign.pk)
    manager.get_by_role("link", name="Rounds").first.click()
    expect(manager.locator("main")).to_contain_text(f"Round {second.number}")

    # Pay: everybody who worked, with time that was credited.
    manager.get_by_role("link", name="Pay").click()
    for name in names:
        expect(manager.locator("#lines")).to_contain_text(name)
    manager.get_by_role("link", name="Activity").click()
    expect(manager.locator("#log")).to_contain_text("opened a round")
    assert troubles == []


def qualified(name: str) -> bool:
    return Seat.objects.filter(rater__user__username=name, qualified_at__isnull=False).exists()
