"""The pool as its managers see it: who is how far, who fits a filter, and what is noted of one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeling.actions.claiming import claim_assignment
from labeling.actions.entry import Participant, enter, make_entry_link
from labeling.actions.rater_settings import change_rater, import_raters
from labeling.actions.raters import add_member, suspend_rater
from labeling.actions.rating import submit_judgment
from labeling.actions.rounds import open_round
from labeling.actions.skills import grant_skill
from labeling.formats.raters import read_raters
from labeling.models import AuditEvent, Campaign, EntryLink, Gold, Seat, Skill, User
from labeling.queries.pool import PAGE, pool_of
from tests import factories
from tests.web.visiting import as_, page

pytestmark = pytest.mark.django_db(transaction=True)


def answer(seat: Seat, campaign: Campaign, side: str) -> None:
    held = claim_assignment(rater=seat.rater, campaign=campaign)
    assert held is not None
    submit_judgment(
        rater=seat.rater, assignment_id=held.public_id, answer={"side": held.side(side)}
    )


def status_of(campaign: Campaign, seat: Seat) -> str:
    rows = pool_of(campaign).rows
    return next(one.status for one in rows if one.pseudonym == seat.pseudonym)


@pytest.fixture
def campaign() -> Campaign:
    return factories.campaign(overlap=3)


@pytest.fixture
def manager(campaign: Campaign) -> Client:
    return as_(factories.member(campaign, "manager"))


class TestStatus:
    def test_who_has_not_begun_is_invited(self, campaign: Campaign) -> None:
        person = factories.user("ada", of=campaign.organisation)
        add_member(campaign=campaign, user=person, role="rater", by=None)
        (row,) = pool_of(campaign).rows
        assert (row.name, row.status, row.person) == ("ada", "invited", None)
        assert status_of(campaign, factories.rater(campaign)) == "invited"

    def test_practice_says_how_far_and_is_no_judgment(self) -> None:
        campaign = factories.campaign(slug="school", requirements={"qualification": "school"})
        for _ in range(3):
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        open_round(campaign=campaign, by=None, kind="qualification", pass_share=0.5)
        seat = factories.rater(campaign)
        assert status_of(campaign, seat) == "invited"
        answer(seat, campaign, "a")
        (row,) = pool_of(campaign).rows
        assert row.person is not None
        assert (row.status, row.person.practised, row.person.practice_items) == ("practice", 1, 3)
        assert (row.person.judged, row.gold.n) == (0, 0)
        html = page(as_(factories.member(campaign, "manager")), "campaign_raters", campaign.slug)
        assert "Practice 1 of 3" in html
        for _ in range(2):
            answer(seat, campaign, "a")
        assert status_of(campaign, seat) == "qualified"

    def gold(self, campaign: Campaign, right: int, wrong: int) -> Seat:
        Campaign.objects.filter(pk=campaign.pk).update(requirements={"gold_rate": 1.0})
        campaign.refresh_from_db()
        for _ in range(right + wrong):
            Gold.objects.create(comparison=factories.comparison(campaign), preference="a")
        factories.open_comparisons(campaign, 1)
        seat = factories.rater(campaign)
        for number in range(right + wrong):
            answer(seat, campaign, "a" if number < right else "b")
        return seat

    def test_who_misses_gold_as_careful_raters_rarely_do_is_on_probation(
        self, campaign: Campaign
    ) -> None:
        # P(X ≤ 5 | 12, 0.8) = 0.0039, below one in a hundred.
        seat = self.gold(campaign, 5, 7)
        assert status_of(campaign, seat) == "probation"
        (row,) = pool_of(campaign, status="probation").rows
        assert row.gold.value == pytest.approx(5 / 12)
        assert row.gold.n == 12
        # It stops nobody.
        assert claim_assignment(rater=seat.rater, campaign=campaign) is not None

    def test_who_misses_as_many_as_careful_raters_may_is_not(self, campaign: Campaign) -> None:
        # P(X ≤ 7 | 12, 0.8) = 0.07.
        assert status_of(campaign, self.gold(campaign, 7, 5)) == "qualified"

    def test_paused_and_from_elsewhere(self, campaign: Campaign) -> None:
        seat = factories.rater(campaign)
        suspend_rater(campaign=campaign, rater=seat.rater, by=None)
        assert status_of(campaign, seat) == "paused"
        assert status_of(campaign, factories.judge(campaign, "gpt")) == "judge"


class TestPage:
    def test_a_filter_narrows_to_a_skill_that_somebody_vouches_for(
        self, campaign: Campaign, manager: Client
    ) -> None:
        able, willing = factories.rater(campaign, "able"), factories.rater(campaign, "willing")
        grant_skill(campaign=campaign, rater=able.rater, name="Maths", level=0.8, by=None)
        Skill.objects.create(rater=willing.rater, name="maths", level=1, source="declared")
        willing.rater.languages = ["nb-NO"]
        willing.rater.save()
        html = page(manager, "campaign_raters", campaign.slug, skill="maths")
        assert able.pseudonym in html
        assert willing.pseudonym not in html
        html = page(manager, "campaign_raters", campaign.slug, skill="lang:nb")
        assert able.pseudonym not in html
        assert willing.pseudonym in html
        html = page(manager, "campaign_raters", campaign.slug, status="paused")
        assert "Nobody here fits." in html

    def test_the_cards_say_who_is_missing(self, manager: Client, campaign: Campaign) -> None:
        Campaign.objects.filter(pk=campaign.pk).update(
            requirements={"skills": {"Maths": 0.7}, "languages": ["en"]}
        )
        seat = factories.rater(campaign)
        grant_skill(campaign=campaign, rater=seat.rater, name="maths", level=0.7, by=None)
        html = page(manager, "campaign_raters", campaign.slug)
        assert "Maths at 0.7: 1 have it, 3 needed" in html
        assert "en: 0 have it, 3 needed" in html
        assert "All of it: 0 have it, 3 needed" in html

    def test_a_large_pool_is_shown_a_page_at_a_time(
        self, campaign: Campaign, manager: Client
    ) -> None:
        for _ in range(PAGE + 2):
            factories.rater(campaign)
        for name in ("zoe", "zora"):
            person = factories.user(name, of=campaign.organisation)
            add_member(campaign=campaign, user=person, role="rater", by=None)
        first = page(manager, "campaign_raters", campaign.slug)
        assert "1 to 25 of 29" in first
        assert "<span>zoe<" not in first
        last = page(manager, "campaign_raters", campaign.slug, page="2")
        assert "26 to 29 of 29" in last
        assert "<span>zoe<" in last
        assert "26 to 29 of 29" in page(manager, "campaign_raters", campaign.slug, page="999999")
        assert "1 to 25 of 29" in page(manager, "campaign_raters", campaign.slug, page="x")

    def test_the_statements_do_not_grow_with_the_pool(
        self, campaign: Campaign, manager: Client
    ) -> None:
        page(manager, "campaign_raters", campaign.slug)
        counts = []
        for more in (1, 12):
            for _ in range(more):
                seat = factories.rater(campaign)
                grant_skill(campaign=campaign, rater=seat.rater, name="Maths", level=1, by=None)
            with CaptureQueriesContext(connection) as seen:
                page(manager, "campaign_raters", campaign.slug)
            counts.append(len(seen))
        assert counts[0] == counts[1]

    def test_readers_see_no_buttons_and_no_ids(self, campaign: Campaign) -> None:
        seat = factories.rater(campaign)
        Seat.objects.filter(pk=seat.pk).update(external_id="zq-elsewhere")
        EntryLink.objects.create(
            campaign=campaign, kind="prolific", name="One", code="zq-code", wanted=1
        )
        suspend_rater(campaign=campaign, rater=seat.rater, by=None)
        reader = as_(factories.member(campaign, "researcher"))
        html = page(reader, "campaign_raters", campaign.slug)
        one = page(reader, "campaign_rater", campaign.slug, seat.rater.public_id)
        for text in (html, one):
            assert "zq-elsewhere" not in text
            assert "zq-code" not in text
            assert 'method="post" action="/campaigns/' not in text.replace("/state/", "")
            # A case is read by managers alone.
            assert "/case/" not in text
        manager = as_(factories.member(campaign, "manager"))
        assert "/case/" in page(manager, "campaign_raters", campaign.slug)
        assert "/case/" in page(manager, "campaign_rater", campaign.slug, seat.rater.public_id)


class TestOne:
    def test_a_manager_gives_a_skill_and_takes_it_away(
        self, campaign: Campaign, manager: Client
    ) -> None:
        seat = factories.rater(campaign)
        path = reverse("campaign_rater", args=[campaign.slug, seat.rater.public_id])
        sent = {"what": "grant", "name": "Maths", "level": "0.9"}
        assert manager.post(path, sent).status_code == 302
        skill = Skill.objects.get()
        assert (skill.name, skill.level, skill.source) == ("Maths", 0.9, "granted")
        assert b"Maths" in manager.get(path).content
        gone = {"what": "remove", "name": "maths", "source": "granted"}
        assert manager.post(path, gone).status_code == 302
        assert not Skill.objects.exists()
        verbs = AuditEvent.objects.filter(verb__startswith="skill.").values_list("verb", flat=True)
        assert sorted(verbs) == ["skill.granted", "skill.removed"]

    @pytest.mark.parametrize("level", ["1.5", "-1", "nan", "much"])
    def test_a_level_out_of_bounds_is_refused(
        self, campaign: Campaign, manager: Client, level: str
    ) -> None:
        seat = factories.rater(campaign)
        path = reverse("campaign_rater", args=[campaign.slug, seat.rater.public_id])
        sent = {"what": "grant", "name": "Maths", "level": level}
        assert manager.post(path, sent).status_code == 422
        assert not Skill.objects.exists()

    def test_what_a_rater_says_is_theirs(self, campaign: Campaign, manager: Client) -> None:
        seat = factories.rater(campaign)
        Skill.objects.create(rater=seat.rater, name="Maths", level=0, source="declared")
        path = reverse("campaign_rater", args=[campaign.slug, seat.rater.public_id])
        gone = {"what": "remove", "name": "Maths", "source": "declared"}
        assert manager.post(path, gone).status_code == 409
        assert Skill.objects.exists()

    def test_groups_languages_and_an_id_are_set(self, campaign: Campaign, manager: Client) -> None:
        seat, other = factories.rater(campaign), factories.rater(campaign)
        Seat.objects.filter(pk=other.pk).update(external_id="taken")
        path = reverse("campaign_rater", args=[campaign.slug, seat.rater.public_id])
        sent = {
            "what": "settings",
            "groups": "team: north\nwave: 2",
            "languages": "en, nb_NO",
            "external_id": "A7",
        }
        assert manager.post(path, sent).status_code == 302
        seat.refresh_from_db()
        seat.rater.refresh_from_db()
        assert (seat.groups, seat.external_id) == ({"team": "north", "wave": "2"}, "A7")
        assert seat.rater.languages == ["en", "nb-NO"]
        for wrong in ({"external_id": "taken"}, {"languages": "English"}, {"groups": "north"}):
            assert manager.post(path, {**sent, **wrong}).status_code == 422, wrong
        seat.refresh_from_db()
        assert seat.external_id == "A7"

    def test_what_the_campaign_does_not_give_them_is_said(
        self, campaign: Campaign, manager: Client
    ) -> None:
        Campaign.objects.filter(pk=campaign.pk).update(requirements={"languages": ["nb"]})
        seat = factories.rater(campaign)
        html = page(manager, "campaign_rater", campaign.slug, seat.rater.public_id)
        assert "It needs the language nb, which is not among yours." in html

    def test_who_may_not(self, campaign: Campaign) -> None:
        seat = factories.rater(campaign)
        path = reverse("campaign_rater", args=[campaign.slug, seat.rater.public_id])
        sent: Any = {"what": "grant", "name": "Maths", "level": "0.9"}
        people: list[tuple[User, int, int]] = [
            (factories.member(campaign, "researcher"), 200, 403),
            (factories.rater(campaign).rater.user, 404, 404),  # type: ignore[list-item]
            (factories.member(factories.campaign(), "manager"), 404, 404),
        ]
        for person, reads, writes in people:
            assert as_(person).get(path).status_code == reads
            assert as_(person).post(path, sent).status_code == writes
        assert not Skill.objects.exists()


def test_an_earned_skill_shows_its_level_then_and_today(
    campaign: Campaign, manager: Client
) -> None:
    seat = factories.rater(campaign)
    Skill.objects.create(
        rater=seat.rater,
        name="Maths",
        level=0.8,
        source="qualification",
        earned_at=timezone.now() - timedelta(days=180),
    )
    html = page(manager, "campaign_rater", campaign.slug, seat.rater.public_id)
    assert ">0.80<" in html
    assert ">0.40<" in html


def test_the_pool_as_a_file_is_read_again_and_changes_nothing(
    campaign: Campaign, manager: Client
) -> None:
    seat = factories.rater(campaign, "ada")
    factories.rater(campaign, "=bo")
    change_rater(
        campaign=campaign,
        rater=seat.rater,
        by=None,
        groups={"team": "north"},
        external_id="A1",
        languages=["en", "nb"],
        skills={"Maths": 0.8},
    )
    Skill.objects.create(rater=seat.rater, name="Prose", level=0.9, source="gold")
    path = reverse("campaign_raters_file", args=[campaign.slug])
    text = manager.get(path).content
    assert text.decode().splitlines() == [
        "username,email,external_id,languages,groups.team,skills.Maths",
        "'=bo,,,,,",
        'ada,,A1,"en,nb",north,0.8',
    ]
    rows, problems = read_raters(text)
    assert problems == []
    done = import_raters(campaign=campaign, rows=rows[1:], by=None, is_dry_run=True)
    assert (done.rows, done.added, done.problems) == (1, 0, [])
    assert as_(factories.member(campaign, "researcher")).get(path).status_code == 403


def test_a_participants_id_is_not_in_the_file(campaign: Campaign, manager: Client) -> None:
    link = make_entry_link(campaign=campaign, kind="other", name="One", wanted=1, by=None)
    enter(link=link, participant=Participant("zqpanelid"), now=timezone.now())
    text = manager.get(reverse("campaign_raters_file", args=[campaign.slug])).content.decode()
    assert "participant-" in text
    assert "zqpanelid" not in text
