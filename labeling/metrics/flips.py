"""How firm an order is: the fewest votes found whose removal puts one model above another.

Taking away a win of the upper model, or a loss of the lower one, always brings them nearer: in
Bradley-Terry the strength of the model that won falls against every other, and that of the one
that lost rises against every other. So, along a list of such votes, the first place at which the
order turns is found exactly, by halving and fitting again. Which list is shortest is chosen by
each vote's approximate influence (Broderick, Giordano and Meager 2020, An automatic finite-sample
robustness metric), taken anew as votes go.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np

from labeling.metrics.bradley_terry import BradleyTerryFit, Encounters
from labeling.metrics.refits import refit
from labeling.metrics.votes import Floats, Ints

# Only the best are asked about: each pair takes some fifteen fits, which take longer the more
# models there are.
MOST_PAIRS: Final = 10
_MOST_WORK: Final = 600
_FEWEST_PAIRS: Final = 3
# Enough to keep every fit finite once a model has lost all it won; far too weak to turn an order.
_RIDGE: Final = 1e-6
_LEVEL: Final = 1e-9
# So near to the turn one list of votes is followed to it.
_FEW: Final = 8
UNDEFINED: Final = (
    "Some models never win against, or never lose to, the others: their order rests on a prior."
)


@dataclass(frozen=True, slots=True)
class Removed:
    """Votes of one kind: `count` wins of `winner` over `loser`."""

    winner: int
    loser: int
    count: int


@dataclass(frozen=True, slots=True)
class Flip:
    """So many votes taken away put `lower` above `upper`, which a fit without them confirms.

    `is_exact` says that no fewer of any votes do: so where the two met nobody else.
    """

    upper: int
    lower: int
    count: int
    removed: tuple[Removed, ...]
    is_exact: bool


def flips(encounters: Encounters, fit: BradleyTerryFit, order: Ints) -> list[Flip]:
    """Each neighbouring pair of the order, best first, with what it takes to turn it.

    Numbers index `Encounters.models`. A pair without a way to turn it, or already level, is left
    out, and all are where strengths rest on a prior.
    """
    if fit.prior_sd is not None or encounters.model_count < 2:
        return []
    wins, ties = encounters.matrices()
    half_wins = wins + ties / 2
    found = []
    pairs = min(MOST_PAIRS, max(_FEWEST_PAIRS, _MOST_WORK // len(order)))
    for upper, lower in pairwise(order[: pairs + 1]):
        flip = _flip(half_wins, wins, fit.strength, int(upper), int(lower))
        if flip is not None:
            found.append(flip)
    return found


def _flip(half_wins: Floats, wins: Floats, start: Floats, upper: int, lower: int) -> Flip | None:
    """The votes to take away, where there are enough of them."""
    at_hand = np.zeros_like(wins)
    at_hand[upper], at_hand[:, lower] = wins[upper], wins[:, lower]
    taken = np.zeros_like(wins)

    def turns(taking: Floats) -> bool:
        theta = refit(half_wins - taking, start, ridge=_RIDGE)
        # Without a win left the upper model is below all, as the lower is above without a loss.
        return theta is None or float(theta[upper] - theta[lower]) < -_LEVEL

    if not turns(at_hand):
        return None
    listed = _Listed.of(half_wins, at_hand, start, upper, lower)
    # Far from the turn half of the way is gone at a time, and influences are taken anew.
    while (ahead := listed.until_level()) > _FEW:
        step = taken + listed.first(ahead // 2)
        theta = None if turns(step) else refit(half_wins - step, start, ridge=_RIDGE)
        if theta is None:
            break
        taken = step
        listed = _Listed.of(half_wins - taken, at_hand - taken, theta, upper, lower)
    # Then the list is followed to the turn: past it by doubling, and back to it by halving.
    behind = max(ahead, 1)
    while not turns(taken + listed.first(behind)):
        behind *= 2
    before = 0
    while behind - before > 1:
        middle = (before + behind) // 2
        if turns(taken + listed.first(middle)):
            behind = middle
        else:
            before = middle
    taken = taken + listed.first(behind)
    removed = [
        Removed(int(winner), int(loser), int(taken[winner, loser]))
        for winner, loser in np.argwhere(taken > 0)
    ]
    removed.sort(key=lambda row: (-row.count, row.winner, row.loser))
    return Flip(upper, lower, int(taken.sum()), tuple(removed), len(wins) == 2)


@dataclass(frozen=True, eq=False, slots=True)
class _Listed:
    """Wins that can be taken away, those that bring the two models nearest first.

    `cell` is a place in the matrix of wins, with `count` votes of `influence` each.
    """

    cell: Ints
    count: Floats
    influence: Floats
    shape: tuple[int, ...]
    gap: float

    @classmethod
    def of(cls, half_wins: Floats, at_hand: Floats, theta: Floats, upper: int, lower: int) -> Self:
        """By what taking a vote away closes of the gap: (1 - p)(e_u - e_l)'H⁻¹(e_w - e_o)."""
        size = len(theta)
        games = half_wins + half_wins.T
        chance = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        curve = -games * chance * (1 - chance)
        curve[np.diag_indices(size)] = 0
        curve[np.diag_indices(size)] = -curve.sum(axis=1) + _RIDGE
        apart = np.zeros(size)
        apart[upper], apart[lower] = 1, -1
        pull = np.linalg.solve(curve + 1 / size, apart)
        influence = (1 - chance) * (pull[:, None] - pull[None, :])
        order = np.argsort(-influence, axis=None, kind="stable")
        order = order[at_hand.flat[order] > 0]
        return cls(
            order,
            at_hand.flat[order],
            influence.flat[order],
            at_hand.shape,
            float(theta[upper] - theta[lower]),
        )

    def until_level(self) -> int:
        """How many are taken until the gap is closed, were influences to stay as they are."""
        reached = np.cumsum(self.count * self.influence)
        last = int(np.searchsorted(reached, self.gap))
        if last == len(reached):
            return int(self.count.sum())
        before = float(reached[last - 1]) if last else 0.0
        whole = float(self.count[:last].sum())
        return int(whole + np.ceil((self.gap - before) / self.influence[last]))

    def first(self, number: int) -> Floats:
        """The first so many, as a matrix of wins."""
        before = np.cumsum(self.count) - self.count
        taken = np.zeros(self.shape)
        taken.flat[self.cell] = np.clip(number - before, 0, self.count)
        return taken
