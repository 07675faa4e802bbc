"""Texts nobody expects: imported or refused with a reason, then shown without breaking the page."""

import html
import re

import pytest
from django.test import Client

from labeling.actions.rounds import open_waiting
from labeling.models import Comparison
from tests import factories
from tests.imports.files import counts, import_rows, problems
from tests.web.building import answer, open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

ARABIC = "السلام عليكم، هذه **إجابة** طويلة.\n\n١. أولا"
HEBREW = "שלום \u202eabc\u202c עולם"
LONG = "A line of a long answer, with *marks* and `code` in it.\n" * 1900
ODD = {
    "empty": ("", "Something"),
    "both empty": ("", {"text": "", "model": "south"}),
    "a boolean": (True, "false"),
    "a number": (42, -1.5e10),
    "only spaces": (" \n\t ", "\u200b"),
    "100 kB": (LONG, "short"),
    "one word of 100 kB": ("W" * 100_000, "short"),
    "right to left": (ARABIC, HEBREW),
    "marks": ("z" + "\u0301" * 400, "\U000e0041\U000e0042 hidden"),
}


def row(a: object, b: object, prompt: str = "Odd?") -> dict[str, object]:
    sides = [
        one if isinstance(one, dict) else {"text": one, "model": model}
        for one, model in ((a, "north"), (b, "south"))
    ]
    return {"prompt": prompt, "completion_a": sides[0], "completion_b": sides[1]}


def text_of(completion: object) -> str:
    return completion.messages[0]["content"]  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("name", ODD)
def test_an_odd_text_is_imported_shown_and_judged(name: str) -> None:
    campaign = open_campaign(0)
    a, b = ODD[name]
    job = import_rows(campaign, row(a, b), kind="comparisons")
    assert (job.status, counts(job)) == ("succeeded", (1, 1, 0, 0)), job.error
    if name in {"empty", "both empty", "a boolean", "a number"}:
        assert job.result is not None
        assert job.result["warnings"] >= 1
        reader = Client()
        reader.force_login(factories.member(campaign, "researcher"))
        told = reader.get(f"/campaigns/{campaign.slug}/imports/{job.public_id}/").content.decode()
        assert f"{job.result['warnings']} warning" in told
    stored = Comparison.objects.get()
    texts = {text_of(stored.completion_a), text_of(stored.completion_b)}
    if isinstance(a, str) and isinstance(b, str):
        # Byte for byte what was sent, whatever it looks like.
        assert texts == {a, b}
    open_waiting(campaign=campaign, by=None)
    client = signed_in(factories.rater(campaign))
    page = client.get(f"/rate/{campaign.slug}/")
    assert page.status_code == 200
    shown = page.content.decode()
    assert len(re.findall(r'<div class="prose"', shown)) >= 2
    if "empty" in name:
        assert "empty" in shown.lower()
    if name == "right to left":
        assert 'dir="auto"' in shown
    if name == "100 kB":
        assert len(re.findall("A line of a long answer", html.unescape(shown))) >= 1900
    assert client.post(f"/rate/{campaign.slug}/", answer(shown)).status_code == 303
    manager = Client()
    manager.force_login(factories.member(campaign, "manager"))
    for path in ("", "prompts/", f"prompts/{stored.public_id}/"):
        assert manager.get(f"/campaigns/{campaign.slug}/{path}").status_code == 200


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ({"text": "the same", "model": "m"}, {"text": "the same", "model": "m"}, "same"),
        ({"text": ["a list"], "model": "m"}, "x", ""),
        ({"text": {"an": "object"}, "model": "m"}, "x", ""),
    ],
    ids=["one completion twice", "a list", "an object"],
)
def test_what_is_no_pair_of_texts_is_refused_with_its_reason(
    a: object, b: object, says: str
) -> None:
    campaign = factories.campaign()
    good = row("fine", "well", "Another?")
    job = import_rows(campaign, row(a, b), good, kind="comparisons", lenient=True)
    assert (job.status, counts(job)) == ("succeeded", (2, 1, 0, 1))
    ((line, field),) = problems(job)
    assert line == 1
    assert field.startswith("completion")
    assert says in job.problems.get().message


def test_two_models_that_say_the_same_are_a_pair_and_can_be_judged() -> None:
    campaign = open_campaign(0)
    job = import_rows(campaign, row("The same words.", "The same words."), kind="comparisons")
    assert counts(job) == (1, 1, 0, 0)
    open_waiting(campaign=campaign, by=None)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    shown = client.get(url).content.decode()
    assert shown.count("The same words.") >= 2
    assert client.post(url, answer(shown)).status_code == 303
