"""The forms of the page of rounds: what each kind is opened with, and what came of one."""

from typing import Any

from django import forms

from labeling.actions.pairing import DEFAULT_ITEMS, MOST_ITEMS
from labeling.errors import LabelingError
from labeling.metrics.stopping import GOES_ON
from labeling.models import Campaign
from labeling.pairing.settings import LEARNING
from labeling.practice import DEFAULT_PASS_SHARE

RULES = (
    ("given", "As they came", "the comparisons that wait, from imports and generation"),
    ("uncertain", "Uncertain first", "pairs that would change the ranking most"),
    ("all", "All pairs alike", "simple, and best for the win-rate matrix"),
    ("baseline", "Against a baseline", "only says who beats it"),
    ("topk", "The top few", "settles the first places and little else"),
    ("adjacent", "Neighbours in rank", "each model with the next better one"),
    ("random", "At random", "no order at all"),
)
# Per cent of draws of a rule that prefers some pairs which are dealt over all the others.
SHARES = (("0.1", "10 %"), ("0.15", "15 %"), ("0.2", "20 %"))


class RefusableForm(forms.Form):
    """A form that can show what an action refused."""

    def refuse(self, error: LabelingError) -> None:
        """Put each refusal beside its field, or above the form where it has none here."""
        for problem in error.problems:
            field = problem.field.rpartition(".")[2]
            self.add_error(field if field in self.fields else None, problem.message)
        if not error.problems:
            self.add_error(None, error.message)


class OpenForm(RefusableForm):
    """A production round."""

    pairing = forms.ChoiceField(choices=[(key, title) for key, title, _ in RULES])
    k = forms.IntegerField(min_value=1, max_value=100, initial=3, required=False, label="Places")
    uniform_share = forms.ChoiceField(
        choices=SHARES, initial="0.15", required=False, label="Dealt at random"
    )
    budget = forms.IntegerField(
        min_value=1, max_value=2_000_000_000, required=False, label="Budget, judgments"
    )
    overlap = forms.IntegerField(min_value=1, max_value=100, label="Raters per comparison")
    stop_rule = forms.ChoiceField(
        choices=[
            ("fixed", "When it has all"),
            ("curtailed", "When its majority cannot be caught"),
            ("posterior", "When it is sure enough"),
            ("evalue", "When the evidence is enough"),
        ],
        initial="fixed",
        label="An item stops",
    )
    every = forms.IntegerField(
        min_value=10,
        max_value=100_000,
        initial=100,
        required=False,
        label="Pairs chosen anew after",
    )
    max_overlap = forms.IntegerField(
        min_value=2, max_value=100, required=False, label="Up to, where they disagree"
    )
    stop_at = forms.IntegerField(
        min_value=51, max_value=99, initial=80, required=False, label="Sure is, per cent"
    )
    keep = forms.IntegerField(
        min_value=0, max_value=1_000_000, initial=0, required=False, label="Items asked again"
    )

    def __init__(self, *args: Any, campaign: Campaign, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["overlap"].initial = campaign.overlap
        named = [(model, model) for model in models]
        self.fields["baseline"] = forms.ChoiceField(
            required=False, label="Baseline", choices=[("", "Choose a model"), *named]
        )
        self.fields["anchor"] = forms.ChoiceField(
            required=False, label="Anchor", choices=[("", "None"), *named]
        )

    def arguments(self) -> dict[str, Any]:
        """What `pair_and_open_round` takes of a production round."""
        data = self.cleaned_data
        rule = data["pairing"]
        settings: dict[str, Any] = {}
        if rule in {"uncertain", "baseline", "topk", "adjacent"}:
            settings["uniform_share"] = float(data["uniform_share"] or 0.15)
        if rule == "baseline":
            settings["baseline"] = data["baseline"]
        if rule == "topk" and data["k"]:
            settings["k"] = data["k"]
        # Without a budget it would never end: then all pairs are chosen at once.
        if rule in LEARNING and data["budget"] and data["every"]:
            settings["every"] = data["every"]
        asked: dict[str, Any] = {
            "pairing": rule,
            "pairing_settings": settings,
            "overlap": data["overlap"],
            "stop_rule": data["stop_rule"],
            "budget": data["budget"],
            "anchor": data["anchor"],
            "keep": data["keep"] or 0,
        }
        if data["stop_rule"] in GOES_ON:
            asked["max_overlap"] = data["max_overlap"]
            asked["stop_at"] = data["stop_at"] / 100 if data["stop_at"] else None
        return asked


class ItemsForm(RefusableForm):
    """A calibration or an adjudication: how many items."""

    items = forms.IntegerField(
        min_value=1, max_value=MOST_ITEMS, initial=DEFAULT_ITEMS, label="Items"
    )


class QualificationForm(RefusableForm):
    """A qualification: the share that passes, and which known answers."""

    pass_share = forms.IntegerField(
        min_value=1,
        max_value=100,
        initial=round(DEFAULT_PASS_SHARE * 100),
        label="Per cent to pass",
    )
    comparisons = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        max_length=100_000,
        label="Ids of known answers",
    )

    def arguments(self) -> dict[str, Any]:
        """What `pair_and_open_round` takes of a qualification."""
        return {
            "pass_share": self.cleaned_data["pass_share"] / 100,
            "comparisons": self.cleaned_data["comparisons"].split(),
        }


class ModelForm(RefusableForm):
    """A model that was trained on a round."""

    name = forms.CharField(max_length=200, label="Its name, as completions will carry it")
    base = forms.CharField(max_length=200, required=False, label="Trained from")
    note = forms.CharField(max_length=2000, required=False, label="Note")
