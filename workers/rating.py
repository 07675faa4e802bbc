"""What the queue and the jobs need from a clock: the sweeps that no bell announces."""

from celery import shared_task

from labeling.actions.drafts import forget_ended_drafts
from labeling.actions.idempotency import forget_old_requests
from labeling.actions.jobs import ring_silent_jobs
from labeling.actions.leases import requeue_lapsed
from labeling.queries.due import campaigns_with_lapsed_leases


@shared_task(expires=15)
def sweep_leases() -> None:
    """Open the slots of leases that ended, in every active campaign."""
    for campaign in campaigns_with_lapsed_leases():
        while requeue_lapsed(campaign=campaign):
            pass


@shared_task(expires=30)
def sweep_jobs() -> None:
    """Ring again for jobs whose bell was lost or whose worker went silent."""
    ring_silent_jobs()


@shared_task(expires=600)
def sweep_answers() -> None:
    """Forget the answers to writes older than a week: nobody repeats those."""
    while forget_old_requests():
        pass


@shared_task(expires=600)
def sweep_drafts() -> None:
    """Forget drafts of what was answered, and such as nobody came back to."""
    while forget_ended_drafts():
        pass
