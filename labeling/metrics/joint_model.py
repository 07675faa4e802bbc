"""Strengths, raters, sides and lengths fitted together: what is better, and how sure that is.

Every item has a better answer, drawn by the strengths of its models; each vote that chose a side
names it as often as its rater is reliable. Equations and sources: docs/METRICS.md.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.by_item import sided_votes
from labeling.metrics.fixed_point import fixed_point
from labeling.metrics.joint_cells import SURE, Cells, Pairs, log_logistic, logistic, towards_a
from labeling.metrics.joint_errors import standard_errors
from labeling.metrics.tie_chances import TieChances
from labeling.metrics.votes import A, Floats, Ints, Votes

# Priors, in logits. A rater is taken for one of the pool until their votes say otherwise; the pool
# for one that is right four times in five.
POOL_MEAN: Final = 1.5
POOL_SD: Final = 1.0
RATER_SD: Final = 1.0
STRENGTH_SD: Final = 2.0
LEANING_SD: Final = 1.0
MOST_STEPS: Final = 45
TOLERANCE: Final = 2e-3
_LONGEST: Final = 1.5


@dataclass(frozen=True, eq=False, slots=True)
class JointFit:
    """What was learnt. Logits throughout; indices are those of the votes' models and raters.

    `ability` of a rater is the log-odds of naming the better one, both on an equal footing;
    `side` is added for what stands left and taken away for what stands right; `length` is times
    (length a - length b)/(length a + length b). `votes` and `shared_votes` count each rater's votes
    that chose a side, and those on items where another one did.
    """

    strength: Floats
    ability: Floats
    ability_error: Floats
    side: float
    side_error: float
    length: float
    length_error: float
    ties: TieChances
    votes: Ints
    shared_votes: Ints
    log_likelihood: float
    iterations: int
    converged: bool

    @property
    def reliability(self) -> Floats:
        """Each rater's chance of naming the better one."""
        return logistic(self.ability)


@dataclass(frozen=True, eq=False, slots=True)
class ItemPosterior:
    """For each item the chance that a is the better one, and that the next rater says neither."""

    better_a: Floats
    tie: Floats

    @property
    def expected(self) -> Floats:
        """What the next rater is expected to give a: 1, or a half for a tie."""
        return (1 - self.tie) * self.better_a + self.tie / 2

    @property
    def margin(self) -> Floats:
        """By how much a reward model should put a above b: the logit of `expected`."""
        p = np.clip(self.expected, 1e-9, 1 - 1e-9)
        return np.log(p) - np.log1p(-p)


def joint_model(votes: Votes, sided: Votes | None = None) -> JointFit:
    """The penalised maximum likelihood fit of one vote for each rater and item.

    `sided` are those of the votes that chose a side, where the caller has them already.

    Chen, Bennett, Collins-Thompson and Horvitz (2013), Pairwise ranking aggregation in a
    crowdsourced setting (Crowd-BT), by EM over each item's better answer. A tie says nothing about
    which is better; how often it comes is fitted beside it.
    """
    sided = sided_votes(votes) if sided is None else sided
    pairs = Pairs.of(votes.item_model_a, votes.item_model_b, len(votes.models))
    fit = _Fit(sided, pairs)
    found = fixed_point(fit.step, fit.start, tolerance=TOLERANCE, most_steps=MOST_STEPS)
    ability, leaning, strength = fit.parts(found.point)
    errors, leaning_errors = fit.errors(found.point)
    size = len(votes.raters)
    chose = np.bincount(sided.item, minlength=votes.item_count)
    return JointFit(
        strength=strength,
        ability=ability,
        ability_error=errors,
        side=float(leaning[0]),
        side_error=float(leaning_errors[0]),
        length=float(leaning[1]),
        length_error=float(leaning_errors[1]),
        ties=TieChances.of(votes.answer_counts(), pairs, pairs.gaps(strength)),
        votes=np.bincount(sided.rater, minlength=size),
        shared_votes=np.bincount(sided.rater[chose[sided.item] > 1], minlength=size),
        log_likelihood=found.value,
        iterations=found.iterations,
        converged=found.converged,
    )


def item_posterior(fit: JointFit, votes: Votes, sided: Votes | None = None) -> ItemPosterior:
    """What the fit and an item's own votes say of it; without votes, what the strengths say.

    The votes may be others than the fit was made from, of the same models and raters.
    """
    pairs = Pairs.of(votes.item_model_a, votes.item_model_b, len(votes.models))
    gaps = pairs.gaps(fit.strength)
    sided = sided_votes(votes) if sided is None else sided
    said = said_for_a(fit, sided)
    logit = gaps[pairs.of_item] + np.bincount(sided.item, said, votes.item_count)
    return ItemPosterior(logistic(logit), fit.ties.of_items(votes.answer_counts(), pairs, gaps))


def said_for_a(fit: JointFit, sided: Votes) -> Floats:
    """What each vote that chose a side adds to the log-odds that a is the better one."""
    side, length = towards_a(sided)
    leaning = fit.side * side + fit.length * length
    ability = fit.ability[sided.rater]
    chose_a = np.where(sided.preference == A, 1.0, -1.0)
    right = np.exp(-np.clip(chose_a * (leaning + ability), -SURE, SURE))
    wrong = np.exp(-np.clip(chose_a * (leaning - ability), -SURE, SURE))
    said: Floats = np.log((1 + wrong) / (1 + right))
    return said


class _Fit:
    """One step of EM from a point: abilities, the two leanings, strengths."""

    def __init__(self, sided: Votes, pairs: Pairs) -> None:
        self._cells = Cells.of(sided)
        items = self._cells.by_item.items
        self._pairs = pairs.of_items(items)
        self._items_of_pair = self._pairs.totals(np.ones(len(items)))
        self._raters = len(sided.raters)
        self._has_votes = np.bincount(self._cells.rater, minlength=self._raters) > 0
        self.start = np.concatenate(
            [np.full(self._raters, POOL_MEAN), np.zeros(2 + len(sided.models))]
        )

    def parts(self, point: Floats) -> tuple[Floats, Floats, Floats]:
        """Abilities, leanings (side, length) and strengths of a point."""
        end = self._raters + 2
        return point[: self._raters], point[self._raters : end], point[end:]

    def step(self, point: Floats) -> tuple[Floats, float]:
        """The next point, and the penalised log-likelihood of this one."""
        ability, leaning, strength = self.parts(point)
        better_a, value = self._better(ability, leaning, strength)
        pool = self._pool(ability)
        penalty = (
            ((ability - pool)[self._has_votes] ** 2).sum() / RATER_SD**2
            + (pool - POOL_MEAN) ** 2 / POOL_SD**2
            + (leaning**2).sum() / LEANING_SD**2
            + (strength**2).sum() / STRENGTH_SD**2
        )
        new_ability, new_leaning = self._raters_step(ability, leaning, better_a, pool)
        new_strength = self._strengths_step(strength, better_a)
        return np.concatenate([new_ability, new_leaning, new_strength]), value - penalty / 2

    def _better(self, ability: Floats, leaning: Floats, strength: Floats) -> tuple[Floats, float]:
        """Each item's chance that a is better, and the log-likelihood of all votes."""
        cells = self._cells
        shift = cells.side * leaning[0] + cells.length * leaning[1]
        of_rater = ability[cells.rater]
        right, wrong = log_logistic(shift + of_rater), log_logistic(shift - of_rater)
        gaps = self._pairs.gaps(strength)
        logit = gaps[self._pairs.of_item] + cells.for_a(right - wrong)
        np.clip(logit, -SURE, SURE, out=logit)
        odds = np.exp(-logit)
        # Were b the better one everywhere, votes for a would be wrong and votes for b right.
        if_b = float((cells.n_a * wrong + cells.n_b * right).sum())
        b_wins = float((self._items_of_pair * log_logistic(-gaps)).sum())
        value = if_b + b_wins + float((np.log1p(odds) + logit).sum())
        return 1 / (1 + odds), value

    def _pool(self, ability: Floats) -> float:
        count = int(np.count_nonzero(self._has_votes))
        known = float(ability[self._has_votes].sum()) / RATER_SD**2 + POOL_MEAN / POOL_SD**2
        return known / (count / RATER_SD**2 + 1 / POOL_SD**2)

    def _raters_step(
        self, ability: Floats, leaning: Floats, better_a: Floats, pool: float
    ) -> tuple[Floats, Floats]:
        """One step of Newton's on abilities and leanings together, given what is better."""
        cells, size = self._cells, self._raters
        agree = cells.agreeing(better_a)
        against = cells.n_a + cells.n_b - agree
        shift = cells.side * leaning[0] + cells.length * leaning[1]
        of_rater = ability[cells.rater]
        right, wrong = logistic(shift + of_rater), logistic(shift - of_rater)
        gain, loss = agree * (1 - right), against * (1 - wrong)
        w_right, w_wrong = gain * right, loss * wrong
        x = np.stack([cells.side, cells.length])
        slope = np.bincount(cells.rater, gain - loss, size) - (ability - pool) / RATER_SD**2
        curve = np.bincount(cells.rater, w_right + w_wrong, size) + 1 / RATER_SD**2
        cross = np.stack([np.bincount(cells.rater, (w_right - w_wrong) * row, size) for row in x])
        own_slope = x @ (gain + loss) - leaning / LEANING_SD**2
        own = (x * (w_right + w_wrong)) @ x.T + np.eye(2) / LEANING_SD**2
        # Raters meet one another in the two leanings alone: those are solved for first.
        change = np.linalg.solve(
            own - (cross / curve) @ cross.T, own_slope - cross @ (slope / curve)
        )
        moved = (slope - change @ cross) / curve
        return (
            np.where(self._has_votes, ability + np.clip(moved, -_LONGEST, _LONGEST), pool),
            leaning + np.clip(change, -_LONGEST, _LONGEST),
        )

    def _strengths_step(self, strength: Floats, better_a: Floats) -> Floats:
        """One step of Newton's on the strengths: Bradley-Terry, with one chance for each item."""
        pairs, size = self._pairs, len(strength)
        if not len(pairs.first):
            return np.zeros(size)
        won = pairs.totals(better_a)[:-1]
        n = self._items_of_pair[:-1]
        p = logistic(pairs.gaps(strength)[:-1])
        surplus, weight = won - n * p, n * p * (1 - p)
        slope = np.bincount(pairs.first, surplus, size) - np.bincount(pairs.second, surplus, size)
        curve = np.zeros((size, size))
        np.add.at(curve, (pairs.first, pairs.second), -weight)
        np.add.at(curve, (pairs.second, pairs.first), -weight)
        curve[np.diag_indices(size)] = 1 / STRENGTH_SD**2 - curve.sum(axis=1)
        change = np.linalg.solve(curve, slope - strength / STRENGTH_SD**2)
        moved: Floats = strength + np.clip(change, -_LONGEST, _LONGEST)
        return moved

    def errors(self, point: Floats) -> tuple[Floats, Floats]:
        """Standard errors of the abilities and of the two leanings."""
        ability, leaning, strength = self.parts(point)
        better_a, _ = self._better(ability, leaning, strength)
        return standard_errors(
            self._cells, ability, leaning, better_a, rater_sd=RATER_SD, leaning_sd=LEANING_SD
        )
