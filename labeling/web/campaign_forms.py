"""Forms of the pages that set campaigns up: what is typed, read into an action's arguments."""

import json
import re
from typing import Any

from django import forms

from labeling.errors import LabelingError
from labeling.formats.importing import KINDS, LAYOUTS

SCALES = (
    ("7", "Seven steps: much better, better, slightly, tie"),
    ("4", "Four steps: better, slightly better"),
    ("2", "Two: A or B"),
)
# Layouts of files under the names people know them by.
NAMES = {
    "native": "Thurstone (below)",
    "trl": "TRL: prompt, chosen, rejected",
    "hh": "hh-rlhf: chosen, rejected",
    "llmfao": "LLMFAO",
}
RATIONALES = (("optional", "Optional"), ("required", "Required"), ("off", "Off"))


class NewCampaignForm(forms.Form):
    """A campaign in a few fields; the API knows them all."""

    name = forms.CharField(max_length=200, label="Name")
    slug = forms.SlugField(max_length=80, required=False, label="Address")
    description = forms.CharField(
        max_length=2000, required=False, label="Description", widget=forms.Textarea({"rows": 3})
    )
    scale = forms.ChoiceField(choices=SCALES, label="Scale", initial="7")
    tie = forms.BooleanField(required=False, initial=True, label="Raters may say “equally good”")
    both_bad = forms.BooleanField(required=False, initial=True, label="“Both bad” may be said")
    criteria = forms.CharField(
        required=False, max_length=8000, label="Criteria", widget=forms.Textarea({"rows": 3})
    )
    rationale = forms.ChoiceField(choices=RATIONALES, label="Rationale", initial="optional")
    overlap = forms.IntegerField(min_value=1, max_value=100, initial=3, label="Overlap")
    presentation = forms.CharField(
        required=False,
        max_length=8000,
        label="Presentation arms",
        widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
    )

    def clean_presentation(self) -> Any:
        """The arms as typed in JSON, or none; their rules are the action's."""
        text = self.cleaned_data["presentation"].strip()
        if not text:
            return {}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is no JSON: {error}.") from None
        return {"arms": value} if isinstance(value, list) else value

    def arguments(self) -> dict[str, Any]:
        """What `create_campaign` takes."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "slug": data["slug"],
            "description": data["description"],
            "overlap": data["overlap"],
            "schema": {
                "scale": int(data["scale"]),
                "tie": data["tie"],
                "both_bad": data["both_bad"],
                "rationale": data["rationale"],
                "criteria": criteria_of(data["criteria"]),
            },
            "presentation": data["presentation"],
        }

    def refuse(self, error: LabelingError) -> None:
        """Put the action's refusal beside the field it is about, or above the form."""
        for problem in error.problems:
            name = problem.field.removeprefix("schema.").partition("[")[0].partition(".")[0]
            # Of a list typed as JSON the place in it is said, too.
            message = error.message if name == "presentation" else problem.message
            self.add_error(name if name in self.fields else None, message)
        if not error.problems:
            self.add_error(None, error.message)


def criteria_of(text: str) -> list[dict[str, str]]:
    """Criteria from lines of "Label: what it means"; the key is made from the label."""
    found: list[dict[str, str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        label, _, meaning = line.partition(":")
        key = re.sub(r"[^a-z0-9]+", "_", label.strip().lower()).strip("_")[:40]
        if not key or not key[0].isalpha():
            key = f"criterion_{len(found) + 1}"
        found.append({"key": key, "label": label.strip(), "help": meaning.strip()})
    return found


class ImportForm(forms.Form):
    """A file and how to read it."""

    file = forms.FileField(label="File", max_length=255)
    kind = forms.ChoiceField(
        choices=[(kind, kind.capitalize()) for kind in KINDS],
        initial="comparisons",
        label="What it holds",
    )
    layout = forms.ChoiceField(
        choices=[(layout, NAMES.get(layout, layout)) for layout in LAYOUTS], label="Layout"
    )
    lenient = forms.BooleanField(required=False, label="Leave out lines that cannot be read")
    dry_run = forms.BooleanField(required=False, label="Only check the file")
