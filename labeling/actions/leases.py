"""Give lapsed leases back to the queue."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from labeling.models import Assignment, Campaign, Seat, queue

# Slots moved by one transaction: it holds them and their lane while it runs.
BATCH = 200


@transaction.atomic(durable=True)
def requeue_lapsed(*, campaign: Campaign) -> int:
    """Open up to BATCH slots of the campaign whose lease has ended; how many were seen to.

    Rows another process holds are left to it, or to the next sweep.
    """
    return queue.requeue(campaign_id=campaign.pk, limit=BATCH)


def free_what_is_held(seats: QuerySet[Seat]) -> None:
    """End the leases of these seats and open their slots. Only within an action's transaction."""
    for seat in seats.order_by("pk").select_for_update(no_key=True, of=("self",)):
        held = Assignment.objects.filter(
            rater=seat.rater_id, campaign=seat.campaign_id, ended_at=None
        )
        # Gold waits for nobody else: it ends with the rater's part.
        held.filter(ordinal=None).update(ended_at=Now(), outcome="skipped")
        held.update(leased_until=Now() - timedelta(days=1))
        queue.requeue(campaign_id=seat.campaign_id, limit=1000)
