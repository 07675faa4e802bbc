"""Choosing pairs by what is uncertain: fewer votes for the same ranking, on planted models."""

from itertools import combinations

import numpy as np
import pytest

from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.pairing.allocation import Candidates, allot
from labeling.pairing.ranking import Ranking
from labeling.pairing.settings import PairingSettings, Rule

MODELS = tuple(f"m{k:02d}" for k in range(24))
PAIRS = list(combinations(range(len(MODELS)), 2))
BATCH = 150


def grown(rule: Rule, votes: int, *, seed: int, k: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Planted strengths, and those found from `votes` votes that `rule` asked for in batches."""
    rng = np.random.default_rng(seed)
    planted = rng.normal(0, 1, len(MODELS))
    wins = np.zeros((len(MODELS), len(MODELS)))
    place = {name: i for i, name in enumerate(MODELS)}
    found = np.zeros(len(MODELS))
    for batch in range(votes // BATCH):
        games = wins + wins.T
        body = {
            "leaderboard": [
                {"model": name, "strength": value}
                for name, value in zip(MODELS, found, strict=True)
            ],
            "win_matrix": {
                "models": list(MODELS),
                "cells": [
                    [{"n": n, "value": won / n} if n else None for n, won in zip(*row, strict=True)]
                    for row in zip(games, wins, strict=True)
                ],
            },
        }
        made = allot(
            [Candidates(MODELS[i], MODELS[j], 10_000) for i, j in PAIRS],
            budget=BATCH,
            # The first batch has nothing to go by.
            rule=rule if batch else "all",
            settings=PairingSettings(k=k),
            ranking=Ranking.of_report(MODELS, body),
            overlap=1,
            seed=seed * 1000 + batch,
        )
        for row in made:
            i, j = place[row.candidates.model_a], place[row.candidates.model_b]
            won = rng.binomial(row.count, 1 / (1 + np.exp(planted[j] - planted[i])))
            wins[i, j] += won
            wins[j, i] += row.count - won
        rows = np.array(
            [[i, j, wins[i, j], wins[j, i], 0] for i, j in PAIRS if wins[i, j] + wins[j, i]],
            dtype=np.int64,
        )
        fit = bradley_terry(Encounters.from_rows(rows))
        found = np.zeros(len(MODELS))
        found[Encounters.from_rows(rows).models] = fit.strength
    return planted, found


def tau(one: np.ndarray, other: np.ndarray) -> float:
    """Kendall's tau: concordant less discordant pairs, of all."""
    signs = [np.sign(one[i] - one[j]) * np.sign(other[i] - other[j]) for i, j in PAIRS]
    return float(np.mean(signs))


def top(strength: np.ndarray, k: int) -> set[int]:
    return {int(i) for i in np.argsort(-strength)[:k]}


@pytest.mark.parametrize("seeds", [range(8)])
def test_the_rank_rule_orders_models_with_two_thirds_of_the_votes(seeds: range) -> None:
    """METRICS: a tau that uniform choice reaches with all its votes takes at most 65 % of them."""
    by_rule = np.mean([tau(*grown("uncertain", 1950, seed=seed)) for seed in seeds])
    by_chance = np.mean([tau(*grown("random", 3000, seed=seed)) for seed in seeds])
    assert by_rule >= by_chance - 0.005
    assert by_rule > 0.85


@pytest.mark.parametrize("seeds", [range(12)])
def test_the_topk_rule_finds_the_best_with_a_fraction_of_the_votes(seeds: range) -> None:
    def overlap(rule: Rule, votes: int) -> float:
        found = [grown(rule, votes, seed=seed) for seed in seeds]
        return float(np.mean([len(top(a, 5) & top(b, 5)) / 5 for a, b in found]))

    assert overlap("topk", 1200) >= overlap("random", 3000)
