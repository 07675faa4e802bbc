"""What speaks about one rater's work: each signal beside the pool's, and beside chance.

Pure and descriptive: a signal is evidence for a person to weigh, and decides nothing.
docs/METRICS.md, "Quality of raters", has the definitions and their sources.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from labeling.metrics import binomial
from labeling.metrics.estimates import Z95, wilson
from labeling.metrics.quality_words import NOTHING, WORDS
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
FAST_SHARE: Final = 0.2
LONGER_CHARS: Final = 30
PASTED_CHARS: Final = 20
TYPED_CHARS: Final = 20
KEYS_A_CHAR: Final = 0.5
SIDE_Q: Final = 0.01
RUN_CHANCE: Final = 0.001
GOLD_CHANCE: Final = 0.01
# A rater with fewer counted votes of a kind is not part of what is usual in the pool.
LEAST_OF_POOL: Final = 5
# How far careful raters differ from one another where the pool is too small to tell.
SPREAD: Final = 0.05
SMALL_POOL: Final = 6
SPREAD_OF_ODDS: Final = 0.3
MOST_MARGIN: Final = 3
# What even careful raters do now and then: a pool of none of it is no bar.
RARELY: Final = 0.05
# And how often they are done before the time that reading needs: half of what is looked at.
SKIMMED: Final = 0.1

Weight = Literal["strong", "some", "little", "none"]
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
# What is taken together to one chance; words and windows are for a person to read.
TAKEN_TOGETHER: Final[tuple[Key, ...]] = (
    "fast",
    "left",
    "longer",
    "run",
    "gold",
    "agreement",
    "repeats",
)


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
class Signal:
    """One figure of one rater: value and limits, the pool's, its chance, and how much it weighs.

    `value` is None where nothing was counted. `hits` of `n`; `chance` is how rarely a careful rater
    would be so far out, None where nobody knows.
    """

    key: Key
    value: float | None
    low: float | None
    high: float | None
    hits: int
    n: int
    pool_median: float | None
    pool_high: float | None
    pool_raters: int
    chance: float | None
    weight: Weight
    words: str

    @property
    def is_share(self) -> bool:
        """Whether the value is a share; else it is a count."""
        return self.key != "run"

    def as_json(self) -> dict[str, Any]:
        """Plain values under the same names."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class _Counted:
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


class Pool:
    """A campaign's raters and what is counted of each, once; asked then for one or for all."""

    def __init__(self, work: Work, *, gold_bar: float = 0.8) -> None:
        self.raters = work.votes.raters
        self._gold_bar = gold_bar
        self._counted: dict[Key, _Counted] = _counts(work)
        self._runs, self._run_n = longest_runs(work.votes)
        first = work.votes.first_votes()
        self._shift = _shifts(first.select(work.known[first.item] == UNKNOWN))
        sides = [
            self._chance("left", rater) if self._counted["left"].n[rater] else 1.0
            for rater in range(len(self.raters))
        ]
        self._leans = binomial.benjamini_hochberg(sides, SIDE_Q)

    def signals(self, rater: int) -> list[Signal]:
        """All that is known of one rater, in the order in which it is shown."""
        return [self._run(rater) if key == "run" else self._share(key, rater) for key in _TITLED]

    def together(self, rater: int) -> float:
        """The chance of a careful rater being so far out in all that is taken together (Fisher).

        It takes the signals as independent, which they nearly are for careful raters.
        """
        chances = [self._chance(key, rater) for key in TAKEN_TOGETHER if self._has(key, rater)]
        return binomial.all_together(chances)

    def _has(self, key: Key, rater: int) -> bool:
        n = self._run_n if key == "run" else self._counted[key].n
        return bool(n[rater])

    def _chance(self, key: Key, rater: int) -> float:
        if key == "run":
            longest, n = int(self._runs[rater]), int(self._run_n[rater])
            return min(1.0, n * 2.0**-longest)
        counted = self._counted[key]
        hits, n = int(counted.hits[rater]), int(counted.n[rater])
        if not n:
            return 1.0
        usual = self._usual(counted, rater)
        if key == "gold":
            return binomial.at_most(hits, n, self._gold_bar)
        if key == "left":
            return binomial.two_sided(hits, n, 0.5 if usual is None else usual)
        if usual is None:
            usual = _UNKNOWN_POOL.get(key, RARELY)
        if key == "agreement":
            return self._chance_of_disagreeing(rater)
        if key == "longer":
            spread = np.sqrt(self._spread(counted, rater) + _noise(usual, n))
            return binomial.normal_above((hits / n - usual) / spread)
        if key == "repeats":
            return binomial.at_most(hits, n, min(usual, 1 - RARELY))
        return binomial.at_least(hits, n, max(usual, SKIMMED if key == "fast" else RARELY))

    def _others(self, counted: _Counted, rater: int) -> Bools:
        others: Bools = counted.n >= LEAST_OF_POOL
        others[rater] = False
        return others

    def _usual(self, counted: _Counted, rater: int) -> float | None:
        """The share in the votes of all other raters together: of the middle one, so that a few
        who do as they please do not make it usual.
        """
        shares = counted.shares[self._others(counted, rater)]
        return float(np.median(shares)) if len(shares) else None

    def _spread(self, counted: _Counted, rater: int) -> float:
        """How far raters truly differ in a share, as a variance: what is seen, less chance's.

        Of the lower half, since those who are looked for are at the upper end.
        """
        others = self._others(counted, rater)
        shares = counted.shares[others]
        if len(shares) < SMALL_POOL:
            return SPREAD**2
        chance = _noise(float(np.median(shares)), 1) * float((1 / counted.n[others]).mean())
        return max(_half_spread(-shares) ** 2 - chance, 0.0)

    def _chance_of_disagreeing(self, rater: int) -> float:
        """How rarely a rater as careful as the middle one is so often against the others.

        A vote against others who are one is worth more than one against a narrow majority.
        """
        shift, known = self._shift
        if not known[rater]:
            return 1.0
        others = known > 0
        others[rater] = False
        usual, spread = 0.0, SPREAD_OF_ODDS**2
        if np.count_nonzero(others) >= SMALL_POOL:
            usual = float(np.median(shift[others]))
            chance = float((1 / known[others]).mean())
            spread = max(_half_spread(shift[others]) ** 2 - chance, 0.0)
        z = (float(shift[rater]) - usual) / math.sqrt(1 / float(known[rater]) + spread)
        return binomial.normal_above(-z)

    def _share(self, key: Key, rater: int) -> Signal:
        counted = self._counted[key]
        hits, n = int(counted.hits[rater]), int(counted.n[rater])
        pool = counted.shares[self._others(counted, rater)]
        median, high = _quantiles(pool)
        value = lower = upper = chance = None
        weight: Weight = "none"
        if n:
            value, (lower, upper) = hits / n, wilson(hits, n)
            chance = self._chance(key, rater)
            if key == "longer":
                value, lower, upper = self._shrunk(counted, rater)
            weight = self._weight(key, rater, hits / n, chance)
        words = WORDS[key](hits, n) if n else NOTHING[key]
        return Signal(
            key, value, lower, upper, hits, n, median, high, len(pool), chance, weight, words
        )

    def _shrunk(self, counted: _Counted, rater: int) -> tuple[float, float, float]:
        """The share drawn towards the pool's by as much as chance explains, and its limits.

        Efron and Morris (1975), Data analysis using Stein's estimator and its generalizations.
        """
        hits, n = int(counted.hits[rater]), int(counted.n[rater])
        usual = self._usual(counted, rater)
        middle = _UNKNOWN_POOL["longer"] if usual is None else usual
        spread, noise = self._spread(counted, rater), _noise(middle, n)
        kept = spread / (spread + noise)
        value = middle + kept * (hits / n - middle)
        reach = Z95 * float(np.sqrt(kept * noise))
        return value, max(value - reach, 0.0), min(value + reach, 1.0)

    def _run(self, rater: int) -> Signal:
        longest, n = int(self._runs[rater]), int(self._run_n[rater])
        others = self._run_n >= LEAST_OF_POOL
        others[rater] = False
        pool = self._runs[others].astype(np.float64)
        median, high = _quantiles(pool)
        chance = self._chance("run", rater) if n else None
        words = (
            f"{longest} votes for one side in a row, of {n} that chose a side."
            if n
            else NOTHING["run"]
        )
        weight = _weight_of(chance) if chance is not None else "none"
        value = float(longest) if n else None
        return Signal(
            "run", value, None, None, longest, n, median, high, len(pool), chance, weight, words
        )

    def _weight(self, key: Key, rater: int, share: float, chance: float) -> Weight:
        weight = _weight_of(chance)
        if key == "gold" and chance < GOLD_CHANCE:
            return "strong"
        if key == "left" and weight == "strong" and not self._leans[rater]:
            return "some"
        if key == "fast" and share <= FAST_SHARE:
            return _at_most("little", weight)
        return _at_most(_MOST.get(key, "strong"), weight)


def _counts(work: Work) -> dict[Key, _Counted]:
    votes, size = work.votes, len(work.votes.raters)

    def counted(of: Votes, rows: Bools, hits: Bools | Floats) -> _Counted:
        found = np.bincount(of.rater[rows], hits[rows].astype(np.float64), size)
        return _Counted(
            np.rint(found).astype(np.int64), np.bincount(of.rater[rows], minlength=size)
        )

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


def _shifts(votes: Votes) -> tuple[Floats, Floats]:
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


def _half_spread(values: Floats) -> float:
    """The standard deviation that the upper half of the values speaks of."""
    middle, high = np.quantile(values, (0.5, 0.8413))
    return float(high - middle)


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


def _quantiles(values: Floats) -> tuple[float | None, float | None]:
    if not len(values):
        return None, None
    middle, high = np.quantile(values, (0.5, 0.9))
    return float(middle), float(high)


def _noise(share: float, n: int) -> float:
    """Chance's own variance of a share of n; never none, or one vote would be certain."""
    return max(share * (1 - share), 0.01) / n


_ORDER: Final[tuple[Weight, ...]] = ("none", "little", "some", "strong")


def _weight_of(chance: float) -> Weight:
    if chance < 0.001:
        return "strong"
    if chance < 0.02:
        return "some"
    return "little" if chance < 0.05 else "none"


def _at_most(most: Weight, weight: Weight) -> Weight:
    return min(most, weight, key=_ORDER.index)


# Length is a taste, a paste may be one's own notes, and a telephone may ring.
_MOST: Final[Mapping[Key, Weight]] = {
    "longer": "some",
    "pasted": "some",
    "typed": "some",
    "alike": "some",
    "copied": "little",
    "returned": "little",
}
_UNKNOWN_POOL: Final[Mapping[Key, float]] = {"longer": 0.55, "agreement": 0.7, "repeats": 0.8}
_TITLED: Final[tuple[Key, ...]] = (
    "fast",
    "left",
    "longer",
    "gold",
    "agreement",
    "repeats",
    "run",
    "pasted",
    "copied",
    "returned",
    "typed",
    "alike",
)
