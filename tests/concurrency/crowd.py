"""Many raters at once, each in a thread with a database connection of its own."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import connection

from labeling.models import Assignment, Campaign
from labeling.queries.queue_faults import QueueFaults

T = TypeVar("T")
PATIENCE_SECONDS = 60


def at_once(errands: Sequence[Callable[[], T]]) -> list[T]:
    """What each errand returned, all started at the same instant; the first error if any."""
    start = threading.Barrier(len(errands))
    answers: dict[int, T] = {}
    errors: list[BaseException] = []

    def run(number: int, errand: Callable[[], T]) -> None:
        try:
            connection.ensure_connection()
            start.wait(PATIENCE_SECONDS)
            answers[number] = errand()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each, daemon=True) for each in enumerate(errands)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    if errors:
        raise errors[0]
    assert not any(thread.is_alive() for thread in threads), "somebody still waits"
    return [answers[number] for number in range(len(errands))]


def check_queue(campaign: Campaign, *, most: int | None = None) -> None:
    """Fail unless the queue keeps all its promises, and no comparison is taken more than `most`."""
    faults = QueueFaults.of(campaign)
    assert not faults, str(faults)
    if most is not None:
        assert max(taken_of_each(campaign).values(), default=0) <= most


def taken_of_each(campaign: Campaign) -> dict[int, int]:
    """For each comparison met, its judgments and live leases, by the comparison's id."""
    taken: dict[int, int] = {}
    rows = Assignment.objects.filter(campaign=campaign, rater__isnull=False, ordinal__isnull=False)
    for comparison_id in rows.exclude(outcome__in=["skipped", "cancelled"]).values_list(
        "comparison_id", flat=True
    ):
        taken[comparison_id] = taken.get(comparison_id, 0) + 1
    return taken


def lapse(assignment: Any) -> None:
    """Let the lease of an assignment end, as the clock would."""
    Assignment.objects.filter(pk=assignment.pk, ended_at=None, rater__isnull=False).update(
        leased_until=assignment.campaign.created_at
    )
