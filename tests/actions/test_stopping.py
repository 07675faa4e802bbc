"""Items that stop early or go on: what is laid, ended and told, and never beyond the budget."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from labeling.actions.adjudications import adjudicate, send_back
from labeling.actions.claiming import claim_assignment
from labeling.actions.judgments import withdraw_judgment
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rating import skip_assignment, submit_judgment
from labeling.actions.rounds import close_round
from labeling.actions.stopping import tell_finished
from labeling.models import Assignment, Campaign, Comparison, Notification, Rater, Round
from labeling.queries.round_work import finished_rounds
from tests import factories
from tests.concurrency.crowd import check_queue, lapse, taken_of_each
from workers.rating import sweep_leases
from workers.rounds import settle_all, settle_recent

pytestmark = pytest.mark.django_db(transaction=True)

POSTERIOR: dict[str, Any] = {"stop_rule": "posterior", "max_overlap": 5, "stop_at": 0.8}


def round_of(count: int = 1, **asked: Any) -> tuple[Campaign, Round]:
    campaign = factories.campaign(state="draft", overlap=3)
    for _ in range(count):
        factories.comparison(campaign)
    opened = pair_and_open_round(campaign=campaign, by=None, **asked)
    Campaign.objects.filter(pk=campaign.pk).update(state="active")
    campaign.refresh_from_db()
    return campaign, opened


def vote(campaign: Campaign, preference: str) -> Rater:
    """One more rater takes the first in line and answers it."""
    rater = factories.rater(campaign).rater
    claimed = claim_assignment(rater=rater, campaign=campaign)
    assert claimed is not None, "nothing is open"
    answer = {"side": claimed.side(preference)}
    submit_judgment(rater=rater, assignment_id=claimed.public_id, answer=answer)
    return rater


def open_count(campaign: Campaign) -> int:
    return Assignment.objects.filter(campaign=campaign, rater=None, ended_at=None).count()


def test_curtailed_ends_the_third_slot_after_two_votes_alike():
    campaign, _ = round_of(stop_rule="curtailed")
    vote(campaign, "a")
    settle_recent()
    assert open_count(campaign) == 2
    vote(campaign, "a")
    settle_recent()
    assert open_count(campaign) == 0
    assert Assignment.objects.get(rater=None).outcome == "cancelled"
    check_queue(campaign, most=3)


def test_curtailed_lets_an_open_question_have_all_its_votes():
    campaign, _ = round_of(stop_rule="curtailed")
    for preference in ("a", "b"):
        vote(campaign, preference)
        settle_recent()
    assert open_count(campaign) == 1


def test_a_lease_under_way_may_finish_after_its_item_was_decided():
    campaign, _ = round_of(stop_rule="curtailed")
    late = factories.rater(campaign).rater
    held = claim_assignment(rater=late, campaign=campaign)
    assert held is not None
    vote(campaign, "a")
    vote(campaign, "a")
    settle_recent()
    submit_judgment(rater=late, assignment_id=held.public_id, answer={"side": "left"})
    assert set(taken_of_each(campaign).values()) == {3}


def test_a_slot_that_comes_back_to_a_decided_item_ends_at_the_next_pass():
    campaign, _ = round_of(stop_rule="curtailed")
    held = claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign)
    vote(campaign, "a")
    vote(campaign, "a")
    settle_recent()
    lapse(held)
    sweep_leases()
    assert open_count(campaign) == 1
    settle_all()
    assert open_count(campaign) == 0


def test_posterior_asks_one_more_at_a_time_where_raters_differ():
    campaign, _ = round_of(**POSTERIOR)
    for preference, open_after in (("a", 2), ("b", 1), ("a", 1), ("b", 1)):
        vote(campaign, preference)
        settle_recent()
        settle_recent()
        assert open_count(campaign) == open_after
    vote(campaign, "a")
    settle_all()
    # Five is the most it may have, however open it is.
    assert open_count(campaign) == 0
    assert set(taken_of_each(campaign).values()) == {5}
    check_queue(campaign, most=5)


def test_posterior_stops_at_two_votes_alike():
    campaign, _ = round_of(**POSTERIOR)
    vote(campaign, "b")
    vote(campaign, "b")
    settle_recent()
    assert open_count(campaign) == 0


def test_an_extra_slot_that_lapses_or_is_skipped_is_asked_of_another():
    campaign, _ = round_of(**POSTERIOR)
    for preference in ("a", "b", "tie"):
        vote(campaign, preference)
    settle_recent()
    lapsing = claim_assignment(rater=factories.rater(campaign).rater, campaign=campaign)
    lapse(lapsing)
    sweep_leases()
    assert open_count(campaign) == 1
    skipping = factories.rater(campaign).rater
    claimed = claim_assignment(rater=skipping, campaign=campaign)
    assert claimed is not None
    skip_assignment(rater=skipping, assignment_id=claimed.public_id, reason="")
    settle_recent()
    assert open_count(campaign) == 1
    check_queue(campaign, most=4)


def test_a_round_never_asks_for_more_than_its_budget():
    # Planned at four each: nine are enough for two comparisons, which may come to ten.
    campaign, round_ = round_of(4, budget=9, **POSTERIOR)
    assert round_.comparisons.count() == 2
    for _ in range(9):
        for preference in ("a", "b"):
            if open_count(campaign):
                vote(campaign, preference)
                settle_all()
                standing = Assignment.objects.filter(campaign=campaign, ordinal__isnull=False)
                assert standing.exclude(outcome="cancelled").count() <= 9
    assert open_count(campaign) == 0
    check_queue(campaign, most=5)


def test_an_item_that_was_sent_back_gets_what_the_reviewer_asked_for():
    campaign, _ = round_of(stop_rule="curtailed")
    for _ in range(3):
        factories.rater(campaign)
    vote(campaign, "a")
    vote(campaign, "a")
    comparison = Comparison.objects.get()
    send_back(comparison=comparison, by=factories.member(campaign, "reviewer"), more=1)
    settle_all()
    assert open_count(campaign) == 2


def test_a_withdrawn_vote_does_not_count():
    campaign, _ = round_of(**POSTERIOR)
    vote(campaign, "a")
    vote(campaign, "a")
    judgment = campaign.judgments.first()
    withdraw_judgment(judgment=judgment, reason="slip", by=factories.member(campaign, "manager"))
    settle_all()
    assert open_count(campaign) == 1


def test_curtailed_goes_on_where_a_withdrawal_opens_what_was_decided():
    campaign, _ = round_of(stop_rule="curtailed")
    vote(campaign, "a")
    vote(campaign, "a")
    settle_all()
    assert open_count(campaign) == 0
    for judgment in campaign.judgments.all():
        manager = factories.member(campaign, "manager")
        withdraw_judgment(judgment=judgment, reason="slip", by=manager)
    # It is not told as finished while an item still wants one.
    tell_finished(round_=campaign.rounds.get())
    assert not Notification.objects.filter(kind="round.finished").exists()
    settle_all()
    settle_all()
    assert open_count(campaign) == 1
    vote(campaign, "b")
    settle_all()
    # Three were asked for, and three have been given.
    assert open_count(campaign) == 0
    check_queue(campaign, most=3)
    assert tell_finished(round_=campaign.rounds.get())
    assert not tell_finished(round_=campaign.rounds.get())


def test_a_closed_round_gets_no_more():
    campaign, round_ = round_of(**POSTERIOR)
    for preference in ("a", "b", "tie"):
        vote(campaign, preference)
    close_round(round_=round_, by=None)
    settle_all()
    assert open_count(campaign) == 0


def test_managers_are_told_once_that_a_round_has_all_its_judgments():
    campaign, round_ = round_of(2)
    manager = factories.member(campaign, "manager")
    for _ in range(3):
        settle_recent()
        rater = factories.rater(campaign).rater
        while claimed := claim_assignment(rater=rater, campaign=campaign):
            settle_recent()
            assert not Notification.objects.exists()
            submit_judgment(rater=rater, assignment_id=claimed.public_id, answer={"side": "left"})
    settle_recent()
    settle_recent()
    told = Notification.objects.get()
    assert (told.user, told.kind, told.campaign) == (manager, "round.finished", campaign)
    assert told.details["number"] == round_.number
    assert not finished_rounds().exists()


def test_a_quick_pass_leaves_alone_what_nobody_judged_since():
    campaign, _ = round_of(stop_rule="curtailed")
    vote(campaign, "a")
    settle_recent()
    settle_recent()
    with CaptureQueriesContext(connection) as seen:
        settle_recent()
    assert not [one for one in seen if "FOR NO KEY UPDATE" in one["sql"]]
    vote(campaign, "a")
    settle_recent()
    assert open_count(campaign) == 0


def test_a_round_nobody_has_judged_is_not_finished():
    campaign, _ = round_of()
    Assignment.objects.filter(campaign=campaign).update(
        ended_at=campaign.created_at, outcome="cancelled"
    )
    assert not finished_rounds().exists()


def test_a_round_of_adjudication_closes_when_all_its_items_are_decided():
    campaign, production = round_of(2)
    factories.member(campaign, "manager")
    reviewer = factories.member(campaign, "reviewer")
    while open_count(campaign):
        vote(campaign, "a")
    ids = [str(row.public_id) for row in production.comparisons.all()]
    opened = pair_and_open_round(campaign=campaign, by=None, kind="adjudication", comparisons=ids)
    first, second = production.comparisons.order_by("pk")
    adjudicate(comparison=first, by=reviewer, preference="a")
    settle_recent()
    opened.refresh_from_db()
    assert opened.state == "open"
    # Sending it back is no decision: it comes to the reviewers again.
    for _ in range(2):
        factories.rater(campaign)
    back = send_back(comparison=second, by=reviewer, more=1)
    settle_recent()
    opened.refresh_from_db()
    assert opened.state == "open"
    vote(campaign, "b")
    adjudicate(comparison=second, by=reviewer, preference="b", supersedes=back.public_id)
    settle_recent()
    opened.refresh_from_db()
    assert opened.state == "closed"
    assert Notification.objects.filter(kind="round.finished", details__number=2).count() == 1
