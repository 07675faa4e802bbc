"""Give lapsed leases back to the queue."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from labeling.models import Assignment, Campaign, Round, Seat, queue

# Slots moved by one transaction: it holds them and their lane while it runs.
BATCH = 200


@transaction.atomic(durable=True)
def requeue_lapsed(*, campaign: Campaign) -> int:
    """Open up to BATCH slots of the campaign whose lease has ended; how many were seen to.

    Rows another process holds are left to it, or to the next sweep.
    """
    return queue.requeue(campaign_id=campaign.pk, limit=BATCH)


def free_what_is_held(seats: QuerySet[Seat]) -> None:
    """Let the leases of these seats lapse at once. Only within an action's transaction.

    Gold and repeats lapse as slots do, so that nothing tells them apart. Practice stays its rater's
    as it is.
    """
    practice = Round.objects.filter(
        comparisons=OuterRef("comparison"), kind=Round.Kind.QUALIFICATION
    )
    for seat in seats.order_by("pk").select_for_update(no_key=True, of=("self",)):
        held = Assignment.objects.filter(
            ~Exists(practice), rater=seat.rater_id, campaign=seat.campaign_id, ended_at=None
        )
        held.update(leased_until=Now() - timedelta(days=1))
        queue.requeue(campaign_id=seat.campaign_id, limit=1000)
