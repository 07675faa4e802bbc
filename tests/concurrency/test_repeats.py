"""Hidden repeats: sides swapped, after a gap, once, in no overlap; in tabs and when they lapse."""

import uuid
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from labeling.actions.adjudications import adjudicate
from labeling.actions.ahead import give_back_assignment, prepare_assignment
from labeling.actions.claiming import claim_assignment
from labeling.actions.leases import requeue_lapsed
from labeling.actions.rating import revise_judgment, skip_assignment, submit_judgment
from labeling.models import Assignment, Campaign, Gold, Judgment, Seat
from labeling.models.repeat_dealing import GAP_JUDGMENTS
from labeling.queries.home import home_of
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.concurrency.crowd import at_once, check_queue, lapse

pytestmark = pytest.mark.django_db(transaction=True)


def repeating(count: int, rate: float = 1.0, **fields: Any) -> tuple[Campaign, Seat]:
    """A campaign that asks again as often as it may, with `count` comparisons and one rater."""
    campaign = factories.campaign(requirements={"repeat_rate": rate}, **fields)
    factories.open_comparisons(campaign, count)
    return campaign, factories.rater(campaign)


def judge(seat: Seat, campaign: Campaign, side: str = "left") -> Assignment:
    claimed = claim_assignment(rater=seat.rater, campaign=campaign)
    assert claimed is not None
    submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer={"side": side})
    return claimed


def repeats(campaign: Campaign):
    return Assignment.objects.filter(campaign=campaign, repeat_of__isnull=False)


def test_it_comes_after_the_gap_with_sides_swapped_and_each_once():
    campaign, seat = repeating(GAP_JUDGMENTS + 3)
    met = [judge(seat, campaign) for _ in range(GAP_JUDGMENTS)]
    assert all(one.repeat_of_id is None for one in met)
    # The first is now one short of the gap: another comparison, and then it may come again.
    assert judge(seat, campaign).repeat_of_id is None
    again = judge(seat, campaign)
    assert again.repeat_of_id == met[0].pk
    assert again.comparison_id == met[0].comparison_id
    assert again.a_on_left is not met[0].a_on_left
    assert (again.ordinal, again.arm) == (None, met[0].arm)
    while (claimed := claim_assignment(rater=seat.rater, campaign=campaign)) is not None:
        submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer={"side": "tie"})
    done = repeats(campaign).values_list("repeat_of", flat=True)
    assert len(done) == len(set(done)) > 1
    assert Judgment.objects.filter(is_repeat=True).count() == len(done)
    check_queue(campaign, most=1)


def test_after_half_a_day_it_comes_without_that_many_judgments_between():
    campaign, seat = repeating(3)
    first = judge(seat, campaign)
    assert judge(seat, campaign).repeat_of_id is None
    Assignment.objects.filter(pk=first.pk).update(ended_at=Now() - timedelta(hours=13))
    assert judge(seat, campaign).repeat_of_id == first.pk


def ready(count: int = 2, **fields: Any) -> tuple[Campaign, Seat, list[Assignment]]:
    """A rater who judged `count` comparisons yesterday, of a campaign with more."""
    campaign, seat = repeating(count + 6, **fields)
    done = [judge(seat, campaign) for _ in range(count)]
    Assignment.objects.filter(pk__in=[one.pk for one in done]).update(
        ended_at=Now() - timedelta(days=1)
    )
    return campaign, seat, done


def test_what_a_reviewer_told_raters_of_does_not_come_again():
    campaign, seat, done = ready()
    reviewer = factories.member(campaign, "reviewer")

    def tell(one: Assignment) -> None:
        adjudicate(
            comparison=one.comparison,
            by=reviewer,
            preference="a",
            note="A answers.",
            tells_raters=True,
        )

    tell(done[0])
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    assert held.repeat_of_id == done[1].pk
    # Nor does one that was dealt before, and let go of.
    lapse(held)
    requeue_lapsed(campaign=campaign)
    tell(done[1])
    assert judge(seat, campaign).repeat_of_id is None


def test_ten_tabs_are_dealt_one_and_store_one_answer():
    campaign, seat, _ = ready()
    claims = at_once([lambda: claim_assignment(rater=seat.rater, campaign=campaign)] * 10)
    assert len({claimed.pk for claimed in claims}) == 1
    assert repeats(campaign).count() == 1
    submit = partial(
        submit_judgment,
        rater=seat.rater,
        assignment_id=claims[0].public_id,
        answer={"side": "left"},
    )
    at_once([submit] * 5)
    assert Judgment.objects.filter(is_repeat=True).count() == 1
    check_queue(campaign)


def test_one_that_lapsed_is_let_go_of_may_be_answered_late_and_comes_again():
    campaign, seat, done = ready(1)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    lapse(held)
    assert requeue_lapsed(campaign=campaign) == 1
    held.refresh_from_db()
    assert (held.rater_id, held.lapsed_from_id, held.ended_at) == (None, seat.rater_id, None)
    # Nobody else is dealt it.
    other = factories.rater(campaign)
    for _ in range(6):
        assert judge(other, campaign).comparison_id != done[0].comparison_id
    again = claim_assignment(rater=seat.rater, campaign=campaign)
    assert again is not None
    assert again.pk == held.pk
    lapse(again)
    requeue_lapsed(campaign=campaign)
    late = submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer={"side": "left"})
    assert late.is_new
    assert late.judgment.is_repeat
    check_queue(campaign)


def test_one_that_was_given_back_is_unknown_as_a_slot_is():
    campaign, seat, _ = ready(1)
    # A slot first, so that the repeat is the one prepared.
    Campaign.objects.filter(pk=campaign.pk).update(requirements={})
    campaign.refresh_from_db()
    shown = claim_assignment(rater=seat.rater, campaign=campaign)
    assert shown is not None
    Campaign.objects.filter(pk=campaign.pk).update(requirements={"repeat_rate": 1.0})
    campaign.refresh_from_db()
    prepared = prepare_assignment(rater=seat.rater, campaign=campaign, beside=shown.public_id)
    assert prepared is not None
    assert prepared.repeat_of_id is not None
    give_back_assignment(rater=seat.rater, campaign=campaign, prepared=prepared.public_id)
    prepared.refresh_from_db()
    assert (prepared.rater_id, prepared.lapsed_from_id, prepared.ended_at) == (None, None, None)


def test_a_skipped_one_ends_and_does_not_come_again():
    campaign, seat, _ = ready(1)
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    skip_assignment(rater=seat.rater, assignment_id=held.public_id, reason="tired")
    for _ in range(6):
        assert judge(seat, campaign).repeat_of_id is None
    assert repeats(campaign).count() == 1
    check_queue(campaign)


def test_a_repeat_is_undone_as_any_judgment_is_and_stays_one():
    campaign, seat, _ = ready(1)
    again = judge(seat, campaign)
    judgment = Judgment.objects.get(assignment=again)
    revised = revise_judgment(
        rater=seat.rater, judgment_id=judgment.public_id, answer={"side": "right"}
    ).judgment
    assert revised.is_repeat
    assert revised.supersedes_id == judgment.pk


def test_neither_gold_nor_practice_nor_a_repeat_is_asked_again():
    campaign, seat, done = ready(2)
    Gold.objects.create(comparison=done[0].comparison, preference="a")
    assert judge(seat, campaign).repeat_of_id == done[1].pk
    Assignment.objects.filter(rater=seat.rater).update(ended_at=Now() - timedelta(days=1))
    assert judge(seat, campaign).repeat_of_id is None


def test_it_counts_between_nobody():
    campaign, seat, done = ready(1)
    first = Judgment.objects.get(assignment=done[0])
    again = judge(seat, campaign, side=done[0].side(first.preference))
    assert Judgment.objects.get(assignment=again).preference != first.preference
    votes = outcomes(campaign).votes
    assert len(votes) == 2
    counted = votes.first_votes()
    assert len(counted) == 1
    assert not counted.is_repeat.any()


def test_without_a_rate_it_costs_no_statement():
    campaign, seat, _ = ready(1)
    asked = {}
    for rate in (0.0, 1e-9):
        Campaign.objects.filter(pk=campaign.pk).update(requirements={"repeat_rate": rate})
        campaign.refresh_from_db()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            claimed = claim_assignment(rater=seat.rater, campaign=campaign)
        assert claimed is not None
        asked[rate] = len(queries)
        submit_judgment(rater=seat.rater, assignment_id=claimed.public_id, answer={"side": "left"})
    assert asked[1e-9] == asked[0.0] + 1


def test_a_repeat_looks_to_its_rater_like_any_other(client):
    campaign, seat, _ = ready(1)
    header = {"authorization": f"Bearer {factories.token(seat.rater.user, 'rate')}"}
    claim = f"/api/v1/campaigns/{campaign.slug}/assignments/"
    again = client.post(claim, headers=header)
    assert Assignment.objects.get(public_id=again.json()["id"]).repeat_of_id is not None
    path = f"/api/v1/assignments/{again.json()['id']}/judgment/"
    told = client.post(path, {"side": "left"}, content_type="application/json", headers=header)
    plain = client.post(claim, headers=header)
    assert Assignment.objects.get(public_id=plain.json()["id"]).repeat_of_id is None
    path = f"/api/v1/assignments/{plain.json()['id']}/judgment/"
    other = client.post(path, {"side": "left"}, content_type="application/json", headers=header)
    for one, two in ((again, plain), (told, other)):
        assert one.status_code == two.status_code == 201
        assert set(one.json()) == set(two.json())
        assert set(one.headers) == set(two.headers)
    assert "repeat" not in again.content.decode() + told.content.decode()
    stranger = factories.rater(campaign)
    their = {"authorization": f"Bearer {factories.token(stranger.rater.user, 'rate')}"}
    refused = client.post(path, {"side": "left"}, content_type="application/json", headers=their)
    unknown = client.post(
        f"/api/v1/assignments/{uuid.uuid4()}/judgment/",
        {"side": "left"},
        content_type="application/json",
        headers=their,
    )
    assert refused.status_code == unknown.status_code == 404


def test_where_nothing_is_left_the_home_says_so_only_if_no_repeat_is_next():
    campaign, seat = repeating(2)
    done = [judge(seat, campaign) for _ in range(2)]

    def reason() -> str:
        (mine,) = home_of(seat.rater.user).campaigns
        return mine.reason

    assert claim_assignment(rater=seat.rater, campaign=campaign) is None
    assert reason() == "nothing_left"
    Assignment.objects.filter(pk=done[0].pk).update(ended_at=Now() - timedelta(days=1))
    assert reason() == ""
    assert judge(seat, campaign).repeat_of_id == done[0].pk
    assert reason() == "nothing_left"
