"""Runs of generation: start one, pause it, end it, and pair what came into comparisons.

Locks go campaign, run, slot, endpoint, job.
"""

import secrets
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.actions.ended import hold_campaign
from labeling.actions.jobs import TASKS
from labeling.actions.slots import CALL
from labeling.clients.endpoint_settings import call_limits
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.formats.rows import source_key
from labeling.models import (
    Campaign,
    Endpoint,
    GenerationRun,
    GenerationSlot,
    Job,
    Prompt,
    RunEndpoint,
    User,
    slots,
)

MAX_PER_PROMPT = 16
MAX_ENDPOINTS = 32
MAX_SLOTS = 1_000_000
PAIRINGS = ("all", "baseline", "uncertain")
ONE_AT_A_TIME = "A run of this campaign is under way. Let it finish, or cancel it, first."
State = GenerationRun.State
Slot = GenerationSlot.State


@transaction.atomic(durable=True)
def start_generation(
    *,
    campaign: Campaign,
    endpoints: Sequence[str],
    by: User | None,
    completions_per_prompt: int = 1,
    pairing: str = "all",
) -> GenerationRun:
    """A run, with the job that tells of it: every prompt, asked of each endpoint so many times.

    `endpoints` are names or public ids of the organisation's; the first is the baseline. Only
    what no earlier run has filled is asked for. `pairing`: "all" makes every pair of a prompt's
    completions, "baseline" each other endpoint's against the first one's.
    """
    campaign = hold_campaign(campaign)
    chosen = _choose(campaign, endpoints)
    _check(campaign, len(chosen), completions_per_prompt, pairing)
    job = Job.objects.create(
        campaign=campaign,
        kind="generation",
        created_by=by,
        parameters={
            "endpoints": [str(one.public_id) for one in chosen],
            "completions_per_prompt": completions_per_prompt,
            "pairing": pairing,
        },
    )
    try:
        with transaction.atomic():
            run = GenerationRun.objects.create(
                campaign=campaign,
                job=job,
                completions_per_prompt=completions_per_prompt,
                pairing=pairing,
                seed=secrets.randbits(62),
                created_by=by,
            )
    except IntegrityError:
        raise ConflictError(ONE_AT_A_TIME) from None
    RunEndpoint.objects.bulk_create(
        RunEndpoint(
            run=run,
            endpoint=endpoint,
            position=position,
            name=endpoint.name,
            model=endpoint.model,
            sampling=endpoint.sampling,
            params_key=source_key(endpoint.model, endpoint.sampling),
        )
        for position, endpoint in enumerate(chosen)
    )
    _record("generation.started", run, by, endpoints=len(chosen), pairing=pairing)
    jobs.enqueue(TASKS["generation"], job.pk)
    return run


@transaction.atomic(durable=True)
def begin_generation(*, job_id: int) -> GenerationRun | None:
    """Lay the slots of the job's run, the first time; the run, if it is to go on.

    Each call is also the pulse of its job. A job that was cancelled ends its run here, and so does
    a campaign that was archived.
    """
    run = _held(job_id=job_id)
    if run is None or run.state not in (State.RUNNING, State.PAUSED):
        return None
    begun = Job.objects.filter(pk=job_id, status=Job.Status.QUEUED).update(
        status=Job.Status.RUNNING, attempts=1, started_at=Now(), beat_at=Now()
    )
    if begun:
        Job.objects.filter(pk=job_id).update(total=slots.lay(run_id=run.pk))
    elif _is_cancelled(run.job) or run.campaign.state == Campaign.State.ARCHIVED:
        _cancel(run, None)
        return None
    else:
        slots.fail_disabled(run_id=run.pk)
        Job.objects.filter(pk=job_id, status=Job.Status.RUNNING).update(beat_at=Now())
    return run if run.state == State.RUNNING else None


@transaction.atomic(durable=True)
def ring_due_slots(*, run: GenerationRun) -> int:
    """Ring for as many calls as its endpoints have room and work for; how many bells."""
    limits = {
        one.endpoint_id: call_limits(one.endpoint.limits)
        for one in run.run_endpoints.select_related("endpoint")
    }
    most = max((limit.concurrency for limit in limits.values()), default=0)
    rung = 0
    for endpoint_id, due in slots.due_counts(run_id=run.pk, most=most):
        room = limits[endpoint_id].concurrency - slots.live_count(endpoint_id=endpoint_id)
        for _ in range(min(due, room)):
            jobs.enqueue(CALL, run.pk, endpoint_id)
            rung += 1
    return rung


@transaction.atomic(durable=True)
def pair_completions(*, run_id: int) -> GenerationRun | None:
    """Make the run's comparisons, which then wait for a round. None while slots are open.

    Safe to repeat: a pair that is there, by this run, another or an import, stays as it is.
    """
    run = _held(pk=run_id)
    if run is None or run.state != State.RUNNING or slots.has_open(run_id=run_id):
        return None
    slots.pair(run_id=run_id, campaign_id=run.campaign_id, rule=run.pairing)
    return run


@transaction.atomic(durable=True)
def finish_generation(*, run_id: int) -> None:
    """End the run whose comparisons are made, and its job with what came of it. Safe to repeat.

    The round is found from the comparisons: they may have been opened by a worker that died before
    it came here, or by whoever else opened what waited.
    """
    run = _held(pk=run_id)
    if run is None:
        return
    if run.round_id is None:
        run.round_id = slots.newest_round(run_id=run_id, rule=run.pairing)
    is_last = run.state == State.RUNNING and not slots.has_open(run_id=run_id)
    if is_last:
        run.state = State.FINISHED
        run.finished_at = Now()
    run.save(update_fields=["round", "state", "finished_at"])
    if not is_last and run.state != State.FINISHED:
        return
    result = _result(run)
    is_empty = result["failed"] > 0 and result["completions"] == 0
    error = {"message": f"No completion came: {_said(result)}."} if is_empty else None
    Job.objects.filter(pk=run.job_id).exclude(status=Job.Status.CANCELLED).update(
        status=Job.Status.FAILED if is_empty else Job.Status.SUCCEEDED,
        done=result["completions"] + result["failed"],
        result=result,
        error=error,
        finished_at=Now(),
        beat_at=Now(),
    )
    if is_last:
        _record(
            "generation.finished",
            run,
            None,
            completions=result["completions"],
            failed=result["failed"],
            comparisons=result["comparisons"],
        )


@transaction.atomic(durable=True)
def pause_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """Start no more calls; those under way are stored when they come. Safe to repeat."""
    run = _taken(run)
    if run.state == State.RUNNING:
        run.state = State.PAUSED
        run.save(update_fields=["state"])
        _record("generation.paused", run, by)
    elif run.state != State.PAUSED:
        raise ConflictError(f"This run is {run.state}; there is nothing to pause.")
    return run


@transaction.atomic(durable=True)
def resume_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """Go on with a paused run. Safe to repeat."""
    hold_campaign(run.campaign)
    run = _taken(run)
    if run.state == State.PAUSED:
        run.state = State.RUNNING
        run.save(update_fields=["state"])
        _record("generation.resumed", run, by)
        jobs.enqueue(TASKS["generation"], run.job_id)
    elif run.state != State.RUNNING:
        raise ConflictError(f"This run is {run.state}; start a new one to go on.")
    return run


@transaction.atomic(durable=True)
def cancel_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """End the run. What came stays; what is under way is dropped. Safe to repeat.

    A later run with the same endpoints goes on where this one ended.
    """
    run = _taken(run)
    if run.state == State.FINISHED:
        raise ConflictError("This run has finished.")
    if run.state != State.CANCELLED:
        _cancel(run, by)
    return run


@transaction.atomic(durable=True)
def retry_failed(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """Ask once more for what failed. A finished run goes on under a new job."""
    hold_campaign(run.campaign)
    run = _taken(run)
    if run.state == State.CANCELLED:
        raise ConflictError("This run was cancelled; start a new one to go on.")
    failed = run.slots.filter(state=Slot.FAILED).update(
        state=Slot.WAITING,
        attempts=0,
        not_before=None,
        error_kind="",
        error="",
        finished_at=None,
    )
    if not failed:
        raise ConflictError("Nothing has failed in this run.")
    if run.state == State.FINISHED:
        old = run.job
        run.job = Job.objects.create(
            campaign_id=run.campaign_id,
            kind=old.kind,
            created_by=by,
            parameters=old.parameters,
            status=Job.Status.RUNNING,
            attempts=1,
            total=run.slots.count(),
            done=run.slots.exclude(state=Slot.WAITING).count(),
            started_at=Now(),
            beat_at=Now(),
        )
        run.state, run.finished_at = State.RUNNING, None
        try:
            with transaction.atomic():
                run.save(update_fields=["job", "state", "finished_at"])
        except IntegrityError:
            raise ConflictError(ONE_AT_A_TIME) from None
        run.job.refresh_from_db()
    _record("generation.retried", run, by, slots=failed)
    jobs.enqueue(TASKS["generation"], run.job_id)
    return run


def _choose(campaign: Campaign, wanted: Sequence[str]) -> list[Endpoint]:
    if not 1 <= len(wanted) <= MAX_ENDPOINTS:
        raise _wrong("endpoints", f"Name 1 to {MAX_ENDPOINTS} endpoints.")
    known = Endpoint.objects.filter(organisation_id=campaign.organisation_id)
    chosen: list[Endpoint] = []
    for text in wanted:
        named = Q(name=text)
        if (public_id := _as_uuid(text)) is not None:
            named |= Q(public_id=public_id)
        endpoint = known.filter(named).first()
        if endpoint is None:
            raise _wrong("endpoints", f'"{text[:120]}" is no endpoint of this organisation.')
        if endpoint.disabled_reason:
            raise _wrong("endpoints", f"{endpoint.name}: {endpoint.disabled_reason}")
        if endpoint in chosen:
            raise _wrong("endpoints", f"{endpoint.name} is named twice.")
        chosen.append(endpoint)
    return chosen


def _check(campaign: Campaign, endpoint_count: int, per_prompt: int, pairing: str) -> None:
    if not 1 <= per_prompt <= MAX_PER_PROMPT:
        raise _wrong("completions_per_prompt", f"From 1 to {MAX_PER_PROMPT}.")
    if pairing not in PAIRINGS:
        raise _wrong("pairing", f"Write one of {', '.join(PAIRINGS)}.")
    if pairing == "uncertain":
        raise _wrong(
            "pairing",
            '"uncertain" chooses pairs by a ranking, and completions that are only being made '
            'have none yet. Write "all" or "baseline".',
        )
    if pairing == "baseline" and endpoint_count < 2:
        raise _wrong("pairing", '"baseline" compares with the first endpoint: name two or more.')
    if endpoint_count * per_prompt < 2:
        raise _wrong(
            "completions_per_prompt",
            "One completion of each prompt leaves nothing to compare: name two endpoints, or ask "
            "for two completions.",
        )
    prompt_count = Prompt.objects.filter(campaign=campaign).count()
    if not prompt_count:
        raise ConflictError("This campaign has no prompts yet. Import some first.")
    if (wanted := prompt_count * endpoint_count * per_prompt) > MAX_SLOTS:
        raise InvalidInputError(f"{wanted:,} completions are more than {MAX_SLOTS:,} in one run.")


def _held(**which: Any) -> GenerationRun | None:
    runs = GenerationRun.objects.select_for_update(no_key=True, of=("self",))
    return runs.select_related("campaign", "job", "created_by").filter(**which).first()


def _taken(run: GenerationRun) -> GenerationRun:
    held = _held(pk=run.pk)
    if held is None:
        raise ConflictError("This run is gone.")
    return held


def _is_cancelled(job: Job) -> bool:
    return job.is_cancel_requested or job.status == Job.Status.CANCELLED


def _cancel(run: GenerationRun, by: User | None) -> None:
    run.slots.filter(state__in=[Slot.WAITING, Slot.LEASED]).update(
        state=Slot.CANCELLED, leased_until=None, not_before=None, finished_at=Now()
    )
    run.state = State.CANCELLED
    run.finished_at = Now()
    run.save(update_fields=["state", "finished_at"])
    Job.objects.filter(pk=run.job_id).update(
        status=Job.Status.CANCELLED, result=_result(run), finished_at=Now()
    )
    _record("generation.cancelled", run, by)
    run.refresh_from_db()


def _result(run: GenerationRun) -> dict[str, Any]:
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
    return {
        "generation": str(run.public_id),
        "completions": counts["filled"],
        "failed": counts["failed"],
        "errors": {row["error_kind"]: row["count"] for row in kinds},
        "comparisons": slots.pair_count(run_id=run.pk, rule=run.pairing),
        "round": run.round.number if run.round else None,
    }


def _said(result: dict[str, Any]) -> str:
    return ", ".join(f"{count:,} × {kind}" for kind, count in result["errors"].items())


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _wrong(field: str, message: str) -> InvalidInputError:
    return InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])


def _record(verb: str, run: GenerationRun, by: User | None, **details: Any) -> None:
    audit.record(verb, campaign=run.campaign, by=by, subject=run.public_id, **details)
