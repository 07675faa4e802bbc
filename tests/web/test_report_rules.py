"""The page of rules and the section it reads: what each rule would export, where they part."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.urls import reverse

from labeling.models import Adjudication, Campaign, Comparison, Gold
from labeling.queries.rules import reviewed_items
from labeling.web.report_rules import reading
from tests import factories
from tests.judge_rows import people_say
from tests.web.visiting import as_, page
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

HERE = ("campaign_report_page",)
START = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def campaign() -> Campaign:
    """Two careful raters, one who answers by turns, and pairs on which only one careful one met
    the other: the majority has a tie there, rules that weigh raters a side.
    """
    made = factories.campaign(overlap=3)
    careful, steady, turning = (factories.rater(made) for _ in range(3))
    for k in range(40):
        truth = "ab"[k % 2]
        at = START + timedelta(days=7 * (k // 20), hours=k)
        people_say(
            [careful, steady, turning],
            factories.comparison(made),
            [truth, truth, "ab"[k // 2 % 2]],
            judged_at=at,
        )
    for truth, other in (("a", "b"), ("b", "a")):
        pair = factories.comparison(made, models=("left-model", "right-model"))
        people_say([careful, turning], pair, [truth, other], judged_at=START)
    return made


def of_rule(body, rule):
    return next(row for row in body["rules"]["rows"] if row["rule"] == rule)


def test_rules_that_weigh_raters_name_a_side_where_the_majority_has_a_tie(campaign):
    body = compute_report(campaign).body
    majority, joint = of_rule(body, "majority"), of_rule(body, "bradley_terry")
    assert (majority["items"], majority["sides"], majority["ties"]) == (42, 40, 2)
    assert (joint["sides"], joint["new_side"], joint["other_side"]) == (42, 2, 0)
    assert joint["differs"]["value"] == pytest.approx(2 / 42)
    assert majority["gold"]["value"] is None and "known answer" in majority["gold"]["why"]
    assert body["rules"]["differing_count"] == 2
    said = [row["answers"]["bradley_terry"] for row in body["rules"]["differing"]]
    assert sorted(said) == ["a", "b"]
    json.dumps(body, allow_nan=False)


def test_known_answers_and_reviewers_words_are_held_against_each_rule(campaign):
    first, second, *_ = Comparison.objects.filter(campaign=campaign).order_by("pk")
    Gold.objects.create(comparison=first, preference="a", explanation="")
    reviewer = factories.member(campaign, "reviewer")
    Adjudication.objects.create(
        campaign=campaign, comparison=second, outcome="decided", preference="a", by=reviewer
    )
    body = compute_report(campaign).body
    row = of_rule(body, "dawid_skene")
    # What is known to be right counts in no other figure of the rule.
    assert row["items"] == 41
    assert (row["gold"]["value"], row["gold"]["n"]) == (1.0, 1)
    assert (row["reviewers"]["value"], row["reviewers"]["n"]) == (0.0, 1)


def test_a_turned_comparison_is_shown_as_it_is_stored(campaign):
    turned = Comparison.objects.filter(campaign=campaign).order_by("-pk").first()
    Comparison.objects.filter(pk=turned.pk).update(is_turned=True)
    body = compute_report(campaign).body
    (row,) = (
        one for one in body["rules"]["differing"] if one["comparison_id"] == str(turned.public_id)
    )
    # The careful rater chose b of the comparison as it is stored.
    assert row["answers"]["bradley_terry"] == "b"
    assert row["probability"]["bradley_terry"] < 0.5 and row["margin"] < 0
    assert (row["model_a"], row["counts"]) == ("left-model", {"a": 1, "tie": 0, "b": 1})
    reviewer = factories.member(campaign, "reviewer")
    Adjudication.objects.create(
        campaign=campaign, comparison=turned, outcome="decided", preference="b", by=reviewer
    )
    keys = [one.pk for one in Comparison.objects.filter(campaign=campaign).order_by("pk")]
    assert reviewed_items(campaign, np.array(keys))[-1] == 0


def test_the_page_shows_the_rules_and_the_comparisons_where_they_part(campaign):
    compute_report(campaign)
    client = as_(factories.member(campaign, "researcher"))
    said = page(client, *HERE, campaign.slug, "rules")
    assert "leaves 2 items as a tie" in said and "names a side on all of them" in said
    assert "There is no known answer to hold the rules against" in said
    assert said.count("left-model against right-model") == 2
    parted = Comparison.objects.filter(campaign=campaign).order_by("-pk").first()
    assert reverse("campaign_comparison", args=[campaign.slug, parted.public_id]) in said
    rows = {}
    for table in ("rules", "items", "raters"):
        address = reverse("campaign_report_table", args=[campaign.slug, "rules", table])
        content = b"".join(client.get(address)).decode()
        rows[table] = list(csv.DictReader(io.StringIO(content)))
    assert len(rows["rules"]) == 16 and len(rows["items"]) == 2 and len(rows["raters"]) == 3
    assert float(rows["raters"][0]["value"]) > 0.8 > float(rows["raters"][2]["value"])
    chart = client.get(reverse("campaign_report_chart", args=[campaign.slug, "rules", "right"]))
    assert "Joint model" in chart.content.decode()
    outsider = as_(factories.user())
    assert outsider.get(reverse(*HERE, args=[campaign.slug, "rules"])).status_code == 404


def test_a_rater_has_their_reliability_by_weeks_on_both_pages_about_them(campaign):
    body = compute_report(campaign).body
    seat = campaign.seats.order_by("pk").first()
    row = next(one for one in body["raters"] if one["rater"] == seat.pseudonym)
    assert row["reliability"]["value"] > 0.8 and row["reliability"]["n"] == 42
    assert [one["n"] for one in row["reliability_history"]] == [22, 20]
    assert row["reliability_history"][0]["since"] == "2026-03-02"
    manager = as_(factories.member(campaign, "manager"))
    for name in ("campaign_rater", "campaign_case"):
        said = page(manager, name, campaign.slug, seat.rater.public_id)
        assert "the chance that a vote of theirs" in said and "2026-03-09" in said
    assert "Reliability" not in page(as_(seat.rater.user), "rate_home")


@pytest.mark.parametrize("answers", [[], ["tie", "tie"], ["a"], ["a", "b"], ["both_bad"]])
def test_with_too_little_it_says_why(answers):
    made = factories.campaign()
    seats = [factories.rater(made) for _ in range(2)]
    people_say(seats, factories.comparison(made), answers)
    body = compute_report(made).body
    json.dumps(body["rules"], allow_nan=False)
    said = page(as_(factories.member(made, "researcher")), *HERE, made.slug, "rules")
    assert ("no rule has anything to say" in said) == (not answers)


def figure(value, low, high, n=100):
    return {"value": value, "low": low, "high": high, "n": n}


@pytest.mark.parametrize(
    ("majority", "joint", "said"),
    [
        (figure(0.8, 0.75, 0.84), figure(0.9, 0.86, 0.93), "is the better rule here"),
        (figure(0.9, 0.86, 0.93), figure(0.8, 0.75, 0.84), "keep the majority"),
        (figure(0.8, 0.7, 0.88), figure(0.83, 0.74, 0.9), "about equally often"),
        (figure(0.8, 0.4, 0.95, n=5), figure(1.0, 0.5, 1.0, n=5), "too few to tell"),
    ],
)
def test_the_reading_goes_by_intervals(majority, joint, said):
    def row(rule, gold):
        counts = dict.fromkeys(("ties", "other_side", "new_side", "new_tie"), 0)
        return counts | {"rule": rule, "gold": gold, "items": 100, "sides": 100}

    rows = [
        row("majority", majority),
        row("dawid_skene", figure(0.5, 0.4, 0.6, n=majority["n"])),
        row("bradley_terry", joint),
    ]
    assert said in " ".join(reading({"rows": rows}))


@pytest.mark.parametrize(
    ("pull", "is_said"),
    [
        (figure(1.2, 0.6, 1.8), True),
        (figure(0.3, 0.1, 0.5), False),
        (figure(0.9, -0.2, 2.0), False),
        (figure(None, None, None), False),
    ],
)
def test_a_pull_of_length_that_changes_answers_is_said(campaign, pull, is_said):
    rules = compute_report(campaign).body["rules"]
    rules["model"]["length"] = pull
    assert ("towards the longer answer beyond quality" in " ".join(reading(rules))) == is_said
