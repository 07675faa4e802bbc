"""What the bench says to one who may not work: the campaign's own state comes first."""

import pytest

from labeling.actions.rounds import open_round
from labeling.models import Gold
from tests import factories
from tests.web.building import signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("active", "Practice </span>1 of 1"),
        ("paused", "This campaign is paused"),
        ("completed", "This campaign is complete"),
        ("draft", "This campaign has not begun"),
    ],
)
def test_the_unqualified_read_that_a_campaign_does_not_run(state: str, words: str) -> None:
    campaign = factories.campaign(slug="trained", requirements={"qualification": "trained"})
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    open_round(campaign=campaign, by=None, kind="qualification")
    factories.open_comparisons(campaign, 1)
    client = signed_in(factories.rater(campaign))
    campaign.state = state
    campaign.save()
    page = client.get(f"/rate/{campaign.slug}/")
    assert page.status_code == 200
    assert words in page.content.decode()
