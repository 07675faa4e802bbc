"""The pages of campaigns: what they show, in pages of rows, and at what cost."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from labeling.models import Campaign, Membership, Seat, User
from labeling.queries.progress import newest_report
from tests import factories
from tests.judging import judged
from tests.web.visiting import address, as_, page
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=3, name="Everyday <b>helpfulness</b>")


@pytest.fixture
def manager(campaign: Campaign) -> User:
    return factories.member(campaign, "manager", "marit")


@pytest.fixture
def researcher(campaign: Campaign) -> User:
    return factories.member(campaign, "researcher", "aisha")


def test_texts_of_others_are_shown_as_text(campaign, manager):
    nasty = "<script>alert(1)</script>"
    comparison = factories.comparison(
        campaign, nasty, "fine", models=(nasty, '"><img src=x>'), prompt_text=nasty
    )
    client = as_(manager)
    for shown in (
        page(client, "campaigns"),
        page(client, "campaign", campaign.slug),
        page(client, "campaign_prompts", campaign.slug),
        page(client, "campaign_comparison", campaign.slug, comparison.public_id),
    ):
        assert "<b>helpfulness" not in shown
        assert nasty not in shown
        assert "<img src=x" not in shown
        assert "style=" not in shown
        assert not re.search(r"\son\w+=", shown)


def test_simulated_campaigns_and_raters_and_attribution_are_marked_wherever_shown():
    campaign = factories.campaign(
        overlap=2, is_simulated=True, attribution="Study of Somebody, CC BY 4.0"
    )
    comparison = judged(campaign, {"ann": ["a"], "bob": ["b"]})[0]
    Seat.objects.get(campaign=campaign, rater__user__username="ann").rater.__class__.objects.filter(
        user__username="ann"
    ).update(is_simulated=True)
    refresh_report(campaign.pk)
    client = as_(factories.member(campaign, "researcher"))
    pages: list[tuple[str, list[Any]]] = [
        ("campaigns", []),
        ("campaign", [campaign.slug]),
        ("campaign_prompts", [campaign.slug]),
        ("campaign_comparison", [campaign.slug, comparison.public_id]),
        ("campaign_datasets", [campaign.slug]),
        ("campaign_imports", [campaign.slug]),
    ]
    for name, args in pages:
        shown = page(client, name, *args)
        assert "Simulated raters" in shown, name
        assert "Study of Somebody, CC BY 4.0" in shown, name
    shown = page(client, "campaign", campaign.slug)
    assert shown.count(">simulated</span>") >= 2
    assert ">simulated</span>" in page(
        client, "campaign_comparison", campaign.slug, comparison.public_id
    )
    report = newest_report(campaign)
    assert report is not None
    assert report.body["is_simulated"] is True
    response = client.get(reverse("campaign_export", args=[campaign.slug]))
    assert "-simulated-" in response["Content-Disposition"]
    b"".join(response)


def test_comparisons_come_in_pages_both_ways(campaign, researcher):
    made = [factories.comparison(campaign, prompt_text=f"Question {k:02d}!") for k in range(60)]
    client = as_(researcher)
    seen: list[str] = []
    shown = page(client, "campaign_prompts", campaign.slug)
    firsts = [shown]
    while True:
        seen += re.findall(r"Question (\d\d)!", shown)
        if not (cursor := re.search(r"\?after=([0-9a-f-]+)", shown)):
            break
        shown = page(client, "campaign_prompts", campaign.slug, after=cursor[1])
        firsts.append(shown)
    assert seen == [f"{k:02d}" for k in range(60)]
    assert len(firsts) == 3
    cursor = re.search(r"\?before=([0-9a-f-]+)", shown)
    assert cursor is not None
    back = page(client, "campaign_prompts", campaign.slug, before=cursor[1])
    assert re.findall(r"Question (\d\d)!", back) == [f"{k:02d}" for k in range(25, 50)]
    assert str(made[0].pk) not in re.findall(r"after=(\w+)", shown)
    url = reverse("campaign_prompts", args=[campaign.slug])
    assert client.get(url, {"after": "nonsense"}).status_code == 404
    assert client.get(url, {"after": str(uuid.uuid4())}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_downloads_are_the_export():
    campaign = factories.campaign(overlap=2)
    judged(campaign, {"ann": ["a", "b"], "bob": ["a", "tie"]})
    client = as_(factories.member(campaign, "researcher"))
    shown = page(client, "campaign_datasets", campaign.slug)
    assert f"/api/v1/campaigns/{campaign.slug}/export/?layout=trl" in shown
    assert "load_dataset" in shown
    url = reverse("campaign_export", args=[campaign.slug])
    for layout, expected in (("native", 4), ("trl", 3)):
        response = client.get(url, {"layout": layout})
        assert response.headers["Content-Disposition"].startswith("attachment")
        lines = [json.loads(line) for line in b"".join(response).splitlines()]
        assert len(lines) == expected
    assert set(lines[0]) == {"prompt", "chosen", "rejected", "margin"}
    assert client.get(url, {"layout": "nonsense"}).status_code == 400


@pytest.fixture
def cost_of() -> Callable[[Client, str], int]:
    def measure(client: Client, url: str) -> int:
        client.get(url)
        with CaptureQueriesContext(connection) as caught:
            assert client.get(url).status_code in {200, 204}
        return len(caught)

    return measure


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("campaigns", 8),
        ("campaign", 19),
        ("campaign_live", 16),
        ("campaign_prompts", 10),
        ("campaign_datasets", 8),
        ("campaign_imports", 8),
    ],
)
def test_the_number_of_queries_does_not_grow_with_the_rows(name, most, cost_of):
    costs = []
    for size in (2, 9):
        campaign = factories.campaign(overlap=2)
        person = factories.member(campaign, "manager")
        judged(
            campaign,
            {f"ann{size}": ["a", "tie"] * size, f"bob{size}": ["b", "a"] * size},
        )
        for _ in range(size if name == "campaigns" else 0):
            more = factories.campaign(of=campaign.organisation)
            Membership.objects.create(campaign=more, user=person, role="manager")
        refresh_report(campaign.pk)
        costs.append(cost_of(as_(person), address(name, campaign)))
    assert costs[0] == costs[1] <= most
