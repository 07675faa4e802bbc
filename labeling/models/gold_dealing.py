"""Deal a comparison whose answer is known, at the campaign's rate. No slot waits for gold.

A gold assignment is made already leased: it has no ordinal, so it counts towards no overlap, and
the rater meets it once. Which turn is gold and which comparison it is come from hashes of the
rater's seat and turn, so nothing the browser sees can foretell them.
"""

import random
from typing import Any

from django.db import IntegrityError, connection

from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater
from labeling.schemas import DEFAULT_ARM, read_presentation, read_requirements

_DEAL = """
WITH seen AS MATERIALIZED (
  SELECT turn FROM labeling_seat WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s),
mine AS MATERIALIZED (
  SELECT id, turn FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
due AS MATERIALIZED (
  SELECT mine.id, mine.turn FROM mine JOIN seen USING (turn)
  WHERE (hashtextextended(mine.id || ':' || mine.turn, 7) & 2147483647) < %(rate)s * 2147483648.0
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)
    AND (SELECT count(*) FROM labeling_assignment a
      WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL
        AND a.ended_at IS NULL) < %(hold)s),
pick AS MATERIALIZED (
  SELECT c.id FROM due, labeling_comparison c JOIN labeling_gold g ON g.comparison_id = c.id
  WHERE c.campaign_id = %(campaign)s AND g.retired_at IS NULL
    -- The answers of a qualification are told: its items are no gold any more.
    AND (c.round_id IS NULL OR NOT EXISTS (SELECT FROM labeling_round r
      WHERE r.id = c.round_id AND r.kind = 'qualification'))
    -- Where the campaign says so, none of which a side names its own model.
    AND NOT ((SELECT requirements @> '{"identity": "exclude"}' FROM labeling_campaign
        WHERE id = %(campaign)s)
      AND EXISTS (SELECT FROM labeling_completion t
        WHERE t.id IN (c.completion_a_id, c.completion_b_id)
          AND t.marks @> ARRAY[%(named)s]::varchar[]))
    AND NOT EXISTS (SELECT FROM labeling_assignment m
      WHERE m.comparison_id = c.id AND m.rater_id = %(rater)s AND m.repeat_of_id IS NULL OFFSET 0)
  ORDER BY hashtextextended(c.public_id::text, due.id) LIMIT 1),
made AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, lane_id, position,
    rater_id, a_on_left, arm, leased_until, skip_reason)
  SELECT gen_random_uuid(), %(campaign)s::bigint, pick.id, lane.id, 0, %(rater)s::bigint,
    random() < 0.5, %(arm)s::text, now() + %(lease)s * interval '1 second', ''
  FROM pick, (SELECT id FROM labeling_lane WHERE campaign_id = %(campaign)s
    ORDER BY rank, id LIMIT 1) lane
  RETURNING id),
turned AS (UPDATE labeling_seat s SET turn = s.turn + 1 FROM due, made WHERE s.id = due.id)
SELECT id FROM made
"""


def deal_gold(
    *, rater: Rater, campaign: Campaign, hold: int, lease_seconds: int | None = None
) -> int | None:
    """The id of a gold assignment leased to the rater, or None if this turn is not for gold.

    At the campaign's rate, in an arm drawn by weight, for the campaign's time.
    """
    rate = read_requirements(campaign.requirements).gold_rate
    if not rate:
        return None
    arms = read_presentation(campaign.presentation).arms or (DEFAULT_ARM,)
    parameters: dict[str, Any] = {
        "rater": rater.pk,
        "campaign": campaign.pk,
        "rate": rate,
        "arm": random.choices(arms, [arm.weight for arm in arms])[0].name,
        "lease": lease_seconds or campaign.lease_seconds,
        "hold": hold,
        "named": IDENTIFIES_ITSELF,
    }
    try:
        with connection.cursor() as cursor:
            cursor.execute(_DEAL, parameters)
            row = cursor.fetchone()
    except IntegrityError:
        # Another tab was dealt the same one; the ordinary claim comes next.
        return None
    return int(row[0]) if row else None
