"""Participants of a study: in by a link, judged, done, with a code; and nothing else is theirs."""

import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from labeling.actions.campaigns import update_campaign
from labeling.actions.entry import Participant, close_entry_link, enter, make_entry_link
from labeling.actions.raters import suspend_rater
from labeling.actions.tokens import issue_token
from labeling.errors import NotAllowedError
from labeling.models import (
    Assignment,
    AuditEvent,
    Campaign,
    EntryLink,
    EntryVisit,
    Judgment,
    Membership,
    Rater,
    Seat,
    User,
)
from labeling.queries.pool import pool_of
from labeling.queries.queue_faults import QueueFaults
from tests import factories
from tests.web.building import CANARIES, add_gold, answer, open_campaign, signed_in
from tests.web.visiting import as_
from workers.metrics import refresh_report

pytestmark = pytest.mark.django_db(transaction=True)

PID = "5f3c9a1b2d4e6f7089abcdef"
IDS = {"PROLIFIC_PID": PID, "STUDY_ID": "s1", "SESSION_ID": "t1"}


def made(campaign: Campaign, **fields: Any) -> EntryLink:
    wanted: dict[str, Any] = {
        "kind": "prolific",
        "name": "First wave",
        "wanted": 2,
        "completion_code": "C0DE-77",
        "completion_url": "https://app.prolific.com/submissions/complete?cc=C0DE-77",
    } | fields
    return make_entry_link(campaign=campaign, by=None, **wanted)


@pytest.fixture
def campaign() -> Campaign:
    return open_campaign(4, overlap=2)


@pytest.fixture
def link(campaign: Campaign) -> EntryLink:
    return made(campaign)


def at(link: EntryLink) -> str:
    return reverse("enter", args=[link.code])


def start(link: EntryLink, client: Client | None = None, **ids: Any) -> tuple[Client, Any]:
    client = client or Client()
    return client, client.post(at(link), {**IDS, **ids})


def judge(client: Client, campaign: Campaign) -> Any:
    path = reverse("rate", args=[campaign.slug])
    card = client.get(path).content.decode()
    return client.post(path, answer(card))


def nobody() -> bool:
    return not (
        EntryVisit.objects.exists()
        or User.objects.filter(username__startswith="participant-").exists()
        or Rater.objects.exists()
    )


class TestDoor:
    def test_looking_makes_nobody(self, link: EntryLink) -> None:
        page = Client().get(at(link), IDS)
        html = page.content.decode()
        assert page.status_code == 200
        assert link.campaign.name in html
        assert PID in html
        assert ">Start</button>" in html
        assert all(canary not in html for canary in CANARIES)
        assert nobody()

    def test_a_start_leads_to_the_bench_without_a_password(self, link: EntryLink) -> None:
        client, started = start(link)
        assert started.status_code == 302
        assert started["Location"] == reverse("rate", args=[link.campaign.slug])
        visit = EntryVisit.objects.get()
        user = visit.rater.user
        assert user is not None
        assert not user.has_usable_password()
        assert user.email == ""
        assert PID not in user.username
        assert "@" not in user.username
        assert (visit.participant_id, visit.study_id, visit.session_id) == (PID, "s1", "t1")
        assert Seat.objects.get().external_id == PID
        card = client.get(started["Location"]).content.decode()
        assert 'name="assignment_id"' in card
        assert PID not in card

    def test_the_same_participant_is_the_same_rater(self, link: EntryLink) -> None:
        first, _ = start(link)
        judge(first, link.campaign)
        _, again = start(link)
        assert again.status_code == 302
        assert EntryVisit.objects.count() == Rater.objects.count() == 1
        other = made(link.campaign, name="Second wave")
        start(other)
        assert EntryVisit.objects.count() == 2
        assert Rater.objects.count() == 1
        start(link, PROLIFIC_PID="somebodyelse")
        assert Rater.objects.count() == 2

    def test_two_tabs_that_start_at_once_are_one_rater(self, link: EntryLink) -> None:
        gate, found, failed = threading.Barrier(6), [], []

        def come() -> None:
            try:
                gate.wait()
                entered = enter(link=link, participant=Participant(PID), now=timezone.now())
                found.append(entered)
            except Exception as error:
                failed.append(error)
            finally:
                connection.close()

        tabs = [threading.Thread(target=come) for _ in range(6)]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert not failed
        assert len({one.visit.pk for one in found}) == 1
        assert sum(one.is_new for one in found) == 1
        assert EntryVisit.objects.count() == Rater.objects.count() == Seat.objects.count() == 1
        assert Membership.objects.filter(role="rater").count() == 1
        assert not QueueFaults.of(link.campaign)

    def test_the_last_place_is_given_once(self, campaign: Campaign) -> None:
        link = made(campaign, max_participants=1)
        gate, failed = threading.Barrier(4), []

        def come(name: str) -> None:
            try:
                gate.wait()
                enter(link=link, participant=Participant(name), now=timezone.now())
            except Exception as error:
                failed.append(error)
            finally:
                connection.close()

        tabs = [threading.Thread(target=come, args=[f"p{n}"]) for n in range(4)]
        for tab in tabs:
            tab.start()
        for tab in tabs:
            tab.join()
        assert EntryVisit.objects.count() == 1
        assert len(failed) == 3

    @pytest.mark.parametrize(
        "ids",
        [
            {"PROLIFIC_PID": ""},
            {"PROLIFIC_PID": "{{%PROLIFIC_PID%}}"},
            {"PROLIFIC_PID": "ada@example.org"},
            {"PROLIFIC_PID": "a" * 101},
            {"PROLIFIC_PID": "a\x00b"},
            {"PROLIFIC_PID": "<script>"},
            {"STUDY_ID": "x" * 500},
            {"SESSION_ID": "a b"},
        ],
    )
    def test_an_id_that_no_panel_gives_is_refused(
        self, link: EntryLink, ids: dict[str, Any]
    ) -> None:
        page = Client().get(at(link), {**IDS, **ids})
        assert page.status_code == 400
        assert b">Start</button>" not in page.content
        assert b"<script>" not in page.content.replace(b"<script src", b"")
        _, started = start(link, **ids)
        assert started.status_code == 400
        assert nobody()

    def test_a_preview_on_mechanical_turk_makes_nobody(self, campaign: Campaign) -> None:
        link = made(campaign, kind="mturk")
        ids = {"workerId": "A1B2", "hitId": "h1"}
        preview = {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE", "hitId": "h1"}
        page = Client().get(at(link), preview)
        assert page.status_code == 200
        assert b"This is a preview" in page.content
        assert b">Start</button>" not in page.content
        assert nobody()
        started = Client().post(at(link), {**ids, "assignmentId": "a1"})
        assert started.status_code == 302
        visit = EntryVisit.objects.get()
        assert (visit.participant_id, visit.study_id, visit.session_id) == ("A1B2", "h1", "a1")

    def test_an_unknown_code_is_no_study(self) -> None:
        for method in ("get", "post"):
            assert getattr(Client(), method)("/enter/nothing/", IDS).status_code == 404
        assert nobody()

    def test_a_form_of_another_site_starts_nothing(self, link: EntryLink) -> None:
        client = Client(enforce_csrf_checks=True)
        assert client.post(at(link), IDS).status_code == 403
        assert nobody()

    def test_who_is_signed_in_is_not_signed_in_as_another(self, link: EntryLink) -> None:
        person = factories.member(link.campaign, "manager")
        client = as_(person)
        for response in (client.get(at(link), IDS), client.post(at(link), IDS)):
            assert response.status_code == 403
            assert b"Sign out first" in response.content
        assert nobody()
        assert client.get(reverse("campaigns")).status_code == 200

    def test_an_address_that_starts_again_and_again_is_asked_to_wait(
        self, link: EntryLink, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("labeling.actions.entry.MOST_A_MINUTE", 2)
        for number in range(2):
            assert start(link, PROLIFIC_PID=f"p{number}")[1].status_code == 302
        _, refused = start(link, PROLIFIC_PID="p9")
        assert refused.status_code == 503
        assert refused["Retry-After"]
        assert EntryVisit.objects.count() == 2
        # Who is in already comes in again.
        assert start(link, PROLIFIC_PID="p0")[1].status_code == 302


class TestOver:
    @pytest.mark.parametrize(
        ("how", "status", "words"),
        [
            ("closed", 409, "takes nobody new"),
            ("run out", 409, "takes nobody new"),
            ("completed", 409, "takes nobody new"),
            ("paused", 409, "does not run just now"),
        ],
    )
    def test_newcomers_are_told_and_who_is_in_goes_on(
        self, link: EntryLink, how: str, status: int, words: str
    ) -> None:
        start(link)
        if how == "closed":
            close_entry_link(link=link, by=None)
        elif how == "run out":
            past = timezone.now() - timedelta(minutes=1)
            EntryLink.objects.filter(pk=link.pk).update(expires_at=past)
        else:
            update_campaign(campaign=link.campaign, by=None, state=how)
        ids: dict[str, Any] = {"PROLIFIC_PID": "newcomer"}
        page = Client().get(at(link), {**IDS, **ids})
        assert page.status_code == status
        assert words in page.content.decode()
        assert b">Start</button>" not in page.content
        assert start(link, **ids)[1].status_code == status
        assert EntryVisit.objects.count() == 1
        assert start(link)[1].status_code == 302

    def test_a_full_study_says_so(self, campaign: Campaign) -> None:
        link = made(campaign, max_participants=1)
        start(link)
        _, refused = start(link, PROLIFIC_PID="second")
        assert refused.status_code == 409
        assert b"all the participants it needs" in refused.content

    def test_whose_part_was_paused_is_not_let_in_again(self, link: EntryLink) -> None:
        client, _ = start(link)
        suspend_rater(campaign=link.campaign, rater=Rater.objects.get(), by=None)
        assert start(link)[1].status_code == 403
        User.objects.filter(username__startswith="participant-").update(is_active=False)
        assert start(link)[1].status_code == 403
        assert client.get(reverse("rate_home")).status_code == 302


class TestDone:
    def test_after_what_was_wanted_there_is_the_code_and_nothing_more(
        self, link: EntryLink
    ) -> None:
        campaign = link.campaign
        client, _ = start(link)
        bench = reverse("rate", args=[campaign.slug])
        judge(client, campaign)
        assert EntryVisit.objects.get().finished_at is None
        assert "C0DE-77" not in client.get(bench).content.decode()
        judge(client, campaign)
        visit = EntryVisit.objects.get()
        assert visit.finished_at is not None
        page = client.get(bench).content.decode()
        assert "You have finished this study" in page
        assert "C0DE-77" in page
        assert "https://app.prolific.com/submissions/complete?cc=C0DE-77" in page
        assert "C0DE-77" in client.get(reverse("rate_home")).content.decode()
        assert Judgment.objects.count() == 2
        assert not Assignment.objects.filter(rater=visit.rater, ended_at=None).exists()
        (row,) = pool_of(campaign).rows
        assert row.status == "finished"
        verbs = set(AuditEvent.objects.values_list("verb", flat=True))
        assert {"entry_link.made", "participant.entered", "participant.finished"} <= verbs
        assert not QueueFaults.of(campaign)

    def test_nothing_waits_ready_behind_the_last_one(self, link: EntryLink) -> None:
        client, _ = start(link)
        judge(client, link.campaign)
        bench = reverse("rate", args=[link.campaign.slug])
        card = client.get(bench).content.decode()
        match = re.search(r'name="assignment_id" value="([0-9a-f-]+)"', card)
        assert match
        ahead = client.post(f"{bench}ahead/", {"assignment_id": match.group(1)})
        assert ahead.status_code == 204

    def test_gold_counts_like_the_rest(self, campaign: Campaign) -> None:
        update_campaign(campaign=campaign, by=None, requirements={"gold_rate": 1.0})
        add_gold(campaign)
        client, _ = start(made(campaign, wanted=1))
        judge(client, campaign)
        assert EntryVisit.objects.get().finished_at is not None

    def test_a_second_wave_wants_its_own(self, link: EntryLink) -> None:
        client, _ = start(link)
        for _ in range(2):
            judge(client, link.campaign)
        later = made(link.campaign, name="Second wave", wanted=1, completion_code="C0DE-88")
        start(later, client)
        bench = reverse("rate", args=[link.campaign.slug])
        assert 'name="assignment_id"' in client.get(bench).content.decode()
        judge(client, link.campaign)
        assert "C0DE-88" in client.get(bench).content.decode()


class TestNothingElse:
    @pytest.mark.parametrize(
        "name",
        [
            *("campaigns", "campaign_new", "organisation", "revoke_token"),
            *("account_set_password", "account_email", "account_name"),
        ],
    )
    def test_a_participant_opens_the_bench_and_their_own_pages_alone(
        self, link: EntryLink, name: str
    ) -> None:
        client, _ = start(link)
        args = ["00000000-0000-4000-8000-000000000000"] if name == "revoke_token" else []
        for method in ("get", "post"):
            response = getattr(client, method)(reverse(name, args=args))
            assert (response.status_code, response["Location"]) == (302, reverse("rate_home"))
        for own in ("rate_home", "profile", "account", "rate_recorded"):
            assert client.get(reverse(own)).status_code == 200

    def test_no_token_and_no_password(self, link: EntryLink) -> None:
        client, _ = start(link)
        sent = {"name": "n", "scopes": ["rate"], "days": "90"}
        assert client.post(reverse("account"), sent).status_code == 403
        user = EntryVisit.objects.get().rater.user
        assert user is not None
        with pytest.raises(NotAllowedError, match="without tokens"):
            issue_token(user=user, scopes=["rate"], by=None)
        fresh = Client()
        for password in ("", PID, user.username):
            fresh.post("/login/", {"username": user.username, "password": password})
            assert fresh.get(reverse("rate_home")).status_code == 302


class TestManager:
    def test_a_link_is_made_shown_and_closed(self, campaign: Campaign) -> None:
        client = as_(factories.member(campaign, "manager"))
        path = reverse("campaign_entry_links", args=[campaign.slug])
        sent = {"kind": "prolific", "name": "Wave 1", "wanted": "20", "completion_code": "ABC"}
        assert client.post(path, sent).status_code == 302
        link = EntryLink.objects.get()
        start(link)
        html = client.get(reverse("campaign_raters", args=[campaign.slug])).content.decode()
        assert f"/enter/{link.code}/?PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}&amp;STUDY_ID=" in html
        assert "1 came, 0 finished" in html
        close = reverse("campaign_close_entry_link", args=[campaign.slug, link.public_id])
        assert client.post(close).status_code == 302
        link.refresh_from_db()
        assert link.closed_at is not None

    @pytest.mark.parametrize(
        "wrong",
        [
            {"wanted": "0"},
            {"kind": "sms"},
            {"completion_url": "javascript:alert(1)"},
            {"completion_url": "http://example.org/"},
            {"expires_at": "2020-01-01"},
            {"max_participants": "0"},
            {"name": ""},
        ],
    )
    def test_what_a_link_cannot_be_is_said_beside_the_field(
        self, campaign: Campaign, wrong: dict[str, str]
    ) -> None:
        client = as_(factories.member(campaign, "manager"))
        path = reverse("campaign_entry_links", args=[campaign.slug])
        sent = {"kind": "prolific", "name": "Wave 1", "wanted": "20", **wrong}
        assert client.post(path, sent).status_code == 422
        assert not EntryLink.objects.exists()

    def test_who_may_not(self, campaign: Campaign, link: EntryLink) -> None:
        path = reverse("campaign_entry_links", args=[campaign.slug])
        close = reverse("campaign_close_entry_link", args=[campaign.slug, link.public_id])
        stranger = factories.member(factories.campaign(), "manager")
        for client, status in (
            (as_(factories.member(campaign, "researcher")), 403),
            (signed_in(factories.rater(campaign)), 404),
            (as_(stranger), 404),
        ):
            assert client.post(path, {}).status_code == status
            assert client.post(close).status_code == status
        link.refresh_from_db()
        assert link.closed_at is None
        assert EntryLink.objects.count() == 1


def test_a_participants_id_leaves_by_no_door(link: EntryLink) -> None:
    """PR-01: neither exports nor lists nor what other raters see name it."""
    client, _ = start(link)
    judge(client, link.campaign)
    refresh_report(link.campaign.pk)
    reader = factories.member(link.campaign, "researcher")
    script = Client(headers={"authorization": f"Bearer {factories.token(reader, 'read')}"})
    below = f"/api/v1/campaigns/{link.campaign.slug}/"
    for part in ("export/?layout=native", "export/?layout=trl", "judgments/", "raters/", "report/"):
        response: Any = script.get(f"{below}{part}")
        assert response.status_code == 200, part
        text = b"".join(response) if response.streaming else response.content
        assert PID.encode() not in text, part
    html = as_(reader).get(reverse("campaign_raters", args=[link.campaign.slug])).content
    assert PID.encode() not in html
    assert all(PID not in str(one.details) for one in AuditEvent.objects.all())


def test_the_bench_costs_a_participant_no_more_statements(link: EntryLink) -> None:
    client, _ = start(link)
    other = signed_in(factories.rater(link.campaign))
    bench = reverse("rate", args=[link.campaign.slug])
    counts = []
    for one in (other, client):
        one.get(bench)
        with CaptureQueriesContext(connection) as seen:
            one.get(bench)
        counts.append(len(seen))
    assert counts[0] == counts[1]
