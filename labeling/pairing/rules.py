"""How much each pair of models is worth asking about next, by rule."""

import math
from collections.abc import Set

import numpy as np

from labeling.errors import refused
from labeling.metrics.votes import Floats, Ints
from labeling.pairing.ranking import Ranking, gap_variance
from labeling.pairing.settings import EVEN, RANKED, PairingSettings, Rule


def worth(
    rule: Rule, settings: PairingSettings, ranking: Ranking, first: Ints, second: Ints
) -> Floats:
    """A weight for each pair of models; draws go to a pair in proportion to it.

    `uncertain` is a rank rule: (p(1 − p)·sd·P(order wrong))⁴, sd that of the difference: pairs
    whose order is open and which a vote tells most about. `topk` is log(1 + p(1 − p)·Var) times the
    closeness of both to the boundary between places k and k + 1: exp(−z²/2) of each, z in its own
    standard error. docs/METRICS.md holds both against others.
    """
    if rule in EVEN:
        return np.ones(len(first))
    if rule == "baseline":
        base = (
            ranking.models.index(settings.baseline) if settings.baseline in ranking.models else -1
        )
        return np.asarray((first == base) | (second == base), dtype=np.float64)
    if rule == "adjacent":
        # Neighbours among those that can be compared; equal strengths in the order of names.
        present = np.union1d(first, second)
        order = present[np.lexsort((present, -np.round(ranking.strength[present], 9)))]
        place = np.zeros(len(ranking.models), dtype=np.int64)
        place[order] = np.arange(len(order))
        return np.asarray(np.abs(place[first] - place[second]) == 1, dtype=np.float64)
    covariance = ranking.covariance()
    variance = gap_variance(covariance, first, second)
    chance = ranking.chance(first, second)
    if rule == "uncertain":
        gap = np.abs(ranking.strength[first] - ranking.strength[second])
        error = np.sqrt(np.maximum(variance, 1e-300))
        open_ = chance * (1 - chance) * error * normal_tail(gap / error)
        # Only the proportions matter: kept from vanishing where everything is known.
        return np.asarray((open_ / max(open_.max(initial=0), 1e-300)) ** 4)
    told = np.log1p(chance * (1 - chance) * variance)
    ordered = np.sort(ranking.strength[np.union1d(first, second)])[::-1]
    k = min(settings.k, len(ordered) - 1)
    boundary = (ordered[k - 1] + ordered[k]) / 2
    error = np.sqrt(np.maximum(np.diag(covariance), 1e-300))
    closeness = np.exp(-(((ranking.strength - boundary) / error) ** 2) / 2)
    return np.asarray(told * closeness[first] * closeness[second])


def check(rule: Rule, settings: PairingSettings, ranking: Ranking, present: Set[str]) -> None:
    """Refuse a rule that cannot be followed with what is known of the models that are present."""
    ranked = {
        name for name, is_ranked in zip(ranking.models, ranking.is_ranked, strict=True) if is_ranked
    }
    if rule in RANKED and len(ranked & present) < 2:
        raise refused(
            "pairing",
            "There is no ranking yet. Begin with “all”, “random” or “uncertain”; this rule can be"
            " chosen once judgments have ranked two models.",
        )
    if rule == "baseline" and settings.baseline not in present:
        raise refused(
            "pairing_settings.baseline",
            f"No completion that could be compared is by {settings.baseline}.",
        )
    if rule == "topk" and settings.k >= len(present):
        raise refused(
            "pairing_settings.k",
            f"There are {len(present)} models to compare: k is at most {len(present) - 1}.",
        )


_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def normal_tail(z: Floats) -> Floats:
    """The normal distribution above z."""
    return np.asarray(_erfc(z / math.sqrt(2)) / 2) if len(z) else np.zeros(0)
