"""A board for each group of raters, and the errors of whatever is added up of several.

Bradley–Terry within each group. Errors allow for votes on one item being alike and for votes of one
rater being alike: what is said of a group is said of people like these, not of these people alone.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.bradley_terry import (
    FEW_ITEMS,
    BradleyTerryFit,
    Encounters,
    bradley_terry,
    elo,
    rank_ranges,
)
from labeling.metrics.groups import NOBODY, Grouping
from labeling.metrics.tails import t_quantile
from labeling.metrics.votes import Floats, Ints, Votes

INTERVAL: Final = "sandwich clustered by item and by rater, Student's t"
NO_BOARD: Final = "No rater of the group judged two different known models."
NOT_CONNECTED: Final = (
    "Some models never won against, or never lost to, the others in this group, so its strengths "
    "rest on a prior: they are not compared with those of other groups."
)


@dataclass(frozen=True, eq=False, slots=True)
class Cells:
    """The votes of raters in a group between two known models, the lower of which is the first.

    Of each vote: its rater, group, place among the distinct pairs of models, and what it gave the
    first model (1, a half or 0). Of each item and group: votes, and what they gave its first model.
    """

    rater: Ints
    group: Ints
    pair: Ints
    value: Floats
    pair_first: Ints
    pair_second: Ints
    item_pair: Ints
    item_votes: Floats
    item_wins: Floats

    @classmethod
    def of(cls, votes: Votes, grouping: Grouping) -> "Cells":
        """The cells of the raters' first votes."""
        width, size = len(grouping.names), max(len(votes.models), 1)
        a, b = votes.item_model_a.astype(np.int64), votes.item_model_b.astype(np.int64)
        is_ranked = (a >= 0) & (b >= 0) & (a != b)
        low, high = np.minimum(a, b), np.maximum(a, b)
        keys, item_pair = np.unique(np.where(is_ranked, low * size + high, -1), return_inverse=True)
        group = grouping.of_rater[votes.rater]
        kept = (group != NOBODY) & is_ranked[votes.item]
        item, group = votes.item[kept].astype(np.int64), group[kept]
        value = 1 - votes.answer[kept] / 2.0
        value = np.where((a > b)[item], 1 - value, value)
        cell, shape = item * width + group, (votes.item_count, width)
        return cls(
            rater=votes.rater[kept],
            group=group,
            pair=item_pair[item],
            value=value,
            # Items between no two known models have a pair of their own, without votes.
            pair_first=np.maximum(keys, 0) // size,
            pair_second=np.maximum(keys, 0) % size,
            item_pair=item_pair,
            item_votes=np.bincount(cell, minlength=shape[0] * width)
            .reshape(shape)
            .astype(np.float64),
            item_wins=np.bincount(cell, value, shape[0] * width).reshape(shape).astype(np.float64),
        )

    @property
    def pair_count(self) -> int:
        """How many pairs of models there are."""
        return len(self.pair_first)

    def encounters(self, group_count: int) -> list[Encounters]:
        """What each group said of each pair of models, for the fits."""
        half_wins = np.rint(self.value * 2).astype(np.int64)
        cell = (self.group * self.pair_count + self.pair) * 3 + half_wins
        totals = np.bincount(cell, minlength=group_count * self.pair_count * 3)
        totals = totals.reshape(group_count, self.pair_count, 3)
        found = []
        for counts in totals:
            there = np.flatnonzero(counts.sum(axis=1) > 0)
            rows = [self.pair_first, self.pair_second, counts[:, 2], counts[:, 0], counts[:, 1]]
            found.append(Encounters.from_rows(np.stack([row[there] for row in rows], axis=1)))
        return found

    def by_pair(self, of_item: Floats) -> Floats:
        """The sum over the items of each pair of models."""
        return np.bincount(self.item_pair, of_item, self.pair_count).astype(np.float64)

    def laplacian(self, weight: Floats, size: int) -> Floats:
        """Σ weight · (e_i − e_j)(e_i − e_j)ᵀ over the pairs of models."""
        matrix = np.zeros((size, size))
        np.add.at(matrix, (self.pair_first, self.pair_second), -weight)
        np.add.at(matrix, (self.pair_second, self.pair_first), -weight)
        matrix[np.diag_indices(size)] = 0.0
        matrix[np.diag_indices(size)] = -matrix.sum(axis=1)
        return matrix


@dataclass(frozen=True, eq=False, slots=True)
class _Board:
    """One group's fit, laid out by the numbers of all models; absent ones are nought.

    `bread` turns scores into strengths; `own` is the information, and `raters` and `votes` are what
    the scores vary by, summed by rater and by vote. `ridge` is the prior's, where there is one.
    """

    fit: BradleyTerryFit
    models: Ints
    strength: Floats
    bread: Floats
    own: Floats
    raters: Floats
    votes: Floats
    ridge: float
    rater_count: int
    seen: Floats
    games: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Whole:
    """Everybody's board, in a group or not, and the numbers of its models."""

    fit: BradleyTerryFit
    models: Ints

    @classmethod
    def of(cls, votes: Votes) -> "Whole":
        """The board of all the votes."""
        encounters = Encounters.of(votes)
        return cls(bradley_terry(encounters), encounters.models)


@dataclass(frozen=True, eq=False, slots=True)
class GroupBoards:
    """The boards of a grouping, with the covariance that their differences need."""

    grouping: Grouping
    names: tuple[str, ...]
    boards: tuple[_Board, ...]
    # Item-clustered covariance of scores of two groups: they judge the same items.
    items: dict[tuple[int, int], Floats]
    whole: BradleyTerryFit
    whole_models: Ints

    @property
    def compared(self) -> list[int]:
        """The groups whose strengths the data alone give."""
        return [k for k, one in enumerate(self.boards) if len(one.models) > 1 and _is_sound(one)]

    @property
    def common(self) -> Ints:
        """The models that all compared groups judged."""
        shared = set(range(len(self.names)))
        for k in self.compared:
            shared &= set(self.boards[k].models.tolist())
        return np.array(sorted(shared), dtype=np.int64)

    @property
    def is_comparable(self) -> bool:
        """Whether there are two boards with two models in common."""
        return len(self.compared) > 1 and len(self.common) > 1


def group_boards(votes: Votes, grouping: Grouping, whole: Whole | None = None) -> GroupBoards:
    """The boards of the raters' first votes; `whole` is everybody's board, if it is at hand."""
    cells = Cells.of(votes, grouping)
    size, width = max(len(votes.models), 1), len(grouping.names)
    encounters = cells.encounters(width)
    fits = [bradley_terry(one) for one in encounters]
    strength = np.zeros((width, size))
    for place, (one, fit) in enumerate(zip(encounters, fits, strict=True)):
        strength[place, one.models] = fit.strength
    chance = _logistic(strength[:, cells.pair_first] - strength[:, cells.pair_second])
    missed = cells.value - chance[cells.group, cells.pair]
    scores = _scores(cells, missed, (len(votes.raters), size))
    by_vote = np.bincount(
        cells.group * cells.pair_count + cells.pair, missed**2, width * cells.pair_count
    ).reshape(width, cells.pair_count)
    boards = tuple(
        _board(
            cells,
            place,
            fit=fits[place],
            models=encounters[place].models,
            chance=chance[place],
            scores=scores[grouping.of_rater == place],
            by_vote=by_vote[place].astype(np.float64),
        )
        for place in range(width)
    )
    residual = cells.item_wins - cells.item_votes * chance.T[cells.item_pair]
    more = _more(int(np.count_nonzero(cells.item_votes.any(axis=1))))
    items = {}
    for g in range(width):
        for h in range(g, width):
            shared = cells.by_pair(residual[:, g] * residual[:, h])
            items[g, h] = items[h, g] = cells.laplacian(shared, size) * more
    everybody = whole or Whole.of(votes)
    return GroupBoards(
        grouping=grouping,
        names=votes.models,
        boards=boards,
        items=items,
        whole=everybody.fit,
        whole_models=everybody.models,
    )


def _is_sound(board: _Board) -> bool:
    return board.fit.prior_sd is None and board.fit.converged


def _scores(cells: Cells, missed: Floats, shape: tuple[int, int]) -> Floats:
    """Each rater's summed scores, one for each model."""
    row = cells.rater.astype(np.int64) * shape[1]
    length = shape[0] * shape[1]
    scores = np.bincount(row + cells.pair_first[cells.pair], missed, length)
    scores = scores - np.bincount(row + cells.pair_second[cells.pair], missed, length)
    return scores.astype(np.float64).reshape(shape)


def _board(
    cells: Cells,
    group: int,
    *,
    fit: BradleyTerryFit,
    models: Ints,
    chance: Floats,
    scores: Floats,
    by_vote: Floats,
) -> _Board:
    size = scores.shape[1]
    count = cells.item_votes[:, group]
    games = cells.by_pair(count)
    ridge = 0.0 if fit.prior_sd is None else fit.prior_sd**-2
    information = cells.laplacian(games * chance * (1 - chance), size)
    strength, bread = np.zeros(size), np.zeros((size, size))
    strength[models] = fit.strength
    if len(models) > 1:
        place = np.ix_(models, models)
        fill = 0.0 if ridge else 1 / len(models)
        bread[place] = np.linalg.inv(information[place] + fill + ridge * np.eye(len(models))) - fill
    items = cells.by_pair((count > 0).astype(np.float64))
    raters = int(np.count_nonzero(scores.any(axis=1)))
    return _Board(
        fit=fit,
        models=models,
        strength=strength,
        bread=bread,
        own=information,
        raters=np.asarray(scores.T @ scores * _more(raters), dtype=np.float64),
        votes=cells.laplacian(by_vote, size) * _more(int(count.sum())),
        ridge=ridge,
        rater_count=raters,
        seen=_by_model(cells, items, size),
        games=_by_model(cells, games, size),
    )


def _by_model(cells: Cells, of_pair: Floats, size: int) -> Floats:
    first = np.bincount(cells.pair_first, of_pair, size)
    return (first + np.bincount(cells.pair_second, of_pair, size)).astype(np.float64)


def _more(count: int) -> float:
    return count / (count - 1) if count > 1 else 1.0


def _logistic(gap: Floats) -> Floats:
    chance: Floats = np.exp(-np.logaddexp(0, -gap))
    return chance


def diagonal(left: Floats, middle: Floats, right: Floats) -> Floats:
    """The diagonal of left · middle · rightᵀ, without the rest of it."""
    values: Floats = np.einsum("ij,ij->i", left @ middle, right)
    return values


def variance(boards: GroupBoards, weights: dict[int, Floats]) -> Floats:
    """The variance of a weighted sum of boards, for each model.

    `weights` has for each group the matrix that takes its strengths to its part of the sum. Two-way
    clustering (Cameron, Gelbach and Miller 2011, Robust inference with multiway clustering): by
    item plus by rater less by vote; never less than either alone, since the difference of small
    samples may be. Where a model has few items in a group, never less than its own information.
    """
    parts = {g: weight @ boards.boards[g].bread for g, weight in weights.items()}
    size = len(boards.names)
    by_item, by_rater, by_vote, own, prior = (np.zeros(size) for _ in range(5))
    few = np.zeros(size, dtype=np.bool_)
    for g, left in parts.items():
        board = boards.boards[g]
        by_rater += diagonal(left, board.raters, left)
        by_vote += diagonal(left, board.votes, left)
        # With a prior its own spread belongs to the uncertainty, as in the leaderboard.
        of_prior = board.ridge * (left**2).sum(axis=1)
        prior += of_prior
        own += diagonal(left, board.own, left) + of_prior
        few |= board.seen < FEW_ITEMS
        for h, right in parts.items():
            by_item += diagonal(left, boards.items[g, h], right)
    found: Floats = np.maximum.reduce([by_item + by_rater - by_vote, by_item, by_rater]) + prior
    return np.where(few | (found < 1e-12), np.maximum(found, own), found)


def board_rows(boards: GroupBoards, group: int) -> list[dict[str, Any]]:
    """The board of one group, best first, on its own scale: Elo, limits, rank range, judgments."""
    board = boards.boards[group]
    models = board.models
    if len(models) < 2:
        return []
    reach = t_quantile(0.05, max(board.rater_count - 1, 1))
    spread = np.sqrt(variance(boards, {group: np.eye(len(boards.names))})[models])
    spread = spread * reach
    strength = board.strength[models]
    rank_low, rank_high = rank_ranges(strength - spread, strength + spread)
    rows = [
        {
            "model": boards.names[int(model)],
            "elo": elo_of(strength[k]),
            "low": elo_of(strength[k] - spread[k]),
            "high": elo_of(strength[k] + spread[k]),
            "judgment_count": int(board.games[model]),
            "rank_low": int(rank_low[k]),
            "rank_high": int(rank_high[k]),
        }
        for k, model in enumerate(models)
    ]
    return sorted(rows, key=lambda row: (-row["elo"], row["model"]))


def elo_of(strength: float) -> float:
    """A strength on the Elo scale, as a report keeps it."""
    return round(float(elo(np.asarray(strength, dtype=np.float64))), 3)
