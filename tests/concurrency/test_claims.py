"""Who gets what when many claim at once (AS-01, AS-06 to AS-08, AS-10)."""

import random
import statistics
import time
from contextlib import suppress

import psycopg
import pytest
from django.db import connection, transaction

from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.raters import suspend_rater, take_seat
from labeling.actions.rating import skip_assignment, submit_judgment
from labeling.actions.rounds import open_waiting
from labeling.errors import NotAllowedError
from labeling.models import Assignment, Campaign, Judgment, Place, Rater, queue
from tests import factories
from tests.concurrency.crowd import at_once, check_queue, lapse, taken_of_each

pytestmark = pytest.mark.django_db(transaction=True)


def judge(rater: Rater, assignment: Assignment, side: str = "left") -> Judgment:
    return submit_judgment(
        rater=rater, assignment_id=assignment.public_id, answer={"side": side}
    ).judgment


def test_one_comparison_is_leased_exactly_as_often_as_its_overlap():
    campaign = factories.campaign(overlap=3)
    raters = [factories.rater(campaign).rater for _ in range(20)]

    def claim(rater):
        started = time.monotonic()
        claimed = claim_assignment(rater=rater, campaign=campaign)
        return rater, claimed, time.monotonic() - started

    for _ in range(10):
        factories.open_comparisons(campaign, 1)
        answers = at_once([lambda rater=rater: claim(rater) for rater in raters])
        leases = [(rater, claimed) for rater, claimed, _ in answers if claimed]
        assert len(leases) == 3
        assert max(seconds for _, _, seconds in answers) < 2
        check_queue(campaign, most=3)
        for rater, claimed in leases:
            judge(rater, claimed)
    check_queue(campaign, most=3)


def test_tabs_of_one_rater_share_one_lease():
    campaign = factories.campaign(overlap=3)
    factories.open_comparisons(campaign, 6)
    rater = factories.rater(campaign).rater
    for _ in range(6):
        claims = at_once([lambda: claim_assignment(rater=rater, campaign=campaign)] * 12)
        assert len({claimed.pk for claimed in claims}) == 1
        check_queue(campaign, most=1)
        judge(rater, claims[0])
    assert claim_assignment(rater=rater, campaign=campaign) is None


def test_tabs_that_prepare_the_next_one_never_hold_a_comparison_twice():
    campaign = factories.campaign(overlap=4)
    factories.open_comparisons(campaign, 5)
    rater = factories.rater(campaign).rater
    for _ in range(8):
        at_once([lambda: claim_assignment(rater=rater, campaign=campaign, hold=2)] * 8)
        held = Assignment.objects.filter(rater=rater, ended_at=None)
        assert len({one.comparison_id for one in held}) == len(held) <= 2
        check_queue(campaign)
        if held and random.random() < 0.8:
            judge(rater, random.choice(held))
        elif held:
            lapse(held[0])
            requeue_lapsed(campaign=campaign)
            check_queue(campaign)


def test_a_claim_that_is_rolled_back_loses_nobody():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 1)
    first, second = (factories.rater(campaign).rater for _ in range(2))

    def take_and_fail() -> None:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            assert claim_now(first, campaign).taken
            time.sleep(0.4)
            raise ZeroDivisionError

    def claim_meanwhile() -> Assignment | None:
        time.sleep(0.1)
        return claim_assignment(rater=second, campaign=campaign)

    _, claimed = at_once([take_and_fail, claim_meanwhile])
    # The second rater waited for the first to make up their mind, and then got what was let go.
    assert claimed is not None
    check_queue(campaign, most=1)


def claim_now(rater: Rater, campaign: Campaign, hold: int = 1) -> queue.Claim:
    return queue.claim(rater=rater, campaign=campaign, hold=hold)


def test_a_place_is_not_moved_by_what_is_only_locked():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 50)
    rater = factories.rater(campaign).rater
    dsn = connection.get_connection_params()
    keys = ("dbname", "host", "port", "user", "password")
    with psycopg.connect(**{key: dsn[key] for key in keys if dsn.get(key)}) as other:
        # Someone is taking the first forty, and then is not.
        other.execute(
            "SELECT FROM labeling_assignment WHERE campaign_id = %s AND position <= 40 FOR UPDATE",
            [campaign.pk],
        )
        claimed = claim_assignment(rater=rater, campaign=campaign)
        assert claimed is not None
        assert claimed.position == 41
        other.rollback()
    check_queue(campaign)
    judge(rater, claimed)
    again = claim_assignment(rater=rater, campaign=campaign)
    assert again is not None
    assert again.position == 1


def test_what_a_rater_passed_while_they_held_the_comparison_comes_back_with_its_lapse():
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 40)
    rater = factories.rater(campaign).rater
    kept = claim_assignment(rater=rater, campaign=campaign)
    assert kept is not None
    for _ in range(39):
        claimed = claim_assignment(rater=rater, campaign=campaign, hold=2)
        assert claimed is not None
        judge(rater, claimed)
    # Every second slot is met, the kept comparison's too, and the place is behind them all.
    assert claim_now(rater, campaign, hold=2).taken is None
    assert Place.objects.get(seat__rater=rater).position > 70
    check_queue(campaign)
    lapse(kept)
    requeue_lapsed(campaign=campaign)
    check_queue(campaign)
    again = claim_assignment(rater=rater, campaign=campaign)
    assert again is not None
    assert again.comparison_id == kept.comparison_id


def test_a_walk_away_passes_to_another_and_a_late_answer_is_told_so():
    """AS-06: the second rater's judgment is stored, the first rater's answer is refused as gone."""
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 1)
    late, quick = (factories.rater(campaign).rater for _ in range(2))
    claimed = claim_assignment(rater=late, campaign=campaign)
    assert claimed is not None
    assert claim_assignment(rater=quick, campaign=campaign) is None
    lapse(claimed)
    taken = claim_assignment(rater=quick, campaign=campaign)
    assert taken is not None
    assert taken.pk == claimed.pk
    stored = judge(quick, taken)
    with pytest.raises(Exception, match="gone to another rater"):
        judge(late, claimed)
    assert list(Judgment.objects.all()) == [stored]
    check_queue(campaign, most=1)


@pytest.mark.parametrize("swept", [False, True])
def test_a_late_answer_is_taken_while_nobody_else_has_it(swept):
    """AS-07: accepted, whether the sweep has been or not."""
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 5)
    rater = factories.rater(campaign).rater
    for _ in range(5):
        claimed = claim_assignment(rater=rater, campaign=campaign)
        assert claimed is not None
        lapse(claimed)
        if swept:
            assert requeue_lapsed(campaign=campaign) == 1
            check_queue(campaign)
        judge(rater, claimed)
        check_queue(campaign, most=1)


def test_a_late_answer_and_the_next_rater_cannot_both_have_it():
    campaign = factories.campaign(overlap=1)
    late, quick = (factories.rater(campaign).rater for _ in range(2))
    outcomes = set()

    def answer_late(claimed: Assignment) -> bool:
        try:
            return bool(judge(late, claimed))
        except Exception as error:
            assert "gone to another rater" in str(error)
            return False

    for _ in range(12):
        factories.open_comparisons(campaign, 1)
        claimed = claim_assignment(rater=late, campaign=campaign)
        assert claimed is not None
        lapse(claimed)
        requeue_lapsed(campaign=campaign)
        answered, taken = at_once(
            [
                lambda claimed=claimed: answer_late(claimed),
                lambda: claim_assignment(rater=quick, campaign=campaign),
            ]
        )
        assert answered == (taken is None)
        outcomes.add(answered)
        if taken:
            judge(quick, taken)
        check_queue(campaign, most=1)


def test_a_rater_who_took_the_comparison_anew_answers_it_once():
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 1)
    rater = factories.rater(campaign).rater
    first = claim_assignment(rater=rater, campaign=campaign)
    assert first is not None
    lapse(first)
    requeue_lapsed(campaign=campaign)
    second = claim_assignment(rater=rater, campaign=campaign)
    assert second is not None
    judge(rater, second)
    if second.pk != first.pk:
        with pytest.raises(Exception, match="gone to another rater"):
            judge(rater, first)
    check_queue(campaign, most=2)


def test_a_suspended_rater_frees_what_they_hold_and_claims_no_more():
    """AS-08, second half; the first is in test_a_skip_frees_the_slot_at_once."""
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 1)
    gone, other = (factories.rater(campaign).rater for _ in range(2))
    claimed = claim_assignment(rater=gone, campaign=campaign)
    assert claimed is not None
    suspend_rater(campaign=campaign, rater=gone, by=None)
    with pytest.raises(NotAllowedError):
        claim_assignment(rater=gone, campaign=campaign)
    with pytest.raises(Exception, match="gone to another rater"):
        judge(gone, claimed)
    taken = claim_assignment(rater=other, campaign=campaign)
    assert taken is not None
    assert taken.pk == claimed.pk
    check_queue(campaign, most=1)


def test_suspending_a_rater_in_the_midst_of_claiming_leaves_no_lease():
    for _ in range(6):
        campaign = factories.campaign(overlap=1)
        factories.open_comparisons(campaign, 4)
        rater = factories.rater(campaign).rater

        def claim(rater=rater, campaign=campaign) -> None:
            with suppress(NotAllowedError):
                claim_assignment(rater=rater, campaign=campaign)

        at_once(
            [claim] * 6 + [lambda r=rater, c=campaign: suspend_rater(campaign=c, rater=r, by=None)]
        )
        requeue_lapsed(campaign=campaign)
        assert not Assignment.objects.filter(rater=rater, ended_at=None).exists()
        check_queue(campaign)


def test_a_skip_frees_the_slot_at_once():
    campaign = factories.campaign(overlap=1)
    factories.open_comparisons(campaign, 1)
    first, second = (factories.rater(campaign).rater for _ in range(2))
    claimed = claim_assignment(rater=first, campaign=campaign)
    assert claimed is not None
    at_once([lambda: skip_assignment(rater=first, assignment_id=claimed.public_id, reason="")] * 8)
    assert claim_assignment(rater=first, campaign=campaign) is None
    taken = claim_assignment(rater=second, campaign=campaign)
    assert taken is not None
    assert taken.comparison_id == claimed.comparison_id
    assert Assignment.objects.filter(campaign=campaign).count() == 2
    check_queue(campaign, most=1)


def test_a_seat_taken_while_the_first_round_opens_has_its_place():
    for _ in range(8):
        campaign = factories.campaign(overlap=1)
        factories.comparison(campaign)
        users = [factories.member(campaign, "rater") for _ in range(3)]
        at_once(
            [lambda u=u, c=campaign: take_seat(user=u, campaign=c) for u in users]
            + [lambda c=campaign: open_waiting(campaign=c, by=None)]
        )
        assert Place.objects.filter(seat__campaign=campaign).count() == 3
        check_queue(campaign)


def test_slots_laid_while_raters_claim_are_met_by_everybody():
    campaign = factories.campaign(overlap=2)
    factories.open_comparisons(campaign, 40)
    raters = [factories.rater(campaign).rater for _ in range(4)]
    for _ in range(40):
        factories.comparison(campaign)

    def work(rater: Rater) -> None:
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            judge(rater, claimed)

    at_once(
        [lambda r=r: work(r) for r in raters] + [lambda: open_waiting(campaign=campaign, by=None)]
    )
    at_once([lambda r=r: work(r) for r in raters])
    assert set(taken_of_each(campaign).values()) == {2}
    assert len(taken_of_each(campaign)) == 80
    check_queue(campaign, most=2)


def test_unequal_raters_who_skip_and_walk_away_finish_the_campaign():
    """AS-10, in small: every comparison exactly its overlap, nobody twice, claims stay flat."""
    campaign = factories.campaign(overlap=3, lease_seconds=1)
    factories.open_comparisons(campaign, 100)
    raters = [factories.rater(campaign).rater for _ in range(12)]
    deserters = set(raters[:2])
    leases: list[float] = []
    end = time.monotonic() + 40

    def work(rater: Rater, number: int) -> None:
        dice = random.Random(number)
        while time.monotonic() < end:
            started = time.monotonic()
            claimed = claim_assignment(rater=rater, campaign=campaign)
            if claimed is not None:
                leases.append(time.monotonic() - started)
            if claimed is None:
                if not Assignment.objects.filter(campaign=campaign, ended_at=None).exists():
                    return
                time.sleep(0.1)
            elif rater in deserters and dice.random() < 0.1:
                return  # leaves without a word
            elif dice.random() < 0.03:
                skip_assignment(rater=rater, assignment_id=claimed.public_id, reason="")
            elif dice.random() < 0.97:
                time.sleep(dice.random() * 0.004 * number)
                try:
                    judge(rater, claimed)
                except Exception as error:
                    assert "gone to another rater" in str(error)

    at_once([lambda r=r, n=n: work(r, n) for n, r in enumerate(raters)])
    assert not Assignment.objects.filter(campaign=campaign, ended_at=None).exists()
    assert set(taken_of_each(campaign).values()) == {3}
    assert Judgment.objects.filter(campaign=campaign).count() == 300
    # Flat: what a claim costs near the end is what it cost near the start, the crowd's noise aside.
    early, late = statistics.median(leases[:60]), statistics.median(leases[240:300])
    assert late <= 3 * early + 0.05, (early, late)
    check_queue(campaign, most=3)
