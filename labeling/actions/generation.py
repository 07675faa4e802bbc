"""What managers do with a run of generation: start it, pause it, end it, ask again for failures.

Locks go campaign, run, slot, endpoint, job.
"""

import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from labeling import jobs
from labeling.actions.ended import hold_campaign
from labeling.actions.generation_runs import Slot, State, end_cancelled, held_run, record
from labeling.actions.jobs import TASKS
from labeling.actions.slots import has_reached_budget
from labeling.clients.keys import host_of
from labeling.errors import ConflictError, NotFoundError
from labeling.models import Campaign, GenerationRun, Job, RunEndpoint, User
from labeling.queries.generation_plans import (
    MAX_PER_PROMPT,
    PAIRINGS,
    Plan,
    check_prices,
    plan_generation,
    read_calls,
    read_cost,
)

__all__ = [
    "MAX_PER_PROMPT",
    "PAIRINGS",
    "cancel_generation",
    "change_budget",
    "pause_generation",
    "pause_variant",
    "resume_generation",
    "resume_variant",
    "retry_failed",
    "start_generation",
]

ONE_AT_A_TIME = "A run of this campaign is under way. Let it finish, or cancel it, first."


@transaction.atomic(durable=True)
def start_generation(*, campaign: Campaign, by: User | None, **wishes: Any) -> GenerationRun:
    """A run, with the job that tells of it: prompts, asked of each model so many times.

    The wishes are those of `plan_generation`. Only what no earlier run has filled is asked for.
    `pairing`: "all" makes every pair of a prompt's completions, "baseline" each other one against
    the first model's (or against those of the models named in `against`), and "uncertain" as many
    `comparisons` as it is told, where the newest report's ranking is open. `against` names models
    whose completions are there already.
    """
    campaign = hold_campaign(campaign)
    plan = plan_generation(campaign, **wishes)
    job = Job.objects.create(
        campaign=campaign, kind="generation", created_by=by, parameters=_told(plan)
    )
    try:
        with transaction.atomic():
            run = GenerationRun.objects.create(
                campaign=campaign,
                job=job,
                completions_per_prompt=plan.completions_per_prompt,
                pairing=plan.pairing,
                seed=secrets.randbits(62),
                prompt_filter=plan.prompt_filter,
                filters=plan.filters,
                against=list(plan.against),
                budget_calls=plan.budget_calls,
                budget_cost=plan.budget_cost,
                keeps_raw=plan.keeps_raw,
                created_by=by,
            )
    except IntegrityError:
        raise ConflictError(ONE_AT_A_TIME) from None
    RunEndpoint.objects.bulk_create(
        RunEndpoint(
            run=run,
            endpoint=one.endpoint,
            position=position,
            name=one.name,
            model=one.endpoint.model,
            kind=one.endpoint.kind,
            host=host_of(one.endpoint.base_url) if one.endpoint.base_url else "",
            sampling=one.sampling,
            system=one.system,
            price=one.endpoint.price,
            streams=one.endpoint.streams,
            params_key=one.params_key,
        )
        for position, one in enumerate(plan.variants)
    )
    record("generation.started", run, by, endpoints=len(plan.variants), pairing=plan.pairing)
    jobs.enqueue(TASKS["generation"], job.pk)
    return run


@transaction.atomic(durable=True)
def pause_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """Start no more calls; those under way are stored when they come. Safe to repeat."""
    run = _taken(run)
    if run.state in (State.RUNNING, State.BUDGET):
        run.state = State.PAUSED
        run.save(update_fields=["state"])
        record("generation.paused", run, by)
    elif run.state != State.PAUSED:
        raise ConflictError(f"This run is {run.state}; there is nothing to pause.")
    return run


@transaction.atomic(durable=True)
def resume_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """Go on with a paused run. Safe to repeat."""
    hold_campaign(run.campaign)
    run = _taken(run)
    if run.state == State.BUDGET:
        raise ConflictError("This run has reached its budget. Raise that, and it goes on.")
    if run.state == State.PAUSED:
        run.state = State.RUNNING
        run.save(update_fields=["state"])
        record("generation.resumed", run, by)
        jobs.enqueue(TASKS["generation"], run.job_id)
    elif run.state != State.RUNNING:
        raise ConflictError(f"This run is {run.state}; start a new one to go on.")
    return run


@transaction.atomic(durable=True)
def change_budget(*, run: GenerationRun, by: User | None, **caps: Any) -> GenerationRun:
    """Set `budget_calls` and `budget_cost`; None takes a cap away. One that stood at it goes on."""
    hold_campaign(run.campaign)
    run = _taken(run)
    if run.state in (State.FINISHED, State.CANCELLED):
        raise ConflictError(f"This run is {run.state}; its budget changes nothing any more.")
    if "budget_calls" in caps:
        run.budget_calls = read_calls(caps["budget_calls"])
    if "budget_cost" in caps:
        run.budget_cost = read_cost(caps["budget_cost"])
        if run.budget_cost is not None:
            used = run.run_endpoints.select_related("endpoint")
            check_prices([(one.name, one.price, one.endpoint.is_demo) for one in used])
    if run.state == State.BUDGET and not has_reached_budget(run):
        run.state = State.RUNNING
        jobs.enqueue(TASKS["generation"], run.job_id)
    run.save(update_fields=["budget_calls", "budget_cost", "state"])
    record(
        "generation.budget_changed",
        run,
        by,
        budget_calls=run.budget_calls,
        budget_cost=None if run.budget_cost is None else str(run.budget_cost),
    )
    return run


@transaction.atomic(durable=True)
def pause_variant(*, run: GenerationRun, position: int, by: User | None) -> GenerationRun:
    """Start no more calls of one model of the run; the others go on. Safe to repeat."""
    return _turn_variant(run, position, by, is_paused=True)


@transaction.atomic(durable=True)
def resume_variant(*, run: GenerationRun, position: int, by: User | None) -> GenerationRun:
    """Go on with one model of the run. Safe to repeat."""
    hold_campaign(run.campaign)
    return _turn_variant(run, position, by, is_paused=False)


@transaction.atomic(durable=True)
def cancel_generation(*, run: GenerationRun, by: User | None) -> GenerationRun:
    """End the run. What came stays; what is under way is dropped. Safe to repeat.

    A later run with the same endpoints goes on where this one ended.
    """
    run = _taken(run)
    if run.state == State.FINISHED:
        raise ConflictError("This run has finished.")
    if run.state != State.CANCELLED:
        end_cancelled(run, by)
    return run


@transaction.atomic(durable=True)
def retry_failed(
    *, run: GenerationRun, by: User | None, position: int | None = None, kind: str = ""
) -> GenerationRun:
    """Ask once more for what failed: all, or one model's or kind's. A finished run goes on, under a
    new job.
    """
    hold_campaign(run.campaign)
    run = _taken(run)
    if run.state == State.CANCELLED:
        raise ConflictError("This run was cancelled; start a new one to go on.")
    wanted = run.slots.filter(state=Slot.FAILED)
    if kind:
        wanted = wanted.filter(error_kind=kind)
    if position is not None:
        used = run.run_endpoints.filter(position=position).first()
        if used is None:
            raise NotFoundError("There is no such model in this run.")
        wanted = wanted.filter(endpoint=used.endpoint_id, params_key=used.params_key)
    failed = wanted.update(
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
    record("generation.retried", run, by, slots=failed)
    jobs.enqueue(TASKS["generation"], run.job_id)
    return run


def _turn_variant(
    run: GenerationRun, position: int, by: User | None, *, is_paused: bool
) -> GenerationRun:
    run = _taken(run)
    used = run.run_endpoints.filter(position=position).first()
    if used is None:
        raise NotFoundError("There is no such model in this run.")
    if run.state in (State.FINISHED, State.CANCELLED):
        raise ConflictError(f"This run is {run.state}; none of its models is asked any more.")
    if used.is_paused != is_paused:
        used.is_paused = is_paused
        used.save(update_fields=["is_paused"])
        verb = "generation.model_paused" if is_paused else "generation.model_resumed"
        record(verb, run, by, model=used.name)
        jobs.enqueue(TASKS["generation"], run.job_id)
    return run


def _taken(run: GenerationRun) -> GenerationRun:
    held = held_run(pk=run.pk)
    if held is None:
        raise ConflictError("This run is gone.")
    return held


def _told(plan: Plan) -> dict[str, Any]:
    told: dict[str, Any] = {
        "endpoints": [str(one.endpoint.public_id) for one in plan.variants],
        "completions_per_prompt": plan.completions_per_prompt,
        "pairing": plan.pairing,
    }
    if plan.comparisons is not None:
        told["comparisons"] = plan.comparisons
    return told
