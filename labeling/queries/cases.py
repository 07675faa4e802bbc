"""Cases about raters' work: for managers, for the rater, and whom a stated rule would pause."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max, OuterRef, QuerySet, Subquery

from labeling.models import AuditEvent, Campaign, Case, CaseEntry, Rater, Seat, User
from labeling.policy import PauseRule, read_policy

# Raters among so many newest judgments of a campaign are looked at by a sweep.
RECENT_JUDGMENTS = 2_000

# The rater's newest answers, practice aside, since the rule was stated and since the last time
# they were told to go on.
_LATEST = """
SELECT j.active_ms FROM labeling_assignment a
JOIN labeling_judgment j ON j.assignment_id = a.id AND j.supersedes_id IS NULL
JOIN labeling_comparison c ON c.id = a.comparison_id
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.outcome = 'completed'
  AND r.kind IS DISTINCT FROM 'qualification'
  AND a.ended_at > coalesce(greatest(
    (SELECT max(k.closed_at) FROM labeling_case k WHERE k.seat_id = %(seat)s),
    (SELECT max(e.created_at) FROM labeling_auditevent e WHERE e.campaign_id = %(campaign)s
      AND e.verb = 'rater.reinstated' AND e.subject = %(subject)s),
    %(stated)s::timestamptz), '-infinity')
ORDER BY a.ended_at DESC LIMIT %(in_a_row)s
"""
_RECENT = """
SELECT DISTINCT rater_id FROM (
  SELECT rater_id FROM labeling_judgment
  WHERE campaign_id = %(campaign)s AND assignment_id IS NOT NULL
  ORDER BY id DESC LIMIT %(most)s) newest
"""


@dataclass(frozen=True)
class Pausable:
    """A rater whom the campaign's rule would pause now."""

    campaign: Campaign
    rater: Rater


def stated_at(campaign: Campaign) -> datetime | None:
    """When the rule that pauses raters was last changed; None: as the campaign was made."""
    changes = AuditEvent.objects.filter(
        campaign=campaign, verb="campaign.updated", details__has_key="pause_rule"
    )
    found: datetime | None = changes.aggregate(at=Max("created_at"))["at"]
    return found


def pausing_figures(seat: Seat, rule: PauseRule, stated: datetime | None) -> dict[str, Any] | None:
    """The times by which the rule pauses the seat, in words of its policy; None if it does not.

    Work done before it was `stated` does not count, and a judgment whose time is unknown breaks the
    row.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _LATEST,
            {
                "rater": seat.rater_id,
                "campaign": seat.campaign_id,
                "seat": seat.pk,
                "subject": seat.rater.public_id,
                "in_a_row": rule.in_a_row,
                "stated": stated,
            },
        )
        times = [ms for (ms,) in cursor.fetchall()]
    if len(times) < rule.in_a_row:
        return None
    if any(ms is None or ms >= rule.seconds * 1000 for ms in times):
        return None
    return {
        "in_a_row": rule.in_a_row,
        "seconds": rule.seconds,
        "longest_ms": max(times),
        "median_ms": sorted(times)[len(times) // 2],
    }


def raters_to_pause() -> list[Pausable]:
    """Raters of active campaigns whom a stated rule pauses, of those who judged lately."""
    found: list[Pausable] = []
    campaigns = Campaign.objects.filter(
        state=Campaign.State.ACTIVE, policy__pause_rule__isnull=False
    )
    for campaign in campaigns:
        rule = read_policy(campaign.policy).pause_rule
        if rule is None:
            continue
        with connection.cursor() as cursor:
            cursor.execute(_RECENT, {"campaign": campaign.pk, "most": RECENT_JUDGMENTS})
            recent = [pk for (pk,) in cursor.fetchall()]
        stated = stated_at(campaign)
        seats = Seat.objects.filter(campaign=campaign, rater__in=recent, is_active=True)
        for seat in seats.select_related("rater"):
            if pausing_figures(seat, rule, stated) is not None:
                found.append(Pausable(campaign, seat.rater))
    return found


def cases_of(campaign: Campaign, rater: Rater) -> QuerySet[Case]:
    """All cases on the rater's work in the campaign, the newest first."""
    return (
        Case.objects.filter(seat__campaign=campaign, seat__rater=rater)
        .select_related("seat__rater__user", "seat__campaign", "opened_by")
        .order_by("-pk")
    )


def case_of_rater(user: User, public_id: UUID) -> Case | None:
    """A case about the user's own work."""
    cases = Case.objects.filter(public_id=public_id, seat__rater__user=user)
    return cases.select_related("seat__rater__user", "seat__campaign").first()


def open_cases_of(user: User) -> QuerySet[Case]:
    """Open cases about the user's own work, newest first, with the newest word in each."""
    said = CaseEntry.objects.filter(case=OuterRef("pk")).exclude(kind=CaseEntry.Kind.NOTE)
    return (
        Case.objects.filter(seat__rater__user=user, state=Case.State.OPEN)
        .select_related("seat__campaign")
        .annotate(last_at=Subquery(said.order_by("-pk").values("created_at")[:1]))
        .order_by("-pk")
    )


def entries_of(cases: list[Case], *, for_rater: bool) -> QuerySet[CaseEntry]:
    """What was said and decided, in order; the rater reads all but notes."""
    entries = CaseEntry.objects.filter(case__in=cases).select_related("by").order_by("pk")
    return entries.exclude(kind=CaseEntry.Kind.NOTE) if for_rater else entries
