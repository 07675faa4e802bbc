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
from labeling.metrics.rater_counts import Counted, Key, Work, counts_of, longest_runs, shifts_of
from labeling.metrics.votes import (
    UNKNOWN,
    Bools,
    Floats,
)

FAST_SHARE: Final = 0.2
SIDE_Q: Final = 0.01
RUN_CHANCE: Final = 0.001
GOLD_CHANCE: Final = 0.01
# A rater with fewer counted votes of a kind is not part of what is usual in the pool.
LEAST_OF_POOL: Final = 5
# How far careful raters differ from one another where the pool is too small to tell.
SPREAD: Final = 0.05
SMALL_POOL: Final = 6
SPREAD_OF_ODDS: Final = 0.3
# What even careful raters do now and then: a pool of none of it is no bar.
RARELY: Final = 0.05
# And how often they are done before the time that reading needs: half of what is looked at.
SKIMMED: Final = 0.1

Weight = Literal["strong", "some", "little", "none"]
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


class Pool:
    """A campaign's raters and what is counted of each, once; asked then for one or for all."""

    def __init__(self, work: Work, *, gold_bar: float = 0.8) -> None:
        self.raters = work.votes.raters
        self._gold_bar = gold_bar
        self._counted: dict[Key, Counted] = counts_of(work)
        self._runs, self._run_n = longest_runs(work.votes)
        first = work.votes.first_votes()
        self._shift = shifts_of(first.select(work.known[first.item] == UNKNOWN))
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
        if key == "longer" and not self._knows_taste(rater):
            return False
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

    def _knows_taste(self, rater: int) -> bool:
        """Whether there are raters enough to say how much length is liked here."""
        return int(np.count_nonzero(self._others(self._counted["longer"], rater))) >= SMALL_POOL

    def _others(self, counted: Counted, rater: int) -> Bools:
        others: Bools = counted.n >= LEAST_OF_POOL
        others[rater] = False
        return others

    def _usual(self, counted: Counted, rater: int) -> float | None:
        """The share in the votes of all other raters together: of the middle one, so that a few
        who do as they please do not make it usual.
        """
        shares = counted.shares[self._others(counted, rater)]
        return float(np.median(shares)) if len(shares) else None

    def _spread(self, counted: Counted, rater: int) -> float:
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
            if self._has(key, rater):
                chance = self._chance(key, rater)
                weight = self._weight(key, rater, hits / n, chance)
            if key == "longer":
                value, lower, upper = self._shrunk(counted, rater)
        words = WORDS[key](hits, n) if n else NOTHING[key]
        return Signal(
            key, value, lower, upper, hits, n, median, high, len(pool), chance, weight, words
        )

    def _shrunk(self, counted: Counted, rater: int) -> tuple[float, float, float]:
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


def _half_spread(values: Floats) -> float:
    """The standard deviation that the upper half of the values speaks of."""
    middle, high = np.quantile(values, (0.5, 0.8413))
    return float(high - middle)


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
