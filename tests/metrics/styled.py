"""Votes with planted leanings to a side and to length, and the styles of their texts."""

from dataclasses import dataclass

import numpy as np

from labeling.metrics.votes import Floats, Ints, Votes

NAMES = ("length", "headers", "bold", "lists")


@dataclass(frozen=True)
class Planted:
    """Votes, the counts of their items' styles, the planted strengths, and the sd of length's d."""

    votes: Votes
    features: dict[str, tuple[Ints, Ints]]
    strength: Floats
    sd: float


def planted(
    *,
    items: int,
    per_item: int,
    seed: int,
    models: int = 6,
    side: float = 0.0,
    length: float = 0.0,
    item_sd: float = 0.0,
    tie: float = 0.0,
) -> Planted:
    """Better models write longer, so that a leaning to length bends the plain board.

    `length` is the coefficient of one sd of d; a share `tie` of the votes is a tie instead.
    """
    random = np.random.default_rng(seed)
    strength = np.linspace(-1, 1, models)
    a = random.integers(0, models, items)
    b = (a + random.integers(1, models, items)) % models
    text_a, text_b = (
        np.exp(random.normal(6 + strength[of] / 2, 0.6)).astype(np.int64) for of in (a, b)
    )
    d = (text_a - text_b) / (text_a + text_b)
    sd = float(np.sqrt((d**2).mean()))
    item = np.repeat(np.arange(items), per_item)
    left = random.integers(0, 2, len(item))
    gap = strength[a] - strength[b] + length * d / sd + random.normal(0, item_sd, items)
    logit = gap[item] + side * np.where(left == 0, 1, -1)
    preference = (random.random(len(item)) > 1 / (1 + np.exp(-logit))).astype(np.int64)
    preference[random.random(len(item)) < tie] = 2
    votes = Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(per_item), items),
        preference=preference,
        shown_left=left,
        model_a=a[item],
        model_b=b[item],
        model_names={k: f"m{k}" for k in range(models)},
        rater_names={k: f"r{k}" for k in range(per_item)},
    )
    features: dict[str, tuple[Ints, Ints]] = {"length": (text_a, text_b)}
    for k, name in enumerate(NAMES[1:]):
        features[name] = (random.integers(0, 3 + k, items), random.integers(0, 3 + k, items))
    return Planted(votes, features, strength, sd)
