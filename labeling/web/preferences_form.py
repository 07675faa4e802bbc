"""The form in which one says how one likes the bench: language, looks and keys."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from labeling.bench_settings import STANDARD, BenchSettings, bench_settings, read_bench_settings
from labeling.errors import InvalidInputError
from labeling.models import User
from labeling.schemas import as_json
from labeling.web.context import THEMES
from labeling.web.messages import in_their_language
from labeling.web.preferences import cap_of

KEY = "key_"
# The rows of the keys' table, and the note beside a row.
ROWS: dict[tuple[str, ...], tuple[str | Promise, str | Promise]] = {
    ("verdict_1", "verdict_2", "verdict_3"): (
        _("A much better, better, slightly"),
        _("A shorter scale counts its steps from A on"),
    ),
    ("verdict_4",): (_("Tie"), ""),
    ("verdict_5", "verdict_6", "verdict_7"): (_("B slightly, better, much better"), ""),
    ("both_bad",): (_("Both bad, on or off"), ""),
    ("submit",): (_("Submit"), ""),
    ("reason",): (_("Write a reason"), _("Esc leaves it")),
    ("quality",): (_("Grade A, then B, by a digit"), _("Where a campaign asks for grades")),
    ("clauses",): (_("Cite clauses"), _("Where a campaign asks for them")),
    ("edit",): (_("Edit the winner"), ""),
    ("skip",): (_("Skip, with a reason"), ""),
    ("flag",): (_("Flag"), ""),
    ("undo",): (_("Undo the last judgment"), ""),
    ("diff",): (_("Word differences"), ""),
    ("prompt",): (_("Hide or show the prompt"), ""),
    ("guidelines",): (_("Guidelines"), ""),
    ("show",): (_("Show both now, while they arrive"), ""),
    ("step_next", "step_previous"): (_("Next step, previous step"), ""),
    ("step_ok", "step_unsure", "step_wrong"): (_("The step is correct, unclear, wrong"), ""),
    ("keys",): (_("List of keys"), ""),
}


@dataclass(frozen=True)
class KeyCell:
    """One action's field."""

    name: str
    action: str
    value: str
    number: int
    is_wrong: bool


@dataclass(frozen=True)
class KeysRow:
    """A row of the keys' table."""

    words: str | Promise
    note: str | Promise
    caps: list[str]
    cells: list[KeyCell]
    errors: list[str]


class PreferencesForm(forms.Form):
    """Language, looks and keys as one wishes them. What keys may be is said by the settings."""

    language = forms.ChoiceField(required=False)
    theme = forms.ChoiceField(
        choices=[("system", _("System")), ("light", _("Light")), ("dark", _("Dark"))],
        required=False,
    )
    text_size = forms.ChoiceField(
        choices=[("15", "15"), ("17", "17"), ("19", "19")], required=False
    )
    movement = forms.ChoiceField(
        choices=[("system", _("System")), ("none", _("None"))], required=False
    )
    typewriter = forms.BooleanField(required=False)
    single_keys = forms.BooleanField(required=False)

    def __init__(self, data: QueryDict | None = None, *, user: User, theme: str = "") -> None:
        bench = bench_settings(user.bench)
        initial: dict[str, Any] = as_json(bench)
        initial |= {"language": user.language, "theme": theme or "system"}
        initial |= {KEY + action: cap_of(key) for action, key in bench.key_map.items()}
        super().__init__(data, initial=initial)
        field: Any = self.fields["language"]
        field.choices = [("", _("As my browser asks")), *settings.LANGUAGES]
        for action in STANDARD:
            self.fields[KEY + action] = forms.CharField(max_length=20, required=False, strip=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                cleaned["bench"] = self._bench(cleaned)
            except InvalidInputError as error:
                for problem in error.problems:
                    name = KEY + problem.field.removeprefix("keys.")
                    message = in_their_language(problem.message)
                    self.add_error(name if name in self.fields else None, message)
        return cleaned

    def _bench(self, cleaned: dict[str, Any]) -> BenchSettings:
        is_reset = "standard" in self.data
        keys = {action: cleaned[KEY + action] or STANDARD[action] for action in STANDARD}
        return read_bench_settings(
            {
                "keys": {} if is_reset else keys,
                "single_keys": True if is_reset else cleaned["single_keys"],
                "text_size": int(cleaned["text_size"] or 15),
                "movement": cleaned["movement"] or "system",
                "typewriter": cleaned["typewriter"],
            }
        )

    @property
    def chosen_theme(self) -> str:
        """The theme's name; empty for what the system has."""
        theme = self.cleaned_data["theme"]
        return theme if theme in THEMES else ""

    @property
    def rows(self) -> list[KeysRow]:
        """The keys in their order, with what is wrong about them."""
        return [
            KeysRow(
                words,
                note,
                [cap_of(STANDARD[action]) for action in actions],
                [
                    KeyCell(
                        KEY + action,
                        action,
                        str(self[KEY + action].value() or ""),
                        number,
                        KEY + action in self.errors,
                    )
                    for number, action in enumerate(actions, start=1)
                ],
                [str(error) for action in actions for error in self[KEY + action].errors],
            )
            for actions, (words, note) in ROWS.items()
        ]
