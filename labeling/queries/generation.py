"""How far runs of generation have come: counts by endpoint, and what went wrong by kind."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min

from labeling.models import (
    Campaign,
    Endpoint,
    GenerationRun,
    GenerationSlot,
    RunEndpoint,
    slots,
)

STATES = ("waiting", "leased", "filled", "failed", "cancelled")


@dataclass
class Problem:
    """What one endpoint said, how often, and whether it is tried again by itself."""

    endpoint: str
    kind: str
    count: int
    message: str
    is_retried: bool
    next_try_at: datetime | None
    used: RunEndpoint


@dataclass
class EndpointProgress:
    """One model's share of a run: an endpoint with its settings."""

    endpoint: RunEndpoint
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def open_count(self) -> int:
        """What is still to come."""
        return self.counts["waiting"] + self.counts["leased"]


@dataclass
class RunProgress:
    """A run in numbers. `done` is what needs no more work, filled or not."""

    endpoints: list[EndpointProgress] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        return {state: sum(e.counts[state] for e in self.endpoints) for state in STATES}

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def done(self) -> int:
        counts = self.counts
        return counts["filled"] + counts["failed"] + counts["cancelled"]


def progress_of(runs: Iterable[GenerationRun]) -> dict[int, RunProgress]:
    """The progress of each run, by its id, in two queries."""
    ids = [run.pk for run in runs]
    progress = {pk: RunProgress() for pk in ids}
    places: dict[tuple[int, int, bytes], EndpointProgress] = {}
    used = RunEndpoint.objects.filter(run__in=ids).select_related("endpoint")
    for one in used.order_by("run", "position"):
        key = one.run_id, one.endpoint_id, bytes(one.params_key)
        places[key] = place = EndpointProgress(one)
        progress[one.run_id].endpoints.append(place)
    for row in _grouped(ids):
        place = places[row["run_id"], row["endpoint_id"], bytes(row["params_key"])]
        place.counts[row["state"]] += row["count"]
        if row["error_kind"] and row["state"] in ("waiting", "failed"):
            progress[row["run_id"]].problems.append(
                Problem(
                    place.endpoint.name,
                    row["error_kind"],
                    row["count"],
                    row["message"],
                    row["state"] == "waiting",
                    row["next_try_at"],
                    place.endpoint,
                )
            )
    return progress


def _grouped(ids: list[int]) -> Iterable[Mapping[str, Any]]:
    return (
        GenerationSlot.objects.filter(run__in=ids)
        .values("run_id", "endpoint_id", "params_key", "state", "error_kind")
        .annotate(count=Count("pk"), message=Max("error"), next_try_at=Min("not_before"))
        .order_by("run_id", "endpoint_id", "params_key", "state", "error_kind")
    )


def is_filled(run_id: int) -> bool:
    """Nothing of the run waits or is being asked for."""
    return not slots.has_open(run_id=run_id)


def live_runs() -> list[int]:
    """The jobs of runs that are under way."""
    live = GenerationRun.objects.filter(state=GenerationRun.State.RUNNING)
    return list(live.order_by("pk").values_list("job_id", flat=True))


def usable_endpoints(campaign: Campaign) -> list[Endpoint]:
    """The organisation's endpoints, those out of use last."""
    endpoints = Endpoint.objects.filter(organisation=campaign.organisation_id)
    return list(endpoints.order_by("disabled_reason", "name"))


def newest_runs(campaign: Campaign, limit: int = 10) -> list[GenerationRun]:
    """The campaign's newest runs, newest first."""
    runs = campaign.generation_runs.select_related("round", "created_by", "job")
    return list(runs.order_by("-pk")[:limit])
