"""Guidelines that change: raters see what is new before they go on, and lose nothing by it."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.actions.guidelines import publish_guidelines
from labeling.models import AuditEvent, Draft, GuidelineReading, Judgment
from tests import factories
from tests.web.building import answer, open_campaign, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

FIRST = "## T1 Truthfulness\n\nOne wrong claim loses."
SECOND = "## T1 Truthfulness\n\nOne wrong or invented claim loses.\n\n## S1 Safety\n\nRisk loses."


def test_what_changed_is_shown_before_the_next_comparison_and_confirmed_with_one_press() -> None:
    campaign = open_campaign(3)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    bench, news = (reverse(name, args=[campaign.slug]) for name in ("rate", "rate_news"))
    html = client.get(bench).content.decode()
    client.post(bench, answer(html))
    publish_guidelines(campaign=campaign, body=SECOND, by=None, change_note="Invented sources")
    response = client.get(bench, follow=True)
    assert response.redirect_chain == [(news, 303)]
    said = response.content.decode()
    assert "<ins>or invented </ins>" in said
    assert "Safety" in said
    assert "Invented sources" in said
    assert client.post(news, {"number": "2"}).headers["Location"] == bench
    client.post(news, {"number": "2"})
    assert GuidelineReading.objects.filter(rater=seat.rater, version__number=2).count() == 1
    assert AuditEvent.objects.filter(verb="guidelines.read").count() == 1
    assert client.get(bench).status_code == 200


def test_an_answer_that_was_begun_is_kept_and_stored_once_after_reading() -> None:
    campaign = open_campaign(2)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    bench, news = (reverse(name, args=[campaign.slug]) for name in ("rate", "rate_news"))
    client.post(bench, answer(client.get(bench).content.decode()))
    html = client.get(bench).content.decode()
    publish_guidelines(campaign=campaign, body=SECOND, by=None)
    said = answer(html, rationale="Typed before the change.")
    response = client.post(bench, said)
    assert response.status_code == 303
    assert response.headers["Location"] == news
    assert Judgment.objects.count() == 1
    assert Draft.objects.get().said["fields"]["rationale"] == ["Typed before the change."]
    client.post(news, {"number": "2"})
    assert "Typed before the change." in client.get(bench).content.decode()
    client.post(bench, said)
    assert Judgment.objects.count() == 2
    newest = Judgment.objects.latest("pk")
    assert newest.guideline_version is not None
    assert newest.guideline_version.number == 2


def test_with_script_the_answer_stays_on_the_page_and_the_message_leads_to_what_is_new() -> None:
    campaign = open_campaign(2)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    client = signed_in(factories.rater(campaign))
    bench = reverse("rate", args=[campaign.slug])
    client.post(bench, answer(client.get(bench).content.decode()))
    html = client.get(bench).content.decode()
    publish_guidelines(campaign=campaign, body=SECOND, by=None)
    response = client.post(bench, answer(html), headers={"HX-Request": "true"})
    assert response.status_code == 409
    assert response.headers["HX-Retarget"] == "#say"
    assert reverse("rate_news", args=[campaign.slug]) in response.content.decode()


def test_a_version_that_does_not_ask_interrupts_nobody() -> None:
    campaign = open_campaign(2)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    client = signed_in(factories.rater(campaign))
    bench = reverse("rate", args=[campaign.slug])
    client.post(bench, answer(client.get(bench).content.decode()))
    publish_guidelines(campaign=campaign, body=SECOND, by=None, asks_rereading=False)
    assert client.get(bench).status_code == 200


def test_a_newcomer_is_asked_to_reread_nothing() -> None:
    campaign = open_campaign(1)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    publish_guidelines(campaign=campaign, body=SECOND, by=None)
    client = signed_in(factories.rater(campaign))
    assert client.get(reverse("rate", args=[campaign.slug])).status_code == 200


def test_who_judged_before_there_were_any_reads_the_first_ones() -> None:
    campaign = open_campaign(2)
    client = signed_in(factories.rater(campaign))
    bench = reverse("rate", args=[campaign.slug])
    client.post(bench, answer(client.get(bench).content.decode()))
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    said = client.get(bench, follow=True).content.decode()
    assert "Guidelines to read first" in said
    assert "<ins>One wrong claim loses.</ins>" in said


@pytest.mark.parametrize("number", ["", "x", "-1", "9", "99999999999999999999"])
def test_a_version_that_is_none_cannot_be_confirmed(number: str) -> None:
    campaign = open_campaign(1)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    client = signed_in(factories.rater(campaign))
    response = client.post(reverse("rate_news", args=[campaign.slug]), {"number": number})
    assert response.status_code in {400, 404}
    assert not GuidelineReading.objects.exists()


def test_whoever_does_not_rate_there_confirms_nothing() -> None:
    campaign = open_campaign(1)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    stranger = factories.rater(factories.campaign())
    address = reverse("rate_news", args=[campaign.slug])
    assert signed_in(stranger).post(address, {"number": "1"}).status_code == 404
    assert signed_in(stranger).get(address).status_code == 404


def test_reading_costs_the_bench_no_statement_more() -> None:
    campaign = open_campaign(3)
    publish_guidelines(campaign=campaign, body=FIRST, by=None)
    publish_guidelines(campaign=campaign, body=SECOND, by=None)
    client = signed_in(factories.rater(campaign))
    bench = reverse("rate", args=[campaign.slug])
    client.get(bench)
    with CaptureQueriesContext(
        connection,
    ) as seen:
        client.get(bench)
    assert not [one for one in seen.captured_queries if _is_only_about_reading(one)]


def _is_only_about_reading(query: dict[str, Any]) -> bool:
    return str(query["sql"]).lstrip().startswith("SELECT") and (
        'FROM "labeling_guidelinereading"' in query["sql"]
    )


def test_worked_examples_stand_under_their_clause_in_drawer_and_page() -> None:
    campaign = open_campaign(1)
    example = {
        "clause": "T1",
        "prompt": "What is **2 + 2**?",
        "a": "4",
        "b": "<script>5</script>",
        "preference": "a",
        "strength": 3,
        "why": "B is wrong.",
    }
    publish_guidelines(campaign=campaign, body=SECOND, by=None, examples=[example])
    client = signed_in(factories.rater(campaign))
    address = reverse("rate_guidelines", args=[campaign.slug])
    for headers in ({}, {"HX-Request": "true"}):
        said = client.get(address, headers=headers).content.decode()
        assert (
            said.index("Truthfulness")
            < said.index("<strong>2 + 2</strong>")
            < said.rindex("Safety")
        )
        assert "A much better" in said
        assert "<script>5" not in said


def test_history_compares_any_two_versions() -> None:
    campaign = open_campaign(1)
    for body in (FIRST, SECOND, FIRST):
        publish_guidelines(campaign=campaign, body=body, by=None)
    client = signed_in(factories.rater(campaign))
    address = reverse("rate_guidelines", args=[campaign.slug])
    said = client.get(address).content.decode()
    assert "<del>or invented </del>" in said
    said = client.get(address, {"from": "1", "to": "2"}).content.decode()
    assert "<ins>or invented </ins>" in said
    said = client.get(address, {"from": "1", "to": "3"}).content.decode()
    assert "The two versions say the same." in said
    assert client.get(address, {"from": "x", "to": "77"}).status_code == 200
