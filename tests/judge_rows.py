"""A judge beside people, as rows: what it said of comparisons, and what people said of them."""

from collections.abc import Sequence
from typing import Any

from labeling.actions.judges import create_judge, deal_of
from labeling.models import (
    Campaign,
    Comparison,
    Endpoint,
    Judge,
    JudgeCall,
    JudgeVerdict,
    Judgment,
    Report,
    Seat,
)
from tests import factories
from workers.metrics import refresh_report


def judge_of(campaign: Campaign, name: str = "spruce", **settings: Any) -> Judge:
    """A judge at an endpoint that is never called, and has a price."""
    endpoint, _ = Endpoint.objects.get_or_create(
        organisation=campaign.organisation,
        name="spruce-70b",
        defaults={
            "base_url": "https://models.example/v1",
            "model": "spruce-70b",
            "price": {"input_per_million": 1.0, "currency": "EUR"},
        },
    )
    return create_judge(campaign=campaign, endpoint=endpoint.name, name=name, by=None, **settings)


def says(
    judge: Judge,
    comparison: Comparison,
    preference: str,
    confidence: float | None = 0.9,
    *,
    orders: Sequence[str] = (),
) -> JudgeVerdict:
    """The judge's verdict, with its calls; `orders` are its answers with a first and with b."""
    key = deal_of(judge).key
    # What waits for a worker is answered by this.
    judge.calls.filter(comparison=comparison, rubric_key=key, state="waiting").delete()
    JudgeCall.objects.bulk_create(
        JudgeCall(
            judge=judge,
            comparison=comparison,
            rubric_key=key,
            shown_left=shown_left,
            sample=1,
            state="answered",
            preference=said,
            confidence=confidence,
        )
        for shown_left, said in zip("ab", orders or (preference, preference), strict=True)
    )
    judgment = Judgment.objects.create(
        campaign=judge.campaign,
        comparison=comparison,
        rater=judge.rater,
        preference=preference,
        client={"judge": str(judge.public_id)},
    )
    return JudgeVerdict.objects.create(
        judge=judge,
        comparison=comparison,
        rubric_key=key,
        judgment=judgment,
        is_consistent=None if not orders else orders[0] == orders[1],
        confidence=confidence,
    )


def people_say(
    seats: Sequence[Seat], comparison: Comparison, answers: Sequence[str], **fields: Any
) -> None:
    """Judgments of people, made elsewhere."""
    Judgment.objects.bulk_create(
        Judgment(
            campaign=comparison.campaign,
            comparison=comparison,
            rater=seat.rater,
            preference=said,
            **fields,
        )
        for seat, said in zip(seats, answers, strict=False)
    )


def known_judge(campaign: Campaign, count: int = 120) -> tuple[Judge, Report]:
    """A judge that is right nine times of ten, and says so; weighed against three people."""
    judge = judge_of(campaign)
    Judge.objects.filter(pk=judge.pk).update(cost="1.2")
    seats = [factories.rater(campaign) for _ in range(3)]
    for k in range(count):
        comparison = factories.comparison(campaign)
        mine, other = ("a", "b") if k % 2 else ("b", "a")
        # Every fourth item divides people.
        split = (mine, mine, mine) if k % 4 else (mine, mine, other)
        people_say(seats, comparison, split, active_ms=30_000)
        is_sure = k % 3 > 0
        right = k % 10 > 0 if is_sure else k % 2 > 0
        says(judge, comparison, mine if right else other, 0.95 if is_sure else 0.55)
    refresh_report(campaign.pk)
    judge.refresh_from_db()
    report = campaign.reports.order_by("-computed_at").first()
    assert report is not None
    return judge, report
