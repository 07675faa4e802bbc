"""What the scheduler has to see to: reports that lag behind, leases that have ended."""

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from labeling.models import Assignment, Campaign, Round

# A report may take this share of a worker's time: one that costs 2 s is made every 10 s at most.
SHARE = 0.2
# Judgments are counted only where something points to news: an id beyond the report's, a later
# withdrawal or import, or a report so young that a judgment with a lower id may still have been
# uncommitted. At a million judgments the count takes a third of a second.
_LATE = "1 minute"
_LAGGING = """
WITH newest AS MATERIALIZED (
  SELECT c.id, r.event_count, r.method_version, r.computed_at, r.created_at, r.through_judgment
  FROM labeling_campaign c LEFT JOIN LATERAL (
    SELECT * FROM labeling_report WHERE campaign_id = c.id ORDER BY computed_at DESC LIMIT 1
  ) r ON true
  WHERE (%(campaign)s::bigint IS NULL OR c.id = %(campaign)s)
    AND (%(campaign)s IS NOT NULL OR r.computed_at IS NULL
      OR clock_timestamp() >= r.created_at + (r.created_at - r.computed_at) * %(pause)s)),
hinted AS MATERIALIZED (
  SELECT newest.* FROM newest LEFT JOIN LATERAL (
    SELECT public_id FROM labeling_judgment WHERE campaign_id = newest.id ORDER BY id DESC LIMIT 1
  ) j ON true
  WHERE newest.event_count IS NULL
    OR j.public_id IS DISTINCT FROM newest.through_judgment
    OR newest.method_version <> %(method)s
    OR newest.computed_at > now() - %(late)s::interval
    OR EXISTS (SELECT FROM labeling_job WHERE campaign_id = newest.id
      AND finished_at > newest.computed_at - %(late)s::interval AND kind = 'import')
    OR EXISTS (SELECT FROM labeling_withdrawal w JOIN labeling_judgment v ON v.id = w.judgment_id
      WHERE v.campaign_id = newest.id AND w.created_at > newest.computed_at - %(late)s::interval)
    OR EXISTS (SELECT FROM labeling_adjudication k WHERE k.campaign_id = newest.id
      AND k.created_at > newest.computed_at - %(late)s::interval)
    OR EXISTS (SELECT FROM labeling_exclusion x WHERE x.campaign_id = newest.id
      AND greatest(x.created_at, x.agreed_at, x.undone_at)
        > newest.computed_at - %(late)s::interval))
SELECT id FROM hinted
WHERE event_count IS NULL OR method_version <> %(method)s OR event_count <>
  (SELECT count(*) FROM labeling_judgment WHERE campaign_id = hinted.id) +
  (SELECT count(*) FROM labeling_withdrawal w JOIN labeling_judgment v ON v.id = w.judgment_id
    WHERE v.campaign_id = hinted.id) +
  -- Made, agreed to, undone: as labeling.queries.exclusions counts decisions.
  (SELECT count(*) + count(x.agreed_at) + count(x.undone_at) FROM labeling_exclusion x
    WHERE x.campaign_id = hinted.id) +
  -- Left out and taken in again: as labeling.queries.adjudicated counts them.
  (SELECT count(*) FROM labeling_adjudication k
    LEFT JOIN labeling_adjudication s ON s.id = k.supersedes_id
    WHERE k.campaign_id = hinted.id AND 'left_out' IN (k.outcome, s.outcome))
ORDER BY computed_at NULLS FIRST, id
"""


def campaigns_to_report(*, method_version: str, campaign_id: int | None = None) -> list[int]:
    """Ids of campaigns whose newest report misses a judgment, a withdrawal or a decision
    about what is left out, longest ago first.

    One whose last report was costly rests in proportion; named by `campaign_id`, none does.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LAGGING,
            {
                "campaign": campaign_id,
                "method": method_version,
                "pause": 1 / SHARE - 1,
                "late": _LATE,
            },
        )
        return [pk for (pk,) in cursor.fetchall()]


def campaigns_with_lapsed_leases() -> QuerySet[Campaign]:
    """Active campaigns in which a lease has ended and its slot is not open again, or gold is held.

    Practice stays its rater's when its lease ends.
    """
    practice = Q(ordinal=None, comparison__round__kind=Round.Kind.QUALIFICATION)
    lapsed = Assignment.objects.filter(
        ~practice,
        campaign=OuterRef("pk"),
        rater__isnull=False,
        ended_at=None,
        leased_until__lt=Now(),
    )
    return Campaign.objects.filter(Exists(lapsed), state=Campaign.State.ACTIVE)
