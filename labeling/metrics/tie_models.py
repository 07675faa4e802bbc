"""Models with a tie parameter: Davidson and Rao-Kupper, by maximum likelihood."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from labeling.metrics.bradley_terry import FEW_ITEMS, Encounters, connected_components, laplacian
from labeling.metrics.estimates import Z95
from labeling.metrics.votes import Bools, Floats, Ints

_MOST_STEPS: Final = 200
_TOLERANCE: Final = 1e-10
_NOT_CONNECTED: Final = "Some models never win against, or never lose to, the others."
_NO_TIES: Final = "Nobody answered with a tie, so there is no tie parameter to fit."
_TOO_FEW: Final = "The votes are too few: they leave the tie parameter without a bound."
_NO_BOUND: Final = 200.0  # of its logarithm: what has such limits rises without end
_ONLY_TIES: Final = "Every vote is a tie, so the tie parameter has no maximum."


@dataclass(frozen=True, eq=False, slots=True)
class TieModelFit:
    """Strengths in logits, mean zero, and the tie parameter (nu or eta), or why there are none.

    Errors are clustered by item, as those of `bradley_terry`; `is_widened` marks the models whose
    error is the model's own. `tie_limits` are 95 % limits of the tie parameter itself.
    """

    strength: Floats | None
    tie_parameter: float | None
    iterations: int
    converged: bool
    why: str = ""
    standard_error: Floats | None = None
    is_widened: Bools | None = None
    tie_limits: tuple[float, float] | None = None
    log_likelihood: float | None = None


# Of the gap in strength and the parameter: the log-likelihood of each pair, its first derivatives
# by both, and its second derivatives (gap-gap, gap-parameter, parameter-parameter).
_Terms: TypeAlias = tuple[Floats, Floats, Floats, Floats, Floats, Floats]
_Model: TypeAlias = Callable[[Floats, float, Floats, Floats, Floats], _Terms]


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
    low, high = fit.tie_limits or (0.0, 0.0)
    if high - low > _NO_BOUND:
        return TieModelFit(None, None, fit.iterations, fit.converged, _TOO_FEW)
    return replace(
        fit,
        tie_parameter=math.exp(fit.tie_parameter),
        tie_limits=(math.exp(low), math.exp(high)) if fit.tie_limits else None,
    )


def _fit(
    encounters: Encounters,
    terms: _Model,
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
        curve = _information(i, j, (gap_gap, gap_par, par_par), size)
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
    if not converged:
        return TieModelFit(theta, parameter, iterations, converged)
    second = terms(theta[i] - theta[j], parameter, win, loss, tie)[3:]
    # The constant direction, filled in to invert, is taken out again.
    inverse = np.linalg.inv(_information(i, j, second, size)).astype(np.float64)
    inverse[:size, :size] -= 1 / size
    error, is_widened = _errors(encounters, terms, theta, parameter, inverse)
    reach = Z95 * float(error[size])
    return TieModelFit(
        theta,
        parameter,
        iterations,
        converged,
        standard_error=error[:size],
        is_widened=is_widened[:size],
        tie_limits=(parameter - reach, parameter + reach),
        log_likelihood=current,
    )


def _information(i: Ints, j: Ints, second: tuple[Floats, Floats, Floats], size: int) -> Floats:
    """The information of strengths and parameter, the constant direction filled in."""
    gap_gap, gap_par, par_par = second
    curve = np.zeros((size + 1, size + 1))
    curve[:size, :size] = laplacian(i, j, -gap_gap, size)
    cross = np.bincount(i, gap_par, size) - np.bincount(j, gap_par, size)
    curve[size, :size] = curve[:size, size] = -cross
    curve[size, size] = -par_par.sum()
    curve[:size, :size] += 1 / size  # see bradley_terry
    return curve


def _errors(
    encounters: Encounters, terms: _Model, theta: Floats, parameter: float, inverse: Floats
) -> tuple[Floats, Bools]:
    """Standard errors from scores summed by item, and where the model's own was wider and taken."""
    i, j, m = encounters.first, encounters.second, encounters.multiplicity
    size = len(theta)
    _, d_gap, d_par, *_ = terms(
        theta[i] - theta[j],
        parameter,
        encounters.wins_first,
        encounters.wins_second,
        encounters.ties,
    )
    meat = np.zeros((size + 1, size + 1))
    meat[:size, :size] = laplacian(i, j, m * d_gap**2, size)
    both = m * d_gap * d_par
    meat[size, :size] = meat[:size, size] = np.bincount(i, both, size) - np.bincount(j, both, size)
    meat[size, size] = m @ d_par**2
    items = float(m.sum())
    if items > 1:
        meat *= items / (items - 1)
    clustered = np.sqrt(np.clip(np.diag(inverse @ meat @ inverse), 0, None))
    own = np.sqrt(np.clip(np.diag(inverse), 0, None))
    seen = np.append(np.bincount(i, m, size) + np.bincount(j, m, size), items)
    is_widened = ((seen < FEW_ITEMS) | (clustered < 1e-9)) & (own > clustered)
    return np.where(is_widened, own, clustered), is_widened


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
