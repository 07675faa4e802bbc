"""`/campaigns/<slug>/guidelines/`: the version in force, its worked examples, and the next one."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labeling import access
from labeling.actions.guidelines import publish_guidelines
from labeling.clauses import MOST_EXAMPLES
from labeling.errors import FieldProblem, LabelingError
from labeling.models import GuidelineVersion
from labeling.queries import readings
from labeling.web.campaigns import frame
from labeling.web.rate_guidelines import compared, shown_sections
from labeling.web.signed_in import PageRequest, signed_in

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
    """The next version of the guidelines."""

    body = forms.CharField(
        label="Text", max_length=200_000, widget=forms.Textarea(attrs={"rows": 18})
    )
    change_note = forms.CharField(label="What changed", max_length=500, required=False)
    asks_rereading = forms.BooleanField(
        label="Raters read what changed before they go on", required=False, initial=True
    )


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


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def guidelines(request: PageRequest, slug: str) -> HttpResponse:
    """The version in force; a manager publishes the next one here."""
    campaign = access.campaign_for_reader(request.user, slug)
    version = readings.newest_version(campaign)
    data = request.POST or None
    form = GuidelinesForm(data, initial={"body": version.body if version else ""})
    has_examples = data is not None and "examples-TOTAL_FORMS" in data
    examples = Examples(
        data if has_examples else None, initial=_initial(version), prefix="examples"
    )
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
        if form.is_valid() and (not has_examples or examples.is_valid()):
            filled = [
                (one, example)
                for one in (examples if has_examples else [])
                if (example := one.example())
            ]
            try:
                made = publish_guidelines(
                    campaign=campaign,
                    by=request.user,
                    # A form that says nothing of them leaves them as they are.
                    examples=[example for _, example in filled] if has_examples else None,
                    **form.cleaned_data,
                )
            except LabelingError as error:
                _tell(error, form, [one for one, _ in filled])
            else:
                messages.success(
                    request, f"Version {made.number} is out: judgments are stamped with it now."
                )
                return redirect("campaign_guidelines", slug)
    context = {
        **frame(request, campaign, "guidelines"),
        "form": form,
        "examples": examples,
        "version": version,
        "sections": shown_sections(version),
        **compared(request, campaign),
    }
    status = 422 if form.errors or (has_examples and any(examples.errors)) else 200
    return render(request, "labeling/campaign_guidelines.html", context, status=status)


def _initial(version: GuidelineVersion | None) -> list[dict[str, Any]]:
    if version is None:
        return []
    return [
        {
            "clause": one.clause,
            "prompt": one.prompt,
            "a": one.a,
            "b": one.b,
            "why": one.why,
            "verdict": f"{one.preference}:{one.strength}" if one.strength else one.preference,
        }
        for one in readings.stored_examples(version)
    ]


def _tell(error: LabelingError, form: GuidelinesForm, filled: list[Any]) -> None:
    """Put each problem at its own field; the names are those of `read_examples`."""
    for problem in error.problems or [FieldProblem("body", error.message)]:
        place, _, field = problem.field.removeprefix("examples[").partition("].")
        if not problem.field.startswith("examples[") or not place.rstrip("]").isdigit():
            form.add_error("body", problem.message if error.problems else error.message)
            continue
        wrong = filled[int(place.rstrip("]"))]
        name = "verdict" if field in ("preference", "strength") else field
        message = problem.message
        if not name:
            # Left out altogether: the reader names the first such field in words alone.
            missing = problem.message.partition("`")[2].partition("`")[0]
            name = {"preference": "verdict"}.get(missing, missing) or "clause"
            message = "Fill this in."
        wrong.add_error(name, message)
