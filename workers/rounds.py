"""Rounds by the clock: what their items still want, and their end."""

import logging

from celery import shared_task
from django.core.cache import cache

from labeling.actions.next_pairs import choose_next
from labeling.actions.stopping import close_adjudicated, settle_items, tell_finished
from labeling.errors import LabelingError
from labeling.queries import next_pairs, round_work

logger = logging.getLogger(__name__)

# How long it is known up to which judgment a round was weighed up.
SETTLED_SECONDS = 600


@shared_task(expires=10)
def settle_recent() -> None:
    """Weigh up what was judged lately; then tell of rounds that are finished.

    A round is passed over while its campaign has no new judgment: what comes back to the queue, and
    what a withdrawal opens again, is found by `settle_all`.
    """
    for round_ in round_work.stopping_rounds():
        key, newest = f"settled:{round_.pk}", round_work.newest_judgment(round_)
        before = cache.get(key)
        if before == (newest, True):
            continue
        for batch in round_work.recent_items(round_):
            settle_items(round_=round_, comparison_ids=batch)
        # Looked at once more: a judgment with a lower id may have been committed after this pass.
        is_again = before is not None and before[0] == newest
        cache.set(key, (newest, is_again), SETTLED_SECONDS)
    for round_ in round_work.finished_rounds():
        if tell_finished(round_=round_):
            logger.info("round %s has all its judgments", round_.public_id)
        elif round_.stop_rule != "fixed":
            # An item of it wants one more: laid now, so that this is not looked for each time.
            for batch in round_work.all_items(round_):
                settle_items(round_=round_, comparison_ids=batch)
    for round_ in round_work.open_adjudications():
        close_adjudicated(round_=round_)


@shared_task(expires=600)
def settle_all() -> None:
    """Weigh up every item of the rounds that may stop early: what a quick pass missed."""
    for round_ in round_work.stopping_rounds():
        for batch in round_work.all_items(round_):
            settle_items(round_=round_, comparison_ids=batch)


@shared_task(expires=10)
def choose_next_pairs() -> None:
    """Choose the next pairs of rounds that do so while raters work and have little open."""
    for round_ in next_pairs.learning_rounds():
        try:
            if next_pairs.is_due(round_) and (laid := choose_next(round_=round_)):
                logger.info("round %s: %d more slots", round_.public_id, laid)
        except LabelingError as error:
            # Its rule cannot choose just now, because a model is gone: the others go on.
            logger.warning("round %s chooses no pairs: %s", round_.public_id, error.message)
        except Exception:
            logger.exception("round %s chooses no pairs", round_.public_id)
