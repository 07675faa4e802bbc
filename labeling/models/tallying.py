"""How items are counted: whole, from their votes, whatever it was that changed them.

`labeling.queries.outcomes` reads the same votes for the report; the two say alike what counts.
"""

from typing import Any, Final

from django.db import connection

from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL

# A comparison that names its sides as the file that brought it did, and is no practice.
_ITEMS: Final = f"""
  SELECT c.id AS comparison_id, c.campaign_id, c.is_turned, a.source_id AS source_a,
    b.source_id AS source_b, g.id IS NOT NULL AS is_gold
  FROM labeling_comparison c
  JOIN labeling_completion a
    ON a.id = CASE WHEN c.is_turned THEN c.completion_b_id ELSE c.completion_a_id END
  JOIN labeling_completion b
    ON b.id = CASE WHEN c.is_turned THEN c.completion_a_id ELSE c.completion_b_id END
  LEFT JOIN labeling_gold g ON g.comparison_id = c.id
  LEFT JOIN labeling_round o ON o.id = c.round_id
  WHERE {{which}} AND o.kind IS DISTINCT FROM 'qualification' AND NOT {LEFT_OUT_COMPARISON_SQL}
"""
# People's standing votes. Between raters the first of each counts, a hidden repeat only for want
# of another, in the report's order: what was imported without a time comes first. An answer is -1
# for a, 0 for neither and 1 for b.
_VOTES: Final = f"""
  SELECT i.*, j.preference = 'both_bad' AS is_both_bad, j.strength,
    CASE j.preference WHEN 'a' THEN -1 WHEN 'b' THEN 1 ELSE 0 END
      * CASE WHEN i.is_turned THEN -1 ELSE 1 END AS answer,
    (j.shown_left = 'b') <> i.is_turned AS b_on_left,
    NOT i.is_gold AND 1 = row_number() OVER (PARTITION BY i.comparison_id, j.rater_id
      ORDER BY j.is_repeat, (j.row_hash IS NOT NULL AND j.judged_at = j.created_at) DESC,
        j.judged_at, j.id) AS counts
  FROM items i
  JOIN labeling_judgment j ON j.comparison_id = i.comparison_id
  JOIN labeling_rater r ON r.id = j.rater_id AND r.kind <> 'judge'
  LEFT JOIN labeling_withdrawal w ON w.judgment_id = j.id
  LEFT JOIN labeling_judgment l ON l.supersedes_id = j.id
  WHERE w.id IS NULL AND l.id IS NULL AND NOT {LEFT_OUT_SQL}
"""
_NO_SCORE: Final = "answer <> 0 AND strength IS NULL"
_SCORES: Final = ", ".join(
    f"count(*) FILTER (WHERE counts AND NOT ({_NO_SCORE})"
    f" AND answer * coalesce(strength, 0) = {score})"
    for score in range(-3, 4)
)
_COUNTED: Final = f"""
  SELECT comparison_id, campaign_id, source_a, source_b, is_gold, count(*) AS people,
    count(*) FILTER (WHERE counts AND answer < 0) AS a,
    count(*) FILTER (WHERE counts AND answer = 0) AS tie,
    count(*) FILTER (WHERE counts AND answer > 0) AS b,
    count(*) FILTER (WHERE counts AND is_both_bad) AS both_bad,
    count(*) FILTER (WHERE counts AND answer <> 0 AND NOT b_on_left) AS left_a,
    count(*) FILTER (WHERE counts AND answer <> 0 AND b_on_left) AS left_b,
    count(*) FILTER (WHERE counts AND answer <> 0 AND b_on_left = (answer > 0)) AS chose_left,
    ARRAY[{_SCORES}, count(*) FILTER (WHERE counts AND {_NO_SCORE})] AS scores
  FROM votes GROUP BY comparison_id, campaign_id, source_a, source_b, is_gold
"""
_COLUMNS: Final = """comparison_id, campaign_id, source_a, source_b, is_gold, people, a, tie, b,
  both_bad, left_a, left_b, chose_left, scores"""
# The rows of labeling_tallypattern that an item `t` counts in; labeling.metrics.tallies names them.
_PATTERNS: Final = """LATERAL (VALUES
    (0, CASE WHEN NOT t.is_gold THEN ARRAY[t.source_a, t.source_b, t.a, t.tie, t.b] END),
    (1, CASE WHEN t.left_a + t.left_b > 0 THEN ARRAY[t.left_a, t.left_b, t.chose_left]::int8[] END),
    (2, ARRAY[t.is_gold::int4, t.people, t.a + t.tie + t.b, t.both_bad]::int8[]),
    (3, CASE WHEN NOT t.is_gold THEN t.scores::int8[] END)) p (kind, counts)"""
_WITH: Final = f"""WITH items AS MATERIALIZED ({_ITEMS}),
votes AS ({_VOTES}),
counted AS MATERIALIZED ({_COUNTED})"""

# What is committed and noted when the statement begins; what is noted later is there next time.
_TAKE: Final = """
DELETE FROM labeling_duetally WHERE id IN (
  SELECT id FROM labeling_duetally WHERE campaign_id = %(campaign)s ORDER BY id LIMIT %(limit)s)
RETURNING comparison_id
"""
_RECOUNT: Final = f"""
{_WITH.format(which="c.id = ANY(%(items)s)")},
before AS MATERIALIZED (
  SELECT * FROM labeling_itemtally WHERE comparison_id = ANY(%(items)s)),
gone AS (
  DELETE FROM labeling_itemtally t USING before b WHERE t.comparison_id = b.comparison_id
    AND NOT EXISTS (SELECT FROM counted k WHERE k.comparison_id = b.comparison_id)),
written AS (
  INSERT INTO labeling_itemtally ({_COLUMNS}) SELECT {_COLUMNS} FROM counted
  ON CONFLICT (comparison_id) DO UPDATE SET source_a = excluded.source_a,
    source_b = excluded.source_b, is_gold = excluded.is_gold, people = excluded.people,
    a = excluded.a, tie = excluded.tie, b = excluded.b, both_bad = excluded.both_bad,
    left_a = excluded.left_a, left_b = excluded.left_b, chose_left = excluded.chose_left,
    scores = excluded.scores)
INSERT INTO labeling_tallypattern AS known (campaign_id, kind, counts, items)
SELECT %(campaign)s, kind, counts, sum(change) FROM (
  SELECT p.kind, p.counts, 1 AS change FROM counted t, {_PATTERNS}
  UNION ALL SELECT p.kind, p.counts, -1 FROM before t, {_PATTERNS}) changes
WHERE counts IS NOT NULL GROUP BY kind, counts HAVING sum(change) <> 0
ON CONFLICT (campaign_id, kind, counts) DO UPDATE SET items = known.items + excluded.items
"""
_SWEEP: Final = """
WITH empty AS (
  DELETE FROM labeling_tallypattern WHERE campaign_id = %(campaign)s AND items <= 0
  RETURNING items)
SELECT coalesce(min(items), 0) FROM empty
"""
_EMPTY: Final = (
    "DELETE FROM labeling_duetally WHERE campaign_id = %(campaign)s",
    "DELETE FROM labeling_itemtally WHERE campaign_id = %(campaign)s",
    "DELETE FROM labeling_tallypattern WHERE campaign_id = %(campaign)s",
)
_COUNT_ALL: Final = f"""
{_WITH.format(which="c.campaign_id = %(campaign)s")},
written AS (INSERT INTO labeling_itemtally ({_COLUMNS}) SELECT {_COLUMNS} FROM counted)
INSERT INTO labeling_tallypattern (campaign_id, kind, counts, items)
SELECT %(campaign)s, p.kind, p.counts, count(*) FROM counted t, {_PATTERNS}
WHERE p.counts IS NOT NULL GROUP BY p.kind, p.counts
"""


class BrokenTallyError(Exception):
    """What was kept contradicts what is counted: the campaign is to be counted whole."""


def take_due(*, campaign_id: int, limit: int) -> tuple[int, list[int]]:
    """How many notes were taken away, at most `limit`, and the comparisons they name."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"campaign": campaign_id, "limit": limit})
        taken = [pk for (pk,) in cursor.fetchall()]
    return len(taken), sorted(set(taken))


def recount(*, campaign_id: int, comparison_ids: list[int]) -> None:
    """Count these comparisons as they stand, and set the patterns right by the difference."""
    parameters: dict[str, Any] = {"campaign": campaign_id, "items": comparison_ids}
    with connection.cursor() as cursor:
        cursor.execute(_RECOUNT, parameters)
        cursor.execute(_SWEEP, parameters)
        ((least,),) = cursor.fetchall()
    if least < 0:
        raise BrokenTallyError(f"{-least} items of campaign {campaign_id} are missing")


def count_all(*, campaign_id: int) -> None:
    """Count the campaign from nothing."""
    with connection.cursor() as cursor:
        for statement in (*_EMPTY, _COUNT_ALL):
            cursor.execute(statement, {"campaign": campaign_id})
