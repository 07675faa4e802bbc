"""The forms of the page of judges: a new one, and letting one decide."""

from collections.abc import Mapping
from typing import Any

from django import forms

from labeling.metrics.judge_routing import CUTS
from labeling.models import Endpoint, Judge
from labeling.web.round_forms import RefusableForm

# Per cent of what a judge decides that people judge all the same.
AUDITS = (("0.05", "5 %"), ("0.1", "10 %"), ("0.2", "20 %"), ("0.5", "50 %"))


class JudgeForm(RefusableForm):
    """A judge. What may stand in it, the action says; this only reads numbers and lines."""

    use_required_attribute = False

    endpoint = forms.ChoiceField(label="Endpoint")
    name = forms.CharField(max_length=120, label="Name")
    rubric = forms.CharField(
        required=False, strip=False, label="Rubric of its own", widget=forms.Textarea({"rows": 3})
    )
    persona = forms.CharField(
        required=False, label="Persona", widget=forms.Textarea({"rows": 2, "spellcheck": "false"})
    )
    samples = forms.IntegerField(min_value=1, max_value=16, initial=1, label="Samples")
    share = forms.FloatField(min_value=0.1, max_value=100, initial=100, label="Share, per cent")
    budget_calls = forms.IntegerField(required=False, min_value=1, label="Budget, calls")
    budget_cost = forms.DecimalField(required=False, min_value=0, label="Budget, cost")
    both_orders = forms.BooleanField(required=False, initial=True, label="Ask in both orders")
    follows_guidelines = forms.BooleanField(
        required=False, initial=True, label="Tell it the guidelines"
    )

    def __init__(self, *args: Any, endpoints: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["endpoint"] = forms.ChoiceField(
            label="Endpoint", choices=[(str(one.public_id), one.name) for one in endpoints]
        )

    def clean_persona(self) -> dict[str, str]:
        """One group a line: "age: 60 and over"."""
        persona: dict[str, str] = {}
        for line in self.cleaned_data["persona"].splitlines():
            if not line.strip():
                continue
            group, colon, value = (part.strip() for part in line.partition(":"))
            if not (group and colon and value):
                raise forms.ValidationError("Write one group a line, like “age: 60 and over”.")
            persona[group] = value
        return persona

    def arguments(self) -> dict[str, Any]:
        """What `create_judge` takes."""
        data = dict(self.cleaned_data)
        data["share"] = data["share"] / 100
        return {name: value for name, value in data.items() if value is not None}


class ChangeForm(RefusableForm):
    """What may be changed of a judge without making it another rater."""

    use_required_attribute = False

    rubric = forms.CharField(
        required=False, strip=False, label="Rubric of its own", widget=forms.Textarea({"rows": 3})
    )
    temperature = forms.FloatField(required=False, min_value=0, max_value=2, label="Temperature")
    budget_calls = forms.IntegerField(required=False, min_value=1, label="Budget, calls")
    budget_cost = forms.DecimalField(required=False, min_value=0, label="Budget, cost")

    def __init__(self, data: Mapping[str, Any] | None = None, *, judge: Judge) -> None:
        now = {
            "rubric": judge.rubric,
            "temperature": judge.sampling.get("temperature"),
            "budget_calls": judge.budget_calls,
            "budget_cost": judge.budget_cost,
        }
        super().__init__(data, initial=now, auto_id=f"change-{judge.public_id}-%s")
        self.judge = judge

    def arguments(self) -> dict[str, Any]:
        """What `change_judge` takes: only what is another value than it has."""
        data = {name: self.cleaned_data[name] for name in self.changed_data}
        if "temperature" in data:
            temperature = data.pop("temperature")
            sampling = {k: v for k, v in self.judge.sampling.items() if k != "temperature"}
            data["sampling"] = sampling | (
                {} if temperature is None else {"temperature": temperature}
            )
        return data


class UseForm(RefusableForm):
    """From when on the judge decides alone, and how much of that is audited."""

    cut = forms.TypedChoiceField(choices=[(cut, cut) for cut in CUTS], coerce=float)
    audit_share = forms.TypedChoiceField(
        choices=AUDITS, initial="0.1", coerce=float, label="Audited by people"
    )
