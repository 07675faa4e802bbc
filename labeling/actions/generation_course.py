"""A run's course, as workers bring it on: lay its slots, ring for calls, pair what came, end it."""

from itertools import groupby
from math import ceil

from django.db import transaction
from django.db.models.functions import Now

from labeling import jobs
from labeling.actions.generation_runs import (
    State,
    end_cancelled,
    held_run,
    held_run_soon,
    record,
    result_of,
)
from labeling.actions.sifting import sift
from labeling.actions.slots import CALL
from labeling.clients.endpoint_settings import call_limits
from labeling.models import Campaign, GenerationRun, Job, slot_pairs, slots
from labeling.pairing.allocation import Candidates, allot
from labeling.pairing.ranking import Ranking
from labeling.pairing.settings import PairingSettings

# One driver asks for so many completions at once; an endpoint that allows more has several.
DRIVER_WIDTH = 64


@transaction.atomic(durable=True)
def begin_generation(*, job_id: int) -> GenerationRun | None:
    """Lay the slots of the job's run, the first time; the run, if it is to go on.

    Each call is also the pulse of its job. A job that was cancelled ends its run here, and so does
    a campaign that was archived. None, too, while another holds the run: the sweep comes again.
    """
    run = held_run_soon(job_id=job_id)
    if run is None or run.state not in (State.RUNNING, State.PAUSED, State.BUDGET):
        return None
    is_cancelled = run.job.is_cancel_requested or run.job.status == Job.Status.CANCELLED
    begun = Job.objects.filter(pk=job_id, status=Job.Status.QUEUED).update(
        status=Job.Status.RUNNING, attempts=1, started_at=Now(), beat_at=Now()
    )
    if begun:
        laid = slots.lay(
            run_id=run.pk, campaign_id=run.campaign_id, prompt_filter=run.prompt_filter
        )
        Job.objects.filter(pk=job_id).update(total=laid)
    elif is_cancelled or run.campaign.state == Campaign.State.ARCHIVED:
        end_cancelled(run, None)
        return None
    else:
        slots.fail_disabled(run_id=run.pk)
        slots.tick(run_id=run.pk)
    return run if run.state == State.RUNNING else None


@transaction.atomic(durable=True)
def ring_due_slots(*, run: GenerationRun) -> int:
    """Ring for a driver where an endpoint has room and work for calls; how many bells."""
    limits = {
        one.endpoint_id: call_limits(one.endpoint.limits)
        for one in run.run_endpoints.select_related("endpoint")
    }
    most = max((limit.concurrency for limit in limits.values()), default=0)
    rung = 0
    for endpoint_id, due in slots.due_counts(run_id=run.pk, most=most):
        room = limits[endpoint_id].concurrency - slots.live_count(endpoint_id=endpoint_id)
        for _ in range(ceil(min(due, max(room, 0)) / DRIVER_WIDTH)):
            jobs.enqueue(CALL, run.pk, endpoint_id)
            rung += 1
    return rung


@transaction.atomic(durable=True)
def pair_completions(*, run_id: int) -> GenerationRun | None:
    """Make the run's comparisons, which then wait for a round. None while slots are open.

    Its filters are applied first: to all it would pair, whichever run asked for it. Safe to repeat:
    a pair that is there, by this run, another or an import, stays as it is. None, too, while
    another pairs them.
    """
    run = held_run_soon(pk=run_id)
    if run is None or run.state != State.RUNNING or slots.has_open(run_id=run_id):
        return None
    slot_pairs.begin(run)
    for _, of_prompt in groupby(slot_pairs.wanted(run), key=lambda one: one.prompt_id):
        sifted = sift(list(of_prompt), run.filters)
        slot_pairs.sort_out(
            dropped=list(sifted.dropped.items()), alike=sifted.alike, marked=sifted.marked
        )
    slot_pairs.leave_out(run)
    if run.pairing == "uncertain":
        _draw(run)
    else:
        slot_pairs.pair(run)
    return run


@transaction.atomic(durable=True)
def finish_generation(*, run_id: int) -> None:
    """End the run whose comparisons are made, and its job with what came of it. Safe to repeat.

    The round is found from the comparisons: they may have been opened by a worker that died before
    it came here, or by whoever else opened what waited.
    """
    run = held_run(pk=run_id)
    if run is None:
        return
    if run.round_id is None:
        _, run.round_id = slot_pairs.made(run)
    is_last = run.state == State.RUNNING and not slots.has_open(run_id=run_id)
    if is_last:
        run.state = State.FINISHED
        run.finished_at = Now()
    run.save(update_fields=["round", "state", "finished_at"])
    if not is_last and run.state != State.FINISHED:
        return
    result = result_of(run)
    is_empty = result["failed"] > 0 and result["completions"] == 0
    said = ", ".join(f"{count:,} × {kind}" for kind, count in result["errors"].items())
    Job.objects.filter(pk=run.job_id).exclude(status=Job.Status.CANCELLED).update(
        status=Job.Status.FAILED if is_empty else Job.Status.SUCCEEDED,
        done=result["completions"] + result["failed"],
        result=result,
        error={"message": f"No completion came: {said}."} if is_empty else None,
        finished_at=Now(),
        beat_at=Now(),
    )
    if is_last:
        record(
            "generation.finished",
            run,
            None,
            completions=result["completions"],
            failed=result["failed"],
            comparisons=result["comparisons"],
        )


def _draw(run: GenerationRun) -> None:
    """As many pairs as the run is to make and has not made, where the ranking is open."""
    job = run.job
    left = job.parameters["comparisons"] - job.parameters.get("drawn", 0)
    groups = [Candidates(lower, upper, count) for lower, upper, count in slot_pairs.free(run)]
    if left < 1 or not groups:
        return
    campaign = run.campaign
    report = campaign.reports.order_by("-computed_at").first()
    models = {name for one in groups for name in (one.model_a, one.model_b) if name}
    bases = dict(campaign.trained_models.exclude(base="").values_list("name", "base"))
    shares = allot(
        groups,
        budget=left,
        rule="uncertain",
        settings=PairingSettings(),
        ranking=Ranking.of_report(models, report.body if report else None, bases),
        overlap=campaign.overlap,
        seed=run.seed,
    )
    drawn = slot_pairs.draw(
        run,
        [
            (one.candidates.model_a, one.candidates.model_b, one.count, one.propensity)
            for one in shares
        ],
    )
    # In the run's own transaction, so that a worker that dies here draws none of it twice.
    job.parameters = {**job.parameters, "drawn": job.parameters.get("drawn", 0) + drawn}
    job.save(update_fields=["parameters"])
