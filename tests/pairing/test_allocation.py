"""A budget spread over pairs of models: what is taken, with which chance, and that it adds up."""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.errors import InvalidInputError
from labeling.pairing.allocation import Allotment, Candidates, allot
from labeling.pairing.ranking import Ranking
from labeling.pairing.settings import PairingSettings, Rule, read_pairing

MODELS = ("ash", "birch", "cedar", "dogwood")
# Strengths 1.5, 0.5, -0.5 and -1.5 with forty votes between each two of them.
BODY: Mapping[str, object] = {
    "leaderboard": [
        {"model": name, "strength": strength}
        for name, strength in zip(MODELS, (1.5, 0.5, -0.5, -1.5), strict=True)
    ],
    "win_matrix": {
        "models": list(MODELS),
        "cells": [[None if i == j else {"n": 40} for j in range(4)] for i in range(4)],
    },
}


def groups(count: int = 50, models: tuple[str, ...] = MODELS) -> list[Candidates]:
    return [Candidates(a, b, count) for a, b in combinations(models, 2)]


def allotted(
    rule: Rule,
    budget: int | None,
    *,
    of: list[Candidates] | None = None,
    seed: int = 1,
    body: Mapping[str, object] | None = BODY,
    **settings: Any,
) -> list[Allotment]:
    of = groups() if of is None else of
    names = {name for group in of for name in (group.model_a, group.model_b)}
    return allot(
        of,
        budget=budget,
        rule=rule,
        settings=PairingSettings(**settings),
        ranking=Ranking.of_report(names, body),
        overlap=2,
        seed=seed,
    )


def share(made: list[Allotment], *names: str) -> float:
    wanted = [row for row in made if {row.candidates.model_a, row.candidates.model_b} == {*names}]
    return sum(row.count for row in wanted) / sum(row.count for row in made)


def test_all_without_a_budget_takes_every_candidate() -> None:
    made = allotted("all", None)
    assert [(row.count, row.propensity) for row in made] == [(50, 1.0)] * 6


def test_all_with_a_budget_keeps_the_pairs_of_models_in_proportion() -> None:
    made = allotted("all", 60)
    assert [row.count for row in made] == [10] * 6
    assert {row.propensity for row in made} == {0.2}


def test_against_a_baseline_most_draws_name_it_and_the_rest_are_spread() -> None:
    made = allotted("baseline", 100, baseline="birch")
    with_it = sum(r.count for r in made if "birch" in (r.candidates.model_a, r.candidates.model_b))
    assert sum(row.count for row in made) == 100
    # 85 by the rule; of the other 15 spread over 215 the baseline's pairs have 65/215.
    expected = 85 + 15 * 65 / 215
    assert abs(with_it - expected) <= 3
    # By hand: 85/150 by the rule, and 15/215 of what it leaves.
    (chance,) = {row.propensity for row in made if row.candidates.model_b == "birch"}
    assert chance == pytest.approx(85 / 150 + (1 - 85 / 150) * 15 / 215)


def test_without_a_budget_a_baseline_is_met_by_all_and_the_uniform_share_comes_on_top() -> None:
    made = allotted("baseline", None, baseline="ash")
    by_pair = {(r.candidates.model_a, r.candidates.model_b): r for r in made}
    assert by_pair["ash", "dogwood"].count == 50
    assert by_pair["ash", "dogwood"].propensity == 1.0
    others = [row for pair, row in by_pair.items() if "ash" not in pair]
    # 150 pairs with it are 85 %, so 177 in all (rounded up), 26.55 of them others.
    assert sum(row.count for row in others) in (26, 27)
    assert others[0].propensity == pytest.approx(177 * 0.15 / 150)


def test_adjacent_asks_about_neighbours_in_rank() -> None:
    made = allotted("adjacent", 100, uniform_share=0.1)
    neighbours = share(made, "ash", "birch") + share(made, "birch", "cedar")
    neighbours += share(made, "cedar", "dogwood")
    assert neighbours > 0.9
    assert share(made, "ash", "dogwood") > 0


def test_uncertain_prefers_pairs_whose_order_is_open() -> None:
    body = {
        **BODY,
        "leaderboard": [
            {"model": name, "strength": strength}
            for name, strength in zip(MODELS, (1.5, 1.45, -1.45, -1.5), strict=True)
        ],
    }
    made = allotted("uncertain", 60, body=body)
    assert share(made, "ash", "birch") + share(made, "cedar", "dogwood") > 0.75


def test_uncertain_asks_about_a_model_that_nobody_has_judged() -> None:
    made = allotted("uncertain", 60, of=groups(models=(*MODELS, "elm")))
    with_new = sum(r.count for r in made if "elm" in (r.candidates.model_a, r.candidates.model_b))
    assert with_new > 30


def test_topk_asks_about_those_near_the_boundary() -> None:
    made = allotted("topk", 60, k=2)
    assert share(made, "ash", "dogwood") < share(made, "birch", "cedar")
    near = sum(share(made, *pair) for pair in combinations(("birch", "cedar"), 2))
    assert near > 1 / 6


def test_a_trained_model_starts_at_the_strength_of_the_one_it_came_from() -> None:
    ranking = Ranking.of_report(["elm"], BODY, {"elm": "ash", "fir": "fir"})
    assert ranking.strength[ranking.models.index("elm")] == 1.5
    assert not ranking.is_ranked[ranking.models.index("elm")]
    lost = Ranking.of_report(["fir"], BODY, {"fir": "fir"})
    assert lost.strength[lost.models.index("fir")] == 0.0


def test_an_unnamed_model_is_paired_only_where_no_ranking_is_asked() -> None:
    unnamed = [
        Candidates("", "ash", 10),
        Candidates("ash", "ash", 5),
        Candidates("ash", "birch", 5),
    ]
    assert sum(row.count for row in allotted("all", None, of=unnamed)) == 20
    assert sum(row.count for row in allotted("uncertain", None, of=unnamed)) == 5


@pytest.mark.parametrize(
    ("rule", "settings", "field"),
    [
        ("nearest", {}, "pairing"),
        ("baseline", {}, "pairing_settings.baseline"),
        ("uncertain", {"uniform_share": 0.5}, "pairing_settings.uniform_share"),
        ("topk", {"k": 0}, "pairing_settings.k"),
        ("all", {"share": 0.1}, "pairing_settings"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    rule: str, settings: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_pairing(rule, settings)
    assert caught.value.problems[0].field.startswith(field)


@pytest.mark.parametrize("rule", ["adjacent", "topk"])
def test_a_rule_of_ranks_is_refused_before_there_is_a_ranking(rule: Rule) -> None:
    with pytest.raises(InvalidInputError, match="no ranking yet"):
        allotted(rule, 10, body=None)


def test_a_baseline_nobody_can_be_compared_with_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"by oak\."):
        allotted("baseline", 10, baseline="oak")


def test_more_places_than_models_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="at most 3"):
        allotted("topk", 10, k=4)


@given(
    rule=st.sampled_from(["all", "random", "adjacent", "uncertain", "topk", "baseline"]),
    sizes=st.lists(st.integers(1, 60), min_size=6, max_size=6),
    budget=st.integers(1, 400),
    uniform_share=st.floats(0.1, 0.2),
    seed=st.integers(0, 2**32),
)
def test_propensities_sum_to_the_expected_draws_and_the_budget_holds(
    rule: Rule, sizes: list[int], budget: int, uniform_share: float, seed: int
) -> None:
    of = [Candidates(a, b, n) for (a, b), n in zip(combinations(MODELS, 2), sizes, strict=True)]
    settings: dict[str, Any] = {"uniform_share": uniform_share, "baseline": "ash", "k": 2}
    made = allotted(rule, budget, of=of, seed=seed, **settings)
    again = allotted(rule, budget, of=of, seed=seed, **settings)
    assert made == again
    total = sum(row.count for row in made)
    assert total <= budget
    assert all(0 < row.propensity <= 1 for row in made)
    assert all(row.count <= row.candidates.count for row in made)
    if rule in ("all", "random", "uncertain"):
        assert total == min(budget, sum(sizes))


@pytest.mark.parametrize("rule", ["random", "uncertain", "topk", "baseline", "adjacent"])
def test_weighting_by_the_propensity_undoes_the_choice(rule: Rule) -> None:
    """Horvitz and Thompson (1952): Σ y/π estimates the total without bias, whatever the rule."""
    rng = np.random.default_rng(7)
    of = [Candidates(a, b, 12) for a, b in combinations(MODELS, 2)]
    truth = {(group.model_a, group.model_b): rng.random(12) + 3 * k for k, group in enumerate(of)}
    total = sum(values.sum() for values in truth.values())
    estimates = []
    for seed in range(1500):
        made = allotted(rule, 20, of=of, seed=seed, baseline="birch", k=2)
        estimate = 0.0
        for row in made:
            values = truth[row.candidates.model_a, row.candidates.model_b]
            drawn = rng.choice(values, row.count, replace=False)
            estimate += float(drawn.sum()) / row.propensity
        estimates.append(estimate)
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - total) < 4 * error
