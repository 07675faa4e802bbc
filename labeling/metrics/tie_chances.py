"""How likely a tie is: more so between models of like strength, and where others said so."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np

from labeling.metrics.joint_cells import Pairs
from labeling.metrics.votes import ANSWER_TIE, Floats, Ints

_STEPS: Final = 30
_MOST: Final = 50.0
_LEAST: Final = 0.5


@dataclass(frozen=True, slots=True)
class TieChances:
    """P(tie) : P(a side) = nu·(s(1 - s))^(closeness/2), s the chance that the one model is better.

    A closeness of 1 is Davidson's model, 0 says ties come wherever. `weight` is how many votes the
    models' part is worth beside an item's own.
    """

    nu: float
    closeness: float
    weight: float

    @classmethod
    def of(cls, answers: Ints, pairs: Pairs, gaps: Floats) -> Self:
        """Fitted to the answers of items (a, tie, b) by pair of models.

        Davidson (1970), with an exponent. The weight is Kleinman's (1973), Proportions with
        extraneous variance: by how much items of one pair differ more than chance lets them.
        """
        n = answers.sum(axis=1).astype(np.float64)
        ties = answers[:, ANSWER_TIE].astype(np.float64)
        all_ties, all_votes = pairs.totals(ties), pairs.totals(n)
        closeness = _log_closeness(gaps)
        x = np.stack([np.ones_like(closeness), closeness])
        centre, tight = np.array([np.log(0.25), 1.0]), np.array([0.25, 4.0])
        beta = centre.copy()
        for _ in range(_STEPS):
            p = 1 / (1 + np.exp(-(beta @ x)))
            slope = x @ (all_ties - all_votes * p) - tight * (beta - centre)
            curve = (x * (all_votes * p * (1 - p))) @ x.T + np.diag(tight)
            change = np.clip(np.linalg.solve(curve, slope), -1.0, 1.0)
            beta = beta + change
            if np.abs(change).max() < 1e-9:
                break
        p = (1 / (1 + np.exp(-(beta @ x))))[pairs.of_item]
        spread = float((n * (n - 1) * p * (1 - p)).sum())
        alike = float(((ties - n * p) ** 2 - n * p * (1 - p)).sum()) / spread if spread > 0 else 0.5
        weight = 1 / alike - 1 if alike > 0 else _MOST
        return cls(
            nu=float(2 ** beta[1] * np.exp(beta[0])),
            closeness=float(beta[1]),
            weight=float(np.clip(weight, _LEAST, _MOST)),
        )

    def of_items(self, answers: Ints, pairs: Pairs, gaps: Floats) -> Floats:
        """Each item's chance that the next vote is a tie: the models' part and its own votes."""
        logit = np.log(self.nu) - self.closeness * np.log(2) + self.closeness * _log_closeness(gaps)
        p = (1 / (1 + np.exp(-logit)))[pairs.of_item]
        n = answers.sum(axis=1)
        chance: Floats = (answers[:, ANSWER_TIE] + self.weight * p) / (n + self.weight)
        return chance


def _log_closeness(gaps: Floats) -> Floats:
    """log(2·sqrt(s(1 - s))): 0 where both are equally strong, falling with the gap."""
    half = np.abs(gaps) / 2
    closeness: Floats = np.log(2) - half - np.log1p(np.exp(-2 * half))
    return closeness
