"""The form that starts a run: models with their settings, which prompts, filters and a budget."""

from typing import Any, TypeAlias

from django import forms
from django.forms.formsets import BaseFormSet, formset_factory
from django.http import QueryDict

from labeling.actions.generation import MAX_PER_PROMPT
from labeling.errors import LabelingError
from labeling.formats import filters
from labeling.models import Endpoint, GenerationRun
from labeling.queries.prompt_choices import Choices
from labeling.web.endpoint_forms import PlainNumber
from labeling.web.round_forms import RefusableForm

VARIANTS = "variants"
MOST_ROWS = 32
PAIRINGS = (("all", "Every pair"), ("baseline", "Each against the first model"))
CHOICES = (
    (filters.KEEP, "Keep"),
    (filters.MARK, "Keep, and mark"),
    (filters.DROP, "Leave out of pairs"),
)
SAMPLING = ("temperature", "top_p", "max_tokens", "seed")


def _number(label: str) -> PlainNumber:
    widget = forms.NumberInput({"step": "any", "inputmode": "decimal", "class": "tiny-number"})
    return PlainNumber(label=label, required=False, widget=widget)


def _count(label: str, *, least: int | None = 1) -> forms.IntegerField:
    widget = forms.NumberInput({"class": "tiny-number"})
    return forms.IntegerField(label=label, required=False, min_value=least, widget=widget)


class VariantForm(forms.Form):
    """A model as the run asks it. Settings left empty are the endpoint's own."""

    use_required_attribute = False

    endpoint = forms.ChoiceField(required=False, label="Model")
    temperature = _number("Temperature")
    top_p = _number("Top-p")
    max_tokens = _count("Most tokens")
    seed = _count("Seed", least=None)
    system = forms.CharField(
        max_length=20_000,
        required=False,
        label="System text",
        widget=forms.Textarea({"rows": 1, "class": "system"}),
    )

    def __init__(self, *args: Any, endpoints: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        number = (self.prefix or "").rpartition("-")[2]
        row = int(number) + 1 if number.isdigit() else 1
        chosen = self.fields["endpoint"]
        assert isinstance(chosen, forms.ChoiceField)  # noqa: S101  # declared above
        named = [(str(one.public_id), one.name) for one in endpoints if one.is_enabled]
        chosen.choices = [("", "None"), *named]
        for field in self.fields.values():
            # The column's heading is no label to a screen reader.
            field.widget.attrs["aria-label"] = f"{field.label}, row {row}"

    def says_something(self) -> bool:
        """Whether the row names a model."""
        return bool(self.is_valid() and self.cleaned_data.get("endpoint"))

    def variant(self) -> dict[str, Any]:
        """The row as `start_generation` takes it."""
        data = self.cleaned_data
        sampling = {name: data[name] for name in SAMPLING if data[name] is not None}
        return {"endpoint": data["endpoint"], "sampling": sampling, "system": data["system"]}


Rows: TypeAlias = "BaseFormSet[VariantForm]"
_Rows = formset_factory(VariantForm, extra=0, max_num=MOST_ROWS, validate_max=True)


class StartForm(RefusableForm):
    """All that is said once of a run."""

    use_required_attribute = False

    completions_per_prompt = forms.IntegerField(
        min_value=1,
        max_value=MAX_PER_PROMPT,
        initial=1,
        label="Completions per prompt",
        help_text="Of each model.",
    )
    pairing = forms.ChoiceField(
        choices=PAIRINGS, initial="all", label="Pairs", help_text="Equal texts are not paired."
    )
    limit = forms.IntegerField(
        min_value=1,
        required=False,
        label="Prompts at most",
        help_text="Empty: all that fit.",
    )
    budget_calls = forms.IntegerField(
        min_value=1, required=False, label="Calls at most", help_text="Empty: no cap."
    )
    budget_cost = forms.DecimalField(
        min_value=0,
        max_digits=14,
        decimal_places=6,
        required=False,
        label="Cost at most",
        help_text="The run stops there, and goes on when it is raised.",
        widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}),
    )
    keeps_raw = forms.BooleanField(
        required=False, label="Keep each answer as the provider sent it, too"
    )

    def __init__(
        self,
        *args: Any,
        choices: Choices,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        for name, label, values in (
            ("languages", "Languages", choices.languages),
            ("tags", "Tags", choices.tags),
            ("against", "Pair with completions that are there", choices.models),
        ):
            self.fields[name] = forms.MultipleChoiceField(
                required=False,
                label=label,
                choices=[_choice(one) for one in values],
                widget=forms.CheckboxSelectMultiple,
            )
        for name, words in filters.WORDS.items():
            self.fields[f"filter_{name}"] = forms.ChoiceField(
                required=False, label=words, choices=CHOICES, initial=filters.DEFAULTS[name]
            )

    @property
    def choice_fields(self) -> list[forms.BoundField]:
        """Which prompts, and what the new completions are paired with besides one another."""
        return [self[name] for name in ("languages", "tags", "against")]

    @property
    def has_odd_filters(self) -> bool:
        """Whether a filter is set otherwise than by default, or wrongly."""
        return any(
            self[f"filter_{name}"].errors or self[f"filter_{name}"].value() != usual
            for name, usual in filters.DEFAULTS.items()
        )

    @property
    def filter_fields(self) -> list[forms.BoundField]:
        """What is done about each finding."""
        return [self[f"filter_{name}"] for name in filters.WORDS]

    def arguments(self) -> dict[str, Any]:
        """What `start_generation` takes besides the variants."""
        data = self.cleaned_data
        wanted = {name: data[name] for name in ("languages", "tags", "limit") if data[name]}
        return {
            "completions_per_prompt": data["completions_per_prompt"],
            "pairing": data["pairing"],
            "prompt_filter": wanted,
            "filters": {
                name: chosen for name in filters.WORDS if (chosen := data[f"filter_{name}"])
            },
            "against": data["against"],
            "budget_calls": data["budget_calls"],
            "budget_cost": data["budget_cost"],
            "keeps_raw": data["keeps_raw"],
        }


class RaiseForm(RefusableForm):
    """The caps of a run that has reached them."""

    budget_calls = forms.IntegerField(min_value=1, required=False, label="Calls at most")
    budget_cost = forms.DecimalField(
        min_value=0, max_digits=14, decimal_places=6, required=False, label="Cost at most"
    )

    def caps(self, run: GenerationRun) -> dict[str, Any]:
        """What `change_budget` takes: the caps that the run has; an empty field leaves its cap."""
        return {
            name: wanted
            for name in ("budget_calls", "budget_cost")
            if (wanted := self.cleaned_data[name]) is not None and getattr(run, name) is not None
        }


def _choice(one: str | tuple[str, int]) -> tuple[str, str]:
    if isinstance(one, str):
        return one, one
    return one[0], f"{one[0]} ({one[1]:,})"


class Start:
    """The form with its rows, as shown first or as sent."""

    def __init__(
        self,
        data: QueryDict | None,
        *,
        endpoints: list[Endpoint],
        choices: Choices,
    ) -> None:
        if data is not None:
            data = _with_more_rows(data)
        self.endpoints, self.choices = endpoints, choices
        self.form = StartForm(data, choices=choices)
        self.rows: Rows = _Rows(
            data,
            prefix=VARIANTS,
            initial=[{}, {}],
            form_kwargs={"endpoints": endpoints},
        )

    def is_valid(self) -> bool:
        """Whether all of it can be read; a run without a model cannot."""
        is_read = all([self.form.is_valid(), self.rows.is_valid()])
        if is_read and not self._kept():
            self.form.add_error(None, "Choose a model in the first row.")
            return False
        return is_read

    @property
    def has_errors(self) -> bool:
        """Whether something was refused."""
        return bool(self.form.errors or (self.rows.is_bound and any(self.rows.errors)))

    def arguments(self) -> dict[str, Any]:
        """What `start_generation` takes."""
        return {"variants": [row.variant() for row in self._kept()], **self.form.arguments()}

    def refuse(self, error: LabelingError) -> None:
        """Put each refusal beside its field or in its row, or above the form."""
        for problem in error.problems:
            head, _, rest = problem.field.partition(".")
            place, _, field = rest.rpartition(".")
            kept = self._kept()
            number = (place or rest).partition(".")[0]
            if head in {VARIANTS, "endpoints"} and number.isdigit() and int(number) < len(kept):
                row = kept[int(number)]
                row.add_error(field if field in row.fields else None, problem.message)
            elif head == "filters" and f"filter_{rest}" in self.form.fields:
                self.form.add_error(f"filter_{rest}", problem.message)
            else:
                field = problem.field.rpartition(".")[2]
                known = field if field in self.form.fields else None
                self.form.add_error(known, problem.message)
        if not error.problems:
            self.form.add_error(None, error.message)

    def _kept(self) -> list[VariantForm]:
        return [row for row in self.rows if row.says_something()]


def _with_more_rows(data: QueryDict) -> QueryDict:
    """The data with one more row where a button asked for one, and a count that can be read."""
    count = data.get(f"{VARIANTS}-TOTAL_FORMS", "")
    known = int(count) if count.isascii() and count.isdigit() and len(count) < 4 else 1
    data = data.copy()
    more = 1 if data.get("more") == VARIANTS else 0
    data[f"{VARIANTS}-TOTAL_FORMS"] = str(min(known + more, MOST_ROWS))
    data[f"{VARIANTS}-INITIAL_FORMS"] = "0"
    return data
