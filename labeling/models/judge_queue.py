"""The statements of judges' queue: lay calls, claim them, move them to what is asked now.

A call is a judge, a comparison, an order and a sample under one rubric key; it is laid once and
answered once. States are written out, because the partial index of what is waiting or leased is
only used where the condition is a constant. Locks go judge, call, endpoint; whoever claims passes
over calls that are held.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection

from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL

# The first half of the lock of whoever drives a judge's calls is this word's.
LOCK = 0x4A554447
# What a judge may be asked: both texts are known, reviewers did not leave it out, and it is no
# practice. Of a round: its comparisons; without one: all, waiting ones too. Known answers come
# along with both, while they are used: how a judge does on them says how far it can be trusted.
_ASKABLE = f"""
SELECT c.id, c.public_id, g.id IS NOT NULL AS is_gold
FROM labeling_comparison c
JOIN labeling_completion x ON x.id = c.completion_a_id AND x.messages IS NOT NULL
JOIN labeling_completion y ON y.id = c.completion_b_id AND y.messages IS NOT NULL
JOIN labeling_campaign k ON k.id = c.campaign_id
LEFT JOIN labeling_gold g ON g.comparison_id = c.id
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE c.campaign_id = %(campaign)s AND r.kind IS DISTINCT FROM 'qualification'
  AND (%(round)s::bigint IS NULL OR c.round_id = %(round)s OR g.id IS NOT NULL)
  AND g.retired_at IS NULL
  AND NOT (k.requirements @> '{{"identity": "exclude"}}'
    AND (x.marks @> ARRAY[%(named)s]::varchar[] OR y.marks @> ARRAY[%(named)s]::varchar[]))
  AND NOT {LEFT_OUT_COMPARISON_SQL}
"""
# The seed alone draws a judge's share, from random public ids: a larger share holds a smaller one,
# and asking twice draws the same. Known answers are asked whatever the share.
_DRAWN = """(is_gold OR (hashtextextended(public_id::text || ':share', %(seed)s) & 2147483647)
  < %(share)s::float8 * 2147483648.0)"""
# What was asked already stays, unless it is to be asked anew: a judgment of this judge's that
# stands, or calls that nobody cancelled.
_UNASKED = """NOT EXISTS (SELECT FROM labeling_judgeverdict v
    WHERE v.judge_id = %(judge)s AND v.comparison_id = a.id
      AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = v.judgment_id))
  AND NOT EXISTS (SELECT FROM labeling_judgecall o
    WHERE o.judge_id = %(judge)s AND o.comparison_id = a.id AND o.rubric_key <> %(key)s
      AND o.state IN ('waiting', 'leased'))"""
_UNJUDGED_NOW = """NOT EXISTS (SELECT FROM labeling_judgeverdict v
    WHERE v.judge_id = %(judge)s AND v.comparison_id = a.id AND v.rubric_key = %(key)s)"""
# One call for each order and sample. In one order, a draw of its own says which; where calls of
# this key are there, failed or cancelled ones wait again and the others stay.
_LAY = """
INSERT INTO labeling_judgecall (judge_id, comparison_id, rubric_key, shown_left, sample, state,
  fence, attempts, preference, criteria, rationale, error_kind, error, provenance)
SELECT %(judge)s, a.id, %(key)s, s.shown_left, n.sample, 'waiting', 0, 0, '', '{{}}', '', '', '',
  '{{}}'
FROM ({asked}) a
CROSS JOIN LATERAL generate_series(1, %(samples)s) AS n (sample)
CROSS JOIN LATERAL (SELECT unnest(CASE WHEN %(both)s THEN ARRAY['a', 'b']
  WHEN hashtextextended(a.public_id::text || ':order', %(seed)s) & 1 = 0 THEN ARRAY['a']
  ELSE ARRAY['b'] END) AS shown_left) s
ORDER BY a.id, n.sample, s.shown_left
ON CONFLICT (judge_id, comparison_id, rubric_key, shown_left, sample) DO UPDATE
SET state = 'waiting', attempts = 0, not_before = NULL, error_kind = '', error = '',
  finished_at = NULL
WHERE labeling_judgecall.state IN ('failed', 'cancelled')
RETURNING comparison_id
"""
_ASK = f"""
WITH askable AS ({_ASKABLE}),
laid AS ({
    _LAY.format(
        asked=f"SELECT * FROM askable a WHERE {_DRAWN} AND "
        f"({_UNJUDGED_NOW}) AND (%(again)s OR ({_UNASKED}))"
    )
})
SELECT count(*), count(DISTINCT comparison_id) FROM laid
"""
# What `_ASK` would lay at most, and how long the texts are.
_TO_ASK = f"""
SELECT count(*), coalesce(avg(x.char_count + y.char_count + length(p.messages::text)), 0)::float8
FROM ({_ASKABLE}) a
JOIN labeling_comparison c ON c.id = a.id
JOIN labeling_prompt p ON p.id = c.prompt_id
JOIN labeling_completion x ON x.id = c.completion_a_id
JOIN labeling_completion y ON y.id = c.completion_b_id
WHERE {_DRAWN.replace("public_id", "a.public_id")} AND ({_UNJUDGED_NOW}) AND ({_UNASKED})
  AND NOT EXISTS (SELECT FROM labeling_judgecall o WHERE o.judge_id = %(judge)s
    AND o.comparison_id = a.id AND o.rubric_key = %(key)s
    AND o.state NOT IN ('failed', 'cancelled'))
"""
# Of these comparisons, those that it was never asked about: what a routing waits for.
_ASK_FIRST = f"""
WITH laid AS ({
    _LAY.format(
        asked="SELECT a.id, a.public_id FROM labeling_comparison a WHERE a.id = ANY(%(ids)s)"
        " AND NOT EXISTS (SELECT FROM labeling_judgecall o"
        " WHERE o.judge_id = %(judge)s AND o.comparison_id = a.id)"
        f" AND ({_UNASKED})"
    )
})
SELECT count(*) FROM laid
"""
# What is still to be asked under another key is asked under this one: the judge was changed, or
# new guidelines are in force. Calls under way are left to end.
_FOLLOW = f"""
WITH old AS (
  UPDATE labeling_judgecall o SET state = 'cancelled', leased_until = NULL, not_before = NULL,
    finished_at = now()
  WHERE o.judge_id = %(judge)s AND o.rubric_key <> %(key)s
    AND (o.state = 'waiting' OR o.state = 'leased' AND o.leased_until < now())
  RETURNING o.comparison_id),
laid AS ({
    _LAY.format(
        asked="SELECT c.id, c.public_id FROM labeling_comparison c"
        " WHERE c.id IN (SELECT comparison_id FROM old)"
    )
})
SELECT count(*) FROM laid
"""
# Asked anew: nothing under another key may come in later and count as the newer.
_DROP_OTHERS = """
UPDATE labeling_judgecall o SET state = 'cancelled', leased_until = NULL, not_before = NULL,
  finished_at = now()
WHERE o.judge_id = %(judge)s AND o.rubric_key <> %(key)s AND o.state IN ('waiting', 'leased')
  AND EXISTS (SELECT FROM labeling_judgecall n WHERE n.judge_id = o.judge_id
    AND n.comparison_id = o.comparison_id AND n.rubric_key = %(key)s)
"""
# First in line of what is due: waiting past its pause, or leased by a worker that went silent. What
# was lost so before may be what kills its worker: that is leased by itself, when all else is done.
_CLAIM = """
UPDATE labeling_judgecall t SET state = 'leased', fence = t.fence + 1, attempts = t.attempts + 1,
  not_before = NULL, leased_until = now() + %(lease)s * interval '1 second'
FROM (
  SELECT id, state FROM labeling_judgecall
  WHERE judge_id = %(judge)s AND state IN ('waiting', 'leased') AND rubric_key = %(key)s
    AND (NOT %(suspects)s AND state = 'waiting' AND (not_before IS NULL OR not_before <= now())
      OR state = 'leased' AND leased_until < now() AND (attempts >= 2) = %(suspects)s)
  ORDER BY id LIMIT %(most)s FOR NO KEY UPDATE SKIP LOCKED
) first WHERE t.id = first.id
RETURNING t.id, t.fence, t.attempts, t.comparison_id, t.shown_left, t.sample,
  first.state = 'leased', t.error_kind
"""
_ANSWER = """
UPDATE labeling_judgecall t SET state = 'answered', preference = n.preference,
  strength = n.strength, criteria = n.criteria, confidence = n.confidence,
  rationale = n.rationale, provenance = n.provenance, input_tokens = n.input_tokens,
  output_tokens = n.output_tokens, latency_ms = n.latency_ms, cost = n.cost, error_kind = '',
  error = '', leased_until = NULL, not_before = NULL, finished_at = now()
FROM jsonb_to_recordset(%(rows)s::jsonb) AS n (id bigint, fence int, preference text,
  strength smallint, criteria jsonb, confidence float8, rationale text, provenance jsonb,
  input_tokens int, output_tokens int, latency_ms int, cost numeric)
WHERE t.id = n.id AND t.fence = n.fence AND t.state = 'leased' AND t.judge_id = %(judge)s
RETURNING t.id, t.comparison_id, t.rubric_key
"""
_PROLONG = """
UPDATE labeling_judgecall t SET leased_until = now() + %(lease)s * interval '1 second'
FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS held (id, fence)
WHERE t.id = held.id AND t.fence = held.fence AND t.state = 'leased'
"""
_DUE = """
SELECT j.id FROM labeling_judge j
JOIN labeling_endpoint e ON e.id = j.endpoint_id AND e.disabled_reason = ''
JOIN labeling_campaign c ON c.id = j.campaign_id AND c.state <> 'archived'
WHERE j.state = 'active' AND (%(judge)s::bigint IS NULL OR j.id = %(judge)s)
  AND (e.rests_until IS NULL OR e.rests_until <= now())
  AND EXISTS (SELECT FROM labeling_judgecall k
    WHERE k.judge_id = j.id AND k.state IN ('waiting', 'leased')
      AND (k.state = 'waiting' AND (k.not_before IS NULL OR k.not_before <= now())
        OR k.state = 'leased' AND k.leased_until < now()))
ORDER BY j.id
"""


@dataclass(frozen=True)
class Deal:
    """How a judge's calls are laid: under which key, how often, and what the seed draws from."""

    judge_id: int
    key: bytes
    both_orders: bool
    samples: int
    seed: int


@dataclass(frozen=True)
class LeasedCall:
    """A call as its worker holds it. Only the newest fence may answer it."""

    call_id: int
    fence: int
    attempts: int
    comparison_id: int
    shown_left: str
    sample: int
    was_lost: bool
    error_kind: str


def ask(
    deal: Deal, *, campaign_id: int, round_id: int | None, share: float, again: bool
) -> tuple[int, int]:
    """Lay what the judge is to be asked, for an action that holds it: calls, and comparisons."""
    values = _values(deal) | {
        "campaign": campaign_id,
        "round": round_id,
        "share": share,
        "again": again,
        "named": IDENTIFIES_ITSELF,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ASK, values)
        ((calls, comparisons),) = cursor.fetchall()
        if again:
            cursor.execute(_DROP_OTHERS, _values(deal))
        cursor.execute("ANALYZE (SKIP_LOCKED) labeling_judgecall")
    return int(calls), int(comparisons)


def to_ask(deal: Deal, *, campaign_id: int, share: float) -> tuple[int, float]:
    """How many comparisons of the campaign asking would lay calls for, and their mean length."""
    values = _values(deal) | {
        "campaign": campaign_id,
        "round": None,
        "share": share,
        "named": IDENTIFIES_ITSELF,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TO_ASK, values)
        ((count, chars),) = cursor.fetchall()
    return int(count), float(chars)


def ask_first(deal: Deal, comparison_ids: list[int]) -> int:
    """Lay the first calls about these, whatever its share, for an action that holds the judge."""
    with connection.cursor() as cursor:
        cursor.execute(_ASK_FIRST, _values(deal) | {"ids": comparison_ids})
        ((calls,),) = cursor.fetchall()
    return int(calls)


def follow(deal: Deal) -> int:
    """Move what is still to be asked to the deal's key, for an action that holds the judge."""
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, _values(deal))
        ((calls,),) = cursor.fetchall()
    return int(calls)


def claim(
    *, judge_id: int, key: bytes, most: int, lease_seconds: float, suspects: bool = False
) -> list[LeasedCall]:
    """Lease up to `most` calls that are due, first in line first: of suspects, or of the others."""
    values: dict[str, Any] = {
        "judge": judge_id,
        "key": key,
        "most": most,
        "lease": float(lease_seconds),
        "suspects": suspects,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        rows = cursor.fetchall()
    return sorted((LeasedCall(*row) for row in rows), key=lambda one: one.call_id)


def answer(*, judge_id: int, rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, bytes]]:
    """Store answers of calls that are still held: each one's id, comparison and key."""
    with connection.cursor() as cursor:
        cursor.execute(_ANSWER, {"judge": judge_id, "rows": orjson.dumps(rows).decode()})
        return [(int(pk), int(about), bytes(key)) for pk, about, key in cursor.fetchall()]


def prolong(held: Sequence[tuple[int, int]], *, lease_seconds: float) -> int:
    """Prolong leases, each by its call and fence; how many are still held."""
    values: dict[str, Any] = {
        "ids": [call_id for call_id, _ in held],
        "fences": [fence for _, fence in held],
        "lease": float(lease_seconds),
    }
    with connection.cursor() as cursor:
        cursor.execute(_PROLONG, values)
        return int(cursor.rowcount)


def due(judge_id: int | None = None) -> list[int]:
    """Judges, or the one, for which there is a call to make now."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"judge": judge_id})
        return [int(pk) for (pk,) in cursor.fetchall()]


@contextmanager
def driving(judge_id: int) -> Iterator[bool]:
    """Whether this worker alone drives the judge's calls until the end of the block.

    The lock is the session's: a worker that dies leaves it with its connection.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK, judge_id])
        ((is_mine,),) = cursor.fetchall()
    try:
        yield bool(is_mine)
    finally:
        if is_mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, judge_id])


def _values(deal: Deal) -> dict[str, Any]:
    return {
        "judge": deal.judge_id,
        "key": deal.key,
        "both": deal.both_orders,
        "samples": deal.samples,
        "seed": deal.seed,
    }
