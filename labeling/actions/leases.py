"""Give lapsed leases back to the queue."""

from django.db import transaction

from labeling.models import Campaign, queue

# Slots moved by one transaction: it holds them and their lane while it runs.
BATCH = 200


@transaction.atomic(durable=True)
def requeue_lapsed(*, campaign: Campaign) -> int:
    """Open up to BATCH slots of the campaign whose lease has ended; how many were seen to.

    Rows another process holds are left to it, or to the next sweep.
    """
    return queue.requeue(campaign_id=campaign.pk, limit=BATCH)
