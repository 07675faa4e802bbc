"""Campaigns with too little, or odd, judgments: every number of the report is there or says why.

The whole way: what is stored, the report by its worker, every page, file and print, and the API.
"""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.urls import reverse

from labeling.models import Campaign, Comparison, Gold, Report, Seat
from labeling.web.report_pages import SECTIONS
from tests import factories
from tests.judge_rows import people_say
from tests.web.visiting import as_
from workers.metrics import compute_report

pytestmark = pytest.mark.django_db

CRITERIA = [{"key": "helpful", "label": "Helpful"}]
# No number stands under these names: they are names, times and counts of bins.
LIMITS = ("low", "high")


def raters(campaign: Campaign, count: int) -> list[Seat]:
    return [factories.rater(campaign) for _ in range(count)]


def items(campaign: Campaign, count: int, **fields: Any) -> list[Comparison]:
    return [factories.comparison(campaign, **fields) for _ in range(count)]


def nothing(campaign: Campaign) -> None:
    items(campaign, 2)


def one_rater(campaign: Campaign) -> None:
    (seat,) = raters(campaign, 1)
    for k, item in enumerate(items(campaign, 6)):
        people_say([seat], item, ["ab"[k % 2]], shown_left="a")


def one_vote(campaign: Campaign) -> None:
    people_say(raters(campaign, 1), items(campaign, 1)[0], ["a"])


def all_ties(campaign: Campaign) -> None:
    seats = raters(campaign, 3)
    for item in items(campaign, 5):
        people_say(seats, item, ["tie", "tie", "both_bad"], shown_left="b")


def all_alike(campaign: Campaign) -> None:
    seats = raters(campaign, 3)
    for item in items(campaign, 5):
        people_say(seats, item, ["a", "a", "a"], shown_left="a", strength=3)


def one_model(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for item in items(campaign, 4, models=("only", "only")):
        people_say(seats, item, ["a", "b"])


def parted_models(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for models in (("one", "two"), ("three", "four")):
        for item in items(campaign, 3, models=models):
            people_say(seats, item, ["a", "a"])


def all_gold(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for item in items(campaign, 4):
        Gold.objects.create(comparison=item, preference="a")
        people_say(seats, item, ["a", "b"])


def the_same_again(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for item in items(campaign, 4):
        people_say(seats, item, ["a", "a"])
        people_say(seats, item, ["a", "b"], is_repeat=True)


def half_without_criterion(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for k, item in enumerate(items(campaign, 6)):
        people_say(seats, item, ["a", "b"], criteria={"helpful": "a"} if k % 2 else {})


def empty_texts(campaign: Campaign) -> None:
    seats = raters(campaign, 2)
    for _ in range(4):
        item = factories.comparison(campaign)
        item.completion_a.__class__.objects.filter(pk=item.completion_a_id).update(
            messages=[{"role": "assistant", "content": ""}], char_count=0
        )
        people_say(seats, item, ["b", "tie"], shown_left="a")


POOR: list[Callable[[Campaign], None]] = [
    *(nothing, one_rater, one_vote, all_ties, all_alike, one_model, parted_models, all_gold),
    *(the_same_again, half_without_criterion, empty_texts),
]


def estimates(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything in the report that has a value and limits, with where it stands."""
    if isinstance(value, dict):
        if "value" in value and set(LIMITS) <= set(value):
            yield path, value
        for key, one in value.items():
            yield from estimates(one, f"{path}.{key}")
    elif isinstance(value, list):
        for k, one in enumerate(value):
            yield from estimates(one, f"{path}[{k}]")


@pytest.mark.parametrize("poor", POOR, ids=lambda one: one.__name__)
def test_every_number_is_there_or_says_why(poor: Callable[[Campaign], None]) -> None:
    schema = {"scale": 7, "tie": True, "both_bad": True, "rationale": "off", "criteria": CRITERIA}
    campaign = factories.campaign(overlap=2, schema=schema)
    poor(campaign)
    compute_report(campaign)
    body = Report.objects.get(campaign=campaign).body
    # Neither NaN nor infinity is JSON.
    json.loads(json.dumps(body, allow_nan=False))
    found = dict(estimates(body))
    assert len(found) > 20
    for where, one in found.items():
        if one["value"] is None:
            assert one.get("why"), where
            assert one["low"] is None and one["high"] is None, where
        elif one["low"] is not None:
            assert math.isfinite(one["low"]) and one["low"] <= one["value"] + 1e-9, where
            assert one["value"] <= one["high"] + 1e-9, where
    client = as_(factories.member(campaign, "manager"))
    for section in SECTIONS:
        address = reverse("campaign_report_page", args=[campaign.slug, section.name])
        response = client.get(address)
        assert response.status_code == 200, address
        said = response.content.decode()
        shown = re.sub(r"<[^>]*>", " ", said)
        assert not re.search(r"\b(nan|inf|None)\b", shown), (address, shown)
        for file in set(re.findall(r'href="([^"]+/report/[\w-]+/(?:csv|svg)/[^"]+)"', said)):
            answer = client.get(file)
            assert answer.status_code == 200, file
            text = answer.getvalue()
            assert not re.search(rb"(?i)\b(nan|inf)\b", text), file
    for name in ("campaign", "campaign_report_print"):
        assert client.get(reverse(name, args=[campaign.slug])).status_code == 200, name
