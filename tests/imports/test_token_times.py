"""The times at which a completion's tokens came: imported with it, and no part of what it is."""

import pytest

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.models import Completion
from labeling.queries.bench import arrival_of
from tests import factories
from tests.imports.files import counts, import_rows, pair, problems

pytestmark = pytest.mark.django_db(transaction=True)


def timed(times: object, other: object = None) -> dict[str, object]:
    return pair(
        completion_a={"text": "First", "model": "north", "token_times": times},
        completion_b={"text": "Second", "model": "south", "token_times": other},
    )


def test_imported_times_are_what_a_recorded_arm_follows():
    arms = {"arms": [{"name": "replay", "mode": "recorded"}]}
    campaign = factories.campaign(state="draft", presentation=arms)
    seat = factories.rater(campaign)
    import_rows(campaign, timed([120, 150.5, 400], [80, 90]), kind="comparisons")
    stored = {c.source.model: c.token_times for c in Completion.objects.select_related("source")}
    assert stored == {"north": [120, 150.5, 400], "south": [80, 90]}
    update_campaign(campaign=campaign, by=None, state="active")
    campaign.refresh_from_db()
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    arrival = arrival_of(assignment)
    assert arrival is not None
    assert {arrival.left, arrival.right} == {(120, 120, 150, 400), (80, 80, 90)}


def test_a_completion_stays_the_same_one_with_or_without_its_times():
    campaign = factories.campaign(state="draft")
    import_rows(campaign, timed(None), kind="comparisons")
    again = import_rows(campaign, timed([1, 2], [3]), kind="comparisons")
    assert counts(again) == (1, 0, 1, 0)
    assert Completion.objects.count() == 2


@pytest.mark.parametrize("times", [[], {}, "12", [3, 2], [-1], [True], [1, None], [10**9]])
def test_what_is_no_timing_is_refused_with_its_field(times):
    campaign = factories.campaign(state="draft")
    job = import_rows(campaign, timed(times), kind="comparisons", lenient=True)
    assert problems(job) == [(1, "completion_a.token_times")]
    assert not Completion.objects.exists()
