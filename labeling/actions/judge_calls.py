"""Calls to a judge: claim some, and keep those that take their time.

The calls themselves are a worker's, and `judge_answers` stores what came. Locks go judge, call,
endpoint; a claim holds the endpoint before calls, but passes over those that are held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import Avg, F, Q
from django.db.models.functions import Now

from labeling import audit
from labeling.actions.endpoint_health import usable
from labeling.actions.judges import held_judge
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.protocol import CompletionRequest, ErrorKind
from labeling.models import Campaign, Endpoint, Judge, JudgeCall, judge_queue, slots
from labeling.queries.judge_caps import cap_problems
from labeling.queries.judge_questions import question_of, request_for, shown_to_judge
from labeling.schemas import ResponseSchema

# A worker prolongs what it holds every few seconds: a few missed pulses, and it is gone.
LEASE_SECONDS = 40.0
LOST = "worker_lost"
WORKER_LOST = "The worker stopped each time while asking this. Its log has the reason."
MILLION = 1_000_000
# So many of a judge's newest answers say what its calls cost now.
NEWEST = 100
State = JudgeCall.State


@dataclass(frozen=True)
class Access:
    """How an endpoint is reached, as its row said when calls to it were claimed."""

    endpoint_id: int
    kind: str
    base_url: str
    sealed_key: bytes | None
    limits: CallLimits
    price: Mapping[str, Any]


@dataclass(frozen=True)
class JudgeClaim:
    """A call leased to one worker, and what it takes to make it."""

    call_id: int
    fence: int
    attempts: int
    judge_id: int
    comparison_id: int
    rubric_key: bytes
    guideline_number: int | None
    shown_left: str
    mark: str
    schema: ResponseSchema
    request: CompletionRequest
    access: Access
    # The server refused it when it was last asked.
    was_refused: bool
    # Two workers died while they held it: nothing else is to be under way beside it.
    is_suspect: bool

    @property
    def is_bound(self) -> bool:
        """The server was asked to hold the answer to a schema."""
        return self.request.schema is not None


def claim_calls(
    *,
    judge_id: int,
    most: int,
    window: int | None = None,
    landed: int = 0,
    is_idle: bool = True,
) -> list[JudgeClaim]:
    """Lease up to `most` of the judge's calls that are due; none if it may not be asked now.

    The endpoint's row is held meanwhile, so that its limit of calls at once is kept by all that
    ask it; `window` is what its provider stands at present, and `landed` calls of ours are over
    but not stored. A call counts against the judge's budget when it is leased, so no worker passes
    it. What two workers died of comes alone, and only to one that `is_idle`.
    """
    # Asked while no row is held: a cache that hangs would have all others wait for the row.
    endpoint = Endpoint.objects.filter(judges=judge_id).first()
    if endpoint is None:
        return []
    key = plain_key(endpoint.pk, endpoint.base_url, endpoint.model)
    plain = key if cache.get(key) else None
    return _claim(judge_id, most=most, window=window, landed=landed, is_idle=is_idle, plain=plain)


@transaction.atomic(durable=True)
def _claim(
    judge_id: int, *, most: int, window: int | None, landed: int, is_idle: bool, plain: str | None
) -> list[JudgeClaim]:
    """The calls, leased. `plain` says which endpoint, as it was reached, takes no schema."""
    judge = held_judge(judge_id)
    if judge is None or judge.state != Judge.State.ACTIVE:
        return []
    if judge.campaign.state == Campaign.State.ARCHIVED:
        return []
    held = Endpoint.objects.select_for_update(no_key=True).filter(usable())
    endpoint = held.filter(pk=judge.endpoint_id).first()
    if endpoint is None:
        return []
    limits = call_limits(endpoint.limits)
    live = slots.live_count(endpoint_id=endpoint.pk) - landed
    room = min(most, min(limits.concurrency, window or limits.concurrency) - live)
    judge.endpoint = endpoint
    affordable = _affordable(judge)
    # A cap that nothing would be counted against any more is no cap: it is as if it were reached.
    if affordable <= 0 or cap_problems([judge]):
        _stop_at_budget(judge)
        return []
    if (room := min(room, affordable)) <= 0:
        return []
    asked = question_of(judge)
    leased = _lease(judge.pk, asked.question.key, room, limits.max_attempts, is_idle)
    Judge.objects.filter(pk=judge.pk).update(call_count=F("call_count") + len(leased))
    shown = shown_to_judge(judge.campaign, {one.comparison_id for one in leased})
    access = Access(
        endpoint_id=endpoint.pk,
        kind=endpoint.kind,
        base_url=endpoint.base_url,
        sealed_key=None if endpoint.encrypted_key is None else bytes(endpoint.encrypted_key),
        limits=limits,
        price=endpoint.price,
    )
    takes_schema = plain != plain_key(endpoint.pk, endpoint.base_url, asked.question.model)
    claims: list[JudgeClaim] = []
    for one in leased:
        mark, request = request_for(
            asked,
            shown[one.comparison_id],
            shown_left=one.shown_left,
            sample=one.sample,
            is_bound=takes_schema and one.error_kind != ErrorKind.REFUSED,
        )
        claims.append(
            JudgeClaim(
                call_id=one.call_id,
                fence=one.fence,
                attempts=one.attempts,
                judge_id=judge.pk,
                comparison_id=one.comparison_id,
                rubric_key=asked.question.key,
                guideline_number=asked.number,
                shown_left=one.shown_left,
                mark=mark,
                schema=asked.question.schema,
                request=request,
                access=access,
                was_refused=one.error_kind == ErrorKind.REFUSED,
                is_suspect=one.was_lost and one.attempts > 2,
            )
        )
    return claims


@transaction.atomic(durable=True)
def prolong_calls(*, claims: Sequence[JudgeClaim]) -> int:
    """Keep calls that take their time; how many are still held."""
    if not claims:
        return 0
    held = [(one.call_id, one.fence) for one in claims]
    return judge_queue.prolong(held, lease_seconds=LEASE_SECONDS)


def _lease(
    judge_id: int, key: bytes, most: int, max_attempts: int, is_idle: bool
) -> list[judge_queue.LeasedCall]:
    """Calls that are due; of those that workers died of, one, or an end to it."""
    claim = partial(judge_queue.claim, judge_id=judge_id, key=key, lease_seconds=LEASE_SECONDS)
    leased = claim(most=most)
    while not leased and is_idle:
        leased = claim(most=1, suspects=True)
        if not leased or leased[0].attempts <= max(max_attempts, 2):
            break
        _end([leased[0].call_id], LOST, WORKER_LOST)
        leased = []
    return leased


def _affordable(judge: Judge) -> int:
    """How many calls the judge's budgets still allow.

    What calls under way will cost is not known yet; each is taken to cost what one did so far, and
    until one is known they are made one at a time.
    """
    counts = [MILLION]
    if judge.budget_calls is not None:
        counts.append(judge.budget_calls - judge.call_count)
    if judge.budget_cost is not None:
        left = judge.budget_cost - judge.cost
        counts.append(MILLION if left > 0 else 0)
        if left > 0:
            # A lease that lapsed is nobody's: its worker died, and the call is to be made again.
            live = judge.calls.filter(state=State.LEASED, leased_until__gte=Now()).count()
            mean = _mean_cost(judge, live)
            affordable = 1 if mean is None else int(left / mean) if mean > 0 else MILLION
            # At least one while anything is left: it is the mean that is unsure, not the budget.
            counts.append(max(affordable - live, 0 if live else 1))
    return min(counts)


def _mean_cost(judge: Judge, live: int) -> Decimal | None:
    """What a call is taken to cost; None while no cost is known. However many there were, it is
    quick: the endpoint is held meanwhile.

    The judge's own counters know what was paid in vain. The newest answers count as well where
    they are dearer: earlier calls may have had no price.
    """
    newest = judge.calls.filter(state=State.ANSWERED).order_by("-finished_at")[:NEWEST]
    known = newest.aggregate(mean=Avg("cost"))["mean"]
    over = judge.call_count - live
    overall = judge.cost / over if judge.cost > 0 and over > 0 else None
    return max((mean for mean in (known, overall) if mean is not None), default=None)


def _stop_at_budget(judge: Judge) -> None:
    live = Q(state=State.LEASED, leased_until__gte=Now())
    undone = judge.calls.filter(state__in=[State.WAITING, State.LEASED])
    if undone.exists() and not undone.filter(live).exists():
        judge.state = Judge.State.BUDGET
        judge.save(update_fields=["state"])
        audit.record(
            "judge.stopped_at_budget",
            campaign=judge.campaign,
            subject=judge.public_id,
            calls=judge.call_count,
        )


def _end(call_ids: list[int], kind: str, message: str) -> None:
    JudgeCall.objects.filter(pk__in=call_ids).update(
        state=State.FAILED,
        error_kind=kind,
        error=message,
        leased_until=None,
        finished_at=Now(),
    )


def plain_key(endpoint_id: int, base_url: str, model: str) -> str:
    """Where it is remembered that the endpoint's server holds this model's answers to no schema."""
    told = f"{endpoint_id} {base_url} {model}"
    return f"judge:plain:{sha256(told.encode()).hexdigest()}"
