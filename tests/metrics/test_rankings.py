"""The ranking beyond the leaderboard: limits, draws, style, firmness and parts."""

import json
from dataclasses import replace
from itertools import combinations_with_replacement, pairwise
from math import log, sqrt
from typing import Any

import numpy as np
import pytest

from labeling.metrics import flips, refits, slices
from labeling.metrics.bradley_terry import ELO_PER_LOGIT, Encounters, bradley_terry
from labeling.metrics.rankings import rankings
from labeling.metrics.slices import ItemKinds, Part, part_rows
from labeling.metrics.tie_models import davidson, rao_kupper
from labeling.metrics.votes import Votes
from tests.metrics.building import encounters_of, planted_votes, votes_of
from tests.metrics.styled import NAMES

EMPTY: dict[str, list[Part]] = {"tag": [], "language": [], "round": []}


def nothing_known(votes: Votes) -> dict[str, Any]:
    unknown = np.full(votes.item_count, -1)
    return {name: (unknown, unknown) for name in NAMES}


def whole(votes: Votes, **more: Any) -> dict[str, Any]:
    section = rankings(votes, features=nothing_known(votes), parts=EMPTY, **more)
    json.dumps(section, allow_nan=False)
    return section


# Models with a tie parameter


@pytest.mark.parametrize("fit", [davidson, rao_kupper])
def test_limits_of_tie_models_without_clusters_are_those_of_the_likelihood(fit: Any) -> None:
    """With one vote an item, many items and a true model, sandwich and information agree."""
    random = np.random.default_rng(3)
    theta = np.array([0.6, 0.1, -0.7])
    games = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        p, q = np.exp(theta[i]), np.exp(theta[j])
        if fit is davidson:
            shares = np.array([p, q, 0.8 * sqrt(p * q)])
            shares = shares / shares.sum()
        else:
            win, loss = p / (p + 1.5 * q), q / (q + 1.5 * p)
            shares = np.array([win, loss, 1 - win - loss])
        games += [(f"m{i}", f"m{j}", *row) for row in random.multinomial(1, shares, 4000)]
    found = fit(encounters_of(games)[0])
    assert found.strength is not None and found.tie_limits is not None
    assert np.abs(found.strength - theta).max() < 3 * found.standard_error.max()
    low, high = found.tie_limits
    assert low < (0.8 if fit is davidson else 1.5) < high
    # The same votes with errors from the curvature of the likelihood, by differences.
    totals = encounters_of(games)[0]
    own = numeric_errors(fit, totals, found)
    assert found.standard_error == pytest.approx(own[:3], rel=0.06)
    assert log(high / low) / 2 / 1.96 == pytest.approx(own[3], rel=0.06)


def numeric_errors(fit: Any, encounters: Encounters, found: Any) -> Any:
    wins, ties = encounters.matrices()

    def likelihood(at: Any) -> float:
        theta, tie = at[:3] - at[:3].mean(), np.exp(at[3])
        p = np.exp(theta)
        value = 0.0
        for i, j in ((0, 1), (0, 2), (1, 2)):
            if fit is davidson:
                total = p[i] + p[j] + tie * sqrt(p[i] * p[j])
                chances = [p[i] / total, p[j] / total, tie * sqrt(p[i] * p[j]) / total]
            else:
                win, loss = p[i] / (p[i] + tie * p[j]), p[j] / (p[j] + tie * p[i])
                chances = [win, loss, 1 - win - loss]
            value += wins[i, j] * log(chances[0]) + wins[j, i] * log(chances[1])
            value += ties[i, j] * log(chances[2])
        return value

    at = np.append(found.strength, log(found.tie_parameter))
    assert likelihood(at) == pytest.approx(found.log_likelihood, abs=1e-6)
    step = 1e-3
    unit = np.eye(4) * step
    curve = np.array(
        [
            [
                likelihood(at + a + b)
                - likelihood(at + a - b)
                - likelihood(at - a + b)
                + likelihood(at - a - b)
                for b in unit
            ]
            for a in unit
        ]
    ) / (4 * step**2)
    fill = np.zeros((4, 4))
    fill[:3, :3] = 1 / 3
    return np.sqrt(np.diag(np.linalg.inv(-curve + fill) - fill))


def test_votes_repeated_on_an_item_widen_the_limits_of_a_tie_model() -> None:
    games = [("x", "y", 8, 0, 1), ("y", "x", 7, 0, 1), ("x", "y", 6, 1, 1)] * 10
    alone = [
        (one, other, *unit)
        for one, other, win, loss, tie in games
        for unit in [(1, 0, 0)] * win + [(0, 1, 0)] * loss + [(0, 0, 1)] * tie
    ]
    clustered, single = davidson(encounters_of(games)[0]), davidson(encounters_of(alone)[0])
    assert clustered.strength == pytest.approx(single.strength)
    assert clustered.standard_error is not None and single.standard_error is not None
    assert clustered.standard_error[0] > 1.5 * single.standard_error[0]


# Items drawn again


@pytest.mark.parametrize("items", [300, 11_000])
def test_draws_of_items_have_the_spread_of_the_sandwich(items: int) -> None:
    """Few items come by a multinomial, many by Poisson counts."""
    votes = planted_votes(models=5, items=items, per_item=3, item_sd=1.0, seed=1)
    encounters = Encounters.of(votes)
    fit = bradley_terry(encounters)
    drawn = refits.bootstrap(encounters, fit, 400)
    assert drawn.strength.shape == (400, 5) and not drawn.lost
    assert drawn.strength.std(axis=0) == pytest.approx(fit.standard_error, rel=0.15)
    again = refits.bootstrap(encounters, fit, 400)
    assert (again.strength == drawn.strength).all()


def test_each_draw_is_a_fit_of_its_own() -> None:
    """What the common steps reach is what Newton's method reaches from nothing."""
    votes = planted_votes(models=6, items=60, per_item=2, item_sd=0.5, seed=4)
    encounters = Encounters.of(votes)
    fit = bradley_terry(encounters)
    first, second, wins, games = refits._drawn_totals(encounters, 20)
    drawn = refits.bootstrap(encounters, fit, 20)
    for row in range(20 - drawn.lost):
        if drawn.lost:
            break
        matrix = np.zeros((6, 6))
        matrix[first, second] = wins[row]
        matrix[second, first] = games[row] - wins[row]
        own = refits.refit(matrix, np.zeros(6))
        assert own is not None
        assert drawn.strength[row] == pytest.approx(own, abs=1e-4)


def test_too_few_items_have_no_draws_but_a_reason() -> None:
    encounters, _ = encounters_of([("x", "y", 1, 0, 0), ("x", "y", 0, 1, 0)])
    drawn = refits.bootstrap(encounters, bradley_terry(encounters), 100)
    assert not len(drawn.strength) and "too few items" in drawn.why
    apart, _ = encounters_of([("x", "y", 3, 0, 0)])
    assert "never win" in refits.bootstrap(apart, bradley_terry(apart), 100).why


# Firmness


def test_two_models_turn_when_the_wins_of_the_first_are_fewer() -> None:
    encounters, names = encounters_of([("x", "y", 9, 4, 3)])
    (flip,) = flips.flips(encounters, bradley_terry(encounters), np.array([0, 1]))
    assert (flip.count, flip.is_exact) == (6, True)
    ((removed),) = flip.removed
    assert (names[removed.winner], names[removed.loser], removed.count) == ("x", "y", 6)


def test_what_is_found_turns_the_order_and_nothing_shorter_does() -> None:
    """Small tables, against every way of taking fewer votes of any kind away."""
    random = np.random.default_rng(0)
    tried = 0
    while tried < 8:
        rows = [(i, j, *random.integers(0, 6, 3)) for i, j in ((0, 1), (0, 2), (1, 2))]
        encounters = Encounters.from_rows(np.array([r for r in rows if sum(r[2:])]))
        if encounters.model_count < 3:
            continue
        fit = bradley_terry(encounters)
        order = np.argsort(-fit.strength)
        found = flips.flips(encounters, fit, order)
        if not found or found[0].count > 3:
            continue
        tried += 1
        flip = found[0]
        assert turns(rows, [(r.winner, r.loser, r.count) for r in flip.removed], flip)
        cells = [(i, j, k) for i, j, *votes in rows for k in range(3) if votes[k]]
        for fewer in range(1, flip.count):
            for chosen in combinations_with_replacement(cells, fewer):
                assert not turns(rows, [], flip, chosen)


def turns(rows: Any, removed: Any, flip: Any, chosen: Any = ()) -> bool:
    table = {(i, j): list(votes) for i, j, *votes in rows}
    for i, j, k in chosen:
        table[i, j][k] -= 1
        if table[i, j][k] < 0:
            return False
    wins = np.zeros((3, 3))
    for (i, j), (won, lost, tied) in table.items():
        wins[i, j] += won + tied / 2
        wins[j, i] += lost + tied / 2
    for winner, loser, count in removed:
        wins[winner, loser] -= count
    theta = refits.refit(wins, np.zeros(3), ridge=1e-6)
    return theta is not None and theta[flip.upper] - theta[flip.lower] < -1e-9


def test_firmness_of_many_votes_is_confirmed_by_a_fit() -> None:
    votes = planted_votes(models=8, items=3000, per_item=3, item_sd=0.5, seed=3)
    section = whole(votes, draws=100)
    rows = section["flips"]["rows"]
    assert len(rows) == 7
    names = [row["model"] for row in section["bootstrap"]["rows"]]
    assert [(row["upper"], row["lower"]) for row in rows] == list(pairwise(names))
    wins, ties = Encounters.of(votes).matrices()
    for row in rows:
        half = wins + ties / 2
        for part in row["removed"]:
            half[votes.models.index(part["winner"]), votes.models.index(part["loser"])] -= part[
                "count"
            ]
        theta = refits.refit(half, np.zeros(8))
        assert theta is not None
        upper, lower = (votes.models.index(row[key]) for key in ("upper", "lower"))
        assert theta[upper] < theta[lower]
        assert sum(part["count"] for part in row["removed"]) == row["count"]
        assert row["share"] == pytest.approx(row["count"] / 9000)


# Parts


def test_a_part_that_differs_is_found_and_the_others_are_not() -> None:
    """In the first tenth of the items m00 wins nearly all: there it is better than on the whole."""
    votes = planted_votes(models=5, items=2000, per_item=2, item_sd=0.0, seed=9)
    odd = np.flatnonzero(np.arange(2000) < 200)
    is_odd = votes.item < 200
    preference = votes.preference.copy()
    preference[is_odd & (votes.item_model_a[votes.item] == 0)] = 0
    preference[is_odd & (votes.item_model_b[votes.item] == 0)] = 1
    lucky = np.flatnonzero(is_odd & (votes.item_model_a[votes.item] == 0))[:3]
    preference[lucky] = 1
    votes = replace(votes, preference=preference)
    rest = [np.arange(k, 2000, 3) for k in range(3)]
    parts = {
        "tag": [Part("odd", odd), *(Part(f"t{k}", items) for k, items in enumerate(rest))],
        "round": [Part("1", np.arange(10))],
    }
    found = part_rows(ItemKinds.of(votes), votes.models, parts)
    rows = {row["value"]: row for row in found["tag"]["rows"]}
    assert rows["odd"]["differs"] is True
    best = rows["odd"]["board"][0]
    assert best["model"] == "m00" and best["difference"]["low"] > 0
    assert best["difference"]["q"] < 0.001
    assert [rows[f"t{k}"]["differs"] for k in range(3)] == [False] * 3
    (small,) = found["round"]["rows"]
    assert small["board"] == [] and "Fewer than 20" in small["why"]


def test_differences_have_the_limits_that_draws_of_items_have() -> None:
    """The part is in the whole: the interval must allow for it."""
    votes = planted_votes(models=4, items=400, per_item=2, item_sd=1.0, seed=2)
    part = np.arange(150)
    ((row,),) = (
        part_rows(ItemKinds.of(votes), votes.models, {"tag": [Part("t", part)]})["tag"]["rows"],
    )
    random = np.random.default_rng(1)
    won = votes.answer_counts()[:, 0]
    a, b = votes.item_model_a, votes.item_model_b
    gaps = []
    for _ in range(300):
        drawn = random.integers(0, 400, 400)
        strengths = []
        for items in (drawn[drawn < 150], drawn):
            wins = np.zeros((4, 4))
            np.add.at(wins, (a[items], b[items]), won[items])
            np.add.at(wins, (b[items], a[items]), 2 - won[items])
            theta = refits.refit(wins, np.zeros(4))
            assert theta is not None
            strengths.append(theta)
        gaps.append(strengths[0] - strengths[1])
    spread = np.std(gaps, axis=0) * ELO_PER_LOGIT
    for line in row["board"]:
        k = votes.models.index(line["model"])
        width = (line["difference"]["high"] - line["difference"]["low"]) / 2 / 1.96
        assert width == pytest.approx(spread[k], rel=0.2)


def test_a_part_that_is_not_connected_names_its_components() -> None:
    rows = [(f"i{k}", "r", "a") for k in range(30)]
    models = {f"i{k}": ("p", "q") for k in range(30)}
    rows += [(f"j{k}", "r", "ab"[k % 2]) for k in range(30)]
    models |= {f"j{k}": ("p", "q") for k in range(30)}
    votes = votes_of(rows, models=models)
    first = np.arange(30)
    found = part_rows(ItemKinds.of(votes), votes.models, {"tag": [Part("clear", first)]})
    (row,) = found["tag"]["rows"]
    assert row["is_connected"] is False and row["components"] == [["p"], ["q"]]
    assert "rest on a prior" in row["note"] and row["differs"] is None
    assert all("difference" not in line for line in row["board"])


def test_only_the_largest_parts_are_shown_and_the_rest_counted() -> None:
    votes = planted_votes(models=3, items=60, per_item=1, item_sd=0.0, seed=0)
    many = [Part(f"t{k:02d}", np.arange(k + 1)) for k in range(slices.MOST_PARTS + 4)]
    found = part_rows(ItemKinds.of(votes), votes.models, {"tag": many})["tag"]
    assert len(found["rows"]) == slices.MOST_PARTS and found["not_shown"] == 4
    assert found["rows"][0]["value"] == many[-1].value


# What there is not


@pytest.mark.parametrize(
    "votes",
    [
        votes_of([]),
        votes_of([("i", "r", "tie"), ("j", "s", "both_bad")]),
        votes_of([("i", "r", "a")]),
        votes_of([("i", "r", "a")], models={"i": ("p", "p")}),
    ],
    ids=["nothing", "all ties", "one vote", "one model"],
)
def test_bad_input_gives_reasons(votes: Votes) -> None:
    section = whole(votes)
    for row in section["tie_models"].values():
        assert row["why"] and row["tie_parameter"]["value"] is None
    assert section["style"]["why"] and section["style"]["rows"] == []
    assert section["bootstrap"]["rows"] == [] or not section["bootstrap"].get("why")


def test_a_graph_in_two_halves_is_named() -> None:
    votes = votes_of(
        [("i", "r", "a"), ("i", "s", "b"), ("j", "r", "a"), ("j", "s", "b")],
        models={"i": ("p", "q"), "j": ("x", "y")},
    )
    section = whole(votes)
    assert section["components"] == [["p", "q"], ["x", "y"]] and not section["is_connected"]
    assert section["flips"]["rows"] == [] and "rests on a prior" in section["flips"]["why"]
