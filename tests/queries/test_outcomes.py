"""The columns of the report name a and b as the file that brought the comparisons did."""

import hashlib
import io
import json
from typing import Any

import pytest

from labeling.actions.imports import begin_import, run_import
from labeling.models import Campaign, Comparison
from labeling.queries.outcomes import outcomes
from tests import factories
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db(transaction=True)


def import_rows(campaign: Campaign, kind: str, rows: list[dict[str, Any]]) -> None:
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    job = begin_import(
        campaign=campaign,
        by=None,
        name="rows.jsonl",
        kind=kind,
        layout="native",
        byte_count=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        is_lenient=False,
        is_dry_run=False,
    )
    assert run_import(job=job, source=io.BytesIO(data)).status == "succeeded"


def pair(name: str, a: str, b: str) -> dict[str, Any]:
    return {
        "comparison_id": name,
        "prompt": "One prompt",
        "completion_a": {"text": f"text of {a}", "model": a},
        "completion_b": {"text": f"text of {b}", "model": b},
    }


def campaign_with_a_turned_pair() -> Campaign:
    """Three pairs of one prompt's completions; the file calls the newer one of "third" its a."""
    campaign = factories.campaign(state="draft")
    pairs = [pair("first", "x", "y"), pair("second", "x", "z"), pair("third", "z", "y")]
    import_rows(campaign, "comparisons", pairs)
    assert Comparison.objects.filter(campaign=campaign, is_turned=True).count() == 1
    return campaign


# a = 4, b = 2 in the file's words; with the third pair turned they would be 3 and 3.
SAID = {"first": ("a", "b"), "second": ("a", "a"), "third": ("a", "b")}


def judged_campaign() -> Campaign:
    campaign = campaign_with_a_turned_pair()
    import_rows(
        campaign,
        "judgments",
        [
            {"comparison_id": name, "rater": rater, "preference": preference, "shown_left": "a"}
            for name, said in SAID.items()
            for rater, preference in zip(("ann", "bob"), said, strict=True)
        ],
    )
    return campaign


def test_votes_are_in_the_words_of_the_file():
    read = outcomes(judged_campaign())
    assert sorted(read.votes.preference) == [0, 0, 0, 0, 1, 1]
    assert set(read.votes.shown_left) == {0}


def test_alpha_is_that_of_the_file():
    body = compute_report(judged_campaign()).body
    # o_aa = 2, o_ab = o_ba = 2, o_bb = 0; margins 4 and 2 of 6: D_o = 4/6, D_e = 16/30.
    expected = 1 - (4 / 6) / (16 / 30)
    assert body["agreement"]["krippendorff_alpha_nominal"]["value"] == pytest.approx(expected)


def test_wins_go_to_the_models_that_were_chosen():
    rows = {row["model"]: row for row in compute_report(judged_campaign()).body["leaderboard"]}
    assert {name: (row["wins"], row["losses"]) for name, row in rows.items()} == {
        "x": (3, 1),
        "y": (2, 2),
        "z": (1, 3),
    }


def test_the_report_names_contested_sides_as_the_comparison_has_them():
    campaign = campaign_with_a_turned_pair()
    third = Comparison.objects.get(campaign=campaign, external_id="third")
    import_rows(
        campaign,
        "judgments",
        [
            {"comparison_id": "third", "rater": rater, "preference": preference}
            for rater, preference in (("ann", "a"), ("bob", "a"), ("cat", "b"))
        ],
    )
    (row,) = compute_report(campaign).body["contested"]
    assert row["comparison_id"] == str(third.public_id)
    # The file's a, chosen twice, is the model z, which is the comparison's b.
    assert third.completion_b.source.model == "z"
    assert (row["model_a"], row["model_b"]) == ("y", "z")
    assert (row["counts"]["a"], row["counts"]["b"]) == (1, 2)


def test_gold_is_turned_with_its_votes():
    campaign = campaign_with_a_turned_pair()
    import_rows(
        campaign,
        "gold",
        [{**pair("third", "z", "y"), "gold": {"preference": "a", "explanation": "z is right"}}],
    )
    import_rows(
        campaign, "judgments", [{"comparison_id": "third", "rater": "ann", "preference": "a"}]
    )
    gold = compute_report(campaign).body["gold"]
    assert (gold["value"], gold["n"]) == (1.0, 1)
