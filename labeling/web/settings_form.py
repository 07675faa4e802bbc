"""The fields of a campaign's settings, and of the rows in them."""

import re
from typing import Any

from django import forms

SCALES = (("2", "2"), ("4", "4"), ("7", "7"))
RATIONALES = (("off", "Off"), ("optional", "Optional"), ("required", "Required"))
IDENTITIES = (
    ("show", "Shown as they are"),
    ("mask", "Shown with the name blotted out"),
    ("exclude", "Left out"),
)
MODES = (("instant", "All at once"), ("paced", "At a pace"), ("recorded", "As recorded"))
CONTEXTS = (("full", "Whole conversation"), ("last_turn", "Last turn"))
ERASURES = (
    ("keep", "Stay, under a pseudonym"),
    ("withdraw", "Are withdrawn"),
)


def as_percent(share: float) -> float | int:
    """A share as per cent, whole where it is."""
    percent = round(share * 100, 6)
    return int(percent) if percent == int(percent) else percent


def _percent(label: str, **more: Any) -> forms.FloatField:
    widget = forms.NumberInput({"step": "any", "min": 0, "max": 100})
    return forms.FloatField(
        label=label, min_value=0, max_value=100, required=False, widget=widget, **more
    )


def _count(label: str, *, least: int = 1, most: int | None = None) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, required=False)


def _decimal(label: str, **more: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label, required=False, widget=forms.NumberInput({"step": "any"}), **more
    )


class SettingsForm(forms.Form):
    """All that is set once for a campaign; criteria, skills and arms are rows beside it."""

    use_required_attribute = False

    name = forms.CharField(max_length=200, label="Name")
    slug = forms.SlugField(max_length=80, required=False, label="Address")
    description = forms.CharField(
        max_length=2000,
        required=False,
        label="What raters read first",
        widget=forms.Textarea({"rows": 2}),
    )
    attribution = forms.CharField(
        max_length=2000, required=False, label="Whose data this is, and its licence"
    )

    scale = forms.ChoiceField(choices=SCALES, initial="7", label="Scale")
    tie = forms.BooleanField(required=False, label="“Tie” may be said")
    both_bad = forms.BooleanField(required=False, label="“Both bad” may be said")
    rationale = forms.ChoiceField(choices=RATIONALES, initial="optional", label="Rationale")
    min_rationale_chars = _count("Least characters of a required rationale", least=0, most=5000)
    edit_winner = forms.BooleanField(required=False, label="Raters may edit the winner")
    steps = forms.BooleanField(required=False, label="Label each reasoning step")
    clauses = forms.BooleanField(required=False, label="Cite clauses of the guidelines")
    absolute_quality = forms.BooleanField(required=False, label="Grade each side from 1 to 7")

    overlap = forms.IntegerField(
        min_value=1, max_value=100, initial=3, label="Raters per comparison"
    )
    lease_minutes = forms.FloatField(
        min_value=1 / 60,
        max_value=7 * 24 * 60,
        initial=30,
        label="Minutes to judge",
        widget=forms.NumberInput({"step": "any"}),
    )
    languages = forms.CharField(max_length=400, required=False, label="Languages")
    qualification = forms.ChoiceField(required=False, label="Qualification")
    gold_rate = _percent("Gold, per cent")
    repeat_rate = _percent("Hidden repeats, per cent")
    daily_cap = _count("Most per rater and day", most=100_000)
    campaign_cap = _count("Most per rater in all", most=1_000_000)
    identity = forms.ChoiceField(
        choices=IDENTITIES, initial="show", label="Completions that name their model"
    )

    gold_exposure_cap = _count("Gold rests after so many judgments", most=1_000_000)
    gold_bar = _percent("Gold bar, per cent")
    agreement_floor = _decimal("Agreement floor, alpha", min_value=-1, max_value=1)
    pause_rule = forms.BooleanField(required=False, label="Pause a rater by a rule")
    pause_in_a_row = _count("Judgments in a row", least=3, most=100)
    pause_seconds = _decimal("each under so many seconds", min_value=1, max_value=600)

    budget = _count("Budget, judgments in all", most=100_000_000)
    pay_per_hour = _decimal("Pay per hour", min_value=0)
    currency = forms.CharField(max_length=3, required=False, label="Currency")
    smallest_group = _count("Smallest group shown", least=3, most=1000)
    erasure = forms.ChoiceField(
        choices=ERASURES, initial="keep", label="When a person is erased, their judgments"
    )
    telemetry_days = _count("Days that measures of a page are kept", least=7, most=3650)

    # Not a setting: what the plan of a campaign without comparisons counts with.
    planned = _count("Comparisons planned", most=100_000_000)

    def __init__(self, *args: Any, qualifications: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["qualification"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [("", "None"), *qualifications]


class _Row(forms.Form):
    """A row of a table; one that is left or made empty is none."""

    use_required_attribute = False
    says = "name"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        number = (self.prefix or "").rpartition("-")[2]
        row = int(number) + 1 if number.isdigit() else 1
        for field in self.fields.values():
            # The column's heading is no label to a screen reader.
            field.widget.attrs["aria-label"] = f"{field.label}, row {row}"

    def says_something(self) -> bool:
        """Whether the row is one."""
        return bool(self.is_valid() and str(self.cleaned_data.get(self.says) or "").strip())


class CriterionForm(_Row):
    """A criterion. Its key stays what it was when its label changes."""

    says = "label"

    key = forms.CharField(max_length=40, required=False, widget=forms.HiddenInput)
    label = forms.CharField(max_length=120, required=False, label="Criterion")
    help = forms.CharField(max_length=500, required=False, label="What it means")

    def criterion(self, taken: set[str | None]) -> dict[str, str]:
        """The criterion of a schema; a new one is given a key that none of `taken` is."""
        data = self.cleaned_data
        key = data.get("key") or ""
        if not key:
            key = re.sub(r"[^a-z0-9]+", "_", data["label"].lower()).strip("_")[:36]
            if not key or not key[0].isalpha():
                key = "criterion"
            base, number = key, 1
            while key in taken:
                number += 1
                key = f"{base}_{number}"
        return {"key": key, "label": data["label"].strip(), "help": data["help"].strip()}


class SkillForm(_Row):
    """A skill that is asked for, and how much of it."""

    name = forms.CharField(max_length=60, required=False, label="Skill")
    level = _percent("At least, per cent")

    def share(self) -> float:
        """The share asked for; nothing said asks for the rater's word alone."""
        return round((self.cleaned_data.get("level") or 0) / 100, 8)


class ArmForm(_Row):
    """One way of showing the completions."""

    name = forms.CharField(max_length=60, required=False, label="Arm")
    mode = forms.ChoiceField(choices=MODES, initial="instant", required=False, label="How")
    tokens_per_second = forms.FloatField(
        required=False,
        label="Tokens a second",
        widget=forms.NumberInput({"step": "any", "class": "tiny"}),
    )
    context = forms.ChoiceField(choices=CONTEXTS, initial="full", required=False, label="Context")
    lock_until_shown = forms.BooleanField(initial=True, required=False, label="Answer waits")
    weight = forms.FloatField(
        initial=1,
        required=False,
        label="Weight",
        widget=forms.NumberInput({"step": "any", "class": "tiny"}),
    )

    def arm(self) -> dict[str, Any]:
        """The arm of a presentation."""
        data = self.cleaned_data
        speed = data["tokens_per_second"] if data["mode"] == "paced" else None
        return {
            "name": data["name"].strip(),
            "mode": data["mode"] or "instant",
            "context": data["context"] or "full",
            "lock_until_shown": data["lock_until_shown"],
            "weight": 1 if data["weight"] is None else data["weight"],
            **({} if speed is None else {"tokens_per_second": speed}),
        }
