"""How the slots of a round are laid, raised, lowered and closed. docs/QUEUE.md has the proof.

All of these run while the caller holds the campaign and the round, so that they take turns with one
another, and with skips and requeues, which hold the round against them.
"""

# Statements are put together from constants of the module.
from dataclasses import dataclass

from django.db import connection

from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL
from labeling.models.queue import JUDGED_ELSEWHERE, wanted_of
from labeling.models.routed import THE_JUDGES_SQL, hand_over

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
_LAY_SOURCE = f"""
  SELECT c.id AS comparison_id, s.ordinal, {_DEAL}
  FROM labeling_comparison c, LATERAL generate_series(1, %(overlap)s) AS s (ordinal)
  WHERE c.id = ANY(%(ids)s) AND s.ordinal > {JUDGED_ELSEWHERE} AND NOT {THE_JUDGES_SQL}
"""
LAY = _INSERT.format(source=_LAY_SOURCE)

# A raised overlap: as many free ordinals as are missing, for comparisons of open rounds. What
# reviewers sent back comes on top.
_RAISE_SOURCE = f"""
  SELECT * FROM (
    SELECT c.id AS comparison_id, s.ordinal, {_DEAL},
      row_number() OVER (PARTITION BY c.id ORDER BY s.ordinal) AS nth,
      {wanted_of("%(overlap)s")} - {JUDGED_ELSEWHERE} - (SELECT count(*) FROM labeling_assignment a
        WHERE a.comparison_id = c.id AND a.ordinal IS NOT NULL
          AND (a.outcome IS NULL OR a.outcome = 'completed')) AS missing
    FROM labeling_comparison c,
      LATERAL generate_series(1, {wanted_of("%(overlap)s")}) AS s (ordinal)
    WHERE c.id = ANY(%(ids)s) AND NOT {THE_JUDGES_SQL} AND NOT EXISTS (
      SELECT FROM labeling_assignment a WHERE a.comparison_id = c.id AND a.ordinal = s.ordinal
        AND (a.outcome IS NULL OR a.outcome = 'completed'))
  ) free WHERE nth <= missing
"""
RAISE = _INSERT.format(source=_RAISE_SOURCE)

# Just so many more, whatever the comparison has and its round asks for: of the free ordinals.
_MORE_SOURCE = f"""
  SELECT * FROM (
    SELECT c.id AS comparison_id, s.ordinal, {_DEAL},
      row_number() OVER (PARTITION BY c.id ORDER BY s.ordinal) AS nth
    FROM labeling_comparison c,
      LATERAL generate_series(1, %(more)s + (SELECT count(*) FROM labeling_assignment a
        WHERE a.comparison_id = c.id AND a.ordinal IS NOT NULL
          AND (a.outcome IS NULL OR a.outcome = 'completed'))) AS s (ordinal)
    WHERE c.id = ANY(%(ids)s) AND NOT EXISTS (
      SELECT FROM labeling_assignment a WHERE a.comparison_id = c.id AND a.ordinal = s.ordinal
        AND (a.outcome IS NULL OR a.outcome = 'completed'))
  ) free WHERE nth <= %(more)s
"""
MORE = _INSERT.format(source=_MORE_SOURCE)
# What it has or somebody holds: what is open is not counted, so that a lowered overlap ends it.
_TAKEN = f"""
SELECT c.id, greatest({JUDGED_ELSEWHERE}
  + (SELECT count(*) FROM labeling_assignment a WHERE a.comparison_id = c.id
    AND a.ordinal IS NOT NULL AND a.rater_id IS NOT NULL
    AND (a.outcome IS NULL OR a.outcome = 'completed')),
  (SELECT max(k.wanted) FROM labeling_adjudication k WHERE k.comparison_id = c.id))
FROM labeling_comparison c WHERE c.id = ANY(%(ids)s)
"""

_MOST_WANTED = f"""
SELECT coalesce(max({wanted_of("%(overlap)s")}), 0) FROM labeling_comparison c
WHERE c.id = ANY(%(ids)s) AND EXISTS (SELECT FROM labeling_adjudication k
  WHERE k.comparison_id = c.id AND k.more IS NOT NULL)
"""

# A lowered overlap: open slots beyond it end; live leases may finish. A slot that is claimed before
# this statement reaches it stays, and another pass weighs it up anew: hence both counts.
LOWER = f"""
WITH surplus AS MATERIALIZED (
  SELECT id FROM (
    SELECT a.id, a.rater_id IS NULL AND a.ended_at IS NULL AS is_open,
      {wanted_of("%(overlap)s")} AS wanted,
      {JUDGED_ELSEWHERE} + row_number() OVER (PARTITION BY a.comparison_id
        ORDER BY (a.rater_id IS NULL AND a.ended_at IS NULL), a.ordinal) AS nth
    FROM labeling_assignment a JOIN labeling_comparison c ON c.id = a.comparison_id
    WHERE c.id = ANY(%(ids)s) AND a.ordinal IS NOT NULL
      AND (a.outcome IS NULL OR a.outcome = 'completed')) standing
  WHERE is_open AND nth > wanted),
ended AS (
  UPDATE labeling_assignment a SET ended_at = now(), outcome = 'cancelled' FROM surplus
  WHERE a.id = surplus.id AND a.rater_id IS NULL AND a.ended_at IS NULL RETURNING a.id)
SELECT (SELECT count(*) FROM surplus), (SELECT count(*) FROM ended)
"""

# The conditions on `a` itself are checked again on a row that a claim holds just now.
CLOSE = """
UPDATE labeling_assignment a SET ended_at = now(), outcome = 'cancelled'
FROM labeling_comparison c
WHERE c.id = a.comparison_id AND c.round_id = %(round)s AND a.rater_id IS NULL
  AND a.ended_at IS NULL AND a.outcome IS NULL
"""

# What is open of comparisons that are decided; live leases may finish.
STOP = """
UPDATE labeling_assignment a SET ended_at = now(), outcome = 'cancelled'
WHERE a.comparison_id = ANY(%(ids)s) AND a.ordinal IS NOT NULL AND a.rater_id IS NULL
  AND a.ended_at IS NULL AND a.outcome IS NULL
"""
# Standing judgments of people on items that may stop before, or go on after, their overlap: once
# for a rater, and without what reviewers sent back, who asked for just so many. `slots` are those
# that stand: open, leased or completed.
VOTES = f"""
SELECT c.id, n.a, n.tie, n.b, s.slots + {JUDGED_ELSEWHERE}, s.open, s.live
FROM labeling_comparison c,
LATERAL (SELECT count(*) FILTER (WHERE j.preference = 'a') AS a,
    count(*) FILTER (WHERE j.preference IN ('tie', 'both_bad')) AS tie,
    count(*) FILTER (WHERE j.preference = 'b') AS b
  FROM labeling_judgment j JOIN labeling_rater r ON r.id = j.rater_id
  WHERE j.comparison_id = c.id AND r.kind = 'human' AND NOT j.is_repeat
    AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = j.id)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
    AND NOT {LEFT_OUT_SQL}) n,
LATERAL (SELECT count(*) AS slots,
    count(*) FILTER (WHERE x.rater_id IS NULL AND x.ended_at IS NULL) AS open,
    count(*) FILTER (WHERE x.rater_id IS NOT NULL AND x.ended_at IS NULL) AS live
  FROM labeling_assignment x WHERE x.comparison_id = c.id AND x.ordinal IS NOT NULL
    AND (x.outcome IS NULL OR x.outcome = 'completed')) s
WHERE c.round_id = %(round)s AND c.id = ANY(%(ids)s) AND (n.a + n.tie + n.b > 0 OR s.open = 0)
  AND NOT EXISTS (SELECT FROM labeling_adjudication k
    WHERE k.comparison_id = c.id AND k.more IS NOT NULL)
  AND NOT {LEFT_OUT_COMPARISON_SQL} AND NOT {THE_JUDGES_SQL}
ORDER BY c.id
"""
STANDING = """
SELECT count(*) FROM labeling_assignment a JOIN labeling_comparison c ON c.id = a.comparison_id
WHERE c.round_id = %s AND a.ordinal IS NOT NULL AND (a.outcome IS NULL OR a.outcome = 'completed')
"""


@dataclass(frozen=True)
class Item:
    """A comparison's votes as they stand, and the slots that were laid for it."""

    comparison_id: int
    a: int
    tie: int
    b: int
    slots: int
    open: int
    live: int


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
    """Lay the first assignments of comparisons; the caller holds them. How many were laid.

    While a judge decides what it is sure of, new ones are handed to it first, and have none yet.
    """
    hand_over(campaign_id=deal.campaign_id, comparison_ids=comparison_ids)
    return _insert(LAY, deal, comparison_ids)


def raise_overlap(deal: Deal, comparison_ids: list[int]) -> int:
    """Lay what is missing up to the deal's overlap; the caller holds the round."""
    return _insert(RAISE, deal, comparison_ids)


def lay_more(deal: Deal, comparison_ids: list[int], *, more: int) -> int:
    """Lay `more` slots for each, whatever they have; the caller holds round and comparisons."""
    return _insert(MORE, deal, comparison_ids, more=more)


def wanted_with(more: int, *, comparison_ids: list[int]) -> dict[int, int]:
    """How many judgments each is to have at least, once `more` are asked for on top of what it has.

    The caller holds the comparisons, so that nobody else lays or ends a slot of theirs.
    """
    with connection.cursor() as cursor:
        cursor.execute(_TAKEN, {"ids": comparison_ids})
        return {int(pk): int(taken) + more for pk, taken in cursor.fetchall()}


def lower_overlap(*, overlap: int, comparison_ids: list[int]) -> int:
    """End open slots beyond the overlap; the caller holds the round. How many ended."""
    total = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(LOWER, {"ids": comparison_ids, "overlap": overlap})
            ((surplus, ended),) = cursor.fetchall()
        total += ended
        if not surplus:
            return int(total)


def close(*, round_id: int) -> int:
    """End all that is open of a round the caller holds and has marked closed. How many ended."""
    with connection.cursor() as cursor:
        cursor.execute(CLOSE, {"round": round_id})
        return int(cursor.rowcount)


def stop(*, comparison_ids: list[int]) -> int:
    """End what is open of comparisons whose round the caller holds. How many ended."""
    with connection.cursor() as cursor:
        cursor.execute(STOP, {"ids": comparison_ids})
        return int(cursor.rowcount)


def items_of(*, round_id: int, comparison_ids: list[int]) -> list[Item]:
    """Those of the comparisons that are of the round and have a vote, or nothing open."""
    with connection.cursor() as cursor:
        cursor.execute(VOTES, {"round": round_id, "ids": comparison_ids})
        return [Item(*map(int, row)) for row in cursor.fetchall()]


def standing_count(*, round_id: int) -> int:
    """How many judgments a round has asked for and may still get: open, leased and completed."""
    with connection.cursor() as cursor:
        cursor.execute(STANDING, [round_id])
        ((count,),) = cursor.fetchall()
    return int(count)


def _insert(sql: str, deal: Deal, comparison_ids: list[int], *, more: int = 0) -> int:
    with connection.cursor() as cursor:
        # What was sent back may be laid on top; a gap in the positions does no harm.
        cursor.execute(_MOST_WANTED, {"ids": comparison_ids, "overlap": deal.overlap})
        ((most_wanted,),) = cursor.fetchall()
        each = more or max(deal.overlap, most_wanted)
        # The lane's row is held to commit, so that nothing ever appears behind a rater's place.
        cursor.execute(
            "UPDATE labeling_lane SET tail = tail + %s WHERE id = %s RETURNING tail - %s",
            [(room := each * len(comparison_ids)), deal.lane_id, room],
        )
        ((base,),) = cursor.fetchall()
        cursor.execute(
            sql,
            {
                "campaign": deal.campaign_id,
                "lane": deal.lane_id,
                "overlap": deal.overlap,
                "more": more,
                "seed": deal.seed,
                "ids": comparison_ids,
                "base": base,
                "arms": list(deal.arms),
                "uppers": list(deal.uppers),
            },
        )
        return int(cursor.rowcount)
