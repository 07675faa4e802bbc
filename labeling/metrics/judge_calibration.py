"""How right a judge is when it says how sure it is, and the figure that should be believed instead.

The correction is Platt's (1999): a logistic curve through the logit of what the judge says, with a
term of its own for a verdict of a tie, which people share less often. Isotonic regression, the
other common choice, wants about a thousand items before it stops following noise (Niculescu-Mizil
and Caruana 2005), judges say a handful of round numbers, and its steps would make a small move of
the cut decide many items at once; a curve of three numbers is steady at a hundred items and can be
written down beside a routing. What it says of an item is always learnt from other items
(cross-fitting, ten parts), so that the accuracy expected of it is not flattered by its own answers.
"""

from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.estimates import Estimate, proportion
from labeling.metrics.judge_agreement import majority_shares
from labeling.metrics.patterns import BOOTSTRAP_SEED, ItemPatterns
from labeling.metrics.votes import ANSWER_TIE, Bools, Floats, Ints

# So few items bear no curve.
LEAST_ITEMS: Final = 20
FOLDS: Final = 10
BINS: Final = ((0.5, 0.6), (0.6, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.0))
# A judge that says it is certain is taken to be this sure: a logit must be finite.
_MOST_SURE: Final = 0.995
# The precision of a normal prior of sd 2.5 on slope and tie, so that separable items stay finite.
_PRIOR: Final = 0.16
_STEPS: Final = 60
_TOO_FEW: Final = (
    f"Fewer than {LEAST_ITEMS} items have people's votes and a verdict that says how sure it is."
)
_NONE: Final = "No item with people's votes has a verdict that says how sure it is."


@dataclass(frozen=True, slots=True)
class Curve:
    """What a verdict is worth: a probability of being people's majority, from what was said."""

    intercept: float
    slope: float
    tie: float

    def at(self, confidence: Floats, is_tie: Bools) -> Floats:
        """The corrected figure of each verdict."""
        z = self.intercept + self.slope * _logit(confidence) + self.tie * is_tie
        corrected: Floats = 1 / (1 + np.exp(-np.clip(z, -30, 30)))
        return corrected

    def of_one(self, confidence: float, *, is_tie: bool) -> float:
        """The corrected figure of one verdict."""
        return float(self.at(np.array([confidence]), np.array([is_tie]))[0])

    def as_json(self) -> dict[str, float]:
        """Three numbers that say it all."""
        return {"intercept": self.intercept, "slope": self.slope, "tie": self.tie}

    @classmethod
    def fit(cls, confidence: Floats, is_tie: Bools, right: Floats) -> Self:
        """By penalised likelihood; a judge that is less right when surer gets a level line."""
        design = np.stack([np.ones_like(confidence), _logit(confidence), is_tie], axis=1)
        weights = _newton(design, right)
        if weights[1] < 0:
            level = _newton(design[:, [0, 2]], right)
            return cls(float(level[0]), 0.0, float(level[1]))
        return cls(*(float(weight) for weight in weights))


@dataclass(frozen=True, eq=False, slots=True)
class Calibration:
    """Stated against true agreement. `expected` has the corrected figure of each verdict, learnt
    without its item, or NaN; `curve` is of all items, for verdicts to come.
    """

    expected: Floats
    curve: Curve | None
    bins: list[dict[str, Any]]
    brier: Estimate
    brier_corrected: Estimate
    n: int
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        row = {
            "bins": self.bins,
            "brier": self.brier.as_json(),
            "brier_corrected": self.brier_corrected.as_json(),
            "curve": None if self.curve is None else self.curve.as_json(),
            "n": self.n,
        }
        return row | ({"why": self.why} if self.why else {})


def credit(answer: Ints, people: Ints) -> Floats:
    """How right each answer is against people's counts: 1 for their mode, 1/k for one of k."""
    shares = majority_shares(people.astype(np.float64))
    right: Floats = shares[np.arange(len(answer)), answer]
    return right


def calibrate(confidence: Floats, answer: Ints, people: Ints) -> Calibration:
    """Of verdicts (one an item) with what each said of itself (NaN: nothing) and people's votes."""
    known = ~np.isnan(confidence) & (people.sum(axis=1) > 0)
    said, is_tie = confidence[known], answer[known] == ANSWER_TIE
    right = credit(answer[known], people[known])
    n = int(known.sum())
    expected = np.full(len(confidence), np.nan)
    curve: Curve | None = None
    why = _NONE if not n else _TOO_FEW if n < LEAST_ITEMS else ""
    if not why:
        curve = Curve.fit(said, is_tie, right)
        fold = np.random.default_rng(BOOTSTRAP_SEED).permutation(n) % FOLDS
        learnt = np.empty(n)
        for k in range(FOLDS):
            out = fold == k
            part = Curve.fit(said[~out], is_tie[~out], right[~out])
            learnt[out] = part.at(said[out], is_tie[out])
        expected[known] = learnt
        corrected = _mean_of((learnt - right) ** 2, _NONE)
    else:
        corrected = Estimate.undefined(why, unit="items", n=n)
    return Calibration(
        expected=expected,
        curve=curve,
        bins=[_bin(low, high, said, right) for low, high in BINS],
        brier=_mean_of((said - right) ** 2, _NONE),
        brier_corrected=corrected,
        n=n,
        why=why,
    )


def _bin(low: float, high: float, said: Floats, right: Floats) -> dict[str, Any]:
    # The last bin holds certainty as well.
    inside = (said >= low) & ((said < high) | (high == 1.0))
    n = int(inside.sum())
    share = proportion(
        float(right[inside].sum()), n, unit="items", why="No verdict said so."
    ).as_json()
    stated = float(said[inside].mean()) if n else None
    return {"low": low, "high": high, "stated": stated, "agreement": share, "n": n}


def _mean_of(values: Floats, why: str) -> Estimate:
    """The mean of a number an item, with a percentile bootstrap of items."""
    # Patterns take whole numbers: millionths are far finer than any interval.
    rows = np.stack([np.round(values * 1e6), np.ones_like(values)], axis=1).astype(np.int64)
    statistic = Statistic(
        lambda counts: np.stack([counts[:, 0] / 1e6, counts[:, 1]], axis=1),
        lambda totals: totals[..., 0] / totals[..., 1],
        lambda totals: float(totals[1]),
        "items",
        why,
    )
    return estimate(ItemPatterns.of(rows), [statistic])[0]


def _logit(confidence: Floats) -> Floats:
    sure = np.clip(confidence, 0.5, _MOST_SURE)
    logit: Floats = np.log(sure / (1 - sure))
    return logit


def _newton(design: Floats, right: Floats) -> Floats:
    """The penalised logistic fit; the likelihood is concave, so the steps end in its maximum."""
    prior = np.full(design.shape[1], _PRIOR)
    prior[0] = 1e-6
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        fitted = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        gradient = design.T @ (right - fitted) - prior * weights
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design + np.diag(prior)
        step = np.linalg.solve(hessian, gradient)
        # A long step from a flat place would overshoot; a shorter one cannot.
        weights = weights + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if float(np.abs(step).max()) < 1e-10:
            break
    return weights
