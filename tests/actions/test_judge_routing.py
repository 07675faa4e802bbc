"""A judge decides what it is sure of; people get the rest and a share of that; nothing waits."""

import pytest
from django.db.models import F

from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.judges import pause_judge, resume_judge, retire_judge
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import close_round
from labeling.actions.routing import route_waiting, switch_off, watch_audit
from labeling.actions.stopping import tell_finished
from labeling.errors import ConflictError, InvalidInputError
from labeling.models import (
    Assignment,
    Campaign,
    Comparison,
    JudgeCall,
    Judgment,
    Notification,
    Round,
    RoutedComparison,
    Routing,
)
from labeling.queries.judges import audited, routing_state
from tests import factories
from tests.judge_rows import judge_of, known_judge, people_say, says
from tests.judging.routings import arrive, late, slots, switched_on
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=2, state="draft")


def test_it_needs_items_judged_by_both_an_audit_and_a_report(campaign: Campaign) -> None:
    judge = judge_of(campaign)
    with pytest.raises(ConflictError, match="No report"):
        switched_on(campaign, judge)
    with pytest.raises(InvalidInputError, match="audit_share"):
        switched_on(campaign, judge, audit_share=0.04)
    with pytest.raises(InvalidInputError, match="cut"):
        switched_on(campaign, judge, cut=0.77)
    seats = [factories.rater(campaign) for _ in range(2)]
    for _ in range(30):
        comparison = factories.comparison(campaign)
        people_say(seats, comparison, ("a", "a"))
        says(judge, comparison, "a")
    refresh_report(campaign.pk)
    with pytest.raises(ConflictError, match="30 items were judged by both"):
        switched_on(campaign, judge)
    assert not Routing.objects.exists()


def test_what_was_shown_is_kept_with_it(campaign: Campaign) -> None:
    judge, report = known_judge(campaign)
    routing = switched_on(campaign, judge)
    (row,) = report.body["judges"]
    point = next(one for one in row["routing"]["points"] if one["cut"] == 0.75)
    assert routing.expected["accuracy"] == point["accuracy"]
    assert routing.expected["judge_accuracy"] == point["judge_accuracy"]
    assert routing.expected["share"]["value"] == pytest.approx(2 / 3, abs=0.02)
    assert routing.expected["report"] == str(report.public_id)
    assert routing.expected["n"] == 120
    assert routing.expected["calibration"] == row["calibration"]["curve"]
    with pytest.raises(ConflictError, match="decides here already"):
        switched_on(campaign, judge)
    pause_judge(judge=judge, by=None)
    switch_off(routing=routing, by=None)
    with pytest.raises(ConflictError, match="does not work now"):
        switched_on(campaign, judge)


def test_the_sure_are_the_judges_some_audited_and_the_unsure_are_peoples(
    campaign: Campaign,
) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge)
    made = arrive(campaign, 60)
    # Nothing is laid while the judge is asked, and it is asked once, in both orders.
    assert not Assignment.objects.filter(comparison__in=made).exists()
    assert route_waiting(campaign=campaign).asked == 2 * 60
    assert route_waiting(campaign=campaign).asked == 0
    JudgeCall.objects.filter(comparison__in=made).delete()
    for k, comparison in enumerate(made):
        says(judge, comparison, "a", 0.95 if k < 50 else 0.55)
    moved = route_waiting(campaign=campaign)
    assert (moved.count, moved.people) == (60, 10)
    assert 2 <= moved.audit <= 20
    for comparison in made:
        routed = comparison.routed
        assert routed.expected_accuracy is not None
        assert comparison.round_id or Comparison.objects.get(pk=comparison.pk).round_id
        if routed.to == "judge":
            assert slots(comparison) == 0 and routed.propensity == pytest.approx(0.8)
        else:
            assert slots(comparison) == 2
            assert routed.propensity == pytest.approx(0.2 if routed.to == "audit" else 1)
        assert (routed.expected_accuracy >= routing.cut) == (routed.to != "people")
    # Again, by a second worker: nothing more.
    assert route_waiting(campaign=campaign).count == 0
    assert Assignment.objects.filter(comparison__in=made).count() == 2 * (10 + moved.audit)


def unrouted() -> None:
    """As if nothing had been routed yet."""
    Assignment.objects.all().delete()
    RoutedComparison.objects.update(to="judge", expected_accuracy=None)


def test_the_draw_is_the_seeds_alone(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge, audit_share=0.5)
    made = arrive(campaign, 20)
    for comparison in made:
        says(judge, comparison, "a", 0.95)
    route_waiting(campaign=campaign)
    first = dict(RoutedComparison.objects.values_list("comparison", "to"))
    unrouted()
    route_waiting(campaign=campaign)
    assert dict(RoutedComparison.objects.values_list("comparison", "to")) == first
    unrouted()
    Routing.objects.filter(pk=routing.pk).update(seed=F("seed") + 1)
    route_waiting(campaign=campaign)
    assert dict(RoutedComparison.objects.values_list("comparison", "to")) != first


def test_nothing_waits_for_ever(campaign: Campaign) -> None:
    """Whether the judge is paused, failed, retired or switched off: people are asked."""
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge)
    one, failed, other = arrive(campaign, 3)
    route_waiting(campaign=campaign)
    late(one)
    assert route_waiting(campaign=campaign).people == 1 and slots(one) == 2
    # One order failed for good: at once.
    calls = JudgeCall.objects.filter(comparison=failed)
    calls.filter(shown_left="a").update(state="failed")
    assert route_waiting(campaign=campaign).count == 0
    calls.filter(shown_left="b").update(state="failed")
    assert route_waiting(campaign=campaign).people == 1 and slots(failed) == 2
    # A paused judge is not waited for at all, neither by what came before nor by what comes now.
    assert slots(other) == 0
    pause_judge(judge=judge, by=None)
    assert route_waiting(campaign=campaign).people == 1 and slots(other) == 2
    (fresh,) = arrive(campaign, 1)
    assert slots(fresh) == 2 and not hasattr(fresh, "routed")
    resume_judge(judge=judge, by=None)
    (rest,) = arrive(campaign, 1)
    assert slots(rest) == 0
    switch_off(routing=routing, by=None)
    assert route_waiting(campaign=campaign).people == 1 and slots(rest) == 2
    retire_judge(judge=judge, by=None)
    assert {row.expected_accuracy for row in RoutedComparison.objects.all()} == {None}
    assert {row.propensity for row in RoutedComparison.objects.all()} == {1}


def test_a_closed_round_gets_no_more_slots(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge)
    (one,) = arrive(campaign, 1)
    close_round(round_=Round.objects.latest("pk"), by=None)
    late(one)
    assert route_waiting(campaign=campaign).people == 1 and slots(one) == 0


def test_more_judgments_are_not_asked_of_what_the_judge_decided(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge, audit_share=0.05)
    made = arrive(campaign, 8)
    for comparison in made:
        says(judge, comparison, "a", 0.95)
    route_waiting(campaign=campaign)
    update_campaign(campaign=campaign, by=None, overlap=3)
    for comparison in made:
        assert slots(comparison) == (0 if comparison.routed.to == "judge" else 3)


def test_a_round_that_waits_for_the_judge_is_not_finished(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge, audit_share=0.05)
    one, other = arrive(campaign, 2)
    says(judge, one, "a", 0.95)
    route_waiting(campaign=campaign)
    RoutedComparison.objects.filter(comparison=one).update(to="judge")
    Assignment.objects.filter(comparison=one).delete()
    round_ = Round.objects.latest("pk")
    assert not tell_finished(round_=round_)
    says(judge, other, "a", 0.95)
    route_waiting(campaign=campaign)
    Assignment.objects.filter(comparison=other).delete()
    assert tell_finished(round_=round_)


def test_raters_cannot_tell_an_audit_from_a_doubt(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    switched_on(campaign, judge, audit_share=1)
    sure, unsure = arrive(campaign, 2)
    says(judge, sure, "a", 0.95)
    says(judge, unsure, "a", 0.55)
    route_waiting(campaign=campaign)
    assert (sure.routed.to, unsure.routed.to) == ("audit", "people")
    shown = Assignment.objects.filter(comparison__in=[sure, unsure]).values(
        "ordinal", "lane", "arm", "campaign", "repeat_of", "outcome"
    )
    by_item = [
        sorted(map(str, shown.filter(comparison=comparison))) for comparison in (sure, unsure)
    ]
    assert by_item[0] == by_item[1]


def judged_by_people(campaign: Campaign, made: list[Comparison], side_of: dict[int, str]) -> None:
    """Two raters judge all that is open, each item the same way."""
    for _ in range(2):
        seat = factories.rater(campaign)
        while assignment := claim_assignment(rater=seat.rater, campaign=campaign):
            wanted = side_of[assignment.comparison_id]
            side = "left" if (wanted == "a") == assignment.a_on_left else "right"
            submit_judgment(
                rater=seat.rater,
                assignment_id=assignment.public_id,
                answer={"side": side, "strength": 1},
            )


def test_the_audit_says_how_right_the_judge_is_and_managers_hear_of_a_fall(
    campaign: Campaign,
) -> None:
    judge, _ = known_judge(campaign)
    manager = factories.member(campaign, "manager")
    routing = switched_on(campaign, judge, audit_share=1)
    made = arrive(campaign, 24)
    for comparison in made:
        says(judge, comparison, "a", 0.95)
    route_waiting(campaign=campaign)
    assert audited(routing).right == []
    assert not watch_audit(routing=routing)
    # People say it is wrong in half of them.
    judged_by_people(campaign, made, {c.pk: "ab"[k % 2] for k, c in enumerate(made)})
    found = audited(routing).estimate
    assert (found.value, found.n) == (0.5, 24)
    assert watch_audit(routing=routing)
    assert not watch_audit(routing=routing)
    (told,) = Notification.objects.filter(kind="routing.fell_short")
    assert told.user == manager and told.details["found"] == "50%"
    state = routing_state(campaign)
    assert state is not None and (state.audit, state.judge, state.waiting) == (24, 0, 0)
    assert Routing.objects.get().ended_at is None


def test_a_judge_that_keeps_its_promise_rings_no_bell(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    factories.member(campaign, "manager")
    routing = switched_on(campaign, judge, audit_share=1)
    made = arrive(campaign, 20)
    for comparison in made:
        says(judge, comparison, "a", 0.95)
    route_waiting(campaign=campaign)
    judged_by_people(campaign, made, {c.pk: "ab"[k % 10 == 0] for k, c in enumerate(made)})
    found = audited(routing).estimate
    assert found.value == 0.9
    assert not watch_audit(routing=routing)


def test_an_audit_with_open_slots_counts_for_nothing_yet(campaign: Campaign) -> None:
    judge, _ = known_judge(campaign)
    routing = switched_on(campaign, judge, audit_share=1)
    (one,) = arrive(campaign, 1)
    says(judge, one, "a", 0.95)
    route_waiting(campaign=campaign)
    seat = factories.rater(campaign)
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    answer = {"side": "left", "strength": 1}
    submit_judgment(rater=seat.rater, assignment_id=assignment.public_id, answer=answer)
    assert Judgment.objects.filter(comparison=one, rater=seat.rater).exists()
    assert audited(routing).right == []


def test_without_a_routing_people_get_everything(campaign: Campaign) -> None:
    known_judge(campaign)
    made = arrive(campaign, 3)
    assert [slots(comparison) for comparison in made] == [2, 2, 2]
    assert not RoutedComparison.objects.exists()
