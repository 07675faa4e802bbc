"""Cases: what a manager may decide of a rater's work, what it does, and who may not."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from labeling.actions.campaigns import update_campaign
from labeling.actions.cases import (
    agree_exclusion,
    decide,
    open_case,
    pause_by_rule,
    undo_exclusion,
    write_entry,
)
from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import reinstate_rater, suspend_rater
from labeling.actions.rating import revise_judgment, submit_judgment
from labeling.actions.rounds import open_round
from labeling.errors import (
    ConflictError,
    InvalidInputError,
    LeaseLostError,
    NotAllowedError,
    NotQualifiedError,
)
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Case,
    CaseEntry,
    ExcludedJudgment,
    Exclusion,
    Gold,
    Judgment,
    Notification,
    Seat,
    User,
)
from labeling.models.practice_dealing import standings
from labeling.queries.exclusions import excluded_judgments
from labeling.queries.home import home_of
from labeling.queries.rater_signals import evidence_of, fast_judgments
from tests import factories
from tests.concurrency.crowd import at_once, check_queue
from workers.quality import pause_by_rules

pytestmark = pytest.mark.django_db(transaction=True)

RULE = {"pause_rule": {"in_a_row": 3, "seconds": 10}}


def rated(count: int = 4, *, active_ms: int = 30_000, **fields: Any) -> tuple[Campaign, Seat, User]:
    """A campaign, a rater who judged `count` comparisons in that time, and a manager."""
    campaign = factories.campaign(**fields)
    factories.open_comparisons(campaign, count + 8)
    seat = factories.rater(campaign)
    judge(campaign, seat, count, active_ms)
    return campaign, seat, factories.member(campaign, "manager")


def judge(campaign: Campaign, seat: Seat, count: int, active_ms: int) -> None:
    for _ in range(count):
        claimed = claim_assignment(rater=seat.rater, campaign=campaign)
        assert claimed is not None
        submit_judgment(
            rater=seat.rater,
            assignment_id=claimed.public_id,
            answer={"side": "left", "client": {"active_ms": active_ms}},
        )


def opened(campaign: Campaign, seat: Seat, by: User) -> Case:
    return open_case(campaign=campaign, rater=seat.rater, by=by, text="Could we talk?")


def test_a_case_is_one_is_told_to_its_rater_and_audited() -> None:
    campaign, seat, manager = rated()
    case = opened(campaign, seat, manager)
    assert opened(campaign, seat, manager) == case
    assert Notification.objects.get(user=seat.rater.user).kind == "case.entry"
    write_entry(case=case, kind="message", text="Please read both.", by=manager)
    write_entry(case=case, kind="note", text="Looks tired.", by=manager)
    assert seat.rater.user is not None
    write_entry(case=case, kind="reply", text="I was in a hurry.", by=seat.rater.user)
    # A note is for managers alone: the rater is told of two things.
    assert Notification.objects.filter(user=seat.rater.user).count() == 2
    assert Notification.objects.get(user=manager).kind == "case.reply"
    told = AuditEvent.objects.filter(subject=case.public_id).order_by("pk")
    assert [event.verb for event in told] == [
        "case.opened",
        "case.message",
        "case.note",
        "case.reply",
    ]
    assert told[3].rater == seat.rater


def test_nobody_speaks_for_the_other_side_or_decides_about_themselves() -> None:
    campaign, seat, manager = rated()
    case = opened(campaign, seat, manager)
    assert seat.rater.user is not None
    with pytest.raises(NotAllowedError):
        write_entry(case=case, kind="reply", text="Sorry!", by=manager)
    with pytest.raises(NotAllowedError):
        write_entry(case=case, kind="message", text="All fine.", by=seat.rater.user)
    with pytest.raises(NotAllowedError):
        decide(case=case, action="resume", note="I am fine.", by=seat.rater.user)
    with pytest.raises(InvalidInputError) as refused:
        decide(case=case, action="pause", note="  ", by=manager)
    assert refused.value.problems[0].field == "note"


def test_pause_gives_back_what_is_held_and_resume_lets_go_on_and_closes() -> None:
    campaign, seat, manager = rated()
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    case = opened(campaign, seat, manager)
    decide(case=case, action="pause", note="Let us talk first.", by=manager)
    with pytest.raises(NotAllowedError):
        claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    held.refresh_from_db()
    assert held.rater_id is None
    check_queue(campaign)
    decide(case=case, action="resume", note="Thank you.", by=manager)
    assert claim_assignment(rater=seat.rater, campaign=campaign) is not None
    case.refresh_from_db()
    assert case.state == "closed"
    with pytest.raises(ConflictError):
        decide(case=case, action="pause", note="Again.", by=manager)


def holding(kind: str) -> tuple[Campaign, Seat, Assignment]:
    """A rater who holds a slot, gold or a repeat."""
    rates = {"gold": {"gold_rate": 1.0}, "repeat": {"repeat_rate": 1.0}}
    campaign = factories.campaign(requirements=rates.get(kind, {}))
    if kind == "gold":
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    factories.open_comparisons(campaign, 3)
    seat = factories.rater(campaign)
    if kind == "repeat":
        judge(campaign, seat, 1, 30_000)
        done = Assignment.objects.filter(outcome="completed")
        done.update(ended_at=Now() - timedelta(days=1))
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    assert (held.ordinal is None) is (kind != "slot")
    assert (held.repeat_of_id is None) is (kind != "repeat")
    return campaign, seat, held


@pytest.mark.parametrize("kind", ["slot", "gold", "repeat"])
@pytest.mark.parametrize("is_case", [True, False])
def test_nothing_tells_a_slot_gold_and_a_repeat_apart_after_a_pause(
    kind: str, is_case: bool
) -> None:
    campaign, seat, held = holding(kind)
    rater, manager = seat.rater, factories.member(campaign, "manager")
    assert rater.user is not None
    answer = {"side": "left", "client": {"active_ms": 9_000}}
    if is_case:
        case = opened(campaign, seat, manager)
        decide(case=case, action="pause", note="Let us talk first.", by=manager)
    else:
        suspend_rater(campaign=campaign, rater=rater, by=manager)
    held.refresh_from_db()
    assert (held.rater_id, held.lapsed_from_id, held.leased_until) == (None, rater.pk, None)
    assert (held.ended_at, held.outcome) == (None, None)
    assert home_of(rater.user).work.skipped == 0
    with pytest.raises(LeaseLostError):
        submit_judgment(rater=rater, assignment_id=held.public_id, answer=answer)
    reinstate_rater(campaign=campaign, rater=rater, by=manager)
    late = submit_judgment(rater=rater, assignment_id=held.public_id, answer=answer)
    assert late.is_new
    check_queue(campaign)


def test_a_pause_leaves_practice_as_it_is() -> None:
    campaign = factories.campaign(slug="taught", requirements={"qualification": "taught"})
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    open_round(campaign=campaign, by=None, kind="qualification")
    seat = factories.rater(campaign)
    item = claim_assignment(rater=seat.rater, campaign=campaign)
    assert item is not None
    suspend_rater(campaign=campaign, rater=seat.rater, by=None)
    reinstate_rater(campaign=campaign, rater=seat.rater, by=None)
    (standing,) = standings(rater_ids=[seat.rater_id], campaign_ids=[campaign.pk])
    assert standing.done == 0
    assert claim_assignment(rater=seat.rater, campaign=campaign) == item


def test_retraining_asks_for_a_round_of_practice_that_is_new_to_the_rater() -> None:
    campaign = factories.campaign(slug="taught", requirements={"qualification": "taught"})

    def practice() -> None:
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification")

    def answer_right() -> None:
        item = claim_assignment(rater=seat.rater, campaign=campaign)
        assert item is not None
        submit_judgment(
            rater=seat.rater, assignment_id=item.public_id, answer={"side": item.side("a")}
        )

    practice()
    factories.open_comparisons(campaign, 2)
    seat, other = factories.rater(campaign), factories.rater(campaign)
    answer_right()
    seat.refresh_from_db()
    assert seat.qualified_at is not None
    manager = factories.member(campaign, "manager")
    case = opened(campaign, seat, manager)
    decide(case=case, action="retrain", note="Once more, together.", by=manager)
    with pytest.raises(NotQualifiedError):
        claim_assignment(rater=seat.rater, campaign=campaign)
    practice()
    answer_right()
    seat.refresh_from_db()
    assert seat.qualified_at is not None
    # The first round still stands for who was not asked anew.
    item = claim_assignment(rater=other.rater, campaign=campaign)
    assert item is not None
    assert item.comparison.round is not None
    assert item.comparison.round.number == 1


def test_retraining_needs_a_qualification() -> None:
    campaign, seat, manager = rated()
    case = opened(campaign, seat, manager)
    with pytest.raises(InvalidInputError, match="no qualification"):
        decide(case=case, action="retrain", note="Please.", by=manager)


def test_flagged_judgments_are_those_faster_than_reading() -> None:
    campaign, seat, manager = rated(2)
    judge(campaign, seat, 2, 900)
    case = opened(campaign, seat, manager)
    decide(case=case, action="exclude_flagged", note="Under two seconds.", by=manager)
    fast = Judgment.objects.filter(active_ms=900).values_list("pk", flat=True)
    assert sorted(excluded_judgments(campaign)) == sorted(fast)
    entry = CaseEntry.objects.get(kind="decision")
    assert entry.details["count"] == 2
    exclusion = Exclusion.objects.get()
    undo_exclusion(exclusion=exclusion, note="They explained it.", by=manager)
    assert excluded_judgments(campaign) == []
    assert CaseEntry.objects.filter(action="undo").count() == 1
    assert Judgment.objects.count() == 4


def test_the_page_counts_what_a_decision_on_fast_ones_leaves_out() -> None:
    campaign, seat, _ = rated(2)
    judge(campaign, seat, 2, 900)
    found = evidence_of(campaign, seat.rater)
    assert found is not None
    assert found.fast_count == len(fast_judgments(campaign, seat.rater)) == 2


def test_a_round_is_left_out_and_no_other() -> None:
    campaign, seat, manager = rated()
    case = opened(campaign, seat, manager)
    with pytest.raises(InvalidInputError, match="no judgment"):
        decide(case=case, action="exclude_round", note="Of round 9.", by=manager, round_number=9)
    decide(case=case, action="exclude_round", note="Of round 1.", by=manager, round_number=1)
    assert len(excluded_judgments(campaign)) == 4


def test_leaving_out_all_work_needs_a_second_manager() -> None:
    campaign, seat, manager = rated()
    second = factories.member(campaign, "manager")
    case = opened(campaign, seat, manager)
    decide(case=case, action="exclude_all", note="All of it.", by=manager)
    exclusion = Exclusion.objects.get()
    assert Notification.objects.get(kind="exclusion.waiting").user == second
    assert ExcludedJudgment.objects.count() == 4
    assert excluded_judgments(campaign) == []
    with pytest.raises(NotAllowedError):
        agree_exclusion(exclusion=exclusion, by=manager)
    assert seat.rater.user is not None
    with pytest.raises(NotAllowedError):
        agree_exclusion(exclusion=exclusion, by=seat.rater.user)
    agree_exclusion(exclusion=exclusion, by=second)
    assert len(excluded_judgments(campaign)) == 4


def test_what_is_left_out_stays_so_when_its_rater_revises_it() -> None:
    campaign, seat, manager = rated(2)
    decide(
        case=opened(campaign, seat, manager),
        action="exclude_round",
        note="Of round 1.",
        by=manager,
        round_number=1,
    )
    first = Judgment.objects.earliest("pk")
    revised = revise_judgment(
        rater=seat.rater, judgment_id=first.public_id, answer={"side": "right"}
    ).judgment
    assert revised.pk in excluded_judgments(campaign)
    standing = Judgment.objects.standing()
    assert set(standing.values_list("pk", flat=True)) <= set(excluded_judgments(campaign))
    undo_exclusion(exclusion=Exclusion.objects.get(), note="They explained it.", by=manager)
    assert excluded_judgments(campaign) == []


def test_a_decision_is_undone_for_thirty_days() -> None:
    campaign, seat, manager = rated()
    decide(case=opened(campaign, seat, manager), action="exclude_all", note="All.", by=manager)
    Exclusion.objects.update(created_at=Now() - timedelta(days=31))
    with pytest.raises(ConflictError, match="30 days"):
        undo_exclusion(exclusion=Exclusion.objects.get(), note="Sorry.", by=manager)


class TestStatedRule:
    def test_it_pauses_opens_a_case_and_tells_both(self) -> None:
        campaign, seat, manager = rated(2, policy=RULE)
        judge(campaign, seat, 3, 2_000)
        pause_by_rules()
        seat.refresh_from_db()
        assert not seat.is_active
        case = Case.objects.get()
        assert case.rule == "pause_rule"
        entry = CaseEntry.objects.get()
        assert "3 judgments in a row that took less than 10 seconds" in entry.text
        assert entry.details["longest_ms"] == 2_000
        kinds = set(Notification.objects.values_list("user", "kind"))
        assert kinds == {(seat.rater.user_id, "case.entry"), (manager.pk, "case.opened")}

    @pytest.mark.parametrize(("fast", "policy"), [(2, RULE), (5, {}), (0, RULE)])
    def test_it_pauses_nobody_else(self, fast: int, policy: dict[str, Any]) -> None:
        campaign, seat, _ = rated(2, policy=policy)
        judge(campaign, seat, fast, 2_000)
        pause_by_rules()
        seat.refresh_from_db()
        assert seat.is_active
        assert not Case.objects.exists()

    def test_work_done_before_the_rule_was_stated_does_not_count(self) -> None:
        campaign, seat, manager = rated(0)
        judge(campaign, seat, 3, 2_000)
        update_campaign(campaign=campaign, by=manager, policy=RULE)
        judge(campaign, seat, 2, 2_000)
        pause_by_rules()
        assert Seat.objects.get(pk=seat.pk).is_active
        # Another part of the policy leaves the row as it is; another rule begins it anew.
        update_campaign(campaign=campaign, by=manager, policy=RULE | {"budget": 900})
        stricter = {"pause_rule": {"in_a_row": 3, "seconds": 11}}
        update_campaign(campaign=campaign, by=manager, policy=stricter)
        judge(campaign, seat, 1, 2_000)
        pause_by_rules()
        assert Seat.objects.get(pk=seat.pk).is_active
        update_campaign(campaign=campaign, by=manager, policy=stricter | {"budget": 900})
        judge(campaign, seat, 2, 2_000)
        pause_by_rules()
        assert not Seat.objects.get(pk=seat.pk).is_active

    def test_two_schedulers_pause_once(self) -> None:
        campaign, seat, _ = rated(0, policy=RULE)
        judge(campaign, seat, 3, 2_000)
        at_once([lambda: pause_by_rule(campaign=campaign, rater=seat.rater)] * 4)
        assert Case.objects.count() == CaseEntry.objects.count() == 1
        assert AuditEvent.objects.filter(verb="rater.paused_by_rule").count() == 1

    def test_who_was_told_to_go_on_is_not_paused_for_what_was_before(self) -> None:
        campaign, seat, manager = rated(0, policy=RULE)
        judge(campaign, seat, 3, 2_000)
        pause_by_rules()
        decide(case=Case.objects.get(), action="resume", note="Fine.", by=manager)
        pause_by_rules()
        assert Seat.objects.get(pk=seat.pk).is_active
        judge(campaign, seat, 3, 2_000)
        pause_by_rules()
        assert not Seat.objects.get(pk=seat.pk).is_active
        reinstate_rater(campaign=campaign, rater=seat.rater, by=manager)
        pause_by_rules()
        assert Seat.objects.get(pk=seat.pk).is_active
        assert Assignment.objects.filter(outcome="completed").count() == 6
