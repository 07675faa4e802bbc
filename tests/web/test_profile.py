"""What raters say of themselves: kept for them, shown in groups alone, deleted at once."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from labeling.models import AuditEvent, Campaign, Demographics, Rater, Skill, User
from labeling.queries.demographics import QUESTIONS, coverage_of, question_of
from labeling.web.entry import FLAG
from tests import factories
from tests.web.visiting import as_, page


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign()


@pytest.fixture
def person(campaign: Campaign) -> User:
    user = factories.rater(campaign, "ada").rater.user
    assert user is not None
    return user


@pytest.fixture
def client(person: User) -> Client:
    return as_(person)


def say(client: Client, **fields: Any) -> Any:
    return client.post(reverse("profile"), fields)


def about(client: Client, **fields: Any) -> Any:
    return client.post(reverse("profile_demographics"), fields)


@pytest.mark.django_db(transaction=True)
class TestProfile:
    def test_languages_and_skills_are_kept(self, client: Client, person: User) -> None:
        sent = {"languages": ["en", "nb"], "others": "sr_Latn, en-GB", "skills": "Maths,  prose "}
        assert say(client, **sent).status_code == 302
        rater = Rater.objects.get(user=person)
        assert rater.languages == ["en", "nb", "sr-Latn", "en-GB"]
        said = {one.name: one.source for one in rater.skills.all()}
        assert said == {"Maths": "declared", "prose": "declared"}
        html = page(client, "profile")
        assert 'value="sr-Latn, en-GB"' in html
        assert 'value="Maths, prose"' in html
        assert "you say so" in html
        say(client, languages=["en"], skills="prose")
        assert [one.name for one in rater.skills.all()] == ["prose"]

    def test_what_others_noted_is_not_the_raters_to_change(
        self, client: Client, person: User
    ) -> None:
        rater = Rater.objects.get(user=person)
        Skill.objects.create(rater=rater, name="Maths", level=0.9, source="granted")
        say(client, skills="")
        assert rater.skills.get().level == 0.9
        html = page(client, "profile")
        assert "noted by a manager" in html
        assert ">0.90<" in html

    @pytest.mark.parametrize(
        ("sent", "words"),
        [
            ({"others": "English please"}, "is no language tag"),
            ({"skills": ", ".join(f"s{n}" for n in range(31))}, "At most 30 skills."),
            ({"skills": "x" * 61}, "1 to 60 characters"),
        ],
    )
    def test_what_cannot_be_kept_is_said_and_nothing_is(
        self, client: Client, person: User, sent: dict[str, str], words: str
    ) -> None:
        answer = say(client, languages=["en"], **sent)
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert Rater.objects.get(user=person).languages == []

    def test_one_who_has_not_begun_yet_says_it_too(self, campaign: Campaign) -> None:
        person = factories.user("bo", of=campaign.organisation)
        assert b"You rate nowhere yet" in as_(person).get(reverse("profile")).content
        campaign.memberships.create(user=person, role="rater")
        assert say(as_(person), languages=["en"]).status_code == 302
        assert Rater.objects.get(user=person).languages == ["en"]

    def test_what_campaigns_ask_is_said(self, client: Client, campaign: Campaign) -> None:
        Campaign.objects.filter(pk=campaign.pk).update(
            requirements={"skills": {"Maths": 0.8}, "languages": ["en"]}
        )
        html = page(client, "profile")
        assert "It needs Maths at 0.8, and you have not shown it yet." in html
        assert "It needs the language en, which is not among yours." in html

    def test_nobody_sees_anothers(self, client: Client, campaign: Campaign) -> None:
        Skill.objects.create(
            rater=factories.rater(campaign).rater, name="zq-canary", level=1, source="granted"
        )
        assert "zq-canary" not in page(client, "profile")
        assert Client().get(reverse("profile")).status_code == 302


@pytest.mark.django_db(transaction=True)
class TestAboutMe:
    def test_nothing_is_kept_without_consent(self, client: Client) -> None:
        answer = about(client, age="18_29")
        assert answer.status_code == 422
        assert b"Nothing is kept unless you agree." in answer.content
        assert not Demographics.objects.exists()

    def test_skipped_questions_are_left_out_and_no_event_tells_an_answer(
        self, client: Client
    ) -> None:
        assert about(client, age="18_29", gender="", consent="1").status_code == 302
        kept = Demographics.objects.get()
        assert kept.answers == {"age": "18_29"}
        assert "18_29" not in str(list(AuditEvent.objects.values()))
        assert 'value="18_29" selected' in page(client, "profile")

    def test_taking_it_back_deletes_it_at_once(self, client: Client) -> None:
        about(client, age="18_29", consent="1")
        assert about(client, withdraw="1").status_code == 302
        assert not Demographics.objects.exists()
        assert about(client, withdraw="1").status_code == 302

    def test_a_session_that_a_panels_id_opens_is_shown_no_answer(self, client: Client) -> None:
        about(client, age="18_29", gender="woman", consent="1")
        session = client.session
        session[FLAG] = True
        session.save()
        for html in (
            page(client, "profile"),
            about(client).content.decode(),
            client.post(reverse("profile"), {"others": "!"}).content.decode(),
        ):
            assert 'name="age"' in html and "kept and not shown here" in html
            assert 'value="18_29" selected' not in html and 'value="woman" selected' not in html
        assert about(client, age="30_44", consent="1").status_code == 302
        assert Demographics.objects.get().answers == {"age": "30_44"}
        assert about(client, withdraw="1").status_code == 302
        assert not Demographics.objects.exists()

    def test_an_answer_that_was_not_offered_is_refused(self, client: Client) -> None:
        assert about(client, age="12", consent="1").status_code == 422
        assert not Demographics.objects.exists()

    def test_erasing_the_rater_erases_it(self, client: Client, person: User) -> None:
        about(client, age="18_29", consent="1")
        Demographics.objects.get().rater.seats.all().delete()
        Rater.objects.get(user=person).delete()
        assert not Demographics.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestCoverage:
    def give(self, campaign: Campaign, age: str, count: int) -> None:
        for _ in range(count):
            rater = factories.rater(campaign).rater
            Demographics.objects.create(rater=rater, answers={"age": age})

    def ages(self, campaign: Campaign) -> dict[str, int | None]:
        question = coverage_of(campaign).questions[0]
        return {group.answer: group.count for group in question.groups}

    def test_small_groups_are_withheld_and_cannot_be_worked_out(self, campaign: Campaign) -> None:
        self.give(campaign, "18_29", 8)
        self.give(campaign, "30_44", 5)
        self.give(campaign, "60_over", 2)
        # Two people of 60 and over would follow from the sum: the next smallest hides too.
        assert self.ages(campaign) == {
            "18_29": 8,
            "30_44": None,
            "45_59": None,
            "60_over": None,
        }
        html = page(as_(factories.member(campaign, "manager")), "campaign_raters", campaign.slug)
        assert "15 of 15 counted" in html
        assert "30 to 44: " not in html

    def test_fewer_than_a_group_are_nobody(self, campaign: Campaign) -> None:
        self.give(campaign, "18_29", 4)
        assert coverage_of(campaign).counted == 0
        assert set(self.ages(campaign).values()) == {None}

    def test_one_who_comes_changes_no_number(self, campaign: Campaign) -> None:
        self.give(campaign, "18_29", 10)
        before = self.ages(campaign)
        self.give(campaign, "30_44", 4)
        assert self.ages(campaign) == before

    def test_answering_anew_counts_as_the_newest(self, campaign: Campaign, client: Client) -> None:
        about(client, age="30_44", consent="1")
        Demographics.objects.update(consented_at=timezone.now() - timedelta(days=9))
        self.give(campaign, "18_29", 5)
        about(client, age="18_29", consent="1")
        assert Demographics.objects.latest("consented_at").answers == {"age": "18_29"}
        assert self.ages(campaign)["18_29"] == 5

    def test_the_campaigns_floor_counts(self, campaign: Campaign) -> None:
        self.give(campaign, "18_29", 8)
        campaign.policy = {"smallest_group": 9}
        assert coverage_of(campaign).questions[0].answered is None
        assert set(self.ages(campaign).values()) == {None}

    @pytest.mark.parametrize("counts", [(8, 5, 2), (7, 6, 0), (12, 3, 3), (6, 6, 6)])
    def test_another_floor_tells_nothing_more(
        self, campaign: Campaign, counts: tuple[int, ...]
    ) -> None:
        for age, count in zip(("18_29", "30_44", "60_over"), counts, strict=True):
            self.give(campaign, age, count)
        usual, counted = self.ages(campaign), coverage_of(campaign).counted
        for floor in range(3, 14):
            campaign.policy = {"smallest_group": floor}
            assert coverage_of(campaign).counted == counted
            shown = {age: n for age, n in self.ages(campaign).items() if n is not None}
            assert shown.items() <= usual.items()
            assert all(n >= max(floor, 5) for n in shown.values())

    def test_other_campaigns_raters_are_not_counted(self, campaign: Campaign) -> None:
        self.give(factories.campaign(of=campaign.organisation), "18_29", 9)
        assert coverage_of(campaign).counted == 0


@given(
    st.lists(st.integers(0, 12), min_size=4, max_size=4),
    st.integers(3, 8),
)
def test_what_is_withheld_never_follows_from_what_is_shown(counts: list[int], floor: int) -> None:
    answers = Counter(dict(zip(QUESTIONS["age"], counts, strict=True)))
    question = question_of("age", answers, floor)
    shown = [group.count for group in question.groups if group.count is not None]
    assert all(count >= floor for count in shown)
    if question.answered is None:
        assert sum(counts) < floor
        assert shown == []
    else:
        rest = question.answered - sum(shown)
        hidden = [group for group in question.groups if group.count is None]
        # Those without a number are nobody, or so many together that they are a group.
        assert rest == 0 or rest >= floor
        assert not (len(hidden) == 1 and 0 < rest < floor)
