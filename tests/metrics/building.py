"""Votes for tests, from rows a reader can follow."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from labeling.metrics.bradley_terry import Encounters
from labeling.metrics.patterns import ItemPatterns
from labeling.metrics.votes import Votes

CODES = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}


def votes_of(
    rows: Iterable[tuple[str, str, str]],
    *,
    models: Mapping[str, tuple[str, str]] | None = None,
    lengths: Mapping[str, tuple[int, int]] | None = None,
    left: Sequence[str] | None = None,
    repeats: Sequence[bool] | None = None,
    strengths: Sequence[int] | None = None,
    active_ms: Sequence[int] | None = None,
) -> Votes:
    """Votes from (item, rater, preference) rows; without `models` every item is north vs south.

    Items, raters and models are numbered in the order of their names.
    """
    listed = list(rows)
    items = sorted({item for item, _, _ in listed})
    raters = sorted({rater for _, rater, _ in listed})
    pairs = {item: (models or {}).get(item, ("north", "south")) for item in items}
    names = sorted({name for pair in pairs.values() for name in pair})
    texts = {item: (lengths or {}).get(item, (-1, -1)) for item in items}
    return Votes.from_columns(
        comparison=[items.index(item) + 100 for item, _, _ in listed],
        rater=[raters.index(rater) for _, rater, _ in listed],
        preference=[CODES[preference] for _, _, preference in listed],
        model_a=[names.index(pairs[item][0]) for item, _, _ in listed],
        model_b=[names.index(pairs[item][1]) for item, _, _ in listed],
        length_a=[texts[item][0] for item, _, _ in listed],
        length_b=[texts[item][1] for item, _, _ in listed],
        shown_left=None if left is None else [CODES[side] for side in left],
        is_repeat=None if repeats is None else [int(flag) for flag in repeats],
        strength=strengths,
        active_ms=active_ms,
        model_names=dict(enumerate(names)),
        rater_names=dict(enumerate(raters)),
    )


def patterns_of(ratings: Sequence[Sequence[int | None]]) -> ItemPatterns:
    """Counts per unit of a table of raters (rows) by units (columns), categories from 1 up."""
    table = np.array([[value or 0 for value in row] for row in ratings])
    counts = np.stack([(table == value).sum(axis=0) for value in range(1, table.max() + 1)], axis=1)
    return ItemPatterns.of(counts)


def encounters_of(
    games: Iterable[tuple[str, str, int, int, int]],
) -> tuple[Encounters, list[str]]:
    """Encounters of (one, other, wins of one, wins of the other, ties), and the models' names."""
    listed = list(games)
    names = sorted({name for one, other, *_ in listed for name in (one, other)})
    rows = []
    for one, other, wins, losses, ties in listed:
        i, j = names.index(one), names.index(other)
        rows.append([i, j, wins, losses, ties] if i < j else [j, i, losses, wins, ties])
    return Encounters.from_rows(np.array(rows, dtype=np.int64).reshape(-1, 5)), names


def planted_votes(
    *,
    models: int,
    items: int,
    per_item: int,
    item_sd: float,
    seed: int,
    spread: float = 1.0,
) -> Votes:
    """Votes drawn from strengths evenly spread about 0, with an effect of each item."""
    random = np.random.default_rng(seed)
    strength = np.linspace(-spread, spread, models)
    a = random.integers(0, models, items)
    b = (a + random.integers(1, models, items)) % models
    gap = strength[a] - strength[b] + random.normal(0, item_sd, items)
    chance = np.repeat(1 / (1 + np.exp(-gap)), per_item)
    item = np.repeat(np.arange(items), per_item)
    return Votes.from_columns(
        comparison=item,
        rater=np.tile(np.arange(per_item), items),
        preference=(random.random(len(item)) > chance).astype(int),
        model_a=a[item],
        model_b=b[item],
        model_names={k: f"m{k:02d}" for k in range(models)},
        rater_names={k: f"r{k}" for k in range(per_item)},
    )


def marginal_strengths(
    strength: Sequence[float], item_sd: float, *, points: int = 41
) -> list[float]:
    """The Bradley-Terry strengths nearest to planted ones whose items have effects of their own.

    Item effects pull chances towards a half, so that a fit without them aims at these.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(points)
    size = len(strength)
    theta = np.array(strength)
    wanted = np.zeros((size, size))
    for node, weight in zip(nodes, weights, strict=True):
        gap = theta[:, None] - theta[None, :] + item_sd * node
        wanted += weight / math.sqrt(2 * math.pi) / (1 + np.exp(-gap))
    fitted = np.zeros(size)
    for _ in range(200):
        p = 1 / (1 + np.exp(fitted[None, :] - fitted[:, None]))
        fitted = fitted + (wanted - p).sum(axis=1) / (size / 4)
        fitted -= fitted.mean()
    return [float(value) for value in fitted]


def panels(
    random: np.random.Generator, items: int, raters: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """People's counts on items, another panel's, and what most people of all would say."""
    taste = random.dirichlet((0.9, 0.3, 0.9), items)
    one, other = (np.array([random.multinomial(raters, p) for p in taste]) for _ in range(2))
    return one, other, taste
