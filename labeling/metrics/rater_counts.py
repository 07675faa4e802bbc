"""What is counted of every rater for the signals of `rater_quality`: hits of trials, runs, odds."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from labeling.metrics.raters import CREDIT, credit_against_others
from labeling.metrics.votes import (
    ANSWER_A,
    ANSWER_B,
    ANSWER_OF_PREFERENCE,
    UNKNOWN,
    B,
    Bools,
    Floats,
    Ints,
    Votes,
)

READING_WORDS_A_MINUTE: Final = 238
FAST: Final = 0.3
LEAST_SECONDS: Final = 2.0
LONGER_CHARS: Final = 30
PASTED_CHARS: Final = 20
TYPED_CHARS: Final = 20
KEYS_A_CHAR: Final = 0.5
MOST_MARGIN: Final = 3

Key = Literal[
    "fast",
    "left",
    "longer",
    "run",
    "gold",
    "agreement",
    "repeats",
    "pasted",
    "copied",
    "returned",
    "typed",
    "alike",
]


@dataclass(frozen=True, eq=False, slots=True)
class Work:
    """Votes of people in the order given, and beside each what its page measured; -1 unknown.

    `known` is the right preference of each item or -1, `words` those of prompt and both texts,
    `is_measured` whether a page with its script sent anything.
    """

    votes: Votes
    known: Ints
    words: Ints
    is_measured: Bools
    has_paste: Bools
    has_copy: Bools
    has_return: Bools
    keystrokes: Ints
    rationale_chars: Ints
    is_alike: Bools


@dataclass(frozen=True, slots=True)
class Counted:
    """Hits and trials of every rater in one signal."""

    hits: Ints
    n: Ints

    @property
    def shares(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            shares: Floats = self.hits / self.n
        return shares


def seconds_to_read(words: Ints) -> Floats:
    """How long reading so many words takes at 238 a minute (Brysbaert 2019), in seconds."""
    seconds: Floats = words.astype(np.float64) * 60 / READING_WORDS_A_MINUTE
    return seconds


def is_fast(active_ms: Ints, words: Ints) -> Bools:
    """Whether each vote took less than 0.3 of the time that reading needs, or under 2 seconds.

    Unknown times are not fast; where the words are unknown only the two seconds count.
    """
    needed = np.maximum(seconds_to_read(np.maximum(words, 0)) * FAST, LEAST_SECONDS)
    fast: Bools = (active_ms >= 0) & (active_ms < needed * 1000)
    return fast


def longest_runs(votes: Votes) -> tuple[Ints, Ints]:
    """For each rater the longest row of votes for one side as shown, and the votes it is of."""
    sided = votes.select(votes.is_decisive & (votes.shown_left != UNKNOWN))
    order = np.argsort(sided.rater, kind="stable")
    rater = sided.rater[order]
    on_left = (sided.preference == sided.shown_left)[order]
    size = len(votes.raters)
    n = np.bincount(rater, minlength=size)
    longest = np.zeros(size, dtype=np.int64)
    if len(rater):
        begins = np.ones(len(rater), dtype=np.bool_)
        begins[1:] = (rater[1:] != rater[:-1]) | (on_left[1:] != on_left[:-1])
        starts = np.flatnonzero(begins)
        lengths = np.diff(np.append(starts, len(rater)))
        np.maximum.at(longest, rater[starts], lengths)
    return longest, n


def counts_of(work: Work) -> dict[Key, Counted]:
    votes, size = work.votes, len(work.votes.raters)

    def counted(of: Votes, rows: Bools, hits: Bools | Floats) -> Counted:
        found = np.bincount(of.rater[rows], hits[rows].astype(np.float64), size)
        return Counted(np.rint(found).astype(np.int64), np.bincount(of.rater[rows], minlength=size))

    first = votes.first_votes()
    sided = first.is_decisive & (first.shown_left != UNKNOWN)
    gap = (first.item_length_a - first.item_length_b)[first.item]
    known_lengths = (first.item_length_a >= 0) & (first.item_length_b >= 0)
    differs = first.is_decisive & known_lengths[first.item] & (np.abs(gap) > LONGER_CHARS)
    longer = np.where(gap > 0, 0, B)
    known = work.known[first.item]
    answer_known = ANSWER_OF_PREFERENCE[np.maximum(known, 0)]
    open_votes = first.select(known == UNKNOWN)
    credit, has_others = credit_against_others(open_votes)
    said = work.rationale_chars > 0
    typed = work.is_measured & (work.keystrokes >= 0) & (work.rationale_chars >= TYPED_CHARS)
    everything = np.ones(len(votes), dtype=np.bool_)
    again, same = _repeats(votes)
    return {
        "fast": counted(votes, votes.active_ms >= 0, is_fast(votes.active_ms, work.words)),
        "left": counted(first, sided, first.preference == first.shown_left),
        "longer": counted(first, differs, first.preference == longer),
        "gold": counted(first, known != UNKNOWN, first.answer == answer_known),
        "agreement": counted(open_votes, has_others, credit / CREDIT),
        "repeats": counted(votes, again, same),
        "pasted": counted(votes, work.is_measured & said, work.has_paste),
        "copied": counted(votes, work.is_measured, work.has_copy),
        "returned": counted(votes, work.is_measured, work.has_return),
        "typed": counted(votes, typed, work.keystrokes < KEYS_A_CHAR * work.rationale_chars),
        "alike": counted(votes, everything & said, work.is_alike),
    }


def shifts_of(votes: Votes) -> tuple[Floats, Floats]:
    """For each rater how far their odds of saying what most others said are from everybody's, in
    logits, and the information that is known with.

    Votes are taken apart by the others' margin for a side; each margin has its own usual odds.
    """
    size = len(votes.raters)
    others = votes.answer_counts()[votes.item]
    others[np.arange(len(votes)), votes.answer] -= 1
    lead = others[:, ANSWER_A] - others[:, ANSWER_B]
    rows = votes.is_decisive & (lead != 0)
    margin = np.minimum(np.abs(lead[rows]), MOST_MARGIN)
    agrees = (votes.answer[rows] == ANSWER_A) == (lead[rows] > 0)
    met = np.bincount(margin, minlength=MOST_MARGIN + 1)
    agreed = np.bincount(margin, agrees, MOST_MARGIN + 1)
    usual = (agreed + 1) / (met + 2)
    odds = np.maximum(np.log(usual / (1 - usual)), 0)
    rater = votes.rater[rows]
    surplus = np.bincount(rater, odds[margin] * (agrees - usual[margin]), size)
    weight = odds**2 * usual * (1 - usual)
    known: Floats = np.bincount(rater, weight[margin], size).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known > 0, surplus / known, 0.0), known


def _repeats(votes: Votes) -> tuple[Bools, Bools]:
    """Which votes are hidden repeats of a vote at hand, and which of those say the same."""
    key = votes.item.astype(np.int64) * max(len(votes.raters), 1) + votes.rater
    first = np.flatnonzero(~votes.is_repeat)
    again, same = np.zeros(len(votes), np.bool_), np.zeros(len(votes), np.bool_)
    rows = np.flatnonzero(votes.is_repeat)
    if not len(first) or not len(rows):
        return again, same
    order = first[np.argsort(key[first], kind="stable")]
    place = np.searchsorted(key[order], key[rows])
    inside = place < len(order)
    rows, place = rows[inside], order[place[inside]]
    met = key[place] == key[rows]
    again[rows[met]] = True
    same[rows[met]] = votes.answer[rows[met]] == votes.answer[place[met]]
    return again, same
