"""Give lapsed leases back to the queue."""

from django.db import transaction

from labeling.models import Campaign, queue

# Slots moved by one statement: it holds them and their lane while it runs.
BATCH = 200


def requeue_lapsed(*, campaign: Campaign) -> int:
    """Open every slot of the campaign whose lease has ended; how many rows moved.

    Each batch is a transaction of its own. Rows another process holds are left to it.
    """
    moved = 0
    while batch := _requeue_some(campaign):
        moved += batch
    return moved


@transaction.atomic(durable=True)
def _requeue_some(campaign: Campaign) -> int:
    return queue.requeue(campaign_id=campaign.pk, limit=BATCH)
