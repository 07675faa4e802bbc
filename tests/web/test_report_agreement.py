"""The page of agreement: what it says, of which numbers, and what it says where there are none."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from labeling.models import Campaign
from labeling.web.agreement_words import against_floor, headline, lower_parts, remarks
from labeling.web.report_agreement import window_name
from tests import factories
from tests.judge_rows import people_say
from tests.web.visiting import as_, page
from workers.metrics import compute_report

HERE = ("campaign_report_page",)


def row(value: float | None, low: float | None = None, high: float | None = None, n: int = 100):
    return {"value": value, "low": low, "high": high, "n": n, "why": "" if value else "None yet."}


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (row(None), "None yet."),
        (row(0.5), "too little to say more"),
        (row(-0.4, -0.6, -0.2), "disagree more than by chance"),
        (row(0.1, -0.1, 0.3), "no more than chance"),
        (row(0.3, 0.2, 0.4), "a single label says more of its raters"),
        (row(0.6, 0.55, 0.65), "usual for open-ended texts"),
        (row(0.72, 0.69, 0.75), "tentative conclusions"),
        (row(0.9, 0.85, 0.95), "single labels can be used"),
        (row(1.0, 1.0, 1.0, n=2), "nobody has disagreed yet, on 2 items"),
        # The value alone would be reliable; its interval is not.
        (row(0.85, 0.3, 0.95), "usual for open-ended texts"),
    ],
)
def test_the_headline_goes_by_the_interval(alpha: dict[str, Any], said: str) -> None:
    assert said in headline(alpha)


def test_noise_within_raters_is_told_from_what_they_differ_about() -> None:
    def of(percent: float, again: dict[str, Any], decisive: float = 0.7) -> str:
        return " ".join(
            remarks(
                {
                    "krippendorff_alpha_ordinal": row(0.5, 0.4, 0.6),
                    "percent_agreement": row(percent),
                    "percent_agreement_decisive": row(decisive),
                    "intra_rater": again,
                }
            )
        )

    assert "About 46 % of the distance" in of(0.65, row(0.84, 0.76, 0.9))
    assert "too few, or too unlike" in of(0.65, row(0.84, 0.5, 0.95))
    assert "whether it is a tie" in of(0.6, row(None), 0.86)
    assert of(0.65, row(None)) == ""
    assert (
        "so all of it may change"
        in remarks(
            {
                "krippendorff_alpha_ordinal": row(0.5, 0.1, 0.8, n=4),
                "percent_agreement": row(None),
                "percent_agreement_decisive": row(None),
                "intra_rater": row(None),
            }
        )[0]
    )


def test_a_part_is_named_only_where_its_interval_is_below_that_of_the_whole() -> None:
    parts = [
        ("kind", {"alpha": row(0.2, 0.1, 0.3)}),
        ("true", {"alpha": row(0.45, 0.3, 0.6)}),
        ("brief", {"alpha": row(None)}),
    ]
    said = lower_parts(row(0.5, 0.4, 0.6), parts)
    assert said == "Agreed on less than the whole: kind (0.20)."
    assert lower_parts(row(None), parts) == ""


def test_the_floor_is_held_against_the_interval_too() -> None:
    assert against_floor(row(0.6, 0.5, 0.7), None) is None
    assert against_floor(row(None), 0.5) is None
    assert against_floor(row(0.6, 0.56, 0.7), 0.55) == ("Above the floor 0.55", "ok")
    assert against_floor(row(0.6, 0.5, 0.7), 0.55) == ("Above the floor 0.55, not surely", "warn")
    assert against_floor(row(0.5, 0.4, 0.6), 0.55) == ("Below the floor 0.55", "bad")


def test_windows_are_named_by_their_days() -> None:
    def at(year: int, month: int, day: int) -> int:
        return int(datetime(year, month, day, tzinfo=UTC).timestamp())

    assert window_name(at(2026, 3, 2), at(2026, 3, 3)) == "2 Mar 2026"
    assert window_name(at(2026, 3, 2), at(2026, 3, 9)) == "2 to 8 Mar 2026"
    assert window_name(at(2026, 3, 30), at(2026, 4, 6)) == "30 Mar to 5 Apr 2026"
    assert window_name(at(2025, 12, 29), at(2026, 1, 5)) == "29 Dec 2025 to 4 Jan 2026"


@pytest.fixture
def campaign() -> Campaign:
    """Four raters on thirty comparisons and two criteria, one of them always a tie."""
    criteria = [{"key": "true", "label": "Truthful"}, {"key": "kind", "label": "Kind"}]
    made = factories.campaign(schema={"criteria": criteria}, policy={"agreement_floor": 0.2})
    seats = [factories.rater(made) for _ in range(4)]
    for k in range(30):
        comparison = factories.comparison(made)
        for place, seat in enumerate(seats):
            side = "ab"[(k + (place == k % 5)) % 2]
            strength = 1 + (k + place) % 3
            said = {"true": side, "kind": "tie"}
            people_say([seat], comparison, [side], criteria=said, strength=strength)
    return made


@pytest.mark.django_db
def test_every_part_is_on_the_page_and_in_its_file(campaign: Campaign) -> None:
    report = compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    said = page(client, *HERE, campaign.slug, "agreement")
    alpha = report.body["agreement"]["krippendorff_alpha_ordinal"]["value"]
    assert f"Krippendorff’s alpha is {alpha:.2f}" in said
    for words in ("Truthful", "Kind", "Every definition", "share 20 items or more", "floor 0.20"):
        assert words in said
    assert "Every vote gave the same answer" in said
    assert "No round of people’s work" in said or "No round of people&#x27;s work" in said
    assert said.count('<tr><th scope="row">7</th>') == 1
    for table, lines in (("criteria", 8), ("pairs", 12), ("scales", 9), ("windows", 4)):
        response = client.get(
            reverse("campaign_report_table", args=[campaign.slug, "agreement", table])
        )
        rows = list(csv.DictReader(io.StringIO(b"".join(response).decode())))
        assert len(rows) == lines, table
        assert all(one["value"] or one["why"] for one in rows)
        assert {one["raters"] for one in rows} == {"4"}


@pytest.mark.django_db
def test_a_campaign_of_one_vote_says_why_and_shows_no_zero(campaign: Campaign) -> None:
    lonely = factories.campaign()
    people_say([factories.rater(lonely)], factories.comparison(lonely), ["a"])
    compute_report(lonely)
    client = as_(factories.member(lonely, "researcher"))
    said = page(client, *HERE, lonely.slug, "agreement")
    assert "No comparison was judged by two raters yet." in said
    assert "No two raters share 20 items." in said
    assert "NaN" not in said and "nan " not in said
