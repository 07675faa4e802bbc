"""Judges at the local server, driven by the workers' own tasks."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models.functions import Now

from labeling.actions.endpoints import register_endpoint
from labeling.actions.judge_answers import store_answers
from labeling.actions.judge_calls import JudgeClaim, claim_calls
from labeling.actions.judges import create_judge
from labeling.actions.rounds import open_waiting
from labeling.clients.protocol import CompletionResult, ProviderError
from labeling.judging.verdicts import Verdict
from labeling.models import Campaign, Comparison, Endpoint, Judge, JudgeCall, Judgment, Organisation
from tests import factories
from tests.llm_server import LlmServer
from workers.judges import drive_judge


def endpoint(server: LlmServer, of: Organisation, name: str = "larch", **fields: Any) -> Endpoint:
    """An endpoint at the server, whose address the caller has opened."""
    fields = {"model": "served", "key": "sk-zq-canary-0123456789", "by": None} | fields
    return register_endpoint(organisation=of, name=name, base_url=server.base_url, **fields)


def judge(campaign: Campaign, server: LlmServer, name: str = "oak", **settings: Any) -> Judge:
    """A judge of the campaign behind the server."""
    known = Endpoint.objects.filter(organisation=campaign.organisation_id, name="larch").first()
    chosen = known or endpoint(server, campaign.organisation)
    return create_judge(campaign=campaign, endpoint=chosen.name, name=name, by=None, **settings)


def drain(judge: Judge, *, most: int = 60) -> Judge:
    """Do what workers do with the judge's bells until nothing is due; pauses are cut short."""
    for _ in range(most):
        hurry(judge)
        if not drive_judge(judge.pk):
            break
    else:
        raise AssertionError("The judge does not come to an end.")
    judge.refresh_from_db()
    return judge


def lapse(judge: Judge) -> None:
    """As if whoever holds its calls had fallen silent an hour ago."""
    JudgeCall.objects.filter(judge=judge, state="leased").update(
        leased_until=Now() - timedelta(hours=1)
    )


def hurry(judge: Judge) -> None:
    """As if every pause were over."""
    judge.calls.update(not_before=None)
    Endpoint.objects.update(rests_until=None)


def held(judge: Judge, most: int = 100) -> list[JudgeClaim]:
    """The judge's next calls, leased."""
    return claim_calls(judge_id=judge.pk, most=most)


def answer_calls(
    *, judge_id: int, answers: Sequence[tuple[JudgeClaim, Verdict, CompletionResult]]
) -> int:
    """Store these verdicts; how many comparisons were judged."""
    said = [(claim, (verdict, came)) for claim, verdict, came in answers]
    return store_answers(judge_id=judge_id, answers=said)


def fail_calls(*, judge_id: int, failures: Sequence[tuple[JudgeClaim, ProviderError]]) -> None:
    """Store that these calls failed."""
    store_answers(judge_id=judge_id, answers=failures)


def states(judge: Judge) -> dict[str, int]:
    """How many calls of the judge are in each state."""
    counts: dict[str, int] = {}
    for state in judge.calls.values_list("state", flat=True):
        counts[state] = counts.get(state, 0) + 1
    return counts


def verdict(preference: Any = "left", confidence: float = 0.8) -> Verdict:
    """What a judge would have said."""
    return Verdict(preference, 1 if preference in ("left", "right") else 0, confidence, "Because.")


def result() -> CompletionResult:
    """What came with it."""
    return CompletionResult(
        text="{}",
        finish_reason="stop",
        model="m",
        latency_ms=5,
        prompt_token_count=1000,
        completion_token_count=100,
    )


def of_judge(judge: Judge) -> dict[int, str]:
    """The standing preferences of the judge by comparison."""
    return dict(
        Judgment.objects.standing()
        .filter(rater=judge.rater)
        .values_list("comparison_id", "preference")
    )


def fine(campaign: Campaign, count: int = 2) -> list[Comparison]:
    """Open comparisons of which `b` is fine and `a` is not."""
    made = [factories.comparison(campaign, f"Poor {n}", f"FINE {n}") for n in range(count)]
    open_waiting(campaign=campaign, by=None)
    return made
