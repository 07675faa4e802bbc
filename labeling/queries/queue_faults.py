"""Whether a campaign's queue keeps its promises: what must never be, counted."""

from dataclasses import astuple, dataclass, fields
from typing import Self

from django.db import connection

from labeling.models import Campaign
from labeling.models.queue import JUDGED_ELSEWHERE, wanted_of

# ruff: noqa: S608
# Each row counts what breaks one promise of docs/QUEUE.md; `c` is a comparison, `r` its round.
_FAULTS = f"""
WITH slots AS MATERIALIZED (
  SELECT c.id, r.state, r.stop_rule,
    CASE WHEN r.state = 'open' THEN
      greatest({wanted_of("coalesce(r.max_overlap, r.overlap)")} - {JUDGED_ELSEWHERE}, 0)
      ELSE 0 END AS wanted,
    count(a.id) FILTER (WHERE a.rater_id IS NULL) AS open,
    count(a.id) FILTER (WHERE a.rater_id IS NOT NULL) AS taken
  FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
  LEFT JOIN labeling_assignment a ON a.comparison_id = c.id AND a.ordinal IS NOT NULL
    AND (a.outcome IS NULL OR a.outcome = 'completed')
  WHERE c.campaign_id = %(campaign)s GROUP BY c.id, r.id)
SELECT
  (SELECT count(*) FROM slots WHERE open > 0 AND open + taken > wanted),
  (SELECT count(*) FROM slots WHERE open + taken < wanted AND stop_rule = 'fixed'),
  (SELECT count(*) FROM (
    SELECT FROM labeling_assignment WHERE campaign_id = %(campaign)s AND rater_id IS NOT NULL
      AND repeat_of_id IS NULL GROUP BY comparison_id, rater_id HAVING count(*) > 1) q),
  (SELECT count(*) FROM labeling_judgment j JOIN labeling_assignment a ON a.id = j.assignment_id
    WHERE j.campaign_id = %(campaign)s
      AND (a.outcome IS DISTINCT FROM 'completed' OR a.rater_id IS DISTINCT FROM j.rater_id)),
  (SELECT count(*) FROM labeling_assignment a
    WHERE a.campaign_id = %(campaign)s AND a.outcome = 'completed' AND 1 <> (
      SELECT count(*) FROM labeling_judgment j
      WHERE j.assignment_id = a.id AND j.supersedes_id IS NULL)),
  (SELECT count(*) FROM labeling_seat s JOIN labeling_place p ON p.seat_id = s.id
    JOIN labeling_assignment a ON a.lane_id = p.lane_id AND a.position <= p.position
      AND a.rater_id IS NULL AND a.ended_at IS NULL AND a.ordinal IS NOT NULL
    WHERE s.campaign_id = %(campaign)s AND s.is_active AND NOT EXISTS (
      SELECT FROM labeling_assignment m WHERE m.comparison_id = a.comparison_id
        AND m.rater_id = s.rater_id AND m.repeat_of_id IS NULL OFFSET 0)),
  (SELECT count(*) FROM labeling_seat s JOIN labeling_lane l ON l.campaign_id = s.campaign_id
    WHERE s.campaign_id = %(campaign)s AND s.is_active AND NOT EXISTS (
      SELECT FROM labeling_place p WHERE p.seat_id = s.id AND p.lane_id = l.id)),
  (SELECT count(*) FROM labeling_assignment a JOIN labeling_lane l ON l.id = a.lane_id
    WHERE a.campaign_id = %(campaign)s AND a.position > l.tail)
"""


@dataclass(frozen=True)
class QueueFaults:
    """How often each promise of the queue is broken; all zero in a campaign that is well."""

    # A comparison has an open slot although it has, with those taken, more than its round wants.
    over: int
    # A comparison of an open round has fewer slots than its round wants. Where an item may stop
    # early, having fewer is the point.
    lost: int
    # A rater has met a comparison twice.
    twice: int
    judgments_without_completion: int
    completions_without_judgment: int
    # An open slot stands behind the place of a rater who has not met its comparison.
    stranded: int
    seats_without_place: int
    positions_beyond_tail: int

    @classmethod
    def of(cls, campaign: Campaign) -> Self:
        """Count them, as one database snapshot shows them."""
        with connection.cursor() as cursor:
            cursor.execute(_FAULTS, {"campaign": campaign.pk})
            (row,) = cursor.fetchall()
        return cls(*row)

    def __bool__(self) -> bool:
        return any(astuple(self))

    def __str__(self) -> str:
        found = [f"{f.name} {getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name)]
        return ", ".join(found) or "no faults"
