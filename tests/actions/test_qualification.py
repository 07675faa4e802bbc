"""Qualification: who is dealt practice, who passes, and what of it is no data."""

from typing import Any

import pytest

from labeling.actions.campaigns import create_campaign, update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.qualification import qualify_rater
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rating import revise_judgment, skip_assignment, submit_judgment
from labeling.actions.rounds import close_round, open_round
from labeling.errors import ConflictError, InvalidInputError, NotAllowedError, NotQualifiedError
from labeling.formats.export_choice import choose
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    Completion,
    Gold,
    Judgment,
    Round,
    Seat,
)
from labeling.queries.export_rows import open_export
from labeling.queries.outcomes import outcomes
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def practising(count: int = 3, *, slug: str = "trained", **fields: Any) -> Campaign:
    """An active campaign that asks for its own qualification, with `count` items and one pair."""
    campaign = factories.campaign(slug=slug, requirements={"qualification": slug}, **fields)
    for number in range(count):
        Gold.objects.create(
            comparison=factories.comparison(campaign, external_id=f"item-{number}"),
            preference="a",
            strength=2,
            explanation=f"Because {number}.",
        )
    open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.6)
    factories.open_comparisons(campaign, 1)
    return campaign


def answer_next(seat: Seat, campaign: Campaign, *, is_right: bool = True) -> Assignment:
    """Answer what is dealt next."""
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    wanted = "a" if is_right else "b"
    submit_judgment(
        rater=seat.rater,
        assignment_id=assignment.public_id,
        answer={"side": assignment.side(wanted)},
    )
    return assignment


def test_practice_comes_first_in_one_order_for_everybody_and_then_the_work() -> None:
    campaign = practising()
    for _ in range(2):
        seat = factories.rater(campaign)
        met = [answer_next(seat, campaign).comparison.external_id for _ in range(3)]
        assert met == ["item-0", "item-1", "item-2"]
        seat.refresh_from_db()
        assert seat.qualified_at is not None
    work = claim_assignment(rater=seat.rater, campaign=campaign)
    assert work is not None
    assert work.ordinal == 1
    event = AuditEvent.objects.filter(verb="rater.qualified").first()
    assert event is not None
    assert event.details == {"round": 1, "right": 3, "items": 3}


def test_a_reload_and_a_second_tab_show_the_same_item() -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    first = claim_assignment(rater=seat.rater, campaign=campaign)
    second = claim_assignment(rater=seat.rater, campaign=campaign, hold=2)
    assert first is not None
    assert second is not None
    assert first.pk == second.pk


def test_too_few_right_answers_do_not_pass_and_say_what_can_be_done() -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    answer_next(seat, campaign)
    for _ in range(2):
        answer_next(seat, campaign, is_right=False)
    with pytest.raises(NotQualifiedError, match=r"all 3 .* 1 of them as expected; it takes 2"):
        claim_assignment(rater=seat.rater, campaign=campaign)
    seat.refresh_from_db()
    assert seat.qualified_at is None
    qualify_rater(campaign=campaign, rater=seat.rater, by=None)
    qualify_rater(campaign=campaign, rater=seat.rater, by=None)
    work = claim_assignment(rater=seat.rater, campaign=campaign)
    assert work is not None
    assert work.ordinal == 1
    assert AuditEvent.objects.filter(verb="rater.let_in").count() == 1


def test_a_second_round_of_other_items_is_a_second_try() -> None:
    campaign = practising(1)
    seat = factories.rater(campaign)
    answer_next(seat, campaign, is_right=False)
    with pytest.raises(NotQualifiedError):
        claim_assignment(rater=seat.rater, campaign=campaign)
    Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    open_round(campaign=campaign, by=None, kind="qualification")
    answer_next(seat, campaign)
    seat.refresh_from_db()
    assert seat.qualified_at is not None


def test_a_skipped_item_is_not_right_and_does_not_come_again() -> None:
    campaign = practising(2)
    seat = factories.rater(campaign)
    item = claim_assignment(rater=seat.rater, campaign=campaign)
    assert item is not None
    skip_assignment(rater=seat.rater, assignment_id=item.public_id, reason="upsetting")
    answer_next(seat, campaign)
    with pytest.raises(NotQualifiedError, match="1 of them as expected; it takes 2"):
        claim_assignment(rater=seat.rater, campaign=campaign)
    # Nothing of the skipped item went to others: it has no slot.
    assert Assignment.objects.filter(comparison=item.comparison, rater=None).count() == 0


def test_who_missed_an_item_that_is_retired_passes_without_it() -> None:
    campaign = practising(2)
    seat = factories.rater(campaign)
    missed = answer_next(seat, campaign, is_right=False)
    answer_next(seat, campaign)
    with pytest.raises(NotQualifiedError):
        claim_assignment(rater=seat.rater, campaign=campaign)
    Gold.objects.filter(comparison=missed.comparison).update(retired_at="2026-01-01T00:00Z")
    work = claim_assignment(rater=seat.rater, campaign=campaign)
    assert work is not None
    assert work.ordinal == 1


def test_an_answer_to_practice_stays_since_the_expected_one_was_shown() -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    assignment = answer_next(seat, campaign, is_right=False)
    judgment = Judgment.objects.get(assignment=assignment)
    with pytest.raises(ConflictError, match="a practice answer stays"):
        revise_judgment(rater=seat.rater, judgment_id=judgment.public_id, answer={"side": "tie"})


def test_a_campaign_may_ask_for_the_qualification_of_another() -> None:
    school = practising(1, slug="school")
    work = factories.campaign(of=school.organisation, requirements={"qualification": "school"})
    factories.open_comparisons(work, 1)
    seat = factories.rater(work)
    with pytest.raises(NotQualifiedError, match=f"“{school.name}”"):
        claim_assignment(rater=seat.rater, campaign=work)
    assert seat.rater.user is not None
    add_member(campaign=school, user=seat.rater.user, role="rater", by=None)
    answer_next(take_seat(user=seat.rater.user, campaign=school), school)
    taken = claim_assignment(rater=seat.rater, campaign=work)
    assert taken is not None


def test_a_campaign_of_another_organisation_qualifies_nobody() -> None:
    practising(1, slug="school")
    with pytest.raises(InvalidInputError, match="no campaign of your organisation"):
        create_campaign(
            organisation=factories.organisation(),
            by=None,
            name="Elsewhere",
            requirements={"qualification": "school"},
        )
    campaign = factories.campaign()
    with pytest.raises(InvalidInputError, match="no campaign of your organisation"):
        update_campaign(campaign=campaign, by=None, requirements={"qualification": "school"})


def test_a_paused_campaign_and_a_paused_rater_are_dealt_no_practice() -> None:
    campaign = practising()
    paused = factories.rater(campaign)
    Seat.objects.filter(pk=paused.pk).update(is_active=False)
    with pytest.raises(NotAllowedError, match="has been paused"):
        claim_assignment(rater=paused.rater, campaign=campaign)
    update_campaign(campaign=campaign, by=None, state="paused")
    campaign.refresh_from_db()
    seat = factories.rater(campaign)
    with pytest.raises(NotQualifiedError, match="not finished"):
        claim_assignment(rater=seat.rater, campaign=campaign)


@pytest.mark.parametrize("state", ["draft", "paused", "completed"])
def test_the_unqualified_get_no_work_from_a_campaign_resumed_meanwhile(state: str) -> None:
    campaign = practising(1)
    seat = factories.rater(campaign)
    answer_next(seat, campaign, is_right=False)
    # What this process read of the campaign is old: it runs, and its work is free.
    campaign.state = state
    with pytest.raises(NotQualifiedError, match="it takes 1"):
        claim_assignment(rater=seat.rater, campaign=campaign)
    assert Assignment.objects.filter(rater=seat.rater, ordinal__isnull=False).count() == 0


def test_who_has_passed_is_graded_though_the_campaign_is_paused() -> None:
    campaign = practising(1)
    seat = factories.rater(campaign)
    answer_next(seat, campaign)
    Seat.objects.filter(pk=seat.pk).update(qualified_at=None)
    update_campaign(campaign=campaign, by=None, state="paused")
    campaign.refresh_from_db()
    assert claim_assignment(rater=seat.rater, campaign=campaign) is None
    seat.refresh_from_db()
    assert seat.qualified_at is not None


class TestOpening:
    def test_only_comparisons_with_a_known_answer_are_taken(self) -> None:
        campaign = practising(2)
        opened = Round.objects.get(campaign=campaign, kind="qualification")
        assert opened.comparisons.count() == 2
        assert opened.pass_share == 0.6
        with pytest.raises(ConflictError, match="Import gold first"):
            open_round(campaign=campaign, by=None, kind="qualification")

    def test_those_named_are_taken_and_the_rest_stays_gold(self) -> None:
        campaign = factories.campaign(slug="some", requirements={"qualification": "some"})
        for number in range(3):
            Gold.objects.create(
                comparison=factories.comparison(campaign, external_id=f"item-{number}"),
                preference="a",
            )
        last = campaign.comparisons.order_by("pk").last()
        assert last is not None
        opened = open_round(
            campaign=campaign,
            by=None,
            kind="qualification",
            comparisons=["item-0", str(last.public_id)],
        )
        assert opened.comparisons.count() == 2
        assert opened.pass_share == 0.7
        with pytest.raises(InvalidInputError, match="item-9"):
            open_round(campaign=campaign, by=None, kind="qualification", comparisons=["item-9"])

    def test_a_campaign_that_does_not_ask_for_it_opens_none(self) -> None:
        campaign = factories.campaign()
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        with pytest.raises(ConflictError, match="Set requirements"):
            open_round(campaign=campaign, by=None, kind="qualification")

    @pytest.mark.parametrize("share", [0, -1, 1.01, float("nan")])
    def test_a_share_that_is_none_is_refused(self, share: float) -> None:
        campaign = practising()
        with pytest.raises(InvalidInputError, match="pass_share"):
            open_round(campaign=campaign, by=None, kind="qualification", pass_share=share)

    def test_only_a_qualification_has_a_share(self) -> None:
        with pytest.raises(InvalidInputError, match="pass_share"):
            open_round(campaign=practising(), by=None, pass_share=0.7)

    def test_a_closed_round_ends_practice_but_what_is_held_may_be_finished(self) -> None:
        campaign = practising()
        seat = factories.rater(campaign)
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        close_round(round_=campaign.rounds.get(kind="qualification"), by=None)
        assert held is not None
        again = answer_next(seat, campaign)
        assert again.pk == held.pk
        with pytest.raises(NotQualifiedError, match="none is open"):
            claim_assignment(rater=seat.rater, campaign=campaign)


def test_a_raised_overlap_lays_no_slot_for_practice() -> None:
    campaign = practising(overlap=1)
    update_campaign(campaign=campaign, by=None, overlap=3)
    laid = Assignment.objects.filter(comparison__round__kind="qualification")
    assert laid.count() == 0


def test_items_of_a_qualification_are_no_hidden_gold() -> None:
    campaign = practising()
    update_campaign(
        campaign=campaign,
        by=None,
        requirements={"qualification": campaign.slug, "gold_rate": 1.0},
    )
    campaign.refresh_from_db()
    seat = factories.rater(campaign)
    qualify_rater(campaign=campaign, rater=seat.rater, by=None)
    work = claim_assignment(rater=seat.rater, campaign=campaign)
    assert work is not None
    assert work.ordinal == 1


def test_practice_is_in_no_report_and_no_export() -> None:
    campaign = practising()
    seat = factories.rater(campaign)
    for _ in range(4):
        answer_next(seat, campaign)
    read = outcomes(campaign)
    assert len(read.votes) == 1
    # Still counted as events: the report knows by their number that it is up to date.
    assert read.event_count == 4
    whole = choose({"layout": "native", "gold": "keep", "history": "1"})
    export = open_export(campaign, whole)
    assert b"".join(export).count(b"\n") == 1


def test_an_item_that_names_its_model_is_not_opened_where_that_is_excluded() -> None:
    campaign = factories.campaign(
        slug="blind", requirements={"qualification": "blind", "identity": "exclude"}
    )
    named, plain = factories.comparison(campaign), factories.comparison(campaign)
    Completion.objects.filter(pk=named.completion_b_id).update(marks=["identifies_itself"])
    for comparison in (named, plain):
        Gold.objects.create(comparison=comparison, preference="a")
    opened = open_round(campaign=campaign, by=None, kind="qualification")
    assert [one.pk for one in opened.comparisons.all()] == [plain.pk]
