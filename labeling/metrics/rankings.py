"""The report's `rankings`: other models of ties, items drawn again, style, firmness and parts."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from labeling.metrics import flips, refits, style, tie_models
from labeling.metrics.bradley_terry import (
    BradleyTerryFit,
    Encounters,
    bradley_terry,
    elo,
    rank_ranges,
)
from labeling.metrics.estimates import Z95, Estimate
from labeling.metrics.leaderboard import NO_MODELS, SANDWICH, TIE_RULE
from labeling.metrics.slices import INTERVAL as OF_DIFFERENCE
from labeling.metrics.slices import ItemKinds, Part, part_rows
from labeling.metrics.style import Features, StyleFit
from labeling.metrics.votes import Floats, Ints, Votes

MODELS: Final = {
    "davidson": ("Davidson", "P(i) : P(j) : P(tie) = p_i : p_j : ν√(p_i p_j)", "ν"),
    "rao_kupper": ("Rao–Kupper", "P(i) = p_i/(p_i + η p_j)", "η"),
}
_OWN_ERRORS: Final = (
    "Too few items, or votes that vary too little, for the sandwich: the wider limits of the"
    " model's own information are shown for "
)
NO_PAIRS: Final = "Fewer than two models were compared."


def rankings(
    votes: Votes,
    *,
    features: Features,
    parts: Mapping[str, Sequence[Part]],
    draws: int | None = None,
) -> dict[str, Any]:
    """All of the ranking beyond the leaderboard, as JSON-ready values.

    `votes` are those of the leaderboard: people's first votes on items without a known answer.
    `features` count styles of each item's a and b; `parts` are items by tag, language and round.
    `draws` is how often items are drawn again; without it as often as a report affords.
    """
    kinds = ItemKinds.of(votes)
    encounters, _, _ = kinds.encounters()
    fit = bradley_terry(encounters)
    names = [votes.models[number] for number in encounters.models]
    order = np.array(
        sorted(range(len(names)), key=lambda k: (-round(float(fit.strength[k]), 9), names[k])),
        dtype=np.int64,
    )
    count = round(float((encounters.votes * encounters.multiplicity).sum()))
    return {
        "judgment_count": count,
        "item_count": fit.item_count,
        "is_connected": len(fit.components) == 1 and bool(names),
        "components": [sorted(names[k] for k in group) for group in fit.components],
        "tie_rule": TIE_RULE,
        "tie_models": {
            "davidson": _tie_model("davidson", tie_models.davidson(encounters), encounters, names),
            "rao_kupper": _tie_model(
                "rao_kupper", tie_models.rao_kupper(encounters), encounters, names
            ),
        },
        "bootstrap": _bootstrap(encounters, fit, names, order, draws),
        "style": style_section(votes, features),
        "flips": _flips(encounters, fit, names, order, count),
        "parts": part_rows(kinds, votes.models, parts),
        "methods": {"differences": OF_DIFFERENCE, "bootstrap": refits.DRAWN_ITEMS},
        **({} if names else {"why": NO_MODELS}),
    }


def _board(names: Sequence[str], strength: Floats, error: Floats) -> list[dict[str, Any]]:
    """Rows best first on the Elo scale, with limits and rank ranges."""
    low, high = elo(strength - Z95 * error), elo(strength + Z95 * error)
    rank_low, rank_high = rank_ranges(low, high)
    score = elo(strength)
    order = sorted(range(len(names)), key=lambda k: (-round(float(strength[k]), 9), names[k]))
    return [
        {
            "model": names[k],
            "strength": float(strength[k]),
            "elo": float(score[k]),
            "low": float(low[k]),
            "high": float(high[k]),
            "rank_low": int(rank_low[k]),
            "rank_high": int(rank_high[k]),
        }
        for k in order
    ]


def _tie_model(
    key: str, fit: tie_models.TieModelFit, encounters: Encounters, names: Sequence[str]
) -> dict[str, Any]:
    name, formula, symbol = MODELS[key]
    items = round(float(encounters.multiplicity.sum()))
    row: dict[str, Any] = {
        "name": name,
        "formula": formula,
        "symbol": symbol,
        "rows": [],
        "interval": SANDWICH,
        "log_likelihood": fit.log_likelihood,
    }
    if fit.strength is None or fit.standard_error is None or fit.tie_limits is None:
        why = fit.why or f"Newton's method had not settled after {fit.iterations} steps."
        absent = Estimate.undefined(why, unit="items", n=items)
        return row | {"tie_parameter": absent.as_json(), "why": why}
    row["rows"] = _board(names, fit.strength, fit.standard_error)
    row["tie_parameter"] = Estimate(
        fit.tie_parameter, *fit.tie_limits, items, "items", f"{SANDWICH}, on the logarithm"
    ).as_json()
    if fit.is_widened is not None and fit.is_widened.any():
        widened = [names[int(k)] for k in np.flatnonzero(fit.is_widened)]
        row["note"] = f"{_OWN_ERRORS}{', '.join(sorted(widened))}."
    return row


def _bootstrap(
    encounters: Encounters,
    fit: BradleyTerryFit,
    names: Sequence[str],
    order: Ints,
    draws: int | None,
) -> dict[str, Any]:
    """Limits of each model's Elo and rank, and how often it comes first, over the draws."""
    number = draws or refits.draw_count(encounters)
    drawn = refits.bootstrap(encounters, fit, number)
    row: dict[str, Any] = {
        "draws": number,
        "lost_draws": drawn.lost,
        "interval": f"{refits.DRAWN_ITEMS}, {number:,} draws",
        "rows": [],
    }
    if drawn.why:
        return row | {"why": drawn.why}
    score = elo(drawn.strength)
    low, high = np.percentile(score, [2.5, 97.5], axis=0)
    rank = 1 + np.argsort(np.argsort(-score, axis=1, kind="stable"), axis=1)
    rank_low, rank_high = np.percentile(rank, [2.5, 97.5], axis=0, method="nearest")
    first = (rank == 1).mean(axis=0)
    row["rows"] = [
        {
            "model": names[k],
            "low": round(float(low[k]), 3),
            "high": round(float(high[k]), 3),
            "rank_low": int(rank_low[k]),
            "rank_high": int(rank_high[k]),
            "first": float(first[k]),
        }
        for k in order
    ]
    return row


def style_section(votes: Votes, features: Features) -> dict[str, Any]:
    """The board at equal style beside the plain one of the same votes, and what each style adds."""
    fit = style.style_fit(votes, features)
    section: dict[str, Any] = {
        "judgment_count": fit.vote_count,
        "item_count": fit.item_count,
        "judgments_left_out": fit.votes_left_out,
        "tie_rule": TIE_RULE,
        "interval": SANDWICH,
        "coefficients": [],
        "rows": [],
        "left_out": dict(fit.left_out),
        "prior_sd": fit.prior_sd,
    }
    if fit.why:
        return section | {"why": fit.why}
    names = [votes.models[int(number)] for number in fit.models]
    section["coefficients"] = [
        {"style": one.name, "sd": one.sd}
        | Estimate(
            one.value,
            one.value - Z95 * one.standard_error,
            one.value + Z95 * one.standard_error,
            fit.vote_count,
            "votes",
            SANDWICH,
        ).as_json()
        for one in fit.coefficients
    ]
    plain = {row["model"]: row for row in _board(names, fit.plain, fit.plain_error)}
    place = {name: k for k, name in enumerate(plain, start=1)}
    changes = dict(zip(names, _changes(fit), strict=True))
    section["rows"] = [
        row
        | {
            "plain_elo": plain[row["model"]]["elo"],
            "plain_place": place[row["model"]],
            "place": k,
            "change": changes[row["model"]],
        }
        for k, row in enumerate(_board(names, fit.strength, fit.standard_error), start=1)
    ]
    return section


def _changes(fit: StyleFit) -> list[dict[str, Any]]:
    """What control of style takes from or gives to each model, in Elo points."""
    centre = elo(np.zeros(1))[0]
    gap = elo(fit.strength - fit.plain) - centre
    reach = elo(Z95 * fit.change_error) - centre
    return [
        {"value": float(gap[k]), "low": float(gap[k] - reach[k]), "high": float(gap[k] + reach[k])}
        for k in range(len(fit.models))
    ]


def _flips(
    encounters: Encounters, fit: BradleyTerryFit, names: Sequence[str], order: Ints, votes: int
) -> dict[str, Any]:
    """What it takes to turn neighbouring pairs, the top two first; or why nothing is known."""
    section: dict[str, Any] = {"rows": [], "judgment_count": votes, "most_pairs": flips.MOST_PAIRS}
    if len(names) < 2:
        return section | {"why": NO_PAIRS}
    if fit.prior_sd is not None:
        return section | {"why": flips.UNDEFINED}
    section["rows"] = [
        {
            "upper": names[one.upper],
            "lower": names[one.lower],
            "count": one.count,
            "share": one.count / votes,
            "is_exact": one.is_exact,
            "removed": [
                {"winner": names[r.winner], "loser": names[r.loser], "count": r.count}
                for r in one.removed
            ],
        }
        for one in flips.flips(encounters, fit, order)
    ]
    return section
