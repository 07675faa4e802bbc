"""Answers that are not given yet, kept so that a closed tab loses nothing."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from labeling.models.assignments import Assignment

# By whom it is stands in it: an assignment passes on to the next rater when its lease lapses.
# A page says when its text was written (on this server's clock, as it was told it); the newest
# stays, whatever comes later from a slow network, and none is of the future.
_SAVE = """
INSERT INTO labeling_draft AS d (assignment_id, said, saved_at)
SELECT a.id, %(said)s::jsonb, least(clock_timestamp(), %(written_at)s::timestamptz)
FROM labeling_assignment a
WHERE a.public_id = %(assignment)s AND a.campaign_id = %(campaign)s
  AND a.rater_id = %(rater)s AND a.ended_at IS NULL
ON CONFLICT (assignment_id) DO UPDATE SET said = excluded.said, saved_at = excluded.saved_at
  WHERE d.saved_at <= excluded.saved_at OR d.said -> 'rater' <> excluded.said -> 'rater'
RETURNING assignment_id
"""
_OPEN = """
SELECT said -> 'fields', saved_at FROM labeling_draft
WHERE assignment_id = %(assignment)s AND said -> 'rater' = to_jsonb(%(rater)s::bigint)
"""
_ENDED = """
DELETE FROM labeling_draft WHERE assignment_id IN (
  SELECT d.assignment_id FROM labeling_draft d JOIN labeling_assignment a ON a.id = d.assignment_id
  WHERE a.ended_at IS NOT NULL OR d.saved_at < now() - interval '30 days' LIMIT %(limit)s)
"""


class Draft(models.Model):
    """What a rater has chosen and typed for an assignment so far. Not an answer; never exported.

    Once the assignment is answered it says nothing any more, and a sweep deletes it.
    """

    assignment = models.OneToOneField(
        Assignment, models.CASCADE, primary_key=True, related_name="draft"
    )
    # {"rater": the id of who wrote it, "fields": {name: [values]} as the page would send them}
    said = models.JSONField(default=dict)
    saved_at = models.DateTimeField(db_default=Now())


def save_draft(
    *, rater_id: int, campaign_id: int, assignment: UUID, fields: dict[str, list[str]], at: datetime
) -> bool:
    """Whether it was kept: not if the assignment is not the rater's, or a newer draft is there."""
    parameters: dict[str, Any] = {
        "rater": rater_id,
        "campaign": campaign_id,
        "assignment": assignment,
        "said": Jsonb({"rater": rater_id, "fields": fields}),
        "written_at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SAVE, parameters)
        return cursor.fetchone() is not None


def open_draft(*, rater_id: int, assignment_id: int) -> tuple[str, datetime] | None:
    """The fields of the rater's own draft, as JSON, and when it was written."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"rater": rater_id, "assignment": assignment_id})
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


def delete_ended_drafts(limit: int) -> int:
    """Delete drafts of what has ended, and forgotten ones; how many were deleted."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDED, {"limit": limit})
        return int(cursor.rowcount)
