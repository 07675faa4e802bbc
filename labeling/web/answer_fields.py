"""What an answer says beside verdict, criteria and reason: grades, steps, an edit, clauses, flags.

Read from the form's own values, each under the name that the page gives it. A campaign that does
not ask for one of them has no field for it, and a stray value is not an answer. Whether what is
said fits is checked by labeling.schemas, in one place.
"""

import re
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labeling.models import Assignment, Judgment
from labeling.rendering.reasoning import MAX_STEPS
from labeling.schemas import NAMES, SIDES, ResponseSchema

GRADES = range(1, 8)
MARKS = ("ok", "unsure", "wrong")
FLAGS = (
    ("unsafe", _("A response is unsafe")),
    ("broken", _("A response is broken or cut off")),
    ("identifies_itself", _("A response says which model wrote it")),
)
# Pressed without a script, it brings the page again with the text to be edited.
START_EDIT = "start_edit"
_STEP = re.compile(r"step_(left|right)_([1-9]\d?)")


@dataclass(frozen=True)
class Grade:
    """One side judged by itself, with the grade that is chosen."""

    name: str
    side: str
    chosen: str

    @property
    def style(self) -> str:
        return self.side.lower()


@dataclass(frozen=True)
class Flag:
    """Something a reviewer should look at, and whether the rater says so."""

    value: str
    words: str | Promise
    is_set: bool
    number: int


class AnswerFields(forms.Form):
    """The base of the answer's form: values are read here, whether sent or shown again."""

    schema: ResponseSchema

    def said(self, name: str) -> str:
        """What the field of this name holds."""
        value = self.data.get(name) if self.is_bound else self.initial.get(name)
        return "" if value is None else str(value)

    def said_all(self, name: str) -> list[str]:
        """All values of a field that may have several."""
        if not self.is_bound:
            return list(self.initial.get(name) or [])
        getlist = getattr(self.data, "getlist", None)
        return [str(v) for v in (getlist(name) if getlist else self.data.get(name) or [])]

    def mark_of(self, side: str, number: int) -> str:
        """The mark of a side's step, counted from 1."""
        return self.said(f"step_{side}_{number}")

    @property
    def grades(self) -> list[Grade]:
        """Both sides with their grades, where the campaign asks for them."""
        if not self.schema.absolute_quality:
            return []
        names = [(f"quality_{side}", NAMES[side]) for side in SIDES]
        return [Grade(name, side, self.said(name)) for name, side in names]

    @property
    def grade_steps(self) -> range:
        return GRADES

    @property
    def flags(self) -> list[Flag]:
        """What can be flagged, and what is."""
        chosen = self.said_all("flags")
        rows = enumerate(FLAGS, start=1)
        return [Flag(value, words, value in chosen, number) for number, (value, words) in rows]

    @property
    def chosen_clauses(self) -> list[str]:
        return self.said_all("clauses")

    @property
    def edited_side(self) -> str:
        side = self.said("edited_side")
        return side if side in SIDES else ""

    @property
    def edited_text(self) -> str:
        """The edited text, its line ends as texts have them and not as forms send them."""
        return self.said("edited_text").replace("\r\n", "\n")

    @property
    def is_starting_edit(self) -> bool:
        """Whether the page is only asked to bring the text to be edited."""
        return self.schema.edit_winner and bool(self.said(START_EDIT))

    @property
    def needs_script(self) -> bool:
        """Whether the script of these would have anything to do."""
        schema = self.schema
        is_counted = schema.rationale == "required" and schema.min_rationale_chars > 1
        return is_counted or schema.edit_winner or schema.clauses or schema.absolute_quality

    def said_beyond(self) -> dict[str, Any]:
        """These parts of the judgment's body, as far as the campaign asks for them."""
        said: dict[str, Any] = {}
        if self.schema.absolute_quality:
            grades = {side: self.said(f"quality_{side}") for side in SIDES}
            said["quality"] = {s: int(g) for s, g in grades.items() if re.fullmatch("[1-7]", g)}
        if self.schema.steps:
            said["steps"] = {side: self._marks(side) for side in SIDES}
        if self.schema.clauses:
            said["clauses"] = list(dict.fromkeys(self.chosen_clauses))
        if self.schema.edit_winner and self.edited_side and self.edited_text:
            said["edited"] = {"side": self.edited_side, "text": self.edited_text}
        known = [flag.value for flag in self.flags if flag.is_set]
        return said | ({"flags": known} if known else {})

    def _marks(self, side: str) -> list[str | None]:
        marks: list[str | None] = [None] * MAX_STEPS
        for name in self.data:
            found = _STEP.fullmatch(name)
            if found and found[1] == side and int(found[2]) <= MAX_STEPS:
                mark = self.said(name)
                marks[int(found[2]) - 1] = mark if mark in MARKS else None
        while marks and marks[-1] is None:
            marks.pop()
        return marks


def initial_of(judgment: Judgment, assignment: Assignment) -> dict[str, Any]:
    """What a stored judgment says of these, under the fields' names, as its rater saw it."""
    grades = {"a": judgment.quality_a, "b": judgment.quality_b}
    values: dict[str, Any] = {
        f"quality_{assignment.side(letter)}": grade
        for letter, grade in grades.items()
        if grade is not None
    }
    for letter, marks in judgment.steps.items():
        # A client may have kept a list of its own, which no side can be told of.
        if letter in grades and isinstance(marks, list):
            for number, mark in enumerate(marks, start=1):
                values[f"step_{assignment.side(letter)}_{number}"] = mark
    if judgment.edited:
        values["edited_side"] = assignment.side(judgment.edited["side"])
        values["edited_text"] = judgment.edited["text"]
    return values | {"clauses": list(judgment.clauses), "flags": list(judgment.flags)}


def fault_of(field: str) -> str:
    """The page's name for the field of a problem ("steps.left.3" is "step_left_3")."""
    head, _, rest = field.partition(".")
    name = {"steps": "step", "quality": "quality"}.get(head)
    return f"{name}_{rest.replace('.', '_')}" if name and rest else field
