"""Count the items whose votes changed, and keep the board that the counts give."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models.functions import Now

from labeling.actions.turns import turn
from labeling.models import Board, Campaign
from labeling.models.tallying import count_all, recount, take_due

# Items counted in one transaction: about a second's work, and lists of some hundred kilobytes.
BATCH: Final = 20_000
# The first half of the advisory lock's key: "taly". The second half is the campaign.
_LOCK_SPACE: Final = 0x74616C79


def turn_to_count(*, campaign_id: int, wait: bool) -> AbstractContextManager[bool]:
    """Whether it is our turn to count the campaign's items, until the block ends."""
    return turn(_LOCK_SPACE, campaign_id=campaign_id, wait=wait)


@transaction.atomic(durable=True)
def count_due_items(*, campaign: Campaign, limit: int = BATCH) -> bool:
    """Count what is noted as changed, up to `limit` notes; whether there may be more.

    Notes are taken away with the counts that answer them, or not at all. Raises `BrokenTallyError`,
    and changes nothing, when what was kept cannot be right.
    """
    _hold(campaign)
    taken, comparisons = take_due(campaign_id=campaign.pk, limit=limit)
    if comparisons:
        recount(campaign_id=campaign.pk, comparison_ids=comparisons)
        _leave_behind(campaign)
    return taken == limit


@transaction.atomic(durable=True)
def count_all_items(*, campaign: Campaign) -> None:
    """Forget what was kept of the campaign's items and count them all.

    The board stays to be looked at until the next one takes its place.
    """
    _hold(campaign)
    count_all(campaign_id=campaign.pk)
    _leave_behind(campaign)


@transaction.atomic(durable=True)
def record_board(
    *, campaign: Campaign, numbers: dict[str, Any], method_version: str, counted_at: datetime
) -> Board:
    """The campaign's board of `counted_at`: it takes the place of an older one, not of a newer."""
    _hold(campaign)
    known = Board.objects.filter(campaign=campaign).first()
    if known is not None and known.counted_at > counted_at:
        return known
    board, _ = Board.objects.update_or_create(
        campaign=campaign,
        defaults={
            "numbers": numbers,
            "method_version": method_version,
            "counted_at": counted_at,
            "is_behind": False,
            "recorded_at": Now(),
        },
    )
    return board


def _leave_behind(campaign: Campaign) -> None:
    """Say that the board is to be recorded anew, since the notes that said so are taken away."""
    Board.objects.filter(campaign=campaign, is_behind=False).update(is_behind=True)


def _hold(campaign: Campaign) -> None:
    """Let nobody else count the campaign until this transaction ends.

    One who holds the turn goes on at once: the lock is the same, and theirs.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s::int, %s::int)", [_LOCK_SPACE, campaign.pk % 2**31]
        )
