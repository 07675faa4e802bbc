"""Store what judges answered, and make judgments of it.

When all calls about a comparison are answered, the answers become one judgment, in the transaction
that stores the last of them. Every action holds the judge's row, so two workers never both come
last, nor both not. Locks go judge, call, endpoint.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from labeling import audit, jobs
from labeling.actions.endpoint_health import note_outcomes, wait_seconds
from labeling.actions.judge_calls import MILLION, JudgeClaim, plain_key
from labeling.actions.judges import DRIVE, held_judge
from labeling.clients.protocol import CompletionResult, ErrorKind, ProviderError
from labeling.judging.combining import Answered, Combined, answered, combine
from labeling.judging.verdicts import Verdict
from labeling.models import Campaign, Judge, JudgeCall, JudgeVerdict, Judgment

# How long it is remembered that a server takes no schema.
PLAIN_SECONDS = 24 * 3600
State = JudgeCall.State


@transaction.atomic(durable=True)
def answer_calls(
    *, judge_id: int, answers: Sequence[tuple[JudgeClaim, Verdict, CompletionResult]]
) -> int:
    """Store what came, and judge each comparison that has all its answers; how many were judged.

    What comes under a stale lease changes nothing.
    """
    judge = held_judge(judge_id)
    if judge is None or not answers:
        return 0
    held = _held(judge, [claim for claim, _, _ in answers])
    stored: list[JudgeCall] = []
    for claim, verdict, result in answers:
        call = held.get((claim.call_id, claim.fence))
        if call is not None:
            stored.append(_answered(call, claim, verdict, result))
            # A server that answers without a schema what it refused with one takes none.
            if not claim.is_bound and call.error_kind == ErrorKind.REFUSED:
                cache.set(plain_key(claim.access, claim.request.model), 1, PLAIN_SECONDS)
            call.error_kind = call.error = ""
    if not stored:
        return 0
    JudgeCall.objects.bulk_update(
        stored,
        [
            *("state", "preference", "strength", "criteria", "confidence", "rationale"),
            *("provenance", "input_tokens", "output_tokens", "latency_ms", "cost"),
            *("leased_until", "not_before", "error_kind", "error", "finished_at"),
        ],
    )
    spent = sum((call.cost or Decimal(0) for call in stored), Decimal(0))
    Judge.objects.filter(pk=judge.pk).update(cost=F("cost") + spent)
    note_outcomes(
        endpoint_id=answers[0][0].access.endpoint_id,
        campaign_id=judge.campaign_id,
        outcomes=[None] * len(stored),
    )
    if judge.campaign.state == Campaign.State.ARCHIVED:
        return 0
    return _settle(judge, {(call.comparison_id, bytes(call.rubric_key)) for call in stored})


@transaction.atomic(durable=True)
def fail_calls(*, judge_id: int, failures: Sequence[tuple[JudgeClaim, ProviderError]]) -> None:
    """Put calls back for another try, or end them with the reason. Stale leases change nothing.

    Being told to wait is no try. A call that a server refused is tried once without a schema,
    which not every server knows.
    """
    judge = held_judge(judge_id)
    if judge is None or not failures:
        return
    held = _held(judge, [claim for claim, _ in failures])
    theirs = [(claim, error) for claim, error in failures if (claim.call_id, claim.fence) in held]
    strikes = note_outcomes(
        endpoint_id=failures[0][0].access.endpoint_id,
        campaign_id=judge.campaign_id,
        outcomes=[error for _, error in theirs],
    ).strikes
    pauses: list[float] = []
    for claim, error in theirs:
        call = held[claim.call_id, claim.fence]
        is_limited = error.kind == ErrorKind.RATE_LIMITED
        is_unbound_next = error.kind == ErrorKind.REFUSED and claim.is_bound
        if is_limited:
            call.attempts -= 1
        call.error_kind, call.error = error.kind.value, error.message[:500]
        call.leased_until = None
        may_retry = error.kind.is_retryable or is_unbound_next
        if may_retry and (call.attempts < claim.access.limits.max_attempts or is_limited):
            seconds = (
                0.0
                if is_unbound_next
                else wait_seconds(error, strikes if is_limited else call.attempts)
            )
            call.state = State.WAITING
            call.not_before = Now() + timedelta(seconds=seconds)
            pauses.append(seconds)
        else:
            call.state = State.FAILED
            call.finished_at = Now()
        call.save()
    if pauses:
        jobs.enqueue(DRIVE, judge.pk, countdown=min(pauses))


def _held(judge: Judge, claims: Iterable[JudgeClaim]) -> dict[tuple[int, int], JudgeCall]:
    rows = JudgeCall.objects.select_for_update(no_key=True).filter(
        pk__in=[claim.call_id for claim in claims], judge=judge, state=State.LEASED
    )
    return {(call.pk, call.fence): call for call in rows.order_by("pk")}


def _answered(
    call: JudgeCall, claim: JudgeClaim, verdict: Verdict, result: CompletionResult
) -> JudgeCall:
    said = answered(verdict, call.shown_left)
    call.state = State.ANSWERED
    call.preference, call.strength = said.preference, said.strength
    call.criteria = dict(said.criteria)
    call.confidence, call.rationale = said.confidence, said.rationale
    call.leased_until = call.not_before = None
    call.finished_at = Now()
    call.input_tokens = result.prompt_token_count
    call.output_tokens = result.completion_token_count
    call.latency_ms = result.latency_ms
    call.cost = _cost(claim.access.price, result)
    call.provenance = {
        "request": {**claim.request.sampling, "model": claim.request.model},
        "model": result.model,
        "response_id": result.response_id,
        "finish_reason": result.finish_reason,
        "is_bound": claim.is_bound,
        "is_demo": result.is_demo,
        "attempt": call.attempts,
        "guideline_version": claim.guideline_number,
    }
    return call


def _cost(price: Mapping[str, Any], result: CompletionResult) -> Decimal | None:
    """What the call cost; None where the endpoint has no price or the provider counted nothing."""
    total = Decimal(0)
    for name, count in (
        ("input_per_million", result.prompt_token_count),
        ("output_per_million", result.completion_token_count),
    ):
        if name in price:
            if count is None:
                return None
            total += Decimal(str(price[name])) * count / MILLION
    return round(total, 6) if price.keys() & {"input_per_million", "output_per_million"} else None


def _settle(judge: Judge, touched: set[tuple[int, bytes]]) -> int:
    """A judgment for each of the comparisons whose calls are all answered and that has none."""
    calls: dict[tuple[int, bytes], list[JudgeCall]] = defaultdict(list)
    rows = judge.calls.filter(
        comparison__in={pk for pk, _ in touched}, rubric_key__in={key for _, key in touched}
    )
    for call in rows.order_by("pk"):
        calls[call.comparison_id, bytes(call.rubric_key)].append(call)
    judged = {
        (row.comparison_id, bytes(row.rubric_key))
        for row in judge.verdicts.filter(comparison__in={pk for pk, _ in touched})
    }
    count = 0
    for place in sorted(touched - judged):
        asked = calls[place]
        if all(call.state == State.ANSWERED for call in asked):
            _judge(judge, place[0], place[1], asked)
            count += 1
    return count


def _judge(judge: Judge, comparison_id: int, key: bytes, calls: Sequence[JudgeCall]) -> None:
    combined = combine([_as_answered(call) for call in calls])
    number = calls[0].provenance["guideline_version"]
    version = judge.campaign.guidelines.filter(number=number).first() if number else None
    before = Judgment.objects.standing().filter(rater=judge.rater, comparison=comparison_id).first()
    judgment = Judgment.objects.create(
        campaign=judge.campaign,
        comparison_id=comparison_id,
        rater=judge.rater,
        supersedes=before,
        guideline_version=version,
        preference=combined.preference,
        strength=combined.strength,
        criteria=dict(combined.criteria),
        rationale=combined.rationale,
        # Asked in both orders, it saw neither side on the left alone.
        shown_left=calls[0].shown_left if combined.is_consistent is None else None,
        client={"judge": str(judge.public_id)},
    )
    _keep(judge, judgment, key, combined)


def _keep(judge: Judge, judgment: Judgment, key: bytes, combined: Combined) -> None:
    JudgeVerdict.objects.create(
        judge=judge,
        comparison_id=judgment.comparison_id,
        rubric_key=key,
        guideline_version=judgment.guideline_version,
        judgment=judgment,
        is_consistent=combined.is_consistent,
        confidence=combined.confidence,
    )
    verb = "judgment.revised" if judgment.supersedes_id else "judgment.submitted"
    audit.record(verb, campaign=judge.campaign, by=judge.rater, subject=judgment.public_id)


def _as_answered(call: JudgeCall) -> Answered:
    return Answered(
        shown_left=call.shown_left,
        preference=call.preference,
        strength=call.strength or 0,
        confidence=call.confidence,
        criteria=call.criteria,
        rationale=call.rationale,
    )
