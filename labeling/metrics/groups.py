"""Who stands in which group, and which groups may be shown without telling of a smaller one.

An attribute (age, a skill, what a manager noted) puts each rater into one group or, where nothing
is known, into none. What is not shown must not follow from what is: see `shown_groups`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from labeling.metrics.votes import Bools, Ints, Votes

NOBODY: Final = -1
# Groups of one attribute that are shown, the largest: more make a table nobody reads.
MOST_GROUPS: Final = 8
# Attributes of a campaign that are looked at, in their order: each costs time, most of all where
# there are very many votes.
MOST_ATTRIBUTES: Final = 6
MANY_VOTES: Final = 300_000
MOST_OF_MANY: Final = 3
ONE_GROUP: Final = "Fewer than two groups may be shown, so there is nothing to compare."
NESTED: Final = (
    "Withheld whole: beside the groups of another attribute its own would tell of fewer raters "
    "than may be shown."
)
TOO_MANY: Final = "Not looked at: the report compares groups by {} attributes."


@dataclass(frozen=True, slots=True)
class Attribute:
    """What raters are told apart by: the group of each, or "" where it is not known.

    `kind` says where it is known from: noted (by managers or a file), skill or language.
    """

    name: str
    kind: str
    groups: Sequence[str]


@dataclass(frozen=True, eq=False, slots=True)
class Grouping:
    """The groups of one attribute that may be shown; `why` says why there is nothing to compare.

    `of_rater` is each rater's place among `names`, or -1. `others` raters with votes are in none
    of them; whether for want of an answer or of company is not told apart, since the difference
    would be the size of what is withheld. They count in the whole.
    """

    name: str
    kind: str
    names: tuple[str, ...]
    of_rater: Ints
    sizes: tuple[int, ...]
    others: int
    is_withheld: bool
    why: str = ""

    @property
    def is_comparable(self) -> bool:
        """Whether there are two groups to compare."""
        return len(self.names) >= 2 and not self.why


def shown_groups(attributes: Iterable[Attribute], votes: Votes, *, smallest: int) -> list[Grouping]:
    """The groupings that the votes may be shown by, in the attributes' order.

    A group with fewer raters with votes than `smallest` is withheld, and with it, smallest first,
    as many others as it takes for the raters in no shown group to be nobody or at least
    `smallest`: the whole less what is shown is then no small group (complementary suppression;
    Cox 1980, Suppression methodology and statistical disclosure control). An attribute is withheld
    whole where one of its groups lies within one of another attribute's and so few raters are
    between them.
    """
    has_votes = np.bincount(votes.rater, minlength=len(votes.raters)) > 0
    most = MOST_ATTRIBUTES if len(votes) < MANY_VOTES else MOST_OF_MANY
    found: list[Grouping] = []
    told: list[Bools] = [has_votes]
    for place, attribute in enumerate(attributes):
        if place >= most:
            found.append(_without(attribute, has_votes, TOO_MANY.format(most)))
            continue
        grouping = _grouping(attribute, has_votes, smallest)
        own = _told_by(grouping, has_votes)
        if _tell_of_few(own, told, smallest):
            found.append(_without(attribute, has_votes, NESTED))
            continue
        found.append(grouping)
        told += own
    return found


def _grouping(attribute: Attribute, has_votes: Bools, smallest: int) -> Grouping:
    voters = np.flatnonzero(has_votes)
    known = [(int(rater), attribute.groups[int(rater)]) for rater in voters]
    counts: dict[str, int] = {}
    for _, name in known:
        if name:
            counts[name] = counts.get(name, 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    shown = [name for name in ordered[:MOST_GROUPS] if counts[name] >= smallest]
    others = len(known) - sum(counts[name] for name in shown)
    while shown and 0 < others < smallest:
        others += counts[shown.pop()]
    names = tuple(sorted(shown))
    of_rater = np.full(len(has_votes), NOBODY, dtype=np.int64)
    for rater, name in known:
        if name in names:
            of_rater[rater] = names.index(name)
    return Grouping(
        name=attribute.name,
        kind=attribute.kind,
        names=names,
        of_rater=of_rater,
        sizes=tuple(counts[name] for name in names),
        others=others,
        is_withheld=len(names) < len(counts),
        why="" if len(names) > 1 else ONE_GROUP,
    )


def _without(attribute: Attribute, has_votes: Bools, why: str) -> Grouping:
    nobody = np.full(len(has_votes), NOBODY, dtype=np.int64)
    everybody = int(np.count_nonzero(has_votes))
    return Grouping(attribute.name, attribute.kind, (), nobody, (), everybody, True, why)


def _told_by(grouping: Grouping, has_votes: Bools) -> list[Bools]:
    """The sets of raters whose votes the grouping's figures are of, and what is left of all."""
    if not grouping.is_comparable:
        return []
    sets = [grouping.of_rater == place for place in range(len(grouping.names))]
    rest = has_votes & (grouping.of_rater == NOBODY)
    return [*sets, rest] if rest.any() else sets


def _tell_of_few(own: Sequence[Bools], told: Sequence[Bools], smallest: int) -> bool:
    """Whether one set lies within another with too few raters between them, but for equal ones."""
    for one in own:
        for other in told:
            only_one = int(np.count_nonzero(one & ~other))
            only_other = int(np.count_nonzero(other & ~one))
            if min(only_one, only_other) == 0 and 0 < max(only_one, only_other) < smallest:
                return True
    return False
