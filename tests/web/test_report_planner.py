"""The planner: what a study takes, from a form in the address; and what stopping now would mean."""

import csv
import io

import pytest
from django.urls import reverse

from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Report
from tests import factories
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

ASKED = {
    "models": "5",
    "effect": "55",
    "overlap": "3",
    "raters": "23",
    "sd": "1",
    "power": "80",
    "seconds": "70",
    "price": "0.52",
    "ties": "0",
}


@pytest.fixture
def campaign() -> Campaign:
    """Three models of which two are near each other, half of a round by rule judged."""
    made = factories.campaign(overlap=2, policy={"pay_per_hour": 20, "currency": "EUR"})
    models = ("ash", "birch", "cedar")
    for _ in range(8):
        prompt = factories.prompt(made)
        for model in models:
            factories.completion(prompt, f"{model} on {prompt.pk}", model)
    pair_and_open_round(campaign=made, by=None, pairing="uncertain", budget=32, seed=3)
    raters = [factories.rater(made).rater for _ in range(2)]
    for rater, most in zip(raters, (14, 8), strict=True):
        for count in range(most):
            claimed = claim_assignment(rater=rater, campaign=made)
            assert claimed is not None
            answer = {"side": claimed.side("a" if count % 4 else "b")}
            submit_judgment(rater=rater, assignment_id=claimed.public_id, answer=answer)
    return made


def visited(campaign: Campaign, role: str = "researcher", **asked: str) -> str:
    query = ASKED | asked if asked else {}
    client = as_(factories.member(campaign, role))
    return page(client, "campaign_report_page", campaign.slug, "planner", **query)


def test_a_plan_comes_of_the_address_alone(campaign):
    said = visited(campaign, power="80")
    assert "10,560" in said and "3,520 comparisons, 3.0 raters each" in said
    assert "€ 5,491.20" in said and "± 3.5 %" in said and "Design effect" in said
    assert "?models=5&amp;effect=55&amp;overlap=3" in said
    assert "Find 52.5 % instead" in said and "42,300" in said


def test_what_cannot_be_is_said_beside_its_field_and_the_page_stands(campaign):
    said = visited(campaign, models="1", effect="50")
    assert "greater than or equal to 2" in said
    assert "greater than or equal to 50.5" in said
    assert "Other ways to spend it" in said
    assert "Some of the numbers asked for were refused" in said
    assert "were refused" not in visited(campaign, power="80")


def test_its_files_are_of_the_plan_that_the_page_shows(campaign):
    said = visited(campaign, models="7")
    query = "?models=7&amp;effect=55"
    assert said.count(query) >= 4
    client = as_(factories.member(campaign, "researcher"))
    asked = ASKED | {"models": "7"}
    drawn = client.get(
        reverse("campaign_report_chart", args=[campaign.slug, "planner", "power"]), asked
    )
    assert drawn.status_code == 200 and "7 models, win rate 55 %" in drawn.content.decode()
    table = client.get(
        reverse("campaign_report_table", args=[campaign.slug, "planner", "ways"]), asked
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(table.streaming_content).decode())))
    assert rows[0]["asked"].startswith("7 models, win rate 55 %")


def test_without_a_report_it_goes_by_assumptions(campaign):
    said = visited(campaign)
    assert "Assumed: too few items here have two raters." in said
    assert "What stopping now would mean" not in said


def test_it_says_what_stopping_now_would_mean(campaign):
    compute_report(campaign)
    said = visited(campaign)
    assert "22 of 32 judgments" in said
    assert "10 judgments" in said
    assert "comparisons that want more votes" in said
    assert "Win rates as if asked evenly" in said
    open_ = campaign.reports.latest().body["planning"]["open"]
    assert open_["judgments"] == 10
    assert open_["comparisons"] >= open_["unlabelled"] >= open_["unseen"]


def test_an_older_report_offers_to_be_computed_again(campaign):
    report = compute_report(campaign)
    body = {key: value for key, value in report.body.items() if key != "planning"}
    Report.objects.filter(pk=report.pk).update(body=body)
    assert "“Compute again” brings them" in visited(campaign, "manager")


@pytest.mark.parametrize("table", ["ways", "power", "win-rates"])
def test_its_tables_can_be_taken_away(campaign, table):
    compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    answer = client.get(
        reverse("campaign_report_table", args=[campaign.slug, "planner", table]), ASKED
    )
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert len(rows) > 2
    if table == "ways":
        assert rows[0]["judgments"] == "10560"


def test_raters_do_not_see_it(campaign):
    client = as_(factories.rater(campaign).rater.user)
    answer = client.get(reverse("campaign_report_page", args=[campaign.slug, "planner"]))
    assert answer.status_code == 404
