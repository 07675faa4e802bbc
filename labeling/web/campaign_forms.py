"""The form that brings a file into a campaign."""

from typing import Any

from django import forms

from labeling.formats.importing import KINDS, LAYOUTS

# Layouts of files under the names people know them by.
NAMES = {
    "native": "Thurstone (below)",
    "trl": "TRL: prompt, chosen, rejected",
    "hh": "hh-rlhf: chosen, rejected",
    "llmfao": "LLMFAO",
}


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


class DraftImportForm(ImportForm):
    """The same beside the settings of a draft, where a file may come or not."""

    file = forms.FileField(label="File", max_length=255, required=False)
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("kind", "layout"):
            self.fields[name].required = False
        del self.fields["dry_run"]
