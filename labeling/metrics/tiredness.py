"""What the hour does to a rater, and what the side does when a pair comes again."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import Z95, Estimate, clustered_proportion
from labeling.metrics.votes import (
    ANSWER_OF_PREFERENCE,
    UNKNOWN,
    Floats,
    Ints,
    Votes,
)

# A pause of so many seconds ends a sitting.
PAUSE: Final = 30 * 60
FIRST_HOUR: Final = 3600
TWO_HOURS: Final = 2 * 3600
# Of fewer raters the spread between them says too little.
FEWEST_RATERS: Final = 5
_GOLD_UNIT: Final = "votes on known answers"
_NO_GOLD: Final = "No rater met a known answer."
_NO_TIMES: Final = "It is not known when the known answers were met."
_NO_LATE: Final = (
    "No rater met known answers both in the first hour of a sitting and after two hours of one."
)
_FEW_RATERS: Final = (
    f"Fewer than {FEWEST_RATERS} raters met known answers both in the first hour of a sitting and"
    " after two hours of one."
)
_BY_RATER: Final = "Student’s t by the number of raters, clustered by rater"
_PAIRS: Final = "pairs asked again"
_NO_REPEATS: Final = "No rater was asked the same pair again."
_NO_SWAPPED: Final = "No pair came again with its sides swapped."
_NO_SAME: Final = (
    "No pair came again with its sides as they were, so asking again cannot be told from swapping:"
    " Thurstone always swaps."
)
_NO_FOLLOWED: Final = "Nobody changed the answer of a swapped pair from one side to the other."


@dataclass(frozen=True, slots=True)
class Swap:
    """Pairs that came again: swapped less as they were, the share alike, and where changes went.

    `follows_left` is, of swapped pairs answered with the same place both times, the share where
    that place was the left.
    """

    difference: Estimate
    consistency: Estimate
    as_before: Estimate
    follows_left: Estimate

    def as_json(self) -> dict[str, Any]:
        """The difference as an estimate, with the parts beside it."""
        return self.difference.as_json() | {
            "no_effect": 0,
            "consistency": self.consistency.as_json(),
            "as_before": self.as_before.as_json(),
            "follows_left": self.follows_left.as_json() | {"no_effect": 0.5},
        }


def sitting_seconds(rater: Ints, judged_at: Ints) -> Ints:
    """Seconds since each vote's sitting began; -1 where the moment is not known.

    A sitting is a rater's votes without a pause of half an hour.
    """
    since = np.full(len(rater), UNKNOWN, dtype=np.int64)
    known = np.flatnonzero(judged_at >= 0)
    if not len(known):
        return since
    order = known[np.lexsort((judged_at[known], rater[known]))]
    who, at = rater[order], judged_at[order].astype(np.int64)
    begins = np.ones(len(order), dtype=np.bool_)
    begins[1:] = (who[1:] != who[:-1]) | (at[1:] - at[:-1] > PAUSE)
    starts = np.flatnonzero(begins)
    since[order] = at - at[starts][np.cumsum(begins) - 1]
    return since


def fatigue(votes: Votes, judged_at: Ints, gold: Ints) -> Estimate:
    """Gold accuracy after two hours of a sitting less that in its first hour, within rater.

    `votes` are all of people's, since what is not gold fills the hours too. A rater's difference
    weighs n_early n_late/(n_early + n_late), which is least squares with a level for each rater.
    """
    since = sitting_seconds(votes.rater, judged_at)
    is_gold = gold[votes.item] != UNKNOWN
    if not is_gold.any():
        return Estimate.undefined(_NO_GOLD, unit=_GOLD_UNIT)
    if not (is_gold & (since >= 0)).any():
        return Estimate.undefined(_NO_TIMES, unit=_GOLD_UNIT)
    right = votes.answer == ANSWER_OF_PREFERENCE[np.maximum(gold[votes.item], 0)]
    early = is_gold & (since >= 0) & (since < FIRST_HOUR)
    late = is_gold & (since >= TWO_HOURS)
    size = len(votes.raters)
    n_early, n_late = (np.bincount(votes.rater[rows], minlength=size) for rows in (early, late))
    both = (n_early > 0) & (n_late > 0)
    if not both.any():
        return Estimate.undefined(_NO_LATE, unit=_GOLD_UNIT)
    n = int((n_early + n_late)[both].sum())
    if int(both.sum()) < FEWEST_RATERS:
        return Estimate.undefined(_FEW_RATERS, unit=_GOLD_UNIT, n=n)
    hits = [np.bincount(votes.rater[rows], right[rows], size)[both] for rows in (early, late)]
    before, after = n_early[both].astype(np.float64), n_late[both].astype(np.float64)
    return _weighed(hits[1] / after - hits[0] / before, before * after / (before + after), n)


def _weighed(differences: Floats, weights: Floats, n: int) -> Estimate:
    value = float(weights @ differences / weights.sum())
    count = len(weights)
    spread = float(((weights * (differences - value)) ** 2).sum())
    error = float(np.sqrt(spread * count / (count - 1)) / weights.sum())
    if error <= 0:
        why = "Every rater was right as often late as early."
        return Estimate.undefined(why, unit=_GOLD_UNIT, n=n)
    reach = student95(count - 1) * error
    return Estimate(value, value - reach, value + reach, n, _GOLD_UNIT, _BY_RATER)


def student95(freedom: int) -> float:
    """The 97.5 % point of Student's t, from the normal's: within 2 % from four degrees on.

    Fisher and Cornish (1960), The percentile points of distributions having known cumulants.
    """
    first = (Z95**3 + Z95) / 4
    second = (5 * Z95**5 + 16 * Z95**3 + 3 * Z95) / 96
    return Z95 + first / freedom + second / freedom**2


def swap(votes: Votes) -> Swap:
    """Whether a pair that comes again is answered alike, with its sides swapped and without."""
    first, again = _pairs(votes)
    if not len(first):
        none = Estimate.undefined(_NO_REPEATS, unit=_PAIRS)
        return Swap(none, none, none, none)
    before, after = votes.shown_left[first], votes.shown_left[again]
    sided = (before != UNKNOWN) & (after != UNKNOWN)
    swapped, kept = sided & (before != after), sided & (before == after)
    alike = (votes.answer[first] == votes.answer[again]).astype(np.float64)
    item = votes.item[first]
    consistency = clustered_proportion(item[swapped], alike[swapped], unit=_PAIRS, why=_NO_SWAPPED)
    as_before = clustered_proportion(item[kept], alike[kept], unit=_PAIRS, why=_NO_SAME)
    decisive = votes.is_decisive
    moved = swapped & decisive[first] & decisive[again]
    moved &= votes.preference[first] != votes.preference[again]
    left = (votes.preference[first] == before).astype(np.float64)
    return Swap(
        _difference(consistency, as_before),
        consistency,
        as_before,
        clustered_proportion(item[moved], left[moved], unit=_PAIRS, why=_NO_FOLLOWED),
    )


def _difference(one: Estimate, other: Estimate) -> Estimate:
    """One share less another of other pairs, by Newcombe's interval from those of the two.

    Newcombe (1998), Interval estimation for the difference between independent proportions, 10.
    """
    if one.value is None or one.low is None or one.high is None:
        return Estimate.undefined(one.why, unit=_PAIRS)
    if other.value is None or other.low is None or other.high is None:
        return Estimate.undefined(other.why, unit=_PAIRS)
    value = one.value - other.value
    below = np.hypot(one.value - one.low, other.high - other.value)
    above = np.hypot(one.high - one.value, other.value - other.low)
    return Estimate(
        value, value - float(below), value + float(above), one.n + other.n, _PAIRS, "Newcombe"
    )


def _pairs(votes: Votes) -> tuple[Ints, Ints]:
    """Rows of first votes and of the same rater's next vote on the same item."""
    key = votes.item.astype(np.int64) * max(len(votes.raters), 1) + votes.rater
    order = np.argsort(key * 2 + votes.is_repeat, kind="stable")
    ordered = key[order]
    same = np.flatnonzero(ordered[1:] == ordered[:-1])
    # Of three votes on one item the first two make the pair.
    begins = np.ones(len(ordered), dtype=np.bool_)
    begins[1:] = ordered[1:] != ordered[:-1]
    same = same[begins[same]]
    return order[same], order[same + 1]
