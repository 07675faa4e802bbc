"""Strengths of models from paired votes: Bradley-Terry by maximum likelihood, a tie half a win."""

import math
from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from labeling.metrics.estimates import Z95
from labeling.metrics.patterns import collapse
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, Bools, Floats, Ints, Votes

ELO_CENTRE: Final = 1000.0
ELO_PER_LOGIT: Final = 400.0 / math.log(10.0)
PRIOR_SD: Final = 2.0  # logits (347 Elo points), used only where the likelihood has no maximum
_MOST_STEPS: Final = 200
_TOLERANCE: Final = 1e-11


@dataclass(frozen=True, eq=False, slots=True)
class Encounters:
    """Items between two models, equal ones taken together; `first` < `second` throughout.

    `multiplicity` items have these votes each. `models` are the numbers, in the votes, of the
    models that met another; `first` and `second` index into it.
    """

    first: Ints
    second: Ints
    wins_first: Floats
    wins_second: Floats
    ties: Floats
    multiplicity: Floats
    models: Ints

    @classmethod
    def of(cls, votes: Votes) -> Self:
        """The items between two different known models, from all the given votes."""
        counts = votes.answer_counts()
        a, b = votes.item_model_a.astype(np.int64), votes.item_model_b.astype(np.int64)
        usable = (a >= 0) & (b >= 0) & (a != b) & (counts.sum(axis=1) > 0)
        counts, a, b = counts[usable], a[usable], b[usable]
        turned = a > b
        rows = np.stack(
            [
                np.where(turned, b, a),
                np.where(turned, a, b),
                np.where(turned, counts[:, ANSWER_B], counts[:, ANSWER_A]),
                np.where(turned, counts[:, ANSWER_A], counts[:, ANSWER_B]),
                counts[:, ANSWER_TIE],
            ],
            axis=1,
        )
        return cls.from_rows(rows)

    @classmethod
    def from_rows(cls, rows: Ints) -> Self:
        """The items of rows (first model, second model, wins of each, ties), first < second."""
        distinct, multiplicity = collapse(rows)
        models, place = np.unique(distinct[:, :2], return_inverse=True)
        place = place.reshape(-1, 2)
        wins_first, wins_second, ties = distinct[:, 2:].T.astype(np.float64)
        return cls(
            place[:, 0],
            place[:, 1],
            wins_first,
            wins_second,
            ties,
            multiplicity.astype(np.float64),
            models,
        )

    @property
    def model_count(self) -> int:
        """How many models met another."""
        return len(self.models)

    def matrices(self) -> tuple[Floats, Floats]:
        """Wins of the row's model over the column's, and ties of the two (symmetric)."""
        shape = (self.model_count, self.model_count)
        wins, ties = np.zeros(shape), np.zeros(shape)
        np.add.at(wins, (self.first, self.second), self.wins_first * self.multiplicity)
        np.add.at(wins, (self.second, self.first), self.wins_second * self.multiplicity)
        np.add.at(ties, (self.first, self.second), self.ties * self.multiplicity)
        return wins, ties + ties.T


@dataclass(frozen=True, eq=False, slots=True)
class BradleyTerryFit:
    """Strengths in logits with mean zero, their standard errors, and how they were reached.

    `components` groups the models into sets within which all are ranked by the data alone; with
    more than one set, `prior_sd` says which prior was needed. Numbers are `Encounters.models`.
    """

    strength: Floats
    standard_error: Floats
    components: tuple[tuple[int, ...], ...]
    prior_sd: float | None
    item_count: int
    iterations: int
    converged: bool
    log_likelihood: float
    is_model_based: bool


def bradley_terry(encounters: Encounters) -> BradleyTerryFit:
    """Maximum likelihood strengths with standard errors clustered by item.

    Bradley and Terry (1952), Rank analysis of incomplete block designs. Newton's method from 0
    on the concave likelihood. A finite maximum exists only if the win graph is strongly connected
    (Ford 1957, Solution of a ranking problem from binary comparisons); otherwise a normal prior of
    mean 0 and sd `PRIOR_SD` holds the strengths. The sandwich sums scores by item (Liang and Zeger
    1986), times G/(G - 1) for G items.
    """
    m, i, j = encounters.multiplicity, encounters.first, encounters.second
    size = encounters.model_count
    games = encounters.wins_first + encounters.wins_second + encounters.ties
    wins = encounters.wins_first + encounters.ties / 2
    items = round(float(m.sum()))
    components = connected_components(encounters)
    prior_sd = PRIOR_SD if len(components) > 1 else None
    ridge = 0.0 if prior_sd is None else prior_sd**-2

    # Newton needs only the totals of each pair of models.
    upper = i * size + j
    pair, place = np.unique(upper, return_inverse=True)
    first, second = pair // max(size, 1), pair % max(size, 1)
    pair_wins = np.bincount(place, wins * m, len(pair))
    pair_games = np.bincount(place, games * m, len(pair))

    def objective(theta: Floats) -> float:
        gap = theta[first] - theta[second]
        likelihood = pair_wins * gap - pair_games * np.logaddexp(0, gap)
        return float(likelihood.sum() - ridge / 2 * (theta**2).sum())

    def laplacian(weight: Floats, one: Ints, other: Ints) -> Floats:
        matrix = np.zeros((size, size))
        np.add.at(matrix, (one, other), -weight)
        np.add.at(matrix, (other, one), -weight)
        matrix[np.diag_indices(size)] = -matrix.sum(axis=1)
        return matrix

    def information(theta: Floats) -> Floats:
        p = _logistic(theta[first] - theta[second])
        return laplacian(pair_games * p * (1 - p), first, second) + ridge * np.eye(size)

    # Adding a constant to every strength changes nothing: the constant direction is filled in so
    # that the matrix can be inverted, and left out of the result.
    fill = 0.0 if prior_sd is not None or size == 0 else 1 / size
    theta = np.zeros(size)
    value = objective(theta)
    converged = size < 2
    iterations = 0
    while not converged and iterations < _MOST_STEPS:
        iterations += 1
        residual = pair_wins - pair_games * _logistic(theta[first] - theta[second])
        slope = np.bincount(first, residual, size) - np.bincount(second, residual, size)
        step = np.linalg.solve(information(theta) + fill, slope - ridge * theta)
        scale = 1.0
        while scale > 1e-6 and objective(theta + scale * step) < value - 1e-9 * abs(value):
            scale /= 2
        theta = theta + scale * step
        theta -= theta.mean()
        value = objective(theta)
        converged = bool(np.abs(step).max() < _TOLERANCE * (1 + np.abs(theta).max()))

    p = _logistic(theta[i] - theta[j])
    meat = laplacian(m * (wins - games * p) ** 2, i, j)
    if items > 1:
        meat *= items / (items - 1)
    error = np.zeros(size)
    is_model_based = False
    if size > 1:
        inverse = np.linalg.inv(information(theta) + fill) - fill
        # With the prior its own spread belongs to the uncertainty.
        clustered = inverse @ (meat + ridge * np.eye(size)) @ inverse
        error = np.sqrt(np.clip(np.diag(clustered), 0, None))
        # One item, or nothing but ties, leaves no residuals to measure a spread by.
        if bool((error < 1e-9).any()) or items < 2:
            is_model_based = True
            error = np.sqrt(np.clip(np.diag(inverse), 0, None))
    likelihood = value + ridge / 2 * float((theta**2).sum())
    return BradleyTerryFit(
        theta,
        error,
        components,
        prior_sd,
        items,
        iterations,
        converged,
        likelihood,
        is_model_based,
    )


def _logistic(gap: Floats) -> Floats:
    chance: Floats = np.exp(-np.logaddexp(0, -gap))
    return chance


def connected_components(encounters: Encounters) -> tuple[tuple[int, ...], ...]:
    """Sets of models that reach one another through wins (a tie is a win both ways), in order."""
    size = encounters.model_count
    wins, ties = encounters.matrices()
    reach = ((wins + ties) > 0) | np.eye(size, dtype=np.bool_)
    while True:
        # Paths of twice the length, by a product in floats (numpy has no fast one of booleans).
        longer: Bools = (reach.astype(np.float32) @ reach.astype(np.float32)) > 0
        if (longer == reach).all():
            break
        reach = longer
    mutual = reach & reach.T
    leader = mutual.argmax(axis=1) if size else np.zeros(0, dtype=np.int64)
    return tuple(
        tuple(int(model) for model in np.flatnonzero(leader == head)) for head in np.unique(leader)
    )


def elo(strength: Floats) -> Floats:
    """Strengths on the Elo scale: 1000 is the mean, 400 points are odds of ten to one."""
    return ELO_CENTRE + ELO_PER_LOGIT * strength


def limits(fit: BradleyTerryFit) -> tuple[Floats, Floats]:
    """The 95 % limits of each strength, in logits."""
    return fit.strength - Z95 * fit.standard_error, fit.strength + Z95 * fit.standard_error


def rank_ranges(low: Floats, high: Floats) -> tuple[Ints, Ints]:
    """Best and worst rank that the limits leave open.

    The best is 1 + the models whose lower limit is above this one's upper limit; the worst is the
    number of models less those whose upper limit is below this one's lower limit.
    """
    above = len(low) - np.searchsorted(np.sort(low), high, side="right")
    below = np.searchsorted(np.sort(high), low, side="left")
    return 1 + above, len(low) - below
