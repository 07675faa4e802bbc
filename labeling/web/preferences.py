"""How the user likes the bench, ready for templates: the names of their keys, and their looks."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from labeling.bench_settings import CAPS, BenchSettings, bench_settings

SCALE = [f"verdict_{number}" for number in range(1, 8)]
ANSWERING = {
    "both_bad": _("Both bad, on or off"),
    "submit": _("Submit"),
    "reason": _("Write a reason"),
    "quality": _("Grade A, then B, by a digit"),
    "clauses": _("Cite clauses"),
    "edit": _("Edit the winner"),
    "flag": _("Flag"),
    "skip": _("Skip, with a reason"),
    "undo": _("Undo the last judgment"),
}
MOVING = {
    "diff": _("Word differences"),
    "prompt": _("Hide or show the prompt"),
    "guidelines": _("Guidelines"),
    "show": _("Show both now, while they arrive"),
    "step_next": _("Next step"),
    "step_previous": _("Previous step"),
    "step_ok": _("The step is correct"),
    "step_unsure": _("The step is unclear"),
    "step_wrong": _("The step is wrong"),
    "keys": _("This list"),
}


@dataclass(frozen=True)
class KeyRow:
    """One action with the cap of its key."""

    action: str
    words: str | Promise
    cap: str


@dataclass(frozen=True)
class Preferences:
    """One user's bench settings in the words and signs of a page."""

    settings: BenchSettings

    def cap(self, action: str) -> str:
        """What stands on the action's key."""
        return cap_of(self.settings.key_map[action])

    def shortcut(self, action: str) -> str:
        """The action's key as aria-keyshortcuts spells it."""
        key = self.settings.key_map[action]
        return key if self.settings.single_keys else f"Alt+{key}"

    @cached_property
    def key_map_json(self) -> str:
        """Each action's key, for the script."""
        return orjson.dumps(self.settings.key_map).decode()

    @property
    def looks(self) -> SafeString:
        """The attributes of the page that carry the looks."""
        settings = self.settings
        said = {
            "data-text": str(settings.text_size) if settings.text_size != 15 else "",
            "data-movement": "none" if settings.movement == "none" else "",
            "data-face": "typewriter" if settings.typewriter else "",
        }
        return format_html_join("", ' {}="{}"', ((k, v) for k, v in said.items() if v))

    @property
    def scale_caps(self) -> list[str]:
        """The caps of the scale's steps, in their order."""
        return [self.cap(action) for action in SCALE]

    @property
    def answering(self) -> list[KeyRow]:
        """What the keys do to the answer."""
        return self._rows(ANSWERING)

    @property
    def moving(self) -> list[KeyRow]:
        """What the keys do to the page."""
        return self._rows(MOVING)

    def _rows(self, actions: dict[str, Any]) -> list[KeyRow]:
        return [KeyRow(action, words, self.cap(action)) for action, words in actions.items()]


def cap_of(key: str) -> str:
    """What stands on a key."""
    return CAPS.get(key) or key.upper()


def preferences_of(request: HttpRequest) -> Preferences:
    """The signed-in user's; the standard for anybody else."""
    stored: Any = getattr(getattr(request, "user", None), "bench", {})
    return Preferences(bench_settings(stored))
