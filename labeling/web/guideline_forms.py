"""The form of the next guidelines: a text, worked comparisons, and what raters have to do."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict

from labeling.clauses import MOST_EXAMPLES
from labeling.errors import FieldProblem, LabelingError

# What an example may end in: a side by its strength, a tie, or neither.
VERDICTS = [
    ("", "…"),
    ("a:3", "A much better"),
    ("a:2", "A better"),
    ("a:1", "A slightly"),
    ("a", "A is better"),
    ("tie", "Tie"),
    ("b", "B is better"),
    ("b:1", "B slightly"),
    ("b:2", "B better"),
    ("b:3", "B much better"),
    ("both_bad", "Both bad"),
]


class GuidelinesForm(forms.Form):
    """The next version of the guidelines. A draft of it may lack anything."""

    body = forms.CharField(
        label="Text", max_length=200_000, widget=forms.Textarea(attrs={"rows": 24})
    )
    change_note = forms.CharField(label="What changed", max_length=500, required=False)
    asks_rereading = forms.BooleanField(
        label="Raters read what changed before they go on", required=False, initial=True
    )
    asks_requalification = forms.BooleanField(
        label="Raters pass the qualification once more", required=False
    )
    # The edition this editor was shown; another one has been saved since if it is not the present.
    seen = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)


class ExampleForm(forms.Form):
    """One worked comparison. One that is left or made empty is none."""

    clause = forms.CharField(label="Clause", max_length=6, required=False)
    prompt = forms.CharField(
        label="Prompt", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    a = forms.CharField(label="A", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    b = forms.CharField(label="B", required=False, widget=forms.Textarea(attrs={"rows": 3}))
    verdict = forms.ChoiceField(label="What wins", choices=VERDICTS, required=False)
    why = forms.CharField(label="Why", required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def example(self) -> dict[str, Any] | None:
        """The example as the contract has it; None for an empty one."""
        values = {name: value for name, value in self.cleaned_data.items() if value}
        if not values:
            return None
        preference, _, strength = values.pop("verdict", "").partition(":")
        if preference:
            values["preference"] = preference
        if strength:
            values["strength"] = int(strength)
        return values


Examples = forms.formset_factory(ExampleForm, extra=1, max_num=MOST_EXAMPLES, absolute_max=60)


class Editor:
    """The two forms together, as they were sent or as they begin."""

    def __init__(self, data: QueryDict | None, begin: Mapping[str, Any]) -> None:
        self.form = GuidelinesForm(data, initial=dict(begin))
        self.has_examples = data is not None and "examples-TOTAL_FORMS" in data
        self.examples = Examples(
            data if self.has_examples else None,
            initial=[_row(one) for one in begin.get("examples", [])],
            prefix="examples",
        )
        self._filled: list[tuple[Any, dict[str, Any]]] = []
        self.renamed = {
            name.removeprefix("renamed-"): str(value)
            for name, value in (data or {}).items()
            if name.startswith("renamed-") and value
        }

    def is_valid(self) -> bool:
        """Whether it may be published as far as its fields go."""
        is_whole = self.form.is_valid()
        if not self.has_examples:
            return is_whole
        return self.examples.is_valid() and is_whole

    @property
    def has_errors(self) -> bool:
        return bool(self.form.errors) or (self.has_examples and any(self.examples.errors))

    def filled(self) -> list[dict[str, Any]] | None:
        """The examples that are not empty; None from a form that says nothing of them."""
        if not self.has_examples:
            return None
        self.examples.is_valid()
        self._filled = [
            (one, example)
            for one in self.examples
            if hasattr(one, "cleaned_data") and (example := one.example())
        ]
        return [example for _, example in self._filled]

    def draft(self) -> dict[str, Any]:
        """All that was sent, whole or not, as `save_draft` takes it."""
        self.form.is_valid()
        data = self.form.data
        return {
            "body": str(data.get("body", "")).replace("\r\n", "\n"),
            "examples": self.filled() or [],
            "change_note": str(data.get("change_note", ""))[:500].replace("\x00", ""),
            "asks_rereading": bool(data.get("asks_rereading")),
            "asks_requalification": bool(data.get("asks_requalification")),
            "seen": str(data.get("seen", ""))[:40],
        }

    def refuse(self, error: LabelingError) -> None:
        """Put each problem at its own field; the names are those of `read_examples`."""
        for problem in error.problems or [FieldProblem("", error.message)]:
            place, _, field = problem.field.removeprefix("examples[").partition("].")
            if not problem.field.startswith("examples[") or not place.rstrip("]").isdigit():
                known = problem.field if problem.field in self.form.fields else None
                self.form.add_error(known, problem.message)
                continue
            wrong = self._filled[int(place.rstrip("]"))][0]
            name = "verdict" if field in ("preference", "strength") else field
            message = problem.message
            if not name:
                # Left out altogether: the reader names the first such field in words alone.
                missing = problem.message.partition("`")[2].partition("`")[0]
                name = {"preference": "verdict"}.get(missing, missing) or "clause"
                message = "Fill this in."
            wrong.add_error(name, message)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    row = {name: one.get(name, "") for name in ("clause", "prompt", "a", "b", "why")}
    preference, strength = one.get("preference", ""), one.get("strength")
    return row | {"verdict": f"{preference}:{strength}" if strength else preference}
