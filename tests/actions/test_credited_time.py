"""What a page says it took is credited as far as one comparison may take it."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import skip_assignment, submit_judgment
from labeling.errors import LeaseLostError
from labeling.models import Assignment, AuditEvent, Campaign, Judgment
from labeling.policy import read_policy
from labeling.queries.pay import pay_of
from tests import factories
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db(transaction=True)
BEYOND = 10**9


@pytest.fixture
def campaign():
    return open_campaign(3, overlap=1)


def answer(active_ms):
    criteria = {"helpful": "left", "truthful": "left"}
    return {
        "side": "left",
        "strength": 1,
        "criteria": criteria,
        "client": {"active_ms": active_ms},
    }


@pytest.mark.parametrize(
    ("lease", "revise", "most"), [(1800, 300, 3_600_000), (7200, 600, 7_800_000)]
)
def test_no_answer_skip_or_late_answer_is_credited_beyond_its_bound(campaign, lease, revise, most):
    Campaign.objects.filter(pk=campaign.pk).update(lease_seconds=lease, revise_seconds=revise)
    campaign.refresh_from_db()
    ann, bob = factories.rater(campaign, "ann"), factories.rater(campaign, "bob")

    given = claim_assignment(rater=ann.rater, campaign=campaign)
    submit_judgment(rater=ann.rater, assignment_id=given.public_id, answer=answer(BEYOND))
    assert Judgment.objects.get().active_ms == most

    skipped = claim_assignment(rater=ann.rater, campaign=campaign)
    skip_assignment(
        rater=ann.rater, assignment_id=skipped.public_id, reason="Unclear", active_ms=BEYOND
    )
    lost = claim_assignment(rater=ann.rater, campaign=campaign)
    Assignment.objects.filter(pk=lost.pk).update(leased_until=datetime(2020, 1, 1, tzinfo=UTC))
    for _ in range(2):
        taken = claim_assignment(rater=bob.rater, campaign=campaign)
        submit_judgment(rater=bob.rater, assignment_id=taken.public_id, answer=answer(None))
    with pytest.raises(LeaseLostError):
        submit_judgment(rater=ann.rater, assignment_id=lost.public_id, answer=answer(BEYOND))

    told = AuditEvent.objects.filter(verb__in=["assignment.skipped", "assignment.lost"])
    assert lost.comparison.judgments.get().rater == bob.rater
    assert [event.details["active_ms"] for event in told] == [most, most]
    today = timezone.now().date()
    line = pay_of(campaign, read_policy({}), since=today, until=today).total
    assert line.credited_ms == 3 * most


def test_what_is_within_is_credited_as_it_was_sent(campaign):
    ann = factories.rater(campaign, "ann")
    given = claim_assignment(rater=ann.rater, campaign=campaign)
    submit_judgment(rater=ann.rater, assignment_id=given.public_id, answer=answer(41_000))
    assert Judgment.objects.get().active_ms == 41_000
