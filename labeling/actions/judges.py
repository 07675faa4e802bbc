"""LLM judges: make one, change it, have it rate, pause it, end it.

A judge is a rater of its own kind, with a seat and a pseudonym like anybody's; it takes nothing
from the queue of people. Locks go campaign, judge, call, endpoint.
"""

import secrets
import uuid
from contextlib import suppress
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.actions.ended import hold_campaign
from labeling.actions.judge_settings import read_judge_settings
from labeling.actions.raters import pseudonym_of
from labeling.errors import ConflictError, FieldProblem, refused
from labeling.models import (
    Campaign,
    Endpoint,
    Judge,
    JudgeCall,
    Rater,
    Round,
    Seat,
    User,
    judge_queue,
)
from labeling.queries.judge_caps import cap_problems, cap_refusal, has_used_budget
from labeling.queries.judge_questions import question_of

DRIVE = "workers.judges.drive_judge"
State = Judge.State
Call = JudgeCall.State


@transaction.atomic(durable=True)
def create_judge(
    *, campaign: Campaign, endpoint: str, name: str, by: User | None, **settings: Any
) -> Judge:
    """A judge of the campaign, which rates once it is asked to.

    `endpoint` is a name or public id of the organisation's. `settings`: rubric,
    follows_guidelines, persona, sampling, both_orders, samples, share, budget_calls, budget_cost.
    """
    campaign = hold_campaign(campaign)
    fields = read_judge_settings({"name": name, **settings})
    chosen = _endpoint(campaign, endpoint)
    rater = Rater.objects.create(organisation=campaign.organisation, kind=Rater.Kind.JUDGE)
    # It claims nothing of what people are asked, so its seat is no active one.
    Seat.objects.create(
        rater=rater,
        campaign=campaign,
        pseudonym=pseudonym_of(campaign, rater),
        groups=fields.get("persona", {}),
        is_active=False,
    )
    judge = Judge(
        campaign=campaign,
        rater=rater,
        endpoint=chosen,
        seed=secrets.randbits(62),
        created_by=by,
        **fields,
    )
    _save(judge)
    _record("judge.created", judge, by, endpoint=str(chosen.public_id))
    return judge


@transaction.atomic(durable=True)
def change_judge(*, judge: Judge, by: User | None, **changes: Any) -> Judge:
    """The judge with `changes`: endpoint, name and whatever `create_judge` takes.

    What is still to be asked is asked as the judge is now; what it judged before stays until it is
    asked anew. One that stopped at its budget goes on where the change gives it more.
    """
    campaign = hold_campaign(judge.campaign)
    judge = _taken(judge)
    if judge.state == State.RETIRED:
        raise ConflictError("This judge is retired. Make another one.")
    wanted = changes.pop("endpoint", None)
    fields = read_judge_settings(changes)
    for field, value in fields.items():
        setattr(judge, field, value)
    if wanted is not None:
        judge.endpoint = _endpoint(campaign, wanted)
    if judge.state == State.BUDGET and ("budget_calls" in fields or "budget_cost" in fields):
        judge.state = State.ACTIVE
    _save(judge)
    if "persona" in fields:
        Seat.objects.filter(rater=judge.rater, campaign=campaign).update(groups=judge.persona)
    changed = sorted([*fields, *(["endpoint"] if wanted is not None else [])])
    _record("judge.changed", judge, by, fields=changed)
    _ring(judge)
    return judge


@transaction.atomic(durable=True)
def ask_judge(
    *, judge: Judge, by: User | None, round_: Round | None = None, again: bool = False
) -> tuple[int, int]:
    """Have the judge rate its share of the round's comparisons, or the campaign's.

    Gives how many calls were laid, and of how many comparisons. What it judged already is left,
    under whichever question, unless it is asked `again`: then all that it did not judge under the
    present one, and what it says supersedes what it said. What failed is asked once more.
    """
    campaign = hold_campaign(judge.campaign)
    judge = _taken(judge)
    if judge.state == State.RETIRED:
        raise ConflictError("This judge is retired. Make another one.")
    if round_ is not None and round_.campaign_id != campaign.pk:
        raise refused("round", "This campaign has no such round.")
    deal = deal_of(judge)
    judge_queue.follow(deal)
    calls, comparisons = judge_queue.ask(
        deal,
        campaign_id=campaign.pk,
        round_id=round_.pk if round_ else None,
        share=judge.share,
        again=again,
    )
    details = {"round": round_.number} if round_ else {}
    _record("judge.asked", judge, by, calls=calls, again=again, **details)
    _ring(judge)
    return calls, comparisons


@transaction.atomic(durable=True)
def pause_judge(*, judge: Judge, by: User | None) -> Judge:
    """Make no more calls; those under way are stored when they come. Safe to repeat."""
    judge = _taken(judge)
    if judge.state == State.RETIRED:
        raise ConflictError("This judge is retired; there is nothing to pause.")
    if judge.state != State.PAUSED:
        judge.state = State.PAUSED
        judge.save(update_fields=["state"])
        _record("judge.paused", judge, by)
    return judge


@transaction.atomic(durable=True)
def resume_judge(*, judge: Judge, by: User | None) -> Judge:
    """Go on with a paused judge, or with one whose cap can be kept again. Safe to repeat."""
    hold_campaign(judge.campaign)
    judge = _taken(judge)
    if judge.state == State.RETIRED:
        raise ConflictError("This judge is retired. Make another one.")
    if judge.state == State.BUDGET:
        if problem := cap_problems([judge]).get(judge.pk):
            raise ConflictError(problem)
        if has_used_budget(judge):
            raise ConflictError("This judge has used its budget. Raise it, and the judge goes on.")
    if judge.state in (State.PAUSED, State.BUDGET):
        judge.state = State.ACTIVE
        judge.save(update_fields=["state"])
        _record("judge.resumed", judge, by)
        _ring(judge)
    return judge


@transaction.atomic(durable=True)
def retire_judge(*, judge: Judge, by: User | None) -> Judge:
    """Ask the judge nothing more. What it judged stays. Safe to repeat."""
    judge = _taken(judge)
    if judge.state != State.RETIRED:
        judge.state = State.RETIRED
        judge.save(update_fields=["state"])
        judge.calls.filter(state__in=[Call.WAITING, Call.LEASED]).update(
            state=Call.CANCELLED, leased_until=None, not_before=None, finished_at=Now()
        )
        _record("judge.retired", judge, by)
    return judge


@transaction.atomic(durable=True)
def follow_question(*, judge_id: int) -> int:
    """Move what is still to be asked to the question as it is now; how many calls were laid.

    New guidelines, or a change of the judge, are told from the next call on: half of an answer
    under each would be none.
    """
    judge = held_judge(judge_id)
    if judge is None or judge.state == State.RETIRED:
        return 0
    return judge_queue.follow(deal_of(judge))


def held_judge(judge_id: int) -> Judge | None:
    """The judge's row with what it is asked by, held to the end of the transaction."""
    judges = Judge.objects.select_for_update(no_key=True, of=("self",))
    return judges.select_related("campaign", "endpoint", "rater").filter(pk=judge_id).first()


def deal_of(judge: Judge) -> judge_queue.Deal:
    """How the judge's calls are laid now."""
    return judge_queue.Deal(
        judge_id=judge.pk,
        key=question_of(judge).question.key,
        both_orders=judge.both_orders,
        samples=judge.samples,
        seed=judge.seed,
    )


def _taken(judge: Judge) -> Judge:
    held = held_judge(judge.pk)
    if held is None:
        raise ConflictError("This judge is gone.")
    return held


def _endpoint(campaign: Campaign, wanted: str) -> Endpoint:
    named = Q(name=wanted)
    with suppress(ValueError):
        named |= Q(public_id=uuid.UUID(wanted))
    known = Endpoint.objects.filter(named, organisation=campaign.organisation_id)
    if (endpoint := known.first()) is None:
        raise refused("endpoint", f'"{wanted[:120]}" is no endpoint of this organisation.')
    if endpoint.disabled_reason:
        raise refused("endpoint", f"{endpoint.name}: {endpoint.disabled_reason}")
    return endpoint


def _save(judge: Judge) -> None:
    if judge.budget_cost is not None and (problem := cap_refusal(judge)):
        raise refused("budget_cost", problem)
    try:
        with transaction.atomic():
            judge.save()
    except IntegrityError:
        message = "A judge of this campaign has this name; choose another."
        raise ConflictError(message, problems=[FieldProblem("name", message)]) from None


def _ring(judge: Judge) -> None:
    if judge.state == State.ACTIVE:
        jobs.enqueue(DRIVE, judge.pk)


def _record(verb: str, judge: Judge, by: User | None, **details: Any) -> None:
    audit.record(verb, campaign=judge.campaign, by=by, subject=judge.public_id, **details)
