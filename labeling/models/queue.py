"""The statements of the queue: claim, requeue, submit, skip, lay. docs/QUEUE.md has the proof.

Each is one statement, and one statement is one transaction unless the action opens another. Rules
they keep together: what becomes open gets a position at the tail of its lane while the lane's row
is held, so position order is commit order; a place moves only over what the rater has met; locks
go seat, comparison, assignment, lane.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection

_WINDOW = """(SELECT a.id, a.position, a.comparison_id FROM labeling_assignment a
    WHERE a.lane_id = p.lane_id AND a.position > {after} AND a.rater_id IS NULL
      AND a.ended_at IS NULL ORDER BY a.position LIMIT 256)"""
# OFFSET 0 keeps this a two-column probe: without it PostgreSQL may skip-scan by rater alone.
_UNMET = """NOT EXISTS (SELECT FROM labeling_assignment m
    WHERE m.comparison_id = w.comparison_id AND m.rater_id = %(rater)s
      AND m.repeat_of_id IS NULL OFFSET 0)"""

CLAIM = f"""
WITH seen AS MATERIALIZED (
  SELECT turn FROM labeling_seat WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s),
mine AS MATERIALIZED (
  SELECT id, turn FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
-- Empty when another tab came between: this statement still reads the past, so it does nothing.
me AS MATERIALIZED (SELECT mine.id FROM mine JOIN seen USING (turn)),
held AS MATERIALIZED (
  SELECT a.id FROM me, labeling_assignment a
  WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL
    AND a.ended_at IS NULL),
places AS MATERIALIZED (
  SELECT p.* FROM me JOIN labeling_place p ON p.seat_id = me.id
  WHERE (SELECT count(*) FROM held) < %(hold)s
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)),
first AS MATERIALIZED (
  SELECT p.id, p.rank, c.position FROM (SELECT * FROM places ORDER BY rank, id) p, LATERAL (
    SELECT w.position FROM {_WINDOW.format(after="p.position")} w
    WHERE {_UNMET} ORDER BY w.position LIMIT 1) c LIMIT 1),
pick AS MATERIALIZED (
  SELECT c.id FROM (
    SELECT p.*, CASE WHEN p.id = f.id THEN f.position - 1 ELSE p.position END AS after
    FROM places p, first f WHERE (p.rank, p.id) >= (f.rank, f.id) ORDER BY p.rank, p.id) p,
  LATERAL (
    SELECT a.id FROM {_WINDOW.format(after="p.after")} w
    JOIN labeling_assignment a ON a.id = w.id AND a.rater_id IS NULL AND a.ended_at IS NULL
    WHERE {_UNMET} ORDER BY w.position LIMIT 1 FOR NO KEY UPDATE OF a SKIP LOCKED) c LIMIT 1),
passed AS MATERIALIZED (
  SELECT p.id, max(w.position) AS position, count(*) AS n
  FROM places p, LATERAL {_WINDOW.format(after="p.position")} w
  WHERE NOT EXISTS (SELECT FROM first f WHERE (f.rank, f.id) <= (p.rank, p.id)) GROUP BY p.id),
moved AS (
  UPDATE labeling_place p SET position = n.position
  FROM (SELECT id, position - 1 AS position FROM first UNION ALL
        SELECT id, position FROM passed) n
  WHERE p.id = n.id AND n.position >= p.position + 32),
take AS (
  UPDATE labeling_assignment a
  SET rater_id = %(rater)s, leased_until = now() + %(lease)s * interval '1 second'
  FROM pick WHERE a.id = pick.id RETURNING a.id),
turned AS (UPDATE labeling_seat s SET turn = s.turn + 1 FROM me, take WHERE s.id = me.id)
SELECT take.id, (SELECT min(id) FROM held), EXISTS (SELECT FROM me),
  EXISTS (SELECT FROM labeling_assignment l WHERE l.campaign_id = %(campaign)s
    AND l.leased_until < now() AND l.rater_id IS NOT NULL AND l.ended_at IS NULL
    AND l.ordinal IS NOT NULL),
  EXISTS (SELECT FROM passed WHERE n = 256)
    OR (EXISTS (SELECT FROM first) AND NOT EXISTS (SELECT FROM take))
FROM (SELECT) one LEFT JOIN take ON true
"""

REQUEUE = """
WITH due AS MATERIALIZED (
  SELECT id, lane_id, comparison_id FROM labeling_assignment
  WHERE campaign_id = %(campaign)s AND leased_until < now() AND rater_id IS NOT NULL
    AND ended_at IS NULL AND ordinal IS NOT NULL
  ORDER BY leased_until LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED),
-- The lapsed rater has not met the comparison any more: its other open slots move along too.
kin AS MATERIALIZED (
  SELECT id, lane_id FROM labeling_assignment
  WHERE comparison_id IN (SELECT comparison_id FROM due) AND rater_id IS NULL
    AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED),
back AS MATERIALIZED (
  SELECT id, lane_id, row_number() OVER (PARTITION BY lane_id) AS n
  FROM (SELECT id, lane_id FROM due UNION SELECT id, lane_id FROM kin) u),
tails AS (
  UPDATE labeling_lane lane SET tail = tail + b.n
  FROM (SELECT lane_id, max(n) AS n FROM back GROUP BY 1) b
  WHERE lane.id = b.lane_id RETURNING lane.id, lane.tail - b.n AS base)
UPDATE labeling_assignment a
SET lapsed_from_id = coalesce(a.rater_id, a.lapsed_from_id), rater_id = NULL,
  leased_until = NULL, position = tails.base + back.n
FROM back JOIN tails ON tails.id = back.lane_id WHERE a.id = back.id
"""

SUBMIT = """
WITH done AS (
  UPDATE labeling_assignment SET ended_at = now(), outcome = 'completed'
  WHERE id = %(assignment)s AND rater_id = %(rater)s AND ended_at IS NULL
  RETURNING id, campaign_id, comparison_id, a_on_left, arm, repeat_of_id),
made AS (
  INSERT INTO labeling_judgment (public_id, campaign_id, comparison_id, rater_id, assignment_id,
    guideline_version_id, preference, strength, criteria, quality_a, quality_b, rationale,
    clauses, steps, edited, flags, shown_left, presentation_arm, active_ms, client, is_repeat,
    judged_at)
  SELECT %(public_id)s::uuid, campaign_id, comparison_id, %(rater)s::bigint, id,
    (SELECT max(g.id) FROM labeling_guidelineversion g
     WHERE g.campaign_id = done.campaign_id AND g.number = (
       SELECT max(number) FROM labeling_guidelineversion n
       WHERE n.campaign_id = done.campaign_id)),
    %(preference)s, %(strength)s::smallint, %(criteria)s::jsonb, %(quality_a)s::smallint,
    %(quality_b)s::smallint, %(rationale)s, %(clauses)s::text[], %(steps)s::jsonb,
    %(edited)s::jsonb, %(flags)s::text[], CASE WHEN a_on_left THEN 'a' ELSE 'b' END,
    arm, %(active_ms)s::integer, %(client)s::jsonb, repeat_of_id IS NOT NULL, now()
  FROM done RETURNING id, public_id, campaign_id),
told AS (
  INSERT INTO labeling_auditevent (public_id, verb, campaign_id, rater_id, subject, details)
  SELECT gen_random_uuid(), 'judgment.submitted', campaign_id, %(rater)s::bigint, public_id, '{}'
  FROM made)
SELECT id FROM made
"""

SKIP = """
WITH gone AS (
  UPDATE labeling_assignment SET ended_at = now(), outcome = 'skipped', skip_reason = %(reason)s
  WHERE id = %(assignment)s AND rater_id = %(rater)s AND ended_at IS NULL RETURNING *),
tail AS (
  UPDATE labeling_lane lane SET tail = lane.tail + 1 FROM gone
  WHERE lane.id = gone.lane_id AND gone.ordinal IS NOT NULL RETURNING lane.tail),
next AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, ordinal, lane_id,
    position, a_on_left, arm, skip_reason)
  SELECT gen_random_uuid(), gone.campaign_id, gone.comparison_id, gone.ordinal, gone.lane_id,
    tail.tail, gone.a_on_left, gone.arm, '' FROM gone, tail),
told AS (
  INSERT INTO labeling_auditevent (public_id, verb, campaign_id, rater_id, subject, details)
  SELECT gen_random_uuid(), 'assignment.skipped', campaign_id, %(rater)s::bigint, public_id, '{}'
  FROM gone)
SELECT id FROM gone
"""

RENEW = """
UPDATE labeling_assignment SET leased_until = CASE
  WHEN leased_until < now() + %(lease)s * interval '0.75 second'
  THEN now() + %(lease)s * interval '1 second' ELSE leased_until END
WHERE id = %(assignment)s AND rater_id = %(rater)s AND ended_at IS NULL RETURNING leased_until
"""

# Sides: each comparison starts on a side drawn by the seed and alternates, so that they balance.
# Order: all first judgments, then all second…, each pass shuffled on its own, so that no rater
# walks through long runs of what they have met. Both come from hashes of random public ids, so
# the seed alone reproduces them.
_DEAL = """
  hashtextextended(c.public_id::text || ':side', %(seed)s) AS side,
  hashtextextended(c.public_id::text || ':' || s.ordinal, %(seed)s) AS shuffle,
  (hashtextextended(c.public_id::text || ':arm:' || s.ordinal, %(seed)s) & 2147483647)
    / 2147483648.0 AS draw
"""
_INSERT = """
INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, ordinal, lane_id, position,
  a_on_left, arm, skip_reason)
SELECT gen_random_uuid(), %(campaign)s, comparison_id, ordinal, %(lane)s,
  %(base)s + row_number() OVER (ORDER BY ordinal, shuffle, comparison_id),
  ((side & 1) + ordinal) %% 2 = 0,
  coalesce((SELECT name FROM unnest(%(arms)s::text[], %(uppers)s::float8[]) AS arm (name, upper)
    WHERE draw < upper ORDER BY upper LIMIT 1), ''), ''
FROM ({source}) dealt
"""
# Judgments that people made elsewhere count towards the overlap.
_JUDGED = """(SELECT count(*) FROM labeling_judgment j JOIN labeling_rater r ON r.id = j.rater_id
  WHERE j.comparison_id = c.id AND j.assignment_id IS NULL AND r.kind = 'human'
    AND NOT j.is_repeat)"""
_LAY_SOURCE = f"""
  SELECT c.id AS comparison_id, s.ordinal, {_DEAL}
  FROM labeling_comparison c, LATERAL generate_series(1, %(overlap)s) AS s (ordinal)
  WHERE c.id = ANY(%(ids)s) AND s.ordinal > {_JUDGED}
"""
LAY = _INSERT.format(source=_LAY_SOURCE)

# A raised overlap: as many free ordinals as are missing, for comparisons of open rounds.
_RAISE_SOURCE = f"""
  SELECT * FROM (
    SELECT c.id AS comparison_id, s.ordinal, {_DEAL},
      row_number() OVER (PARTITION BY c.id ORDER BY s.ordinal) AS nth,
      %(overlap)s - {_JUDGED} - (SELECT count(*) FROM labeling_assignment a
        WHERE a.comparison_id = c.id AND a.ordinal IS NOT NULL
          AND (a.outcome IS NULL OR a.outcome = 'completed')) AS missing
    FROM labeling_comparison c, LATERAL generate_series(1, %(overlap)s) AS s (ordinal)
    WHERE c.id = ANY(%(ids)s) AND NOT EXISTS (
      SELECT FROM labeling_assignment a WHERE a.comparison_id = c.id AND a.ordinal = s.ordinal
        AND (a.outcome IS NULL OR a.outcome = 'completed'))
  ) free WHERE nth <= missing
"""
RAISE = _INSERT.format(source=_RAISE_SOURCE)

# A lowered overlap: open rows beyond it end; live leases may finish.
LOWER = """
WITH standing AS MATERIALIZED (
  SELECT a.id, a.comparison_id, a.rater_id IS NULL AND a.ended_at IS NULL AS is_open,
    row_number() OVER (PARTITION BY a.comparison_id
      ORDER BY (a.rater_id IS NULL AND a.ended_at IS NULL), a.ordinal) AS nth
  FROM labeling_assignment a
  WHERE a.comparison_id = ANY(%(ids)s) AND a.ordinal IS NOT NULL
    AND (a.outcome IS NULL OR a.outcome = 'completed'))
UPDATE labeling_assignment a SET ended_at = now(), outcome = 'cancelled' FROM standing s
WHERE a.id = s.id AND s.is_open AND s.nth > %(overlap)s AND a.rater_id IS NULL
  AND a.ended_at IS NULL
"""


@dataclass(frozen=True)
class Claim:
    """What one claim statement saw."""

    taken_id: int | None
    held_id: int | None
    is_mine: bool
    has_lapsed: bool
    has_more: bool


def _run(sql: str, parameters: dict[str, Any]) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        if cursor.description is None:
            return (cursor.rowcount,)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row


def claim(*, rater_id: int, campaign_id: int, lease_seconds: int, hold: int) -> Claim:
    """Lease at most one open assignment of a comparison the rater has not met."""
    row = _run(
        CLAIM,
        {"rater": rater_id, "campaign": campaign_id, "lease": lease_seconds, "hold": hold},
    )
    return Claim(*row) if row else Claim(None, None, False, False, False)


def requeue(*, campaign_id: int, limit: int = 16) -> int:
    """Open the slots of lapsed leases again; how many rows moved."""
    row = _run(REQUEUE, {"campaign": campaign_id, "limit": limit})
    return int(row[0]) if row else 0


def renew(*, assignment_id: int, rater_id: int, lease_seconds: int) -> Any:
    """The new end of the lease, or None if the assignment is not the rater's any more."""
    row = _run(RENEW, {"assignment": assignment_id, "rater": rater_id, "lease": lease_seconds})
    return row[0] if row else None


def submit(parameters: dict[str, Any]) -> int | None:
    """The new judgment's id, or None if the assignment was not the rater's to complete."""
    row = _run(SUBMIT, parameters)
    return int(row[0]) if row else None


def skip(*, assignment_id: int, rater_id: int, reason: str) -> bool:
    """Whether the rater held it; its successor is open at the tail."""
    return (
        _run(SKIP, {"assignment": assignment_id, "rater": rater_id, "reason": reason}) is not None
    )


@dataclass(frozen=True)
class Deal:
    """How assignments are laid: where, how many a comparison, and what the seed draws from."""

    campaign_id: int
    lane_id: int
    overlap: int
    seed: int
    arms: tuple[str, ...]
    uppers: tuple[float, ...]


def lay(deal: Deal, comparison_ids: list[int]) -> int:
    """Lay the first assignments of comparisons; the caller holds them. How many were laid."""
    return _insert(LAY, deal, comparison_ids)


def raise_overlap(deal: Deal, comparison_ids: list[int]) -> int:
    """Lay what is missing up to the deal's overlap; the caller holds the comparisons."""
    return _insert(RAISE, deal, comparison_ids)


def lower_overlap(*, overlap: int, comparison_ids: list[int]) -> int:
    """End open assignments beyond the overlap; repeats until a pass finds none. How many ended."""
    total = 0
    while True:
        row = _run(LOWER, {"ids": comparison_ids, "overlap": overlap})
        ended = int(row[0]) if row else 0
        total += ended
        if not ended:
            return total


def _insert(sql: str, deal: Deal, comparison_ids: list[int]) -> int:
    with connection.cursor() as cursor:
        # The lane's row is held to commit, so that nothing ever appears behind a rater's place.
        cursor.execute(
            "UPDATE labeling_lane SET tail = tail + %s WHERE id = %s RETURNING tail - %s",
            [(room := deal.overlap * len(comparison_ids)), deal.lane_id, room],
        )
        (base,) = cursor.fetchone()
        cursor.execute(
            sql,
            {
                "campaign": deal.campaign_id,
                "lane": deal.lane_id,
                "overlap": deal.overlap,
                "seed": deal.seed,
                "ids": comparison_ids,
                "base": base,
                "arms": list(deal.arms),
                "uppers": list(deal.uppers),
            },
        )
        return int(cursor.rowcount)
