"""When an item has enough votes: its majority cannot be caught, is sure enough, or is evident."""

import math
from typing import Final, Literal

import numpy as np

StopRule = Literal["fixed", "curtailed", "posterior", "evalue"]
STOP_RULES: Final[tuple[StopRule, ...]] = ("fixed", "curtailed", "posterior", "evalue")
# These ask one more at a time where raters differ, and have a `stop_at` and a `max_overlap`.
GOES_ON: Final[frozenset[str]] = frozenset({"posterior", "evalue"})
# A posterior rule never decides on fewer.
FEWEST: Final = 2
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)


def cannot_be_caught(a: int, tie: int, b: int, *, wanted: int) -> bool:
    """Whether the answer that leads of these votes leads whatever the remaining ones say.

    A tie (or both bad) is an answer like the others. With an overlap of 3 two votes alike decide.
    """
    second, leading = sorted((a, tie, b))[1:]
    return leading - second > wanted - (a + tie + b)


def sureness(a: float, tie: float, b: float) -> float:
    """P(q > ½ | votes) for the side that leads: how surely most raters would prefer it.

    q is the share of raters who would prefer that side, uniform beforehand; a tie (or both bad) is
    half a vote for each. So q has a Beta(1 + wins, 1 + losses) distribution: two votes alike make
    it 7/8, three 15/16.
    """
    wins, losses = (max(a, b) + tie / 2, min(a, b) + tie / 2)
    one, other = 1 + wins, 1 + losses
    # With q = sin²φ the density is a trigonometric polynomial, so that the quadrature is exact.
    angle = math.pi / 4 + (_NODES + 1) * math.pi / 8
    logs = (2 * one - 1) * np.log(np.sin(angle)) + (2 * other - 1) * np.log(np.cos(angle))
    scale = math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)
    return float(np.clip((2 * np.exp(logs - scale) * _WEIGHTS).sum() * math.pi / 8, 0.5, 1.0))


def evidence(a: int, b: int) -> float:
    """The e-value that raters do not prefer both sides alike: B(1 + a, 1 + b)/B(1, 1) · 2^(a + b).

    The likelihood of the votes that chose a side, q uniform, over that at q = ½. Under q = ½ it is
    a martingale that begins at 1, so that the chance of its *ever* reaching 1/α is at most α,
    however often one looks (Ville 1939): a peek after every vote costs nothing.
    """
    count = a + b
    logs = math.lgamma(1 + a) + math.lgamma(1 + b) - math.lgamma(2 + count)
    return math.exp(logs + count * math.log(2))


def is_enough(rule: str, a: int, tie: int, b: int, *, wanted: int, stop_at: float | None) -> bool:
    """Whether nothing more is asked about an item with these votes, of at most `wanted`."""
    count = a + tie + b
    if count >= wanted:
        return True
    if rule == "curtailed":
        return cannot_be_caught(a, tie, b, wanted=wanted)
    if rule == "posterior" and stop_at is not None and count >= FEWEST:
        return cannot_be_caught(a, tie, b, wanted=wanted) or sureness(a, tie, b) >= stop_at
    if rule == "evalue" and stop_at is not None:
        # Not before the evidence is there, though the lead cannot be caught: what is said is not
        # who leads but that raters prefer one side, wrongly in at most 1 − stop_at of all items.
        # Floats apart from 1/α by their last digits are alike.
        return evidence(a, b) * (1 - stop_at) >= 1 - 1e-9
    return False
