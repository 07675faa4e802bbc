"""Store what judges answered, and make judgments of it.

When all calls about a comparison are answered, the answers become one judgment, in the transaction
that stores the last of them. Every action holds the judge's row, so two workers never both come
last, nor both not. Locks go campaign, judge, call, endpoint.
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
from labeling.judging.combining import Answered, answered, combine
from labeling.judging.verdicts import NoVerdictError, Verdict
from labeling.models import Campaign, Judge, JudgeCall, JudgeVerdict, Judgment, judge_queue

# How long it is remembered that a server takes no schema.
PLAIN_SECONDS = 24 * 3600
State = JudgeCall.State


@transaction.atomic(durable=True)
def answer_calls(
    *, judge_id: int, answers: Sequence[tuple[JudgeClaim, Verdict, CompletionResult]]
) -> int:
    """Store what came, and judge each comparison that has all its answers; how many were judged.

    What comes under a stale lease changes nothing, and of what comes after the campaign was
    archived no judgment is made.
    """
    campaigns = Campaign.objects.select_for_update(no_key=True)
    campaigns.filter(judges=judge_id).first()
    judge = held_judge(judge_id)
    if judge is None or not answers:
        return 0
    rows = {
        claim.call_id: _row(claim, verdict, result) for claim, verdict, result in reversed(answers)
    }
    stored = judge_queue.answer(judge_id=judge.pk, rows=list(rows.values()))
    if not stored:
        return 0
    ids = {call_id for call_id, _, _ in stored}
    for claim, _, _ in answers:
        # A server that answers without a schema what it refused with one takes none.
        if claim.call_id in ids and claim.was_refused and not claim.is_bound:
            cache.set(plain_key(claim.access, claim.request.model), 1, PLAIN_SECONDS)
    spent = sum((Decimal(rows[pk]["cost"] or 0) for pk in ids), Decimal(0))
    Judge.objects.filter(pk=judge.pk).update(cost=F("cost") + spent)
    note_outcomes(
        endpoint_id=answers[0][0].access.endpoint_id,
        campaign_id=judge.campaign_id,
        outcomes=[None] * len(stored),
    )
    if judge.campaign.state == Campaign.State.ARCHIVED:
        return 0
    return _settle(judge, {(about, key) for _, about, key in stored})


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
    paid = [
        _cost(claim.access.price, error.result)
        for claim, error in theirs
        if isinstance(error, NoVerdictError)
    ]
    if spent := sum((cost for cost in paid if cost is not None), Decimal(0)):
        Judge.objects.filter(pk=judge.pk).update(cost=F("cost") + spent)
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


def _row(claim: JudgeClaim, verdict: Verdict, result: CompletionResult) -> dict[str, Any]:
    """The answer as its call keeps it."""
    said = answered(verdict, claim.shown_left)
    cost = _cost(claim.access.price, result)
    return {
        "id": claim.call_id,
        "fence": claim.fence,
        "preference": said.preference,
        "strength": said.strength,
        "criteria": dict(said.criteria),
        "confidence": said.confidence,
        "rationale": said.rationale,
        "input_tokens": result.prompt_token_count,
        "output_tokens": result.completion_token_count,
        "latency_ms": result.latency_ms,
        "cost": None if cost is None else str(cost),
        "provenance": {
            "request": {**claim.request.sampling, "model": claim.request.model},
            "model": result.model,
            "response_id": result.response_id,
            "finish_reason": result.finish_reason,
            "is_bound": claim.is_bound,
            "is_demo": result.is_demo,
            "attempt": claim.attempts,
            "guideline_version": claim.guideline_number,
        },
    }


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
    ripe = {
        place: calls[place]
        for place in sorted(touched - judged)
        if all(call.state == State.ANSWERED for call in calls[place])
    }
    count = len(ripe)
    while ripe:
        # Under two keys at once, the second supersedes the first.
        first = {place[0]: place for place in reversed(ripe)}
        _judge(judge, {place: ripe.pop(place) for place in first.values()})
    return count


def _judge(judge: Judge, ripe: Mapping[tuple[int, bytes], Sequence[JudgeCall]]) -> None:
    """The judgments and verdicts that the calls come to, in a few statements for all of them."""
    published = judge.campaign.guidelines.filter(number__isnull=False)
    versions = {one.number: one for one in published.defer("body", "examples")}
    standing = Judgment.objects.standing().filter(rater=judge.rater)
    before = {
        one.comparison_id: one
        for one in standing.filter(comparison__in=[pk for pk, _ in ripe]).order_by("pk")
    }
    combined = {place: combine([_as_answered(call) for call in ripe[place]]) for place in ripe}
    made = Judgment.objects.bulk_create(
        Judgment(
            campaign=judge.campaign,
            comparison_id=place[0],
            rater=judge.rater,
            supersedes=before.get(place[0]),
            guideline_version=versions.get(ripe[place][0].provenance["guideline_version"]),
            preference=one.preference,
            strength=one.strength,
            criteria=dict(one.criteria),
            rationale=one.rationale,
            # Asked in both orders, it saw neither side on the left alone.
            shown_left=ripe[place][0].shown_left if one.is_consistent is None else None,
            client={"judge": str(judge.public_id)},
        )
        for place, one in combined.items()
    )
    JudgeVerdict.objects.bulk_create(
        JudgeVerdict(
            judge=judge,
            comparison_id=place[0],
            rubric_key=place[1],
            guideline_version=judgment.guideline_version,
            judgment=judgment,
            is_consistent=one.is_consistent,
            confidence=one.confidence,
        )
        for (place, one), judgment in zip(combined.items(), made, strict=True)
    )
    for verb, is_new in (("judgment.submitted", True), ("judgment.revised", False)):
        told = [one.public_id for one in made if (one.supersedes_id is None) == is_new]
        if told:
            audit.record_each(verb, campaign=judge.campaign, by=judge.rater, subjects=told)


def _as_answered(call: JudgeCall) -> Answered:
    return Answered(
        shown_left=call.shown_left,
        preference=call.preference,
        strength=call.strength or 0,
        confidence=call.confidence,
        criteria=call.criteria,
        rationale=call.rationale,
    )
