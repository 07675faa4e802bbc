"""Strengths, raters, sides and lengths fitted together: what is better, and how sure that is.

Every item has a better answer, drawn by the strengths of its models; each vote that chose a side
names it as often as its rater is reliable. Equations and sources: docs/METRICS.md.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from labeling.metrics.by_item import sided_votes
from labeling.metrics.fixed_point import fixed_point
from labeling.metrics.joint_cells import (
    SURE,
    Cells,
    Pairs,
    log_logistic,
    logistic,
    relative_length,
    towards_a,
)
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
    (length a - length b)/(length a + length b), and so is `longer_better`, which says how much more
    often the longer one is the better one than its model's strength tells. `votes` and
    `shared_votes` count each rater's votes that chose a side, and those on items where another one
    did.
    """

    strength: Floats
    ability: Floats
    ability_error: Floats
    side: float
    side_error: float
    length: float
    length_error: float
    longer_better: float
    longer_better_error: float
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


def joint_model(votes: Votes, sided: Votes | None = None) -> JointFit:
    """The penalised maximum likelihood fit of one vote for each rater and item.

    `sided` are those of the votes that chose a side, where the caller has them already.

    Chen, Bennett, Collins-Thompson and Horvitz (2013), Pairwise ranking aggregation in a
    crowdsourced setting (Crowd-BT), by EM over each item's better answer. A tie says nothing about
    which is better; how often it comes is fitted beside it.
    """
    sided = sided_votes(votes) if sided is None else sided
    pairs = Pairs.of(votes.item_model_a, votes.item_model_b, len(votes.models))
    size = len(votes.raters)
    # Of raters without a vote, LLM judges among them, the fit must not know: they would bend the
    # way to where it settles, by less than its tolerance, yet to be seen.
    known, place = np.unique(sided.rater, return_inverse=True)
    names = tuple(sided.raters[rater] for rater in known)
    fit = _Fit(replace(sided, rater=place, raters=names), pairs)
    found = fixed_point(fit.step, fit.start, tolerance=TOLERANCE, most_steps=MOST_STEPS)
    known_ability, leaning, strength, longer = fit.parts(found.point)
    known_errors, leaning_errors = fit.errors(found.point)
    ability, errors = np.full(size, fit.pool(known_ability)), np.full(size, RATER_SD)
    ability[known], errors[known] = known_ability, known_errors
    chose = np.bincount(sided.item, minlength=votes.item_count)
    return JointFit(
        strength=strength,
        ability=ability,
        ability_error=errors,
        side=float(leaning[0]),
        side_error=float(leaning_errors[0]),
        length=float(leaning[1]),
        length_error=float(leaning_errors[1]),
        longer_better=longer,
        longer_better_error=float(leaning_errors[2]),
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
    logit = gaps[pairs.of_item] + fit.longer_better * relative_length(votes)
    logit += np.bincount(sided.item, said, votes.item_count)
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
        self._length = relative_length(sided)[items]
        self._raters = len(sided.raters)
        self.start = np.concatenate(
            [np.full(self._raters, POOL_MEAN), np.zeros(2 + len(sided.models) + 1)]
        )

    def parts(self, point: Floats) -> tuple[Floats, Floats, Floats, float]:
        """Abilities, leanings (side, length), strengths, and how much better longer ones are."""
        end = self._raters + 2
        return point[: self._raters], point[self._raters : end], point[end:-1], float(point[-1])

    def step(self, point: Floats) -> tuple[Floats, float]:
        """The next point, and the penalised log-likelihood of this one."""
        ability, leaning, strength, longer = self.parts(point)
        gap = self._gaps(strength, longer)
        before = logistic(gap)
        better_a, value = self._better(ability, leaning, gap, before)
        pool = self.pool(ability)
        penalty = (
            ((ability - pool) ** 2).sum() / RATER_SD**2
            + (pool - POOL_MEAN) ** 2 / POOL_SD**2
            + (leaning**2).sum() / LEANING_SD**2
            + ((strength**2).sum() + longer**2) / STRENGTH_SD**2
        )
        new_ability, new_leaning = self._raters_step(ability, leaning, better_a, pool)
        new_strength = self._strengths_step(point[self._raters + 2 :], before, better_a)
        return np.concatenate([new_ability, new_leaning, new_strength]), value - penalty / 2

    def _gaps(self, strength: Floats, longer: float) -> Floats:
        """Each item's log-odds that a is the better one, before its votes."""
        gaps: Floats = self._pairs.gaps(strength)[self._pairs.of_item] + longer * self._length
        return gaps

    def _better(
        self, ability: Floats, leaning: Floats, gap: Floats, before: Floats
    ) -> tuple[Floats, float]:
        """Each item's chance that a is better, and the log-likelihood of all votes.

        `before` is that chance before the votes, whose log-odds are `gap`.
        """
        cells = self._cells
        shift = cells.side * leaning[0] + cells.length * leaning[1]
        of_rater = ability[cells.rater]
        right, wrong = log_logistic(shift + of_rater), log_logistic(shift - of_rater)
        logit = gap + cells.for_a(right - wrong)
        np.clip(logit, -SURE, SURE, out=logit)
        odds = np.exp(-logit)
        # Were b the better one everywhere, votes for a would be wrong and votes for b right.
        if_b = float((cells.n_a * wrong + cells.n_b * right).sum())
        b_wins = float(np.log1p(-before).sum())
        value = if_b + b_wins + float((np.log1p(odds) + logit).sum())
        return 1 / (1 + odds), value

    def pool(self, ability: Floats) -> float:
        """Where raters with these abilities stand on the whole."""
        known = float(ability.sum()) / RATER_SD**2 + POOL_MEAN / POOL_SD**2
        return known / (len(ability) / RATER_SD**2 + 1 / POOL_SD**2)

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
            ability + np.clip(moved, -_LONGEST, _LONGEST),
            leaning + np.clip(change, -_LONGEST, _LONGEST),
        )

    def _strengths_step(self, point: Floats, before: Floats, better_a: Floats) -> Floats:
        """One step of Newton's on the strengths and the worth of length: Bradley-Terry with one
        chance for each item.
        """
        pairs, size = self._pairs, len(point) - 1
        surplus, weight = better_a - before, before * (1 - before)
        of_length = weight * self._length

        def by_model(of_item: Floats) -> Floats:
            sums = pairs.totals(of_item)[:-1]
            for_first = np.bincount(pairs.first, sums, size)
            return (for_first - np.bincount(pairs.second, sums, size)).astype(np.float64)

        slope = np.append(by_model(surplus), float(surplus @ self._length))
        of_pair = pairs.totals(weight)[:-1]
        curve = np.zeros((size + 1, size + 1))
        np.add.at(curve, (pairs.first, pairs.second), -of_pair)
        np.add.at(curve, (pairs.second, pairs.first), -of_pair)
        curve[np.diag_indices(size)] = -curve[:size, :size].sum(axis=1)
        curve[size, :size] = curve[:size, size] = by_model(of_length)
        curve[size, size] = float(of_length @ self._length)
        curve += np.eye(size + 1) / STRENGTH_SD**2
        change = np.linalg.solve(curve, slope - point / STRENGTH_SD**2)
        moved: Floats = point + np.clip(change, -_LONGEST, _LONGEST)
        return moved

    def errors(self, point: Floats) -> tuple[Floats, Floats]:
        """Standard errors of the abilities; of the two leanings and the worth of length."""
        ability, leaning, strength, longer = self.parts(point)
        gap = self._gaps(strength, longer)
        before = logistic(gap)
        better_a, _ = self._better(ability, leaning, gap, before)
        return standard_errors(
            self._cells,
            ability,
            leaning,
            better_a,
            (better_a - before) * self._length,
            precisions=(RATER_SD**-2, LEANING_SD**-2, STRENGTH_SD**-2),
        )
