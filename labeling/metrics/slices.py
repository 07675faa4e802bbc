"""Boards of parts of the items, by tag, language or round, and where they differ from the whole."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np

from labeling.metrics.bradley_terry import (
    ELO_PER_LOGIT,
    BradleyTerryFit,
    Encounters,
    bradley_terry,
    elo,
    laplacian,
    limits,
    rank_ranges,
)
from labeling.metrics.estimates import Z95
from labeling.metrics.patterns import collapse
from labeling.metrics.refits import inverse_information
from labeling.metrics.tails import q_values
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, UNKNOWN, Floats, Ints, Votes

# Parts of one kind that are shown, those with the most items first.
MOST_PARTS: Final = 8
# A part of fewer items would rank by chance.
LEAST_ITEMS: Final = 20
# The share of false findings allowed among the differences of one kind of part.
Q: Final = 0.05
INTERVAL: Final = "sandwich, clustered by item, of the difference to the whole"
_TOO_FEW: Final = f"Fewer than {LEAST_ITEMS} items between two known models."
_NOT_CONNECTED: Final = (
    "Some models never won against, or never lost to, the others here: distances between the"
    " components rest on a prior, and nothing is compared with the whole."
)
_WHOLE_NOT_CONNECTED: Final = (
    "On the whole some models never won against, or never lost to, the others: strengths rest on a"
    " prior, and nothing is compared with them."
)
_LEVEL: Final = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """Some of the items, by their indexes in the votes, and what they have in common."""

    value: str
    items: Ints


@dataclass(frozen=True, eq=False, slots=True)
class ItemKinds:
    """Items with the same models and counts taken together, and the kind of each item (-1: none).

    `rows` are (first model, second model, wins of each, ties) by the numbers of the votes' models.
    A part of the items is then how often each kind comes in it, whatever the number of votes.
    """

    rows: Ints
    of_item: Ints

    @classmethod
    def of(cls, votes: Votes) -> Self:
        """The kinds of the items between two different known models."""
        counts = votes.answer_counts()
        a, b = votes.item_model_a.astype(np.int64), votes.item_model_b.astype(np.int64)
        ranked = np.flatnonzero((a >= 0) & (b >= 0) & (a != b) & (counts.sum(axis=1) > 0))
        a, b, counts = a[ranked], b[ranked], counts[ranked]
        turned = a > b
        columns = [
            np.where(turned, b, a),
            np.where(turned, a, b),
            np.where(turned, counts[:, ANSWER_B], counts[:, ANSWER_A]),
            np.where(turned, counts[:, ANSWER_A], counts[:, ANSWER_B]),
            counts[:, ANSWER_TIE],
        ]
        rows = np.stack(columns, axis=1)
        distinct, _ = collapse(rows)
        of_item = np.full(votes.item_count, UNKNOWN, dtype=np.int64)
        if len(rows):
            of_item[ranked] = _places(distinct, rows)
        return cls(distinct, of_item)

    def encounters(self, items: Ints | None = None) -> tuple[Encounters, Ints, Ints]:
        """The encounters of these items (all), their kinds, and how often each comes."""
        kinds = self.of_item if items is None else self.of_item[items]
        times = np.bincount(kinds[kinds != UNKNOWN], minlength=len(self.rows))
        there = np.flatnonzero(times)
        return Encounters.from_rows(self.rows[there], times[there]), there, times[there]


def _places(distinct: Ints, rows: Ints) -> Ints:
    """Where each row stands among the distinct ones, which are in ascending order."""
    spans = distinct.max(axis=0) + 1
    weights = np.concatenate([np.cumprod(spans[:0:-1])[::-1], [1]])
    if math.prod(int(span) for span in spans) < 2**62:
        return np.asarray(np.searchsorted(distinct @ weights, rows @ weights))
    place = np.unique(rows, axis=0, return_inverse=True)[1]
    return np.asarray(place).reshape(-1)


@dataclass(frozen=True, eq=False, slots=True)
class _Whole:
    """The fit of all items, laid out by the votes' models, and each kind's summed residual."""

    encounters: Encounters
    fit: BradleyTerryFit
    inverse: Floats
    residual: Floats


def part_rows(
    kinds: ItemKinds, names: Sequence[str], parts: Mapping[str, Sequence[Part]]
) -> dict[str, dict[str, Any]]:
    """For each kind of part (tag, language, round) its rows, the largest first, and how many more.

    Each row has n, its board, and of each model how far its strength is from that on the whole (of
    the same models, mean zero), with an interval that allows for the part being in the whole. `q`
    is the smallest false discovery rate at which the difference is a finding among all of its kind
    (Benjamini and Hochberg 1995).
    """
    whole = _whole(kinds)
    found = {}
    for kind, listed in parts.items():
        counted = sorted(
            ((int(np.count_nonzero(kinds.of_item[p.items] != UNKNOWN)), p) for p in listed),
            key=lambda row: (-row[0], row[1].value),
        )
        counted = [(n, part) for n, part in counted if n]
        rows = [_row(kinds, names, whole, part) for _, part in counted[:MOST_PARTS]]
        _add_q(rows)
        found[kind] = {"rows": rows, "not_shown": max(len(counted) - MOST_PARTS, 0)}
    return found


def _whole(kinds: ItemKinds) -> _Whole:
    encounters, there, _ = kinds.encounters()
    fit = bradley_terry(encounters)
    return _Whole(
        encounters,
        fit,
        inverse_information(encounters, fit),
        _residuals(kinds.rows, there, _laid_out(kinds, encounters, fit)),
    )


def _laid_out(kinds: ItemKinds, encounters: Encounters, fit: BradleyTerryFit) -> Floats:
    size = int(kinds.rows[:, :2].max()) + 1 if len(kinds.rows) else 0
    theta = np.zeros(size)
    theta[encounters.models] = fit.strength
    return theta


def _residuals(rows: Ints, there: Ints, theta: Floats) -> Floats:
    """The summed score of each kind of item, 0 where the kind is not there."""
    chosen = rows[there]
    n = chosen[:, 2:].sum(axis=1)
    gap = theta[chosen[:, 0]] - theta[chosen[:, 1]]
    residual = np.zeros(len(rows))
    residual[there] = chosen[:, 2] + chosen[:, 4] / 2 - n / (1 + np.exp(-gap))
    return residual


def _row(kinds: ItemKinds, names: Sequence[str], whole: _Whole, part: Part) -> dict[str, Any]:
    encounters, there, times = kinds.encounters(part.items)
    votes = round(float((encounters.votes * encounters.multiplicity).sum()))
    row: dict[str, Any] = {
        "value": part.value,
        "item_count": int(times.sum()),
        "judgment_count": votes,
        "board": [],
        "is_connected": None,
        "components": [],
        "differs": None,
    }
    if row["item_count"] < LEAST_ITEMS:
        return row | {"why": _TOO_FEW}
    fit = bradley_terry(encounters)
    own = [names[int(number)] for number in encounters.models]
    row["is_connected"] = len(fit.components) == 1
    if not row["is_connected"]:
        row["components"] = [sorted(own[k] for k in group) for group in fit.components]
        row["note"] = _NOT_CONNECTED
    elif whole.fit.prior_sd is not None:
        row["note"] = _WHOLE_NOT_CONNECTED
    low, high = limits(fit)
    rank_low, rank_high = rank_ranges(low, high)
    games = _games(encounters)
    order = sorted(range(len(own)), key=lambda k: (-round(float(fit.strength[k]), 9), own[k]))
    score, lower, upper = elo(fit.strength), elo(low), elo(high)
    row["board"] = [
        {
            "model": own[k],
            "elo": round(float(score[k]), 3),
            "low": round(float(lower[k]), 3),
            "high": round(float(upper[k]), 3),
            "rank_low": int(rank_low[k]),
            "rank_high": int(rank_high[k]),
            "judgment_count": int(games[k]),
        }
        for k in order
    ]
    if fit.prior_sd is None and whole.fit.prior_sd is None:
        gap, error = _differences(kinds, whole, encounters, fit, (there, times))
        for line, k in zip(row["board"], order, strict=True):
            line["difference"] = _difference(float(gap[k]), float(error[k]))
    return row


def _games(encounters: Encounters) -> Floats:
    wins, ties = encounters.matrices()
    return np.asarray((wins + wins.T + ties).sum(axis=1))


def _differences(
    kinds: ItemKinds,
    whole: _Whole,
    encounters: Encounters,
    fit: BradleyTerryFit,
    counted: tuple[Ints, Ints],
) -> tuple[Floats, Floats]:
    """How far each strength is from the whole's, in logits, and the standard error of that.

    The part's items are in both fits, so their summed scores vary together:
    var(part) + var(whole) - 2 cov, cov = H_part⁻¹ (sum of the products) H_whole⁻¹.
    """
    there, times = counted
    size = len(fit.strength)
    place = np.searchsorted(whole.encounters.models, encounters.models)
    own = _residuals(kinds.rows, there, _laid_out(kinds, encounters, fit))
    product = times * own[there] * whole.residual[there]
    one = np.searchsorted(encounters.models, kinds.rows[there, 0])
    other = np.searchsorted(encounters.models, kinds.rows[there, 1])
    shared = laplacian(one, other, product, size)
    items = float(times.sum())
    centre = np.eye(size) - 1 / size
    of_whole = whole.inverse[np.ix_(place, place)] @ centre
    covariance = np.diag(inverse_information(encounters, fit) @ shared @ of_whole)
    covariance = covariance * items / (items - 1)
    spread = np.diag(centre @ whole.fit.covariance[np.ix_(place, place)] @ centre)
    gap = fit.strength - centre @ whole.fit.strength[place]
    variance = fit.standard_error**2 + spread - 2 * covariance
    return gap, np.sqrt(np.clip(variance, 0, None))


def _difference(gap: float, error: float) -> dict[str, Any]:
    reach = Z95 * error
    chance = math.erfc(abs(gap) / error / math.sqrt(2)) if error > _LEVEL else 1.0
    return {
        "value": round(ELO_PER_LOGIT * gap, 3),
        "low": round(ELO_PER_LOGIT * (gap - reach), 3),
        "high": round(ELO_PER_LOGIT * (gap + reach), 3),
        "p": chance,
    }


def _add_q(rows: Sequence[dict[str, Any]]) -> None:
    found = [line["difference"] for row in rows for line in row["board"] if "difference" in line]
    q = q_values(np.array([one.pop("p") for one in found], dtype=np.float64))
    for one, value in zip(found, q, strict=True):
        one["q"] = float(f"{value:.4g}")
    for row in rows:
        compared = [line["difference"]["q"] for line in row["board"] if "difference" in line]
        if compared:
            row["differs"] = min(compared) <= Q
