"""How many SQL statements the rating loop sends, and that it does not grow with the campaign."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories

pytestmark = pytest.mark.django_db

LIMIT = 8
LEFT = {"side": "left", "rationale": "clearer"}


@pytest.fixture
def campaign():
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 4)
    return campaign


@pytest.fixture
def rate(call_as, campaign):
    """A rater who has claimed before: their token's use has been noted this minute."""
    call = call_as(factories.rater(campaign).rater.user, "rate")
    claim(call, campaign)
    return call


def claim(rate, campaign):
    return rate.post(f"campaigns/{campaign.slug}/assignments/")


def count(errand):
    with CaptureQueriesContext(connection) as sent:
        answer = errand()
    return len(sent), answer


def test_claiming_and_showing_takes_at_most_eight_statements(rate, campaign):
    held = claim(rate, campaign).json()
    assert rate.post(f"assignments/{held['id']}/judgment/", LEFT).status_code == 201
    fresh, answer = count(lambda: claim(rate, campaign))
    assert answer.status_code == 201
    again, answer = count(lambda: claim(rate, campaign))
    assert answer.status_code == 201
    assert max(fresh, again) <= LIMIT


def test_submitting_takes_at_most_eight_statements_first_and_again(rate, campaign):
    path = f"assignments/{claim(rate, campaign).json()['id']}/judgment/"
    first, stored = count(lambda: rate.post(path, LEFT))
    again, told = count(lambda: rate.post(path, LEFT))
    other, refused = count(lambda: rate.post(path, {"side": "right"}))
    assert [a.status_code for a in (stored, told, refused)] == [201, 200, 409]
    assert max(first, again, other) <= LIMIT


def test_nothing_left_takes_no_more(rate, campaign):
    while (claimed := claim(rate, campaign)).status_code == 201:
        rate.post(f"assignments/{claimed.json()['id']}/judgment/", LEFT)
    sent, answer = count(lambda: claim(rate, campaign))
    assert answer.status_code == 204
    assert sent <= LIMIT


def test_the_number_does_not_grow_with_the_campaign(rate, campaign):
    before, _ = count(lambda: claim(rate, campaign))
    factories.open_comparisons(campaign, 30)
    after, _ = count(lambda: claim(rate, campaign))
    assert after == before
