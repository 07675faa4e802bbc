"""Comparisons that could be made of a campaign's completions: counted, and drawn by a seed.

Two completions are a candidate when they answer one prompt with different texts and nobody has
paired them. All of it happens in the database: memory does not grow with their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.models.campaigns import Campaign
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL

# A source without a model's name counts as "". Names are ordered by their bytes, as Python does.
_ANSWERS = """
WITH answers AS MATERIALIZED (
  SELECT k.id, k.public_id, k.prompt_id, k.content_hash, coalesce(s.model, '') COLLATE "C" AS model
  FROM labeling_source s JOIN labeling_completion k ON k.source_id = s.id
  WHERE s.campaign_id = %(campaign)s AND k.messages IS NOT NULL
    AND NOT ((SELECT requirements @> '{"identity": "exclude"}' FROM labeling_campaign
        WHERE id = %(campaign)s)
      AND k.marks @> ARRAY[%(named)s]::varchar[])),
pairs AS (
  SELECT x.prompt_id, x.id AS a, y.id AS b, x.public_id AS a_key, y.public_id AS b_key,
    least(x.model, y.model) AS lower, greatest(x.model, y.model) AS upper
  FROM answers x JOIN answers y ON y.prompt_id = x.prompt_id AND y.id > x.id
    AND y.content_hash <> x.content_hash
  WHERE NOT EXISTS (SELECT FROM labeling_comparison c
    WHERE c.completion_a_id = x.id AND c.completion_b_id = y.id))
"""
COUNT = f"{_ANSWERS} SELECT lower, upper, count(*) FROM pairs GROUP BY 1, 2 ORDER BY 1, 2"

# The first of each pair of models in an order that the seed deals from random ids: a simple random
# sample without replacement.
DRAW = f"""
{_ANSWERS},
dealt AS (
  SELECT pairs.*, wanted.count, wanted.propensity, row_number() OVER (
    PARTITION BY lower, upper
    ORDER BY hashtextextended(a_key::text || ':' || b_key, %(seed)s), a, b) AS nth
  FROM pairs JOIN unnest(%(lowers)s::text[], %(uppers)s::text[], %(counts)s::bigint[],
    %(propensities)s::float8[]) AS wanted (lower_name, upper_name, count, propensity)
    ON lower_name = lower AND upper_name = upper)
INSERT INTO labeling_comparison (public_id, campaign_id, round_id, prompt_id, completion_a_id,
  completion_b_id, selection_policy, propensity)
SELECT gen_random_uuid(), %(campaign)s, %(round)s, prompt_id, a, b, %(rule)s::text, propensity
FROM dealt WHERE nth <= count ORDER BY prompt_id, a, b
ON CONFLICT DO NOTHING
"""

# What is asked again of an earlier round is a comparison of its own, so that raters may meet it
# again; its id tells what it repeats.
_KEEPABLE = f"""
FROM labeling_comparison c WHERE c.round_id = %(last)s
  AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = c.id)
  AND EXISTS (SELECT FROM labeling_judgment j
    JOIN labeling_rater h ON h.id = j.rater_id AND h.kind = 'human'
    WHERE j.comparison_id = c.id
    AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = j.id)
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
    AND NOT {LEFT_OUT_SQL})
  AND NOT {LEFT_OUT_COMPARISON_SQL}
"""
COUNT_KEEPABLE = f"SELECT count(*) {_KEEPABLE}"
KEEP = f"""
INSERT INTO labeling_comparison (public_id, campaign_id, round_id, prompt_id, completion_a_id,
  completion_b_id, external_id, is_turned, selection_policy, propensity)
SELECT gen_random_uuid(), c.campaign_id, %(round)s, c.prompt_id, c.completion_a_id,
  c.completion_b_id, 'kept-' || %(number)s || '-' || c.public_id, c.is_turned, 'kept', %(chance)s
{_KEEPABLE}
ORDER BY hashtextextended(c.public_id::text || ':keep', %(seed)s), c.id LIMIT %(count)s
"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """How many candidates between two models, in the order of their names, and their propensity."""

    lower: str
    upper: str
    count: int
    propensity: float


def count(campaign: Campaign) -> list[tuple[str, str, int]]:
    """How many candidates there are between each two models, the names in order."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"campaign": campaign.pk, "named": IDENTIFIES_ITSELF})
        return [(lower, upper, int(n)) for lower, upper, n in cursor.fetchall()]


def draw(
    *, campaign: Campaign, round_id: int, rule: str, wanted: Sequence[Drawn], seed: int
) -> int:
    """Make the comparisons of a round, for an action that holds the campaign; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            DRAW,
            {
                "campaign": campaign.pk,
                "named": IDENTIFIES_ITSELF,
                "round": round_id,
                "rule": rule,
                "seed": seed,
                "lowers": [row.lower for row in wanted],
                "uppers": [row.upper for row in wanted],
                "counts": [row.count for row in wanted],
                "propensities": [row.propensity for row in wanted],
            },
        )
        return int(cursor.rowcount)


def keepable_count(*, round_id: int) -> int:
    """How many judged comparisons of a round could be asked again."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_KEEPABLE, {"last": round_id})
        ((found,),) = cursor.fetchall()
    return int(found)


def keep(*, last_id: int, round_id: int, number: int, wanted: int, of: int, seed: int) -> int:
    """Ask `wanted` of the `of` judged comparisons of an earlier round again; how many were made."""
    with connection.cursor() as cursor:
        cursor.execute(
            KEEP,
            {
                "last": last_id,
                "round": round_id,
                "number": str(number),
                "count": wanted,
                "chance": wanted / of,
                "seed": seed,
            },
        )
        return int(cursor.rowcount)
