"""Whether a judge's cap on cost can be kept: what is counted must be what is capped."""

from collections.abc import Iterable

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform

from labeling.models import Judge, JudgeCall
from labeling.queries.judges import currency_of, has_price

_CURRENCY = KeyTextTransform("currency", "provenance")


def cap_problems(judges: Iterable[Judge]) -> dict[int, str]:
    """By a judge's id, in words, why its cap on cost cannot be kept now; most have no such reason.

    The judges come with their endpoints.
    """
    capped = {judge.pk: judge for judge in judges if judge.budget_cost is not None}
    # What was spent so far is in the currency of the newest answer that has a price.
    spent = [pk for pk, judge in capped.items() if judge.cost > 0]
    newest = _priced().filter(judge=OuterRef("pk")).order_by("-finished_at")
    rows = Judge.objects.filter(pk__in=spent).annotate(
        currency=Subquery(newest.annotate(currency=_CURRENCY).values("currency")[:1])
    )
    currencies = dict(rows.values_list("pk", "currency")) if spent else {}
    told = {pk: _problem(judge, currencies.get(pk) or "") for pk, judge in capped.items()}
    return {pk: problem for pk, problem in told.items() if problem}


def cap_refusal(judge: Judge) -> str:
    """Why the judge cannot have a cap on cost, in words; none if it can.

    Of all that it spent, nothing may be in another currency than what it spends now.
    """
    others: Iterable[str] = ()
    if judge.pk is not None and judge.cost > 0:
        now = currency_of(judge.endpoint.price)
        calls = _priced().filter(judge=judge).annotate(currency=_CURRENCY)
        named = calls.filter(currency__isnull=False).exclude(currency__in=["", now])
        others = named.values_list("currency", flat=True)[:1]
    return _problem(judge, next(iter(others), None) or "")


def has_used_budget(judge: Judge) -> bool:
    """The judge made all the calls, or spent all the money, that it may."""
    return (judge.budget_calls is not None and judge.call_count >= judge.budget_calls) or (
        judge.budget_cost is not None and judge.cost >= judge.budget_cost
    )


def _priced() -> QuerySet[JudgeCall]:
    return JudgeCall.objects.filter(state=JudgeCall.State.ANSWERED, cost__isnull=False)


def _problem(judge: Judge, spent_in: str) -> str:
    name, now = judge.endpoint.name, currency_of(judge.endpoint.price)
    if not has_price(judge.endpoint.price):
        return (
            f"{name} has no price, so nobody would know when this is spent. Give it one, or set a"
            " number of calls."
        )
    if spent_in and now and spent_in != now:
        return (
            f"The price of {name} is in {now}, and what this judge spent is in {spent_in}: they do"
            f" not add up. Put the price into {spent_in}, or set a number of calls in place of the"
            " cost."
        )
    return ""
