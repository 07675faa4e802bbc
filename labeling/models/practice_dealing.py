"""Deal the items of a qualification round, in one order for everybody. No slot waits for them.

An item is made already leased, as gold is: it has no ordinal, counts towards no overlap, and a
rater meets it once. It stays theirs when the lease ends, since nobody else waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import IntegrityError, connection

from labeling.models.counted import RIGHT_SQL
from labeling.practice import right_answers_needed

_DEAL = """
WITH mine AS MATERIALIZED (
  SELECT id FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
held AS MATERIALIZED (
  UPDATE labeling_assignment a SET leased_until = now() + %(lease)s * interval '1 second'
  FROM labeling_comparison c, labeling_round r, mine
  WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.ended_at IS NULL
    AND c.id = a.comparison_id AND r.id = c.round_id AND r.kind = 'qualification'
  RETURNING a.id),
pick AS MATERIALIZED (
  SELECT c.id FROM mine, labeling_round r JOIN labeling_comparison c ON c.round_id = r.id
  JOIN labeling_gold g ON g.comparison_id = c.id
  WHERE r.campaign_id = %(campaign)s AND r.kind = 'qualification' AND r.state = 'open'
    AND g.retired_at IS NULL AND NOT EXISTS (SELECT FROM held)
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)
    AND NOT EXISTS (SELECT FROM labeling_assignment m
      WHERE m.comparison_id = c.id AND m.rater_id = %(rater)s AND m.repeat_of_id IS NULL OFFSET 0)
  ORDER BY r.number, c.id LIMIT 1),
made AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, lane_id, position,
    rater_id, a_on_left, arm, leased_until, skip_reason)
  SELECT gen_random_uuid(), %(campaign)s::bigint, pick.id, lane.id, 0, %(rater)s::bigint,
    random() < 0.5, %(arm)s::text, now() + %(lease)s * interval '1 second', ''
  FROM pick, (SELECT id FROM labeling_lane WHERE campaign_id = %(campaign)s
    AND rank = 0 ORDER BY id LIMIT 1) lane
  RETURNING id)
SELECT EXISTS (SELECT FROM mine), (SELECT min(id) FROM (SELECT id FROM held UNION ALL
  SELECT id FROM made) one)
"""

# What a rater did of each open qualification round: all its items, those ended, those right. Who
# was asked to practise anew has to in a round they have done nothing of before.
_STANDING = f"""
SELECT r.campaign_id, r.number, r.pass_share, count(*),
  count(a.id) FILTER (WHERE a.ended_at IS NOT NULL),
  count(a.id) FILTER (WHERE a.outcome = 'completed' AND {RIGHT_SQL})
FROM labeling_round r JOIN labeling_comparison c ON c.round_id = r.id
JOIN labeling_gold g ON g.comparison_id = c.id AND g.retired_at IS NULL
LEFT JOIN labeling_assignment a
  ON a.comparison_id = c.id AND a.rater_id = ANY(%(raters)s) AND a.repeat_of_id IS NULL
LEFT JOIN labeling_judgment j ON j.assignment_id = a.id AND j.supersedes_id IS NULL
WHERE r.campaign_id = ANY(%(campaigns)s) AND r.kind = 'qualification' AND r.state = 'open'
GROUP BY r.id
HAVING coalesce(min(a.ended_at) > (
  SELECT max(e.created_at) FROM labeling_seat s JOIN labeling_case k ON k.seat_id = s.id
  JOIN labeling_caseentry e ON e.case_id = k.id AND e.action = 'retrain'
  WHERE s.campaign_id = r.campaign_id AND s.rater_id = ANY(%(raters)s)), true)
ORDER BY r.campaign_id, r.number
"""


@dataclass(frozen=True)
class Dealt:
    """The rater's item, if there is one for them, and whether they have an active seat."""

    assignment_id: int | None
    has_seat: bool


@dataclass(frozen=True)
class RoundStanding:
    """How far a rater came in one open qualification round; gold that was retired left out."""

    campaign_id: int
    number: int
    pass_share: float
    items: int
    done: int
    right: int

    @property
    def needed(self) -> int:
        """How many right answers pass it."""
        return right_answers_needed(self.pass_share, self.items)

    @property
    def is_done(self) -> bool:
        return self.done >= self.items

    @property
    def is_passed(self) -> bool:
        return self.is_done and self.right >= self.needed


def deal_practice(*, rater_id: int, campaign_id: int, arm: str, lease_seconds: int) -> Dealt | None:
    """The item the rater holds, its lease renewed, or their next; None when another tab was
    faster, and the caller asks again.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                _DEAL,
                {
                    "rater": rater_id,
                    "campaign": campaign_id,
                    "arm": arm,
                    "lease": lease_seconds,
                },
            )
            ((has_seat, assignment_id),) = cursor.fetchall()
    except IntegrityError:
        return None
    return Dealt(assignment_id, has_seat)


def standings(*, rater_ids: Sequence[int], campaign_ids: Sequence[int]) -> list[RoundStanding]:
    """Standing in each open qualification round of the campaigns, in the order they are taken.

    `rater_ids` are one person's: an organisation knows them as one rater.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"raters": list(rater_ids), "campaigns": list(campaign_ids)})
        return [RoundStanding(*row) for row in cursor.fetchall()]
