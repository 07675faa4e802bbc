"""A run's row, held, and what it came to: for those who manage runs and those who run them."""

from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now
from psycopg.errors import LockNotAvailable

from labeling import audit
from labeling.models import GenerationRun, GenerationSlot, Job, User, slot_pairs

State = GenerationRun.State
Slot = GenerationSlot.State
# How long a run's row is waited for by what can come again.
PATIENCE_MS = 1000


def held_run(**which: Any) -> GenerationRun | None:
    """The run, held to the end of the transaction."""
    runs = GenerationRun.objects.select_for_update(no_key=True, of=("self",))
    return runs.select_related("campaign", "job", "created_by").filter(**which).first()


def held_run_soon(**which: Any) -> GenerationRun | None:
    """The run, held as by `held_run`; None where somebody holds it for longer than a moment.

    For what is rung for again and again: it would pile up behind one who lays a million slots or
    pairs what came. That calls are stored meanwhile makes nobody wait so long.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{PATIENCE_MS}ms"])
            run = held_run(**which)
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    except OperationalError as error:
        if not isinstance(error.__cause__, LockNotAvailable):
            raise
        return None
    return run


def end_cancelled(run: GenerationRun, by: User | None) -> None:
    """End a run that the caller holds, and all of it that is not done."""
    run.slots.filter(state__in=[Slot.WAITING, Slot.LEASED]).update(
        state=Slot.CANCELLED, leased_until=None, not_before=None, finished_at=Now()
    )
    run.state = State.CANCELLED
    run.finished_at = Now()
    run.save(update_fields=["state", "finished_at"])
    Job.objects.filter(pk=run.job_id).update(
        status=Job.Status.CANCELLED, result=result_of(run), finished_at=Now()
    )
    record("generation.cancelled", run, by)
    run.refresh_from_db()


def result_of(run: GenerationRun) -> dict[str, Any]:
    """What a run came to, for its job."""
    kinds = (
        run.slots.filter(state=Slot.FAILED)
        .values("error_kind")
        .annotate(count=Count("pk"))
        .order_by("error_kind")
    )
    counts = run.slots.aggregate(
        filled=Count("pk", filter=Q(state=Slot.FILLED)),
        failed=Count("pk", filter=Q(state=Slot.FAILED)),
    )
    comparisons, _ = slot_pairs.made(run)
    return {
        "generation": str(run.public_id),
        "completions": counts["filled"],
        "failed": counts["failed"],
        "errors": {row["error_kind"]: row["count"] for row in kinds},
        "comparisons": comparisons,
        "round": run.round.number if run.round else None,
    }


def record(verb: str, run: GenerationRun, by: User | None, **details: Any) -> None:
    """Tell the audit what was done with a run."""
    audit.record(verb, campaign=run.campaign, by=by, subject=run.public_id, **details)
