"""Calibration before all else, adjudication before reviewers, qualification as it was."""

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import submit_judgment
from labeling.errors import ConflictError, InvalidInputError
from labeling.models import Assignment, Campaign, Gold, Lane, Place
from tests import factories
from tests.concurrency.crowd import check_queue
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)


def judge(campaign: Campaign, rater, side: str = "left") -> int | None:
    claimed = claim_assignment(rater=rater, campaign=campaign)
    if claimed is None:
        return None
    submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": side})
    return claimed.comparison_id


def test_every_seated_rater_judges_the_sample_before_anything_else():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 20)
    raters = [factories.rater(campaign).rater for _ in range(3)]
    # One has come far in the queue already.
    for _ in range(5):
        judge(campaign, raters[0])
    Campaign.objects.update(state="draft")
    for _ in range(6):
        factories.comparison(campaign)
    campaign.comparisons.filter(round=None).update(propensity=0.5)
    Campaign.objects.update(state="active")
    round_ = pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=2, seed=1)
    assert (round_.overlap, round_.comparisons.count()) == (3, 2)
    sample = set(round_.comparisons.values_list("pk", flat=True))
    # Two of the six that waited, each of which was chosen with a chance of one half before.
    assert [row.propensity for row in round_.comparisons.all()] == [pytest.approx(1 / 6)] * 2
    for rater in raters:
        assert {judge(campaign, rater), judge(campaign, rater)} == sample
        assert judge(campaign, rater) not in sample
    assert campaign.comparisons.waiting().count() == 4
    check_queue(campaign)


def test_a_rater_who_comes_later_has_a_place_in_the_lane_of_calibration():
    campaign = factories.campaign(state="draft")
    factories.comparison(campaign)
    factories.rater(campaign)
    pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=5)
    factories.rater(campaign)
    assert {lane.rank for lane in Lane.objects.all()} == {-1, 0}
    assert Place.objects.count() == 4


def test_gold_is_dealt_as_before_while_a_calibration_is_open():
    campaign = factories.campaign(state="draft", requirements={"gold_rate": 1.0})
    for _ in range(3):
        factories.comparison(campaign)
    known = factories.comparison(campaign)
    Gold.objects.create(comparison=known, preference="a")
    rater = factories.rater(campaign).rater
    pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=3)
    Campaign.objects.update(state="active")
    campaign.refresh_from_db()
    assert judge(campaign, rater) == known.pk
    assert Assignment.objects.get(comparison=known).lane.rank == 0
    assert judge(campaign, rater) != known.pk


def test_calibration_needs_raters_and_something_that_waits():
    campaign = factories.campaign(state="draft")
    factories.comparison(campaign)
    with pytest.raises(ConflictError, match="Nobody has a seat"):
        pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=1)
    factories.rater(campaign)
    pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=1)
    with pytest.raises(ConflictError, match="wait"):
        pair_and_open_round(campaign=campaign, by=None, kind="calibration", items=1)


def test_the_most_contested_of_the_newest_report_are_put_before_reviewers():
    campaign = factories.campaign(overlap=2)
    made = factories.open_comparisons(campaign, 4)
    one, other = (factories.rater(campaign).rater for _ in range(2))
    contested = {made[1].pk, made[3].pk}
    for rater, preference in ((one, "a"), (other, "b")):
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            wanted = preference if claimed.comparison_id in contested else "a"
            submit_judgment(
                rater=rater,
                assignment_id=claimed.public_id,
                answer={"side": claimed.side(wanted)},
            )
    refresh_report(campaign.pk)
    round_ = pair_and_open_round(campaign=campaign, by=None, kind="adjudication", items=10)
    assert set(round_.items.values_list("comparison_id", flat=True)) == contested
    # They stay in the round they were judged in, and no slot is laid.
    assert not round_.comparisons.exists()
    assert not Assignment.objects.filter(ended_at=None).exists()
    with pytest.raises(ConflictError, match="nothing to adjudicate"):
        pair_and_open_round(campaign=campaign, by=None, kind="adjudication", items=10)


def test_adjudication_takes_named_comparisons_that_somebody_judged():
    campaign = factories.campaign(overlap=1)
    made = factories.open_comparisons(campaign, 2)
    met = judge(campaign, factories.rater(campaign).rater)
    judged, unjudged = sorted(made, key=lambda one: one.pk != met)
    named = {"kind": "adjudication", "campaign": campaign, "by": None}
    with pytest.raises(InvalidInputError, match="with a judgment"):
        pair_and_open_round(comparisons=[str(unjudged.public_id)], **named)
    with pytest.raises(InvalidInputError, match="not both"):
        pair_and_open_round(comparisons=[str(judged.public_id)], items=3, **named)
    round_ = pair_and_open_round(comparisons=[str(judged.public_id)], **named)
    assert [item.comparison for item in round_.items.all()] == [judged]


def test_a_qualification_opens_by_the_same_door():
    campaign = factories.campaign(state="draft", slug="asks-own")
    known = factories.comparison(campaign)
    Gold.objects.create(comparison=known, preference="a")
    with pytest.raises(ConflictError, match="does not ask for a qualification"):
        pair_and_open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.8)
    campaign.requirements = {"qualification": "asks-own"}
    campaign.save()
    round_ = pair_and_open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.8)
    assert (round_.kind, round_.pass_share) == ("qualification", 0.8)
    assert round_.comparisons.get() == known
