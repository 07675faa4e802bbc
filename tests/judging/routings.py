"""A routing at work: switched on, with comparisons that come while it is."""

from datetime import timedelta
from typing import Any

from django.db.models import F

from labeling.actions.campaigns import update_campaign
from labeling.actions.rounds import open_waiting
from labeling.actions.routing import switch_on
from labeling.models import Assignment, Campaign, Comparison, Judge, RoutedComparison, Routing
from tests import factories


def switched_on(campaign: Campaign, judge: Judge, **fields: Any) -> Routing:
    asked = {"cut": 0.75, "audit_share": 0.2} | fields
    return switch_on(campaign=campaign, judge=judge, by=None, **asked)


def arrive(campaign: Campaign, count: int) -> list[Comparison]:
    """Comparisons that come while the campaign runs."""
    if campaign.state == "draft":
        # What was judged to get to know the judge stays where it is.
        update_campaign(campaign=campaign, by=None, state="active")
        campaign.refresh_from_db()
    made = [factories.comparison(campaign) for _ in range(count)]
    open_waiting(campaign=campaign, by=None)
    return made


def slots(comparison: Comparison) -> int:
    return Assignment.objects.filter(comparison=comparison, ended_at=None).count()


def late(comparison: Comparison) -> None:
    """As if it had waited for twenty minutes."""
    rows = RoutedComparison.objects.filter(comparison=comparison)
    rows.update(created_at=F("created_at") - timedelta(minutes=20))
