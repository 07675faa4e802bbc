"""What was measured of a person's own judgments, for that person to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from labeling.models import Judgment, User
from labeling.telemetry import MEASURES, measured


@dataclass(frozen=True)
class Recorded:
    """One judgment's measures, and what it belongs to. It says nothing of models or gold."""

    campaign: str
    judged_at: datetime
    active_ms: int | None
    # Every measure there is; None where it was not taken.
    client: Mapping[str, Any]

    @property
    def pasted(self) -> list[int]:
        """The lengths of what was pasted."""
        return [entry["chars"] for entry in self.client["pastes"] or ()]

    @property
    def copied(self) -> list[int]:
        """The lengths of what was copied."""
        return [entry["chars"] for entry in self.client["copies"] or ()]


def recorded_of(user: User, count: int = 50) -> list[Recorded]:
    """The newest `count` judgments that the user made here, the newest first."""
    own = (
        Judgment.objects.filter(rater__user=user, assignment__isnull=False)
        .order_by("-pk")
        .values_list("campaign__name", "judged_at", "active_ms", "client")
    )
    return [Recorded(name, at, ms, _complete(client)) for name, at, ms, client in own[:count]]


def _complete(client: Mapping[str, Any]) -> dict[str, Any]:
    complete = dict.fromkeys(MEASURES) | measured(client)
    for key in ("first_scroll_ms", "full_read_ms", "shown_share"):
        complete[key] = {"left": None, "right": None} | (complete[key] or {})
    return complete
