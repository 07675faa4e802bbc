"""The draft of the next guidelines: it is kept, comes back, and loses nobody's text."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from labeling.actions.guidelines import publish_guidelines
from labeling.models import AuditEvent, Campaign, Gold, Judgment
from labeling.queries.guidelines import draft_of, edition_of
from tests import factories
from tests.judging import judged
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)

BODY = "## T1 Truthfulness\n\nOne wrong claim loses.\n\n## H1 Help\n\nThe request is binding."
HTMX = {"HX-Request": "true"}


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(
        schema={"scale": 2, "tie": True, "rationale": "optional", "clauses": True}
    )


@pytest.fixture
def manager(campaign: Campaign) -> Client:
    return as_(factories.member(campaign, "manager", "ana"))


def address(campaign: Campaign) -> str:
    return reverse("campaign_guidelines_draft", args=[campaign.slug])


def form(seen: str, *examples: dict[str, str], body: str = BODY, **more: str) -> dict[str, str]:
    sent = {
        "seen": seen,
        "body": body,
        "asks_rereading": "on",
        "examples-TOTAL_FORMS": str(len(examples)),
        "examples-INITIAL_FORMS": "0",
    }
    for number, example in enumerate(examples):
        sent |= {f"examples-{number}-{name}": value for name, value in example.items()}
    return sent | more


def seen_by(client: Client, campaign: Campaign) -> str:
    """The edition that the page was made of."""
    page = client.get(address(campaign))
    assert page.status_code == 200
    return str(page.context["seen"])


def save(client: Client, campaign: Campaign, sent: dict[str, str], **headers: Any) -> Any:
    return client.post(address(campaign), {"do": "save"} | sent, headers=headers or None)


def cite(comparison: Any, *clauses: str) -> None:
    """What the standing judgments of a comparison would be had they cited these clauses."""
    for one in Judgment.objects.filter(comparison=comparison):
        Judgment.objects.create(
            campaign=one.campaign,
            comparison=one.comparison,
            rater=one.rater,
            assignment=one.assignment,
            supersedes=one,
            guideline_version=one.guideline_version,
            preference=one.preference,
            clauses=list(clauses),
        )


def test_a_draft_is_kept_unfinished_and_comes_back(campaign: Campaign, manager: Client) -> None:
    half = {"clause": "T1", "prompt": "What is 2 + 2?", "a": "4"}
    sent = form(seen_by(manager, campaign), half)
    assert save(manager, campaign, sent).status_code == 302
    page = manager.get(address(campaign)).content.decode()
    assert "One wrong claim loses." in page
    assert "What is 2 + 2?" in page
    assert "last saved by ana" in page
    assert not campaign.guidelines.filter(number__isnull=False).exists()
    # Raters and readers see nothing of it.
    researcher = as_(factories.member(campaign, "researcher"))
    shown = researcher.get(reverse("campaign_guidelines", args=[campaign.slug])).content.decode()
    assert "One wrong claim" not in shown


def test_it_saves_itself_and_the_page_goes_on_from_there(
    campaign: Campaign, manager: Client
) -> None:
    first = save(manager, campaign, form(seen_by(manager, campaign)), **HTMX)
    assert first.status_code == 200
    seen = edition_of(campaign, draft_of(campaign))
    assert f'name="seen" value="{seen}"' in first.content.decode()
    second = save(manager, campaign, form(seen, body=BODY + "\n\nAlways."), **HTMX)
    assert second.status_code == 200
    assert campaign.guidelines.count() == 1
    # Saving is no event of its own: only that a draft was begun.
    assert AuditEvent.objects.filter(verb="guidelines.draft_begun").count() == 1


def test_the_second_of_two_editors_is_told_and_nothing_is_lost(
    campaign: Campaign, manager: Client
) -> None:
    other = as_(factories.member(campaign, "manager", "ben"))
    both_saw = seen_by(manager, campaign)
    save(manager, campaign, form(both_saw, body=BODY + "\n\nAna's words."))
    answer = save(other, campaign, form(both_saw, body=BODY + "\n\nBen's words."))
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "Ben&#x27;s words." in page
    assert "saved by ana" in page
    assert "<del>" in page
    draft = draft_of(campaign)
    assert draft is not None
    assert "Ana's words." in draft.body
    # Having seen both, Ben may put his in its place; then Ana is the one who is told.
    over = {"over": answer.context["over"]}
    assert save(other, campaign, form(both_saw, body="## T1 Ben", **over)).status_code == 302
    again = save(manager, campaign, form(both_saw, body="## T1 Ana"), **HTMX)
    assert again.status_code == 422
    draft = draft_of(campaign)
    assert draft is not None
    assert draft.body == "## T1 Ben"


def test_publishing_ends_the_draft_and_tells_who_still_edits_the_old_one(
    campaign: Campaign, manager: Client
) -> None:
    other = as_(factories.member(campaign, "manager"))
    save(manager, campaign, form(seen_by(manager, campaign)))
    seen = seen_by(manager, campaign)
    late = seen_by(other, campaign)
    assert manager.post(address(campaign), form(seen, do="publish")).status_code == 302
    assert draft_of(campaign) is None
    assert campaign.guidelines.get().number == 1
    assert save(other, campaign, form(late, body="## T1 Late")).status_code == 409
    published = other.post(address(campaign), form(late, body="## T1 Late", do="publish"))
    assert published.status_code == 409
    assert campaign.guidelines.count() == 1


def test_a_preview_shows_the_unfinished_text_and_stores_nothing(
    campaign: Campaign, manager: Client
) -> None:
    whole = {
        "clause": "T1",
        "prompt": "Two plus two?",
        "a": "4",
        "b": "5",
        "verdict": "a:3",
        "why": "B is wrong.",
    }
    sent = form(seen_by(manager, campaign), whole, {"clause": "T1", "a": "half"}, do="preview")
    part = manager.post(address(campaign), sent, headers=HTMX).content.decode()
    assert "A much better" in part
    assert "preview-T1" in part
    assert "half" not in part
    page = manager.post(address(campaign), sent)
    assert page.status_code == 200
    assert "preview-T1" in page.content.decode()
    assert not campaign.guidelines.exists()


def test_a_draft_is_thrown_away_only_as_it_was_shown(campaign: Campaign, manager: Client) -> None:
    save(manager, campaign, form(seen_by(manager, campaign)))
    seen = seen_by(manager, campaign)
    save(manager, campaign, form(seen, body=BODY + "\n\nMore."))
    assert manager.post(address(campaign), form(seen, do="discard")).status_code == 409
    assert draft_of(campaign) is not None
    last = seen_by(manager, campaign)
    assert manager.post(address(campaign), form(last, do="discard")).status_code == 302
    assert draft_of(campaign) is None


def test_twins_are_refused_with_what_to_do(campaign: Campaign, manager: Client) -> None:
    sent = form(seen_by(manager, campaign), body="## T1 One\n\n## T1 Two", do="publish")
    answer = manager.post(address(campaign), sent)
    assert answer.status_code == 422
    assert "Give each its own" in answer.content.decode()


def test_a_renamed_clause_that_judgments_cite_is_warned_of_and_kept_as_a_former_id(
    campaign: Campaign, manager: Client
) -> None:
    publish_guidelines(campaign=campaign, body=BODY, by=None)
    (comparison,) = judged(campaign, {"one": ["a"]})
    cite(comparison, "T1")
    gold = factories.comparison(campaign)
    Gold.objects.create(comparison=gold, preference="a", strength=1, clause="T1")
    renamed = BODY.replace("T1 ", "T2 ")
    sent = form(seen_by(manager, campaign), body=renamed, do="publish")
    asked = manager.post(address(campaign), sent)
    assert asked.status_code == 200
    page = asked.content.decode()
    assert "1 judgment and 1 known answer cite it" in page
    # The clause it seems to have become is chosen already.
    assert '<option value="T2" selected>' in page
    assert campaign.guidelines.count() == 1
    sent |= {"confirmed": "1", "renamed-T1": "T2"}
    assert manager.post(address(campaign), sent).status_code == 302
    version = campaign.guidelines.get(number=2)
    assert version.clauses[0] == {"id": "T2", "title": "Truthfulness", "was": ["T1"]}
    # The former id stays with the clause as it is renamed and reworded again.
    publish_guidelines(
        campaign=campaign, body=renamed.replace("T2 ", "T3 "), by=None, renamed={"T2": "T3"}
    )
    assert campaign.guidelines.get(number=3).clauses[0]["was"] == ["T1", "T2"]


def test_a_clause_nobody_cites_goes_without_a_question(campaign: Campaign, manager: Client) -> None:
    publish_guidelines(campaign=campaign, body=BODY, by=None)
    sent = form(seen_by(manager, campaign), body="## T1 Truthfulness\n\nOnly this.", do="publish")
    assert manager.post(address(campaign), sent).status_code == 302
    assert campaign.guidelines.count() == 2


@pytest.mark.parametrize(
    ("role", "status"), [("researcher", 403), ("reviewer", 403), ("rater", 404)]
)
@pytest.mark.parametrize("verb", ["save", "publish", "discard", "preview"])
def test_only_managers_write(campaign: Campaign, role: str, status: int, verb: str) -> None:
    person = as_(factories.member(campaign, role))
    assert person.post(address(campaign), form("", do=verb)).status_code == status
    assert person.get(address(campaign)).status_code == status
    assert not campaign.guidelines.exists()


def test_a_character_that_cannot_be_stored_makes_nothing_fail(
    campaign: Campaign, manager: Client
) -> None:
    sent = form(seen_by(manager, campaign), change_note="a\x00b")
    assert save(manager, campaign, sent).status_code == 302
    sent = form(seen_by(manager, campaign), body="## T1 a\x00b")
    assert save(manager, campaign, sent).status_code == 422
    example = {"clause": "T1", "prompt": "a\x00b"}
    sent = form(seen_by(manager, campaign), example)
    assert save(manager, campaign, sent).status_code < 500
