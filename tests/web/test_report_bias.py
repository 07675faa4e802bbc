"""The page of leanings: checks in words, the experiment, and who drives what."""

import csv
import io

import pytest
from django.urls import reverse

from labeling.models import Campaign, Judgment, Report
from labeling.web.experiment_words import findings
from tests import factories
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

ARMS = {
    "arms": [
        {"name": "at-once"},
        {"name": "slow", "mode": "paced", "tokens_per_second": 10},
    ]
}


@pytest.fixture
def campaign() -> Campaign:
    """Four raters; at once the longer answer wins, streamed the shorter."""
    made = factories.campaign(presentation=ARMS, overlap=4)
    seats = [factories.rater(made) for _ in range(4)]
    for k in range(30):
        pair = factories.comparison(made, f"- **long** {k} " * 12, f"short {k}")
        for n, seat in enumerate(seats):
            streamed = (k + n) % 2 == 1
            Judgment.objects.create(
                campaign=made,
                comparison=pair,
                rater=seat.rater,
                preference="b" if streamed and (k + 2 * n) % 5 else "a",
                strength=2,
                shown_left="a" if (k + n) % 3 else "b",
                presentation_arm="slow" if streamed else "at-once",
                client={"shown_as": "paced" if streamed else "instant"},
                active_ms=21_000 + 100 * k if streamed else 9_000 + 90 * k,
            )
    return made


def test_the_page_says_in_words_what_was_found(campaign):
    compute_report(campaign)
    said = page(
        as_(factories.member(campaign, "researcher")), "campaign_report_page", campaign.slug, "bias"
    )
    assert "Streaming takes" in said and "off the pull of length" in said
    assert "Chance hardly explains it" in said and "Found" in said
    assert "no judgment wanted" not in said and "came in files" in said
    assert "streamed judgments take 12." in said
    assert "At equal length the answer with more headings" in said or "nearly every vote" in said
    assert "Benjamini" in said and "4 of 4 raters" in said
    assert "No rater met a known answer." in said


def test_checks_arms_contrasts_and_raters_can_be_taken_away(campaign):
    body = compute_report(campaign).body
    client = as_(factories.member(campaign, "researcher"))
    rows = {}
    for table in ("checks", "arms", "contrasts", "raters"):
        address = reverse("campaign_report_table", args=[campaign.slug, "bias", table])
        content = b"".join(client.get(address)).decode()
        rows[table] = list(csv.DictReader(io.StringIO(content)))
    assert [row["check"] for row in rows["checks"]][4] == "presentation"
    assert (
        float(rows["arms"][0]["value"])
        == body["presentation_experiment"]["arms"][0]["longer"]["value"]
    )
    assert (
        rows["contrasts"][0]["contrast"] == "streaming" and float(rows["contrasts"][0]["p"]) < 0.001
    )
    assert len(rows["raters"]) == 8 and {row["leaning"] for row in rows["raters"]} == {
        "longer",
        "left",
    }
    chart = client.get(reverse("campaign_report_chart", args=[campaign.slug, "bias", "arms"]))
    assert "at-once" in chart.content.decode()


def test_without_arms_the_page_says_how_to_have_some():
    made = factories.campaign()
    seat = factories.rater(made)
    Judgment.objects.create(
        campaign=made, comparison=factories.comparison(made), rater=seat.rater, preference="a"
    )
    compute_report(made)
    said = page(as_(factories.member(made, "manager")), "campaign_report_page", made.slug, "bias")
    assert "No judgment was made in a presentation arm." in said
    assert "Name two arms or more" in said and "Change the arms" in said
    assert "No check has enough to go by yet." in said
    arms = factories.campaign(presentation=ARMS)
    compute_report(arms)
    said = page(as_(factories.member(arms, "manager")), "campaign_report_page", arms.slug, "bias")
    assert "The settings name several arms" in said and "Name two arms or more" not in said


def test_an_older_report_lacks_its_part_and_breaks_nothing(campaign):
    report = compute_report(campaign)
    for key in ("bias_checks", "presentation_experiment"):
        del report.body[key]
    Report.objects.filter(pk=report.pk).update(body=report.body)
    said = page(
        as_(factories.member(campaign, "manager")), "campaign_report_page", campaign.slug, "bias"
    )
    assert "Compute again" in said and "Bias checks" not in said


def contrast(value: float | None, **fields: object) -> dict[str, object]:
    seen = {"value": value, "low": -0.03, "high": 0.04, "n": 900, "chance": 0.4, "why": "None."}
    return seen | {"needed": 40_000, "detectable": 0.05, "days_left": 12} | fields


def test_what_the_experiment_says_is_worded_by_what_is_known():
    tested = {
        "judgment_count": 900,
        "not_dealt_count": 100,
        "not_honoured_count": 3,
        "unknown_shown_count": 0,
        "as_dealt": {"value": -0.01},
        "price": {"value": 1.0, "low": -0.5, "high": 2.5},
        "contrasts": {
            "streaming": contrast(None, chance=None, needed=None, detectable=None),
            "halving": contrast(0.01),
            "context": contrast(0.0),
        },
    }
    found = findings(tested, stands=False)
    facts = dict(found.facts)
    assert found.lead.startswith("Each halving of the speed adds 1.0 points to the pull of length")
    assert not found.is_settled and found.progress == (900, 40_000)
    assert facts["At this pace"] == "about 12 more days"
    assert facts["Dealt"] == "by lot for 800 judgments; 100 came in files"
    assert facts["Price"].startswith("no sign that streamed judgments take longer (−0.5 to 2.5 s)")
    assert "3 judgments were shown otherwise" in found.notes[0]
    tested["contrasts"]["halving"] = contrast(0.01, days_left=None)
    assert "no such vote came" in dict(findings(tested, stands=False).facts)["At this pace"]
    # Surprising by itself, and not among all that was looked at.
    tested["contrasts"]["halving"] = contrast(0.01, chance=0.03)
    found = findings(tested, stands=False)
    assert "Among so many checks that may still be chance (p = 0.030)" in found.lead
    assert not found.is_settled
    found = findings(tested, stands=True)
    assert "Chance hardly explains it" in found.lead and found.is_settled
