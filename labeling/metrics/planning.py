"""What a number of judgments can tell apart, and how long it takes to make them. Pure.

Formulas and sources are in docs/METRICS.md, Planning.
"""

from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import Final

from labeling.metrics.power import (
    design_effect,
    judgments_needed,
    labels,
    rate_reach,
    score_reach,
    whole_items,
)

# Two-sided 5 %, and a power of 80 %.
Z_ALPHA: Final = 1.959964
Z_POWER: Final = 0.841621
# Silent reading of English prose: Brysbaert (2019), "How many words do we read per minute?",
# Journal of Memory and Language 109, 104047.
WORDS_A_MINUTE: Final = 238
# A stated guess, where nothing was measured: to choose, and for each further question.
SECONDS_TO_CHOOSE: Final = 15
SECONDS_A_QUESTION: Final = 5


def win_rate_told_apart(judgments: float) -> float | None:
    """The win rate that so many decisive judgments tell from a half, at 80 % power.

    0.5 + (z_.975 + z_.80) · 0.5 / √n. None where even a rate of 1 could not be told.
    """
    if judgments <= 0:
        return None
    rate = 0.5 + (Z_ALPHA + Z_POWER) * 0.5 / sqrt(judgments)
    return rate if rate < 1 else None


def seconds_to_judge(words: float, questions: int) -> float:
    """How long a judgment of so many words takes, with so many questions beside the preference."""
    return 60 * words / WORDS_A_MINUTE + SECONDS_TO_CHOOSE + SECONDS_A_QUESTION * questions


# Judgments that a rule which asks about uncertain pairs first needs for the same order of models,
# of those that asking evenly does: 40 planted models, `python -m bench choosing`.
LEARNING_SHARE: Final = 0.72
# The rule by which items stop early in a plan: how sure, and how many more than the overlap.
STOP_AT: Final = 0.8
FURTHER: Final = 2


@dataclass(frozen=True, slots=True)
class Study:
    """What somebody wants to find out, and with what: `rate` is the win rate to tell from a half.

    `item_sd` is that of items' effects in logits, `ties` the share of judgments that choose no
    side, `price` what a judgment costs. `learns` and `stops` are two ways to need fewer.
    """

    models: int = 2
    rate: float = 0.55
    overlap: int = 3
    raters: int = 1
    item_sd: float = 1.0
    power: float = 0.8
    seconds: float = 60.0
    price: float | None = None
    ties: float = 0.0
    learns: bool = False
    stops: bool = False

    @property
    def pairs(self) -> int:
        """Pairs of models, each of which is to be told apart."""
        return self.models * (self.models - 1) // 2

    @property
    def votes_an_item(self) -> float:
        """Judgments that a comparison takes on average."""
        if not self.stops:
            return self.overlap
        most = self.overlap + FURTHER
        return labels("posterior", self.item_sd, most, stop_at=STOP_AT).votes

    @property
    def design(self) -> float:
        """By how much more judgments are needed because several are of one item."""
        return design_effect(self.rate, self.item_sd, self.votes_an_item)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a study comes to; reaches are halves of 95 % intervals.

    `rate_reach` is of one pair of models' win rate, None where they are not asked about evenly;
    `label_right` is how often an item's label is the side that most raters would prefer.
    """

    comparisons: int
    judgments: int
    judgments_a_pair: float
    hours: float
    hours_each: float
    cost: float | None
    rate_reach: float | None
    score_reach: float | None
    label_right: float
    days: float | None


def answer_of(study: Study, *, per_day: float | None = None) -> Answer:
    """Judgments, time and money that the study takes, and what it will then be sure of."""
    votes, decisive = study.votes_an_item, 1 - study.ties
    needed = judgments_needed(study.rate, study.power, study.design) / decisive
    items = ceil(needed / votes - 1e-9) if study.stops else whole_items(needed, study.overlap)
    comparisons = items * study.pairs
    if study.learns:
        comparisons = ceil(comparisons * LEARNING_SHARE)
    judgments = ceil(comparisons * votes)
    # Evenly asked, what each pair of models has; what a rule that learns brings is as sure.
    each = items * votes * decisive
    hours = judgments * study.seconds / 3600
    rule = "posterior" if study.stops else "fixed"
    most = study.overlap + FURTHER if study.stops else study.overlap
    right = labels(rule, study.item_sd, most, stop_at=STOP_AT if study.stops else None).right
    return Answer(
        comparisons=comparisons,
        judgments=judgments,
        judgments_a_pair=judgments / study.pairs,
        hours=hours,
        hours_each=hours / max(study.raters, 1),
        cost=None if study.price is None else judgments * study.price,
        rate_reach=None if study.learns else rate_reach(each, study.design),
        # A rule that prefers some pairs knows the others less: the even design's reach is not its.
        score_reach=None if study.learns else score_reach(study.models, each, study.design),
        label_right=right,
        days=judgments / per_day if per_day else None,
    )


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to answer the same question, and what is given up by it."""

    name: str
    study: Study
    gives_up: str


def other_ways(study: Study) -> list[Way]:
    """The study as it is, then ways to ask it with fewer or more judgments."""
    ways = [Way("As above", study, "Nothing")]
    if not study.learns and study.models > 2:
        ways.append(
            Way(
                "Uncertain pairs first",
                replace(study, learns=True),
                "An even win-rate matrix: it finds the order, not each rate",
            )
        )
    if not study.stops and study.overlap > 1:
        ways.append(
            Way(
                "Stop an item when it is 80 % sure",
                replace(study, stops=True),
                "Evenly weighed items: those that divide raters get more votes",
            )
        )
    if study.overlap > 1:
        ways.append(
            Way(
                "One rater per comparison",
                replace(study, overlap=1, stops=False),
                "Agreement cannot be measured, and labels are noisier",
            )
        )
    more = study.overlap + 2
    ways.append(
        Way(
            f"{more} raters per comparison",
            replace(study, overlap=more),
            "Money, for labels that are right more often",
        )
    )
    nearer = 0.5 + (study.rate - 0.5) / 2
    ways.append(
        Way(
            f"Find {nearer * 100:.3g} % instead",
            replace(study, rate=nearer),
            "Four times the judgments for half the difference",
        )
    )
    return ways
