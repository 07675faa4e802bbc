"""Calls to LLM judges: a task drives many calls of one judge. The calls' rows are the queue."""

import time
from collections.abc import Sequence

from celery import shared_task
from django.db import OperationalError

from labeling import jobs
from labeling.actions.judge_answers import store_answers
from labeling.actions.judge_calls import JudgeClaim, claim_calls, prolong_calls
from labeling.actions.judges import DRIVE, follow_question
from labeling.clients.endpoint_settings import CallLimits, call_limits
from labeling.clients.protocol import CompletionResult, ProviderError
from labeling.judging.verdicts import Verdict, read_verdict
from labeling.models import Endpoint, Judge, judge_queue
from workers.asking import Asking
from workers.driving import Lot, drive, slice_seconds

MOST_THREADS = 256
# What a call takes until something is known of the endpoint's: for its tokens per minute.
USUAL_TOKENS = 2048
Said = tuple[Verdict, CompletionResult]


@shared_task(acks_late=True, autoretry_for=(OperationalError,), retry_backoff=True, max_retries=3)
def drive_judge(judge_id: int) -> int:
    """Ask the judge what is due, for a while; how many calls.

    One worker at a time: a second one leaves at once, and the calls are no slower for it. No
    transaction is open during a call; a worker that dies loses its leases, and another takes them.
    """
    judge = Judge.objects.select_related("endpoint").filter(pk=judge_id).first()
    if judge is None:
        return 0
    with judge_queue.driving(judge_id) as is_mine:
        if not is_mine:
            return 0
        follow_question(judge_id=judge_id)
        limits = call_limits(judge.endpoint.limits)
        work = JudgeWork(judge_id, judge.endpoint, limits)
        try:
            driven = drive(
                work, width=min(limits.concurrency, MOST_THREADS), seconds=slice_seconds()
            )
        finally:
            work.close()
    if driven.is_cut_short:
        jobs.enqueue(DRIVE, judge_id)
    return driven.calls


@shared_task(expires=10)
def sweep_judges() -> None:
    """Ring for every judge with a call to make: pauses that are over, leases lapsed, bells lost."""
    for judge_id in judge_queue.due():
        jobs.enqueue(DRIVE, judge_id)


class JudgeWork:
    """A judge's calls, as `workers.driving` drives them."""

    def __init__(self, judge_id: int, endpoint: Endpoint, limits: CallLimits) -> None:
        self._judge_id = judge_id
        self._asking = Asking(endpoint, limits, usual_tokens=USUAL_TOKENS)
        self._spacing = 0.0

    def claim(self, *, most: int, landed: int, is_idle: bool) -> Lot[JudgeClaim]:
        """Calls, as far as rates, room and budget go."""
        grant = self._asking.take(most)
        self._spacing = grant.spacing_seconds
        again = grant.wait_seconds or None
        if grant.count < 1:
            return Lot(again_in=again)
        claims = claim_calls(
            judge_id=self._judge_id,
            most=grant.count,
            window=grant.window,
            landed=landed,
            is_idle=is_idle,
        )
        self._asking.give_back(grant.count - len(claims))
        for claim in claims:
            self._asking.open(claim.access)
        is_alone = any(claim.is_suspect for claim in claims)
        return Lot(claims, is_alone, again if claims else None)

    def call(self, claim: JudgeClaim) -> Said:
        """Ask, and read the verdict; the one thing that happens in a thread."""
        if self._spacing:
            time.sleep(self._spacing)
        result = self._asking.ask(claim.access, claim.request)
        return read_verdict(result, mark=claim.mark, schema=claim.schema), result

    def store(self, answers: Sequence[tuple[JudgeClaim, Said | ProviderError]]) -> None:
        """Keep what came, and let the rates know."""
        store_answers(judge_id=self._judge_id, answers=answers)
        results = [said[1] for _, said in answers if not isinstance(said, ProviderError)]
        errors = [said for _, said in answers if isinstance(said, ProviderError)]
        self._asking.note(results, errors)

    def hold_on(self, claims: Sequence[JudgeClaim]) -> None:
        """The leases."""
        prolong_calls(claims=claims)

    def close(self) -> None:
        """Close the connections kept alive."""
        self._asking.close()
