"""Strengths at equal style: Bradley-Terry with differences of style beside the models' strengths.

logit P(a) = theta_a - theta_b + sum of beta·d + gamma·(+1 where a was shown on the left, else -1),
d = (x_a - x_b)/(x_a + x_b) in units of its spread over the votes. A tie is half a win to each.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, TypeAlias

import numpy as np

from labeling.metrics.bradley_terry import (
    FEW_ITEMS,
    PRIOR_SD,
    laplacian,
)
from labeling.metrics.style_rows import StyleRows
from labeling.metrics.votes import UNKNOWN, Floats, Ints, Votes

SIDE: Final = "side"
# Counts of a feature in each item's a and b, -1 where it is not known.
Features: TypeAlias = Mapping[str, tuple[Ints, Ints]]

_MOST_STEPS: Final = 60
_TOLERANCE: Final = 1e-10
# A step of so many logits may overshoot, and is tried before it is taken.
_LONG_STEP: Final = 0.5
# A strength or coefficient beyond this many logits is on its way to infinity.
_BEYOND: Final = 25.0
# A feature whose spread is explained to this share by models and earlier features says nothing.
_EXPLAINED: Final = 1e-6
NO_ITEMS: Final = "No judged comparison between two different known models has texts to count."
_TOO_FEW_KNOWN: Final = "It is known of fewer than half of the judgments."
_ALL_EQUAL: Final = "The two answers never differ in it."
_CONFOUNDED: Final = "It cannot be told apart from who wrote the answers, or from the other styles."
_NO_SIDES: Final = "Which side was shown on the left is not recorded, or never differs."
_SEPARATED: Final = (
    "One side of some style always won, so the coefficients have no finite value: more judgments"
    " would give them one."
)


@dataclass(frozen=True, slots=True)
class Coefficient:
    """What one sd of a style adds in log-odds; `sd` is that of d (None for the side shown)."""

    name: str
    value: float
    standard_error: float
    sd: float | None


@dataclass(frozen=True, eq=False, slots=True)
class StyleFit:
    """Strengths with and without control of style, from the same votes; or why there are none.

    `models` are numbers of the votes' models. `change_error` is the standard error of controlled
    less plain, whose errors are alike. `left_out` says why a style has no coefficient;
    `votes_left_out` counts votes on items of which a style is not known.
    """

    models: Ints
    strength: Floats
    standard_error: Floats
    plain: Floats
    plain_error: Floats
    change_error: Floats
    coefficients: tuple[Coefficient, ...]
    left_out: Mapping[str, str]
    vote_count: int
    item_count: int
    votes_left_out: int
    prior_sd: float | None
    iterations: int
    why: str = ""

    @classmethod
    def undefined(cls, why: str, left_out: Mapping[str, str], votes_left_out: int) -> Self:
        """No fit, and why."""
        none = np.zeros(0)
        return cls(
            np.zeros(0, np.int64), none, none, none, none, none, (), left_out, 0, 0,
            votes_left_out, None, 0, why,
        )  # fmt: skip


def style_fit(votes: Votes, features: Features) -> StyleFit:
    """Strengths and coefficients by maximum likelihood, errors clustered by item.

    Newton's method with the models' part of the information summed by pairs, so that a million
    votes take a second. Length control after Dubois et al. (2024), Length-controlled AlpacaEval,
    as Chiang et al. (2024), Chatbot Arena, do it within Bradley-Terry.
    """
    a, b = votes.item_model_a.astype(np.int64), votes.item_model_b.astype(np.int64)
    per_item = np.bincount(votes.item, minlength=votes.item_count)
    ranked = (a >= 0) & (b >= 0) & (a != b) & (per_item > 0)
    left_out: dict[str, str] = {}
    kept = ranked.copy()
    entering = []
    for name, (in_a, in_b) in features.items():
        known = (in_a != UNKNOWN) & (in_b != UNKNOWN)
        if per_item[ranked & known].sum() * 2 < per_item[ranked].sum():
            left_out[name] = _TOO_FEW_KNOWN
        else:
            entering.append(name)
            kept &= known
    lost = int(per_item[ranked & ~kept].sum())
    if not entering or not kept.any():
        return StyleFit.undefined(NO_ITEMS, left_out, lost)
    rows = StyleRows.of(votes, kept)
    columns, spreads = _columns(rows, {name: features[name] for name in entering}, left_out)
    names = _told_apart(rows, columns, left_out)
    design = np.stack([columns[name] for name in names]) if names else np.zeros((0, len(rows.n)))
    paired = rows.paired()
    prior_sd = None if paired.is_connected() else PRIOR_SD
    ridge = 0.0 if prior_sd is None else prior_sd**-2
    plain = _fit(paired, np.zeros((0, len(paired.n))), ridge, np.zeros(0))
    controlled = _fit(rows, design, ridge, plain.parameter)
    if not (plain.converged and controlled.converged):
        return StyleFit.undefined(_SEPARATED, left_out, lost)
    size = rows.size
    error, plain_error, change_error = _errors(rows, design, controlled, plain, ridge)
    return StyleFit(
        models=rows.models,
        strength=controlled.parameter[:size],
        standard_error=error[:size],
        plain=plain.parameter,
        plain_error=plain_error,
        change_error=change_error,
        coefficients=tuple(
            Coefficient(
                name, float(controlled.parameter[size + k]), float(error[size + k]), spreads[name]
            )
            for k, name in enumerate(names)
        ),
        left_out=left_out,
        vote_count=round(float(rows.n.sum())),
        item_count=len(rows.item_a),
        votes_left_out=lost,
        prior_sd=prior_sd,
        iterations=controlled.iterations,
    )


def _columns(
    rows: StyleRows, features: Features, left_out: dict[str, str]
) -> tuple[dict[str, Floats], dict[str, float | None]]:
    """Each usable style's d by row, in units of its spread, and the spread; the side as it is.

    The spread is the root of the mean of d², about zero: a and b may change places.
    """
    columns: dict[str, Floats] = {}
    spreads: dict[str, float | None] = {}
    for name, (in_a, in_b) in features.items():
        x_a, x_b = in_a[rows.source].astype(np.float64), in_b[rows.source].astype(np.float64)
        total = x_a + x_b
        d = np.divide(x_a - x_b, total, out=np.zeros_like(total), where=total > 0)[rows.item]
        spread = float(np.sqrt((rows.n * d**2).sum() / rows.n.sum()))
        if spread == 0:
            left_out[name] = _ALL_EQUAL
            continue
        columns[name], spreads[name] = d / spread, spread
    if rows.side.any():
        columns[SIDE], spreads[SIDE] = rows.side, None
    else:
        left_out[SIDE] = _NO_SIDES
    return columns, spreads


def _told_apart(
    rows: StyleRows, columns: Mapping[str, Floats], left_out: dict[str, str]
) -> list[str]:
    """The styles that models and earlier styles do not explain; the others are left out."""
    if not columns:
        return []
    design = np.stack(list(columns.values()))
    size = rows.size
    information = _information(rows, design, rows.n / 4)
    own = information[size:, size:]
    across = information[size:, :size]
    inner = np.linalg.inv(information[:size, :size] + 1 / size)
    left = own - across @ inner @ across.T
    names: list[str] = []
    taken: list[int] = []
    for k, name in enumerate(columns):
        rest = left[k, k]
        if taken:
            cross = left[k, taken]
            rest -= cross @ np.linalg.solve(left[np.ix_(taken, taken)], cross)
        if rest <= _EXPLAINED * own[k, k]:
            left_out[name] = _NO_SIDES if name == SIDE else _CONFOUNDED
        else:
            names.append(name)
            taken.append(k)
    return names


@dataclass(frozen=True, eq=False, slots=True)
class _Fitted:
    """Strengths and then coefficients, and the inverse information on the mean-zero space."""

    parameter: Floats
    inverse: Floats
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False, slots=True)
class _Scores:
    """Of each item: its votes' summed residuals, and these times each column of the design."""

    residual: Floats
    styled: Floats


def _fit(rows: StyleRows, design: Floats, ridge: float, start: Floats) -> _Fitted:
    """Newton's method with halved steps on the concave likelihood, less the prior's penalty."""
    size, count = rows.size, len(design)
    parameter = np.zeros(size + count)
    parameter[: len(start)] = start
    # The constant direction of strengths is filled in, as in `bradley_terry`.
    constant = np.zeros((size + count, size + count))
    constant[:size, :size] = 1 / size if ridge == 0 else 0.0
    fill = constant.copy()
    fill[np.arange(size), np.arange(size)] += ridge

    def value(at: Floats, eta: Floats) -> float:
        likelihood = rows.wins @ eta - rows.n @ np.logaddexp(0, eta)
        return float(likelihood - ridge / 2 * (at[:size] ** 2).sum())

    def information(eta: Floats) -> tuple[Floats, Floats]:
        chance = 1 / (1 + np.exp(-eta))
        expected = rows.n * chance
        return expected, _information(rows, design, expected * (1 - chance)) + fill

    eta = _gap(rows, design, parameter)
    converged = False
    iterations = 0
    while not converged and iterations < _MOST_STEPS and np.abs(parameter).max() < _BEYOND:
        iterations += 1
        expected, curve = information(eta)
        residual = rows.wins - expected
        slope = np.concatenate([_differences(rows.a, rows.b, residual, size), design @ residual])
        slope[:size] -= ridge * parameter[:size]
        try:
            step = np.linalg.solve(curve, slope)
        except np.linalg.LinAlgError:
            break
        size_of_step = float(np.abs(step).max())
        scale = 1.0
        if size_of_step > _LONG_STEP:
            current = value(parameter, eta)
            while scale > 1e-6:
                tried = parameter + scale * step
                if value(tried, _gap(rows, design, tried)) >= current - 1e-9 * abs(current):
                    break
                scale /= 2
        parameter = parameter + scale * step
        parameter[:size] -= parameter[:size].mean()
        eta = _gap(rows, design, parameter)
        converged = size_of_step < _TOLERANCE * (1 + float(np.abs(parameter).max()))
    converged = converged and bool(np.abs(parameter).max() < _BEYOND)
    inverse = np.linalg.inv(information(eta)[1]) - constant if converged else constant
    return _Fitted(parameter, inverse, iterations, converged)


def _gap(rows: StyleRows, design: Floats, at: Floats) -> Floats:
    """How much likelier in log-odds a is to win, by row."""
    gap: Floats = at[rows.a] - at[rows.b]
    for k, column in enumerate(design):
        gap += at[rows.size + k] * column
    return gap


def _scores(rows: StyleRows, design: Floats, at: Floats) -> _Scores:
    items = len(rows.item_a)
    residual = rows.wins - rows.n / (1 + np.exp(-_gap(rows, design, at)))
    styled = [np.bincount(rows.item, residual * column, items) for column in design]
    return _Scores(
        np.bincount(rows.item, residual, items).astype(np.float64),
        np.stack(styled) if styled else np.zeros((0, items)),
    )


def _differences(one: Ints, other: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(one, values, size) - np.bincount(other, values, size))


def _information(rows: StyleRows, design: Floats, weight: Floats) -> Floats:
    """The information of strengths and coefficients at these weights n·p·(1 - p)."""
    size, count = rows.size, len(design)
    matrix = np.zeros((size + count, size + count))
    matrix[:size, :size] = laplacian(rows.a, rows.b, weight, size)
    for k, column in enumerate(design):
        weighted = weight * column
        cross = _differences(rows.a, rows.b, weighted, size)
        matrix[size + k, :size] = matrix[:size, size + k] = cross
        matrix[size + k, size:] = design @ weighted
    return matrix


def _meat(rows: StyleRows, one: _Scores, other: _Scores) -> Floats:
    """The sum over items of the outer products of two fits' summed scores."""
    size = rows.size
    left, right = len(one.styled), len(other.styled)
    matrix = np.zeros((size + left, size + right))
    a, b = rows.item_a, rows.item_b
    matrix[:size, :size] = laplacian(a, b, one.residual * other.residual, size)
    for k, line in enumerate(one.styled):
        matrix[size + k, :size] = _differences(a, b, line * other.residual, size)
    for k, line in enumerate(other.styled):
        matrix[:size, size + k] = _differences(a, b, line * one.residual, size)
    matrix[size:, size:] = one.styled @ other.styled.T
    items = len(a)
    return matrix * (items / (items - 1)) if items > 1 else matrix


def _errors(
    rows: StyleRows, design: Floats, controlled: _Fitted, plain: _Fitted, ridge: float
) -> tuple[Floats, Floats, Floats]:
    """Standard errors of the controlled fit, of the plain strengths, and of their difference."""
    size = rows.size
    items = len(rows.item_a)
    seen = np.bincount(rows.item_a, minlength=size) + np.bincount(rows.item_b, minlength=size)
    with_style = _scores(rows, design, controlled.parameter)
    without = _scores(rows, design[:0], plain.parameter)

    def sandwich(one: tuple[_Fitted, _Scores], other: tuple[_Fitted, _Scores]) -> Floats:
        meat = _meat(rows, one[1], other[1])
        # With the prior its own spread belongs to the uncertainty.
        meat[np.arange(size), np.arange(size)] += ridge
        return np.asarray(one[0].inverse @ meat @ other[0].inverse)

    def error(variance: Floats, one: _Fitted) -> Floats:
        clustered = np.sqrt(np.clip(variance, 0, None))
        own = np.sqrt(np.clip(np.diag(one.inverse), 0, None))
        few = np.full(len(clustered), items < FEW_ITEMS)
        few[:size] = seen < FEW_ITEMS
        # As in `bradley_terry`: few items fit too well for their residuals to show the spread.
        return np.where((few | (clustered < 1e-9)) & (own > clustered), own, clustered)

    both = (controlled, with_style), (plain, without)
    own = np.diag(sandwich(both[0], both[0]))
    other = np.diag(sandwich(both[1], both[1]))
    shared = np.diag(sandwich(both[0], both[1])[:size])
    # What each coefficient takes from the residuals of few items is given back (Cameron and Miller
    # 2015, A practitioner's guide to cluster-robust inference); with many it is nothing.
    free = size - 1 + len(design)
    more = (items - 1) / (items - free) if items > 2 * free else 1.0
    change = np.sqrt(np.clip((own[:size] + other - 2 * shared) * more, 0, None))
    return error(own * more, controlled), error(other, plain), change
