"""Nominal 95 % intervals hold the planted truth about 95 times in 100, items alike or not."""

import numpy as np
import pytest

from labeling.metrics import agreement
from labeling.metrics.bias import position
from labeling.metrics.bradley_terry import Encounters, bradley_terry, limits
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Votes
from tests.metrics.building import marginal_strengths, planted_votes

RUNS = 250


@pytest.mark.parametrize("item_sd", [0.0, 1.0, 2.0])
def test_limits_of_strengths(item_sd: float) -> None:
    """8 models, 400 items of 4 votes."""
    covered = []
    truth = np.array(marginal_strengths(np.linspace(-1, 1, 8).tolist(), item_sd))
    for seed in range(RUNS):
        votes = planted_votes(models=8, items=400, per_item=4, item_sd=item_sd, seed=seed)
        low, high = limits(bradley_terry(Encounters.of(votes)))
        covered.append((low < truth) & (truth < high))
    assert 0.93 <= np.mean(covered) <= 0.97


def test_limits_that_ignore_items_are_too_narrow() -> None:
    """The reason for all this: the same votes, each taken as an item of its own."""
    covered = []
    truth = np.array(marginal_strengths(np.linspace(-1, 1, 8).tolist(), 2.0))
    for seed in range(60):
        votes = planted_votes(models=8, items=400, per_item=4, item_sd=2.0, seed=seed)
        alone = Votes.from_columns(
            comparison=np.arange(len(votes)),
            rater=votes.rater,
            preference=votes.preference,
            model_a=votes.item_model_a[votes.item],
            model_b=votes.item_model_b[votes.item],
            model_names=dict(enumerate(votes.models)),
            rater_names=dict(enumerate(votes.raters)),
        )
        low, high = limits(bradley_terry(Encounters.of(alone)))
        covered.append((low < truth) & (truth < high))
    assert np.mean(covered) < 0.88


def test_limits_of_alpha_and_of_percent_agreement() -> None:
    """Two-answer items whose chance of a is beta distributed: alpha is 1/(p + q + 1)."""
    covered = []
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        chance = random.beta(1.0, 1.5, 200)
        n = random.integers(2, 5, 200)
        a = random.binomial(n, chance)
        patterns = ItemPatterns.of(np.stack([a, np.zeros_like(a), n - a], axis=1))
        alpha, percent = agreement.estimate(
            patterns, [agreement.ALPHA_NOMINAL, agreement.PERCENT_ITEM_MEAN]
        )
        expected = 2 * 1.0 * 1.5 / (2.5 * 3.5)  # chance that two votes of an item differ
        for found, truth in ((alpha, 1 / 3.5), (percent, 1 - expected)):
            assert found.low is not None
            assert found.high is not None
            covered.append(found.low < truth < found.high)
    assert 0.92 <= np.mean(covered) <= 0.97


def test_limits_of_the_left_share() -> None:
    """A lean of 0.3 logits to the left among items with wishes of their own."""
    covered = []
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    truth = float((weights / (1 + np.exp(-(0.3 + 1.5 * nodes)))).sum() / np.sqrt(2 * np.pi))
    for seed in range(RUNS):
        random = np.random.default_rng(seed)
        item = np.repeat(np.arange(120), 4)
        wish = random.normal(0, 1.5, 120)[item]
        picks_left = random.random(len(item)) < 1 / (1 + np.exp(-(0.3 + wish)))
        votes = Votes.from_columns(
            comparison=item,
            rater=np.tile(np.arange(4), 120),
            preference=np.where(picks_left, 0, 1),
            shown_left=np.zeros(len(item), dtype=int),
            model_names={},
            rater_names=dict(enumerate("abcd")),
        )
        share = position(votes).share
        assert share.low is not None
        assert share.high is not None
        covered.append(share.low < truth < share.high)
    assert 0.92 <= np.mean(covered) <= 0.98
