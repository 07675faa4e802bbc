"""Figures for monitors: what waits, and how long it has waited."""

from django.db import connection

# Each is an index-only look at live rows, however large the tables are.
_FIGURES = """
SELECT
  (SELECT count(*) FROM labeling_assignment WHERE rater_id IS NOT NULL AND ended_at IS NULL),
  (SELECT count(*) FROM labeling_assignment
    WHERE rater_id IS NOT NULL AND ended_at IS NULL AND leased_until < now()),
  (SELECT count(*) FROM labeling_job WHERE status IN ('queued', 'running')),
  (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM labeling_job
    WHERE status = 'queued'),
  (SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE relname = 'labeling_judgment')
"""
_NAMES = {
    "leases_live": "Assignments held by raters.",
    "leases_lapsed": "Leases that ended and wait for the sweep.",
    "jobs_live": "Jobs queued or running.",
    "oldest_queued_job_seconds": "Age of the oldest job that waits.",
    "judgments_estimate": "Judgments stored, as the planner estimates them.",
}


def queue_figures() -> dict[str, tuple[str, float]]:
    """Name to (help text, value)."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES)
        row = cursor.fetchone() or ()
    return {
        name: (help_text, value)
        for (name, help_text), value in zip(_NAMES.items(), row, strict=True)
    }
