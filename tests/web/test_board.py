"""The dashboard's board follows judgments between reports, and says through which moment."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from labeling.models import Board, Judgment
from tests import factories
from tests.judging import judged
from tests.web.visiting import as_, page
from workers.metrics import refresh_report
from workers.tallies import compute_board

pytestmark = pytest.mark.django_db


def votes_shown(html: str) -> list[str]:
    """The votes of each row of the board, best first."""
    board = html[html.index('id="leader-h"') : html.index('id="matrix-h"')]
    return re.findall(r'<td class="num">([\d,]+)</td></tr>', board)


def test_a_judgment_is_on_the_board_before_a_report_knows_of_it():
    campaign = factories.campaign(overlap=2)
    comparison, _ = judged(campaign, {"ann": ["a", "b"], "bob": ["a", "a"]})
    refresh_report(campaign.pk)
    client = as_(factories.member(campaign, "manager"))
    shown = page(client, "campaign", campaign.slug)
    assert votes_shown(shown) == ["4", "4"]
    seen = re.search(r'"seen": "([^"]+)"', shown.replace("&quot;", '"'))
    assert seen is not None
    live = reverse("campaign_live", args=[campaign.slug])
    assert client.get(live, {"seen": seen[1]}).status_code == 204
    Judgment.objects.create(
        campaign=campaign,
        comparison=comparison,
        rater=factories.rater(campaign).rater,
        preference="b",
    )
    board = compute_board(campaign)
    answer = client.get(live, {"seen": seen[1]})
    assert votes_shown(answer.content.decode()) == ["5", "5"]
    assert "5 judgments" in answer.content.decode()
    moment = timezone.localtime(board.counted_at)
    assert f"{moment:%H:%M:%S}" in answer.content.decode()
    # What only a report tells is not sent again.
    assert 'id="raters-h"' not in answer.content.decode()


def test_the_newer_of_board_and_report_is_shown():
    campaign = factories.campaign(overlap=1)
    (comparison,) = judged(campaign, {"ann": ["a"]})
    client = as_(factories.member(campaign, "manager"))
    compute_board(campaign)
    # No report yet: the board alone.
    assert votes_shown(page(client, "campaign", campaign.slug)) == ["1", "1"]
    Judgment.objects.create(
        campaign=campaign,
        comparison=comparison,
        rater=factories.rater(campaign).rater,
        preference="a",
    )
    refresh_report(campaign.pk)
    assert votes_shown(page(client, "campaign", campaign.slug)) == ["2", "2"]


def test_a_board_of_another_method_is_not_shown():
    campaign = factories.campaign(overlap=1)
    judged(campaign, {"ann": ["a"]})
    refresh_report(campaign.pk)
    compute_board(campaign)
    Board.objects.update(method_version="older", numbers={})
    client = as_(factories.member(campaign, "manager"))
    assert votes_shown(page(client, "campaign", campaign.slug)) == ["1", "1"]
