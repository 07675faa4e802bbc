"""Dawid and Skene's true answers: each rater's confusions and each item's answer, by EM."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.by_item import ByItem, sided_votes
from labeling.metrics.votes import Floats, Ints, Votes

# Added to the votes of each row of a rater's confusions: the rater starts out five times as often
# right as wrong, as if three votes had said so.
OFF: Final = 0.5
DIAGONAL: Final = 2.5
MOST_STEPS: Final = 60
TOLERANCE: Final = 2e-3
_LEAST: Final = 1e-300
# Above this an exponential may be no number; the others are then taken against the largest.
_SURE: Final = 600.0


@dataclass(frozen=True, eq=False, slots=True)
class DawidSkeneFit:
    """Chances of each class by item, confusions by rater, shares of classes, and convergence.

    `items` are those that have a vote, `chance` has a row for each of them. A confusion is the
    chance that the rater says the column's class where the row's is the truth.
    `log_likelihood` is of the votes, without the prior's part.
    """

    items: Ints
    chance: Floats
    confusion: Floats
    share: Floats
    log_likelihood: float
    iterations: int
    converged: bool


def decisive_dawid_skene(votes: Votes) -> DawidSkeneFit:
    """The MAP fit of the votes that chose a side; class 0 is a, class 1 is b.

    A tie is no class: nearly everybody says it now and then of nearly anything, and a third class
    learns from raters with few votes that a tie is often the truth.
    """
    sided = sided_votes(votes)
    return dawid_skene(
        sided.item,
        sided.rater,
        sided.preference.astype(np.int64),
        raters=len(votes.raters),
        classes=2,
    )


def chance_of_a(fit: DawidSkeneFit, votes: Votes) -> Floats:
    """For each item the chance that a is the better one, by the votes on it that chose a side.

    A half where none did. The votes may be others than `decisive_dawid_skene` had, of its raters.
    """
    sided = sided_votes(votes)
    logs = np.log(np.maximum(fit.confusion, _LEAST))
    said = (logs[:, 0, :] - logs[:, 1, :])[sided.rater, sided.preference]
    share = np.maximum(fit.share, _LEAST)
    logit = np.log(share[0] / share[1]) + np.bincount(sided.item, said, votes.item_count)
    has_side = np.bincount(sided.item, minlength=votes.item_count) > 0
    return np.where(has_side, 1 / (1 + np.exp(-np.clip(logit, -30, 30))), 0.5)


def dawid_skene(
    item: Ints,
    rater: Ints,
    answer: Ints,
    *,
    raters: int,
    classes: int,
    off: float = OFF,
    diagonal: float = DIAGONAL,
    most_steps: int = MOST_STEPS,
    tolerance: float = TOLERANCE,
) -> DawidSkeneFit:
    """Truth and confusions by EM from the shares of votes; each vote is an answer below `classes`.

    Dawid and Skene (1979), Maximum likelihood estimation of observer error-rates using the EM
    algorithm. `off` and `diagonal` are added to the counts of each row of confusions, the mode
    under a Dirichlet prior with parameters one above these; none of both is maximum likelihood.
    It has settled when no confusion moved by more than `tolerance`.
    """
    by_item = ByItem.of(item)
    code = (rater.astype(np.intp) * classes + answer)[by_item.order]
    said = answer[by_item.order]
    # A row for each class: what is added up over items lies side by side.
    chance = np.stack([by_item.sums((said == k).astype(np.float64)) for k in range(classes)])
    chance /= chance.sum(axis=0)
    added = np.where(np.eye(classes, dtype=np.bool_), diagonal, off)
    total = np.bincount(code, minlength=raters * classes).astype(np.float64)
    share = np.full(classes, 1 / classes)
    confusion = np.full((raters, classes, classes), 1 / classes)
    value, iterations, converged = 0.0, 0, len(by_item.items) == 0
    while not converged and iterations < most_steps:
        iterations += 1
        before = confusion
        share = chance.mean(axis=1)
        confusion = _confusion(by_item, code, chance, total, added)
        chance, value = _chances(by_item, code, share, confusion, total)
        converged = bool(np.abs(confusion - before).max() < tolerance)
    return DawidSkeneFit(by_item.items, chance.T, confusion, share, value, iterations, converged)


def _confusion(by_item: ByItem, code: Ints, chance: Floats, total: Floats, added: Floats) -> Floats:
    """How often each rater says each class where each is the truth, a row of shares for each."""
    classes = len(chance)
    # The last class is what the others leave.
    counts = [np.bincount(code, by_item.spread(row), len(total)) for row in chance[:-1]]
    counts.append(np.maximum(total - sum(counts), 0.0))
    table = np.stack([one.reshape(-1, classes) for one in counts], axis=1) + added
    sums = table.sum(axis=2, keepdims=True)
    shares: Floats = np.where(sums > 0, table / np.maximum(sums, _LEAST), 1 / classes)
    return shares


def _chances(
    by_item: ByItem, code: Ints, share: Floats, confusion: Floats, total: Floats
) -> tuple[Floats, float]:
    """Each item's chances of the classes given its votes, and the log-likelihood of all votes."""
    classes = len(share)
    logs = np.log(np.maximum(confusion, _LEAST))
    start = np.log(np.maximum(share, _LEAST))
    last = logs[:, -1, :]
    # Against the last class: what all classes have in common is summed once, not vote by vote.
    parts = np.zeros((classes, len(by_item.items)))
    for k in range(classes - 1):
        against = by_item.sums((logs[:, k, :] - last).ravel().take(code))
        parts[k] = against + (start[k] - start[-1])
    common = float((total * last.ravel()).sum()) + len(by_item.items) * float(start[-1])
    if parts.max(initial=0.0) > _SURE:
        most = parts.max(axis=0)
        parts -= most
        common += float(most.sum())
    np.exp(parts, out=parts)
    sums = parts.sum(axis=0)
    parts /= sums
    return parts, float(np.log(sums).sum()) + common
