"""Models with a tie parameter: Davidson and Rao-Kupper, by maximum likelihood."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from labeling.metrics.bradley_terry import Encounters, connected_components
from labeling.metrics.votes import Floats

_MOST_STEPS: Final = 200
_TOLERANCE: Final = 1e-10
_NOT_CONNECTED: Final = "Some models never win against, or never lose to, the others."
_NO_TIES: Final = "Nobody answered with a tie, so there is no tie parameter to fit."
_ONLY_TIES: Final = "Every vote is a tie, so the tie parameter has no maximum."


@dataclass(frozen=True, eq=False, slots=True)
class TieModelFit:
    """Strengths in logits, mean zero, and the tie parameter (nu or eta), or why there are none."""

    strength: Floats | None
    tie_parameter: float | None
    iterations: int
    converged: bool
    why: str = ""


# Of the gap in strength and the parameter: the log-likelihood of each pair, its first derivatives
# by both, and its second derivatives (gap-gap, gap-parameter, parameter-parameter).
_Terms: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Floats]


def davidson(encounters: Encounters) -> TieModelFit:
    """P(i) : P(j) : P(tie) = p_i : p_j : nu·sqrt(p_i·p_j).

    Davidson (1970), On extending the Bradley-Terry model to accommodate ties in paired
    comparison experiments.
    """

    def terms(gap: Floats, log_nu: float, win: Floats, loss: Floats, tie: Floats) -> _Terms:
        n = win + loss + tie
        logits = np.stack([gap / 2, -gap / 2, np.full_like(gap, log_nu)])
        total = np.logaddexp.reduce(logits, axis=0)
        chance_i, chance_j, chance_tie = np.exp(logits - total)
        likelihood = win * logits[0] + loss * logits[1] + tie * log_nu - n * total
        lead = chance_i - chance_j
        return (
            likelihood,
            (win - loss - n * lead) / 2,
            tie - n * chance_tie,
            -n * (chance_i + chance_j - lead**2) / 4,
            n * lead * chance_tie / 2,
            -n * chance_tie * (1 - chance_tie),
        )

    return _exponentiated(_fit(encounters, terms, start=0.0, lowest=-np.inf))


def rao_kupper(encounters: Encounters) -> TieModelFit:
    """P(i) = p_i / (p_i + eta·p_j), P(j) likewise, a tie otherwise; eta is 1 or more.

    Rao and Kupper (1967), Ties in paired-comparison experiments: a generalization of the
    Bradley-Terry model.
    """

    def terms(gap: Floats, log_eta: float, win: Floats, loss: Floats, tie: Floats) -> _Terms:
        minus, plus = log_eta - gap, log_eta + gap
        q_minus, q_plus = np.exp(-np.logaddexp(0, -minus)), np.exp(-np.logaddexp(0, -plus))
        spread = np.expm1(2 * log_eta)  # eta² - 1
        likelihood = (
            tie * np.log(spread)
            - (win + tie) * np.logaddexp(0, minus)
            - (loss + tie) * np.logaddexp(0, plus)
        )
        v_minus = (win + tie) * q_minus * (1 - q_minus)
        v_plus = (loss + tie) * q_plus * (1 - q_plus)
        rate = 1 + 1 / spread  # eta² / (eta² - 1)
        return (
            likelihood,
            (win + tie) * q_minus - (loss + tie) * q_plus,
            2 * tie * rate - (win + tie) * q_minus - (loss + tie) * q_plus,
            -v_minus - v_plus,
            v_minus - v_plus,
            -4 * tie * rate / spread - v_minus - v_plus,
        )

    return _exponentiated(_fit(encounters, terms, start=0.5, lowest=1e-9))


def _exponentiated(fit: TieModelFit) -> TieModelFit:
    """The fit with nu or eta itself in the place of its logarithm."""
    if fit.tie_parameter is None:
        return fit
    return replace(fit, tie_parameter=math.exp(fit.tie_parameter))


def _fit(
    encounters: Encounters,
    terms: Callable[[Floats, float, Floats, Floats, Floats], _Terms],
    *,
    start: float,
    lowest: float,
) -> TieModelFit:
    """Newton's method with halved steps on a concave likelihood of strengths and one parameter."""
    size = encounters.model_count
    wins, ties = encounters.matrices()
    if why := _refusal(encounters, wins, ties):
        return TieModelFit(None, None, 0, False, why)
    i, j = np.nonzero(np.triu(wins + wins.T + ties, 1))
    win, loss, tie = wins[i, j], wins[j, i], ties[i, j]

    def value(theta: Floats, parameter: float) -> float:
        if parameter <= lowest:
            return -np.inf
        return float(terms(theta[i] - theta[j], parameter, win, loss, tie)[0].sum())

    theta, parameter = np.zeros(size), start
    current = value(theta, parameter)
    converged = False
    iterations = 0
    while not converged and iterations < _MOST_STEPS:
        iterations += 1
        _, d_gap, d_par, gap_gap, gap_par, par_par = terms(
            theta[i] - theta[j], parameter, win, loss, tie
        )
        slope = np.append(np.bincount(i, d_gap, size) - np.bincount(j, d_gap, size), d_par.sum())
        curve = np.zeros((size + 1, size + 1))
        np.add.at(curve, (i, j), gap_gap)
        np.add.at(curve, (j, i), gap_gap)
        curve[np.diag_indices(size)] = -curve[:size, :size].sum(axis=1)
        cross = np.bincount(i, gap_par, size) - np.bincount(j, gap_par, size)
        curve[size, :size] = curve[:size, size] = -cross
        curve[size, size] = -par_par.sum()
        curve[:size, :size] += 1 / size  # the constant direction, see bradley_terry
        step = np.linalg.solve(curve, slope)
        scale = 1.0
        while scale > 1e-9 and value(
            theta + scale * step[:size], parameter + scale * step[size]
        ) < current - 1e-10 * abs(current):
            scale /= 2
        theta = theta + scale * step[:size]
        theta -= theta.mean()
        parameter += scale * float(step[size])
        current = value(theta, parameter)
        converged = bool(np.abs(step).max() < _TOLERANCE * (1 + np.abs(theta).max()))
    return TieModelFit(theta, parameter, iterations, converged)


def _refusal(encounters: Encounters, wins: Floats, ties: Floats) -> str:
    if encounters.model_count < 2:
        return "Fewer than two models were compared."
    if not wins.any():
        return _ONLY_TIES
    if not ties.any():
        return _NO_TIES
    if len(connected_components(encounters)) > 1:
        return _NOT_CONNECTED
    return ""
