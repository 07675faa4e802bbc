"""The rater's forms: fields as the campaign's schema asks for them, read into an answer."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from labeling.errors import InvalidInputError
from labeling.models import Assignment, Judgment
from labeling.schemas import SIDES, ResponseSchema
from labeling.telemetry import measured, read_telemetry
from labeling.web.answer_fields import AnswerFields, fault_of, initial_of
from labeling.web.messages import in_their_language

SKIP_REASONS = (
    ("expertise", _("I lack the expertise")),
    ("unclear", _("The prompt is unclear")),
    ("language", _("I do not read this language")),
    ("display", _("A response did not display")),
    ("distress", _("I would rather not read this")),
)
CRITERION = "criterion_"
CRITERION_STEPS = (("left", "A"), ("tie", "="), ("right", "B"))
BOTH_BAD = "both_bad"


@dataclass(frozen=True)
class Step:
    """One step of the verdict scale: what it means, how it looks, which key presses it."""

    value: str
    words: str | Promise
    style: str
    dots: str
    key: int


@dataclass(frozen=True)
class CriterionRow:
    """One criterion with what is chosen in it."""

    name: str
    label: str
    help: str
    chosen: str
    number: int


_LEFT = {3: _("A much better"), 2: _("A better"), 1: _("A slightly")}
_RIGHT = {1: _("B slightly"), 2: _("B better"), 3: _("B much better")}


def scale_steps(schema: ResponseSchema) -> list[Step]:
    """The steps of the schema's scale from A to B, keys counted from 1."""
    sides: list[tuple[str, str | Promise, str, str]]
    if schema.max_strength == 1:
        left = [("left:1", _("A is better"), "a2 a", "●")]
        right = [("right:1", _("B is better"), "b2 b", "●")]
    else:
        strengths = range(1, schema.max_strength + 1)
        left = [(f"left:{n}", _LEFT[n], f"a{n} a", "●" * n) for n in reversed(strengths)]
        right = [(f"right:{n}", _RIGHT[n], f"b{n} b", "●" * n) for n in strengths]
    middle = [("tie:0", _("Tie"), "tie", "=")] if schema.has_tie else []
    sides = [*left, *middle, *right]
    return [Step(*side, key) for key, side in enumerate(sides, start=1)]


class AnswerForm(AnswerFields):
    """An answer to one comparison. What it means is checked by the action, in one place."""

    assignment_id = forms.UUIDField()
    judgment_id = forms.UUIDField(required=False)
    both_bad = forms.BooleanField(required=False)
    rationale = forms.CharField(required=False, strip=False, max_length=20_000)
    active_ms = forms.IntegerField(required=False, min_value=0, max_value=10**9)

    def __init__(self, *args: Any, schema: ResponseSchema, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        self.steps = scale_steps(schema)
        self.message = ""
        self.fault = ""
        self.fields["verdict"] = forms.ChoiceField(
            required=False, choices=[(step.value, step.words) for step in self.steps]
        )
        for criterion in schema.criteria:
            self.fields[CRITERION + criterion.key] = forms.ChoiceField(
                required=False, choices=CRITERION_STEPS
            )

    @classmethod
    def for_change(
        cls, judgment: Judgment, assignment: Assignment, schema: ResponseSchema
    ) -> "AnswerForm":
        """A form that holds what the judgment says, as its rater saw it."""
        side = assignment.side(judgment.preference)
        values = {
            "assignment_id": assignment.public_id,
            "judgment_id": judgment.public_id,
            "verdict": f"{side}:{judgment.strength or 0}",
            "both_bad": side == BOTH_BAD,
            "rationale": judgment.rationale,
        }
        for key, preference in judgment.criteria.items():
            values[CRITERION + key] = assignment.side(preference)
        return cls(initial=values | initial_of(judgment, assignment), schema=schema)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.is_starting_edit:
            if cleaned.get("verdict", "tie").partition(":")[0] in SIDES:
                self.add_error(None, gettext("Change the text below, then submit."))
            else:
                self.add_error("verdict", gettext("Choose the better response, then edit it."))
        if not self.errors and not cleaned.get("verdict") and not cleaned.get("both_bad"):
            self.add_error("verdict", gettext("Choose which response is better."))
        return cleaned

    def answer(self) -> dict[str, Any]:
        """The judgment body of the contract: sides as shown, and what the page measured."""
        values = self.cleaned_data
        if values["both_bad"]:
            said: dict[str, Any] = {"side": BOTH_BAD, "strength": 0}
        else:
            side, _, strength = values["verdict"].partition(":")
            said = {"side": side, "strength": int(strength)}
        said["criteria"] = {
            criterion.key: chosen
            for criterion in self.schema.criteria
            if (chosen := values.get(CRITERION + criterion.key))
        }
        # A campaign that asks for no reason has no field for one; a stray value is not an answer.
        if self.schema.rationale != "off":
            said["rationale"] = values["rationale"]
        return said | self.said_beyond() | {"client": self._measured()}

    def _measured(self) -> dict[str, Any]:
        """What the page measured. Whatever arm was dealt, without its script it shows all at once.

        Read past the form's own checks: an answer is not refused for what was measured of it.
        """
        telemetry = str(self.data.get("telemetry") or "")
        client = read_telemetry(telemetry) | {
            "page": "bench",
            "script": bool(telemetry),
            "shown_as": self.data.get("shown_as") or "instant",
            "active_ms": self.cleaned_data["active_ms"] or None,
        }
        return measured(client)

    def refuse(self, error: InvalidInputError) -> None:
        """Take what the action found wrong."""
        problem = error.problems[0] if error.problems else None
        self.message = in_their_language(problem.message if problem else error.message)
        field = problem.field if problem else ""
        if field.startswith("criteria."):
            self.fault = CRITERION + field.removeprefix("criteria.")
        else:
            self.fault = {"side": "verdict", "strength": "verdict"}.get(field) or fault_of(field)

    def say_first_error(self) -> None:
        """Take the form's own first error as the message."""
        for field, messages in self.errors.items():
            self.fault = field
            self.message = str(messages[0])
            if field in {"assignment_id", "judgment_id"}:
                self.message = gettext(
                    "This form is incomplete. Reload the page; your text stays here."
                )
            return

    def _value(self, name: str) -> str:
        value = self[name].value()
        return "" if value is None else str(value)

    @property
    def chosen(self) -> str:
        """The verdict that is chosen, unless both are bad."""
        return "" if self.is_both_bad else self._value("verdict")

    @property
    def is_both_bad(self) -> bool:
        return self._value("both_bad") not in {"", "False"}

    @property
    def reason(self) -> str:
        return self._value("rationale")

    @property
    def criteria(self) -> list[CriterionRow]:
        """The criteria in their order, with what is chosen."""
        return [
            CriterionRow(
                CRITERION + criterion.key,
                criterion.label,
                criterion.help,
                self._value(CRITERION + criterion.key),
                number,
            )
            for number, criterion in enumerate(self.schema.criteria, start=1)
        ]

    @property
    def asks_reason(self) -> bool:
        return self.schema.rationale != "off"

    @property
    def least_reason(self) -> int:
        """How many characters a reason needs; 0 where none is required."""
        return max(self.schema.min_rationale_chars, 1) if self.schema.rationale == "required" else 0

    @property
    def reason_length(self) -> int:
        return len(self.reason.strip())

    @property
    def reason_hint(self) -> str:
        """What the field of the reason says while it is empty."""
        if self.schema.rationale == "required":
            least = max(self.schema.min_rationale_chars, 1)
            if least > 1:
                return gettext("Why? At least %(least)s characters.") % {"least": least}
            return gettext("Why?")
        return gettext("Why? Optional.")


class SkipForm(forms.Form):
    """A comparison given back, and why."""

    assignment_id = forms.UUIDField()
    reason = forms.ChoiceField(choices=SKIP_REASONS)
    note = forms.CharField(required=False, max_length=150)
    active_ms = forms.IntegerField(required=False, min_value=0, max_value=10**9)

    def stored_reason(self) -> str:
        """The reason's key, with the rater's own words after it."""
        note = self.cleaned_data["note"].strip()
        return f"{self.cleaned_data['reason']}: {note}" if note else self.cleaned_data["reason"]
