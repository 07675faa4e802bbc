"""Home and bench tell the same of what is left, and neither tells gold from a slot."""

from typing import Any

import pytest
from django.urls import reverse

from labeling.actions.ahead import prepare_assignment
from labeling.actions.campaigns import update_campaign
from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import Assignment, Campaign, Gold, Lane, Organisation, Seat, User
from labeling.queries.home import home_of
from tests import factories
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lab() -> Organisation:
    return factories.organisation()


def joined(campaign: Campaign, person: User) -> Seat:
    add_member(campaign=campaign, user=person, role="rater", by=None)
    return take_seat(user=person, campaign=campaign)


def add_gold(campaign: Campaign, count: int = 1) -> None:
    # As the first round that was opened left it.
    Lane.objects.get_or_create(campaign=campaign)
    for _ in range(count):
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")


def answer(seat: Seat, assignment: Assignment, side: str = "left") -> None:
    submit_judgment(
        rater=seat.rater, assignment_id=assignment.public_id, answer={"side": side, "client": {}}
    )


def is_nothing_left(person: User) -> bool:
    (mine,) = home_of(person).campaigns
    html = as_(person).get(reverse("rate_home")).content.decode()
    assert (mine.reason == "nothing_left") == ("Nothing left" in html)
    assert (mine.reason == "") == ("a few left" in html)
    return mine.reason == "nothing_left"


@pytest.mark.parametrize("rate", [0.3, 0.6, 1.0])
def test_home_says_nothing_left_exactly_when_the_bench_gives_nothing(lab: Any, rate: float) -> None:
    """Gold that is due once the slots are gone would else be known: it came after "nothing"."""
    said: set[tuple[bool, str]] = set()
    for _ in range(4):
        campaign = factories.campaign(of=lab, requirements={"gold_rate": rate})
        add_gold(campaign, 3)
        factories.open_comparisons(campaign, 2)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        for _ in range(7):
            nothing = is_nothing_left(person)
            given = claim_assignment(rater=seat.rater, campaign=campaign)
            assert nothing == (given is None)
            if given is None:
                break
            said.add((nothing, "gold" if given.ordinal is None else "slot"))
            answer(seat, given)
        else:
            pytest.fail("more was given than there is")
    assert said == {(False, "gold"), (False, "slot")}


@pytest.mark.parametrize("rate", [0, 1.0])
def test_what_is_on_the_screen_is_something_left_whatever_it_is(lab: Any, rate: float) -> None:
    campaign = factories.campaign(of=lab, requirements={"gold_rate": rate})
    add_gold(campaign, round(rate))
    factories.open_comparisons(campaign, 1 - round(rate))
    person = factories.user(of=lab)
    seat = joined(campaign, person)
    shown = claim_assignment(rater=seat.rater, campaign=campaign)
    assert shown is not None
    assert (shown.ordinal is None) == bool(rate)
    assert not is_nothing_left(person)
    assert prepare_assignment(rater=seat.rater, campaign=campaign, beside=shown.public_id) is None
    answer(seat, shown)
    assert is_nothing_left(person)


def test_before_the_first_visit_gold_alone_is_something_left(lab: Any) -> None:
    """Whose turn it is, nobody knows before there is a seat."""
    campaign = factories.campaign(of=lab, requirements={"gold_rate": 0.5})
    person = factories.user(of=lab)
    add_member(campaign=campaign, user=person, role="rater", by=None)
    assert is_nothing_left(person)
    add_gold(campaign)
    assert not is_nothing_left(person)
    Gold.objects.update(retired_at="2026-01-01T00:00Z")
    assert is_nothing_left(person)


def test_gold_that_would_not_be_dealt_is_nothing_left(lab: Any) -> None:
    campaign = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
    other = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
    add_gold(other)
    person = factories.user(of=lab)
    joined(campaign, person)
    assert is_nothing_left(person)
    add_gold(campaign)
    assert not is_nothing_left(person)
    update_campaign(campaign=campaign, by=None, requirements={"gold_rate": 0})
    assert is_nothing_left(person)


class TestTheWeek:
    def test_practice_is_no_judgment_of_the_week_and_gold_is(self, lab: Any) -> None:
        campaign = factories.campaign(
            of=lab, slug="own", requirements={"qualification": "own", "gold_rate": 1.0}
        )
        add_gold(campaign)
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
        add_gold(campaign)
        factories.open_comparisons(campaign, 1)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        counts = []
        for _ in range(3):
            given = claim_assignment(rater=seat.rater, campaign=campaign)
            assert given is not None
            answer(seat, given, given.side("a"))
            work = home_of(person).work
            assert work.by_day[-1][1] == work.judged
            counts.append(work.judged)
        assert counts == [0, 1, 2]


class TestNotes:
    def test_those_of_an_archived_campaign_are_linked_and_lead_there(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
        add_gold(campaign)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        given = claim_assignment(rater=seat.rater, campaign=campaign)
        assert given is not None
        answer(seat, given)
        address = reverse("rate_answers", args=[campaign.slug])
        client = as_(person)
        for state in ("completed", "archived"):
            assert address not in client.get(reverse("rate_home")).content.decode()
            campaign = update_campaign(campaign=campaign, by=None, state=state)
        html = client.get(reverse("rate_home")).content.decode()
        assert address in html
        assert "Campaigns that have ended" in html
        # It is told of, and not among the campaigns to take.
        assert home_of(person).campaigns == []
        assert client.get(address).status_code == 200

    def test_nobody_elses_are_linked(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
        add_gold(campaign)
        seat = factories.rater(campaign)
        given = claim_assignment(rater=seat.rater, campaign=campaign)
        assert given is not None
        answer(seat, given)
        person = factories.user(of=lab)
        joined(campaign, person)
        campaign = update_campaign(campaign=campaign, by=None, state="completed")
        update_campaign(campaign=campaign, by=None, state="archived")
        assert home_of(person).told_in == []
        assert "Campaigns that have ended" not in (
            as_(person).get(reverse("rate_home")).content.decode()
        )
