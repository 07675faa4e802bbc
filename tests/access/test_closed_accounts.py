"""Who may no longer sign in is out at once: their session, their tokens, and then their leases."""

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.models import Assignment, Judgment
from tests import factories
from tests.access.lab import clients
from tests.concurrency.crowd import lapse
from tests.web.building import answer, open_campaign

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_closed_account_is_out_at_once_and_blocks_nobody() -> None:
    campaign = open_campaign(1)
    seat, other = factories.rater(campaign), factories.rater(campaign)
    person = seat.rater.user
    assert person is not None
    browser, script = clients(person, "rate")
    url = f"/rate/{campaign.slug}/"
    html = browser.get(url).content.decode()
    held = Assignment.objects.get(rater=seat.rater)
    person.is_active = False
    person.save()
    assert browser.get(url)["Location"].startswith("/login/")
    assert browser.post(url, answer(html))["Location"].startswith("/login/")
    for path in (
        f"assignments/{held.public_id}/judgment/",
        f"campaigns/{campaign.slug}/assignments/",
    ):
        assert script.post(f"/api/v1/{path}", {}, "application/json").status_code == 401
    assert not Judgment.objects.exists()
    # What they held ends with its lease, like that of anybody who walks away.
    lapse(held)
    requeue_lapsed(campaign=campaign)
    taken = claim_assignment(rater=other.rater, campaign=campaign)
    assert taken is not None
    assert taken.comparison_id == held.comparison_id
