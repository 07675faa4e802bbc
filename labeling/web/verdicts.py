"""Verdicts in words, and as the scale that shows one beside another."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labeling.schemas import ResponseSchema
from labeling.web.forms import scale_steps

_WORDS: dict[tuple[str, int], str | Promise] = {
    ("left", 0): _("A is better"),
    ("left", 1): _("A slightly"),
    ("left", 2): _("A better"),
    ("left", 3): _("A much better"),
    ("right", 0): _("B is better"),
    ("right", 1): _("B slightly"),
    ("right", 2): _("B better"),
    ("right", 3): _("B much better"),
    ("tie", 0): _("Tie"),
    ("both_bad", 0): _("Both bad"),
}
_SIDES = {"a": "left", "b": "right"}


@dataclass(frozen=True)
class ShownStep:
    """One step of the scale, with whether the rater chose it and whether it was expected."""

    words: str | Promise
    style: str
    is_yours: bool
    is_wanted: bool


def words_of(side: str, strength: int | None) -> str | Promise:
    """The verdict in words: `side` as shown (left is A) or as written in an example (a)."""
    side = _SIDES.get(side, side)
    return _WORDS[side, (strength or 0) if side in ("left", "right") else 0]


def hue_of(side: str) -> str:
    """The class that gives a verdict its colour."""
    return {"left": "a", "right": "b", "a": "a", "b": "b"}.get(side, "tie")


def scale_beside(
    schema: ResponseSchema,
    *,
    yours: tuple[str, int | None],
    wanted: tuple[str, int | None],
) -> list[ShownStep]:
    """The campaign's scale with both verdicts on it. "Both bad" is on no scale."""
    steps = scale_steps(schema)
    values = [step.value for step in steps]
    mine, theirs = (_place(values, *verdict) for verdict in (yours, wanted))
    return [
        ShownStep(step.words, step.style, number == mine, number == theirs)
        for number, step in enumerate(steps)
    ]


def _place(values: list[str], side: str, strength: int | None) -> int | None:
    """Where the verdict stands; one of unknown or unasked strength at its side's nearest step."""
    if side == "tie":
        return values.index("tie:0") if "tie:0" in values else None
    on_side = [value for value in values if value.startswith(f"{side}:")]
    if not on_side:
        return None
    wanted = strength or 2
    return values.index(min(on_side, key=lambda value: abs(int(value[-1]) - wanted)))
