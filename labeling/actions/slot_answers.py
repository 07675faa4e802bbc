"""What calls came to: a completion in its slot, another try, or the reason why there is none.

Locks go run, slot, endpoint, job.
"""

import gzip
import logging
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson
from django.db import DataError, IntegrityError, transaction
from django.db.models import F

from labeling.actions.endpoint_health import Health, note_outcomes, wait_seconds
from labeling.actions.slots import Claim
from labeling.clients.protocol import CompletionResult, ErrorKind, ProviderError
from labeling.formats import filters, rows
from labeling.models import Completion, GenerationRun, Source, slots

MILLION = Decimal(1_000_000)
CENT = Decimal("0.000001")
UNSTORABLE = "The answer cannot be stored here; the worker's log has the reason."
Answer = tuple[Claim, CompletionResult | ProviderError]
logger = logging.getLogger(__name__)


def store_answers(*, run_id: int, endpoint_id: int, answers: Sequence[Answer]) -> set[int]:
    """Store what the calls came to, as `_store` says; the slots that were still the caller's.

    Where the database refuses what is in one of them, each is stored by itself, and that one fails
    with its reason: the others are paid for, too.
    """
    asked = {"run_id": run_id, "endpoint_id": endpoint_id}
    try:
        return _store(**asked, answers=answers)
    except (DataError, IntegrityError):
        if len(answers) > 1:
            logger.warning("a batch of %d answers is stored one by one", len(answers))
            return set().union(*(store_answers(**asked, answers=[one]) for one in answers))
        claim, came = answers[0]
        logger.exception("the answer for slot %d cannot be stored", claim.slot_id)
        error = ProviderError(ErrorKind.MALFORMED, UNSTORABLE)
        # It is paid for all the same.
        error.prompt_token_count = came.prompt_token_count
        error.completion_token_count = came.completion_token_count
        return _store(**asked, answers=[(claim, error)])


@transaction.atomic(durable=True)
def _store(*, run_id: int, endpoint_id: int, answers: Sequence[Answer]) -> set[int]:
    """Store what the calls came to; the slots that were still the caller's.

    A completion fills its slot. A failure puts it back for another try, or ends it with the reason;
    being told to wait is no try, so however long a provider limits its rate, nothing is lost. What
    a call took is counted whatever it brought. What a stale lease brings changes nothing but that.
    """
    run = GenerationRun.objects.select_for_update(no_key=True).filter(pk=run_id).first()
    if run is None:
        return set()
    came = [(claim, one) for claim, one in answers if isinstance(one, CompletionResult)]
    spent = sum((cost_of(claim, one) or Decimal(0) for claim, one in answers), Decimal(0))
    given = sum(one.prompt_token_count or 0 for _, one in answers)
    taken = sum(one.completion_token_count or 0 for _, one in answers)
    if spent or given or taken:
        GenerationRun.objects.filter(pk=run_id).update(
            cost=F("cost") + spent,
            input_tokens=F("input_tokens") + given,
            output_tokens=F("output_tokens") + taken,
        )
    held = slots.hold([(claim.slot_id, claim.fence) for claim, _ in answers])
    _fill([(claim, one) for claim, one in came if claim.slot_id in held])
    health = note_outcomes(
        endpoint_id=endpoint_id,
        campaign_id=run.campaign_id,
        outcomes=[one if isinstance(one, ProviderError) else None for _, one in answers],
    )
    failed = [
        _failed(claim, one, health)
        for claim, one in answers
        if isinstance(one, ProviderError) and claim.slot_id in held
    ]
    slots.fail(failed)
    ended = len(held) - sum(one.pause_seconds is not None for one in failed)
    slots.advance(run_id=run_id, count=ended)
    return held


def cost_of(claim: Claim, came: CompletionResult | ProviderError) -> Decimal | None:
    """What the call cost by the price when the run began; None where that is not known.

    Of an answer that was cut, often but one count was told: it cost that at least.
    """
    price = claim.price
    given, taken = came.prompt_token_count, came.completion_token_count
    is_told = given is not None and taken is not None
    if isinstance(came, ProviderError):
        is_told = given is not None or taken is not None
    if not price or not is_told:
        return None
    cost = (given or 0) * Decimal(str(price.get("input_per_million", 0)))
    cost += (taken or 0) * Decimal(str(price.get("output_per_million", 0)))
    return (cost / MILLION).quantize(CENT)


def _fill(came: Sequence[tuple[Claim, CompletionResult]]) -> None:
    """The same text of the same source is one completion, however many slots it fills."""
    if not came:
        return
    sources: dict[bytes, Source] = {}
    wanted: dict[tuple[int, bytes, int], Completion] = {}
    keys: list[tuple[int, bytes, int]] = []
    left_out: list[str] = []
    for claim, result in came:
        messages = result.messages()
        params = claim.source_params
        made = rows.completion_row(messages=messages, model=claim.name, params=params)
        if made.source_key not in sources:
            sources[made.source_key] = source_of(
                claim.campaign_id, made.source_key, claim.name, params
            )
        found = filters.findings(
            filters.Answer(
                result.text, result.finish_reason, claim.language, bool(result.tool_calls)
            )
        )
        left_out.append(filters.dropped_for(found, claim.filters))
        marks = dict.fromkeys([*made.marks, *filters.marked_for(found, claim.filters)])
        key = (claim.prompt_id, made.content_hash, sources[made.source_key].pk)
        keys.append(key)
        wanted.setdefault(
            key,
            Completion(
                prompt_id=claim.prompt_id,
                source=sources[made.source_key],
                content_hash=made.content_hash,
                messages=messages,
                char_count=made.char_count,
                header_count=made.style.headers,
                bold_count=made.style.bold,
                list_count=made.style.lists,
                finish_reason=result.finish_reason[:32],
                marks=list(marks),
                token_times=list(result.token_times) if result.token_times else None,
            ),
        )
    ids = stored_completions(wanted)
    slots.fill(
        [
            slots.Filled(
                slot_id=claim.slot_id,
                completion_id=ids[key],
                provenance=_provenance(claim, result),
                input_tokens=result.prompt_token_count,
                output_tokens=result.completion_token_count,
                latency_ms=result.latency_ms,
                first_token_ms=result.first_token_ms,
                cost=cost_of(claim, result),
                left_out=why,
            )
            for (claim, result), key, why in zip(came, keys, left_out, strict=True)
        ]
    )
    slots.keep_raw(
        [
            (claim.slot_id, gzip.compress(result.raw))
            for claim, result in came
            if claim.request.keeps_raw and result.raw is not None
        ]
    )


def source_of(campaign_id: int, key: bytes, model: str | None, params: Mapping[str, Any]) -> Source:
    """The source with this key, made if it is new."""
    known = {"campaign_id": campaign_id, "key": key}
    source = Source.objects.filter(**known).first()
    if source is None:
        # Calls that end together meet here: the database takes one, without an error in its log.
        new = Source(**known, model=model, params=dict(params))
        Source.objects.bulk_create([new], ignore_conflicts=True)
        source = Source.objects.get(**known)
    return source


def stored_completions(
    wanted: Mapping[tuple[int, bytes, int], Completion],
) -> dict[tuple[int, bytes, int], int]:
    """The ids of completions by prompt, text and source; those that are new are stored."""
    # In one order, so that two who store the same wait for one another and not in a ring.
    new = [wanted[key] for key in sorted(wanted)]
    Completion.objects.bulk_create(new, ignore_conflicts=True)
    found = Completion.objects.filter(
        prompt_id__in={key[0] for key in wanted},
        content_hash__in={key[1] for key in wanted},
        source_id__in={key[2] for key in wanted},
    ).values_list("prompt_id", "content_hash", "source_id", "pk")
    ids = {(prompt, bytes(text), source): pk for prompt, text, source, pk in found}
    return {key: ids[key] for key in wanted}


def _provenance(claim: Claim, result: CompletionResult) -> str:
    request: dict[str, Any] = {**claim.request.sampling, "model": claim.request.model}
    if claim.request.system:
        request["system"] = claim.request.system
    told = {
        "request": request,
        # Which server it was: the endpoint's address may be another one by now.
        "kind": claim.kind,
        "host": claim.host,
        "model": result.model,
        "response_id": result.response_id,
        "finish_reason": result.finish_reason,
        "latency_ms": result.latency_ms,
        "attempt": claim.attempts,
        "prompt_token_count": result.prompt_token_count,
        "completion_token_count": result.completion_token_count,
        "is_demo": result.is_demo,
    }
    return orjson.dumps(told).decode()


def _failed(claim: Claim, error: ProviderError, health: Health) -> slots.Failed:
    is_limited = error.kind == ErrorKind.RATE_LIMITED
    tries = health.strikes if is_limited else claim.attempts
    is_over = not error.kind.is_retryable or (
        not is_limited and claim.attempts >= claim.limits.max_attempts
    )
    return slots.Failed(
        claim.slot_id,
        error.kind.value,
        error.message[:500],
        None if is_over else wait_seconds(error, tries),
        is_refunded=is_limited,
        input_tokens=error.prompt_token_count,
        output_tokens=error.completion_token_count,
        cost=cost_of(claim, error),
    )
