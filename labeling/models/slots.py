"""The statements of generation's queue: lay slots, claim one, pair what filled them.

States are written out in each statement, because the partial index of what is waiting or leased is
only used where the condition is a constant.
"""

from dataclasses import dataclass

from django.db import connection

# One slot for each prompt, endpoint and sample. One that an earlier run filled stays that run's;
# one it left failed or cancelled passes to this run.
_LAY = """
INSERT INTO labeling_generationslot (run_id, prompt_id, endpoint_id, params_key, sample, state,
  fence, attempts, error_kind, error, provenance)
SELECT e.run_id, p.id, e.endpoint_id, e.params_key, n.sample, 'waiting', 0, 0, '', '', '{}'
FROM labeling_runendpoint e
JOIN labeling_generationrun r ON r.id = e.run_id
JOIN labeling_prompt p ON p.campaign_id = r.campaign_id
CROSS JOIN LATERAL generate_series(1, r.completions_per_prompt) AS n (sample)
WHERE r.id = %(run)s
ORDER BY n.sample, p.id, e.position
ON CONFLICT (prompt_id, endpoint_id, params_key, sample) DO UPDATE SET run_id = excluded.run_id,
  state = 'waiting', attempts = 0, not_before = NULL, error_kind = '', error = '',
  finished_at = NULL
WHERE labeling_generationslot.state IN ('failed', 'cancelled')
"""

# First in line of what is due: waiting past its pause, or leased by a worker that went silent.
_CLAIM = """
UPDATE labeling_generationslot t SET state = 'leased', fence = t.fence + 1,
  attempts = t.attempts + 1, leased_until = now() + %(lease)s * interval '1 second'
FROM (
  SELECT id, state FROM labeling_generationslot
  WHERE run_id = %(run)s AND endpoint_id = %(endpoint)s AND state IN ('waiting', 'leased')
    AND (state = 'waiting' AND (not_before IS NULL OR not_before <= now())
      OR state = 'leased' AND leased_until < now())
  ORDER BY id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
) first WHERE t.id = first.id
RETURNING t.id, t.fence, t.attempts, t.prompt_id, t.sample, first.state = 'leased'
"""
_LIVE = """
SELECT count(*) FROM labeling_generationslot
WHERE endpoint_id = %s AND state = 'leased' AND leased_until >= now()
"""
_OPEN = """
SELECT EXISTS (SELECT FROM labeling_generationslot
  WHERE run_id = %s AND state IN ('waiting', 'leased'))
"""
# For each endpoint that may be asked now: how many calls it has room for, and there is work for.
_DUE = """
SELECT e.endpoint_id, (
  SELECT count(*) FROM (SELECT FROM labeling_generationslot s
    WHERE s.run_id = e.run_id AND s.endpoint_id = e.endpoint_id
      AND s.state IN ('waiting', 'leased')
      AND (s.state = 'waiting' AND (s.not_before IS NULL OR s.not_before <= now())
        OR s.state = 'leased' AND s.leased_until < now())
    LIMIT %(most)s) due)
FROM labeling_runendpoint e JOIN labeling_endpoint p ON p.id = e.endpoint_id
WHERE e.run_id = %(run)s AND p.disabled_reason = ''
  AND (p.rests_until IS NULL OR p.rests_until <= now())
ORDER BY e.position
"""
# Once a second at most, however many slots end: they would queue up for the job's row.
_TICK = """
UPDATE labeling_job SET beat_at = now(), done = (
  SELECT count(*) FROM labeling_generationslot
  WHERE run_id = %(run)s AND state IN ('filled', 'failed', 'cancelled'))
FROM labeling_generationrun r
WHERE r.id = %(run)s AND labeling_job.id = r.job_id AND labeling_job.status = 'running'
  AND labeling_job.beat_at < now() - interval '1 second'
"""
_FAIL_DISABLED = """
UPDATE labeling_generationslot t SET state = 'failed', error_kind = 'endpoint_disabled',
  error = left(p.disabled_reason, 500), finished_at = now()
FROM labeling_endpoint p
WHERE t.run_id = %s AND t.state = 'waiting' AND p.id = t.endpoint_id AND p.disabled_reason <> ''
"""

# Which pairs a run stands for. Every filled slot that fits its endpoints and settings counts,
# whichever run filled it. Two equal texts have nothing between them to judge.
_PAIRS = """
SELECT DISTINCT x.prompt_id, least(x.completion_id, y.completion_id) AS a,
  greatest(x.completion_id, y.completion_id) AS b
FROM wanted x JOIN wanted y ON y.prompt_id = x.prompt_id AND y.completion_id > x.completion_id
  AND y.content_hash <> x.content_hash
WHERE %(rule)s::text = 'all' OR (x.position = 0) <> (y.position = 0)
"""
_WANTED = """
WITH wanted AS MATERIALIZED (
  SELECT DISTINCT s.prompt_id, e.position, s.completion_id, k.content_hash
  FROM labeling_generationrun r
  JOIN labeling_runendpoint e ON e.run_id = r.id
  JOIN labeling_prompt p ON p.campaign_id = r.campaign_id
  JOIN labeling_generationslot s ON s.prompt_id = p.id AND s.endpoint_id = e.endpoint_id
    AND s.params_key = e.params_key AND s.sample <= r.completions_per_prompt
    AND s.state = 'filled'
  JOIN labeling_completion k ON k.id = s.completion_id
  WHERE r.id = %(run)s)
"""
_PAIR = f"""
{_WANTED}
INSERT INTO labeling_comparison (public_id, campaign_id, prompt_id, completion_a_id,
  completion_b_id, selection_policy, propensity)
SELECT gen_random_uuid(), %(campaign)s, w.prompt_id, w.a, w.b, %(rule)s::text, 1.0
FROM ({_PAIRS}) w
WHERE NOT EXISTS (SELECT FROM labeling_comparison c
  WHERE c.completion_a_id = w.a AND c.completion_b_id = w.b)
ORDER BY w.prompt_id, w.a, w.b
ON CONFLICT DO NOTHING
"""
_COUNT_PAIRS = f"{_WANTED} SELECT count(*) FROM ({_PAIRS}) w"
_ROUND = f"""
{_WANTED}
SELECT max(c.round_id) FROM ({_PAIRS}) w
JOIN labeling_comparison c ON c.completion_a_id = w.a AND c.completion_b_id = w.b
"""


@dataclass(frozen=True)
class Leased:
    """A slot as its worker holds it. Only the newest fence may fill it."""

    slot_id: int
    fence: int
    attempts: int
    prompt_id: int
    sample: int
    was_lost: bool


def lay(*, run_id: int) -> int:
    """One slot for each completion that is missing; how many are now the run's to fill."""
    with connection.cursor() as cursor:
        cursor.execute(_LAY, {"run": run_id})
        laid = int(cursor.rowcount)
        cursor.execute("ANALYZE (SKIP_LOCKED) labeling_generationslot")
    return laid


def claim(*, run_id: int, endpoint_id: int, lease_seconds: float) -> Leased | None:
    """Lease the next slot that is due; None when none is."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM, {"run": run_id, "endpoint": endpoint_id, "lease": float(lease_seconds)}
        )
        row = cursor.fetchone()
    return Leased(*row) if row else None


def live_count(*, endpoint_id: int) -> int:
    """How many calls to the endpoint are under way, in all runs."""
    with connection.cursor() as cursor:
        cursor.execute(_LIVE, [endpoint_id])
        ((count,),) = cursor.fetchall()
    return int(count)


def has_open(*, run_id: int) -> bool:
    """A slot of the run is waiting or leased."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, [run_id])
        ((is_open,),) = cursor.fetchall()
    return bool(is_open)


def due_counts(*, run_id: int, most: int) -> list[tuple[int, int]]:
    """(endpoint, how many slots are due, counted up to `most`) of endpoints that may be asked."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"run": run_id, "most": most})
        return [(int(pk), int(count)) for pk, count in cursor.fetchall()]


def tick(*, run_id: int) -> None:
    """Note in the run's job how far it has come."""
    with connection.cursor() as cursor:
        cursor.execute(_TICK, {"run": run_id})


def fail_disabled(*, run_id: int) -> int:
    """End the waiting slots of endpoints taken out of use; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_FAIL_DISABLED, [run_id])
        return int(cursor.rowcount)


def pair(*, run_id: int, campaign_id: int, rule: str) -> int:
    """Make the comparisons the run stands for that are not there yet; how many were made."""
    with connection.cursor() as cursor:
        cursor.execute(_PAIR, {"run": run_id, "campaign": campaign_id, "rule": rule})
        return int(cursor.rowcount)


def newest_round(*, run_id: int, rule: str) -> int | None:
    """The id of the newest round that holds a pair the run stands for, whoever opened it."""
    with connection.cursor() as cursor:
        cursor.execute(_ROUND, {"run": run_id, "rule": rule})
        ((round_id,),) = cursor.fetchall()
    return None if round_id is None else int(round_id)


def pair_count(*, run_id: int, rule: str) -> int:
    """How many pairs the run stands for."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_PAIRS, {"run": run_id, "rule": rule})
        ((count,),) = cursor.fetchall()
    return int(count)
