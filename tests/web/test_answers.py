"""The bench without a script: every kind of answer is a form field, and undo keeps them all."""

import re
from typing import Any

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Judgment
from tests import factories
from tests.web.building import answer, assignment_of, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = {
    "scale": 7,
    "tie": True,
    "both_bad": True,
    "rationale": "optional",
    "edit_winner": True,
    "steps": True,
    "clauses": True,
    "absolute_quality": True,
}
SAID: dict[str, Any] = {
    "verdict": "left:2",
    "criterion_helpful": None,
    "criterion_truthful": None,
    "quality_left": "6",
    "quality_right": "2",
    "step_left_1": "ok",
    "step_left_2": "wrong",
    "step_right_1": "unsure",
    "step_right_2": "ok",
    "clauses": ["T1"],
    "flags": ["broken"],
    "edited_side": "left",
    "edited_text": "One.\r\n\r\nTwo, better.",
}


def everything(**fields: Any) -> Campaign:
    campaign = factories.campaign(**({"schema": EVERYTHING} | fields))
    for number in range(2):
        factories.comparison(campaign, "One.\n\nTwo.", "Three.\n\nFour.", prompt_text=f"P{number}")
    open_waiting(campaign=campaign, by=None)
    publish_guidelines(campaign=campaign, body="## T1 Truth\n\n## H1 Help", by=None)
    return campaign


def checked(html: str, name: str) -> list[str]:
    return re.findall(rf'name="{name}" value="([^"]*)"[^>]* checked', html)


def test_a_whole_answer_is_stored_as_the_comparison_has_it() -> None:
    campaign = everything()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    assert client.post(url, answer(page, **SAID)).status_code == 303
    judgment = Judgment.objects.get()
    assert judgment.assignment is not None
    left, right = (judgment.assignment.preference(side) for side in ("left", "right"))
    assert {"a": judgment.quality_a, "b": judgment.quality_b} == {left: 6, right: 2}
    assert judgment.steps == {left: ["ok", "wrong"], right: ["unsure", "ok"]}
    assert judgment.clauses == ["T1"]
    assert judgment.flags == ["broken"]
    assert judgment.edited == {"side": left, "text": "One.\n\nTwo, better."}


def test_undo_keeps_all_that_was_said_wherever_it_was_said() -> None:
    campaign = everything()
    seat = factories.rater(campaign)
    client = signed_in(seat)
    url = f"/rate/{campaign.slug}/"
    # Through the action, as a script of the rater's would.
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    said = {
        "side": "right",
        "strength": 3,
        "quality": {"left": 1, "right": 7},
        "steps": {"left": ["wrong"], "right": ["ok", "unsure"]},
        "clauses": ["H1", "T1"],
        "flags": ["unsafe"],
        "edited": {"side": "right", "text": "Three and a half."},
        "rationale": "A tyop.",
    }
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=said)
    first = Judgment.objects.get()
    page = client.get(f"{url}undo/").content.decode()
    assert checked(page, "quality_left") == ["1"]
    assert checked(page, "step_left_1") == ["wrong"]
    assert checked(page, "step_right_2") == ["unsure"]
    assert sorted(checked(page, "clauses")) == ["H1", "T1"]
    assert checked(page, "flags") == ["unsafe"]
    assert checked(page, "edited_side") == ["right"]
    assert "Three and a half.</textarea>" in page
    again = {
        "assignment_id": str(held.public_id),
        "judgment_id": str(first.public_id),
        "verdict": "right:3",
        "rationale": "A typo.",
        "quality_left": "1",
        "quality_right": "7",
        "step_left_1": "wrong",
        "step_right_1": "ok",
        "step_right_2": "unsure",
        "clauses": ["H1", "T1"],
        "flags": ["unsafe"],
        "edited_side": "right",
        "edited_text": "Three and a half.",
    }
    assert client.post(f"{url}undo/", again).status_code == 303
    revised = Judgment.objects.standing().get()
    assert revised.rationale == "A typo."
    for field in ("quality_a", "quality_b", "steps", "clauses", "flags", "edited", "preference"):
        assert getattr(revised, field) == getattr(first, field), field


@pytest.mark.parametrize(
    ("changes", "said", "fault"),
    [
        ({"quality_right": None}, "Say how good B is by itself", "quality_right"),
        ({"quality_left": "9"}, "Say how good A is by itself", "quality_left"),
        ({"step_right_2": None}, "Response B, step 2", "step_right_2"),
        ({"step_left_2": "ok", "step_left_3": "ok"}, "has 2 steps, and 3 are marked", "step_left"),
        ({"clauses": ["X9"]}, "no clause X9. They have H1, T1.", "clauses"),
        ({"verdict": "right:1"}, "You edited A, but B is better", "edited"),
    ],
)
def test_what_is_missing_comes_back_with_all_that_was_said(
    changes: dict[str, Any], said: str, fault: str
) -> None:
    campaign = everything()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    response = client.post(url, answer(page, **(SAID | changes)))
    html = response.content.decode()
    assert response.status_code == 422
    assert said in html
    assert f'data-fault="{fault}' in html
    assert assignment_of(html) == assignment_of(page)
    assert checked(html, "flags") == ["broken"]
    assert "Two, better.</textarea>" in html
    # What the edit changes is said without a script.
    changes_shown = re.search(r'id="edit-diff"[^>]*>(.*?)</div>', html, re.DOTALL)
    assert changes_shown
    assert "better" in "".join(re.findall(r"<ins>(.*?)</ins>", changes_shown[1], re.DOTALL))
    assert not Judgment.objects.exists()


def test_without_a_script_the_page_brings_the_text_to_be_edited() -> None:
    campaign = everything()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    asked = answer(page, **(SAID | {"edited_side": None, "edited_text": "", "start_edit": "1"}))
    html = client.post(url, asked).content.decode()
    assert "Change the text below, then submit." in html
    assert checked(html, "edited_side") == ["left"]
    assert ">\nOne.\n\nTwo.</textarea>" in html or ">\nThree.\n\nFour.</textarea>" in html
    assert 'id="edit" popover' not in html
    nobody = client.post(url, asked | {"verdict": "tie:0"}).content.decode()
    assert "Choose the better response, then edit it." in nobody
    assert not Judgment.objects.exists()


def test_an_untouched_text_is_no_edit() -> None:
    campaign = everything()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    original = re.search(r'<template id="original-left">([^<]*)</template>', page)
    assert original
    untouched = original[1].replace("\n", "\r\n")
    assert client.post(url, answer(page, **(SAID | {"edited_text": untouched}))).status_code == 303
    assert Judgment.objects.get().edited is None


def test_a_campaign_that_asks_for_nothing_more_has_no_field_for_it_and_ignores_one() -> None:
    campaign = factories.campaign(schema={"scale": 7, "rationale": "off"})
    factories.comparison(campaign, "One.", "Two.")
    open_waiting(campaign=campaign, by=None)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    for name in ("quality_left", "step_left_1", "edited_text", "clauses", "rationale"):
        assert f'name="{name}"' not in page
    assert 'name="flags"' in page
    assert client.post(url, answer(page, **SAID)).status_code == 303
    judgment = Judgment.objects.get()
    assert (judgment.quality_a, judgment.steps, judgment.edited) == (None, {}, None)
    assert judgment.flags == ["broken"]


def test_clauses_of_an_older_version_are_taken_and_those_in_force_are_offered() -> None:
    campaign = everything()
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    page = client.get(url).content.decode()
    assert re.findall(r'name="clauses" value="([^"]*)"', page) == ["T1", "H1"]
    publish_guidelines(campaign=campaign, body="## H1 Help", by=None, asks_rereading=False)
    assert client.post(url, answer(page, **(SAID | {"guidelines": "1"}))).status_code == 303
    assert Judgment.objects.get().clauses == ["T1"]
    page = client.get(url).content.decode()
    assert re.findall(r'name="clauses" value="([^"]*)"', page) == ["H1"]
