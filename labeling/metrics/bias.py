"""Leanings that have nothing to do with the answers: to a side, and to length."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from labeling.metrics.estimates import Estimate, clustered_proportion, proportion_of_clusters
from labeling.metrics.patterns import collapse
from labeling.metrics.votes import UNKNOWN, A, B, Ints, Votes

LENGTH_MARGIN: Final = 30  # code points; a smaller difference does not make one answer longer
_UNIT: Final = "decisive votes"
_NO_DECISIVE: Final = "No judgment chose a side yet."
_NO_SIDES: Final = "It is not recorded which answer was shown on the left."
_NO_LENGTHS: Final = "The texts of the answers, and so their lengths, are not known."
_NO_DIFFERENCE: Final = f"No pair of answers differs by more than {LENGTH_MARGIN} characters."


@dataclass(frozen=True, slots=True)
class Leaning:
    """The share of votes that went one way (a half is none), said in a sentence."""

    share: Estimate
    chosen: int
    sentence: str

    def as_json(self) -> dict[str, Any]:
        """The share as an estimate, with the count behind it and the sentence."""
        row = self.share.as_json()
        return row | {"chosen": self.chosen, "no_effect": 0.5, "sentence": self.sentence}


def position(votes: Votes) -> Leaning:
    """The share of decisive votes for the side shown on the left, clustered by item."""
    chose = votes.select(votes.is_decisive)
    known = chose.select(chose.shown_left != UNKNOWN)
    chose_left = known.preference == known.shown_left
    sides = [known.item[known.shown_left == A], known.item[known.shown_left == B]]
    rows = [np.bincount(of, minlength=votes.item_count) for of in (*sides, known.item[chose_left])]
    return position_of(np.stack(rows, axis=1), has_decisive=bool(len(chose)))


def position_of(rows: Ints, times: Ints | None = None, *, has_decisive: bool) -> Leaning:
    """`position` from each item's votes for a side: with a on the left, with b there, for the left.

    With `times`, each row stands for so many items. `has_decisive` says whether any vote chose a
    side, its place known or not.
    """
    sided = rows[:, :2].sum(axis=1) > 0
    # Which of the two is called a changes nothing, to the last digit.
    sides = np.sort(rows[sided, :2], axis=1)
    distinct, count = collapse(
        np.column_stack([sides, rows[sided, 2]]), None if times is None else times[sided]
    )
    fewer, more, chose_left = distinct.T.astype(np.float64)
    share = proportion_of_clusters(
        chose_left,
        fewer + more,
        count.astype(np.float64),
        unit=_UNIT,
        why=_NO_SIDES if has_decisive else _NO_DECISIVE,
    )
    sentence = _sentence(share, "the answer on the left", "Raters lean to the left side")
    sentence = sentence.replace("lean to the left side less", "lean to the right side")
    if share.n and not (fewer > 0).any():
        sentence += (
            " No comparison was shown both ways round, so this holds only if the sides were dealt"
            " by lot."
        )
    return Leaning(share, int(chose_left @ count), sentence)


def length(votes: Votes) -> Leaning:
    """The share of decisive votes for the longer answer, where lengths differ by over 30."""
    chose = votes.select(votes.is_decisive)
    a, b = votes.item_length_a[chose.item], votes.item_length_b[chose.item]
    known = (a >= 0) & (b >= 0)
    differs = known & (np.abs(a - b) > LENGTH_MARGIN)
    why = _NO_DECISIVE
    if len(chose):
        why = _NO_DIFFERENCE if known.any() else _NO_LENGTHS
    chose_longer = np.where(a > b, A, B) == chose.preference
    share = clustered_proportion(
        chose.item[differs], chose_longer[differs].astype(np.float64), unit=_UNIT, why=why
    )
    sentence = _sentence(share, "the longer answer", "Raters lean to the longer answer")
    sentence = sentence.replace("lean to the longer answer less", "lean to the shorter answer")
    if share.n:
        sentence += " Longer may also be better: this is not corrected for quality."
    return Leaning(share, int(chose_longer[differs].sum()), sentence)


def _sentence(share: Estimate, what: str, lean: str) -> str:
    if share.value is None or share.low is None or share.high is None:
        return share.why
    said = (
        f"Of {share.n:,} votes that chose a side, {share.value * 100:.1f} % went to {what}"
        f" (95 % interval {share.low * 100:.1f} to {share.high * 100:.1f} %)."
    )
    if share.low > 0.5:
        return f"{said} {lean}."
    if share.high < 0.5:
        return f"{said} {lean} less."
    return f"{said} That is compatible with no leaning."
