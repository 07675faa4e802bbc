"""What is known of the models' strengths, and how surely: the ground on which pairs are chosen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np

from labeling.metrics.bradley_terry import PRIOR_SD
from labeling.metrics.votes import Bools, Floats, Ints

# What is known of a model before anybody judged it: a normal prior, in logits.
_PRIOR_PRECISION: Final = PRIOR_SD**-2


@dataclass(frozen=True, eq=False, slots=True)
class Ranking:
    """Strengths in logits and the information about them, over models in any order.

    `information` is H of the Bradley–Terry likelihood, Σ n_ij p(1−p)(e_i − e_j)(e_i − e_j)ᵀ, plus
    the prior's precision, so that it can be inverted whoever met whom. `is_ranked` tells the models
    that votes speak of from those that start at the prior.
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
        ranking = cls.unknown(names)
        place = {name: k for k, name in enumerate(names)}
        strength = np.array([_start(name, known, bases or {}) for name in names], dtype=np.float64)
        ranking = replace(
            ranking,
            strength=strength,
            is_ranked=np.array([name in known for name in names], dtype=np.bool_),
        )
        if not rows or body is None:
            return ranking
        matrix = body["win_matrix"]
        first, second, games = [], [], []
        for i, one in enumerate(matrix["models"]):
            for j in range(i + 1, len(matrix["models"])):
                if cell := matrix["cells"][i][j]:
                    first.append(place[one])
                    second.append(place[matrix["models"][j]])
                    games.append(float(cell["n"]))
        return ranking.after(np.array(first, np.int64), np.array(second, np.int64), np.array(games))

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
        weight = votes * chance * (1 - chance)
        added = self.information.copy()
        np.add.at(added, (first, second), -weight)
        np.add.at(added, (second, first), -weight)
        np.add.at(added, (first, first), weight)
        np.add.at(added, (second, second), weight)
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


def _start(name: str, known: Mapping[str, float], bases: Mapping[str, str]) -> float:
    seen = {name}
    while name not in known:
        if (base := bases.get(name, "")) in seen or not base:
            return 0.0
        seen.add(name := base)
    return known[name]
