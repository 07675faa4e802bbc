"""Hostile texts on the pages of managers: in every field that somebody else filled in."""

from typing import Any

import pytest
from playwright.sync_api import Dialog, expect
from pytest_django.live_server_helper import LiveServer

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.models import Comparison, GenerationSlot, Job, Membership, User
from tests import factories
from tests.browser.conftest import Enter
from tests.generating import started
from tests.imports.files import import_file, lines, pair
from tests.judging import judged
from tests.rendering.payloads import PAYLOADS
from tests.web.building import SCHEMA, publish
from workers.metrics import refresh_report

STORABLE = [text for text in PAYLOADS if "\0" not in text]
# Fields of names and labels take a line of text: several payloads to each.
SHORT = [text for text in STORABLE if len(text) <= 60 and "\n" not in text]


def sample(number: int, room: int) -> str:
    """As many payloads as fit, another choice for each number."""
    chosen = ""
    for text in SHORT[number * 7 :] + SHORT[: number * 7]:
        if len(chosen) + len(text) + 1 > room:
            break
        chosen += text + " "
    return chosen.strip()


@pytest.mark.slow
def test_hostile_texts_on_managers_pages_run_nothing_and_break_nothing(
    live_server: LiveServer, enter: Enter, troubles: list[str], requests_elsewhere: list[str]
) -> None:
    assert len(STORABLE) >= 150
    labels: dict[str, Any] = {
        "criteria": [
            {"key": f"c{n}", "label": sample(n, 80), "help": sample(n + 3, 200)} for n in range(3)
        ],
        "rationale": "optional",
    }
    campaign = factories.campaign(
        name=sample(1, 200),
        description=sample(2, 2000),
        attribution=sample(3, 300),
        overlap=2,
        schema={"scale": 2, "tie": True, "rationale": "optional"},
    )
    judged(campaign, {"one": ["a"], "two": ["b"]})
    for number, person in enumerate(User.objects.all()):
        person.first_name = sample(number, 150)
        person.save()
    for start in range(0, len(STORABLE), 40):
        part = STORABLE[start : start + 40]
        factories.comparison(
            campaign,
            "\n\n".join(part),
            "\n\n".join(reversed(part)),
            models=(sample(start, 300), sample(start + 5, 300)),
            prompt_text="\n\n".join(part),
        )
    publish(campaign, "\n\n".join(STORABLE))
    job = import_file(campaign, lines(*[{t: 1} for t in SHORT], pair(1)), lenient=True)
    job.imported_file.original_name = sample(4, 250)
    job.imported_file.save()
    Job.objects.filter(pk=job.pk).update(error={"message": sample(5, 400), "errors": []})
    job.problems.update(message=sample(6, 800))
    demo = ensure_demo_endpoint(organisation=campaign.organisation)
    run = started(campaign, demo, completions_per_prompt=2, pairing="all")
    demo.name, demo.model, demo.disabled_reason = sample(7, 120), sample(8, 200), sample(9, 500)
    demo.save()
    run.run_endpoints.update(name=sample(12, 120), model=sample(13, 200))
    GenerationSlot.objects.filter(run=run).update(
        state="failed", error_kind="refused", error=sample(10, 400)
    )
    campaign.schema = SCHEMA | labels
    campaign.save()
    refresh_report(campaign.pk)

    seat = factories.rater(campaign)
    assert seat.rater.user is not None
    User.objects.filter(pk=seat.rater.user.pk).update(last_name=sample(11, 150))
    Membership.objects.filter(campaign=campaign, user=seat.rater.user).update(role="manager")
    page = enter(seat)
    ran: list[str] = []
    page.expose_function("boom", lambda *_: ran.append("boom"))

    def opened(dialog: Dialog) -> None:
        ran.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", opened)
    paths = ["", "prompts/", "datasets/", "imports/", f"imports/{job.public_id}/"]
    paths += ["generation/", "raters/", "guidelines/", "guidelines/draft/", "review/?state=all"]
    paths += [f"review/{one.public_id}/" for one in Comparison.objects.filter(campaign=campaign)]
    paths += [f"prompts/{one.public_id}/" for one in Comparison.objects.filter(campaign=campaign)]
    for path in ["/campaigns/", "/account/"] + [f"/campaigns/{campaign.slug}/{p}" for p in paths]:
        page.goto(f"{live_server.url}{path}", wait_until="networkidle")
        expect(page.locator("main")).to_have_count(1)
        assert page.locator("main :is(iframe, object, embed, base, meta, link)").count() == 0, path
        assert page.locator("main script").count() == 0, path
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(wide) <= 0, path
        assert ran == [], path
        assert troubles == [], path
        assert requests_elsewhere == [], path
