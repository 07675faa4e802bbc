"""The statements of generation's queue: lay slots, lease them in batches, store what came of them.

States are written out in each statement, because the partial index of what is waiting or leased is
only used where the condition is a constant.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

# The prompts a run is about, the first ones where it takes only so many.
CHOSEN = """
SELECT p.id FROM labeling_prompt p WHERE p.campaign_id = %(campaign)s
  AND (%(languages)s::text[] IS NULL OR p.language = ANY(%(languages)s::text[]))
  AND (%(tags)s::text[] IS NULL OR p.tags && %(tags)s::varchar[])
ORDER BY p.id LIMIT %(limit)s::bigint
"""

# One slot for each prompt, endpoint as it is used, and sample. One that an earlier run filled stays
# that run's; one it left failed or cancelled passes to this run.
_LAY = f"""
INSERT INTO labeling_generationslot (run_id, prompt_id, endpoint_id, params_key, sample, state,
  fence, attempts, error_kind, error, provenance)
SELECT e.run_id, p.id, e.endpoint_id, e.params_key, n.sample, 'waiting', 0, 0, '', '', '{{}}'
FROM ({CHOSEN}) p
JOIN labeling_runendpoint e ON e.run_id = %(run)s
JOIN labeling_generationrun r ON r.id = e.run_id
CROSS JOIN LATERAL generate_series(1, r.completions_per_prompt) AS n (sample)
ORDER BY n.sample, p.id, e.position
ON CONFLICT (prompt_id, endpoint_id, params_key, sample) DO UPDATE SET run_id = excluded.run_id,
  state = 'waiting', attempts = 0, not_before = NULL, error_kind = '', error = '', left_out = '',
  finished_at = NULL, input_tokens = NULL, output_tokens = NULL, lost_cost = 0
WHERE labeling_generationslot.state IN ('failed', 'cancelled')
"""

# First in line of what is due: waiting past its pause, or leased by a worker that went silent. Who
# was lost that way before may be what kills its worker: such are leased one at a time, alone.
_CLAIM = """
UPDATE labeling_generationslot t SET state = 'leased', fence = t.fence + 1,
  attempts = t.attempts + 1, leased_until = now() + %(lease)s * interval '1 second'
FROM (
  SELECT id FROM labeling_generationslot
  WHERE run_id = %(run)s AND endpoint_id = %(endpoint)s AND params_key = ANY(%(keys)s::bytea[])
    AND state IN ('waiting', 'leased')
    AND (NOT %(suspects)s AND state = 'waiting' AND (not_before IS NULL OR not_before <= now())
      OR state = 'leased' AND leased_until < now() AND (attempts >= 2) = %(suspects)s)
  ORDER BY id LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
) first WHERE t.id = first.id
RETURNING t.id, t.fence, t.attempts, t.prompt_id, t.sample, t.params_key
"""
_PARK = """
UPDATE labeling_generationslot SET state = 'failed', error_kind = %(kind)s, error = %(error)s,
  leased_until = NULL, finished_at = now()
WHERE run_id = %(run)s AND endpoint_id = %(endpoint)s AND state = 'leased'
  AND leased_until < now() AND attempts >= %(most)s
"""
# Judges ask the same endpoints: what they have under way takes up room too.
_LIVE = """
SELECT (SELECT count(*) FROM labeling_generationslot
    WHERE endpoint_id = %(endpoint)s AND state = 'leased' AND leased_until >= now())
  + (SELECT count(*) FROM labeling_judgecall c JOIN labeling_judge j ON j.id = c.judge_id
    WHERE j.endpoint_id = %(endpoint)s AND c.state = 'leased' AND c.leased_until >= now())
"""
_RUN_LIVE = """
SELECT count(*) FROM labeling_generationslot
WHERE run_id = %s AND state = 'leased' AND leased_until >= now()
"""
_OPEN = """
SELECT EXISTS (SELECT FROM labeling_generationslot
  WHERE run_id = %s AND state IN ('waiting', 'leased'))
"""
# What a worker held that fell silent waits as well.
_WAITING = """
SELECT EXISTS (SELECT FROM labeling_generationslot
  WHERE run_id = %s AND (state = 'waiting' OR state = 'leased' AND leased_until < now()))
"""
# For each endpoint that may be asked now: how many calls there is work for.
_DUE = """
SELECT e.endpoint_id, (
  SELECT count(*) FROM (SELECT FROM labeling_generationslot s
    WHERE s.run_id = %(run)s AND s.endpoint_id = e.endpoint_id AND s.params_key = ANY(e.keys)
      AND s.state IN ('waiting', 'leased')
      AND (s.state = 'waiting' AND (s.not_before IS NULL OR s.not_before <= now())
        OR s.state = 'leased' AND s.leased_until < now())
    LIMIT %(most)s) due)
FROM (SELECT endpoint_id, array_agg(params_key) AS keys, min(position) AS position
  FROM labeling_runendpoint WHERE run_id = %(run)s AND NOT is_paused GROUP BY endpoint_id) e
JOIN labeling_endpoint p ON p.id = e.endpoint_id
WHERE p.disabled_reason = '' AND (p.rests_until IS NULL OR p.rests_until <= now())
ORDER BY e.position
"""
_PROLONG = """
UPDATE labeling_generationslot t SET leased_until = now() + %(lease)s * interval '1 second'
FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS held (id, fence)
WHERE t.id = held.id AND t.fence = held.fence AND t.state = 'leased'
"""
_HOLD = """
SELECT t.id FROM labeling_generationslot t
JOIN unnest(%(ids)s::bigint[], %(fences)s::int[]) AS held (id, fence)
  ON t.id = held.id AND t.fence = held.fence AND t.state = 'leased'
ORDER BY t.id FOR NO KEY UPDATE OF t
"""
_FILL = """
UPDATE labeling_generationslot t SET state = 'filled', completion_id = v.completion,
  leased_until = NULL, not_before = NULL, error_kind = '', error = '', left_out = v.left_out,
  finished_at = clock_timestamp(), provenance = v.provenance::jsonb, input_tokens = v.input_tokens,
  output_tokens = v.output_tokens, latency_ms = v.latency, first_token_ms = v.first_token,
  cost = v.cost
FROM unnest(%(ids)s::bigint[], %(completions)s::bigint[], %(left_out)s::text[],
  %(provenance)s::text[], %(input_tokens)s::int[], %(output_tokens)s::int[], %(latency)s::int[],
  %(first_token)s::int[], %(cost)s::numeric[])
  AS v (id, completion, left_out, provenance, input_tokens, output_tokens, latency, first_token,
    cost)
WHERE t.id = v.id
"""
# A pause makes it wait, none ends it. A call that brought nothing is paid for all the same.
_FAIL = """
UPDATE labeling_generationslot t SET leased_until = NULL, attempts = t.attempts - v.refund,
  error_kind = v.kind, error = v.error,
  state = CASE WHEN v.pause IS NULL THEN 'failed' ELSE 'waiting' END,
  not_before = clock_timestamp() + v.pause * interval '1 second',
  finished_at = CASE WHEN v.pause IS NULL THEN clock_timestamp() END,
  input_tokens = v.input_tokens, output_tokens = v.output_tokens,
  lost_cost = t.lost_cost + coalesce(v.cost, 0)
FROM unnest(%(ids)s::bigint[], %(kinds)s::text[], %(errors)s::text[], %(refunds)s::int[],
  %(pauses)s::float8[], %(input_tokens)s::int[], %(output_tokens)s::int[], %(cost)s::numeric[])
  AS v (id, kind, error, refund, pause, input_tokens, output_tokens, cost)
WHERE t.id = v.id
"""
_KEEP_RAW = """
INSERT INTO labeling_rawanswer (slot_id, body)
SELECT * FROM unnest(%(ids)s::bigint[], %(bodies)s::bytea[])
ON CONFLICT (slot_id) DO UPDATE SET body = excluded.body, created_at = now()
"""
_COST = """
SELECT coalesce(sum(coalesce(cost, 0) + lost_cost), 0) FROM labeling_generationslot
WHERE run_id = %(run)s AND endpoint_id = %(endpoint)s
"""
_ADVANCE = """
UPDATE labeling_job SET done = labeling_job.done + %(count)s, beat_at = now()
FROM labeling_generationrun r
WHERE r.id = %(run)s AND labeling_job.id = r.job_id AND labeling_job.status = 'running'
"""
# Now and then all are counted, so that a job whose worker died half-way is told right again.
_TICK = """
UPDATE labeling_job SET beat_at = now(), done = (
  SELECT count(*) FROM labeling_generationslot
  WHERE run_id = %(run)s AND state IN ('filled', 'failed', 'cancelled'))
FROM labeling_generationrun r
WHERE r.id = %(run)s AND labeling_job.id = r.job_id AND labeling_job.status = 'running'
"""
_FAIL_DISABLED = """
UPDATE labeling_generationslot t SET state = 'failed', error_kind = 'endpoint_disabled',
  error = left(p.disabled_reason, 500), finished_at = now(), leased_until = NULL
FROM labeling_endpoint p
WHERE t.run_id = %s AND (t.state = 'waiting' OR t.state = 'leased' AND t.leased_until < now())
  AND p.id = t.endpoint_id AND p.disabled_reason <> ''
"""


@dataclass(frozen=True)
class Leased:
    """A slot as its worker holds it. Only the newest fence may fill it."""

    slot_id: int
    fence: int
    attempts: int
    prompt_id: int
    sample: int
    params_key: bytes


@dataclass(frozen=True)
class Filled:
    """What is stored in a slot that its worker still holds."""

    slot_id: int
    completion_id: int
    provenance: str
    input_tokens: int | None
    output_tokens: int | None
    latency_ms: int
    first_token_ms: int | None
    cost: Decimal | None
    left_out: str


@dataclass(frozen=True)
class Failed:
    """Why a slot is not filled. After `pause_seconds` it is tried again; None ends it."""

    slot_id: int
    kind: str
    error: str
    pause_seconds: float | None
    # Being told to wait is no try.
    is_refunded: bool = False
    # What the call took, where its provider said so.
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: Decimal | None = None


def chosen(campaign_id: int, prompt_filter: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of `CHOSEN`."""
    return {
        "campaign": campaign_id,
        "languages": prompt_filter.get("languages"),
        "tags": prompt_filter.get("tags"),
        "limit": prompt_filter.get("limit"),
    }


def lay(*, run_id: int, campaign_id: int, prompt_filter: Mapping[str, Any]) -> int:
    """One slot for each completion that is missing; how many are now the run's to fill."""
    laid = _changed(_LAY, {"run": run_id, **chosen(campaign_id, prompt_filter)})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE (SKIP_LOCKED) labeling_generationslot")
    return laid


def claim(
    *,
    run_id: int,
    endpoint_id: int,
    keys: Sequence[bytes],
    most: int,
    lease_seconds: float,
    suspects: bool = False,
) -> list[Leased]:
    """Lease up to `most` slots that are due, in their order; or, of the `suspects`, one."""
    asked: dict[str, Any] = {
        "run": run_id,
        "endpoint": endpoint_id,
        "keys": list(keys),
        "most": 1 if suspects else most,
        "lease": float(lease_seconds),
        "suspects": suspects,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, asked)
        rows = sorted(cursor.fetchall())
    return [Leased(row[0], row[1], row[2], row[3], row[4], bytes(row[5])) for row in rows]


def park(*, run_id: int, endpoint_id: int, most: int, kind: str, error: str) -> int:
    """End the slots whose workers fell silent `most` times; how many."""
    asked = {"run": run_id, "endpoint": endpoint_id, "most": most, "kind": kind, "error": error}
    return _changed(_PARK, asked)


def live_count(*, endpoint_id: int) -> int:
    """How many calls to the endpoint are under way, in all runs and for all judges."""
    return int(_value(_LIVE, {"endpoint": endpoint_id}))


def run_live_count(*, run_id: int) -> int:
    """How many calls of the run are under way."""
    return int(_value(_RUN_LIVE, [run_id]))


def has_open(*, run_id: int) -> bool:
    """A slot of the run is waiting or leased."""
    return bool(_value(_OPEN, [run_id]))


def has_waiting(*, run_id: int) -> bool:
    """A slot of the run is waiting, whether it is due or not."""
    return bool(_value(_WAITING, [run_id]))


def due_counts(*, run_id: int, most: int) -> list[tuple[int, int]]:
    """(endpoint, how many slots are due, counted up to `most`) of endpoints that may be asked."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"run": run_id, "most": most})
        return [(int(pk), int(count)) for pk, count in cursor.fetchall()]


def prolong(held: Sequence[tuple[int, int]], *, lease_seconds: float) -> int:
    """Lengthen the leases on (slot, fence) that still stand; how many."""
    return _changed(_PROLONG, {**_columns(held), "lease": float(lease_seconds)})


def hold(held: Sequence[tuple[int, int]]) -> set[int]:
    """The slots of (slot, fence) that are still leased so, locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, _columns(held))
        return {int(pk) for (pk,) in cursor.fetchall()}


def fill(rows: Sequence[Filled]) -> None:
    """Store what came, in slots that the caller holds."""
    if rows:
        _changed(
            _FILL,
            {
                "ids": [row.slot_id for row in rows],
                "completions": [row.completion_id for row in rows],
                "left_out": [row.left_out for row in rows],
                "provenance": [row.provenance for row in rows],
                "input_tokens": [row.input_tokens for row in rows],
                "output_tokens": [row.output_tokens for row in rows],
                "latency": [row.latency_ms for row in rows],
                "first_token": [row.first_token_ms for row in rows],
                "cost": [row.cost for row in rows],
            },
        )


def fail(rows: Sequence[Failed]) -> None:
    """Put back or end what did not come, in slots that the caller holds."""
    if rows:
        _changed(
            _FAIL,
            {
                "ids": [row.slot_id for row in rows],
                "kinds": [row.kind for row in rows],
                "errors": [row.error for row in rows],
                "refunds": [int(row.is_refunded) for row in rows],
                "pauses": [row.pause_seconds for row in rows],
                "input_tokens": [row.input_tokens for row in rows],
                "output_tokens": [row.output_tokens for row in rows],
                "cost": [row.cost for row in rows],
            },
        )


def keep_raw(bodies: Sequence[tuple[int, bytes]]) -> None:
    """Keep what providers sent for these slots."""
    if bodies:
        asked = {"ids": [pk for pk, _ in bodies], "bodies": [body for _, body in bodies]}
        _changed(_KEEP_RAW, asked)


def cost_of(*, run_id: int, endpoint_id: int) -> Decimal:
    """What the run's calls of an endpoint have cost, those in vain included."""
    return Decimal(_value(_COST, {"run": run_id, "endpoint": endpoint_id}))


def advance(*, run_id: int, count: int) -> None:
    """Note in the run's job that so many slots more need no work."""
    _changed(_ADVANCE, {"run": run_id, "count": count})


def tick(*, run_id: int) -> None:
    """Note in the run's job how far it has come, counted anew."""
    _changed(_TICK, {"run": run_id})


def fail_disabled(*, run_id: int) -> int:
    """End the waiting slots of endpoints taken out of use; how many."""
    return _changed(_FAIL_DISABLED, [run_id])


def _columns(held: Sequence[tuple[int, int]]) -> dict[str, list[int]]:
    return {"ids": [pk for pk, _ in held], "fences": [fence for _, fence in held]}


def _changed(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def _value(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        ((value,),) = cursor.fetchall()
    return value
