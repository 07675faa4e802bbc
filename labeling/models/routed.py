"""Comparisons that a judge decides alone, or is asked about before people are.

A row that says `judge` without an expected accuracy waits for the verdict; no slots are laid for
it meanwhile, and none for what the judge decided.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

# So long a comparison waits for a judge that answers nothing at all; then people are asked.
MOST_WAIT: Final = timedelta(minutes=15)
# An endpoint that rests longer than this is not waited for.
MOST_REST: Final = timedelta(seconds=20)
# Routed by one transaction.
BATCH: Final = 500

# Whether comparison `c` is the judge's: decided by it, or waiting for its verdict.
THE_JUDGES_SQL: Final = """EXISTS (SELECT FROM labeling_routedcomparison x
    WHERE x.comparison_id = c.id AND x."to" = 'judge')"""
# Of new comparisons of production: what is asked again for drift, has a known answer or was judged
# by people before is theirs. A judge that does not work is not waited for.
_HAND_OVER = """
INSERT INTO labeling_routedcomparison (comparison_id, routing_id, "to", expected_accuracy,
  propensity)
SELECT c.id, g.id, 'judge', NULL, 1
FROM labeling_comparison c
JOIN labeling_round r ON r.id = c.round_id AND r.kind = 'production'
JOIN labeling_routing g ON g.campaign_id = c.campaign_id AND g.ended_at IS NULL
JOIN labeling_judge j ON j.id = g.judge_id AND j.state = 'active'
WHERE c.campaign_id = %(campaign)s AND c.id = ANY(%(ids)s) AND c.selection_policy <> 'kept'
  AND NOT EXISTS (SELECT FROM labeling_gold k WHERE k.comparison_id = c.id)
  AND NOT EXISTS (SELECT FROM labeling_judgment o JOIN labeling_rater p ON p.id = o.rater_id
    WHERE o.comparison_id = c.id AND p.kind = 'human')
  AND NOT EXISTS (SELECT FROM labeling_assignment a WHERE a.comparison_id = c.id)
ON CONFLICT (comparison_id) DO NOTHING
"""
# What waits and need not wait any longer: its verdict is there, will not come, or the judge went
# silent. The newest verdict counts whose judgment stands, and which answers the question that the
# judge was weighed with; a verdict under another question is none.
_RIPE = """
SELECT x.id, c.id, c.public_id, c.round_id, x.routing_id, g.ended_at IS NULL, v.confidence,
  v.preference
FROM labeling_routing g
JOIN labeling_judge j ON j.id = g.judge_id
JOIN labeling_endpoint e ON e.id = j.endpoint_id
JOIN labeling_routedcomparison x ON x.routing_id = g.id
JOIN labeling_comparison c ON c.id = x.comparison_id
LEFT JOIN LATERAL (
  SELECT v.confidence, o.preference FROM labeling_judgeverdict v
  JOIN labeling_judgment o ON o.id = v.judgment_id
  WHERE v.judge_id = g.judge_id AND v.comparison_id = c.id AND v.rubric_key = g.rubric_key
    AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = o.id)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = o.id)
  ORDER BY v.id DESC LIMIT 1) v ON true
WHERE g.campaign_id = %(campaign)s AND x."to" = 'judge' AND x.expected_accuracy IS NULL
  AND (g.ended_at IS NOT NULL OR v.preference IS NOT NULL OR j.state <> 'active'
    OR e.disabled_reason <> '' OR e.rests_until > now() + %(rest)s
    OR (x.created_at < now() - %(wait)s AND NOT EXISTS (SELECT FROM labeling_judgecall k
      WHERE k.judge_id = g.judge_id AND k.state = 'answered'
        AND k.finished_at > now() - %(wait)s))
    OR EXISTS (SELECT FROM labeling_judgeverdict w WHERE w.judge_id = g.judge_id
      AND w.comparison_id = c.id AND w.rubric_key <> g.rubric_key)
    OR (EXISTS (SELECT FROM labeling_judgecall k
        WHERE k.judge_id = g.judge_id AND k.comparison_id = c.id AND k.state = 'failed')
      AND NOT EXISTS (SELECT FROM labeling_judgecall k
        WHERE k.judge_id = g.judge_id AND k.comparison_id = c.id
          AND k.state IN ('waiting', 'leased'))))
ORDER BY x.id LIMIT %(limit)s
"""
_UNASKED = """
SELECT c.id FROM labeling_routedcomparison x JOIN labeling_comparison c ON c.id = x.comparison_id
WHERE x.routing_id = %(routing)s AND x."to" = 'judge' AND x.expected_accuracy IS NULL
  AND NOT EXISTS (SELECT FROM labeling_judgecall k
    WHERE k.judge_id = %(judge)s AND k.comparison_id = c.id)
  AND NOT EXISTS (SELECT FROM labeling_judgeverdict v
    WHERE v.judge_id = %(judge)s AND v.comparison_id = c.id)
ORDER BY x.id LIMIT %(limit)s
"""


@dataclass(frozen=True)
class Ripe:
    """A comparison that need not wait any longer, with the judge's verdict if there is one."""

    routed_id: int
    comparison_id: int
    public_id: UUID
    round_id: int
    routing_id: int
    is_on: bool
    confidence: float | None
    preference: str | None


def hand_over(*, campaign_id: int, comparison_ids: list[int]) -> int:
    """Have new comparisons wait for the judge, where one is switched on; how many."""
    with connection.cursor() as cursor:
        cursor.execute(_HAND_OVER, {"campaign": campaign_id, "ids": comparison_ids})
        return int(cursor.rowcount)


def ripe(*, campaign_id: int) -> list[Ripe]:
    """A batch of what need not wait any longer, first come first."""
    values: dict[str, Any] = {
        "campaign": campaign_id,
        "wait": MOST_WAIT,
        "rest": MOST_REST,
        "limit": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RIPE, values)
        return [Ripe(*row) for row in cursor.fetchall()]


def unasked(*, routing_id: int, judge_id: int) -> list[int]:
    """A batch of what waits for the judge and it was never asked about."""
    values = {"routing": routing_id, "judge": judge_id, "limit": BATCH}
    with connection.cursor() as cursor:
        cursor.execute(_UNASKED, values)
        return [int(pk) for (pk,) in cursor.fetchall()]
