"""What votes on items that differ can tell: design effect, power, intervals, labels that are right.

Items differ: how probably a rater prefers one side of an item is the logistic function of the
models' difference plus the item's own normal effect, of standard deviation `sd` in logits. All of
it follows by quadrature from that; formulas and sources are in docs/METRICS.md, Planning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, comb, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from labeling.metrics.bradley_terry import ELO_PER_LOGIT
from labeling.metrics.stopping import is_enough
from labeling.metrics.votes import Floats

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(64)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_NORMAL: Final = NormalDist()
Z_95: Final = _NORMAL.inv_cdf(0.975)
# Win rates and effects between which all this is asked for.
MOST_RATE: Final = 0.95
MOST_SD: Final = 4.0


def chances(gap: float, sd: float) -> Floats:
    """How probably one side is preferred on items all over their distribution; `weights` weighs."""
    return np.asarray(1 / (1 + np.exp(-(gap + sd * _NODES))), dtype=np.float64)


def weights() -> Floats:
    """The share of items that each of `chances` stands for."""
    return np.asarray(_WEIGHTS, dtype=np.float64)


@lru_cache(maxsize=512)
def gap_of(rate: float, sd: float) -> float:
    """The difference in logits that makes this win rate over all items, by bisection."""
    low, high = -40.0, 40.0
    for _ in range(80):
        middle = (low + high) / 2
        if float(chances(middle, sd) @ _WEIGHTS) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@lru_cache(maxsize=512)
def item_correlation(rate: float, sd: float) -> float:
    """How alike two votes on one item are: Var(p_i) / (P(1 − P)), the intraclass correlation."""
    p = chances(gap_of(rate, sd), sd)
    mean = float(p @ _WEIGHTS)
    return float((p - mean) ** 2 @ _WEIGHTS) / (mean * (1 - mean))


def design_effect(rate: float, sd: float, votes_an_item: float) -> float:
    """By how much votes on items that differ vary more than independent ones: 1 + (m − 1)ρ."""
    return 1 + (votes_an_item - 1) * item_correlation(rate, sd)


def sd_of_correlation(correlation: float, rate: float = 0.5) -> float:
    """The effects' standard deviation that makes votes on one item so much alike."""
    low, high = 0.0, MOST_SD
    if correlation <= 0:
        return low
    if correlation >= item_correlation(rate, high):
        return high
    for _ in range(40):
        middle = (low + high) / 2
        p = chances(gap_of(rate, middle), middle)
        mean = float(p @ _WEIGHTS)
        found = float((p - mean) ** 2 @ _WEIGHTS) / (mean * (1 - mean))
        low, high = (middle, high) if found < correlation else (low, middle)
    return (low + high) / 2


def power(rate: float, judgments: float, design: float) -> float:
    """How probably so many decisive judgments tell this win rate from a half (two-sided 5 %)."""
    if judgments <= 0:
        return 0.0
    shift = sqrt(judgments / design) * abs(rate - 0.5) / 0.5
    return _NORMAL.cdf(shift - Z_95) + _NORMAL.cdf(-shift - Z_95)


def judgments_needed(rate: float, wanted: float, design: float) -> float:
    """Decisive judgments that tell this win rate from a half with so much power."""
    distance = abs(rate - 0.5)
    if distance <= 0:
        return float("inf")
    return design * ((Z_95 + _NORMAL.inv_cdf(wanted)) * 0.5 / distance) ** 2


def rate_told(judgments: float, wanted: float, design: float) -> float | None:
    """The win rate that so many decisive judgments tell from a half; None where not even all."""
    if judgments <= 0:
        return None
    rate = 0.5 + (Z_95 + _NORMAL.inv_cdf(wanted)) * 0.5 * sqrt(design / judgments)
    return rate if rate < 1 else None


def rate_reach(judgments: float, design: float) -> float:
    """Half the width of the 95 % interval of a win rate near a half."""
    return Z_95 * 0.5 * sqrt(design / judgments) if judgments > 0 else 0.5


def score_reach(models: int, judgments_a_pair: float, design: float) -> float | None:
    """Half the width of a score's 95 % interval, in points, where models are alike and meet evenly.

    The information of n judgments a pair is n/4 · (mI − J), whose inverse on the mean-zero space
    gives a strength the variance 4/(n·m) · (1 − 1/m).
    """
    if models < 2 or judgments_a_pair <= 0:
        return None
    variance = design * 4 / (judgments_a_pair * models) * (1 - 1 / models)
    return Z_95 * ELO_PER_LOGIT * sqrt(variance)


@dataclass(frozen=True, slots=True)
class Labels:
    """What becomes of items under a rule: mean votes, and how often the label is the right one."""

    votes: float
    right: float


@lru_cache(maxsize=256)
def labels(
    rule: str, sd: float, votes: int, *, stop_at: float | None = None, gap: float = 0.0
) -> Labels:
    """Votes that an item takes of at most `votes`, and the share of labels that are right.

    Right is the side that most raters would prefer; a drawn vote is half right. Exact for each
    node: every way the votes can come, by how probable it is.
    """
    return over_items(lambda a, b: is_enough(rule, a, 0, b, wanted=votes, stop_at=stop_at), sd, gap)


def over_items(stops: Callable[[int, int], bool], sd: float, gap: float = 0.0) -> Labels:
    """The same for any rule that says, of votes for either side, whether they are enough."""
    p = chances(gap, sd)
    better = np.where(p > 0.5, 1.0, np.where(p < 0.5, 0.0, 0.5))
    reached: dict[tuple[int, int], Floats] = {(0, 0): np.ones(len(p))}
    mean, right = 0.0, 0.0
    while reached:
        following: dict[tuple[int, int], Floats] = {}
        for (a, b), chance in reached.items():
            if stops(a, b):
                mean += (a + b) * float(chance @ _WEIGHTS)
                share = 0.5 if a == b else better if a > b else 1 - better
                right += float((chance * share) @ _WEIGHTS)
                continue
            for key, step in (((a + 1, b), p), ((a, b + 1), 1 - p)):
                following[key] = following.get(key, np.zeros(len(p))) + chance * step
        reached = following
    return Labels(mean, right)


def label_changes(a: int, tie: int, b: int, remaining: int) -> float:
    """How probably the leading answer is another one after so many more votes on this item.

    Votes to come are foretold from those that are there: each of the three answers as if it had
    been given once more than it was (Dirichlet–multinomial, uniform beforehand). An item whose
    lead is shared has no label yet, and counts as changed when it gets one.
    """
    counts = (a, tie, b)
    before = _leader(counts)
    changed = 0.0
    for more_a in range(remaining + 1):
        for more_tie in range(remaining - more_a + 1):
            more = (more_a, more_tie, remaining - more_a - more_tie)
            after = _leader(tuple(x + y for x, y in zip(counts, more, strict=True)))
            if after != before:
                changed += _foretold(counts, more)
    return min(changed, 1.0)


def _leader(counts: tuple[int, ...]) -> int | None:
    most = max(counts)
    leading = [k for k, count in enumerate(counts) if count == most]
    return leading[0] if len(leading) == 1 else None


def _foretold(counts: tuple[int, int, int], more: tuple[int, int, int]) -> float:
    """P(more | counts): Σ over orders of Pólya's urn that began with one of each."""
    ways = 1
    for count, added in zip(counts, more, strict=True):
        ways *= comb(count + added, added)
    return ways / comb(sum(counts) + sum(more) + 2, sum(more))


def whole_items(judgments: float, votes_an_item: int) -> int:
    """Items whose votes come to at least so many judgments."""
    return max(ceil(judgments / votes_an_item - 1e-9), 1)
