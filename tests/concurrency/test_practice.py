"""Practice when one person is in many tabs, and many people come at once (AS-11)."""

from functools import partial

import pytest

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Assignment, AuditEvent, Gold, Judgment
from tests import factories
from tests.concurrency.crowd import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def practising(count: int):
    campaign = factories.campaign(slug="crowd", requirements={"qualification": "crowd"})
    for _ in range(count):
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    open_round(campaign=campaign, by=None, kind="qualification")
    factories.open_comparisons(campaign, 1)
    return campaign


def test_tabs_of_one_rater_share_one_item_and_qualify_once():
    campaign = practising(3)
    rater = factories.rater(campaign).rater
    for _ in range(3):
        claims = at_once([lambda: claim_assignment(rater=rater, campaign=campaign)] * 10)
        assert len({claimed.pk for claimed in claims}) == 1
        item = claims[0]
        submit = partial(
            submit_judgment,
            rater=rater,
            assignment_id=item.public_id,
            answer={"side": item.side("a")},
        )
        at_once([submit] * 5)
    assert Judgment.objects.count() == 3
    assert AuditEvent.objects.filter(verb="rater.qualified").count() == 1
    assert Assignment.objects.filter(rater=rater).count() == 3


def test_a_crowd_practises_side_by_side_and_nobody_waits_for_another():
    campaign = practising(2)
    raters = [factories.rater(campaign).rater for _ in range(10)]
    claims = at_once(
        [lambda rater=rater: claim_assignment(rater=rater, campaign=campaign) for rater in raters]
    )
    assert len({claimed.pk for claimed in claims}) == 10
    assert len({claimed.comparison_id for claimed in claims}) == 1
