"""The day's pace on the page that comes when nothing is left."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Assignment, Campaign, Gold, Seat
from labeling.queries.rating import pace_in
from tests import factories
from tests.web.building import signed_in

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


def judged(campaign: Campaign, seat: Seat, *at: datetime, **fields: Any) -> None:
    """One judgment at each moment."""
    for moment in at:
        given = claim_assignment(rater=seat.rater, campaign=campaign)
        assert given is not None
        submit_judgment(
            rater=seat.rater, assignment_id=given.public_id, answer={"side": given.side("a")}
        )
        Assignment.objects.filter(pk=given.pk).update(ended_at=moment)


def minutes(*after_midnight: int) -> list[datetime]:
    return [TODAY + timedelta(minutes=m) for m in after_midnight]


def page_of(client: Client, campaign: Campaign) -> str:
    response = client.get(f"/rate/{campaign.slug}/")
    assert response.status_code == 200
    return response.content.decode()


def test_the_pace_is_drawn_and_told_in_ten_minutes_with_breaks_left_open() -> None:
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 5)
    seat = factories.rater(campaign)
    judged(campaign, seat, *minutes(540, 549, 550, 571, 579))
    assert [(at.strftime("%H:%M"), count) for at, count in pace_in(seat.rater, campaign)] == [
        ("09:00", 2),
        ("09:10", 1),
        ("09:20", 0),
        ("09:30", 2),
    ]
    html = page_of(signed_in(seat), campaign)
    assert "That was the last one for now" in html
    assert "Your pace" in html
    assert html.count('class="bar"') == 3
    assert "at most 2 in ten minutes" in html
    # The break is no column of the table.
    assert html.count('<th scope="col" class="num">') == 3


def test_other_days_other_campaigns_and_practice_are_left_out() -> None:
    campaign = factories.campaign(slug="own", requirements={"qualification": "own"})
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
    factories.open_comparisons(campaign, 3)
    seat = factories.rater(campaign)
    judged(campaign, seat, *minutes(500, -10, 600, 620))
    assert [count for _, count in pace_in(seat.rater, campaign)] == [1, 0, 1]
    other = factories.campaign(of=campaign.organisation)
    assert pace_in(seat.rater, other) == []


def test_one_stretch_alone_is_no_pace() -> None:
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 2)
    seat = factories.rater(campaign)
    client = signed_in(seat)
    judged(campaign, seat, *minutes(540, 541))
    assert "Your pace" not in page_of(client, campaign)


@pytest.mark.parametrize(
    ("language", "words"),
    [("es", "Su ritmo"), ("fr", "Votre rythme"), ("hi", "आपकी गति"), ("ar", "وتيرتك")],
)
def test_it_is_told_in_the_rater_s_language(language: str, words: str) -> None:
    campaign = factories.campaign()
    factories.open_comparisons(campaign, 2)
    seat = factories.rater(campaign)
    person = seat.rater.user
    assert person is not None
    person.language = language
    person.save()
    judged(campaign, seat, *minutes(540, 551))
    html = page_of(signed_in(seat), campaign)
    assert words in html
    assert "Your pace" not in html
    assert "Judgments per ten minutes" not in html
    # Time runs from left to right in Arabic too.
    assert 'direction="ltr"' in html
