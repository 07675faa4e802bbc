"""What a routing promises holds: for the judge that was weighed, and whatever goes wrong."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from labeling.actions.judges import change_judge
from labeling.actions.rounds import close_round, deal_in
from labeling.actions.routing import hand_back, route_waiting, switch_off
from labeling.actions.stopping import tell_finished
from labeling.errors import ConflictError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Endpoint,
    JudgeCall,
    Judgment,
    Notification,
    Round,
    RoutedComparison,
    Routing,
    laying,
)
from tests import factories
from tests.judge_rows import judge_of, known_judge, people_say, says
from tests.judging.routings import arrive, late, slots, switched_on
from workers.metrics import refresh_report
from workers.routing import route_comparisons, watch_audits

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, state="draft")


def test_a_judge_that_was_changed_decides_nothing_on_what_it_was(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge)
    manager = factories.member(campaign, "manager")
    made = arrive(campaign, 6)
    for comparison in made[:3]:
        says(judge, comparison, "a", 0.95)
    change_judge(judge=judge, by=None, rubric="Like whatever is longer.")
    judge.refresh_from_db()
    for comparison in made[3:]:
        says(judge, comparison, "a", 0.95)
    moved = route_waiting(campaign=campaign)
    assert (moved.people, moved.judge, moved.audit) == (6, 0, 0)
    assert all(slots(comparison) == 2 for comparison in made)
    routing.refresh_from_db()
    assert routing.ended_at is not None
    (told,) = Notification.objects.filter(user=manager, kind="routing.outdated")
    assert told.details["judge"] == judge.name
    # What comes later is people's from the start.
    (later,) = arrive(campaign, 1)
    assert slots(later) == 2


def test_more_calls_of_a_question_are_another_judge_too(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge)
    change_judge(judge=judge, by=None, name="Another name")
    route_waiting(campaign=campaign)
    assert Routing.objects.get().ended_at is None
    change_judge(judge=judge, by=None, samples=3)
    route_waiting(campaign=campaign)
    routing.refresh_from_db()
    assert routing.ended_at is not None


def test_a_report_of_the_judge_as_it_was_switches_nothing_on(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    judge = change_judge(judge=judge, by=None, rubric="Like whatever is longer.")
    with pytest.raises(ConflictError, match="changed since the newest report"):
        switched_on(campaign, judge)
    # Nor does the next report promise anything by what it was.
    again = campaign.comparisons.order_by("pk")[:1].get()
    says(judge, again, "a")
    refresh_report(campaign.pk)
    with pytest.raises(ConflictError, match="1 items were judged by both"):
        switched_on(campaign, judge)


def test_trust_is_not_drawn_down_by_the_hard_ones_that_people_got(campaign: Campaign) -> None:
    judge, report = known_judge(campaign)
    switched_on(campaign, judge)
    made = arrive(campaign, 30)
    for comparison in made:
        says(judge, comparison, "a", 0.55)
    assert route_waiting(campaign=campaign).people == 30
    seats = [factories.rater(campaign) for _ in range(2)]
    for comparison in made:
        people_say(seats, comparison, ("b", "b"))
    refresh_report(campaign.pk)
    (before,) = report.body["judges"]
    (after,) = campaign.reports.latest("computed_at").body["judges"]
    for name in ("agreement", "kappa", "advantage", "calibration", "routing"):
        assert after[name] == before[name], name
    assert after["judgment_count"] == before["judgment_count"] + 30


def test_a_promise_needs_twenty_items_of_what_it_would_decide(campaign: Campaign) -> None:
    judge = judge_of(campaign)
    seats = [factories.rater(campaign) for _ in range(2)]
    for k in range(120):
        comparison = factories.comparison(campaign)
        people_say(seats, comparison, ("a", "a"))
        is_sure = k % 12 == 0
        says(judge, comparison, "a" if is_sure or k % 2 else "b", 0.99 if is_sure else 0.51)
    refresh_report(campaign.pk)
    with pytest.raises(ConflictError, match="10 items that people judged too; 20 are needed"):
        switched_on(campaign, judge, cut=0.85)


def test_a_judge_at_work_is_waited_for_and_a_silent_one_is_not(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge)
    made = arrive(campaign, 4)
    route_waiting(campaign=campaign)
    for comparison in made:
        late(comparison)
    # It has just answered of another comparison.
    says(judge, factories.comparison(campaign), "a", 0.9)
    JudgeCall.objects.filter(state="answered").update(finished_at=timezone.now())
    assert route_waiting(campaign=campaign).count == 0
    JudgeCall.objects.filter(state="answered").update(
        finished_at=timezone.now() - timedelta(minutes=16)
    )
    assert route_waiting(campaign=campaign).people == 4


def test_a_judge_whose_endpoint_is_out_of_use_is_not_waited_for(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge)
    made = arrive(campaign, 2)
    Endpoint.objects.filter(pk=judge.endpoint_id).update(disabled_reason="The key was refused.")
    assert route_waiting(campaign=campaign).people == 2
    assert all(slots(comparison) == 2 for comparison in made)


def test_an_endpoint_that_rests_long_is_not_waited_for_and_a_breath_is(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge)
    arrive(campaign, 2)
    endpoint = Endpoint.objects.filter(pk=judge.endpoint_id)
    endpoint.update(rests_until=timezone.now() + timedelta(seconds=5))
    assert route_waiting(campaign=campaign).count == 0
    endpoint.update(rests_until=timezone.now() + timedelta(seconds=28))
    assert route_waiting(campaign=campaign).people == 2


def test_what_has_slots_already_gets_what_is_missing(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge)
    made = arrive(campaign, 3)
    deal = deal_in(campaign, Round.objects.get(comparisons=made[0]))
    with transaction.atomic():
        laying.lay_more(deal, [made[0].pk], more=1)
    switch_off(routing=routing, by=None)
    assert route_waiting(campaign=campaign).people == 3
    assert [slots(comparison) for comparison in made] == [2, 2, 2]


def test_what_the_judge_decided_goes_to_people_when_managers_say_so(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge, audit_share=0.05)
    made = arrive(campaign, 12)
    said = [says(judge, comparison, "a", 0.95).judgment_id for comparison in made]
    route_waiting(campaign=campaign)
    decided = RoutedComparison.objects.filter(to="judge").count()
    assert decided >= 6
    assert hand_back(routing=routing, by=None) == decided
    assert all(slots(comparison) == 2 for comparison in made)
    assert not RoutedComparison.objects.filter(to="judge").exists()
    assert not RoutedComparison.objects.exclude(expected_accuracy__gte=0.75).exists()
    # The judge's word stands beside theirs.
    assert Judgment.objects.standing().filter(pk__in=said).count() == 12
    event = AuditEvent.objects.get(verb="routing.handed_back")
    assert event.details["comparisons"] == decided and event.subject == routing.public_id
    with pytest.raises(ConflictError, match="has the judge decided anything"):
        hand_back(routing=routing, by=None)
    assert Assignment.objects.filter(comparison__in=made).count() == 24


def test_trouble_with_one_campaign_stops_no_other(campaign: Campaign) -> None:
    broken, _ = known_judge(campaign)
    switched_on(campaign, broken)
    arrive(campaign, 2)
    Routing.objects.update(expected={})
    other = factories.campaign(overlap=2, state="draft")
    judge, _ = known_judge(other)
    switched_on(other, judge)
    made = arrive(other, 2)
    for one in (broken, judge):
        for comparison in one.campaign.comparisons.filter(routed__isnull=False):
            says(one, comparison, "a", 0.95)
    route_comparisons()
    watch_audits()
    assert all(comparison.routed.expected_accuracy is not None for comparison in made)


def test_a_round_that_the_judge_decides_alone_comes_to_its_end(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge, audit_share=0.05)
    for round_ in campaign.rounds.filter(state="open"):
        close_round(round_=round_, by=None)
    made = arrive(campaign, 1)
    says(judge, made[0], "a", 0.95)
    route_waiting(campaign=campaign)
    # Whatever the draw was, as if the judge were to decide.
    Assignment.objects.filter(comparison=made[0]).delete()
    RoutedComparison.objects.update(to="judge")
    round_ = Round.objects.get(comparisons=made[0])
    tell_finished(round_=round_)
    assert AuditEvent.objects.filter(verb="round.finished", subject=round_.public_id).exists()
