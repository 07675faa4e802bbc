"""The guidelines as readers see them: numbers of clauses, history in place, what became stale."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.rating import submit_judgment
from labeling.models import Adjudication, Assignment, Campaign
from tests import factories
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db(transaction=True)

BODY = "## T1 Truth\n\nOne wrong claim loses.\n\n## H1 Help\n\nDo as asked."


@pytest.fixture
def campaign() -> Campaign:
    """Eleven comparisons judged by two raters who cite H1 for opposite sides, then a new text."""
    campaign = factories.campaign(
        overlap=2, schema={"scale": 2, "tie": True, "rationale": "off", "clauses": True}
    )
    publish_guidelines(campaign=campaign, body=BODY, by=None)
    factories.open_comparisons(campaign, 11)
    for preference in ("a", "b"):
        seat = factories.rater(campaign)
        while held := claim_assignment(rater=seat.rater, campaign=campaign):
            answer = {"side": held.side(preference), "clauses": ["H1"]}
            submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer)
    publish_guidelines(
        campaign=campaign, body=BODY.replace("as asked", "all of it"), by=None, change_note="All"
    )
    return campaign


@pytest.fixture
def manager(campaign: Campaign) -> Client:
    return as_(factories.member(campaign, "manager"))


def test_the_ambiguous_clause_is_named_with_its_numbers(
    campaign: Campaign, manager: Client
) -> None:
    assert "The next report will say" in page(manager, "campaign_guidelines", campaign.slug)
    report = compute_report(campaign)
    (row,) = report.body["clauses"]
    assert (row["clause"], row["citations"], row["comparisons"]) == ("H1", 22, 11)
    assert row["is_most_ambiguous"]
    assert row["both_sides"]["value"] == 1.0
    html = page(manager, "campaign_guidelines", campaign.slug)
    assert "H1 is read most differently" in html
    assert "on 11 comparisons" in html
    assert "22 stale" in html


def test_history_is_swapped_word_by_word(campaign: Campaign, manager: Client) -> None:
    place = reverse("campaign_guidelines", args=[campaign.slug])
    part = manager.get(
        place,
        {"from": "1", "to": "2"},
        headers={"HX-Request": "true", "HX-Target": "changes"},
    ).content.decode()
    assert part.lstrip().startswith("<div")
    assert "<del>as " in part
    assert "<ins>all " in part
    assert "One wrong claim" not in part


def test_stale_judgments_are_listed_by_clause_and_asked_again(
    campaign: Campaign, manager: Client
) -> None:
    factories.rater(campaign)
    place = reverse("campaign_guidelines_stale", args=[campaign.slug])
    html = manager.get(place).content.decode()
    assert "22 of 11 comparisons" in html
    assert "for 11 comparisons" in html
    assert "H1 (22)" in html
    assert manager.get(place, {"clause": "T1"}).status_code == 200
    # What the page did not show is not asked: nothing, not everything.
    for odd in ({"clause": "T1", "version": "2"}, {"clause": "H1", "version": "1"}, {"clause": ""}):
        assert manager.post(place, odd).status_code == 409
    assert not Adjudication.objects.exists()
    assert manager.post(place, {"clause": "H1", "version": "2"}).status_code == 303
    assert Assignment.objects.filter(campaign=campaign, ended_at=None).count() == 11
    assert set(Adjudication.objects.values_list("outcome", "more")) == {("sent_back", 1)}
    assert "disabled" in manager.get(place).content.decode()


def test_who_may_ask_again(campaign: Campaign) -> None:
    factories.rater(campaign)
    place = reverse("campaign_guidelines_stale", args=[campaign.slug])
    for role, reads, writes in (
        ("researcher", 200, 403),
        ("reviewer", 200, 403),
        ("rater", 404, 404),
    ):
        person = as_(factories.member(campaign, role))
        assert person.get(place).status_code == reads
        assert person.post(place).status_code == writes
    assert not Adjudication.objects.exists()


def test_pages_cost_the_same_however_much_is_stale(campaign: Campaign, manager: Client) -> None:
    for name in ("campaign_guidelines", "campaign_guidelines_stale"):
        place = reverse(name, args=[campaign.slug])
        manager.get(place)
        with CaptureQueriesContext(connection) as captured:
            manager.get(place)
        assert len(captured) <= 24, [query["sql"][:80] for query in captured]
