"""The number of judgments wanted changes, or a round closes, while raters work (AS-09)."""

import itertools
import time

import pytest
from django.db import transaction

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.rating import skip_assignment, submit_judgment
from labeling.actions.rounds import close_round, open_waiting
from labeling.errors import ConflictError
from labeling.models import Assignment, Judgment
from tests import factories
from tests.api.conftest import Caller
from tests.concurrency.crowd import at_once, check_queue, lapse, taken_of_each

pytestmark = pytest.mark.django_db(transaction=True)

LEFT = {"side": "left"}


def claims_of(campaign, raters):
    claimed = [(rater, claim_assignment(rater=rater, campaign=campaign)) for rater in raters]
    return [(rater, one) for rater, one in claimed if one is not None]


def judge(rater, assignment):
    return submit_judgment(rater=rater, assignment_id=assignment.public_id, answer=LEFT)


def raters_of(campaign, count):
    return [factories.rater(campaign).rater for _ in range(count)]


def test_overlap_and_state_change_under_a_hundred_submissions():
    """AS-09: no error above 4xx, every acked judgment kept, nothing open that nobody wants."""
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 35)
    raters = [
        Caller(factories.token(factories.rater(campaign).rater.user, "rate")) for _ in range(8)
    ]
    manager = Caller(factories.token(factories.member(campaign, "manager"), "write"))
    acked: list[str] = []
    seen: set[int] = set()
    ended = []

    def work(call):
        while not ended or call.post(f"campaigns/{campaign.slug}/assignments/").status_code == 201:
            claimed = call.post(f"campaigns/{campaign.slug}/assignments/")
            seen.add(claimed.status_code)
            if claimed.status_code == 201:
                answer = call.post(f"assignments/{claimed.json()['id']}/judgment/", LEFT)
                seen.add(answer.status_code)
                if answer.status_code in {200, 201}:
                    acked.append(answer.json()["id"])

    def manage():
        try:
            for change in (
                {"overlap": 4},
                {"overlap": 1},
                {"state": "paused"},
                {"state": "active"},
                {"overlap": 3},
            ):
                time.sleep(0.3)
                answer = manager("PATCH", f"campaigns/{campaign.slug}/", change)
                assert answer.status_code == 200, answer.content
        finally:
            ended.append(True)

    at_once([manage, *(lambda call=call: work(call) for call in raters)])
    assert max(seen) < 500
    stored = {str(pk) for pk in Judgment.objects.values_list("public_id", flat=True)}
    assert len(acked) >= 100
    assert set(acked) == stored
    assert Judgment.objects.count() == len(set(acked))
    assert min(taken_of_each(campaign).values()) >= 3
    check_queue(campaign, most=4)


def test_a_paused_campaign_gives_no_lease_and_takes_those_it_gave():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 3)
    holder, other = raters_of(campaign, 2)
    ((_, claimed),) = claims_of(campaign, [holder])
    campaign.state = "paused"
    campaign.save()
    assert claims_of(campaign, [other]) == []
    judge(holder, claimed)
    assert claims_of(campaign, [holder]) == []
    check_queue(campaign, most=1)


def test_raising_asks_for_what_is_missing_and_no_more():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 3)
    raters = raters_of(campaign, 5)
    judge(*claims_of(campaign, raters[:1])[0])
    update_campaign(campaign=campaign, by=None, overlap=3)
    check_queue(campaign)
    for rater in raters:
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            judge(rater, claimed)
    assert set(taken_of_each(campaign).values()) == {3}
    check_queue(campaign, most=3)


def test_lowering_ends_what_is_open_first_and_deletes_nothing():
    campaign = factories.campaign(overlap=4)
    factories.open_comparisons(campaign, 1)
    raters = raters_of(campaign, 3)
    claims = claims_of(campaign, raters)
    judge(*claims[0])
    update_campaign(campaign=campaign, by=None, overlap=2)
    # Three are taken already, so the fourth is not wanted; the two leases may finish.
    check_queue(campaign, most=3)
    assert not Assignment.objects.filter(rater=None, ended_at=None).exists()
    for rater, claimed in claims[1:]:
        judge(rater, claimed)
    assert Judgment.objects.count() == 3
    check_queue(campaign)


def test_a_lease_beyond_a_lowered_overlap_does_not_come_back():
    """Three leases, two of them too many: as they lapse or are skipped, one slot is left."""
    for lapsing in itertools.product(("lapse", "skip"), repeat=2):
        campaign = factories.campaign(overlap=3)
        factories.open_comparisons(campaign, 1)
        raters = raters_of(campaign, 4)
        claims = claims_of(campaign, raters[:3])
        update_campaign(campaign=campaign, by=None, overlap=1)
        for how, (rater, claimed) in zip(lapsing, claims, strict=False):
            if how == "lapse":
                lapse(claimed)
                requeue_lapsed(campaign=campaign)
            else:
                skip_assignment(rater=rater, assignment_id=claimed.public_id, reason="")
            check_queue(campaign)
            assert claims_of(campaign, raters[3:]) == []
        # The last one is wanted, so this time the slot comes back.
        lapse(claims[2][1])
        ((rater, taken),) = claims_of(campaign, raters[3:])
        judge(rater, taken)
        check_queue(campaign, most=1)


def test_all_leases_beyond_a_lowered_overlap_lapsing_together_leave_one():
    campaign = factories.campaign(overlap=3)
    factories.open_comparisons(campaign, 2)
    raters = raters_of(campaign, 3)
    # Each holds two: they prepare the next one.
    claims = [
        (rater, claim_assignment(rater=rater, campaign=campaign, hold=2))
        for rater in raters
        for _ in range(2)
    ]
    update_campaign(campaign=campaign, by=None, overlap=1)
    for _, claimed in claims:
        lapse(claimed)
    at_once([lambda: requeue_lapsed(campaign=campaign)] * 6)
    requeue_lapsed(campaign=campaign)
    check_queue(campaign, most=1)
    assert Assignment.objects.filter(ended_at=None).count() == 2


def test_lowering_while_claims_are_under_way_leaves_nothing_open_beyond_it():
    for _ in range(4):
        campaign = factories.campaign(overlap=3)
        factories.open_comparisons(campaign, 6)
        raters = raters_of(campaign, 4)

        def work(rater, campaign=campaign):
            while claimed := claim_assignment(rater=rater, campaign=campaign):
                judge(rater, claimed)

        at_once(
            [lambda r=r, w=work: w(r) for r in raters]
            + [lambda c=campaign: update_campaign(campaign=c, by=None, overlap=1)]
        )
        assert min(taken_of_each(campaign).values()) >= 1
        check_queue(campaign, most=3)


@pytest.mark.parametrize("ending", ["close", "lower"])
def test_a_lease_taken_that_instant_is_not_cancelled(ending):
    """The slot is open in what the ending statement sees, and leased when it gets to it."""
    campaign = factories.campaign(overlap=2 if ending == "lower" else 1)
    factories.open_comparisons(campaign, 1)
    (rater,) = raters_of(campaign, 1)
    # The slot claimed is the one that lowering would end.
    slots = list(Assignment.objects.order_by("-ordinal"))
    for position, slot in enumerate(slots, start=1):
        Assignment.objects.filter(pk=slot.pk).update(position=position)
    round_ = campaign.rounds.get()

    def claim_slowly():
        with transaction.atomic():
            claimed = claim_assignment(rater=rater, campaign=campaign)
            time.sleep(0.5)
        return claimed

    def end():
        time.sleep(0.2)
        if ending == "close":
            close_round(round_=round_, by=None)
        else:
            update_campaign(campaign=campaign, by=None, overlap=1)

    claimed, _ = at_once([claim_slowly, end])
    assert claimed.pk == slots[0].pk
    claimed.refresh_from_db()
    assert claimed.outcome is None
    judge(rater, claimed)
    assert not Assignment.objects.filter(rater=None, ended_at=None).exists()
    check_queue(campaign, most=1)


def test_closing_while_raters_work_keeps_every_judgment():
    for _ in range(3):
        campaign = factories.campaign(overlap=2)
        factories.open_comparisons(campaign, 8)
        raters = raters_of(campaign, 4)
        round_ = campaign.rounds.get()

        def work(rater, campaign=campaign):
            judged = 0
            while claimed := claim_assignment(rater=rater, campaign=campaign):
                judge(rater, claimed)
                judged += 1
            return judged

        *judged, _ = at_once(
            [lambda r=r, w=work: w(r) for r in raters]
            + [lambda r=round_: bool(close_round(round_=r, by=None))]
        )
        assert Judgment.objects.filter(campaign=campaign).count() == sum(judged)
        assert not Assignment.objects.filter(campaign=campaign, ended_at=None).exists()
        check_queue(campaign, most=2)


def test_what_lapses_or_is_skipped_after_closing_ends_and_what_is_judged_counts():
    campaign = factories.campaign(overlap=3)
    factories.open_comparisons(campaign, 1)
    raters = raters_of(campaign, 4)
    claims = claims_of(campaign, raters[:3])
    close_round(round_=campaign.rounds.get(), by=None)
    lapse(claims[0][1])
    requeue_lapsed(campaign=campaign)
    skip_assignment(rater=claims[1][0], assignment_id=claims[1][1].public_id, reason="")
    assert claims_of(campaign, [*raters[3:], claims[0][0]]) == []
    judge(*claims[2])
    with pytest.raises(ConflictError):
        judge(*claims[0])
    outcomes = Assignment.objects.filter(campaign=campaign).values_list("outcome", flat=True)
    assert sorted(outcomes) == ["cancelled", "completed", "skipped"]
    check_queue(campaign)


def test_comparisons_that_arrive_while_a_round_closes_are_not_lost_in_it():
    for _ in range(6):
        campaign = factories.campaign(overlap=1)
        factories.open_comparisons(campaign, 1)
        round_ = campaign.rounds.get()
        arrived = factories.comparison(campaign)
        at_once(
            [
                lambda r=round_: close_round(round_=r, by=None),
                lambda c=campaign: open_waiting(campaign=c, by=None),
            ]
        )
        check_queue(campaign)
        arrived.refresh_from_db()
        assert arrived.round is not None
        open_slots = Assignment.objects.filter(comparison=arrived, ended_at=None).count()
        assert open_slots == (arrived.round.state == "open")
