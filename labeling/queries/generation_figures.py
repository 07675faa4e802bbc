"""A run in figures: speed, time and cost by model, the last minutes, what its filters left out."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from labeling.models import GenerationRun

# The speed is that of the last minute, drawn for the last twenty.
WINDOW_SECONDS = 60
MINUTES = 20
# Every slot of a run is read for them: what costs more is kept longer, for all who look.
LEAST_KEPT = 1.0
SHARE_OF_TIME = 20

_BY_MODEL = """
SELECT endpoint_id, params_key,
  count(*) FILTER (WHERE state IN ('waiting', 'leased')),
  count(*) FILTER (WHERE state = 'filled'),
  count(*) FILTER (WHERE state IN ('filled', 'failed') AND is_recent),
  coalesce(sum(output_tokens) FILTER (WHERE state = 'filled' AND is_recent), 0),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY latency_ms) FILTER (WHERE state = 'filled'),
  CASE WHEN count(cost) > 0 OR sum(lost_cost) > 0 THEN sum(coalesce(cost, 0) + lost_cost) END
FROM (SELECT *, finished_at > %(end)s - %(window)s * interval '1 second' AS is_recent
  FROM labeling_generationslot WHERE run_id = %(run)s) s
GROUP BY 1, 2
"""
_LEFT_OUT = """
SELECT left_out, count(*) FROM labeling_generationslot
WHERE run_id = %(run)s AND left_out <> '' GROUP BY 1 ORDER BY 2 DESC, 1
"""
_MINUTES = """
SELECT greatest(floor(extract(epoch FROM %(end)s - finished_at) / 60)::int, 0),
  coalesce(sum(output_tokens), 0)
FROM labeling_generationslot
WHERE run_id = %(run)s AND state = 'filled'
  AND finished_at > %(end)s - %(minutes)s * interval '1 minute'
GROUP BY 1
"""


@dataclass
class ModelFigures:
    """What one row of a run has done, and how fast it does it now."""

    open_count: int = 0
    filled: int = 0
    # Of the last minute, by the second.
    per_second: float = 0.0
    tokens_per_second: float = 0.0
    median_ms: float | None = None
    cost: Decimal | None = None

    @property
    def seconds_left(self) -> float | None:
        """Until the rest is done at this speed; None where nothing came lately."""
        if not self.open_count:
            return 0.0
        return self.open_count / self.per_second if self.per_second else None

    @property
    def expected_cost(self) -> Decimal | None:
        """Of all its completions, at what they cost so far."""
        if self.cost is None or not self.filled:
            return None
        return self.cost * (self.filled + self.open_count) / self.filled


@dataclass
class RunFigures:
    """The models by endpoint and settings; the minutes oldest first, as (seconds, tokens/s)."""

    at: datetime
    models: dict[tuple[int, bytes], ModelFigures] = field(default_factory=dict)
    minutes: list[tuple[float, float]] = field(default_factory=list)
    left_out: list[tuple[str, int]] = field(default_factory=list)

    @property
    def tokens_per_second(self) -> float:
        return sum(one.tokens_per_second for one in self.models.values())

    @property
    def expected_cost(self) -> Decimal | None:
        """What the run will have cost; None where nothing has a price yet."""
        known = [cost for one in self.models.values() if (cost := one.expected_cost) is not None]
        return sum(known, Decimal(0)) if known else None


def figures_of(run: GenerationRun) -> RunFigures:
    """The run's figures; a moment old at most."""
    key = f"generation:{run.pk}:{run.state}"
    found: RunFigures | None = cache.get(key)
    if found is None:
        began = time.monotonic()
        found = _counted(run)
        cost = time.monotonic() - began
        cache.set(key, found, max(LEAST_KEPT, SHARE_OF_TIME * cost))
    return found


def _counted(run: GenerationRun) -> RunFigures:
    # Of a run that has ended, its own last minutes.
    end = run.finished_at or timezone.now()
    # A run that has just begun has no whole minute behind it.
    window = min(float(WINDOW_SECONDS), max((end - run.created_at).total_seconds(), 1.0))
    asked = {"run": run.pk, "window": window, "minutes": MINUTES, "end": end}
    figures = RunFigures(end)
    for endpoint_id, params_key, open_count, filled, ended, tokens, median, cost in _rows(
        _BY_MODEL, asked
    ):
        figures.models[endpoint_id, bytes(params_key)] = ModelFigures(
            open_count=open_count,
            filled=filled,
            per_second=ended / window,
            tokens_per_second=float(tokens) / window,
            median_ms=median,
            cost=cost,
        )
    figures.left_out = [(name, count) for name, count in _rows(_LEFT_OUT, asked)]
    tokens_of = {ago: float(tokens) for ago, tokens in _rows(_MINUTES, asked)}
    for ago in reversed(range(MINUTES)):
        at = end - timedelta(minutes=ago)
        # Minutes before it began are none of its own.
        if at >= run.created_at:
            figures.minutes.append((at.timestamp(), tokens_of.get(ago, 0.0) / 60))
    return figures


def _rows(statement: str, parameters: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
