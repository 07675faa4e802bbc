"""The published LLMFAO study: 124 people, 59 models, 8,931 judgments. Needs THURSTONE_DATA."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labeling.metrics import agreement
from labeling.metrics.aggregation import aggregate
from labeling.metrics.bradley_terry import ELO_PER_LOGIT, Encounters, bradley_terry
from labeling.metrics.cohen import cohen_kappa
from labeling.metrics.dawid_skene import dawid_skene
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.report import build_report
from labeling.metrics.tie_models import davidson, rao_kupper
from labeling.metrics.votes import Votes

FOLDER = Path(os.environ.get("THURSTONE_DATA", "")) / "llmfao"
pytestmark = pytest.mark.skipif(
    not os.environ.get("THURSTONE_DATA") or not FOLDER.is_dir(),
    reason="THURSTONE_DATA does not name a folder with llmfao/",
)
CODE = {"left": 0, "right": 1, "tie": 2}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((FOLDER / "expected_examples.json").read_text())
    return values


@pytest.fixture(scope="module")
def votes() -> Votes:
    with (FOLDER / "comparisons.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    with (FOLDER / "pairs.jsonl").open() as lines:
        pairs = {pair["id"]: pair for pair in map(json.loads, lines)}
    names = sorted({row["left"] for row in rows} | {row["right"] for row in rows})
    of_row = [pairs[int(row["id"])] for row in rows]
    return Votes.from_columns(
        comparison=[int(row["id"]) for row in rows],
        rater=[int(row["worker"]) for row in rows],
        preference=[CODE[row["winner"]] for row in rows],
        shown_left=[0] * len(rows),
        model_a=[names.index(row["left"]) for row in rows],
        model_b=[names.index(row["right"]) for row in rows],
        length_a=[len(pair["result_x"]) for pair in of_row],
        length_b=[len(pair["result_y"]) for pair in of_row],
        model_names=dict(enumerate(names)),
        rater_names={int(row["worker"]): row["worker"] for row in rows},
    )


@pytest.fixture(scope="module")
def report(votes: Votes) -> dict[str, Any]:
    return build_report(votes, campaign="llmfao", computed_at="2024-01-01T00:00:00Z")


def test_counts(report: dict[str, Any], expected: dict[str, Any]) -> None:
    counts = expected["counts"]
    assert report["judgment_count"] == counts["judgments"]
    assert report["comparison_count"] == counts["items"]
    assert report["rater_count"] == counts["workers"]
    assert len(report["leaderboard"]) == counts["models"]
    assert report["counts"]["tie"] == counts["ties"]


@pytest.mark.parametrize(
    ("key", "path", "within"),
    [
        ("percent_agreement", ("percent_agreement", "pooled"), 0),
        ("percent_agreement_item_mean", ("percent_agreement", "item_mean"), 1e-12),
        ("percent_agreement_decisive", ("percent_agreement_decisive", "pooled"), 0),
        (
            "percent_agreement_decisive_item_mean",
            ("percent_agreement_decisive", "item_mean"),
            1e-12,
        ),
        ("half_credit", ("half_credit_pooled",), 0),
        ("fleiss_kappa", ("fleiss_general",), 1e-9),
        ("gwet_ac1", ("gwet_ac1",), 1e-9),
        ("krippendorff_alpha_nominal", ("krippendorff_nominal",), 1e-9),
        ("krippendorff_alpha_ordinal", ("krippendorff_ordinal",), 1e-9),
        ("krippendorff_alpha_interval", ("krippendorff_interval",), 1e-9),
        ("leave_one_out_majority", ("loo_majority", "vote_mean"), 1e-12),
        ("leave_one_out_majority_item_mean", ("loo_majority", "item_mean"), 1e-12),
        ("cohen_kappa_mean", ("cohen_pairs_min20", "weighted_by_shared"), 1e-9),
    ],
)
def test_agreement(
    report: dict[str, Any], expected: dict[str, Any], key: str, path: tuple[str, ...], within: float
) -> None:
    wanted = expected
    for step in path:
        wanted = wanted[step]
    found = report["agreement"][key]
    assert found["value"] == pytest.approx(wanted, rel=0, abs=within)
    assert found["low"] < found["value"] < found["high"]


def test_numbers_of_pairs_items_and_votes(report: dict[str, Any], expected: dict[str, Any]) -> None:
    found = report["agreement"]
    assert found["percent_agreement"]["n"] == expected["percent_agreement"]["n_pairs"]
    assert found["percent_agreement_item_mean"]["n"] == expected["percent_agreement"]["n_items"]
    decisive = expected["percent_agreement_decisive"]
    assert found["percent_agreement_decisive"]["n"] == decisive["n_pairs"]
    assert found["leave_one_out_majority"]["n"] == expected["loo_majority"]["n_votes"]
    assert found["leave_one_out_majority_item_mean"]["n"] == expected["loo_majority"]["n_items"]
    assert found["cohen_kappa_mean"]["n"] == expected["cohen_pairs_min20"]["n"]


def test_classic_fleiss_where_every_item_has_five_votes(
    votes: Votes, expected: dict[str, Any]
) -> None:
    counts = votes.answer_counts()
    (fleiss,) = agreement.estimate(
        ItemPatterns.of(counts[counts.sum(axis=1) == 5]), [agreement.FLEISS_KAPPA]
    )
    assert fleiss.value == pytest.approx(expected["fleiss_items_with_exactly_5"], abs=1e-9)


def test_unweighted_mean_of_cohens_kappas(votes: Votes, expected: dict[str, Any]) -> None:
    mean = cohen_kappa(votes).unweighted_mean
    assert mean == pytest.approx(expected["cohen_pairs_min20"]["mean"], abs=1e-9)


def test_leaderboard(report: dict[str, Any], expected: dict[str, Any]) -> None:
    for row in report["leaderboard"]:
        name = row["model"]
        assert round(row["elo"], 4) == expected["bt_elo_tie_half_center1000"][name]
        assert round(row["win_rate"], 4) == expected["win_rate_half_ties"][name]
        assert row["low"] < row["elo"] < row["high"]


def test_sandwich_over_single_judgments(votes: Votes, expected: dict[str, Any]) -> None:
    """With every judgment an item of its own, and without our factor G/(G - 1)."""
    alone = replace(
        votes,
        item=np.arange(len(votes)),
        item_keys=np.arange(len(votes)),
        **{
            name: getattr(votes, name)[votes.item]
            for name in ("item_model_a", "item_model_b", "item_length_a", "item_length_b")
        },
    )
    encounters = Encounters.of(alone)
    fit = bradley_terry(encounters)
    plain = fit.standard_error * ELO_PER_LOGIT * np.sqrt((len(votes) - 1) / len(votes))
    for number, error in zip(encounters.models, plain, strict=True):
        wanted = expected["bt_elo_se_sandwich"][votes.models[number]]
        assert float(error) == pytest.approx(wanted, abs=5.1e-5)


def test_tie_models(votes: Votes, expected: dict[str, Any]) -> None:
    encounters = Encounters.of(votes)
    fit = davidson(encounters)
    assert fit.converged
    assert fit.tie_parameter == pytest.approx(expected["davidson_nu"], abs=1e-6)
    assert fit.strength is not None
    for number, strength in zip(encounters.models, fit.strength, strict=True):
        wanted = expected["davidson_logit_mean0"][votes.models[number]]
        assert float(strength) == pytest.approx(wanted, abs=1e-4)
    other = rao_kupper(encounters)
    assert other.converged
    assert other.tie_parameter == pytest.approx(expected["rao_kupper_eta"], abs=1e-6)


def test_bias(report: dict[str, Any], expected: dict[str, Any]) -> None:
    left, decisive, share = expected["left_share_of_decisive"]
    position = report["bias"]["position"]
    assert (position["chosen"], position["n"], position["value"]) == (left, decisive, share)
    longer = expected["prefer_longer_gt30chars"]
    length = report["bias"]["length"]
    assert (length["chosen"], length["n"]) == (longer["longer_chosen"], longer["votes"])
    assert length["value"] == longer["share"]


def test_gpt4_stands_apart_and_changes_nothing_of_peoples_numbers(
    votes: Votes, report: dict[str, Any]
) -> None:
    with (FOLDER / "llm_judge_gpt4.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    item = np.searchsorted(votes.item_keys, [int(row["id"]) for row in rows])
    both = replace(
        votes,
        item=np.append(votes.item, item),
        rater=np.append(votes.rater, np.full(len(rows), len(votes.raters))),
        preference=np.append(votes.preference, [CODE[row["winner"]] for row in rows]),
        shown_left=np.append(votes.shown_left, np.zeros(len(rows), dtype=int)),
        strength=np.append(votes.strength, np.full(len(rows), -1)),
        is_repeat=np.append(votes.is_repeat, np.zeros(len(rows), dtype=bool)),
        active_ms=np.append(votes.active_ms, np.full(len(rows), -1)),
        raters=(*votes.raters, "gpt-4"),
    )
    is_judge = [name == "gpt-4" for name in both.raters]
    mixed = build_report(
        both, campaign="llmfao", computed_at="2024-01-01T00:00:00Z", judges=is_judge
    )
    for key in set(report) - {"judges", "judge_judgment_count"}:
        assert mixed[key] == report[key], key
    (judge,) = mixed["judges"]
    assert judge["judgment_count"] == judge["agreement"]["n"] == 2139
    majority = _modes(votes)
    credit = sum(
        (CODE[row["winner"]] in majority[int(row["id"])]) / len(majority[int(row["id"])])
        for row in rows
    )
    assert judge["agreement"]["value"] == pytest.approx(credit / 2139, abs=1e-12)


def _modes(votes: Votes) -> dict[int, set[int]]:
    """The most frequent preferences of each item, counted the slow way."""
    tally: dict[int, dict[int, int]] = {}
    for item, preference in zip(votes.item, votes.preference, strict=True):
        of_item = tally.setdefault(int(votes.item_keys[item]), {})
        of_item[int(preference)] = of_item.get(int(preference), 0) + 1
    return {
        key: {preference for preference, n in of_item.items() if n == max(of_item.values())}
        for key, of_item in tally.items()
    }


def test_majorities(votes: Votes, expected: dict[str, Any]) -> None:
    modes = _modes(votes)
    unique = [next(iter(found)) for found in modes.values() if len(found) == 1]
    counts = [unique.count(code) for code in (0, 1, 2)]
    assert counts == expected["majority_left_right_tie_unique"]
    assert len(modes) - len(unique) == expected["no_unique_majority"]


class TestAnswers:
    def test_majority_answers_and_items_without_one(self, votes, expected):
        answer = aggregate(votes, "majority").answer
        counts = votes.answer_counts()
        is_unique = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1
        left, right, tie = expected["majority_left_right_tie_unique"]
        found = np.bincount(answer[is_unique], minlength=3).tolist()
        assert found == [left, tie, right]
        assert (answer[~is_unique] == 1).sum() == expected["no_unique_majority"]

    def test_dawid_skene_without_a_prior_on_three_classes(self, votes, expected):
        # The likelihood has several tops close to one another: ours is as high or higher.
        told = expected["dawid_skene"]
        fit = dawid_skene(
            votes.item,
            votes.rater,
            votes.preference.astype(np.int64),
            raters=len(votes.raters),
            classes=3,
            off=0,
            diagonal=0,
            most_steps=400,
            tolerance=1e-6,
        )
        assert np.bincount(fit.chance.argmax(axis=1)).tolist() == told["label_counts"]
        assert fit.share == pytest.approx(told["prior"], abs=1e-3)
        assert told["loglik"] <= fit.log_likelihood < told["loglik"] + 1
