"""What the numbers would come to if a simulated campaign went on without end.

Planted strengths are not what a board of real votes aims at: ties, effects of items and raters who
do not look pull every share towards a half. So each chance is computed from what is planted, by
quadrature over the items' effects, and the board is fitted to the shares themselves.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.bias import LENGTH_MARGIN
from labeling.metrics.bradley_terry import Encounters, bradley_terry
from labeling.metrics.votes import Floats, Ints
from labeling.simulation.planted import Planted
from labeling.simulation.raters import CARELESS_SD, SimulatedRater

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
# Votes of a pair that its expected share is written as: the fit takes whole numbers.
_FINE: Final = 10_000_000

_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Expected:
    """Shares and strengths in the limit; None where nothing of the kind can be seen.

    Strengths are those of a Bradley-Terry fit in which a tie is half a win, mean zero. Shares are
    of decisive votes: for the left side, and for the longer of answers whose lengths differ.
    """

    strengths: dict[str, float]
    ties: float
    left: float | None
    longer: float | None
    longer_by_arm: dict[str, float]
    strengths_by_group: dict[str, dict[str, float]]


@dataclass(frozen=True, eq=False)
class _Chances:
    """Of each open item: that `a` is preferred, a tie, `b`; on the left, decisive votes for it."""

    a: Floats
    tie: Floats
    b: Floats
    left: Floats

    def __add__(self, other: "_Chances") -> "_Chances":
        return _Chances(
            self.a + other.a, self.tie + other.tie, self.b + other.b, self.left + other.left
        )

    def times(self, weight: float) -> "_Chances":
        return _Chances(self.a * weight, self.tie * weight, self.b * weight, self.left * weight)


def expected(planted: Planted, votes_of: Mapping[str, float] | None = None) -> Expected:
    """The limit of each figure; `votes_of` are the votes that each rater gave, or alike for all.

    Items count alike and so do the two sides; arms by their weights, which are alike here.
    """
    weights = {
        r.name: (votes_of or {}).get(r.name, 0.0 if votes_of else 1.0) for r in planted.raters
    }
    arms = [*planted.arms] or [""]
    whole: _Chances | None = None
    by_arm: dict[str, _Chances] = {}
    by_group: dict[str, _Chances] = {}
    design = _Design(planted)
    for arm in arms:
        for rater in planted.raters:
            found = design.chances(rater, arm).times(weights[rater.name])
            whole = found if whole is None else whole + found
            by_arm[arm] = by_arm[arm] + found if arm in by_arm else found
            if rater.group:
                known = by_group.get(rater.group)
                by_group[rater.group] = found if known is None else known + found
    if whole is None or not sum(weights.values()):
        return Expected({}, 0.0, None, None, {}, {})
    decisive = whole.a + whole.b
    total = float((decisive + whole.tie).sum())
    return Expected(
        strengths=design.board(whole),
        ties=float(whole.tie.sum()) / total,
        left=_share(whole.left, decisive),
        longer=design.longer(whole),
        longer_by_arm={
            arm: share
            for arm, found in by_arm.items()
            if arm and (share := design.longer(found)) is not None
        },
        strengths_by_group={
            group: design.board(found)
            for group, found in sorted(by_group.items())
            if float((found.a + found.b + found.tie).sum())
        },
    )


class _Design:
    """The open items as columns."""

    def __init__(self, planted: Planted) -> None:
        self._planted = planted
        items = planted.open_items
        self._names = [*planted.manners]
        place = {name: number for number, name in enumerate(self._names)}
        self._a = np.array([place[item.models[0]] for item in items], dtype=np.int64)
        self._b = np.array([place[item.models[1]] for item in items], dtype=np.int64)
        manners = [planted.manners[name] for name in self._names]
        self._strength = np.array([manner.strength for manner in manners])
        self._tastes = {
            group: np.array([manner.tastes.get(group, 0.0) for manner in manners])
            for group in {rater.group for rater in planted.raters}
        }
        # What is planted in the item itself is taken by quadrature: only the rest is its own.
        self._leans = {
            arm: np.array([planted.lean(item, arm) - item.effect for item in items])
            for arm in [*planted.arms] or [""]
        }
        lengths = np.array([[len(text) for text in item.texts] for item in items])
        self._lengths = lengths[:, 0] - lengths[:, 1]
        self._doublings = np.log2((lengths[:, 0] + 1) / (lengths[:, 1] + 1))

    def chances(self, rater: SimulatedRater, arm: str) -> _Chances:
        """One vote of the rater on each item, either side as often on the left."""
        sides = [self._shown(rater, arm, on_left) for on_left in (1, -1)]
        return (sides[0] + sides[1]).times(0.5)

    def _shown(self, rater: SimulatedRater, arm: str, on_left: int) -> _Chances:
        """With `a` on the left (1), or on the right (-1)."""
        if rater.rule:
            a = self._by_rule(rater, on_left)
            tie = np.zeros_like(a)
        else:
            side = on_left * (self._planted.wishes.side + rater.left_liking)
            taste = self._strength + self._tastes[rater.group]
            gap = taste[self._a] - taste[self._b] + self._leans[arm] + side
            gap = gap + rater.length_liking * self._doublings
            spread = self._planted.wishes.item_effect_sd
            at = gap[:, None] + spread * _NODES
            over = _above(rater, at, rater.tie_width) @ _WEIGHTS / math.sqrt(2 * math.pi)
            under = _above(rater, -at, rater.tie_width) @ _WEIGHTS / math.sqrt(2 * math.pi)
            a, tie = over, 1 - over - under
        if rater.carelessness:
            a, tie = self._carelessly(rater, on_left, a, tie)
        b = 1 - a - tie
        return _Chances(a, tie, b, a if on_left > 0 else b)

    def _by_rule(self, rater: SimulatedRater, on_left: int) -> Floats:
        even = np.full(len(self._a), 0.5)
        if rater.rule == "left":
            return np.full(len(self._a), float(on_left > 0))
        if rater.rule == "longer":
            return np.where(self._lengths == 0, even, (self._lengths > 0).astype(np.float64))
        return even

    def _carelessly(
        self, rater: SimulatedRater, on_left: int, a: Floats, tie: Floats
    ) -> tuple[Floats, Floats]:
        middle = on_left * rater.left_liking
        over, under = (
            0.5 * math.erfc((rater.tie_width - sign * middle) / CARELESS_SD / math.sqrt(2))
            for sign in (1, -1)
        )
        share = rater.carelessness
        return (1 - share) * a + share * over, (1 - share) * tie + share * (1 - over - under)

    def board(self, found: _Chances) -> dict[str, float]:
        """Strengths by model, of a fit to the expected votes themselves."""
        scale = _FINE / float((found.a + found.tie + found.b).max())
        turned = self._a > self._b
        votes = (
            np.where(turned, found.b, found.a),
            np.where(turned, found.a, found.b),
            found.tie,
        )
        columns = [
            np.where(turned, self._b, self._a),
            np.where(turned, self._a, self._b),
            *(np.rint(one * scale) for one in votes),
        ]
        rows: Ints = np.stack(columns, axis=1).astype(np.int64)
        encounters = Encounters.from_rows(rows)
        fit = bradley_terry(encounters)
        return {
            self._names[int(model)]: float(value)
            for model, value in zip(encounters.models, fit.strength, strict=True)
        }

    def longer(self, found: _Chances) -> float | None:
        """The share of decisive votes for the longer answer, where one is longer."""
        differs = np.abs(self._lengths) > LENGTH_MARGIN
        longer = np.where(self._lengths > 0, found.a, found.b)
        return _share(longer[differs], (found.a + found.b)[differs])


def _above(rater: SimulatedRater, gap: Floats, width: float) -> Floats:
    """The chance that the gap and its noise come above the width of a tie."""
    if rater.law == "normal":
        far = (gap - width) / (rater.noise * math.sqrt(2))
        chance: Floats = 0.5 * (1 + _erf(far / math.sqrt(2)))
        return chance
    chance = np.exp(-np.logaddexp(0, -(gap - width) / rater.noise))
    return chance


def _share(hits: Floats, n: Floats) -> float | None:
    total = float(n.sum())
    return float(hits.sum()) / total if total else None
