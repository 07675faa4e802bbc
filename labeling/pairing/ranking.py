"""What is known of the models' strengths, and how surely: the ground on which pairs are chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np

from labeling.metrics.bradley_terry import PRIOR_SD
from labeling.metrics.votes import Bools, Floats, Ints

# What is known of a model before anybody judged it: a normal prior, in logits.
_PRIOR_PRECISION: Final = PRIOR_SD**-2
# The models' own spread, where their votes tell it, is the prior's; it stays between these.
_LEAST_SD: Final = 0.5
_MOST_STEPS: Final = 100
_SPREAD_STEPS: Final = 8


@dataclass(frozen=True, eq=False, slots=True)
class Ranking:
    """Strengths in logits and the information about them, over models in any order.

    The strengths are the mode of the posterior, not the leaderboard's maximum of the likelihood:
    of models with few votes that one is far out by chance, and a rule that believed it would ask
    about others. `information` is H of the Bradley–Terry likelihood, Σ n_ij p(1−p)(e_i − e_j)
    (e_i − e_j)ᵀ, plus the prior's precision, so that it can be inverted whoever met whom.
    `is_ranked` tells the models that votes speak of from those that start at the prior.
    """

    models: tuple[str, ...]
    strength: Floats
    information: Floats
    is_ranked: Bools

    @classmethod
    def unknown(cls, models: Sequence[str]) -> Self:
        """Nobody has judged any of them."""
        size = len(models)
        return cls(
            tuple(models),
            np.zeros(size),
            np.eye(size) * _PRIOR_PRECISION,
            np.zeros(size, dtype=np.bool_),
        )

    @classmethod
    def of_report(
        cls,
        models: Iterable[str],
        body: Mapping[str, Any] | None,
        bases: Mapping[str, str] | None = None,
    ) -> Self:
        """The strengths a report found, for these models and all that it ranks.

        A model that it does not know starts at the strength of the one it was trained from
        (`bases`), else at the mean.
        """
        rows = body["leaderboard"] if body else []
        known = {row["model"]: float(row["strength"]) for row in rows}
        names = sorted({*models, *known})
        place = {name: k for k, name in enumerate(names)}
        met = _met(body["win_matrix"], place) if body and rows else None
        precision = _PRIOR_PRECISION
        if met is not None and met.score is not None:
            ranked = np.array([place[name] for name in known])
            found, precision = _posterior(met, met.score, ranked, len(names))
            known = {name: float(found[place[name]]) for name in known}
        ranking = cls(
            tuple(names),
            np.array([_start(name, known, bases or {}) for name in names], dtype=np.float64),
            np.eye(len(names)) * precision,
            np.array([name in known for name in names], dtype=np.bool_),
        )
        return ranking if met is None else ranking.after(met.first, met.second, met.games)

    def chance(self, first: Ints, second: Ints) -> Floats:
        """How probably the first of each pair wins a vote."""
        gap = self.strength[first] - self.strength[second]
        chance: Floats = np.exp(-np.logaddexp(0, -gap))
        return chance

    def after(self, first: Ints, second: Ints, votes: Floats) -> Self:
        """The same strengths, known as they will be after so many more votes between each pair."""
        if not len(first):
            return self
        chance = self.chance(first, second)
        added = _with_votes(self.information, first, second, votes * chance * (1 - chance))
        return replace(self, information=added)

    def covariance(self) -> Floats:
        """Of the strengths on the mean-zero space, where only differences mean anything."""
        inverse = np.linalg.inv(self.information).astype(np.float64)
        size = len(self.models)
        centre = np.eye(size) - 1 / size
        covariance: Floats = centre @ inverse @ centre
        return covariance


def gap_variance(covariance: Floats, first: Ints, second: Ints) -> Floats:
    """Var(θ_first − θ_second) of each pair."""
    own = np.diag(covariance)
    variance: Floats = np.maximum(own[first] + own[second] - 2 * covariance[first, second], 0.0)
    return variance


@dataclass(frozen=True, eq=False, slots=True)
class _Met:
    """Votes between each two models that met, and the first one's score: wins and half the ties."""

    first: Ints
    second: Ints
    games: Floats
    score: Floats | None


def _met(matrix: Mapping[str, Any], place: Mapping[str, int]) -> _Met:
    models = [place[name] for name in matrix["models"]]
    found = [
        (one, models[j], float(cell["n"]), cell.get("value"))
        for i, one in enumerate(models)
        for j, cell in enumerate(matrix["cells"][i])
        if j > i and cell
    ]
    first, second, games, rates = zip(*found, strict=True) if found else ((), (), (), ())
    votes = np.array(games, dtype=np.float64)
    score = None if None in rates else np.array(rates, dtype=np.float64) * votes
    return _Met(np.array(first, np.int64), np.array(second, np.int64), votes, score)


def _posterior(met: _Met, score: Floats, ranked: Ints, size: int) -> tuple[Floats, float]:
    """The mode of the strengths of the ranked models, and the precision of their prior.

    Normal with mean 0 and the spread that the votes make most probable: σ² = mean(θ² + Var θ) by
    expectation and maximisation (Laplace's approximation), a few steps from 1.
    """
    theta, precision = np.zeros(size), 1.0
    for _ in range(_SPREAD_STEPS):
        theta, information = _mode(met, score, theta, precision)
        spread = theta[ranked] ** 2 + np.diag(np.linalg.inv(information))[ranked]
        precision = float(np.clip(1 / spread.mean(), PRIOR_SD**-2, _LEAST_SD**-2))
    theta, _ = _mode(met, score, theta, precision)
    theta[ranked] -= theta[ranked].mean()
    return theta, precision


def _mode(met: _Met, score: Floats, theta: Floats, precision: float) -> tuple[Floats, Floats]:
    """Newton's method on the log-posterior, which is concave; and the information at its mode."""
    information = np.eye(len(theta)) * precision
    for _ in range(_MOST_STEPS):
        chance = np.exp(-np.logaddexp(0, theta[met.second] - theta[met.first]))
        surprise = score - met.games * chance
        slope = -precision * theta
        np.add.at(slope, met.first, surprise)
        np.add.at(slope, met.second, -surprise)
        information = _with_votes(
            np.eye(len(theta)) * precision, met.first, met.second, met.games * chance * (1 - chance)
        )
        step = np.clip(np.linalg.solve(information, slope), -2, 2)
        theta = theta + step
        if np.abs(step).max(initial=0) < 1e-9:
            break
    return theta, information


def _with_votes(information: Floats, first: Ints, second: Ints, weight: Floats) -> Floats:
    """The information and that of votes between these pairs, each p(1 − p) in weight."""
    added = information.copy()
    np.add.at(added, (first, second), -weight)
    np.add.at(added, (second, first), -weight)
    np.add.at(added, (first, first), weight)
    np.add.at(added, (second, second), weight)
    return added


def _start(name: str, known: Mapping[str, float], bases: Mapping[str, str]) -> float:
    seen = {name}
    while name not in known:
        if (base := bases.get(name, "")) in seen or not base:
            return 0.0
        seen.add(name := base)
    return known[name]
