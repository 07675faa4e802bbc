"""The leaderboard and the win matrix, as rows a report can show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.bradley_terry import (
    BradleyTerryFit,
    Encounters,
    bradley_terry,
    elo,
    limits,
    rank_ranges,
)
from labeling.metrics.estimates import WILSON, wilson
from labeling.metrics.votes import Votes

MODEL: Final = "Bradley–Terry, maximum likelihood"
TIE_RULE: Final = "a tie (or both bad) is half a win to each model"
SANDWICH: Final = "sandwich, clustered by item"
NO_MODELS: Final = "No judged comparison is between two different known models."


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Rows best first, the win matrix in the same order, and how both were made."""

    rows: list[dict[str, Any]]
    win_matrix: dict[str, Any]
    method: dict[str, Any]


def leaderboard(votes: Votes) -> Leaderboard:
    """Models by strength with Elo, limits (on the Elo scale), rank range and their record."""
    return leaderboard_of(Encounters.of(votes), votes.models)


def leaderboard_of(encounters: Encounters, models: Sequence[str]) -> Leaderboard:
    """The leaderboard of these encounters; `models` are the names by the encounters' numbers."""
    fit = bradley_terry(encounters)
    names = [models[number] for number in encounters.models]
    wins, ties = encounters.matrices()
    won, lost, tied = wins.sum(axis=1), wins.sum(axis=0), ties.sum(axis=1)
    games = won + lost + tied
    score = elo(fit.strength)
    low, high = (elo(limit) for limit in limits(fit))
    rank_low, rank_high = rank_ranges(low, high)
    # Equal strengths stand in the order of names, whatever the last digit says.
    order = sorted(range(len(names)), key=lambda k: (-round(float(fit.strength[k]), 9), names[k]))
    rows = [
        {
            "model": names[k],
            "strength": float(fit.strength[k]),
            "elo": float(score[k]),
            "low": float(low[k]),
            "high": float(high[k]),
            "win_rate": float((won[k] + tied[k] / 2) / games[k]),
            "wins": int(won[k]),
            "losses": int(lost[k]),
            "ties": int(tied[k]),
            "judgment_count": int(games[k]),
            "rank_low": int(rank_low[k]),
            "rank_high": int(rank_high[k]),
        }
        for k in order
    ]
    cells = [
        [_cell(float(wins[k, c]), float(ties[k, c]), float(wins[c, k])) for c in order]
        for k in order
    ]
    win_matrix: dict[str, Any] = {
        "models": [names[k] for k in order],
        "cells": cells,
        "interval": WILSON,
        "tie_rule": TIE_RULE,
    }
    if not rows:
        win_matrix["why"] = NO_MODELS
    elif any(cell is None for k, row in enumerate(cells) for c, cell in enumerate(row) if c != k):
        win_matrix["why"] = "An empty cell is a pair of models that was never judged."
    return Leaderboard(rows, win_matrix, _method(fit, names))


def _cell(wins: float, ties: float, losses: float) -> dict[str, Any] | None:
    n = wins + ties + losses
    if n == 0:
        return None
    low, high = wilson(wins + ties / 2, n)
    return {"value": (wins + ties / 2) / n, "low": low, "high": high, "n": int(n)}


def _method(fit: BradleyTerryFit, names: list[str]) -> dict[str, Any]:
    connected = len(fit.components) == 1
    components = [sorted(names[k] for k in component) for component in fit.components]
    notes = []
    if fit.prior_sd is not None:
        notes.append(
            "Some models never won against, or never lost to, the others, so the likelihood alone "
            f"has no finite maximum. A normal prior (mean 0, sd {fit.prior_sd:g} logits) was "
            "added; distances between the groups listed under components rest on it."
        )
    widened = sorted(names[k] for k in np.flatnonzero(fit.is_widened))
    if widened:
        notes.append(
            "The votes vary too little between items, or there are too few items, for the sandwich "
            f"to be trusted for {', '.join(widened)}: the wider limits of the model's own "
            "information are shown."
        )
    if not fit.converged:
        notes.append(f"Newton's method had not settled after {fit.iterations} steps.")
    method: dict[str, Any] = {
        "model": MODEL if fit.prior_sd is None else f"{MODEL}, with a normal prior",
        "tie_rule": TIE_RULE,
        "scale": "Elo = 1000 + 400/ln 10 × strength, mean strength 0; low and high are Elo",
        "interval": SANDWICH,
        "widened": widened,
        "is_connected": connected and bool(names),
        "components": components,
        "prior_sd": fit.prior_sd,
        "item_count": fit.item_count,
        "iterations": fit.iterations,
        "is_converged": fit.converged,
        "notes": notes,
    }
    if not names:
        method["why"] = NO_MODELS
    return method
