"""No votes, one rater, nothing but ties, one model, models that never met: a reason, never NaN."""

import json
from typing import Any

import numpy as np
import pytest

from labeling.metrics.bradley_terry import FEW_ITEMS, Encounters, bradley_terry, rank_ranges
from labeling.metrics.report import build_report
from labeling.metrics.tie_models import davidson, rao_kupper
from labeling.metrics.votes import Votes
from tests.metrics.building import encounters_of, votes_of

CONTRACT_KEYS = {
    "campaign", "computed_at", "method_version", "through_judgment", "judgment_count",
    "comparison_count", "rater_count", "agreement", "leaderboard", "win_matrix", "bias", "raters",
    "judges", "groups", "clauses", "contested", "gold",
}  # fmt: skip
AGREEMENT_KEYS = {
    "percent_agreement", "percent_agreement_item_mean", "percent_agreement_decisive",
    "half_credit", "cohen_kappa_mean", "fleiss_kappa", "gwet_ac1", "krippendorff_alpha_nominal",
    "krippendorff_alpha_ordinal", "krippendorff_alpha_interval", "leave_one_out_majority",
}  # fmt: skip
ROW_KEYS = {
    "model", "strength", "elo", "low", "high", "win_rate", "wins", "losses", "ties",
    "judgment_count", "rank_low", "rank_high",
}  # fmt: skip


def report_of(votes: Votes, **more: Any) -> dict[str, Any]:
    report = build_report(votes, campaign="c", computed_at="t", **more)
    json.dumps(report, allow_nan=False)
    assert report.keys() >= CONTRACT_KEYS
    assert report["agreement"].keys() >= AGREEMENT_KEYS
    assert report["bias"].keys() == {"position", "length", "markdown", "presentation"}
    for row in report["leaderboard"]:
        assert row.keys() == ROW_KEYS
    return report


def whys(report: dict[str, Any]) -> dict[str, str]:
    return {k: row["why"] for k, row in report["agreement"].items() if row["value"] is None}


def test_no_votes() -> None:
    report = report_of(votes_of([]))
    assert whys(report).keys() == report["agreement"].keys()
    assert report["agreement"]["percent_agreement"] == {
        "value": None,
        "low": None,
        "high": None,
        "n": 0,
        "unit": "rater pairs",
        "why": "No comparison was judged by two raters yet.",
    }
    assert report["leaderboard"] == report["win_matrix"]["cells"] == report["contested"] == []
    assert report["win_matrix"]["why"] == report["methods"]["leaderboard"]["why"]
    assert report["bias"]["position"]["why"] == "No judgment chose a side yet."
    assert (report["judgment_count"], report["rater_count"]) == (0, 0)


def test_one_rater_has_a_ranking_and_no_agreement() -> None:
    report = report_of(votes_of([(f"i{k}", "ann", "a" if k % 3 else "b") for k in range(30)]))
    assert whys(report).keys() == report["agreement"].keys()
    assert [row["model"] for row in report["leaderboard"]] == ["north", "south"]
    (rater,) = report["raters"]
    assert rater["agreement"]["why"] == "Nobody else voted on this rater's items."


def test_nothing_but_ties() -> None:
    rows = [(f"i{k}", rater, "tie") for k in range(25) for rater in ("ann", "bob")]
    report = report_of(votes_of(rows))
    assert report["agreement"]["percent_agreement"]["value"] == 1
    assert report["agreement"]["percent_agreement"]["low"] < 0.9
    for key in ("krippendorff_alpha_ordinal", "fleiss_kappa", "gwet_ac1"):
        assert "same answer" in whys(report)[key]
    assert "one answer" in whys(report)["cohen_kappa_mean"]
    north, south = report["leaderboard"]
    assert north["elo"] == south["elo"] == 1000
    # Ties leave no residuals; the limits must not shrink to nothing for it.
    assert north["high"] - north["low"] > 50
    assert report["methods"]["leaderboard"]["widened"] == ["north", "south"]
    assert (north["rank_low"], north["rank_high"]) == (1, 2)


def test_one_model_against_itself_is_not_ranked() -> None:
    report = report_of(votes_of([("i", "ann", "a")], models={"i": ("north", "north")}))
    assert report["leaderboard"] == []
    assert report["counts"]["items_not_ranked"] == 1


def test_models_that_never_met_are_named_and_held_by_the_stated_prior() -> None:
    models = {"i": ("north", "south"), "j": ("east", "west")}
    rows = [("i", "ann", "a"), ("i", "bob", "b"), ("j", "ann", "a"), ("j", "bob", "b")]
    report = report_of(votes_of(rows, models=models))
    method = report["methods"]["leaderboard"]
    assert not method["is_connected"]
    assert method["components"] == [["east", "west"], ["north", "south"]]
    assert method["prior_sd"] == 2
    assert any("normal prior" in note for note in method["notes"])
    assert all(abs(row["strength"]) < 1e-9 for row in report["leaderboard"])
    cells = report["win_matrix"]["cells"]
    assert report["win_matrix"]["models"] == ["east", "north", "south", "west"]
    assert cells[0][1] is None
    assert cells[0][3]["value"] == 0.5
    assert "never judged" in report["win_matrix"]["why"]


def test_a_model_that_always_wins_stays_finite_and_first() -> None:
    encounters, names = encounters_of([("top", "low", 10**6, 0, 0), ("low", "mid", 5, 5, 0)])
    fit = bradley_terry(encounters)
    assert fit.converged
    assert fit.components == ((0, 1), (2,))
    assert names[int(fit.strength.argmax())] == "top"
    assert np.isfinite(fit.strength).all()
    assert (fit.standard_error[2] > 0.5) and (fit.standard_error < 2.5).all()


def test_huge_and_lopsided_counts() -> None:
    encounters, _ = encounters_of([("x", "y", 10**12, 1, 0), ("y", "z", 10**12, 1, 10**9)])
    fit = bradley_terry(encounters)
    assert fit.converged
    assert fit.prior_sd is None
    x, y, z = fit.strength
    assert x - y == pytest.approx(np.log(10**12), abs=1e-6)
    assert y - z == pytest.approx(np.log((10**12 + 5e8) / (1 + 5e8)), abs=1e-6)


def test_few_items_do_not_make_a_model_certain() -> None:
    """One tie fits its model exactly; the sandwich alone would call it as sure as its neighbour."""
    models = {f"i{k}": ("north", "south") for k in range(400)} | {"new": ("north", "novice")}
    rows = [(f"i{k}", "ann", "a" if k % 5 else "b") for k in range(400)]
    report = report_of(votes_of([*rows, ("new", "ann", "tie")], models=models))
    wide = {row["model"]: row["high"] - row["low"] for row in report["leaderboard"]}
    assert wide["novice"] > 5 * wide["north"]
    assert report["methods"]["leaderboard"]["widened"] == ["novice"]
    assert FEW_ITEMS == 20


def test_two_votes_leave_the_tie_parameter_of_rao_and_kupper_without_a_bound():
    encounters, _ = encounters_of([("north", "south", 1, 0, 0), ("north", "south", 0, 0, 1)])
    fit = rao_kupper(encounters)
    assert (fit.strength, fit.tie_limits) == (None, None)
    assert "without a bound" in fit.why


@pytest.mark.parametrize("fit", [davidson, rao_kupper])
@pytest.mark.parametrize(
    ("games", "said"),
    [
        ([], "Fewer than two models"),
        ([("x", "y", 0, 0, 4)], "Every vote is a tie"),
        ([("x", "y", 3, 4, 0)], "Nobody answered with a tie"),
        ([("x", "y", 3, 4, 1), ("y", "z", 3, 0, 0)], "never win"),
    ],
)
def test_tie_models_say_why_they_have_no_answer(fit: Any, games: Any, said: str) -> None:
    result = fit(encounters_of(games)[0])
    assert result.strength is None
    assert said in result.why


def test_tie_models_of_two_models_have_a_closed_form() -> None:
    """Six wins, three losses, two ties: the chances fitted are the shares seen."""
    encounters, _ = encounters_of([("x", "y", 6, 3, 2)])
    by_davidson, by_rao_kupper = davidson(encounters), rao_kupper(encounters)
    assert by_davidson.strength is not None
    assert by_davidson.strength[0] - by_davidson.strength[1] == pytest.approx(np.log(2))
    assert by_davidson.tie_parameter == pytest.approx(2 / np.sqrt(18))
    assert by_rao_kupper.strength is not None
    p, eta = np.exp(by_rao_kupper.strength), by_rao_kupper.tie_parameter
    assert eta is not None
    assert p[0] / (p[0] + eta * p[1]) == pytest.approx(6 / 11)
    assert p[1] / (p[1] + eta * p[0]) == pytest.approx(3 / 11)


def test_rank_ranges_count_the_models_clearly_above_and_below() -> None:
    low, high = rank_ranges(np.array([9.0, 5.0, 4.0, 0.0]), np.array([11.0, 7.0, 6.0, 1.0]))
    assert low.tolist() == [1, 2, 2, 4]
    assert high.tolist() == [1, 3, 3, 4]


def test_unknown_models_count_in_agreement_and_not_in_the_ranking() -> None:
    votes = Votes.from_columns(
        comparison=[1, 1, 2, 2],
        rater=[1, 2, 1, 2],
        preference=[0, 0, 1, 0],
        model_names={},
        rater_names={1: "ann", 2: "bob"},
    )
    report = report_of(votes)
    assert report["agreement"]["percent_agreement"]["value"] == 0.5
    assert report["leaderboard"] == []
    assert report["counts"]["items_not_ranked"] == 2
    assert Encounters.of(votes).model_count == 0
