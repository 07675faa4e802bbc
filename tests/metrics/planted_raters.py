"""Votes of raters whose skill is planted, on items whose better answer is known to the test."""

from dataclasses import dataclass

import numpy as np

from labeling.metrics.aggregation import ItemAnswers
from labeling.metrics.votes import ANSWER_A, ANSWER_TIE, Bools, Floats, Votes


@dataclass(frozen=True, eq=False)
class Planted:
    """The votes, and what is true of them; abilities are logits of being right."""

    votes: Votes
    a_is_better: Bools
    ability: Floats
    strength: Floats


def planted(
    *,
    raters: int,
    per_rater: int,
    seed: int,
    per_item: int = 3,
    strengths: float = 1.0,
    side: float = 0.0,
    length: float = 0.0,
    longer_better: float = 0.0,
    models: int = 12,
) -> Planted:
    """`per_rater` votes of each rater, `per_item` an item, a fifth of them ties on the whole.

    Raters name the better one with chances from a beta distribution of mean .82 (three votes have a
    majority for the better one in about 86 of 100 items); how readily they
    say tie differs. `side` and `length` are added to the logit of their saying a, and
    `longer_better` to that of a's being the better one.
    """
    random = np.random.default_rng(seed)
    items = raters * per_rater // per_item
    item = np.repeat(np.arange(items), per_item)
    rater = random.permutation(np.tile(np.arange(raters), per_rater))[: len(item)]
    strength = random.normal(0, strengths, models) if strengths else np.zeros(models)
    strength -= strength.mean()
    model_a = random.integers(0, models, items)
    model_b = (model_a + random.integers(1, models, items)) % models
    lengths = random.integers(100, 2000, (2, items))
    relative = (lengths[0] - lengths[1]) / lengths.sum(axis=0)
    gap = strength[model_a] - strength[model_b] + longer_better * relative
    a_is_better = random.random(items) < 1 / (1 + np.exp(-gap))
    # The distribution's own quantiles, dealt by lot: no seed has a better pool than another.
    pool = np.random.default_rng(0).beta(6, 1.35, 100_000)
    skill = np.quantile(pool, random.permutation(np.arange(raters) + 0.5) / raters)
    skill = np.clip(skill, 0.5, 0.99)
    ability = np.log(skill / (1 - skill))
    shown_left = random.integers(0, 2, len(item))
    logit = (
        np.where(a_is_better[item], 1, -1) * ability[rater]
        + side * np.where(shown_left == 0, 1, -1)
        + length * relative[item]
    )
    preference = (random.random(len(item)) > 1 / (1 + np.exp(-logit))).astype(np.int64)
    ties = np.clip(random.beta(2, 8, raters), 0, 0.6)
    preference[random.random(len(item)) < ties[rater]] = 2
    votes = Votes.from_columns(
        comparison=item,
        rater=rater,
        preference=preference,
        shown_left=shown_left,
        model_a=model_a[item],
        model_b=model_b[item],
        length_a=lengths[0][item],
        length_b=lengths[1][item],
        model_names={k: f"m{k:02d}" for k in range(models)},
        rater_names={k: f"r{k:03d}" for k in range(raters)},
    )
    return Planted(votes, a_is_better, ability, strength)


def right(answers: ItemAnswers, case: Planted) -> float:
    """The share of items with the better answer; one without a side is half right.

    A rule that calls an item a tie is asked which side it would have named.
    """
    even = np.abs(answers.probability - 0.5) < 1e-9
    named = answers.probability > 0.5
    if answers.rule == "majority":
        named = answers.answer == ANSWER_A
        even = (answers.answer == ANSWER_TIE) & even
        named = np.where(answers.answer == ANSWER_TIE, answers.probability > 0.5, named)
    return float(np.where(even, 0.5, named == case.a_is_better).mean())
