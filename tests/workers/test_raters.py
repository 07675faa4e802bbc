"""Gold keeps skills up, by the clock: up to yesterday, down as well as up, and told once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.raters import add_member, take_seat
from labeling.actions.rating import submit_judgment
from labeling.models import Campaign, Gold, Judgment, Notification, Seat, Skill
from tests import factories
from workers.raters import refresh_skills

pytestmark = pytest.mark.django_db(transaction=True)


def asking(skills: dict[str, float], **fields: Any) -> Campaign:
    return factories.campaign(requirements={"skills": skills, "gold_rate": 1.0}, **fields)


def answered(campaign: Campaign, seat: Seat, right: int, wrong: int, *, days: float = 1) -> None:
    """So many known answers of the campaign, given so long ago."""
    for _ in range(right + wrong):
        Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
    factories.open_comparisons(campaign, 1)
    for name in campaign.requirements["skills"]:
        Skill.objects.get_or_create(
            rater=seat.rater, name=name, source="granted", defaults={"level": 1}
        )
    before = set(Judgment.objects.values_list("pk", flat=True))
    for number in range(right + wrong):
        held = claim_assignment(rater=seat.rater, campaign=campaign)
        assert held is not None
        side = held.side("a" if number < right else "b")
        submit_judgment(rater=seat.rater, assignment_id=held.public_id, answer={"side": side})
    _backdate(before, days)


def _backdate(before: set[int], days: float) -> None:
    """Judgments are immutable to the product; a test may say when they were given."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE labeling_judgment SET created_at = now() - %s * interval '1 day'"
            " WHERE NOT id = ANY(%s)",
            [days, list(before)],
        )
        cursor.execute("SET session_replication_role = DEFAULT")


def earned(seat: Seat) -> dict[str, float]:
    rows = Skill.objects.filter(rater=seat.rater, source="gold")
    return dict(rows.values_list("name", "level"))


def test_ten_known_answers_give_the_skill_that_the_campaign_names() -> None:
    campaign = asking({"Maths": 0.5})
    seat = factories.rater(campaign)
    answered(campaign, seat, 9, 0, days=2)
    refresh_skills()
    assert earned(seat) == {}
    answered(campaign, seat, 3, 0)
    refresh_skills()
    assert earned(seat) == {"Maths": pytest.approx(12 / (12 + 3.8414588))}
    skill = Skill.objects.get(source="gold")
    # Dated by the newest of them, so that it fades when no more come.
    assert timedelta(hours=20) < timezone.now() - skill.earned_at < timedelta(hours=28)
    (told,) = Notification.objects.filter(kind="skill.earned")
    assert told.user == seat.rater.user
    refresh_skills()
    assert Notification.objects.filter(kind="skill.earned").count() == 1


def test_todays_answers_tell_nothing() -> None:
    campaign = asking({"Maths": 0.5})
    seat = factories.rater(campaign)
    answered(campaign, seat, 12, 0, days=0)
    refresh_skills()
    assert earned(seat) == {}


def test_a_level_falls_with_wrong_answers() -> None:
    campaign = asking({"Maths": 0.5})
    seat = factories.rater(campaign)
    answered(campaign, seat, 12, 0, days=2)
    refresh_skills()
    before = earned(seat)["Maths"]
    answered(campaign, seat, 0, 6)
    refresh_skills()
    assert earned(seat)["Maths"] < before


def test_all_campaigns_that_name_the_skill_count_together() -> None:
    campaign = asking({"Maths": 0.5})
    seat = factories.rater(campaign)
    other = asking({"maths": 0.2, "Prose": 0.1}, of=campaign.organisation)
    answered(campaign, seat, 6, 0)
    assert seat.rater.user is not None
    add_member(campaign=other, user=seat.rater.user, role="rater", by=None)
    answered(other, take_seat(user=seat.rater.user, campaign=other), 6, 0)
    refresh_skills()
    assert {name.lower() for name in earned(seat)} == {"maths"}


def test_retired_answers_and_old_ones_are_forgotten() -> None:
    campaign = asking({"Maths": 0.5})
    seat = factories.rater(campaign)
    answered(campaign, seat, 12, 0)
    refresh_skills()
    assert earned(seat)
    Gold.objects.update(retired_at=timezone.now())
    refresh_skills()
    assert earned(seat) == {}
    Gold.objects.update(retired_at=None)
    _backdate(set(), 181)
    refresh_skills()
    assert earned(seat) == {}


def test_a_campaign_that_names_no_skill_gives_none() -> None:
    campaign = asking({})
    seat = factories.rater(campaign)
    answered(campaign, seat, 12, 0)
    refresh_skills()
    assert not Skill.objects.exists()
