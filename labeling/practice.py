"""How near an answer came to a known one, and when a qualification is passed. Pure."""

import math
from typing import Final, Literal

Nearness = Literal["right", "close", "other"]

# Where a verdict lies between "A much better" and "B much better"; both bad lies on no side.
_SIGN: Final = {"a": -1, "b": 1, "tie": 0, "both_bad": 0}
DEFAULT_PASS_SHARE: Final = 0.7


def nearness(
    preference: str, strength: int | None, known: str, known_strength: int | None
) -> Nearness:
    """Right: the same verdict, however strong. Close: another one, a step of the scale away.

    A tie and "both bad" are one verdict: neither names a winner. Where a strength is not
    known, the nearest one is meant.
    """
    if preference == known or _SIGN[preference] == _SIGN[known] == 0:
        return "right"
    return (
        "close"
        if abs(_place(preference, strength) - _place(known, known_strength)) <= 1
        else ("other")
    )


def _place(preference: str, strength: int | None) -> int:
    return _SIGN[preference] * max(strength or 1, 1)


def right_answers_needed(pass_share: float, item_count: int) -> int:
    """How many of `item_count` must be right; one at least: nothing is passed by nothing."""
    # A share such as 0.7 of 10 is 7, whatever binary fractions make of it.
    return max(1, math.ceil(pass_share * item_count - 1e-9))
