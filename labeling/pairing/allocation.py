"""A budget of comparisons spread over the pairs of models, each with the chance of being chosen.

All candidates of one pair of models are alike to every rule, so what is decided is how many of
them are taken; which ones is a simple random sample, drawn by whoever has them. The chance of one
candidate, before anything is drawn, is then known exactly: its propensity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.votes import Floats
from labeling.pairing.ranking import Ranking
from labeling.pairing.rules import check, worth
from labeling.pairing.settings import EVEN, PairingSettings, Rule

# How many expected votes pass before a rule looks again at what they will have told.
LOOK_EVERY: Final = 100
_MOST_LOOKS: Final = 200


@dataclass(frozen=True, slots=True)
class Candidates:
    """Comparisons that could be made between two models; "" is a model nobody named."""

    model_a: str
    model_b: str
    count: int

    @property
    def is_between_known(self) -> bool:
        """Two different models whose names are known: what a ranking can use."""
        return bool(self.model_a) and bool(self.model_b) and self.model_a != self.model_b


@dataclass(frozen=True, slots=True)
class Allotment:
    """How many of a pair's candidates are taken, and the chance each of them had."""

    candidates: Candidates
    count: int
    propensity: float


def allot(
    groups: Sequence[Candidates],
    *,
    budget: int | None,
    rule: Rule,
    settings: PairingSettings,
    ranking: Ranking,
    overlap: int,
    seed: int,
) -> list[Allotment]:
    """The shares of `budget` comparisons (None: as many as the rule wants), in the groups' order.

    The rule has the draws but for `uniform_share`, which is spread evenly over what the rule
    leaves: with ρ the chance by the rule and c the even one, a candidate is chosen with the
    chance ρ + (1 − ρ)c. `all` and `random` are even throughout; `all` keeps the pairs of models in
    proportion. Counts are the expected numbers rounded by one random start (systematic sampling,
    Madow 1949), so that the expectation is exact and the total never exceeds the budget.
    """
    usable = [rule in EVEN or group.is_between_known for group in groups]
    chosen = [group for group, is_usable in zip(groups, usable, strict=True) if is_usable]
    if not chosen:
        return []
    present = {name for group in chosen for name in (group.model_a, group.model_b)}
    check(rule, settings, ranking, present)
    sizes = np.array([group.count for group in chosen], dtype=np.float64)
    total = int(sizes.sum())
    generator = np.random.default_rng(seed)
    if rule in EVEN:
        wanted = total if budget is None else min(budget, total)
        chance = np.full(len(sizes), wanted / total)
        if rule == "random":
            drawn = generator.multivariate_hypergeometric(
                sizes.astype(np.int64), wanted, method="marginals"
            )
            counts = drawn.astype(np.float64)
        else:
            counts = _rounded(chance * sizes, sizes, generator)
    else:
        chance = _chances(
            chosen,
            sizes,
            budget=budget,
            rule=rule,
            settings=settings,
            ranking=ranking,
            overlap=overlap,
        )
        counts = _rounded(chance * sizes, sizes, generator)
    return [
        Allotment(group, int(count), float(share))
        for group, count, share in zip(chosen, counts, chance, strict=True)
        if count
    ]


def _chances(
    groups: Sequence[Candidates],
    sizes: Floats,
    *,
    budget: int | None,
    rule: Rule,
    settings: PairingSettings,
    ranking: Ranking,
    overlap: int,
) -> Floats:
    """The chance of a candidate of each group under the rule with its uniform share."""
    place = {name: k for k, name in enumerate(ranking.models)}
    first = np.array([place[group.model_a] for group in groups], dtype=np.int64)
    second = np.array([place[group.model_b] for group in groups], dtype=np.int64)
    total = float(sizes.sum())
    share = settings.uniform_share
    if budget is None:
        # As many as the rule can tell from the rest; the share comes on top.
        reach = float(sizes[worth(rule, settings, ranking, first, second) > 0].sum())
        wanted = min(total, float(np.ceil(reach / (1 - share))))
    else:
        wanted = min(float(budget), total)
    taken = np.zeros(len(sizes))
    left = wanted * (1 - share)
    step = max(LOOK_EVERY / overlap, left / _MOST_LOOKS)
    while left > 1e-9:
        room = sizes - taken
        weight = np.where(room > 1e-9, worth(rule, settings, ranking, first, second), 0.0)
        added = _filled(weight, room, min(step, left))
        if added.sum() <= 1e-12:
            break
        taken += added
        left -= float(added.sum())
        # What these will have told is expected of them now, so that a large budget is not spent on
        # what the first hundred votes settle.
        ranking = ranking.after(first, second, added * overlap)
    by_rule = np.clip(taken / sizes, 0, 1)
    rest = total - float(taken.sum())
    even = min(1.0, wanted * share / rest) if rest > 1e-9 else 0.0
    return np.asarray(by_rule + (1 - by_rule) * even)


def _filled(weight: Floats, room: Floats, amount: float) -> Floats:
    """`amount` in proportion to the weights, nothing beyond its room; less where all is full."""
    added = np.zeros(len(room))
    amount = min(amount, float(room[weight > 0].sum()))
    free = weight > 0
    while amount > 1e-12 and free.any():
        part = np.where(free, weight, 0.0)
        part = part / part.sum() * amount
        over = free & (added + part >= room - 1e-12)
        if not over.any():
            return np.asarray(added + part)
        amount -= float((room - added)[over].sum())
        added[over] = room[over]
        free &= ~over
    return added


def _rounded(expected: Floats, sizes: Floats, generator: np.random.Generator) -> Floats:
    """Whole numbers with these expectations, whose sum is that of the expectations rounded."""
    counts = np.where(expected > sizes - 1e-6, sizes, 0.0)
    open_ = np.flatnonzero(counts == 0)
    order = generator.permutation(open_)
    # Nine digits, so that a sum that is whole stays whole.
    ends = np.round(np.cumsum(expected[order]), 9) + generator.random()
    reached = np.floor(ends)
    start = np.concatenate([[0.0], reached[:-1]])
    counts[order] = reached - start
    return counts
