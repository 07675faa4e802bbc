"""What must hold of every measure whatever the votes, against the definitions written out."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.metrics import agreement
from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.patterns import ItemPatterns, collapse
from labeling.metrics.report import build_report
from labeling.metrics.votes import Votes

PREFERENCES = ("a", "b", "tie", "both_bad")
TURNED = np.array([1, 0, 2, 3])


@st.composite
def any_votes(draw: st.DrawFn) -> Votes:
    """Up to 40 votes of six raters on eight items between four models, in any pattern."""
    count = draw(st.integers(0, 40))
    items = draw(st.lists(st.integers(0, 7), min_size=count, max_size=count))
    raters = draw(st.lists(st.integers(0, 5), min_size=count, max_size=count))
    preferences = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    sides = draw(st.lists(st.integers(-1, 1), min_size=count, max_size=count))
    pairs = draw(st.lists(st.tuples(*[st.integers(0, 3)] * 2), min_size=8, max_size=8))
    return Votes.from_columns(
        comparison=items,
        rater=raters,
        preference=preferences,
        shown_left=sides,
        strength=[1 if preference < 2 else 0 for preference in preferences],
        model_a=[pairs[item][0] for item in items],
        model_b=[pairs[item][1] for item in items],
        length_a=[item * 17 for item in items],
        length_b=[100 - item * 9 for item in items],
        model_names={k: f"m{k}" for k in range(4)},
        rater_names={k: f"r{k}" for k in range(6)},
    )


def reported(votes: Votes) -> dict[str, Any]:
    return build_report(votes, campaign="c", computed_at="t")


def values(votes: Votes) -> dict[str, tuple[Any, Any]]:
    """Each measure of agreement: its value (or None) and n."""
    rows = reported(votes)["agreement"]
    return {name: (row["value"], row["n"]) for name, row in rows.items()}


def assert_alike(one: dict[str, tuple[Any, Any]], other: dict[str, tuple[Any, Any]]) -> None:
    assert one.keys() == other.keys()
    for name, (value, n) in one.items():
        assert other[name] == (pytest.approx(value, abs=1e-12), n), name


def turned_round(votes: Votes) -> Votes:
    """The same votes with a and b exchanged in every item."""
    sides = np.where(votes.shown_left >= 0, 1 - votes.shown_left, -1)
    return Votes(
        item=votes.item,
        rater=votes.rater,
        preference=TURNED[votes.preference],
        shown_left=sides,
        strength=votes.strength,
        is_repeat=votes.is_repeat,
        active_ms=votes.active_ms,
        item_keys=votes.item_keys,
        item_model_a=votes.item_model_b,
        item_model_b=votes.item_model_a,
        item_length_a=votes.item_length_b,
        item_length_b=votes.item_length_a,
        models=votes.models,
        raters=votes.raters,
    )


@settings(max_examples=60, deadline=None)
@given(any_votes())
def test_turning_a_and_b_round_changes_nothing(votes: Votes) -> None:
    turned = turned_round(votes)
    assert_alike(values(votes), values(turned))
    one, other = reported(votes), reported(turned)
    for key in ("leaderboard", "win_matrix", "bias"):
        assert one[key] == other[key]


@settings(max_examples=60, deadline=None)
@given(any_votes(), st.randoms(use_true_random=False))
def test_the_order_and_numbers_of_items_and_raters_do_not_matter(votes: Votes, random: Any) -> None:
    votes = votes.first_votes()
    order = np.array(random.sample(range(len(votes)), len(votes)), dtype=np.int64)
    new_item = np.array(random.sample(range(100, 200), votes.item_count), dtype=np.int64)
    new_rater = random.sample(range(50, 90), len(votes.raters))
    moved = votes.select(order)
    again = Votes.from_columns(
        comparison=new_item[moved.item],
        rater=[new_rater[k] for k in moved.rater],
        preference=moved.preference,
        shown_left=moved.shown_left,
        strength=moved.strength,
        model_a=moved.item_model_a[moved.item],
        model_b=moved.item_model_b[moved.item],
        length_a=moved.item_length_a[moved.item],
        length_b=moved.item_length_b[moved.item],
        model_names=dict(enumerate(votes.models)),
        rater_names=dict(zip(new_rater, votes.raters, strict=True)),
    )
    one, other = reported(votes), reported(again)
    assert_alike(values(votes), values(again))
    for key in ("leaderboard", "win_matrix", "raters", "counts"):
        assert one[key] == other[key], key
    # The residuals of items are summed in their order, so the last digit of a limit may move.
    for key in ("position", "length"):
        assert one["bias"][key]["value"] == other["bias"][key]["value"]
        for limit in ("low", "high"):
            assert one["bias"][key][limit] == pytest.approx(other["bias"][key][limit])


@settings(max_examples=80, deadline=None)
@given(any_votes())
def test_percentages_are_the_pairs_counted_one_by_one(votes: Votes) -> None:
    first = votes.first_votes()
    answers: dict[int, list[int]] = {}
    for item, answer in zip(first.item.tolist(), first.answer.tolist(), strict=True):
        answers.setdefault(item, []).append(answer)
    pairs = [pair for given in answers.values() for pair in itertools.combinations(given, 2)]
    same = sum(x == y for x, y in pairs)
    half = sum(Fraction(2 if x == y else int((x == 1) != (y == 1)), 2) for x, y in pairs)
    decisive = [(x, y) for x, y in pairs if x != 1 and y != 1]
    found = values(votes)
    assert found["percent_agreement"] == (same / len(pairs) if pairs else None, len(pairs))
    assert found["half_credit"][0] == (float(half) / len(pairs) if pairs else None)
    agreeing = sum(x == y for x, y in decisive)
    assert found["percent_agreement_decisive"] == (
        agreeing / len(decisive) if decisive else None,
        len(decisive),
    )


@settings(max_examples=80, deadline=None)
@given(any_votes())
def test_alpha_is_one_less_observed_over_expected_distance_of_all_pairs(votes: Votes) -> None:
    """Krippendorff's definition on single values, without a coincidence matrix."""
    answers: dict[int, list[int]] = {}
    first = votes.first_votes()
    for item, answer in zip(first.item.tolist(), first.answer.tolist(), strict=True):
        answers.setdefault(item, []).append(answer)
    pairable = [given for given in answers.values() if len(given) > 1]
    everything = [answer for given in pairable for answer in given]
    n = len(everything)
    measured = values(votes)

    def between(x: int, y: int) -> float:
        low, high = min(x, y), max(x, y)
        inside = sum(everything.count(g) for g in range(low, high + 1))
        return (inside - (everything.count(low) + everything.count(high)) / 2) ** 2

    def unlike(x: int, y: int) -> float:
        return float(x != y)

    def squared(x: int, y: int) -> float:
        return float((x - y) ** 2)

    for name, distance in (("nominal", unlike), ("ordinal", between), ("interval", squared)):
        found = measured[f"krippendorff_alpha_{name}"]
        observed = sum(
            sum(distance(x, y) for x, y in itertools.permutations(given, 2)) / (len(given) - 1)
            for given in pairable
        )
        expected = sum(distance(x, y) for x, y in itertools.permutations(everything, 2))
        if expected == 0:
            assert found == (None, len(pairable))
        else:
            alpha = 1 - (observed / n) / (expected / (n * (n - 1)))
            assert found == (pytest.approx(alpha, abs=1e-9), len(pairable))


@settings(max_examples=80, deadline=None)
@given(any_votes())
def test_every_value_lies_between_its_limits_and_nothing_is_nan(votes: Votes) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if {"value", "n"} <= value.keys():
                if value["value"] is None:
                    assert value["why"]
                elif value["low"] is not None:
                    assert value["low"] <= value["value"] <= value["high"]
            for part in value.values():
                walk(part)
        elif isinstance(value, list):
            for part in value:
                walk(part)
        elif value is not None:
            assert type(value) in (str, int, float, bool), type(value)
            assert not isinstance(value, float) or math.isfinite(value)

    report = reported(votes)
    walk(report)
    for row in report["leaderboard"]:
        assert row["low"] <= row["elo"] <= row["high"]
        assert 1 <= row["rank_low"] <= row["rank_high"] <= len(report["leaderboard"])


@settings(max_examples=60, deadline=None)
@given(any_votes())
def test_strengths_balance_the_wins_seen_and_expected(votes: Votes) -> None:
    """The score equations of maximum likelihood, wherever no prior was needed."""
    encounters = Encounters.of(votes)
    fit = bradley_terry(encounters)
    assert fit.converged
    if fit.prior_sd is None and encounters.model_count:
        wins, ties = encounters.matrices()
        chance = 1 / (1 + np.exp(fit.strength[None, :] - fit.strength[:, None]))
        games = wins + wins.T + ties
        assert (games * chance).sum(axis=1) == pytest.approx(
            wins.sum(axis=1) + ties.sum(axis=1) / 2, abs=1e-7
        )
        assert fit.strength.sum() == pytest.approx(0, abs=1e-9)


@given(st.lists(st.tuples(*[st.integers(-3, 9)] * 3), max_size=30))
def test_collapsing_keeps_every_row_and_sorts(rows: list[tuple[int, int, int]]) -> None:
    distinct, counts = collapse(np.array(rows, dtype=np.int64).reshape(-1, 3))
    listed = [tuple(row) for row in distinct.tolist()]
    assert listed == sorted(set(rows))
    assert counts.tolist() == [rows.count(row) for row in listed]


def test_rows_too_wide_for_one_number_collapse_all_the_same() -> None:
    big = 2**40
    distinct, counts = collapse(np.array([[big, 0], [0, big], [big, 0]], dtype=np.int64))
    assert (distinct.tolist(), counts.tolist()) == ([[0, big], [big, 0]], [1, 2])


def test_the_bootstrap_is_the_same_every_time() -> None:
    random = np.random.default_rng(5)
    patterns = ItemPatterns.of(random.integers(0, 3, (200, 3)))
    once = agreement.estimate(patterns, [agreement.ALPHA_ORDINAL])
    assert once == agreement.estimate(patterns, [agreement.ALPHA_ORDINAL])
