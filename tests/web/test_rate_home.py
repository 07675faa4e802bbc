"""The rater's home: why each campaign can or cannot be taken, the work done, and calibration."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import add_member, suspend_rater, take_seat
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.models import (
    Assignment,
    Campaign,
    Comparison,
    Gold,
    Judgment,
    Organisation,
    Seat,
    User,
    Withdrawal,
)
from labeling.queries.home import home_of
from labeling.queries.rating import judged_today
from tests import factories
from tests.web.visiting import as_

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lab() -> Organisation:
    return factories.organisation()


def joined(campaign: Campaign, person: User) -> Seat:
    add_member(campaign=campaign, user=person, role="rater", by=None)
    return take_seat(user=person, campaign=campaign)


def judge(seat: Seat, campaign: Campaign, side: str = "left", **client: Any) -> Judgment:
    assignment = claim_assignment(rater=seat.rater, campaign=campaign)
    assert assignment is not None
    return submit_judgment(
        rater=seat.rater,
        assignment_id=assignment.public_id,
        answer={"side": side, "client": client},
    ).judgment


def reason_in(campaign: Campaign, person: User) -> str:
    (one,) = [mine for mine in home_of(person).campaigns if mine.campaign.pk == campaign.pk]
    return one.reason


class TestWhy:
    def test_an_open_campaign_can_be_taken_and_says_how_much_is_left(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab, overlap=2)
        person = factories.user(of=lab)
        factories.open_comparisons(campaign, 3)
        seat = joined(campaign, person)
        judge(seat, campaign)
        (mine,) = home_of(person).campaigns
        assert (mine.reason, mine.left) == ("", 2)
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "a few left" in html
        assert "Continue" in html

    @pytest.mark.parametrize(
        ("left", "shown"), [(1, None), (9, None), (10, 10), (11, 20), (20, 20), (200, 200)]
    )
    def test_how_much_is_left_is_said_in_tens(self, lab: Any, left: int, shown: int | None) -> None:
        campaign = factories.campaign(of=lab)
        person = factories.user(of=lab)
        joined(campaign, person)
        (mine,) = home_of(person).campaigns
        assert replace(mine, left=left).left_shown == shown
        assert not replace(mine, left=left).has_many_left

    def test_the_page_does_not_tell_gold_from_a_slot(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        factories.open_comparisons(campaign, 18)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        client = as_(person)
        said, met = set(), set()
        for _ in range(6):
            assignment = claim_assignment(rater=seat.rater, campaign=campaign)
            assert assignment is not None
            met.add(assignment.ordinal is None)
            html = client.get(reverse("rate_home")).content.decode()
            said.update(re.findall(r"[a-z]+ \d+ left", html))
            submit_judgment(
                rater=seat.rater, assignment_id=assignment.public_id, answer={"side": "left"}
            )
        assert met == {True, False}
        assert said == {"about 20 left"}

    def test_who_has_not_opened_it_yet_is_told_how_much_there_is(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab)
        factories.open_comparisons(campaign, 3)
        person = factories.user(of=lab)
        add_member(campaign=campaign, user=person, role="rater", by=None)
        (mine,) = home_of(person).campaigns
        assert (mine.reason, mine.left) == ("", 3)

    @pytest.mark.parametrize(
        ("state", "reason"),
        [("paused", "paused"), ("draft", "not_begun"), ("completed", "complete")],
    )
    def test_its_state(self, lab: Any, state: str, reason: str) -> None:
        campaign = factories.campaign(of=lab, state=state)
        person = factories.user(of=lab)
        joined(campaign, person)
        assert reason_in(campaign, person) == reason

    def test_nothing_is_left(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab)
        factories.open_comparisons(campaign, 1)
        person = factories.user(of=lab)
        judge(joined(campaign, person), campaign)
        assert reason_in(campaign, person) == "nothing_left"
        assert "Nothing left" in as_(person).get(reverse("rate_home")).content.decode()

    def test_their_part_is_paused(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab)
        factories.open_comparisons(campaign, 1)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        suspend_rater(campaign=campaign, rater=seat.rater, by=None)
        assert reason_in(campaign, person) == "seat_paused"

    def test_the_daily_cap_is_reached_and_the_bench_says_so_kindly(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab, requirements={"daily_cap": 2})
        factories.open_comparisons(campaign, 5)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        judge(seat, campaign)
        assert reason_in(campaign, person) == ""
        judge(seat, campaign)
        assert reason_in(campaign, person) == "enough_today"
        client = as_(person)
        assert "Done for today" in client.get(reverse("rate_home")).content.decode()
        html = client.get(reverse("rate", args=[campaign.slug])).content.decode()
        assert "That is enough for today" in html
        # Yesterday's do not count.
        Assignment.objects.filter(outcome="completed").update(
            ended_at=timezone.now() - timedelta(days=1)
        )
        assert reason_in(campaign, person) == ""

    def test_practice_takes_nothing_from_the_daily_cap_and_gold_in_no_round_does(
        self, lab: Any
    ) -> None:
        asked = {"qualification": "own", "daily_cap": 1}
        campaign = factories.campaign(of=lab, slug="own", requirements=asked)
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
        factories.open_comparisons(campaign, 2)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        item = claim_assignment(rater=seat.rater, campaign=campaign)
        assert item is not None
        submit_judgment(
            rater=seat.rater, assignment_id=item.public_id, answer={"side": item.side("a")}
        )
        assert reason_in(campaign, person) == ""
        (mine,) = home_of(person).campaigns
        assert mine.rated.day.judged == judged_today(seat.rater, campaign) == 0
        bench = as_(person).get(reverse("rate", args=[campaign.slug])).content.decode()
        assert "Task </span>1 of 1" in bench
        judge(seat, campaign)
        Comparison.objects.filter(campaign=campaign).exclude(round__kind="qualification").update(
            round=None
        )
        assert judged_today(seat.rater, campaign) == 1
        assert reason_in(campaign, person) == "enough_today"

    def test_each_step_of_a_qualification(self, lab: Any) -> None:
        campaign = factories.campaign(
            of=lab, slug="school", requirements={"qualification": "school"}
        )
        work = factories.campaign(of=lab, slug="work", requirements={"qualification": "school"})
        factories.open_comparisons(campaign, 2)
        factories.open_comparisons(work, 2)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        joined(work, person)
        assert reason_in(campaign, person) == "qualification_closed"
        for _ in range(2):
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=1)
        assert reason_in(campaign, person) == ""
        assert reason_in(work, person) == "qualify_elsewhere"
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "Begin with practice" in html
        for side in ("tie", "tie"):
            judge(seat, campaign, side)
        assert reason_in(campaign, person) == "not_passed"
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "0 of 2 as expected; it takes 2" in html
        Seat.objects.filter(pk=seat.pk).update(qualified_at=timezone.now())
        assert reason_in(campaign, person) == ""
        assert reason_in(work, person) == ""

    def test_what_is_asked_for_and_lacking_is_said(self, lab: Any) -> None:
        campaign = factories.campaign(
            of=lab, requirements={"skills": {"python": 0.8}, "languages": ["no"]}
        )
        factories.open_comparisons(campaign, 1)
        person = factories.user(of=lab)
        joined(campaign, person)
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "In: no." in html
        assert "It needs python at 0.8, and you have not shown it yet." in html
        assert "It needs the language no, which is not among yours." in html
        assert reason_in(campaign, person) == "unsuited"


class TestWork:
    def test_time_once_begun_always_counts(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab)
        factories.open_comparisons(campaign, 3)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        for ms in (10_000, 20_000, 60_000):
            judge(seat, campaign, active_ms=ms)
        work = home_of(person).work
        assert (work.judged, work.active_ms, work.median_ms) == (3, 90_000, 20_000)
        Withdrawal.objects.create(judgment=Judgment.objects.latest("pk"), reason="Left out.")
        assert home_of(person).work.all_ms == 90_000
        assert home_of(person).work.by_day[-1] == (timezone.localdate(), 3)
        assert len(home_of(person).work.by_day) == 7

    def test_nobody_elses_work_is_shown(self, lab: Any) -> None:
        campaign = factories.campaign(of=lab)
        factories.open_comparisons(campaign, 1)
        judge(joined(campaign, factories.user(of=lab)), campaign, active_ms=5000)
        person = factories.user(of=lab)
        joined(campaign, person)
        assert home_of(person).work.all_ms == 0


class TestCalibration:
    def met(self, lab: Organisation, right: int, wrong: int) -> User:
        campaign = factories.campaign(of=lab, requirements={"gold_rate": 1.0})
        for _ in range(right + wrong):
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        factories.open_comparisons(campaign, 1)
        person = factories.user(of=lab)
        seat = joined(campaign, person)
        for number in range(right + wrong):
            assignment = claim_assignment(rater=seat.rater, campaign=campaign)
            assert assignment is not None
            side = assignment.side("a" if number < right else "b")
            submit_judgment(
                rater=seat.rater, assignment_id=assignment.public_id, answer={"side": side}
            )
        return person

    def test_it_is_shown_with_its_interval_once_there_is_enough_from_the_day_after(
        self, lab: Any
    ) -> None:
        person = self.met(lab, 9, 3)
        # A number that moved with an answer would tell which comparison was gold.
        assert home_of(person).calibration.value is None
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE labeling_judgment DISABLE TRIGGER USER")
            cursor.execute("UPDATE labeling_judgment SET created_at = now() - interval '1 day'")
            cursor.execute("ALTER TABLE labeling_judgment ENABLE TRIGGER USER")
        found = home_of(person).calibration
        assert found.value == 0.75
        assert found.low is not None
        assert found.high is not None
        assert 0.4 < found.low < 0.5
        assert 0.9 < found.high < 0.95
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "<strong>75 %</strong> of 12 known answers" in html

    def test_few_say_nothing(self, lab: Any) -> None:
        person = self.met(lab, 2, 1)
        html = as_(person).get(reverse("rate_home")).content.decode()
        assert "Once you have met 10" in html


def test_the_home_costs_the_same_however_many_campaigns(lab: Organisation) -> None:
    person = factories.user(of=lab)
    counts = []
    for number in (1, 6):
        for index in range(number):
            slug = f"many-{number}-{index}"
            campaign = factories.campaign(
                of=lab, slug=slug, requirements={"qualification": slug, "daily_cap": 5}
            )
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
            open_round(campaign=campaign, by=None, kind="qualification")
            joined(campaign, person)
        client = as_(person)
        with CaptureQueriesContext(connection) as seen:
            assert client.get(reverse("rate_home")).status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]
    assert counts[1] <= 19


def test_a_person_of_no_campaign_has_an_empty_home() -> None:
    html = as_(factories.user(of=factories.organisation())).get(reverse("rate_home"))
    assert "No campaign yet" in html.content.decode()
