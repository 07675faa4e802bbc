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
FEW_ITEMS: Final = 20
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
        return cls.of_items(votes.item_model_a, votes.item_model_b, votes.answer_counts())

    @classmethod
    def of_items(
        cls, model_a: Ints, model_b: Ints, counts: Ints, times: Ints | None = None
    ) -> Self:
        """The items between two different known models (-1 is unknown), from each one's votes for
        a, for neither and for b. With `times`, each row stands for so many items.
        """
        a, b = model_a.astype(np.int64), model_b.astype(np.int64)
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
        return cls.from_rows(rows, None if times is None else times[usable])

    @classmethod
    def from_rows(cls, rows: Ints, times: Ints | None = None) -> Self:
        """The items of rows (first model, second model, wins of each, ties), first < second."""
        distinct, multiplicity = collapse(rows, times)
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

    @property
    def votes(self) -> Floats:
        """Votes of each kind of item."""
        return self.wins_first + self.wins_second + self.ties

    @property
    def half_tie_wins(self) -> Floats:
        """Wins of the first model, a tie counting as half."""
        return self.wins_first + self.ties / 2

    def matrices(self) -> tuple[Floats, Floats]:
        """Wins of the row's model over the column's, and ties of the two (symmetric)."""
        size = self.model_count
        cell, m = self.first * size + self.second, self.multiplicity

        def summed(votes: Floats) -> Floats:
            return np.bincount(cell, votes * m, size * size).reshape(size, size).astype(np.float64)

        wins = summed(self.wins_first) + summed(self.wins_second).T
        ties = summed(self.ties)
        return wins, ties + ties.T


@dataclass(frozen=True, eq=False, slots=True)
class BradleyTerryFit:
    """Strengths in logits with mean zero, their standard errors, and how they were reached.

    `components` groups the models into sets within which all are ranked by the data alone; with
    more than one set, `prior_sd` says which prior was needed. `is_widened` marks the models whose
    error is the model's own. `covariance` is what differences of strengths need; its diagonal is
    the errors squared. Numbers index `Encounters.models`.
    """

    strength: Floats
    standard_error: Floats
    covariance: Floats
    is_widened: Bools
    components: tuple[tuple[int, ...], ...]
    prior_sd: float | None
    item_count: int
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Likelihood:
    """The log-likelihood from the totals of each pair of models, less the prior's penalty."""

    first: Ints
    second: Ints
    wins: Floats
    games: Floats
    size: int
    ridge: float

    @classmethod
    def of(cls, encounters: Encounters, ridge: float) -> Self:
        size = encounters.model_count
        pair, place = np.unique(encounters.first * size + encounters.second, return_inverse=True)
        m = encounters.multiplicity
        wins = np.bincount(place, encounters.half_tie_wins * m, len(pair)).astype(np.float64)
        games = np.bincount(place, encounters.votes * m, len(pair)).astype(np.float64)
        return cls(pair // max(size, 1), pair % max(size, 1), wins, games, size, ridge)

    def value(self, theta: Floats) -> float:
        gap = theta[self.first] - theta[self.second]
        likelihood = self.wins * gap - self.games * np.logaddexp(0, gap)
        return float(likelihood.sum() - self.ridge / 2 * (theta**2).sum())

    def slope(self, theta: Floats) -> Floats:
        gap = theta[self.first] - theta[self.second]
        # The difference of two products keeps its digits where wins are almost all the games.
        residual = self.wins * _logistic(-gap) - (self.games - self.wins) * _logistic(gap)
        up = np.bincount(self.first, residual, self.size)
        down = np.bincount(self.second, residual, self.size)
        slope: Floats = up - down - self.ridge * theta
        return slope

    def information(self, theta: Floats) -> Floats:
        gap = theta[self.first] - theta[self.second]
        weight = self.games * _logistic(gap) * _logistic(-gap)
        return laplacian(self.first, self.second, weight, self.size) + self.ridge * np.eye(
            self.size
        )


def bradley_terry(encounters: Encounters) -> BradleyTerryFit:
    """Maximum likelihood strengths with standard errors clustered by item.

    Bradley and Terry (1952), Rank analysis of incomplete block designs. Newton's method from 0
    on the concave likelihood. A finite maximum exists only if the win graph is strongly connected
    (Ford 1957, Solution of a ranking problem from binary comparisons); otherwise a normal prior of
    mean 0 and sd `PRIOR_SD` holds the strengths.
    """
    size = encounters.model_count
    components = connected_components(encounters)
    prior_sd = PRIOR_SD if len(components) > 1 else None
    likelihood = _Likelihood.of(encounters, 0.0 if prior_sd is None else prior_sd**-2)
    # Adding a constant to every strength changes nothing: the constant direction is filled in so
    # that the matrix can be inverted, and left out of the result.
    fill = 0.0 if prior_sd is not None or size == 0 else 1 / size
    theta = np.zeros(size)
    value = likelihood.value(theta)
    converged = size < 2
    iterations = 0
    while not converged and iterations < _MOST_STEPS:
        iterations += 1
        step = np.linalg.solve(likelihood.information(theta) + fill, likelihood.slope(theta))
        scale = 1.0
        while scale > 1e-6 and likelihood.value(theta + scale * step) < value - 1e-9 * abs(value):
            scale /= 2
        theta = theta + scale * step
        theta -= theta.mean()
        value = likelihood.value(theta)
        converged = bool(np.abs(step).max() < _TOLERANCE * (1 + np.abs(theta).max()))
    if size > 1:
        inverse = np.linalg.inv(likelihood.information(theta) + fill).astype(np.float64) - fill
        covariance, is_widened = _covariance(encounters, theta, inverse, likelihood.ridge)
    else:
        covariance, is_widened = np.zeros((size, size)), np.zeros(size, dtype=np.bool_)
    return BradleyTerryFit(
        strength=theta,
        standard_error=np.sqrt(np.diag(covariance)),
        covariance=covariance,
        is_widened=is_widened,
        components=components,
        prior_sd=prior_sd,
        item_count=round(float(encounters.multiplicity.sum())),
        iterations=iterations,
        converged=converged,
    )


def _covariance(
    encounters: Encounters, theta: Floats, inverse: Floats, ridge: float
) -> tuple[Floats, Bools]:
    """The sandwich, and for which models the model's own error was wider and is taken instead.

    Scores are summed by item first (Liang and Zeger 1986, Longitudinal data analysis using
    generalized linear models), times G/(G - 1) for G items. A model seen on few items fits them
    too well for its residuals to show its spread: there the inverse information is the floor.
    """
    i, j, m = encounters.first, encounters.second, encounters.multiplicity
    size = len(theta)
    expected = encounters.votes * _logistic(theta[i] - theta[j])
    meat = laplacian(i, j, m * (encounters.half_tie_wins - expected) ** 2, size)
    items = float(m.sum())
    if items > 1:
        meat *= items / (items - 1)
    # With the prior its own spread belongs to the uncertainty.
    clustered = inverse @ (meat + ridge * np.eye(size)) @ inverse
    sandwich = np.sqrt(np.clip(np.diag(clustered), 0, None))
    own = np.sqrt(np.clip(np.diag(inverse), 0, None))
    seen = np.bincount(i, m, size) + np.bincount(j, m, size)
    # Nothing but ties leaves no residuals at all, however many items there are.
    is_widened = ((seen < FEW_ITEMS) | (sandwich < 1e-9)) & (own > sandwich)
    diagonal = np.where(is_widened, own, sandwich) ** 2
    clustered[np.diag_indices(size)] = diagonal
    return np.asarray(clustered), is_widened


def laplacian(one: Ints, other: Ints, weight: Floats, size: int) -> Floats:
    """The sum of weight·(e_one - e_other)(e_one - e_other)ᵀ."""
    between = np.bincount(one * size + other, weight, size * size).reshape(size, size)
    matrix = -np.asarray(between + between.T, dtype=np.float64)
    matrix[np.diag_indices(size)] = 0
    matrix[np.diag_indices(size)] = -matrix.sum(axis=1)
    return matrix


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
