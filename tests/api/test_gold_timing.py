"""BL-09: what a rater waits for does not tell a comparison with a known answer from the rest."""

import re
import time
from bisect import bisect_left, bisect_right
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from labeling.actions.rounds import open_round, open_waiting
from labeling.models import (
    Assignment,
    Campaign,
    Comparison,
    Completion,
    Gold,
    Prompt,
    Seat,
    Source,
)
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 1_000
# Far more than are met: choosing one must not take longer the more there are to choose from.
KNOWN = 1_000


def add_comparisons(campaign: Campaign, count: int) -> list[Comparison]:
    """As the factories make them, all at once."""
    source = Source.objects.create(campaign=campaign, key=bytes(32), model="model-one")
    start = Prompt.objects.count()
    prompts = Prompt.objects.bulk_create(
        Prompt(
            campaign=campaign,
            messages=[{"role": "user", "content": f"Question {n}?"}],
            content_hash=n.to_bytes(32, "big"),
        )
        for n in range(start, start + count)
    )
    sides = Completion.objects.bulk_create(
        Completion(
            prompt=prompt,
            source=source,
            messages=[{"role": "assistant", "content": f"Answer {side} to {n}"}],
            content_hash=(2 * n + side).to_bytes(32, "big"),
            char_count=12,
        )
        for n, prompt in enumerate(prompts, start)
        for side in (0, 1)
    )
    return Comparison.objects.bulk_create(
        Comparison(campaign=campaign, prompt=prompt, completion_a=a, completion_b=b)
        for prompt, a, b in zip(prompts, sides[::2], sides[1::2], strict=True)
    )


class Script:
    """A rater's script with a token and a clock."""

    def __init__(self, campaign: Campaign, seat: Seat) -> None:
        assert seat.rater.user is not None
        token = factories.token(seat.rater.user, "rate")
        self.client = Client(headers={"authorization": f"Bearer {token}"})
        self.claim_path = f"/api/v1/campaigns/{campaign.slug}/assignments/"

    def claim(self) -> str:
        response = self.client.post(self.claim_path)
        assert response.status_code == 201
        return str(response.json()["id"])

    def submit(self, item: str) -> None:
        path = f"/api/v1/assignments/{item}/judgment/"
        response = self.client.post(path, {"side": "left"}, content_type="application/json")
        assert response.status_code == 201

    def timed_rounds(self, count: int) -> dict[str, tuple[float, float]]:
        """The seconds that each claim and each submission took, by the assignment's id."""
        took = {}
        for _ in range(count):
            begun = time.perf_counter()
            item = self.claim()
            claimed = time.perf_counter()
            self.submit(item)
            took[item] = (claimed - begun, time.perf_counter() - claimed)
        return took


def share_of_longer(some: list[float], others: list[float]) -> float:
    """How often one of `some` is longer than one of the `others`: Mann and Whitney's U as a share.

    0.5 where the two cannot be told apart.
    """
    ranked = sorted(others)
    won = sum(bisect_left(ranked, one) + bisect_right(ranked, one) for one in some)
    return won / (2 * len(some) * len(others))


def separation(campaign: Campaign) -> list[float]:
    """How far gold and slots are apart in a fresh rater's claims and submissions, in standard
    deviations of what chance makes of equal ones.
    """
    took = Script(campaign, factories.rater(campaign)).timed_rounds(ROUNDS)
    dealt = Assignment.objects.filter(public_id__in=list(took))
    known = {str(one) for one in dealt.filter(ordinal=None).values_list("public_id", flat=True)}
    n, m = len(known), len(took) - len(known)
    # One in ten, give or take four standard deviations of a fair draw.
    assert 62 <= n <= 138
    deviation = ((n + m + 1) / (12 * n * m)) ** 0.5
    found = []
    for which in (0, 1):
        gold = [times[which] for item, times in took.items() if item in known]
        slots = [times[which] for item, times in took.items() if item not in known]
        found.append(abs(share_of_longer(gold, slots) - 0.5) / deviation)
    return found


def test_the_time_a_claim_and_an_answer_take_does_not_tell_gold_from_slots() -> None:
    """Ranks, not milliseconds: a busy machine blurs the two alike.

    2.58 standard deviations are p = 0.01, so equal ones fail once in a hundred, and twice in a row
    once in ten thousand; those of 100 and 900 come to 0.08 of the share. Picking gold by sorting
    all of it, in tables not analysed yet, put them 0.35 apart and more.
    """
    campaign = factories.campaign(requirements={"gold_rate": 0.1}, overlap=2)
    comparisons = add_comparisons(campaign, KNOWN + ROUNDS)
    Gold.objects.bulk_create(
        Gold(comparison=one, preference="a", strength=2) for one in comparisons[:KNOWN]
    )
    open_waiting(campaign=campaign, by=None)
    # As autovacuum does within a minute; in the middle of the rounds it would change what is timed.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    first = separation(campaign)
    apart = [one for one in first if one > 2.58]
    if apart:
        second = separation(campaign)
        assert not [pair for pair in zip(first, second, strict=True) if min(pair) > 2.58]


def statements_of(script: Script) -> tuple[bool, list[str]]:
    """Whether the next comparison is gold, and the statements that claiming and answering took."""
    with CaptureQueriesContext(connection) as seen:
        item = script.claim()
        script.submit(item)
    told = [re.sub(r"'[^']*'|ARRAY\[[\d, ]*\]|\b\d+\b|NULL", "?", one["sql"]) for one in seen]
    return Assignment.objects.get(public_id=item).ordinal is None, told


@pytest.mark.parametrize("asked", [{}, {"qualification": "own"}])
def test_gold_and_slots_take_the_same_statements(asked: dict[str, Any]) -> None:
    campaign = factories.campaign(slug="own", requirements={"gold_rate": 0.5} | asked)
    if asked:
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
    for _ in range(12):
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    factories.open_comparisons(campaign, 12)
    seat = factories.rater(campaign)
    script = Script(campaign, seat)
    if asked:
        item = script.claim()
        side = Assignment.objects.get(public_id=item).side("a")
        script.client.post(
            f"/api/v1/assignments/{item}/judgment/", {"side": side}, content_type="application/json"
        )
    script.submit(script.claim())
    found = [statements_of(script) for _ in range(12)]
    assert {is_gold for is_gold, _ in found} == {True, False}
    (of_gold, *more_gold), (of_slots, *more_slots) = (
        [told for is_gold, told in found if is_gold is wanted] for wanted in (True, False)
    )
    assert all(one == of_gold for one in more_gold)
    assert all(one == of_slots for one in more_slots)
    assert of_gold == of_slots
