"""What reviewers look at: contested comparisons, the worst first, and all that is known of one."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection

from labeling.clauses import former_ids
from labeling.metrics.estimates import Estimate, proportion
from labeling.models import Adjudication, Campaign, Comparison, Judgment, Round
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL, RIGHT_SQL
from labeling.queries.answering import clauses_in_force

# A list goes no further; whoever is through with these has earned a new one.
MOST_LISTED = 1000
PAGE = 25
# How long the number in the tab may lag behind.
COUNT_SECONDS = 30
# Fewer known answers than this say nothing about a rater.
ENOUGH_GOLD = 10

# ruff: noqa: S608
# People's standing judgments by comparison. The disagreement is the report's
# (labeling.metrics.contested): the variance of -1, 0, +1 after one further vote at their mean.
_COUNTED = f"""
WITH judged AS MATERIALIZED (
  SELECT j.comparison_id AS id, count(*) AS n,
    count(*) FILTER (WHERE j.preference = 'a') AS a,
    count(*) FILTER (WHERE j.preference = 'b') AS b,
    bool_or(j.flags <> '{{}}') AS is_flagged, bool_or(j.edited IS NOT NULL) AS is_edited,
    bool_or(j.id IN (SELECT p.judgment_id FROM labeling_appeal p WHERE p.state = 'waiting'))
      AS is_appealed
  FROM labeling_judgment j JOIN labeling_rater r ON r.id = j.rater_id AND r.kind = 'human'
  LEFT JOIN labeling_judgment later ON later.supersedes_id = j.id
  LEFT JOIN labeling_withdrawal gone ON gone.judgment_id = j.id
  WHERE j.campaign_id = %(campaign)s AND NOT j.is_repeat
    AND later.id IS NULL AND gone.id IS NULL AND NOT {LEFT_OUT_SQL}
  GROUP BY j.comparison_id),
scored AS (
  SELECT g.*, asked.round_id AS asked_in, k.outcome,
    CASE WHEN g.n < 2 OR greatest(g.a, g.b, g.n - g.a - g.b) = g.n THEN 0 ELSE
      ((g.a + g.b)::float8 / g.n - ((g.b - g.a)::float8 / g.n) ^ 2) * g.n / (g.n + 1) END
      AS disagreement,
    CASE WHEN g.n < 2 THEN NULL ELSE (g.a * (g.a - 1) + g.b * (g.b - 1)
      + (g.n - g.a - g.b) * (g.n - g.a - g.b - 1))::float8 / (g.n * (g.n - 1)) END AS agreement
  FROM (
    SELECT * FROM judged UNION ALL
    -- What a round of adjudication asks for is looked at even if nobody has judged it.
    SELECT i.comparison_id, 0, 0, 0, false, false, false FROM labeling_rounditem i
    JOIN labeling_round r ON r.id = i.round_id
    WHERE r.campaign_id = %(campaign)s AND r.kind = 'adjudication' AND r.state = 'open'
      AND NOT EXISTS (SELECT FROM judged q WHERE q.id = i.comparison_id)) g
  LEFT JOIN LATERAL (
    SELECT i.round_id FROM labeling_rounditem i JOIN labeling_round r ON r.id = i.round_id
    WHERE i.comparison_id = g.id AND r.kind = 'adjudication' AND r.state = 'open'
      AND NOT EXISTS (SELECT FROM labeling_adjudication d WHERE d.comparison_id = g.id
        AND d.created_at >= r.created_at AND d.outcome IN ('decided', 'left_out')
        AND NOT EXISTS (SELECT FROM labeling_adjudication l WHERE l.supersedes_id = d.id))
    ORDER BY r.id LIMIT 1) asked ON true
  LEFT JOIN labeling_adjudication k ON k.comparison_id = g.id
    AND NOT EXISTS (SELECT FROM labeling_adjudication l WHERE l.supersedes_id = k.id)),
listed AS (
  SELECT s.*, c.public_id, c.prompt_id FROM scored s JOIN labeling_comparison c ON c.id = s.id
  LEFT JOIN labeling_gold gold ON gold.comparison_id = c.id
  LEFT JOIN labeling_round r ON r.id = c.round_id
  WHERE r.kind IS DISTINCT FROM 'qualification'
    -- A known answer is reviewed only where a rater appeals against it.
    AND (gold.id IS NULL OR s.is_appealed))
"""
_OPEN = """(asked_in IS NOT NULL OR coalesce(outcome, '') NOT IN ('decided', 'left_out')
  AND (outcome IS DISTINCT FROM 'sent_back' OR NOT EXISTS (SELECT FROM labeling_assignment w
    WHERE w.comparison_id = listed.id AND w.ended_at IS NULL AND w.ordinal IS NOT NULL)))"""
_CONTESTED = "(asked_in IS NOT NULL OR is_appealed OR disagreement > 0 OR is_flagged)"
_ORDER = """asked_in IS NULL, NOT is_appealed, -round(disagreement::numeric, 12), NOT is_flagged,
  NOT is_edited, id"""
STATES = {
    "open": _OPEN,
    "decided": "outcome = 'decided'",
    "sent_back": "outcome = 'sent_back'",
    "left_out": "outcome = 'left_out'",
    "all": "true",
}


@dataclass(frozen=True)
class Filter:
    """Which comparisons are listed: by default, whatever is contested and not decided."""

    state: str = "open"
    tag: str = ""
    clause: str = ""
    flagged: bool = False
    edited: bool = False


@dataclass(frozen=True)
class Contested:
    """A comparison and why it is looked at."""

    id: int
    public_id: UUID
    judgment_count: int
    agreement: float | None
    is_flagged: bool
    is_edited: bool
    is_appealed: bool
    is_asked: bool
    outcome: str


@dataclass(frozen=True)
class Place:
    """Where a comparison stands in the list, counted from 1; 0 if it is not in it."""

    number: int
    total: int
    before: UUID | None
    after: UUID | None


def contested(campaign: Campaign, wanted: Filter) -> list[Contested]:
    """Up to a thousand comparisons, in the order in which a reviewer takes them."""
    conditions = [STATES[wanted.state], f"({_CONTESTED} OR is_edited OR outcome IS NOT NULL)"]
    if wanted.flagged:
        conditions.append("is_flagged")
    if wanted.edited:
        conditions.append("is_edited")
    if wanted.tag:
        conditions.append(
            "EXISTS (SELECT FROM labeling_prompt p WHERE p.id = prompt_id"
            " AND p.tags @> ARRAY[%(tag)s]::varchar[])"
        )
    if wanted.clause:
        conditions.append(
            "EXISTS (SELECT FROM labeling_judgment q WHERE q.comparison_id = listed.id"
            " AND q.clauses && %(clauses)s::varchar[])"
        )
    statement = (
        f"{_COUNTED} SELECT id, public_id, n, agreement, is_flagged, is_edited, is_appealed,"
        " asked_in IS NOT NULL, coalesce(outcome, '') FROM listed"
        f" WHERE {' AND '.join(conditions)} ORDER BY {_ORDER} LIMIT %(most)s"
    )
    values = {
        "campaign": campaign.pk,
        "tag": wanted.tag,
        "clauses": _cited_as(campaign, wanted.clause),
        "most": MOST_LISTED,
    }
    return [Contested(*row) for row in _rows(statement, values)]


def _cited_as(campaign: Campaign, clause: str) -> list[str]:
    """The ids by which judgments cite the clause: its own, and those that it had before."""
    now = former_ids(clauses_in_force(campaign)) if clause else {}
    return [clause, *(was for was, present in now.items() if present == clause)]


def open_count(campaign: Campaign) -> int:
    """How many wait for a reviewer, up to a thousand; a moment old at most."""
    key = f"review:{campaign.pk}"
    count: int | None = cache.get(key)
    if count is None:
        statement = (
            f"{_COUNTED} SELECT count(*) FROM (SELECT FROM listed WHERE {_OPEN} AND {_CONTESTED}"
            " LIMIT %(most)s) q"
        )
        began = time.monotonic()
        ((count,),) = _rows(statement, {"campaign": campaign.pk, "most": MOST_LISTED})
        # One that costs more is kept longer: it takes a hundredth of a server's time at most.
        cost = time.monotonic() - began
        cache.set(key, count, max(COUNT_SECONDS, round(100 * cost)))
    return int(count)


def forget_count(campaign: Campaign) -> None:
    """Count anew: something was just decided."""
    cache.delete(f"review:{campaign.pk}")


def place_of(rows: Sequence[Contested], comparison: Comparison) -> Place:
    """Where the comparison stands among the rows; the first of them come after one that is not."""
    ids = [row.public_id for row in rows]
    if comparison.public_id not in ids:
        return Place(0, len(ids), None, ids[0] if ids else None)
    at = ids.index(comparison.public_id)
    return Place(
        at + 1,
        len(ids),
        ids[at - 1] if at else None,
        ids[at + 1] if at + 1 < len(ids) else None,
    )


def standing(comparison: Comparison) -> Adjudication | None:
    """What was last decided of the comparison."""
    decided = Adjudication.objects.standing().filter(comparison=comparison)
    return decided.select_related("by").first()


def history(comparison: Comparison) -> list[Adjudication]:
    """All that was decided of the comparison, the newest first."""
    rows = Adjudication.objects.filter(comparison=comparison).select_related("by")
    return list(rows.order_by("-pk")[:50])


def is_calibration(comparison: Comparison) -> bool:
    """Whether it is one by which raters learn: then they are told unless the reviewer says no."""
    return bool(comparison.round and comparison.round.kind == Round.Kind.CALIBRATION)


def gold_shares(campaign: Campaign, rater_ids: Sequence[int]) -> Mapping[int, Estimate]:
    """Each rater's share of known answers given as expected, where they met enough of them."""
    rows = _rows(
        f"""SELECT j.rater_id, count(*), count(*) FILTER (WHERE {RIGHT_SQL})
        FROM labeling_judgment j
        JOIN labeling_gold g ON g.comparison_id = j.comparison_id AND g.retired_at IS NULL
        JOIN labeling_comparison c ON c.id = j.comparison_id
        LEFT JOIN labeling_round r ON r.id = c.round_id
        WHERE j.campaign_id = %(campaign)s AND j.rater_id = ANY(%(raters)s)
          AND j.supersedes_id IS NULL AND NOT j.is_repeat
          AND r.kind IS DISTINCT FROM 'qualification'
          AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
          AND NOT {LEFT_OUT_SQL} AND NOT {LEFT_OUT_COMPARISON_SQL}
        GROUP BY j.rater_id""",
        {"campaign": campaign.pk, "raters": list(rater_ids)},
    )
    return {
        rater: proportion(right, met, unit="votes", why="")
        for rater, met, right in rows
        if met >= ENOUGH_GOLD
    }


def tags_of(campaign: Campaign) -> list[str]:
    """The tags of the campaign's prompts, up to two hundred."""
    rows = _rows(
        "SELECT DISTINCT unnest(tags) AS tag FROM labeling_prompt"
        " WHERE campaign_id = %(campaign)s AND tags <> '{}' ORDER BY tag LIMIT 200",
        {"campaign": campaign.pk},
    )
    return [str(tag) for (tag,) in rows]


def mean_score(judgments: Sequence[Judgment]) -> float | None:
    """The mean on the scale from -3 (A much better) to +3; unknown strengths count as 2."""
    signs = {"a": -1, "b": 1}
    scores = [
        signs.get(one.preference, 0) * (2 if one.strength is None else one.strength)
        for one in judgments
    ]
    return sum(scores) / len(scores) if scores else None


def _rows(statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, dict(values))
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
