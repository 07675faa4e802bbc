"""Routing by the clock: what waited for a judge, and whether the audited share bears it out."""

import logging

from celery import shared_task

from labeling.actions.routing import route_waiting, watch_audit
from labeling.models import Campaign
from labeling.queries.judges import campaigns_with_routing, routings_on

logger = logging.getLogger(__name__)

# Batches of one campaign at a time; the next beat goes on.
BATCHES = 20


@shared_task(expires=5)
def route_comparisons() -> None:
    """Send on what waited for judges, campaign by campaign: trouble with one stops no other."""
    for campaign in campaigns_with_routing():
        try:
            _route(campaign)
        except Exception:
            logger.exception("campaign %s: what waits for its judge was not routed", campaign.slug)


@shared_task(expires=60)
def watch_audits() -> None:
    """Look whether judges that decide alone are as right as was promised."""
    for routing in routings_on():
        try:
            watch_audit(routing=routing)
        except Exception:
            logger.exception("routing %s: its audit was not looked at", routing.public_id)


def _route(campaign: Campaign) -> None:
    for _ in range(BATCHES):
        moved = route_waiting(campaign=campaign)
        if not moved.count and not moved.asked:
            break
        logger.info("campaign %s: %s", campaign.slug, moved)
