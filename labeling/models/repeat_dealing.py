"""Deal a comparison that its rater has judged before, at the campaign's rate: a hidden repeat.

Sides stand the other way round than before, all else as it was, so that the two answers tell how
steady the rater is. It comes after GAP_JUDGMENTS others of theirs in the campaign, or after
GAP_HOURS hours, and once for each comparison; never of one that a reviewer told raters of.

Like gold it is made already leased, has no ordinal and counts towards no overlap; when its
lease ends it is let go of and stays, open at position 0 where no claim looks, for its rater alone.
Which turn it is comes from a hash of seat and turn.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection

from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater
from labeling.schemas import read_requirements

GAP_JUDGMENTS = 20
GAP_HOURS = 12
# Beyond the gap, one of so many is drawn; and so far back the rater's history is read at most,
# that of other campaigns included. Dealing costs the same however much they have judged.
DRAWN_FROM = 64
LOOKED_AT = 500

_IS_DUE = """(hashtextextended(s.id || ':' || s.turn, 11) & 2147483647) < {rate} * 2147483648.0"""
# Of what reviewers told raters: an answer given after that is no second word of their own.
_NOT_TOLD = """NOT EXISTS (SELECT FROM labeling_adjudication d
      WHERE d.comparison_id = {comparison} AND d.tells_raters OFFSET 0)"""
# Of `due`, a seat whose turn it is: what it is dealt, as `pick` or as `again`.
_CHOICE = (
    """past AS MATERIALIZED (
  SELECT h.*, row_number() OVER (ORDER BY h.ended_at DESC, h.id DESC) AS n FROM due, LATERAL (
    SELECT a.id, a.campaign_id, a.comparison_id, a.ordinal, a.ended_at, a.outcome
    FROM labeling_assignment a WHERE a.rater_id = %(rater)s AND a.ended_at IS NOT NULL
    ORDER BY a.ended_at DESC LIMIT %(looked_at)s) h
  WHERE h.campaign_id = %(campaign)s AND h.outcome = 'completed'),
-- What was claimed from the queue: neither gold, nor practice, nor a repeat.
far AS MATERIALIZED (
  SELECT id, comparison_id FROM past
  WHERE ordinal IS NOT NULL
    AND (n > %(gap)s OR ended_at <= now() - %(hours)s * interval '1 hour')
  ORDER BY n LIMIT %(drawn_from)s),
pick AS MATERIALIZED (
  SELECT one.id FROM (SELECT * FROM far ORDER BY random() OFFSET 0) one
  WHERE NOT EXISTS (SELECT FROM labeling_assignment m WHERE m.repeat_of_id = one.id OFFSET 0)
    AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = one.comparison_id OFFSET 0)
    AND """
    + _NOT_TOLD.replace("{comparison}", "one.comparison_id")
    + """
    AND NOT EXISTS (SELECT FROM labeling_withdrawal w JOIN labeling_judgment j
      ON j.id = w.judgment_id WHERE j.comparison_id = one.comparison_id
        AND j.assignment_id = one.id OFFSET 0)
  LIMIT 1),
lane AS MATERIALIZED (
  SELECT l.id FROM labeling_lane l, due WHERE l.campaign_id = %(campaign)s
    AND l.rank = 0 ORDER BY l.id LIMIT 1),
-- What lapsed or was given back, once nothing else may be repeated.
again AS MATERIALIZED (
  SELECT a.id FROM lane JOIN labeling_assignment a ON a.lane_id = lane.id
  JOIN labeling_assignment o ON o.id = a.repeat_of_id AND o.rater_id = %(rater)s
  WHERE a.position = 0 AND a.rater_id IS NULL AND a.ended_at IS NULL
    AND NOT EXISTS (SELECT FROM pick)
    AND """
    + _NOT_TOLD.replace("{comparison}", "a.comparison_id")
    + """
  ORDER BY a.id LIMIT 1 {lock})"""
)
_DEAL = f"""
WITH seen AS MATERIALIZED (
  SELECT turn FROM labeling_seat WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s),
mine AS MATERIALIZED (
  SELECT id, turn FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
due AS MATERIALIZED (
  SELECT s.id FROM mine s JOIN seen USING (turn)
  WHERE {_IS_DUE.format(rate="%(rate)s")}
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)
    AND (SELECT count(*) FROM labeling_assignment a
      WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL
        AND a.ended_at IS NULL) < %(hold)s),
{_CHOICE.format(lock="FOR NO KEY UPDATE OF a")},
made AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, lane_id, position,
    rater_id, a_on_left, arm, leased_until, skip_reason, repeat_of_id)
  SELECT gen_random_uuid(), o.campaign_id, o.comparison_id, lane.id, 0, %(rater)s::bigint,
    NOT o.a_on_left, o.arm, now() + %(lease)s * interval '1 second', '', o.id
  FROM pick JOIN labeling_assignment o ON o.id = pick.id, lane RETURNING id),
taken AS (
  UPDATE labeling_assignment a
  SET rater_id = %(rater)s, leased_until = now() + %(lease)s * interval '1 second'
  FROM again WHERE a.id = again.id RETURNING a.id),
dealt AS (SELECT id FROM made UNION ALL SELECT id FROM taken),
turned AS (UPDATE labeling_seat s SET turn = s.turn + 1 FROM due, dealt WHERE s.id = due.id)
SELECT id FROM dealt
"""
_WOULD_DEAL = f"""
WITH due AS MATERIALIZED (
  SELECT s.id FROM labeling_seat s
  WHERE s.rater_id = %(rater)s AND s.campaign_id = %(campaign)s
    AND {_IS_DUE.format(rate="%(rate)s")}),
{_CHOICE.format(lock="")}
SELECT EXISTS (SELECT FROM pick) OR EXISTS (SELECT FROM again)
"""


def deal_repeat(
    *, rater: Rater, campaign: Campaign, hold: int, lease_seconds: int | None = None
) -> int | None:
    """The id of a repeat leased to the rater, or None if this turn is not for one.

    At the campaign's rate, for the campaign's time. With `hold` 0 nothing is dealt, in the time
    that it takes to find that out.
    """
    rate = read_requirements(campaign.requirements).repeat_rate
    if not rate:
        return None
    parameters = _parameters(rater.pk, campaign.pk, rate) | {
        "lease": lease_seconds or campaign.lease_seconds,
        "hold": hold,
    }
    with connection.cursor() as cursor:
        cursor.execute(_DEAL, parameters)
        row = cursor.fetchone()
    return int(row[0]) if row else None


def campaigns_with_repeats(
    *, seats: Iterable[tuple[int, int]], rates: dict[int, float]
) -> set[int]:
    """Of the campaigns of `rates`, those in which the next claim of one of the seats (rater and
    campaign) would be a repeat: who tells what is left asks this, as of gold.
    """
    found = set()
    for rater, campaign in seats:
        if rate := rates.get(campaign):
            with connection.cursor() as cursor:
                cursor.execute(_WOULD_DEAL, _parameters(rater, campaign, rate))
                ((is_next,),) = cursor.fetchall()
            if is_next:
                found.add(campaign)
    return found


def _parameters(rater: int, campaign: int, rate: float) -> dict[str, Any]:
    return {
        "rater": rater,
        "campaign": campaign,
        "rate": rate,
        "gap": GAP_JUDGMENTS,
        "hours": GAP_HOURS,
        "drawn_from": DRAWN_FROM,
        "looked_at": LOOKED_AT,
    }
