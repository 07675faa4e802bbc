"""The kinds of raters that a simulation plants, and a crowd of them in given shares."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from labeling.simulation.raters import SimulatedRater

# Characters a second of one who reads 238 words a minute (Brysbaert 2019), six to a word.
READING: Final = 23.8

Draw = random.Random


def _careful(rater: SimulatedRater, draw: Draw) -> SimulatedRater:
    return replace(rater, noise=draw.lognormvariate(0, 0.15), chars_per_second=_pace(draw))


def _pace(draw: Draw) -> float:
    """About 0.7 of the time that reading everything takes: people skim the longer half."""
    return READING / draw.lognormvariate(-0.35, 0.25)


def _fast(rater: SimulatedRater, draw: Draw) -> SimulatedRater:
    # Under 0.3 of the time that reading takes, and in doubt about much.
    return replace(rater, noise=2.5, chars_per_second=READING / draw.uniform(0.08, 0.14))


def _tie_lover(rater: SimulatedRater, draw: Draw) -> SimulatedRater:
    return replace(_careful(rater, draw), tie_width=rater.tie_width + 1.2)


def _by_rule(rater: SimulatedRater, draw: Draw) -> SimulatedRater:
    return replace(rater, chars_per_second=_pace(draw))


def _half_effort(rater: SimulatedRater, draw: Draw) -> SimulatedRater:
    return replace(_careful(rater, draw), carelessness=0.5)


# What each does, in the words of the table that is printed, and how one is made.
KINDS: Final[Mapping[str, tuple[str, Callable[[SimulatedRater, Draw], SimulatedRater]]]] = {
    "careful": ("compares, with ordinary noise", _careful),
    "random": ("tosses a coin", lambda rater, draw: _by_rule(replace(rater, rule="random"), draw)),
    "left": (
        "always takes the left side",
        lambda rater, draw: _by_rule(replace(rater, rule="left"), draw),
    ),
    "longer": (
        "always takes the longer answer",
        lambda rater, draw: _by_rule(replace(rater, rule="longer"), draw),
    ),
    "half": ("answers every other one at a glance", _half_effort),
    "fast": ("skims all of them, with much noise", _fast),
    "tie": ("says tie unless the gap is wide", _tie_lover),
}
# Those whose judgments say little of the answers. Who is fast or loves ties still compares.
BAD: Final = frozenset({"random", "left", "longer", "half"})


def crowd(
    count: int,
    shares: Mapping[str, float],
    *,
    draw: Draw,
    names: Callable[[int], str],
    tie_width: float = 0.4,
    skips: float = 0.0,
    groups: int = 0,
) -> list[SimulatedRater]:
    """`count` raters whose kinds have these shares, the rest careful; `names` are by number from 1.

    Largest remainders decide who rounds up. Of `groups` each gets every so-manieth rater of each
    kind, so that no group is one of a kind.
    """
    kinds = [kind for kind, number in _numbers(count, shares).items() for _ in range(number)]
    raters = []
    for place, kind in enumerate(kinds):
        plain = SimulatedRater(
            "",
            noise=1.0,
            tie_width=tie_width,
            law="logistic",
            kind=kind,
            group=group_name(place % groups) if groups else "",
            skips=skips,
        )
        raters.append(KINDS[kind][1](plain, draw))
    draw.shuffle(raters)
    return [replace(rater, name=names(number)) for number, rater in enumerate(raters, 1)]


def group_name(number: int) -> str:
    """The name of a group by its number from 0."""
    names = ("north", "south", "east", "west")
    return names[number] if number < len(names) else f"group-{number + 1}"


def _numbers(count: int, shares: Mapping[str, float]) -> dict[str, int]:
    bad = {kind: share for kind, share in shares.items() if kind != "careful" and share > 0}
    wanted = {"careful": max(0.0, 1 - sum(bad.values())), **bad}
    exact = {kind: share * count for kind, share in wanted.items()}
    numbers = {kind: int(number) for kind, number in exact.items()}
    # Each kind that is asked for is there at all, if there is room.
    by_rest = sorted(exact, key=lambda kind: (numbers[kind] > 0, numbers[kind] - exact[kind]))
    for kind in by_rest[: count - sum(numbers.values())]:
        numbers[kind] += 1
    return numbers
