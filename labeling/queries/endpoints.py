"""How an organisation's LLM endpoints fared in the last day, and which campaigns use them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection

from labeling.models import Endpoint, Organisation

# Bars of the last day, each of so many hours.
STEPS = 12
# Asked of every slot of the day's runs, so each answer serves all who look for a moment.
KEPT_SECONDS = 10

_DAY = """
SELECT s.endpoint_id,
  least(floor(extract(epoch FROM now() - s.finished_at) * %(steps)s / 86400)::int,
    %(steps)s - 1) AS ago,
  count(*) FILTER (WHERE s.state = 'filled'), count(*) FILTER (WHERE s.state = 'failed')
FROM labeling_generationslot s
WHERE s.run_id = ANY(%(runs)s) AND s.state IN ('filled', 'failed')
  AND s.finished_at > now() - interval '1 day'
GROUP BY 1, 2
"""
_MEDIAN = """
SELECT s.endpoint_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.latency_ms)
FROM labeling_generationslot s
WHERE s.run_id = ANY(%(runs)s) AND s.state = 'filled' AND s.latency_ms IS NOT NULL
  AND s.finished_at > now() - interval '1 day'
GROUP BY 1
"""
_ERRORS = """
SELECT DISTINCT ON (s.endpoint_id) s.endpoint_id, s.error_kind, s.error, s.finished_at
FROM labeling_generationslot s
WHERE s.run_id = ANY(%(runs)s) AND s.state = 'failed'
  AND s.finished_at > now() - interval '1 day'
ORDER BY s.endpoint_id, s.finished_at DESC
"""
_RUNS = """
SELECT r.id FROM labeling_generationrun r JOIN labeling_campaign c ON c.id = r.campaign_id
WHERE c.organisation_id = %(organisation)s
  AND (r.finished_at IS NULL OR r.finished_at > now() - interval '1 day')
"""


@dataclass(frozen=True)
class Failure:
    """The last completion an endpoint failed to give."""

    kind: str
    message: str
    at: datetime


@dataclass
class LastDay:
    """An endpoint's calls of the last day: the newest step comes last."""

    median_ms: float | None = None
    filled: list[int] = field(default_factory=lambda: [0] * STEPS)
    failed: list[int] = field(default_factory=lambda: [0] * STEPS)
    failure: Failure | None = None

    @property
    def shares(self) -> list[float | None]:
        """Of each step's calls, the share that brought a completion; None where none was made."""
        return [
            good / (good + bad) if good + bad else None
            for good, bad in zip(self.filled, self.failed, strict=True)
        ]

    @property
    def call_count(self) -> int:
        return sum(self.filled) + sum(self.failed)

    @property
    def success(self) -> float | None:
        """The share of the day's calls that brought a completion."""
        return sum(self.filled) / self.call_count if self.call_count else None


def of_organisation(organisation: Organisation) -> list[Endpoint]:
    """The organisation's endpoints by name, those out of use last."""
    endpoints = list(organisation.endpoints.select_related("created_by").order_by("name"))
    return sorted(endpoints, key=lambda one: bool(one.disabled_reason))


def last_day(organisation: Organisation) -> dict[int, LastDay]:
    """By endpoint, how its calls went in the last day; a moment old at most."""
    key = f"endpoints:{organisation.pk}"
    found: dict[int, LastDay] | None = cache.get(key)
    if found is None:
        found = _counted(organisation)
        cache.set(key, found, KEPT_SECONDS)
    return found


def campaigns_of(endpoint: Endpoint) -> list[tuple[str, str]]:
    """Slug and name of the campaigns whose runs have used the endpoint, by name."""
    used = endpoint.organisation.campaigns.filter(generation_runs__run_endpoints__endpoint=endpoint)
    return list(used.distinct().order_by("name").values_list("slug", "name"))


def _counted(organisation: Organisation) -> dict[int, LastDay]:
    runs = [pk for (pk,) in _rows(_RUNS, {"organisation": organisation.pk})]
    days: dict[int, LastDay] = {}
    if not runs:
        return days
    asked = {"runs": runs, "steps": STEPS}
    for endpoint_id, ago, filled, failed in _rows(_DAY, asked):
        day = days.setdefault(endpoint_id, LastDay())
        day.filled[STEPS - 1 - max(ago, 0)] += filled
        day.failed[STEPS - 1 - max(ago, 0)] += failed
    for endpoint_id, median in _rows(_MEDIAN, asked):
        days.setdefault(endpoint_id, LastDay()).median_ms = median
    for endpoint_id, kind, message, at in _rows(_ERRORS, asked):
        days.setdefault(endpoint_id, LastDay()).failure = Failure(kind, message, at)
    return days


def _rows(statement: str, parameters: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
