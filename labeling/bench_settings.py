"""How one rater likes the bench: which key does what, and how texts look.

Pure: the JSON of User.bench in, a frozen struct out.
"""

import unicodedata
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from labeling.errors import FieldProblem, InvalidInputError

# What a key may do, by the name that controls carry in data-do, and what that is in words.
ACTIONS = {
    **{f"verdict_{number}": f"Step {number} of the scale" for number in range(1, 8)},
    "both_bad": "Both bad",
    "submit": "Submit",
    "reason": "Write a reason",
    "quality": "Grade each side",
    "clauses": "Cite clauses",
    "edit": "Edit the winner",
    "skip": "Skip",
    "flag": "Flag",
    "undo": "Undo",
    "diff": "Word differences",
    "prompt": "Hide or show the prompt",
    "guidelines": "Guidelines",
    "show": "Show both now",
    "step_next": "Next step",
    "step_previous": "Previous step",
    "step_ok": "Step is correct",
    "step_unsure": "Step is unclear",
    "step_wrong": "Step is wrong",
    "keys": "List of keys",
}
STANDARD = {
    **{f"verdict_{number}": str(number) for number in range(1, 8)},
    "both_bad": "0",
    "submit": "Enter",
    "reason": "r",
    "quality": "q",
    "clauses": "c",
    "edit": "e",
    "skip": "s",
    "flag": "f",
    "undo": "u",
    "diff": "d",
    "prompt": "p",
    "guidelines": "g",
    "show": "Space",
    "step_next": "j",
    "step_previous": "k",
    "step_ok": "y",
    "step_unsure": "m",
    "step_wrong": "n",
    "keys": "?",
}
# Keys that write nothing and what stands on them; a form may say either. Tab, Escape and the arrows
# belong to the browser.
CAPS = {"Enter": "↵", "Space": "␣", "Backspace": "⌫", "Delete": "⌦"}
_NAMES = {name.lower(): name for name in CAPS} | {cap: name for name, cap in CAPS.items()}


class BenchSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """One rater's bench. `keys` holds only what differs from the standard."""

    keys: dict[str, Annotated[str, Meta(max_length=20)]] = {}
    # Off: keys answer only together with Alt (WCAG 2.1.4).
    single_keys: bool = True
    text_size: Literal[15, 17, 19] = 15
    movement: Literal["system", "none"] = "system"
    typewriter: bool = False

    @property
    def key_map(self) -> dict[str, str]:
        """Each action's key."""
        return STANDARD | self.keys


def read_bench_settings(value: Any) -> BenchSettings:
    """The settings in `value`, checked; a key wanted twice is refused with both that want it."""
    try:
        settings = msgspec.convert(value, BenchSettings)
    except msgspec.ValidationError as error:
        message = "These settings cannot be read."
        raise InvalidInputError(message, problems=[FieldProblem("bench", str(error))]) from None
    if unknown := settings.keys.keys() - STANDARD.keys():
        field = f"keys.{min(unknown)}"
        message = "No key can be given to this."
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])
    keys = {action: plain_key(key) for action, key in settings.keys.items()}
    problems = _misfits(STANDARD | keys, chosen=keys.keys())
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    changed = {action: key for action, key in keys.items() if key != STANDARD[action]}
    return msgspec.structs.replace(settings, keys=changed)


def bench_settings(stored: Any) -> BenchSettings:
    """The settings as stored; the standard where an older or a newer version wrote them."""
    try:
        return read_bench_settings(stored)
    except InvalidInputError:
        return BenchSettings()


def plain_key(key: str) -> str:
    """The key as it is stored: a small letter, another sign, or the name of a key."""
    if key == " ":
        return "Space"
    key = unicodedata.normalize("NFC", key.strip())
    lowered = key.lower()
    return _NAMES.get(lowered, lowered if len(lowered) == 1 else key)


def _misfits(key_map: dict[str, str], *, chosen: Any) -> list[FieldProblem]:
    problems = []
    takers: dict[str, str] = {}
    # What was not touched has its key first.
    for action in sorted(key_map, key=lambda action: action in chosen):
        key, field = key_map[action], f"keys.{action}"
        if key not in CAPS and not (len(key) == 1 and _is_sign(key)):
            message = "Choose a letter, a digit or another single sign."
            problems.append(FieldProblem(field, message))
        elif taker := takers.get(key):
            shown = CAPS.get(key) or key.upper()
            message = f"{ACTIONS[action]}: {shown} is taken by {ACTIONS[taker]}. Choose another."
            problems.append(FieldProblem(field, message))
        else:
            takers[key] = action
    return problems


def _is_sign(character: str) -> bool:
    return character.isprintable() and not character.isspace()
