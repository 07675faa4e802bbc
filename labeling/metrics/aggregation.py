"""One answer for each item from all votes on it, by each of the rules that a data set may state."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from labeling.metrics.by_item import sided_votes
from labeling.metrics.dawid_skene import DawidSkeneFit, chance_of_a, decisive_dawid_skene
from labeling.metrics.joint_model import (
    ItemPosterior,
    JointFit,
    item_posterior,
    joint_model,
)
from labeling.metrics.votes import (
    ANSWER_A,
    ANSWER_B,
    ANSWER_TIE,
    UNKNOWN,
    Bools,
    Floats,
    Ints,
    Votes,
)

Rule: TypeAlias = Literal["majority", "dawid_skene", "bradley_terry", "soft"]
RULES: Final[tuple[Rule, ...]] = ("majority", "dawid_skene", "bradley_terry", "soft")
# Nearer to a half than this is a half: no side is named for the last digit's sake.
_EVEN: Final = 1e-9


@dataclass(frozen=True, eq=False, slots=True)
class ItemAnswers:
    """A rule's word on every item, in the items' own order (a, b).

    `answer` is a category of the votes (`ANSWER_A`, `ANSWER_TIE`, `ANSWER_B`), or -1 where nobody
    voted. `probability` is the rule's chance that a is the better one: its share of the votes with
    half of the ties (majority), the posterior given that one is better (dawid_skene,
    bradley_terry), what the next rater is expected to give it (soft); a half where nobody voted.
    `tie` is the chance that a rater says neither, `expected` the share of a rater that a can expect
    with half of that.
    """

    rule: Rule
    answer: Ints
    probability: Floats
    tie: Floats
    expected: Floats

    @property
    def margin(self) -> Floats:
        """TRL's: by how much a reward model should put a above b, the logit of `expected`."""
        kept = np.clip(self.expected, 1e-9, 1 - 1e-9)
        logit: Floats = np.log(kept) - np.log1p(-kept)
        return logit

    @property
    def certainty(self) -> Floats:
        """The chance of the likelier side."""
        return np.maximum(self.probability, 1 - self.probability)

    @property
    def names_side(self) -> Bools:
        """Which items get a side: one to be chosen, one to be rejected."""
        names: Bools = (self.answer == ANSWER_A) | (self.answer == ANSWER_B)
        return names


@dataclass(frozen=True, eq=False, slots=True)
class Learned:
    """What rules that weigh raters know of them."""

    dawid_skene: DawidSkeneFit
    joint: JointFit


def learn(votes: Votes) -> Learned:
    """Raters and models as the votes show them; the first vote of a rater on an item counts."""
    return learn_from_first(votes.first_votes())


def learn_from_first(first: Votes) -> Learned:
    """The same, of votes that are one a rater and item."""
    sided = sided_votes(first)
    return Learned(decisive_dawid_skene(sided), joint_model(first, sided))


def aggregate(votes: Votes, rule: Rule, learned: Learned | None = None) -> ItemAnswers:
    """The rule's answer for every item; the first vote of a rater on an item counts.

    `learned` may come from other votes of the same models and raters, so that one fit serves
    several rules, or items whose answer is known are answered by what was learnt without them.
    """
    first = votes.first_votes()
    if rule == "majority":
        return _majority(first)
    known = learned or learn_from_first(first)
    if rule == "dawid_skene":
        return _by_dawid_skene(first.answer_counts(), chance_of_a(known.dawid_skene, first))
    return _by_joint_model(first.answer_counts(), item_posterior(known.joint, first), rule)


def aggregate_first(first: Votes, learned: Learned) -> dict[Rule, ItemAnswers]:
    """Every rule's answers at once, of votes that are one a rater and item."""
    sided = sided_votes(first)
    posterior = item_posterior(learned.joint, first, sided)
    counts = first.answer_counts()
    return {
        "majority": _majority(first),
        "dawid_skene": _by_dawid_skene(counts, chance_of_a(learned.dawid_skene, sided)),
        "bradley_terry": _by_joint_model(counts, posterior, "bradley_terry"),
        "soft": _by_joint_model(counts, posterior, "soft"),
    }


def _majority(votes: Votes) -> ItemAnswers:
    """The answer given most often; two that share the first place make a tie.

    Both bad stands apart from a tie here: as in an export, 2 against 1 and 1 is a majority.
    """
    counts = votes.preference_counts()
    a, b, tie, bad = np.ascontiguousarray(counts.T)
    tied = tie + bad
    n = a + b + tied
    # A side has more votes than each of the other answers, or there is none.
    neither = np.maximum(tie, bad)
    answer = np.full(len(n), ANSWER_TIE)
    answer[a > np.maximum(b, neither)] = ANSWER_A
    answer[b > np.maximum(a, neither)] = ANSWER_B
    probability = np.where(n > 0, (a + tied / 2) / np.maximum(n, 1), 0.5)
    # One more tie keeps the margin of items without dissent finite.
    expected = (a + tied / 2 + 0.5) / (n + 1)
    return ItemAnswers(
        "majority",
        np.where(n > 0, answer, UNKNOWN),
        probability,
        tied / np.maximum(n, 1),
        expected,
    )


def _by_dawid_skene(counts: Ints, probability: Floats) -> ItemAnswers:
    """The likelier side by the votes that chose one; a tie where more than half said so."""
    n = _votes(counts)
    tie = counts[:, ANSWER_TIE] / np.maximum(n, 1)
    expected = (1 - tie) * probability + tie / 2
    return ItemAnswers(
        "dawid_skene",
        _side(probability, is_tie=tie > 0.5, is_there=n > 0),
        probability,
        tie,
        expected,
    )


def _by_joint_model(counts: Ints, posterior: ItemPosterior, rule: Rule) -> ItemAnswers:
    """The likelier side by votes and strengths; a tie where it is likelier than not.

    `soft` keeps what the next rater is expected to say, and names the side that this favours.
    """
    is_there = _votes(counts) > 0
    is_soft = rule == "soft"
    chance = posterior.expected if is_soft else posterior.better_a
    is_tie = np.zeros(len(chance), np.bool_) if is_soft else posterior.tie > 0.5
    return ItemAnswers(
        rule,
        _side(chance, is_tie=is_tie, is_there=is_there),
        np.where(is_there, chance, 0.5),
        posterior.tie,
        posterior.expected,
    )


def _votes(counts: Ints) -> Ints:
    n: Ints = counts[:, ANSWER_A] + counts[:, ANSWER_TIE] + counts[:, ANSWER_B]
    return n


def _side(chance: Floats, *, is_tie: Bools, is_there: Bools) -> Ints:
    even = np.abs(chance - 0.5) < _EVEN
    side = np.where(chance > 0.5, ANSWER_A, ANSWER_B)
    return np.where(is_there, np.where(is_tie | even, ANSWER_TIE, side), UNKNOWN)
