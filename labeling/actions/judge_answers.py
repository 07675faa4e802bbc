"""Store what judges answered, and make judgments of it.

When all calls about a comparison are answered, the answers become one judgment, in the transaction
that stores the last of them. Every action holds the judge's row, so two workers never both come
last, nor both not. Locks go campaign, judge, call, endpoint.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
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
from labeling.judging.verdicts import Verdict
from labeling.models import Campaign, Judge, JudgeCall, JudgeVerdict, Judgment, judge_queue
from labeling.queries.judges import currency_of

# How long it is remembered that a server takes no schema.
PLAIN_SECONDS = 24 * 3600
State = JudgeCall.State
# A verdict with the answer that it was read from, or why there is none.
Said = tuple[Verdict, CompletionResult] | ProviderError
_ZERO = Decimal(0)


@transaction.atomic(durable=True)
def store_answers(*, judge_id: int, answers: Sequence[tuple[JudgeClaim, Said]]) -> int:
    """Store what calls came to, and judge what has all its answers; how many comparisons.

    What a call took is counted whatever it brought. What comes under a stale lease changes nothing
    but that, and of what comes after the campaign was archived no judgment is made. All of it is
    one transaction, so that storing it once more after a failure counts nothing twice.
    """
    campaigns = Campaign.objects.select_for_update(no_key=True)
    campaigns.filter(judges=judge_id).first()
    judge = held_judge(judge_id)
    if judge is None or not answers:
        return 0
    spent = sum((_cost(claim.access.price, said) or Decimal(0) for claim, said in answers), _ZERO)
    if spent:
        Judge.objects.filter(pk=judge.pk).update(cost=F("cost") + spent)
    failed = [(claim, said) for claim, said in answers if isinstance(said, ProviderError)]
    held = _held(judge, [claim for claim, _ in failed])
    came = [(claim, said) for claim, said in answers if not isinstance(said, ProviderError)]
    stored = _store(judge, came)
    _put_back(judge, held, [one for one in failed if _key(one[0]) in held])
    if not stored or judge.campaign.state == Campaign.State.ARCHIVED:
        return 0
    return _settle(judge, stored)


def _store(
    judge: Judge, came: Sequence[tuple[JudgeClaim, tuple[Verdict, CompletionResult]]]
) -> set[tuple[int, bytes]]:
    """Keep the answers of calls that are still held: their comparisons and keys."""
    if not came:
        return set()
    rows = {claim.call_id: _row(claim, *said) for claim, said in reversed(came)}
    stored = judge_queue.answer(judge_id=judge.pk, rows=list(rows.values()))
    if not stored:
        return set()
    ids = {call_id for call_id, _, _ in stored}
    plain: set[str] = set()
    for claim, _ in came:
        # A server that answers without a schema what it refused with one takes none.
        if claim.call_id in ids and claim.was_refused and not claim.is_bound:
            access, model = claim.access, claim.request.model
            plain.add(plain_key(access.endpoint_id, access.base_url, model))
    if plain:
        # When no row is held any more: a cache may hang.
        known = dict.fromkeys(plain, 1)
        transaction.on_commit(partial(cache.set_many, known, PLAIN_SECONDS))
    note_outcomes(
        endpoint_id=came[0][0].access.endpoint_id,
        campaign_id=judge.campaign_id,
        outcomes=[None] * len(stored),
    )
    return {(about, key) for _, about, key in stored}


def _put_back(
    judge: Judge,
    held: Mapping[tuple[int, int], JudgeCall],
    failed: Sequence[tuple[JudgeClaim, ProviderError]],
) -> None:
    """Put calls back for another try, or end them with the reason.

    Being told to wait is no try. Nor is it one that a server refused the schema, which not every
    server knows: the call is made once without it.
    """
    if not failed:
        return
    strikes = note_outcomes(
        endpoint_id=failed[0][0].access.endpoint_id,
        campaign_id=judge.campaign_id,
        outcomes=[error for _, error in failed],
    ).strikes
    pauses: list[float] = []
    for claim, error in failed:
        call = held[_key(claim)]
        is_limited = error.kind == ErrorKind.RATE_LIMITED
        is_unbound_next = error.kind == ErrorKind.REFUSED and claim.is_bound
        is_no_try = is_limited or is_unbound_next
        if is_no_try:
            call.attempts -= 1
        call.error_kind, call.error = error.kind.value, error.message[:500]
        call.leased_until = None
        is_left = call.attempts < claim.access.limits.max_attempts
        if is_no_try or (error.kind.is_retryable and is_left):
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
    """The calls that are still the caller's, by id and fence, held."""
    rows = JudgeCall.objects.select_for_update(no_key=True).filter(
        pk__in=[claim.call_id for claim in claims], judge=judge, state=State.LEASED
    )
    return {(call.pk, call.fence): call for call in rows.order_by("pk")}


def _key(claim: JudgeClaim) -> tuple[int, int]:
    return claim.call_id, claim.fence


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
            # What the judge spent is in it: costs in another one do not add up with it.
            "currency": currency_of(claim.access.price),
        },
    }


def _cost(price: Mapping[str, Any], said: Said | CompletionResult) -> Decimal | None:
    """What the call cost; None where the endpoint has no price or the provider counted nothing.

    Of an answer that is of no use, often but one count was told: it cost that at least.
    """
    came = said[1] if isinstance(said, tuple) else said
    counts = {
        "input_per_million": came.prompt_token_count,
        "output_per_million": came.completion_token_count,
    }
    told = [counts[name] for name in counts.keys() & price.keys()]
    known = [count for count in told if count is not None]
    if not known or (len(known) < len(told) and not isinstance(came, ProviderError)):
        return None
    total = sum(
        (Decimal(str(price[name])) * (counts[name] or 0) for name in counts if name in price), _ZERO
    )
    return round(total / MILLION, 6)


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
