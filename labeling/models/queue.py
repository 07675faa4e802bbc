"""The statements of the queue: claim, requeue, submit, skip, renew. docs/QUEUE.md has the proof.

Rules they keep together: what becomes open gets a position at the tail of its lane while the lane's
row is held, so position order is commit order; a place moves only over what the rater has met; a
slot is opened again only while its round still wants it; locks go seat, round, comparison,
assignment, lane. labeling.models.laying lays the slots.
"""

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.utils import ProgrammingError

from labeling.models.assignments import Assignment
from labeling.models.campaigns import Campaign
from labeling.models.joined import SHOWN, Joined, as_shown
from labeling.models.raters import Rater

_WINDOW = """(SELECT a.id, a.position, a.comparison_id FROM labeling_assignment a
    WHERE a.lane_id = p.lane_id AND a.position > {after} AND a.rater_id IS NULL
      AND a.ended_at IS NULL ORDER BY a.position LIMIT 256)"""
# OFFSET 0 keeps these two-column probes: without it PostgreSQL may skip-scan by rater alone.
_MET = """SELECT FROM labeling_assignment m
    WHERE m.comparison_id = w.comparison_id AND m.rater_id = %(rater)s AND m.repeat_of_id IS NULL"""
_UNMET = f"NOT EXISTS ({_MET} OFFSET 0)"
# What a place must not pass. A lapsed lease is about to be taken back: what it met will be unmet.
# The wall clock, because now() may be earlier than what this statement sees.
_STOP = f"""NOT EXISTS ({_MET}
      AND (m.ended_at IS NOT NULL OR m.leased_until > clock_timestamp()) OFFSET 0)"""

_CLAIM = f"""
WITH seen AS MATERIALIZED (
  SELECT turn FROM labeling_seat WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s),
mine AS MATERIALIZED (
  SELECT id, turn FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
-- Empty when another tab came between: this statement still reads the past, so it does nothing.
me AS MATERIALIZED (SELECT mine.id FROM mine JOIN seen USING (turn)),
held AS MATERIALIZED (
  SELECT a.id, a.leased_until FROM me, labeling_assignment a
  WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL
    AND a.ended_at IS NULL),
places AS MATERIALIZED (
  SELECT p.* FROM me JOIN labeling_place p ON p.seat_id = me.id
  WHERE (SELECT count(*) FROM held) < %(hold)s
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)),
first AS MATERIALIZED (
  SELECT p.id, p.rank, c.position FROM (SELECT * FROM places ORDER BY rank, id) p, LATERAL (
    SELECT w.position FROM {_WINDOW.format(after="p.position")} w
    WHERE {_STOP} ORDER BY w.position LIMIT 1) c LIMIT 1),
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
  FROM pick WHERE a.id = pick.id RETURNING a.*),
turned AS (UPDATE labeling_seat s SET turn = s.turn + 1 FROM me, take WHERE s.id = me.id)
"""
# Of two that are held, the prepared one (labeling.models.ahead) has the shorter lease.
_SEEN = """(SELECT id FROM held ORDER BY leased_until DESC, id LIMIT 1), EXISTS (SELECT FROM me),
  EXISTS (SELECT FROM labeling_assignment l WHERE l.campaign_id = %(campaign)s
    AND l.leased_until < now() AND l.rater_id IS NOT NULL AND l.ended_at IS NULL
    AND l.ordinal IS NOT NULL),
  EXISTS (SELECT FROM passed WHERE n = 256),
  EXISTS (SELECT FROM first) AND NOT EXISTS (SELECT FROM take)"""
# One row always, its assignment null when none was taken.
_TAKEN = """FROM (SELECT) one LEFT JOIN (SELECT * FROM take UNION ALL
  SELECT * FROM labeling_assignment WHERE id = %(dealt)s::bigint) a ON true
LEFT JOIN labeling_comparison c ON c.id = a.comparison_id
LEFT JOIN labeling_prompt p ON p.id = c.prompt_id
LEFT JOIN labeling_completion x ON x.id = c.completion_a_id
LEFT JOIN labeling_completion y ON y.id = c.completion_b_id"""
CLAIM = Joined(SHOWN, _TAKEN, first=_CLAIM, also=_SEEN)

# How many standing slots of comparison `c` are beyond what its round `r` wants: none are wanted
# of a closed round, and judgments that people made elsewhere count too. Where a round asks more
# while an item is undecided, what it may come to counts: a slot too many is ended by whoever
# decides (labeling.actions.stopping).
_STANDING = "a.ordinal IS NOT NULL AND (a.outcome IS NULL OR a.outcome = 'completed')"
JUDGED_ELSEWHERE = """(SELECT count(*) FROM labeling_judgment j
  JOIN labeling_rater judge ON judge.id = j.rater_id
  WHERE j.comparison_id = c.id AND j.assignment_id IS NULL AND judge.kind = 'human'
    AND NOT j.is_repeat)"""


def wanted_of(overlap: str) -> str:
    """How many judgments comparison `c` is to have, of a round that asks for `overlap` (SQL).

    What reviewers asked for, sending it back, comes on top, and on top of what it had by then.
    """
    return f"""(SELECT greatest({overlap} + coalesce(sum(k.more), 0),
    max(k.wanted))
  FROM labeling_adjudication k WHERE k.comparison_id = c.id)"""


_SURPLUS = f"""((SELECT count(*) FROM labeling_assignment a
    WHERE a.comparison_id = c.id AND {_STANDING}) + {JUDGED_ELSEWHERE}
  - CASE WHEN r.state = 'open' THEN {wanted_of("coalesce(r.max_overlap, r.overlap)")}
    ELSE 0 END)"""

# First half of a requeue: hold what lapsed, its comparison against others that count its slots,
# and its round against being closed or asked for another overlap. Waits for nobody.
HOLD_LAPSED = """
SELECT a.id FROM labeling_assignment a
JOIN labeling_comparison c ON c.id = a.comparison_id
JOIN labeling_round r ON r.id = c.round_id
WHERE a.campaign_id = %(campaign)s AND a.leased_until < now() AND a.rater_id IS NOT NULL
  AND a.ended_at IS NULL AND a.ordinal IS NOT NULL
ORDER BY a.leased_until LIMIT %(limit)s
FOR SHARE OF r SKIP LOCKED FOR NO KEY UPDATE OF c, a SKIP LOCKED
"""
# Second half, which sees all that was committed before those locks were had.
REQUEUE = f"""
WITH due AS MATERIALIZED (
  SELECT a.id, a.lane_id, a.comparison_id,
    row_number() OVER (PARTITION BY a.comparison_id ORDER BY a.ordinal DESC)
      <= (SELECT {_SURPLUS} FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
          WHERE c.id = a.comparison_id) AS is_surplus
  FROM labeling_assignment a WHERE a.id = ANY(%(ids)s)),
-- The lapsed rater has not met the comparison any more: its other open slots move along too.
kin AS MATERIALIZED (
  SELECT id, lane_id, comparison_id FROM labeling_assignment
  WHERE comparison_id IN (SELECT comparison_id FROM due) AND rater_id IS NULL
    AND ended_at IS NULL AND ordinal IS NOT NULL FOR NO KEY UPDATE SKIP LOCKED),
-- One of them is being taken this instant and may yet be let go: leave the lease to the next pass.
busy AS MATERIALIZED (
  SELECT comparison_id FROM labeling_assignment
  WHERE comparison_id IN (SELECT comparison_id FROM due) AND rater_id IS NULL
    AND ended_at IS NULL AND ordinal IS NOT NULL AND id NOT IN (SELECT id FROM kin)),
back AS MATERIALIZED (
  SELECT id, lane_id, row_number() OVER (PARTITION BY lane_id) AS n
  FROM (SELECT * FROM due WHERE NOT is_surplus UNION ALL SELECT *, false FROM kin) u
  WHERE comparison_id NOT IN (SELECT comparison_id FROM busy)),
lanes AS MATERIALIZED (
  SELECT id FROM labeling_lane WHERE id IN (SELECT lane_id FROM back)
  ORDER BY id FOR NO KEY UPDATE),
tails AS (
  UPDATE labeling_lane lane SET tail = tail + b.n
  FROM (SELECT lane_id, max(n) AS n FROM back GROUP BY 1) b JOIN lanes ON lanes.id = b.lane_id
  WHERE lane.id = b.lane_id RETURNING lane.id, lane.tail - b.n AS base),
opened AS (
  UPDATE labeling_assignment a
  SET lapsed_from_id = coalesce(a.rater_id, a.lapsed_from_id), rater_id = NULL,
    leased_until = NULL, position = tails.base + back.n
  FROM back JOIN tails ON tails.id = back.lane_id WHERE a.id = back.id RETURNING a.id),
ended AS (
  UPDATE labeling_assignment a
  SET lapsed_from_id = a.rater_id, rater_id = NULL, leased_until = NULL,
    ended_at = now(), outcome = 'cancelled'
  FROM due WHERE a.id = due.id AND due.is_surplus RETURNING a.id)
SELECT (SELECT count(*) FROM opened) + (SELECT count(*) FROM ended)
"""

# Gold and repeats lapse as a slot does, and nothing that their rater can try tells them apart: they
# are theirs no longer, and a late answer is taken until somebody else has it. They count towards no
# overlap and no place gets to them, so neither round nor tail is asked. Practice stays its rater's.
LET_GO = """
UPDATE labeling_assignment a
SET lapsed_from_id = a.rater_id, rater_id = NULL, leased_until = NULL
FROM (SELECT l.id FROM labeling_assignment l
  WHERE l.campaign_id = %(campaign)s AND l.leased_until < now() AND l.rater_id IS NOT NULL
    AND l.ended_at IS NULL AND l.ordinal IS NULL
    AND NOT EXISTS (SELECT FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
      WHERE c.id = l.comparison_id AND r.kind = 'qualification' OFFSET 0)
  ORDER BY l.leased_until LIMIT %(limit)s FOR NO KEY UPDATE OF l SKIP LOCKED) lapsed
WHERE a.id = lapsed.id RETURNING a.id
"""

SUBMIT = """
WITH done AS (
  UPDATE labeling_assignment a
  SET ended_at = now(), outcome = 'completed', rater_id = %(rater)s,
    leased_until = coalesce(leased_until, now())
  -- Late is taken until somebody else has it: the last rater it lapsed from may still answer it.
  WHERE id = %(assignment)s AND ended_at IS NULL AND (rater_id = %(rater)s OR (
    rater_id IS NULL AND lapsed_from_id = %(rater)s
    AND EXISTS (SELECT FROM labeling_seat s WHERE s.rater_id = %(rater)s
      AND s.campaign_id = a.campaign_id AND s.is_active)
    -- A hidden repeat is of what they met before, and stays theirs.
    AND (a.repeat_of_id IS NOT NULL OR NOT EXISTS (SELECT FROM labeling_assignment m
      WHERE m.comparison_id = a.comparison_id AND m.rater_id = %(rater)s
        AND m.repeat_of_id IS NULL OFFSET 0))))
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
    arm, %(active_ms)s::integer, %(client)s::jsonb, repeat_of_id IS NOT NULL,
    coalesce(%(judged_at)s::timestamptz, now())
  FROM done RETURNING id, public_id, campaign_id, guideline_version_id, created_at, judged_at),
told AS (
  INSERT INTO labeling_auditevent (public_id, verb, campaign_id, rater_id, subject, details)
  SELECT gen_random_uuid(), 'judgment.submitted', campaign_id, %(rater)s::bigint, public_id, '{}'
  FROM made)
SELECT id, guideline_version_id, created_at, judged_at FROM made
"""

# First half of a skip, as of a requeue, but it waits: the rater is there. Gold is in no round.
HOLD_SKIPPED = """
SELECT c.id FROM labeling_assignment a
JOIN labeling_comparison c ON c.id = a.comparison_id
JOIN labeling_round r ON r.id = c.round_id
WHERE a.id = %(assignment)s FOR SHARE OF r FOR NO KEY UPDATE OF c
"""
SKIP = f"""
WITH gone AS (
  UPDATE labeling_assignment SET ended_at = now(), outcome = 'skipped', skip_reason = %(reason)s
  WHERE id = %(assignment)s AND rater_id = %(rater)s AND ended_at IS NULL RETURNING *),
-- The skipped slot itself still stands in what this statement sees.
wanted AS MATERIALIZED (
  SELECT gone.* FROM gone JOIN labeling_comparison c ON c.id = gone.comparison_id
  JOIN labeling_round r ON r.id = c.round_id
  WHERE gone.ordinal IS NOT NULL AND {_SURPLUS} <= 0),
tail AS (
  UPDATE labeling_lane lane SET tail = lane.tail + 1 FROM wanted
  WHERE lane.id = wanted.lane_id RETURNING lane.tail),
next AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, ordinal, lane_id,
    position, a_on_left, arm, skip_reason)
  SELECT gen_random_uuid(), w.campaign_id, w.comparison_id, w.ordinal, w.lane_id,
    tail.tail, w.a_on_left, w.arm, '' FROM wanted w, tail),
told AS (
  INSERT INTO labeling_auditevent (public_id, verb, campaign_id, rater_id, subject, details)
  SELECT gen_random_uuid(), 'assignment.skipped', campaign_id, %(rater)s::bigint, public_id,
    jsonb_strip_nulls(jsonb_build_object('active_ms', %(active_ms)s::bigint))
  FROM gone)
SELECT id FROM gone
"""

RENEW = """
UPDATE labeling_assignment SET leased_until = CASE
  WHEN leased_until < now() + %(lease)s * interval '0.75 second'
  THEN now() + %(lease)s * interval '1 second' ELSE leased_until END
WHERE id = %(assignment)s AND rater_id = %(rater)s AND ended_at IS NULL RETURNING leased_until
"""


@dataclass(frozen=True)
class Claim:
    """What one claim statement saw and did."""

    taken: Assignment | None = None
    held_id: int | None = None
    # False when the rater has no active seat, or another tab of theirs came between.
    is_mine: bool = False
    has_lapsed: bool = False
    # A whole window was of comparisons the rater has met: the place moved, there is more behind.
    is_catching_up: bool = False
    # What is open is being taken by others this instant.
    is_contended: bool = False


def _run(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _run_together(first: str, second: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Both halves of one errand, the rows of the first as `ids` of the second.

    The locks of the first must last and the second must have a snapshot of its own.
    """
    if not connection.in_atomic_block:
        raise ProgrammingError("The two halves of this need one transaction.")
    held = [row[0] for row in _run(first, parameters)]
    return _run(second, parameters | {"ids": held})


def claim(
    *,
    rater: Rater,
    campaign: Campaign,
    hold: int,
    lease_seconds: int | None = None,
    dealt: int | None = None,
) -> Claim:
    """Lease at most one open assignment of a comparison the rater has not met.

    For the campaign's time, unless `lease_seconds` says otherwise. Where gold or a repeat was
    `dealt`, that is what was taken, and nothing else is: it is read by the same statement as a
    slot, so that the time it takes does not tell it apart.
    """
    row = CLAIM.first(
        {
            "rater": rater.pk,
            "campaign": campaign.pk,
            "lease": lease_seconds or campaign.lease_seconds,
            "hold": hold if dealt is None else 0,
            "dealt": dealt,
        }
    )
    if row is None:
        return Claim()
    return Claim(as_shown(row, campaign) if row[0].pk else None, *row[len(SHOWN) :])


def requeue(*, campaign_id: int, limit: int = 16) -> int:
    """Open the slots of lapsed leases again, or end those no longer wanted; how many rows moved.

    Gold that lapsed is let go of with them. Within the caller's transaction. Rows that others hold
    are left to the next pass.
    """
    parameters = {"campaign": campaign_id, "limit": limit}
    rows = _run_together(HOLD_LAPSED, REQUEUE, parameters)
    return int(rows[0][0]) + len(_run(LET_GO, parameters))


def renew(*, assignment_id: int, rater_id: int, lease_seconds: int) -> Any:
    """The new end of the lease, or None if the assignment is not the rater's any more."""
    rows = _run(RENEW, {"assignment": assignment_id, "rater": rater_id, "lease": lease_seconds})
    return rows[0][0] if rows else None


def submit(parameters: dict[str, Any]) -> dict[str, Any] | None:
    """What the database gave the new judgment; None if it was not the rater's to complete."""
    rows = _run(SUBMIT, parameters)
    names = ("id", "guideline_version_id", "created_at", "judged_at")
    return dict(zip(names, rows[0], strict=True)) if rows else None


def skip(*, assignment_id: int, rater_id: int, reason: str, active_ms: int | None = None) -> bool:
    """Whether the rater held it; if it is still wanted, its successor is open at the tail.

    The time it took them, if known, is kept in the audit, from which work is credited.

    Within the caller's transaction.
    """
    parameters = {
        "assignment": assignment_id,
        "rater": rater_id,
        "reason": reason,
        "active_ms": active_ms,
    }
    return bool(_run_together(HOLD_SKIPPED, SKIP, parameters))
