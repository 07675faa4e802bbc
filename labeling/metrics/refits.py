"""Bradley-Terry fits near one that is known: of items drawn again, and of votes taken away."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.bradley_terry import BradleyTerryFit, Encounters
from labeling.metrics.patterns import BOOTSTRAP_DRAWS, BOOTSTRAP_SEED, collapse
from labeling.metrics.votes import Bools, Floats, Ints

DRAWN_ITEMS: Final = "percentile bootstrap of items"
_MOST_WORK: Final = 4_000_000
_FEWEST_DRAWS: Final = 100
_MOST_CELLS: Final = 2_000_000
_MANY_ITEMS: Final = 10_000
_MOST_STEPS: Final = 60
# In logits: a five-hundredth of an Elo point.
_TOLERANCE: Final = 1e-5
_BEYOND: Final = 20.0
# More draws than this without a finite maximum, and their limits would be of the others alone.
_MOST_LOST: Final = 0.05


@dataclass(frozen=True, eq=False, slots=True)
class Draws:
    """Strengths of each draw (rows) with mean zero, of the draws that have them; or why not.

    `lost` draws had no finite maximum and are left out.
    """

    strength: Floats
    lost: int
    why: str = ""


def draw_count(encounters: Encounters) -> int:
    """How many draws a report affords: 1,000, or fewer where very many items all differ."""
    kinds = max(len(encounters.first), 1)
    return int(min(BOOTSTRAP_DRAWS, max(_FEWEST_DRAWS, _MOST_WORK // kinds)))


def bootstrap(encounters: Encounters, fit: BradleyTerryFit, draws: int) -> Draws:
    """Strengths of items drawn with replacement (Efron and Tibshirani 1993), with a fixed seed.

    Drawing items is drawing how often each kind of item comes. All draws are solved together by
    steps of the whole's information, which is near to that of each; the few that do not settle so
    take Newton's own steps.
    """
    none = np.zeros((0, encounters.model_count))
    if encounters.model_count < 2:
        return Draws(none, 0, "Fewer than two models were compared.")
    if fit.prior_sd is not None:
        return Draws(none, 0, "Some models never win against, or never lose to, the others.")
    first, second, wins, games = _drawn_totals(encounters, draws)
    theta, settled = _by_fixed_steps(first, second, wins, games, fit.strength)
    size = encounters.model_count
    lost = 0
    for row in np.flatnonzero(~settled):
        matrix = np.zeros((size, size))
        matrix[first, second] = wins[row]
        matrix[second, first] = games[row] - wins[row]
        own = refit(matrix, fit.strength)
        if own is None:
            lost += 1
        else:
            theta[row], settled[row] = own, True
    if lost > _MOST_LOST * draws:
        why = (
            f"In {lost} of {draws} draws some model never won against, or never lost to, the"
            " others: there are too few items."
        )
        return Draws(none, lost, why)
    return Draws(theta[settled], lost)


def _drawn_totals(encounters: Encounters, draws: int) -> tuple[Ints, Ints, Floats, Floats]:
    """Each pair of models, and its half wins and votes by draw (rows)."""
    # Kinds of items that count alike in the fit are one.
    columns = [encounters.first, encounters.second, 2 * encounters.half_tie_wins, encounters.votes]
    kinds, times = collapse(
        np.rint(np.stack(columns, axis=1)).astype(np.int64),
        np.rint(encounters.multiplicity).astype(np.int64),
    )
    pairs, starts = np.unique(kinds[:, :2], axis=0, return_index=True)
    random = np.random.default_rng(BOOTSTRAP_SEED)
    wins = np.empty((draws, len(pairs)))
    games = np.empty((draws, len(pairs)))
    step = max(_MOST_CELLS // len(kinds), 1)
    for start in range(0, draws, step):
        rows = slice(start, min(start + step, draws))
        drawn = _drawn(random, times, rows.stop - rows.start)
        wins[rows] = np.add.reduceat(drawn * kinds[:, 2], starts, axis=1) / 2
        games[rows] = np.add.reduceat(drawn * kinds[:, 3], starts, axis=1)
    return pairs[:, 0], pairs[:, 1], wins, games


def _drawn(random: np.random.Generator, times: Ints, draws: int) -> Ints:
    """How often each kind comes in a draw of as many items as there are: one row for each draw."""
    count = int(times.sum())
    if count < _MANY_ITEMS:
        return random.multinomial(count, times / count, size=draws)
    # Each item comes a Poisson(1) number of times: the same limits, in half the time (Chamandy et
    # al. 2012, Estimating uncertainty for massive data streams).
    return random.poisson(times, size=(draws, len(times)))


def _by_fixed_steps(
    first: Ints, second: Ints, wins: Floats, games: Floats, start: Floats
) -> tuple[Floats, Bools]:
    size = len(start)
    reach = np.zeros((len(first), size))
    reach[np.arange(len(first)), first] = 1
    reach[np.arange(len(first)), second] = -1
    chance = 1 / (1 + np.exp(start[second] - start[first]))
    weight = games.mean(axis=0) * chance * (1 - chance)
    inverse = np.linalg.inv((reach.T * weight) @ reach + 1 / size) - 1 / size
    to_step = reach @ inverse
    theta = np.tile(start, (len(wins), 1))
    settled = np.zeros(len(wins), dtype=np.bool_)
    active = np.arange(len(wins))
    for _ in range(_MOST_STEPS):
        at = theta[active]
        gap = at.take(second, axis=1) - at.take(first, axis=1)
        np.exp(gap, out=gap)
        gap += 1
        step = (wins[active] - games[active] / gap) @ to_step
        # Far from the start the whole's information is too small a brake.
        longest = np.abs(step).max(axis=1)
        theta[active] += step / np.maximum(longest, 1)[:, None]
        settled[active[longest < _TOLERANCE]] = True
        active = active[(longest >= _TOLERANCE) & (np.abs(theta[active]).max(axis=1) < _BEYOND)]
        if not len(active):
            break
    return theta, settled


def refit(wins: Floats, start: Floats, *, ridge: float = 0.0) -> Floats | None:
    """Strengths with mean zero of half wins (row over column); None without a finite maximum."""
    size = len(start)
    games = wins + wins.T
    theta = start - start.mean()
    for _ in range(_MOST_STEPS):
        chance = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
        slope = (wins - games * chance).sum(axis=1) - ridge * theta
        weight = games * chance * (1 - chance)
        curve = -weight
        curve[np.diag_indices(size)] = weight.sum(axis=1) + ridge
        try:
            step = np.linalg.solve(curve + (1 / size if ridge == 0 else 0), slope)
        except np.linalg.LinAlgError:
            return None
        longest = float(np.abs(step).max())
        if not np.isfinite(longest) or np.abs(theta).max() > _BEYOND:
            return None
        theta = theta + step / max(longest, 1)
        theta -= theta.mean()
        if longest < _TOLERANCE:
            return np.asarray(theta)
    return None


def inverse_information(encounters: Encounters, fit: BradleyTerryFit) -> Floats:
    """The inverse of the fit's information on the mean-zero space, or with its prior."""
    size = encounters.model_count
    if size < 2:
        return np.zeros((size, size))
    wins, ties = encounters.matrices()
    theta = fit.strength
    chance = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    curve = -(wins + wins.T + ties) * chance * (1 - chance)
    curve[np.diag_indices(size)] = 0
    curve[np.diag_indices(size)] = -curve.sum(axis=1)
    if fit.prior_sd is not None:
        return np.linalg.inv(curve + np.eye(size) / fit.prior_sd**2).astype(np.float64)
    return np.linalg.inv(curve + 1 / size).astype(np.float64) - 1 / size
