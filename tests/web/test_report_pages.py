"""The pages of the report: who sees them, what can be taken away, and what an old report shows."""

import csv
import io
import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from django.urls import reverse
from django.utils import timezone

from labeling.models import Campaign, Report
from labeling.web.report_pages import SECTIONS
from tests import factories
from tests.judge_rows import people_say
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """Three raters and twelve comparisons, one an hour; all but one answer alike."""
    made = factories.campaign(overlap=3)
    seats = [factories.rater(made) for _ in range(3)]
    for k in range(12):
        said = [("a", "b", "tie")[k % 3]] * 3 if k != 4 else ["b", "b", "a"]
        at = timezone.now() - timedelta(hours=12 - k)
        people_say(seats, factories.comparison(made), said, judged_at=at)
    return made


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.name)
def test_a_page_without_a_report_and_with_an_old_one_says_so(section, campaign: Campaign) -> None:
    client = as_(factories.member(campaign, "researcher"))
    here = ("campaign_report_page", campaign.slug, section.name)
    assert "No report yet" in page(client, *here)
    report = compute_report(campaign)
    assert "No report yet" not in page(client, *here)
    for key in section.needs:
        del report.body[key]
    Report.objects.filter(pk=report.pk).update(body=report.body)
    assert ("from before the page had its figures" in page(client, *here)) == bool(section.needs)


def test_the_report_begins_with_agreement_and_knows_its_pages(campaign: Campaign) -> None:
    client = as_(factories.member(campaign, "reviewer"))
    first = client.get(reverse("campaign_report", args=[campaign.slug]))
    assert first.status_code == 302 and first["Location"].endswith("/report/agreement/")
    for one in SECTIONS:
        address = reverse("campaign_report_page", args=[campaign.slug, one.name])
        assert f'href="{address}"' in page(
            client, "campaign_report_page", campaign.slug, "agreement"
        )
    unknown = reverse("campaign_report_page", args=[campaign.slug, "nothing"])
    assert client.get(unknown).status_code == 404


def test_raters_and_strangers_find_no_report(campaign: Campaign) -> None:
    compute_report(campaign)
    rater = factories.rater(campaign).rater.user
    assert rater is not None
    for person in (rater, factories.user()):
        client = as_(person)
        for name, *args in (
            ("campaign_report",),
            ("campaign_report_print",),
            ("campaign_report_page", "agreement"),
            ("campaign_report_table", "agreement", "measures"),
            ("campaign_report_chart", "agreement", "over-time"),
        ):
            assert client.get(reverse(name, args=[campaign.slug, *args])).status_code == 404


def test_a_table_is_taken_away_with_how_it_was_made(campaign: Campaign) -> None:
    report = compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    response = client.get(
        reverse("campaign_report_table", args=[campaign.slug, "agreement", "measures"])
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
    by_name = {row["measure"]: row for row in rows}
    alpha = report.body["agreement"]["krippendorff_alpha_ordinal"]
    shown = by_name["krippendorff_alpha_ordinal"]
    assert float(shown["value"]) == alpha["value"] and shown["unit"] == "items"
    assert shown["raters"] == "3" and shown["tie_rule"].startswith("A tie is a category")
    assert shown["judgments_counted"] == "36" and shown["excluded_judgments"] == "0"
    assert by_name["intra_rater"]["value"] == "" and by_name["intra_rater"]["why"]
    none = reverse("campaign_report_table", args=[campaign.slug, "agreement", "nothing"])
    assert client.get(none).status_code == 404


def test_every_table_and_chart_there_is_can_be_taken_away(campaign: Campaign) -> None:
    compute_report(campaign)
    client = as_(factories.member(campaign, "manager"))
    for one in SECTIONS:
        said = page(client, "campaign_report_page", campaign.slug, one.name)
        for address in set(re.findall(r'href="([^"]+/report/[\w-]+/(?:csv|svg)/[^"]+)"', said)):
            response = client.get(address)
            assert response.status_code == 200, address
            assert "attachment" in response["Content-Disposition"]
            if "/svg/" in address:
                root = ElementTree.fromstring(response.content)
                assert root.tag == "{http://www.w3.org/2000/svg}svg"
                assert campaign.name in response.content.decode()


def test_the_printed_report_needs_nothing_else_and_may_fetch_nothing(campaign: Campaign) -> None:
    compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    response = client.get(reverse("campaign_report_print", args=[campaign.slug]), {"download": "1"})
    said = response.content.decode()
    assert "attachment" in response["Content-Disposition"]
    assert "style-src 'sha256-" in response["Content-Security-Policy"]
    assert "<script" not in said and "<link" not in said and "src=" not in said
    for one in SECTIONS:
        assert f'id="part-{one.name}"' in said
    ids = re.findall(r'\sid="([^"]+)"', said)
    assert len(ids) == len(set(ids))
    assert "What each number means" in said and "How it was made" in said


def test_computing_again_comes_back_to_the_page(campaign: Campaign) -> None:
    client = as_(factories.member(campaign, "manager"))
    again = reverse("campaign_recompute", args=[campaign.slug])
    asked = client.post(again, {"page": "agreement"})
    assert asked["Location"].endswith("/report/agreement/")
    for odd in ("", "nothing", "//elsewhere.example/", "é"):
        assert client.post(again, {"page": odd})["Location"].endswith(f"/{campaign.slug}/")
