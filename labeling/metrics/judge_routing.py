"""What comes of letting a judge decide what it is sure of: accuracy expected, and audited.

Accuracy is how often a decision is the one that most of a panel of people would take. A judge's is
its agreement with people's majority. People's is how often another panel's majority would be the
same: its own majority cannot disagree with itself, so it is foretold from how raters split over
items (a Dirichlet-multinomial of the answers of an item, whose numbers are fitted by maximum
likelihood with Minka's (2000) fixed point; a and b are alike). Both are measured against the same
majorities, so they can be set beside one another and mixed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np

from labeling.metrics.agreement import Statistic, estimate
from labeling.metrics.estimates import Estimate, wilson
from labeling.metrics.judge_agreement import majority_shares
from labeling.metrics.judge_calibration import credit
from labeling.metrics.patterns import ItemPatterns, collapse
from labeling.metrics.votes import Bools, Floats, Ints

# Items judged by both before a judge may decide anything alone.
LEAST_TOGETHER: Final = 100
CUTS: Final = tuple(round(0.5 + 0.05 * k, 2) for k in range(11))
# Below every figure and above: the judge alone, people alone.
EVERYTHING: Final = 0.0
NOTHING: Final = 2.0
MOST_PANEL: Final = 15
# So many of them must be such as the judge would decide: a promise about fewer is none.
LEAST_DECIDED: Final = 20
# A false alarm in at most one routing of twenty, however often it is looked at.
ALARM: Final = 20.0
_STAKES: Final = (0.1, 0.25, 0.5, 0.75)
_MILLION: Final = 1_000_000
_NO_PEOPLE: Final = "No person voted on this judge's items."
_NO_PANEL: Final = "No item of this judge's was judged by two people, so none can be foretold."
_NO_CURVE: Final = "How sure the judge is was not weighed against people yet."
_NOTHING_OVER: Final = "The judge is this sure of no item that people judged too."
_WORSE: Final = "The judge agrees with people's majority less often than one person would."
_BETTER: Final = (
    f"The judge agrees with people's majority as often as more than {MOST_PANEL} would."
)
_NO_AUDIT: Final = "No audited comparison has its people's judgments yet."


@dataclass(frozen=True, eq=False, slots=True)
class Expectations:
    """Accuracy by how much the judge decides; `in_people` is how many people are right as often."""

    n: int
    people: Estimate
    judge: Estimate
    points: list[dict[str, Any]]
    in_people: Estimate
    panel: int
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        """Plain values, without `in_people`, which has a place of its own."""
        row = {
            "n": self.n,
            "people": self.people.as_json(),
            "judge": self.judge.as_json(),
            "points": self.points,
            "panel": self.panel,
        }
        return row | ({"why": self.why} if self.why else {})


def expectations(answer: Ints, people: Ints, expected: Floats, *, panel: int) -> Expectations:
    """Of verdicts, people's counts on their items, and cross-fitted figures (NaN: none).

    `panel` is how many people decide what the judge does not.
    """
    counted = people.sum(axis=1) > 0
    people, figure = people[counted], expected[counted]
    right = credit(answer[counted], people)
    size = min(panel, MOST_PANEL)
    foretold = panel_agreement(people, size)
    judge = _mixed(np.ones(len(right), np.bool_), right, right, why=_NO_PEOPLE)["accuracy"]
    if foretold is None:
        nobody = Estimate.undefined(_NO_PANEL, unit="items", n=len(right))
        why = _NO_PANEL if len(right) else _NO_PEOPLE
        return Expectations(len(right), nobody, judge, [], nobody, panel, why)
    none = np.zeros(len(right), np.bool_)
    alone = _mixed(none, right, foretold, why=_NO_PEOPLE)["accuracy"]
    in_people = _in_people(people, judge)
    known = ~np.isnan(figure)
    if not known.any():
        return Expectations(len(right), alone, judge, [], in_people, panel, _NO_CURVE)
    figure, right, foretold = figure[known], right[known], foretold[known]
    points = [
        {
            "cut": cut,
            **{
                name: one.as_json()
                for name, one in _mixed(figure >= cut, right, foretold, why=_NOTHING_OVER).items()
            },
        }
        for cut in (EVERYTHING, *CUTS, NOTHING)
    ]
    return Expectations(int(known.sum()), alone, judge, points, in_people, panel)


def _mixed(by_judge: Bools, right: Floats, foretold: Floats, *, why: str) -> dict[str, Estimate]:
    """Share decided by the judge, accuracy of those, and of all with people deciding the rest."""
    rows = np.stack(
        [
            by_judge.astype(np.int64),
            np.round(right * _MILLION).astype(np.int64),
            np.round(foretold * _MILLION).astype(np.int64),
            np.ones(len(right), np.int64),
        ],
        axis=1,
    )

    def features(counts: Floats) -> Floats:
        decided, judge, panel, one = counts.T
        judge, panel = judge / _MILLION, panel / _MILLION
        return np.stack(
            [decided, decided * judge, np.where(decided > 0, judge, panel), one], axis=1
        )

    def of(numerator: int, denominator: int, *, is_share: bool = False) -> Statistic:
        return Statistic(
            lambda counts: features(counts)[:, [numerator, denominator]],
            lambda totals: totals[..., 0] / totals[..., 1],
            lambda totals: float(totals[1]),
            "items",
            why,
            is_proportion=is_share,
        )

    names = ("share", "judge_accuracy", "accuracy")
    wanted = (of(0, 3, is_share=True), of(1, 0, is_share=True), of(2, 3))
    return dict(zip(names, estimate(ItemPatterns.of(rows), wanted), strict=True))


def dirichlet(people: Ints) -> tuple[float, float] | None:
    """How items differ in what people say of them: the numbers of a side and of a tie.

    None where no item has two votes, which alone say how far people of one item are alike.
    """
    rows, times = collapse(people[people.sum(axis=1) > 0])
    if not len(rows) or rows.sum(axis=1).max() < 2:
        return None
    side, tie = 1.0, 0.5
    totals = rows.sum(axis=1)
    for _ in range(2000):
        below = float((times * _harmonic(totals, 2 * side + tie)).sum())
        sides = (times * (_harmonic(rows[:, 0], side) + _harmonic(rows[:, 2], side))).sum() / 2
        ties = (times * _harmonic(rows[:, 1], tie)).sum()
        # Neither may vanish, nor grow beyond all bounds where people answer as if by lot.
        before = (side, tie)
        side = min(max(side * float(sides) / below, 1e-3), 1e3)
        tie = min(max(tie * float(ties) / below, 1e-6), 1e3)
        if abs(side - before[0]) < 1e-8 * side and abs(tie - before[1]) < 1e-8 * tie:
            break
    return side, tie


def _harmonic(counts: Ints, start: float) -> Floats:
    """Σ 1/(start + j) for j below each count: the difference of two digammas."""
    most = int(counts.max(initial=0))
    steps = np.concatenate([[0.0], np.cumsum(1 / (start + np.arange(most)))])
    total: Floats = steps[counts]
    return total


def panel_agreement(
    people: Ints, panel: int, *, numbers: tuple[float, float] | None = None
) -> Floats | None:
    """For each item how likely `panel` other people have the majority of those who voted.

    A tied majority is shared out among its answers. None where it cannot be foretold. `numbers`
    are those of `dirichlet`, where they are known.
    """
    numbers = numbers or dirichlet(people)
    if numbers is None:
        return None
    rows, place = np.unique(people, axis=0, return_inverse=True)
    side, tie = numbers
    after = rows + np.array([side, tie, side])
    panels = np.array(
        [(a, t, panel - a - t) for a, t in product(range(panel + 1), repeat=2) if a + t <= panel]
    )
    gamma = np.vectorize(math.lgamma, otypes=[np.float64])
    ways = math.lgamma(panel + 1) - gamma(panels + 1.0).sum(axis=1)
    log = gamma(after[:, None, :] + panels[None, :, :]) - gamma(after)[:, None, :]
    total = after.sum(axis=1)
    chance = np.exp(
        log.sum(axis=2) + ways[None, :] + (gamma(total) - gamma(total + panel))[:, None]
    )
    alike = majority_shares(rows.astype(np.float64)) @ majority_shares(panels.astype(np.float64)).T
    foretold: Floats = (chance * alike).sum(axis=1)[place.reshape(-1)]
    return foretold


def _in_people(people: Ints, judge: Estimate) -> Estimate:
    """How many people's majority is right as often as the judge: between two sizes, on a line."""
    if judge.value is None or judge.low is None or judge.high is None:
        return Estimate.undefined(_NO_PEOPLE, unit="people")
    # Odd sizes: an even panel may tie, and is then as good as one person fewer.
    sizes = np.arange(1, MOST_PANEL + 1, 2, dtype=np.float64)
    numbers = dirichlet(people)
    by_size: list[float] = []
    for size in sizes:
        foretold = panel_agreement(people, int(size), numbers=numbers)
        if foretold is None:
            return Estimate.undefined(_NO_PANEL, unit="people")
        by_size.append(max([float(foretold.mean()), *by_size[-1:]]))
    if judge.value < by_size[0]:
        return Estimate.undefined(_WORSE, unit="people", n=judge.n)
    if judge.value > by_size[-1]:
        return Estimate.undefined(_BETTER, unit="people", n=judge.n)
    low, value, high = (
        float(np.interp(one, by_size, sizes)) for one in (judge.low, judge.value, judge.high)
    )
    note = "The limits are those of the judge's accuracy; they stop at 1 and at 15 people."
    return Estimate(value, low, high, judge.n, "people", judge.interval, note=note)


def audited_accuracy(right: Sequence[float], propensity: Sequence[float]) -> Estimate:
    """How right the judge was where it decided, from those of its comparisons that people saw too.

    Each counts as many as its propensity says it stands for (Horvitz and Thompson 1952, with
    Hájek's denominator), so that shares audited differently are no bias. Wilson's interval at the
    number of equal weights that would be as precise (Kish).
    """
    if not right:
        return Estimate.undefined(_NO_AUDIT, unit="audited comparisons")
    weight = 1 / np.asarray(propensity, dtype=np.float64)
    hits = float((weight * np.asarray(right, dtype=np.float64)).sum())
    share = min(hits / float(weight.sum()), 1.0)
    effective = float(weight.sum()) ** 2 / float((weight**2).sum())
    low, high = wilson(share * effective, effective)
    method = "Wilson, at the number of equally weighted comparisons"
    return Estimate(share, low, high, len(right), "audited comparisons", method)


def shortfall(right: Sequence[float], promised: float) -> float:
    """The evidence that the judge is right less often than promised; from 20 on it is an alarm.

    What bets against the promise at each audited comparison have come to, the mean over several
    stakes (Waudby-Smith and Ramdas 2024). It is a product, so the order of `right` is nothing to
    it, and by Ville's inequality the chance that it ever reaches 20 while the promise holds is at
    most 1/20, though it is looked at whenever a comparison has come. That is said of audits whose
    answers stay as they were, and that are done in an order which tells nothing of who is right:
    people who revise or withdraw theirs later may move it either way.
    """
    promised = min(max(promised, 1e-6), 1 - 1e-6)
    purses = np.ones(len(_STAKES))
    stakes = np.asarray(_STAKES) / (1 - promised)
    # What is lost at a hit is bounded: 1 − stake·(1 − promised) is above zero.
    for one in right:
        purses = purses * (1 + stakes * (promised - one))
    return float(purses.mean())
