"""Rounds by the clock: what their items still want, and their end."""

import logging

from celery import shared_task

from labeling.actions.stopping import close_adjudicated, settle_items, tell_finished
from labeling.queries import round_work

logger = logging.getLogger(__name__)


@shared_task(expires=10)
def settle_recent() -> None:
    """Weigh up what was judged lately; then tell of rounds that are finished."""
    for round_ in round_work.stopping_rounds():
        for batch in round_work.recent_items(round_):
            settle_items(round_=round_, comparison_ids=batch)
    for round_ in round_work.finished_rounds():
        if tell_finished(round_=round_):
            logger.info("round %s has all its judgments", round_.public_id)
    for round_ in round_work.open_adjudications():
        close_adjudicated(round_=round_)


@shared_task(expires=600)
def settle_all() -> None:
    """Weigh up every item of the rounds that may stop early: what a quick pass missed."""
    for round_ in round_work.stopping_rounds():
        for batch in round_work.all_items(round_):
            settle_items(round_=round_, comparison_ids=batch)
