"""Simulated raters at the queue: they claim, answer and give back until nothing is left for any."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labeling.actions.claiming import claim_assignment
from labeling.actions.rater_settings import change_rater
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rating import judge_assignment, skip_assignment
from labeling.actions.stopping import settle_items
from labeling.models import Assignment, Campaign, Membership, Rater, Round, User
from labeling.simulation.raters import SimulatedRater

# What a simulated rater says of the assignment they hold: the body of a judgment.
Say = Callable[[Assignment, SimulatedRater, random.Random], dict[str, Any]]
# Judgments after which the items of a round that may stop early are weighed up.
SETTLED_EVERY = 20


@dataclass(frozen=True)
class AtWork:
    """A rater with a seat, and the habits that are planted in them."""

    rater: Rater
    habits: SimulatedRater


@dataclass(frozen=True)
class Worked:
    """What came of it."""

    judgments: int
    skips: int


def seated(
    campaign: Campaign, people: Sequence[User], raters: Sequence[SimulatedRater]
) -> list[AtWork]:
    """The people as raters of the campaign, with a seat each. Safe to repeat."""
    at_work = []
    for person, habits in zip(people, raters, strict=True):
        add_member(campaign=campaign, user=person, role=Membership.Role.RATER, by=None)
        at_work.append(AtWork(take_seat(user=person, campaign=campaign).rater, habits))
    return at_work


def note_groups(campaign: Campaign, at_work: Sequence[AtWork], attribute: str) -> None:
    """Note of each rater with a group which one it is, as a manager would. Safe to repeat."""
    for one in at_work:
        if one.habits.group:
            change_rater(
                campaign=campaign, rater=one.rater, by=None, groups={attribute: one.habits.group}
            )


def work_through(
    campaign: Campaign,
    at_work: Sequence[AtWork],
    say: Say,
    *,
    draw: random.Random,
    most: int | None = None,
    moment: Callable[[int], datetime] | None = None,
    round_: Round | None = None,
) -> Worked:
    """Let whoever's turn it is claim and submit until nothing is left, or there are `most`.

    `moment` gives the time of a judgment by its number from 0, else it is now. The items of
    `round_`, if it may stop early, are weighed up as they are judged.
    """
    left = list(at_work)
    judgments = skips = 0
    weighed = _Weighed(round_)
    while judgments != most:
        if weighed.is_due or not left:
            # What was laid may be for somebody who found nothing a moment ago.
            if weighed.settle():
                left = list(at_work)
            if not left:
                break
        one = draw.choice(left)
        assignment = claim_assignment(rater=one.rater, campaign=campaign)
        if assignment is None:
            left.remove(one)
            continue
        if one.habits.skips and draw.random() < one.habits.skips:
            skip_assignment(rater=one.rater, assignment_id=assignment.public_id, reason="expertise")
            skips += 1
            continue
        judge_assignment(
            rater=one.rater,
            assignment=assignment,
            answer=say(assignment, one.habits, draw),
            at=moment(judgments) if moment else None,
        )
        judgments += 1
        weighed.note(assignment)
    return Worked(judgments, skips)


class _Weighed:
    """The items of a round that may stop early, weighed up every so many judgments."""

    def __init__(self, round_: Round | None) -> None:
        self._round = round_ if round_ is not None and round_.stop_rule != "fixed" else None
        self._judged: list[int] = []

    @property
    def is_due(self) -> bool:
        return len(self._judged) >= SETTLED_EVERY

    def note(self, assignment: Assignment) -> None:
        """One judgment more."""
        if self._round is not None:
            self._judged.append(assignment.comparison_id)

    def settle(self) -> int:
        """How many slots ended or were laid for what was judged since."""
        if self._round is None or not self._judged:
            return 0
        judged, self._judged = sorted(set(self._judged)), []
        return settle_items(round_=self._round, comparison_ids=judged)
