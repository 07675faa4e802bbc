"""Win rates as if every comparison had been asked about alike, from the chance each one had.

A rule that prefers some pairs bends plain win rates: a model that met its equals more often than
its lessers looks weaker. Weighing each comparison by one over its propensity undoes the choice
(Horvitz and Thompson 1952); the ratio form is Hájek's (1971).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.votes import Floats, Ints

UNIT: Final = "comparisons"
INTERVAL: Final = "Hájek’s ratio, linearised, by comparison"
FEW: Final = "Fewer than two comparisons that were chosen with a known chance."


@dataclass(frozen=True, eq=False, slots=True)
class Drawn:
    """Comparisons that were drawn and judged: their models, the first one's score, the chance.

    `score` is the share of wins of the first, a tie being half; `chance` is the inclusion
    probability in the draw that took it.
    """

    first: Ints
    second: Ints
    score: Floats
    chance: Floats


def total(values: Floats, chance: Floats) -> Estimate:
    """The Horvitz–Thompson total over all that could have been drawn, with its interval.

    The variance is that of draws of their own, Σ (1 − π) y²/π²; draws of a fixed number vary less.
    """
    if not len(values):
        return Estimate.undefined("Nothing was drawn.", unit=UNIT)
    value = float((values / chance).sum())
    reach = Z95 * float(np.sqrt(((1 - chance) * (values / chance) ** 2).sum()))
    return Estimate(
        value, value - reach, value + reach, len(values), UNIT, "Horvitz–Thompson, Poisson draws"
    )


def weighted_mean(values: Floats, chance: Floats) -> Estimate:
    """Hájek's mean over all that could have been drawn: Σ y/π over Σ 1/π.

    The linearised variance Σ w²(y − μ)² · n/(n − 1) over (Σ w)² holds what raters add as well,
    since y is what they said; it takes the draws as with replacement, which is never too narrow.
    """
    n = len(values)
    if n < 2:
        return Estimate.undefined(FEW, unit=UNIT, n=n)
    weight = 1 / chance
    whole = float(weight.sum())
    mean = float((weight * values).sum() / whole)
    variance = float((weight**2 * (values - mean) ** 2).sum()) / whole**2 * n / (n - 1)
    reach = Z95 * float(np.sqrt(variance))
    return Estimate(mean, max(mean - reach, 0.0), min(mean + reach, 1.0), n, UNIT, INTERVAL)


def weighted_rates(drawn: Drawn, models: Sequence[str]) -> list[dict[str, Any]]:
    """For each model its plain win rate over these comparisons and the weighted one; best first.

    `effective` is the number of evenly drawn comparisons that are worth as much, (Σ w)²/Σ w²
    (Kish 1965): far fewer than `n` where few of the rare ones carry much of the weight.
    """
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(models):
        is_first, is_second = drawn.first == number, drawn.second == number
        met = is_first | is_second
        if not met.any():
            continue
        score = np.where(is_first, drawn.score, 1 - drawn.score)[met]
        chance = drawn.chance[met]
        weight = 1 / chance
        rows.append(
            {
                "model": name,
                "plain": weighted_mean(score, np.ones(len(score))).as_json()
                | {"interval": "normal, by comparison"},
                "weighted": weighted_mean(score, chance).as_json(),
                "effective": float(weight.sum() ** 2 / (weight**2).sum()),
            }
        )
    return sorted(rows, key=lambda row: (-(row["weighted"]["value"] or 0.0), row["model"]))
