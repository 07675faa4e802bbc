"""What is liked in an answer that is not what it says: formatting, and the name of its maker."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.contrasts import FEWEST_ITEMS, TOO_FEW
from labeling.metrics.estimates import Z95, Estimate, clustered_proportion
from labeling.metrics.votes import UNKNOWN, A, B, Floats, Ints, Votes

_UNIT: Final = "decisive votes"
_NO_DECISIVE: Final = "No judgment chose a side yet."
_NO_TEXTS: Final = "The texts of the answers, and so their formatting, are not known."
_NO_DIFFERENCE: Final = "No two answers that were judged differ in formatting."
_ALWAYS: Final = (
    "One side of the formatting won nearly every vote, so that no share at equal length can be"
    " fitted."
)
_ALL_LONGER: Final = (
    "The more formatted answers differ in length all by the same share, so that length and"
    " formatting cannot be told apart."
)
_NO_NAMES: Final = "No pair was judged in which just one answer says which model it is."
_AT_EQUAL_LENGTH: Final = "logistic at equal length, ± 1.96 standard errors clustered by item"
_STEPS: Final = 40
_FAR: Final = 12.0


@dataclass(frozen=True, slots=True)
class Liking:
    """A share of decisive votes, a half being no leaning, and the share as it is counted."""

    share: Estimate
    raw: Estimate

    def as_json(self) -> dict[str, Any]:
        """The share as an estimate, with the plain count beside it."""
        return self.share.as_json() | {"no_effect": 0.5, "raw": self.raw.as_json()}


def markdown(votes: Votes, formatted_a: Ints, formatted_b: Ints) -> Liking:
    """The share that the more formatted answer would have if both were equally long.

    `formatted_*` count each item's headings, bold passages and list items, -1 where not known. The
    share is the logistic of alpha in logit P(more formatted) = alpha + beta (l_f - l_o)/(l_f + l_o)
    over decisive votes. Who wrote the answers is not in it.
    """
    per_item = np.stack(
        [np.bincount(votes.item[votes.preference == side], minlength=votes.item_count)
         for side in (A, B)], axis=1,
    )  # fmt: skip
    n = per_item.sum(axis=1)
    known = (formatted_a != UNKNOWN) & (formatted_b != UNKNOWN)
    known &= (votes.item_length_a >= 0) & (votes.item_length_b >= 0)
    used = (n > 0) & known & (formatted_a != formatted_b)
    if not used.any():
        why = _NO_DECISIVE
        if n.any():
            why = _NO_DIFFERENCE if (known & (n > 0)).any() else _NO_TEXTS
        none = Estimate.undefined(why, unit=_UNIT)
        return Liking(none, none)
    more_is_a = (formatted_a > formatted_b)[used]
    wins = np.where(more_is_a, per_item[used, 0], per_item[used, 1]).astype(np.float64)
    trials = n[used].astype(np.float64)
    length_a = votes.item_length_a[used].astype(np.float64)
    length_b = votes.item_length_b[used].astype(np.float64)
    total = length_a + length_b
    gap = np.divide(length_a - length_b, total, out=np.zeros_like(total), where=total > 0)
    gap = np.where(more_is_a, gap, -gap)
    raw = clustered_proportion(
        np.arange(len(wins)), wins, trials=trials, unit=_UNIT, why=_NO_DIFFERENCE
    )
    return Liking(_at_equal_length(wins, trials, gap), raw)


def maker(votes: Votes, named: Ints) -> Liking:
    """The share of decisive votes for the answer that says which model it is.

    `named` is A, B or -1 for each item: the side that does, where just one does.
    """
    chose = votes.select(votes.is_decisive)
    side = named[chose.item]
    rows = side != UNKNOWN
    hits = (chose.preference == side)[rows].astype(np.float64)
    why = _NO_NAMES if len(chose) else _NO_DECISIVE
    share = clustered_proportion(chose.item[rows], hits, unit=_UNIT, why=why)
    return Liking(share, share)


def _at_equal_length(wins: Floats, trials: Floats, gap: Floats) -> Estimate:
    n, items = int(trials.sum()), len(wins)
    if items < FEWEST_ITEMS:
        return Estimate.undefined(TOO_FEW, unit=_UNIT, n=n)
    if np.ptp(gap) < 1e-9:
        if abs(float(gap[0])) > 1e-9:
            return Estimate.undefined(_ALL_LONGER, unit=_UNIT, n=n)
        design = np.ones((items, 1))
    else:
        design = np.stack([np.ones(items), gap], axis=1)
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = _logistic(design @ found)
        information = design.T @ (design * (trials * chance * (1 - chance))[:, None])
        try:
            step = np.linalg.solve(information, design.T @ (wins - trials * chance))
        except np.linalg.LinAlgError:
            return Estimate.undefined(_ALWAYS, unit=_UNIT, n=n)
        found = found + np.clip(step, -2, 2)
        if not np.isfinite(found).all() or abs(float(found[0])) > _FAR:
            return Estimate.undefined(_ALWAYS, unit=_UNIT, n=n)
        if float(np.abs(step).max()) < 1e-10:
            break
    else:
        return Estimate.undefined(_ALWAYS, unit=_UNIT, n=n)
    chance = _logistic(design @ found)
    information = design.T @ (design * (trials * chance * (1 - chance))[:, None])
    scores = design * (wins - trials * chance)[:, None]
    bread = np.linalg.inv(information)
    spread = bread @ (scores.T @ scores) @ bread * items / (items - 1)
    middle, reach = float(found[0]), Z95 * float(np.sqrt(spread[0, 0]))
    value, low, high = (
        float(one) for one in _logistic(np.array([middle, middle - reach, middle + reach]))
    )
    return Estimate(value, low, high, n, _UNIT, _AT_EQUAL_LENGTH)


def _logistic(values: Floats) -> Floats:
    shares: Floats = 1 / (1 + np.exp(-values))
    return shares
