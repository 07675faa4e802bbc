"""What asking a judge would come to, before it is asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Avg

from labeling.models import Judge, judge_queue
from labeling.queries.generation_estimates import CHARS_PER_TOKEN
from labeling.queries.judge_questions import question_of
from labeling.queries.judges import currency_of, has_price

# What a verdict with its reasons takes, where no answer of the judge's is known yet.
USUAL_OUTPUT_TOKENS: Final = 250
MILLION: Final = 1_000_000


@dataclass(frozen=True)
class Asking:
    """Comparisons and calls that "have it rate" would lay, and what they would cost.

    `cost` is None where the endpoint has no price. `is_known`: each call is taken to cost what the
    judge's own did so far; otherwise what its texts are long, and a usual answer.
    """

    comparisons: int
    calls: int
    cost: float | None
    currency: str
    is_known: bool


def asking_of(judge: Judge) -> Asking:
    """What it would be to ask the judge its share of the campaign now."""
    question = question_of(judge).question
    deal = judge_queue.Deal(
        judge_id=judge.pk,
        key=question.key,
        both_orders=judge.both_orders,
        samples=judge.samples,
        seed=judge.seed,
    )
    comparisons, chars = judge_queue.to_ask(deal, campaign_id=judge.campaign_id, share=judge.share)
    calls = comparisons * judge.samples * (2 if judge.both_orders else 1)
    mean = judge.calls.filter(cost__isnull=False).aggregate(mean=Avg("cost"))["mean"]
    price: Mapping[str, Any] = judge.endpoint.price
    each: float | None = None
    if mean is not None:
        each = float(mean)
    elif has_price(price):
        tokens = (len(question.system) + chars) / CHARS_PER_TOKEN
        each = (
            float(price.get("input_per_million", 0)) * tokens
            + float(price.get("output_per_million", 0)) * USUAL_OUTPUT_TOKENS
        ) / MILLION
    return Asking(
        comparisons,
        calls,
        None if each is None else each * calls,
        currency_of(price),
        is_known=mean is not None,
    )
