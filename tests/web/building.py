"""A campaign with canaries in everything a rater must not learn, and clients that judge in it."""

import re
from typing import Any
from uuid import UUID

from django.test import Client
from django.utils import timezone

from labeling.actions.rounds import open_waiting
from labeling.models import Campaign, Gold, GuidelineVersion, Seat
from tests import factories

SCHEMA = {
    "scale": 7,
    "tie": True,
    "both_bad": True,
    "rationale": "optional",
    "criteria": [
        {"key": "helpful", "label": "Helpful", "help": "Does what was asked."},
        {"key": "truthful", "label": "Truthful", "help": "Claims hold up."},
    ],
}
CANARIES = ("zq-canary-one", "zq-canary-two", "zq-canary-host", "zq-canary-note", "zq-canary-rater")


def open_campaign(count: int = 3, **fields: Any) -> Campaign:
    """An active seven-step campaign with `count` open comparisons."""
    campaign = factories.campaign(**({"schema": SCHEMA} | fields))
    for number in range(count):
        comparison = factories.comparison(
            campaign,
            f"First **answer** {number}",
            f"Second *answer* {number}",
            models=("zq-canary-one", "zq-canary-two"),
            prompt_text=f"Question {number}?",
        )
        comparison.completion_a.source.params = {"host": "zq-canary-host"}
        comparison.completion_a.source.save()
    open_waiting(campaign=campaign, by=None)
    return campaign


def add_gold(campaign: Campaign) -> None:
    """A comparison whose answer is known, with a note no rater may read."""
    comparison = factories.comparison(
        campaign, "Gold **left**", "Gold right", models=("zq-canary-one", "zq-canary-two")
    )
    Gold.objects.create(
        comparison=comparison, preference="a", strength=2, explanation="zq-canary-note"
    )
    open_waiting(campaign=campaign, by=None)


def publish(campaign: Campaign, body: str = "# One rule\n\nBe *fair*.") -> GuidelineVersion:
    return GuidelineVersion.objects.create(
        campaign=campaign, number=1, body=body, published_at=timezone.now()
    )


def signed_in(seat: Seat, **options: Any) -> Client:
    client = Client(**options)
    assert seat.rater.user is not None
    client.force_login(seat.rater.user)
    return client


def assignment_of(html: str) -> UUID:
    match = re.search(r'name="assignment_id" value="([0-9a-f-]{36})"', html)
    assert match, html[:2000]
    return UUID(match.group(1))


def answer(html: str, **changes: Any) -> dict[str, Any]:
    """A complete form for the page `html`: A is better, helpful and truthful said."""
    fields = {
        "assignment_id": str(assignment_of(html)),
        "verdict": "left:2",
        "criterion_helpful": "left",
        "criterion_truthful": "tie",
        "rationale": "A is right.",
        "active_ms": "1234",
    } | changes
    return {name: value for name, value in fields.items() if value is not None}
