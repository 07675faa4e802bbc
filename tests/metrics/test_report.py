"""What the report counts, what it leaves out, and how it says so."""

from typing import Any

import numpy as np
import pytest

from labeling.metrics.cohen import cohen_kappa
from labeling.metrics.estimates import clustered_proportion, wilson
from labeling.metrics.report import METHOD_VERSION, build_report
from labeling.metrics.votes import Votes
from tests.metrics.building import votes_of


def report_of(votes: Votes, **more: Any) -> dict[str, Any]:
    return build_report(votes, campaign="c", computed_at="t", **more)


def test_the_heading_says_what_was_asked() -> None:
    votes = votes_of([("i", "ann", "a"), ("i", "bob", "b"), ("j", "ann", "tie")])
    report = build_report(
        votes, campaign="everyday", computed_at="2024-05-19T10:02:00Z", through_judgment="id-9"
    )
    assert report["campaign"] == "everyday"
    assert report["computed_at"] == "2024-05-19T10:02:00Z"
    assert report["through_judgment"] == "id-9"
    assert report["method_version"] == METHOD_VERSION
    assert (report["judgment_count"], report["comparison_count"], report["rater_count"]) == (
        3,
        2,
        2,
    )
    assert report["groups"] == report["clauses"] == []
    assert report["why"].keys() == {"groups", "clauses"}
    assert report["bias"]["markdown"]["why"]


def test_judges_are_reported_apart_and_held_against_the_peoples_majority() -> None:
    rows = [
        ("i", "ann", "a"), ("i", "bob", "a"), ("i", "cat", "b"), ("i", "judge", "a"),
        ("j", "ann", "b"), ("j", "bob", "tie"), ("j", "judge", "b"),
        ("k", "judge", "b"),
        ("l", "ann", "a"), ("l", "judge", "b"),
    ]  # fmt: skip
    votes = votes_of(rows)
    is_judge = [name == "judge" for name in votes.raters]
    report = report_of(votes, judges=is_judge)
    alone = report_of(votes_of([row for row in rows if row[1] != "judge"]))
    assert report["agreement"] == alone["agreement"]
    assert report["leaderboard"] == alone["leaderboard"]
    assert [row["rater"] for row in report["raters"]] == ["ann", "bob", "cat"]
    assert (report["judgment_count"], report["judge_judgment_count"]) == (6, 4)
    (judge,) = report["judges"]
    assert judge["agreement"]["n"] == 3  # nobody judged k
    assert judge["agreement"]["value"] == pytest.approx((1 + 1 / 2 + 0) / 3)
    # On j people tie in number only between b and a tie: of the sides they chose b.
    assert (judge["agreement_decisive"]["value"], judge["agreement_decisive"]["n"]) == (
        pytest.approx(2 / 3),
        3,
    )


def test_gold_counts_for_raters_and_not_for_agreement() -> None:
    rows = [("gold", "ann", "a"), ("gold", "bob", "b"), ("i", "ann", "a"), ("i", "bob", "a")]
    votes = votes_of(rows)
    report = report_of(votes, gold=[0, -1])  # items in the order of their names: gold, i
    assert report["agreement"]["percent_agreement"]["value"] == 1
    assert report["agreement"]["percent_agreement"]["n"] == 1
    assert report["counts"]["dropped_gold_judgments"] == 2
    assert (report["gold"]["value"], report["gold"]["n"], report["gold"]["item_count"]) == (
        0.5,
        2,
        1,
    )
    assert {row["rater"]: row["gold"]["value"] for row in report["raters"]} == {"ann": 1, "bob": 0}
    everything = report_of(votes, gold=[0, 0])
    assert "answer is known" in everything["agreement"]["percent_agreement"]["why"]


def test_gold_of_a_tie_is_met_by_both_bad() -> None:
    report = report_of(votes_of([("i", "ann", "both_bad")]), gold=[2])
    assert report["gold"]["value"] == 1


def test_a_second_vote_counts_within_the_rater_only() -> None:
    rows = [("i", "ann", "a"), ("i", "bob", "b"), ("i", "ann", "b"), ("j", "bob", "a")]
    report = report_of(votes_of([*rows, ("j", "bob", "a")]))
    assert report["agreement"]["percent_agreement"]["value"] == 0
    assert report["agreement"]["percent_agreement"]["n"] == 1
    assert report["counts"]["dropped_repeat_judgments"] == 2
    assert report["agreement"]["intra_rater"]["value"] == 0.5
    assert report["agreement"]["intra_rater"]["n"] == 2
    pooled = report_of(votes_of([*rows, ("j", "bob", "a")]), include_repeats=True)
    assert pooled["agreement"]["percent_agreement"]["n"] == 4
    assert pooled["counts"]["dropped_repeat_judgments"] == 0


def test_position_and_length_say_it_in_words() -> None:
    rows = [(f"i{k}", "ann", "a") for k in range(60)] + [("even", "ann", "b")]
    lengths = {f"i{k}": (500, 100) for k in range(60)} | {"even": (130, 100)}
    report = report_of(votes_of(rows, lengths=lengths, left=["a"] * 61))
    position, length = report["bias"]["position"], report["bias"]["length"]
    assert (position["chosen"], position["n"]) == (60, 61)
    assert "Raters lean to the left side." in position["sentence"]
    assert "both ways round" in position["sentence"]
    # A difference of 30 characters is none.
    assert (length["chosen"], length["n"], length["value"]) == (60, 60, 1)
    assert "Raters lean to the longer answer." in length["sentence"]


def test_leanings_the_other_way_and_none() -> None:
    right = report_of(votes_of([(f"i{k}", "ann", "b") for k in range(50)], left=["a"] * 50))
    assert "Raters lean to the right side." in right["bias"]["position"]["sentence"]
    assert right["bias"]["length"]["value"] is None
    assert "lengths" in right["bias"]["length"]["why"]
    rows = [(f"i{k}", rater, "a") for k in range(30) for rater in ("ann", "bob")]
    even = report_of(votes_of(rows, left=["a", "b"] * 30))
    assert even["bias"]["position"]["value"] == 0.5
    assert "no leaning" in even["bias"]["position"]["sentence"]
    assert "both ways round" not in even["bias"]["position"]["sentence"]


def test_a_raters_row() -> None:
    rows = [("i", "ann", "a"), ("i", "bob", "a"), ("i", "cat", "b"), ("j", "ann", "b")]
    report = report_of(votes_of(rows, left=["a", "b", "b", "a"], active_ms=[900, 100, -1, 500]))
    ann, bob, cat = report["raters"]
    assert (ann["rater"], ann["judgment_count"], ann["median_active_ms"]) == ("ann", 2, 700)
    assert ann["left_share"]["value"] == 0.5
    # Against bob and cat, who differ, a vote for a gets half; bob faces a and b alike.
    assert (ann["agreement"]["value"], ann["agreement"]["n"]) == (0.5, 1)
    assert (bob["agreement"]["value"], cat["agreement"]["value"]) == (0.5, 0)
    assert cat["median_active_ms"] is None


def test_contested_items_come_most_divided_first_under_their_public_names() -> None:
    rows = [
        *[("split", rater, "a" if k % 2 else "b") for k, rater in enumerate("pqrs")],
        ("two", "p", "a"), ("two", "q", "b"),
        ("near", "p", "a"), ("near", "q", "tie"),
        ("same", "p", "a"), ("same", "q", "a"),
        ("bad", "p", "tie"), ("bad", "q", "both_bad"),
        ("one", "p", "a"),
    ]  # fmt: skip
    votes = votes_of(rows)
    asked: list[int] = []

    def public(keys: Any) -> dict[int, str]:
        asked.extend(keys)
        return {key: f"public-{key}" for key in keys}

    report = report_of(votes, public_ids=public)
    # Items are numbered from 100 in the order of names: bad, near, one, same, split, two.
    assert [row["comparison_id"] for row in report["contested"]] == [
        "public-104",
        "public-105",
        "public-101",
    ]
    assert asked == [104, 105, 101]
    assert report["contested"][0]["counts"] == {"a": 2, "b": 2, "tie": 0, "both_bad": 0}
    assert report["contested"][0]["agreement"] == pytest.approx(1 / 3)
    assert [row["comparison_id"] for row in report_of(votes)["contested"]] == [None] * 3


def test_at_most_twenty_contested_items() -> None:
    rows = [(f"i{k:02d}", rater, p) for k in range(40) for rater, p in (("p", "a"), ("q", "b"))]
    assert len(report_of(votes_of(rows))["contested"]) == 20


def test_alpha_of_scores_needs_recorded_strengths() -> None:
    rows = [("i", "ann", "a"), ("i", "bob", "a"), ("j", "ann", "b"), ("j", "bob", "tie")]
    key = "krippendorff_alpha_interval_score"
    without = report_of(votes_of(rows))["agreement"]
    assert "not recorded" in without[key]["why"]
    same = report_of(votes_of(rows, strengths=[2, 2, 2, 0]))["agreement"]
    assert same[key]["value"] == pytest.approx(same["krippendorff_alpha_interval"]["value"])
    varied = report_of(votes_of(rows, strengths=[3, 1, 1, 0]))["agreement"]
    assert varied[key]["value"] != pytest.approx(same[key]["value"], abs=0.01)
    some = report_of(votes_of(rows, strengths=[3, 1, -1, 0]))["agreement"]
    assert "1 votes without" in some[key]["note"]


def test_cohens_kappa_of_a_worked_table() -> None:
    """Cohen's kappa of 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no is 0.4."""
    answers = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    rows = [
        (f"i{k:02d}", rater, answer)
        for k, pair in enumerate(answers)
        for rater, answer in zip(("ann", "bob"), pair, strict=True)
    ]
    pairs = cohen_kappa(votes_of(rows))
    assert pairs.kappa.tolist() == [pytest.approx(0.4)]
    assert pairs.shared.tolist() == [50]
    # Fleiss, Cohen and Everitt (1969): the large-sample error is sqrt((A + B - C) / n) / (1 - Pe),
    # with A = .10972, B = .10188, C = .01 for this table.
    assert pairs.mean.low is not None
    assert pairs.mean.high is not None
    error = (pairs.mean.high - pairs.mean.low) / 2 / 1.959964
    assert error == pytest.approx(np.sqrt(0.2016) / 0.5 / np.sqrt(50) * np.sqrt(50 / 49), abs=1e-6)
    assert cohen_kappa(votes_of(rows), min_shared=51).mean.value is None


def test_wilsons_interval_as_printed() -> None:
    """Newcombe (1998), Two-sided confidence intervals for the single proportion, table I."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


def test_votes_that_repeat_one_another_count_once_in_an_interval() -> None:
    """Ten items with ten equal votes each tell no more than ten votes."""
    item = np.repeat(np.arange(10), 10)
    hits = (item < 4).astype(np.float64)
    alike = clustered_proportion(item, hits, unit="votes", why="")
    single = clustered_proportion(np.arange(100), hits, unit="votes", why="")
    assert alike.value == single.value == 0.4
    assert alike.low is not None
    assert alike.high is not None
    assert alike.low < wilson(4, 10)[0] + 0.02
    assert (single.low, single.high) == pytest.approx(wilson(40, 100), abs=1e-3)


def test_kappa_of_more_raters_than_a_table_of_all_pairs_would_hold() -> None:
    """3,200 raters in couples of 50 shared items, each couple with the worked table above."""
    first, second = [0] * 25 + [1] * 25, [0] * 20 + [1] * 5 + [0] * 10 + [1] * 15
    couples = 1_600
    votes = Votes.from_columns(
        comparison=np.repeat(np.arange(couples * 50), 2),
        rater=np.stack(
            [np.repeat(np.arange(couples) * 2, 50), np.repeat(np.arange(couples) * 2 + 1, 50)], 1
        ).ravel(),
        preference=np.tile(np.stack([first, second], axis=1).ravel(), couples),
        model_names={},
        rater_names={k: str(k) for k in range(couples * 2)},
    )
    pairs = cohen_kappa(votes)
    assert pairs.mean.n == couples
    assert pairs.kappa == pytest.approx(np.full(couples, 0.4))
    assert pairs.second.tolist() == [k + 1 for k in pairs.first.tolist()]
