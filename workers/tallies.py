"""The board between reports: count what changed, compute, keep."""

import logging

from celery import shared_task
from django.core.cache import cache
from django.db import OperationalError

from labeling.actions.tallies import (
    count_all_items,
    count_due_items,
    record_board,
    turn_to_count,
)
from labeling.metrics.report import METHOD_VERSION
from labeling.metrics.tallies import tallied_numbers
from labeling.models import Board, Campaign
from labeling.models.tallying import BrokenTallyError
from labeling.queries.tallies import (
    campaigns_to_count,
    database_time,
    is_counted,
    models_of,
    tallies,
)

logger = logging.getLogger(__name__)

# A bell not heard within this many seconds is dropped: the next beat rings anew.
BELL_SECONDS = 5
# How long a campaign rests whose board could not be computed: it would fail each second.
REST_SECONDS = 60


@shared_task(expires=BELL_SECONDS)
def count_items() -> None:
    """Ring for every campaign in which votes changed."""
    for campaign_id in campaigns_to_count(method_version=METHOD_VERSION):
        refresh_board.apply_async((campaign_id,), expires=BELL_SECONDS, retry=False)


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def refresh_board(campaign_id: int) -> None:
    """Bring the campaign's board up to date. Nothing to do when another worker is at it.

    Where that fails the campaign rests for a minute: the board of before stays.
    """
    key = f"board-rests:{campaign_id}"
    if cache.get(key):
        return
    try:
        with turn_to_count(campaign_id=campaign_id, wait=False) as is_ours:
            # Looked at again under the lock: two bells may have rung for one change.
            if is_ours and campaign_id in campaigns_to_count(method_version=METHOD_VERSION):
                compute_board(Campaign.objects.get(pk=campaign_id))
    except OperationalError:
        # The database's own trouble, which the task is run again for.
        raise
    except Exception:
        logger.exception("board of campaign %d rests for %d s", campaign_id, REST_SECONDS)
        cache.set(key, True, REST_SECONDS)


def compute_board(campaign: Campaign, *, whole: bool = False) -> Board:
    """The board of all that is committed now, from the items that changed, or from all of them."""
    counted_at = database_time()
    if whole or not is_counted(campaign, method_version=METHOD_VERSION):
        count_all_items(campaign=campaign)
    try:
        while count_due_items(campaign=campaign):
            pass
    except BrokenTallyError:
        logger.exception("campaign %s is counted whole", campaign.slug)
        count_all_items(campaign=campaign)
    return record_board(
        campaign=campaign,
        numbers=tallied_numbers(tallies(campaign), models_of(campaign)),
        method_version=METHOD_VERSION,
        counted_at=counted_at,
    )
