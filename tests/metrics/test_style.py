"""Boards controlled for style, against dense fits and what was planted."""

from typing import Any

import numpy as np
import pytest

from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.rankings import rankings
from labeling.metrics.style import SIDE, style_fit
from tests.metrics.building import votes_of
from tests.metrics.styled import NAMES, Planted, planted


def dense(study: Planted, names: tuple[str, ...]) -> tuple[Any, Any, Any]:
    """The same model by a dense design, a row for each vote, and its sandwich by item."""
    votes = study.votes
    size = len(votes.models)
    item = votes.item
    rows = np.zeros((len(votes), size + len(names)))
    at = np.arange(len(votes))
    rows[at, votes.item_model_a[item]] += 1
    rows[at, votes.item_model_b[item]] -= 1
    for k, name in enumerate(names):
        if name == SIDE:
            column = np.where(votes.shown_left == 0, 1.0, -1.0)
        else:
            a, b = (side.astype(float) for side in study.features[name])
            d = ((a - b) / np.maximum(a + b, 1))[item]
            column = d / np.sqrt((d**2).mean())
        rows[:, size + k] = column
    won = np.array([1.0, 0.5, 0.0])[votes.answer]
    fill = np.zeros((rows.shape[1], rows.shape[1]))
    fill[:size, :size] = 1 / size
    at_ = np.zeros(rows.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(-rows @ at_))
        curve = (rows.T * (p * (1 - p))) @ rows + fill
        at_ = at_ + np.linalg.solve(curve, rows.T @ (won - p))
    scores = rows * (won - 1 / (1 + np.exp(-rows @ at_)))[:, None]
    summed = np.zeros((votes.item_count, rows.shape[1]))
    np.add.at(summed, item, scores)
    inverse = np.linalg.inv(curve) - fill
    items = votes.item_count
    free = size - 1 + len(names)
    meat = summed.T @ summed * items / (items - (free if names else 1))
    return at_, np.sqrt(np.diag(inverse @ meat @ inverse)), summed @ inverse


def test_style_is_the_dense_fit_with_one_row_a_vote() -> None:
    study = planted(items=260, per_item=3, item_sd=1.0, tie=0.2, seed=5)
    fit = style_fit(study.votes, study.features)
    assert not fit.why and not fit.left_out
    names = tuple(one.name for one in fit.coefficients)
    assert names == (*NAMES, SIDE)
    wanted, errors, influence = dense(study, names)
    size = len(study.votes.models)
    assert fit.strength == pytest.approx(wanted[:size] - wanted[:size].mean(), abs=1e-8)
    assert [one.value for one in fit.coefficients] == pytest.approx(wanted[size:], abs=1e-8)
    assert fit.standard_error == pytest.approx(errors[:size], rel=1e-6)
    assert [one.standard_error for one in fit.coefficients] == pytest.approx(
        errors[size:], rel=1e-6
    )
    plain, plain_errors, plain_influence = dense(study, ())
    assert fit.plain == pytest.approx(plain - plain.mean(), abs=1e-8)
    assert fit.plain_error == pytest.approx(plain_errors, rel=1e-6)
    items = study.votes.item_count
    apart = influence[:, :size] - plain_influence
    assert fit.change_error == pytest.approx(
        np.sqrt((apart**2).sum(axis=0) * items / (items - 10)), rel=1e-6
    )
    # And the plain board is the leaderboard's own fit.
    assert fit.plain == pytest.approx(bradley_terry(Encounters.of(study.votes)).strength, abs=1e-9)


def test_planted_side_and_length_are_found_and_the_board_is_as_good_as_without() -> None:
    """A short form of bench/style.py: 40 studies, one of which may be outside of two errors."""
    inside = {"side": 0, "length": 0}
    with_style, without = [], []
    for seed in range(40):
        study = planted(items=300, per_item=4, side=0.3, length=0.5, seed=seed)
        fit = style_fit(study.votes, study.features)
        found = {one.name: one for one in fit.coefficients}
        for name, value in (("side", 0.3), ("length", 0.5)):
            inside[name] += abs(found[name].value - value) < 2 * found[name].standard_error
        with_style.append(np.abs(fit.strength - study.strength).max())
        clean = planted(items=300, per_item=4, seed=seed)
        honest = bradley_terry(Encounters.of(clean.votes))
        without.append(np.abs(honest.strength - clean.strength).max())
    assert min(inside.values()) >= 37
    assert np.mean(with_style) < 1.15 * np.mean(without)


def test_a_style_that_cannot_be_told_apart_says_why() -> None:
    study = planted(items=200, per_item=2, seed=1)
    votes = study.votes
    zero = np.zeros(votes.item_count, dtype=int)
    unknown = np.full(votes.item_count, -1)
    fit = style_fit(
        votes,
        {
            "length": study.features["length"],
            "headers": study.features["length"],
            "bold": (zero, zero),
            "lists": (unknown, unknown),
        },
    )
    assert [one.name for one in fit.coefficients] == ["length", SIDE]
    assert "told apart" in fit.left_out["headers"]
    assert "never differ" in fit.left_out["bold"]
    assert "fewer than half" in fit.left_out["lists"]
    # Two models that always differ alike: length is who wrote it.
    two = votes_of(
        [(f"i{k}", "r", "ab"[k % 3 == 0]) for k in range(30)],
        lengths={f"i{k}": (200, 100) for k in range(30)},
    )
    alone = style_fit(two, {"length": (two.item_length_a, two.item_length_b)})
    assert not alone.coefficients and "told apart" in alone.left_out["length"]
    assert alone.strength == pytest.approx(alone.plain)


def test_a_style_that_always_wins_has_no_coefficient_but_a_reason() -> None:
    lengths = {f"i{k}": ((300, 100) if k % 2 else (100, 300 + k)) for k in range(40)}
    votes = votes_of([(f"i{k}", "r", "ab"[k % 2 == 0]) for k in range(40)], lengths=lengths)
    fit = style_fit(votes, {"length": (votes.item_length_a, votes.item_length_b)})
    assert "no finite value" in fit.why
    section = rankings(
        votes,
        features={"length": (votes.item_length_a, votes.item_length_b)},
        parts={"tag": [], "language": [], "round": []},
    )
    assert section["style"]["rows"] == [] and "no finite value" in section["style"]["why"]


def test_items_whose_style_is_unknown_are_counted_and_left_out() -> None:
    study = planted(items=100, per_item=2, seed=2)
    a, b = study.features["length"]
    fit = style_fit(study.votes, {"length": (np.where(np.arange(100) < 10, -1, a), b)})
    assert (fit.votes_left_out, fit.vote_count, fit.item_count) == (20, 180, 90)
