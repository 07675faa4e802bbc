"""Who is given work: skills, languages and caps are a rule of the queue, whichever door asks."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling.actions.ahead import prepare_assignment
from labeling.actions.claiming import claim_assignment
from labeling.actions.profiles import change_profile
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.actions.skills import grant_skill
from labeling.errors import (
    EnoughForTodayError,
    EnoughInAllError,
    NotQualifiedError,
    RequirementsUnmetError,
)
from labeling.models import Assignment, Campaign, Gold, Notification, Seat, Skill
from labeling.queries.queue_faults import QueueFaults
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

LEFT = {"side": "left"}


def asking(count: int = 3, **requirements: Any) -> tuple[Campaign, Seat]:
    """A campaign that asks for these, with `count` open comparisons, and a rater of it."""
    campaign = factories.campaign(requirements=requirements)
    factories.open_comparisons(campaign, count)
    return campaign, factories.rater(campaign)


def claim(seat: Seat, campaign: Campaign) -> Assignment | None:
    return claim_assignment(rater=seat.rater, campaign=campaign)


def judge(seat: Seat, campaign: Campaign, answer: Any = None) -> None:
    held = claim(seat, campaign)
    assert held is not None
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=answer or LEFT)


def test_a_skill_is_asked_for_at_its_level() -> None:
    campaign, seat = asking(skills={"Python": 0.8})
    with pytest.raises(RequirementsUnmetError, match=r"Python at 0\.8, and you have not"):
        claim(seat, campaign)
    grant_skill(campaign=campaign, rater=seat.rater, name="python", level=0.7, by=None)
    with pytest.raises(RequirementsUnmetError, match=r"needs Python at 0.8; yours is 0.7\.") as no:
        claim(seat, campaign)
    assert isinstance(no.value, NotQualifiedError)
    assert [one.field for one in no.value.problems] == ["requirements.skills.Python"]
    assert not Assignment.objects.filter(rater=seat.rater).exists()
    grant_skill(campaign=campaign, rater=seat.rater, name="PYTHON", level=0.8, by=None)
    assert Skill.objects.count() == 1
    assert claim(seat, campaign) is not None


def test_an_earned_skill_fades_until_it_is_not_enough() -> None:
    campaign, seat = asking(skills={"Maths": 0.5})
    skill = Skill.objects.create(rater=seat.rater, name="Maths", level=0.91, source="gold")
    judge(seat, campaign)
    Skill.objects.filter(pk=skill.pk).update(earned_at=timezone.now() - timedelta(days=180))
    with pytest.raises(RequirementsUnmetError, match=r"Maths at 0.5; yours is 0.45\."):
        claim(seat, campaign)


def test_what_one_says_of_oneself_opens_nothing() -> None:
    campaign, seat = asking(skills={"Maths": 0.1})
    assert seat.rater.user is not None
    change_profile(user=seat.rater.user, languages=[], skills=["Maths"])
    with pytest.raises(RequirementsUnmetError):
        claim(seat, campaign)


def test_every_language_is_asked_for_and_the_rater_says_so_themselves() -> None:
    campaign, seat = asking(languages=["en", "nb"])
    assert seat.rater.user is not None
    change_profile(user=seat.rater.user, languages=["en-GB"], skills=[])
    with pytest.raises(RequirementsUnmetError, match="needs the language nb,") as no:
        claim(seat, campaign)
    assert len(no.value.problems) == 1
    change_profile(user=seat.rater.user, languages=["en-GB", "nb_NO"], skills=[])
    assert claim(seat, campaign) is not None


def test_a_campaigns_cap_ends_a_raters_part_and_not_another_ones() -> None:
    campaign, seat = asking(3, campaign_cap=2)
    other = factories.rater(campaign)
    judge(seat, campaign)
    held = claim(seat, campaign)
    assert held is not None
    # Its last one is on the screen: nothing waits ready behind it.
    assert prepare_assignment(rater=seat.rater, campaign=campaign, beside=held.public_id) is None
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=LEFT)
    with pytest.raises(EnoughInAllError, match="You have judged 2 here"):
        claim(seat, campaign)
    judge(other, campaign)
    assert not QueueFaults.of(campaign)


def test_the_nearer_of_two_caps_is_told() -> None:
    campaign, seat = asking(3, campaign_cap=2, daily_cap=1)
    judge(seat, campaign)
    with pytest.raises(EnoughForTodayError):
        claim(seat, campaign)
    Assignment.objects.filter(rater=seat.rater).update(ended_at=timezone.now() - timedelta(days=2))
    judge(seat, campaign)
    Assignment.objects.filter(rater=seat.rater).update(ended_at=timezone.now() - timedelta(days=2))
    with pytest.raises(EnoughInAllError):
        claim(seat, campaign)


def test_what_was_begun_is_finished_though_more_is_asked_for_meanwhile() -> None:
    campaign, seat = asking()
    held = claim(seat, campaign)
    assert held is not None
    Campaign.objects.filter(pk=campaign.pk).update(requirements={"skills": {"Maths": 0.5}})
    campaign.refresh_from_db()
    again = claim(seat, campaign)
    assert again is not None
    assert again.pk == held.pk
    # But nothing is dealt beside it, nor after it.
    assert prepare_assignment(rater=seat.rater, campaign=campaign, beside=held.public_id) is None
    submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer=LEFT)
    with pytest.raises(RequirementsUnmetError):
        claim(seat, campaign)


def test_a_campaign_without_requirements_pays_no_statement_for_them() -> None:
    free, rater_of_free = asking()
    bound, rater_of_bound = asking(skills={"Maths": 0.1}, languages=["en"], campaign_cap=9)
    grant_skill(campaign=bound, rater=rater_of_bound.rater, name="Maths", level=1, by=None)
    assert rater_of_bound.rater.user is not None
    change_profile(user=rater_of_bound.rater.user, languages=["en"], skills=[])
    counts = []
    for campaign, seat in ((free, rater_of_free), (bound, rater_of_bound)):
        with CaptureQueriesContext(connection) as sent:
            assert claim(seat, campaign) is not None
        counts.append(len(sent))
        assert any("labeling_skill" in one["sql"] for one in sent) is (campaign == bound)
    assert counts[1] == counts[0] + 1


def test_a_judge_needs_no_skills() -> None:
    campaign, _ = asking(skills={"Maths": 0.9}, languages=["en"])
    made = factories.judge(campaign, "a-judge")
    claimed = claim_assignment(rater=made.rater, campaign=campaign)
    # It has no place in the lane, so nothing is dealt to it; but nobody asks for its skills.
    assert claimed is None


class TestPractice:
    """A qualification gives what its campaign asks for, so it comes before the skills."""

    def school(self, items: int, **requirements: Any) -> tuple[Campaign, Seat]:
        campaign = factories.campaign(
            slug="school", requirements={"qualification": "school", **requirements}
        )
        for _ in range(items):
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.5)
        factories.open_comparisons(campaign, 2)
        return campaign, factories.rater(campaign)

    def practise(self, campaign: Campaign, seat: Seat, right: int, wrong: int) -> None:
        for number in range(right + wrong):
            item = claim(seat, campaign)
            assert item is not None
            side = item.side("a" if number < right else "b")
            submit_judgment(rater=seat.rater, assignment_id=item.public_id, answer={"side": side})

    def test_a_pass_gives_the_skills_at_the_level_it_shows(self) -> None:
        campaign, seat = self.school(4, skills={"Maths": 0.5, "Prose": 0.2})
        self.practise(campaign, seat, right=4, wrong=0)
        levels = dict(Skill.objects.values_list("name", "level"))
        assert levels == {
            "Maths": pytest.approx(4 / (4 + 3.8414588)),
            "Prose": pytest.approx(4 / (4 + 3.8414588)),
        }
        assert set(Skill.objects.values_list("source", flat=True)) == {"qualification"}
        assert sorted(one.details["skill"] for one in Notification.objects.all()) == [
            "Maths",
            "Prose",
        ]
        assert claim(seat, campaign) is not None

    def test_a_narrow_pass_shows_too_little(self) -> None:
        campaign, seat = self.school(4, skills={"Maths": 0.5})
        self.practise(campaign, seat, right=2, wrong=2)
        with pytest.raises(RequirementsUnmetError, match=r"Maths at 0.5; yours is 0.15\."):
            claim(seat, campaign)

    def test_a_language_is_asked_for_before_anybody_practises(self) -> None:
        campaign, seat = self.school(2, languages=["nb"])
        with pytest.raises(RequirementsUnmetError, match="language nb"):
            claim(seat, campaign)
        assert not Assignment.objects.filter(rater=seat.rater).exists()

    def test_practice_takes_nothing_from_the_cap(self) -> None:
        campaign, seat = self.school(2, campaign_cap=1)
        self.practise(campaign, seat, right=2, wrong=0)
        judge(seat, campaign)
        with pytest.raises(EnoughInAllError):
            claim(seat, campaign)

    def test_who_is_let_in_by_a_manager_has_earned_nothing(self) -> None:
        campaign, seat = self.school(2, skills={"Maths": 0.1})
        Seat.objects.filter(pk=seat.pk).update(qualified_at=timezone.now())
        with pytest.raises(RequirementsUnmetError):
            claim(seat, campaign)
