"""The report's leanings read from judgments as they are stored: arms, marks, moments."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.models import Campaign, Comparison, Completion, Judgment
from labeling.queries.bias_report import bias_section
from labeling.queries.item_styles import item_styles
from labeling.queries.outcomes import outcomes
from tests import factories
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

LONG = "# Title\n\n- **one**\n- two\n\n" + "word " * 20
ARMS = {
    "arms": [
        {"name": "instant"},
        {"name": "slow", "mode": "paced", "tokens_per_second": 10},
    ]
}
SEEN = {
    name: {"value": None, "low": None, "high": None, "n": 0, "why": "-"}
    for name in ("position", "length")
}


@pytest.fixture
def campaign() -> Campaign:
    made = factories.campaign(presentation=ARMS, overlap=2)
    seats = [factories.rater(made) for _ in range(2)]
    start = timezone.now() - timedelta(hours=3)
    for k in range(24):
        pair = factories.comparison(made, LONG + str(k), f"short {k}")
        for n, seat in enumerate(seats):
            Judgment.objects.create(
                campaign=made,
                comparison=pair,
                rater=seat.rater,
                preference="a" if (k + n) % 3 else "b",
                strength=2,
                shown_left="a" if k % 2 else "b",
                presentation_arm=("instant", "slow", "gone")[(k + n) % 3 if k < 12 else n],
                client={"shown_as": "paced" if n else "instant"},
                active_ms=9000,
                judged_at=start + timedelta(minutes=5 * k),
            )
    return made


def test_arms_are_read_with_how_texts_were_really_shown(campaign):
    body = compute_report(campaign).body
    tested = body["presentation_experiment"]
    arms = {arm["name"]: arm for arm in tested["arms"]}
    assert sum(arm["judgment_count"] for arm in arms.values()) == tested["judgment_count"] == 48
    assert (arms["slow"]["mode"], arms["slow"]["tokens_per_second"]) == ("paced", 10)
    # An arm that the settings no longer name is counted and compared with nothing.
    assert arms["gone"]["mode"] == "" and arms["gone"]["longer"]["n"] == 8
    # Judgments 0 to 11 were dealt arms that the page did not always keep to.
    assert arms["instant"]["not_honoured_count"] == 4 == arms["slow"]["not_honoured_count"]
    assert tested["not_dealt_count"] == 48
    assert tested["contrasts"]["streaming"]["n"] == 32
    assert body["bias"]["presentation"]["contrast"] == "streaming"
    assert body["bias"]["markdown"]["n"] == 48 and body["bias"]["markdown"]["value"] is not None
    assert [row["check"] for row in body["bias_checks"]][:2] == ["position", "length"]
    assert len(body["rater_leanings"]["raters"]) == 2


def test_sides_that_name_their_model_are_found_in_the_votes_own_order(campaign):
    one, two, three = Comparison.objects.filter(campaign=campaign).order_by("pk")[:3]
    Comparison.objects.filter(pk=two.pk).update(is_turned=True)
    named = [one.completion_a_id, two.completion_a_id, three.completion_a_id, three.completion_b_id]
    Completion.objects.filter(pk__in=named).update(marks=["identifies_itself"])
    read = outcomes(campaign)
    body = bias_section(campaign, read, SEEN, item_styles(campaign, read.votes.item_keys))
    share = body["bias"]["maker"]
    votes = Judgment.objects.filter(comparison__in=[one, two])
    assert share["n"] == 4
    assert share["value"] == votes.filter(preference="a").count() / 4
    assert share["flagged_count"] == 0 and share["note"] == ""


def test_a_campaign_without_judgments_has_every_key_and_says_why():
    body = compute_report(factories.campaign()).body
    for name in ("markdown", "maker", "presentation", "fatigue", "swap"):
        assert body["bias"][name]["value"] is None and body["bias"][name]["why"]
    assert {row["reading"] for row in body["bias_checks"]} == {"absent"}
    assert body["presentation_experiment"]["arms"] == []
    assert body["rater_leanings"] == {
        "raters": [],
        "drivers": [],
        "without_drivers": body["rater_leanings"]["without_drivers"],
    }


def test_all_empty_texts_and_all_ties_break_nothing():
    made = factories.campaign()
    seat = factories.rater(made)
    for k in range(3):
        pair = factories.comparison(made, "", "", models=(f"m{k}", f"n{k}"))
        Judgment.objects.create(
            campaign=made, comparison=pair, rater=seat.rater, preference="tie", strength=0
        )
    body = compute_report(made).body
    assert body["bias"]["markdown"]["why"] and body["bias"]["length"]["why"]
    assert body["bias"]["swap"]["why"] and body["bias"]["fatigue"]["why"]
