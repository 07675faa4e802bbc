"""A person is erased: nothing of theirs is left, and what they judged stays whole."""

import json
import threading

import pytest
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from labeling import audit, notify
from labeling.actions.claiming import claim_assignment
from labeling.actions.erasure import erase_person
from labeling.actions.invitations import invite
from labeling.actions.rating import submit_judgment
from labeling.errors import ConflictError
from labeling.models import (
    Campaign,
    Demographics,
    Exclusion,
    Invitation,
    Judgment,
    Membership,
    OrganisationMember,
    Seat,
    Skill,
    User,
)
from labeling.queries.outcomes import outcomes
from tests import factories
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db(transaction=True)
CANARY = "zq-person"


@pytest.fixture
def campaign():
    return open_campaign(3, overlap=2)


@pytest.fixture
def person(campaign):
    seat = factories.rater(campaign, f"{CANARY}-name")
    person = seat.rater.user
    person.email, person.first_name = f"{CANARY}@example.org", f"{CANARY}-first"
    person.save()
    for _ in range(2):
        taken = claim_assignment(rater=seat.rater, campaign=campaign)
        said = {"side": "left", "strength": 1, "client": {"active_ms": 900, "keystrokes": 12}}
        said["criteria"] = {"helpful": "left", "truthful": "left"}
        submit_judgment(rater=seat.rater, assignment_id=taken.public_id, answer=said)
    claim_assignment(rater=seat.rater, campaign=campaign)
    Skill.objects.create(rater=seat.rater, name=f"{CANARY}-skill", level=1, source="granted")
    Demographics.objects.create(rater=seat.rater, answers={"age": CANARY})
    Seat.objects.filter(pk=seat.pk).update(external_id=f"{CANARY}-id", groups={"g": CANARY})
    notify.tell([person], "case.entry", key="1", campaign=campaign)
    factories.token(person, "rate")
    audit.coming_from("web", "203.0.113.77")
    audit.record("person.signed_in", by=person)
    audit.coming_from("", None)
    Client().force_login(person)
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session.save()
    UserSession.objects.create(
        user=person,
        ip="203.0.113.77",
        user_agent=f"{CANARY}-browser",
        session_key=session.session_key,
    )
    Exclusion.objects.create(campaign=campaign, rater=seat.rater, reason=f"{CANARY} was fast")
    Invitation.objects.create(
        organisation=campaign.organisation,
        email=f"{CANARY}-before@example.org",
        role="member",
        digest=b"0" * 32,
        accepted_at=timezone.now(),
        accepted_by=person,
        expires_at=timezone.now(),
    )
    return person


def everything() -> str:
    """All rows of all our tables, and those of sign-in, as text."""
    found = []
    tables = {model._meta.db_table for model in apps.get_models() if model._meta.managed}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f"SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")
            found.append(cursor.fetchone()[0])
    return "".join(found)


def test_nothing_of_theirs_is_left_anywhere(person):
    before = everything()
    assert CANARY in before and "203.0.113.77" in before
    erase_person(person=person, by=None)
    after = everything()
    assert CANARY not in after
    assert "203.0.113.77" not in after


def test_of_how_they_worked_the_time_alone_stays(person):
    told = Judgment.objects.filter(rater__user=person).order_by("pk")
    assert [one.client.get("keystrokes") for one in told] == [12, 12]
    keys = [one.pk for one in told]
    erase_person(person=person, by=None)
    kept = Judgment.objects.filter(pk__in=keys)
    assert [(one.client, one.active_ms) for one in kept] == [({}, 900), ({}, 900)]


def test_what_they_judged_stays_under_a_pseudonym_that_leads_nowhere(campaign, person):
    pseudonym = Seat.objects.get(rater__user=person).pseudonym
    before = outcomes(campaign)
    erase_person(person=person, by=None)
    after = outcomes(campaign)
    assert len(before.votes.rater) == len(after.votes.rater) == 2
    seat = Seat.objects.get(pseudonym=pseudonym)
    assert seat.rater.user is None and not seat.is_active


def test_what_they_held_is_free_at_once(campaign, person):
    other = factories.rater(campaign, "bob")
    erase_person(person=person, by=None)
    taken = {claim_assignment(rater=other.rater, campaign=campaign, hold=9).pk for _ in range(3)}
    assert len(taken) == 3


def test_a_policy_that_says_so_withdraws_their_judgments(campaign, person):
    Campaign.objects.filter(pk=campaign.pk).update(policy={"erasure": "withdraw"})
    gone = erase_person(person=person, by=None)
    assert gone["withdrawn"] == 2
    assert Judgment.objects.count() == 2 and not Judgment.objects.standing().exists()


def test_it_may_be_asked_for_twice_and_the_account_opens_nothing(client, person):
    erase_person(person=person, by=None)
    erase_person(person=person, by=None)
    person.refresh_from_db()
    assert not person.is_active and not person.has_usable_password()
    assert not client.login(username=person.username, password="password")


def test_nobody_comes_in_any_more_by_what_they_invited_to(campaign, person):
    Membership.objects.create(campaign=campaign, user=person, role="manager")
    sent, _ = invite(
        organisation=campaign.organisation,
        campaign=campaign,
        email="x@example.org",
        role="rater",
        by=person,
    )
    erase_person(person=person, by=None)
    sent.refresh_from_db()
    assert sent.revoked_at is not None


def test_two_owners_who_are_erased_at_once_leave_one(person):
    lab = factories.organisation("Owned")
    other = factories.user("zq-other", of=lab, role="owner")
    OrganisationMember.objects.create(organisation=lab, user=person, role="owner")
    start, refused = threading.Barrier(2), []

    def erase(one):
        start.wait()
        try:
            erase_person(person=one, by=None)
        except Exception as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=erase, args=(one,)) for one in (person, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in refused] == [ConflictError]
    assert lab.memberships.filter(role="owner").count() == 1


def test_the_last_owner_cannot_be_erased(person):
    lab = factories.organisation("Owned")
    OrganisationMember.objects.create(organisation=lab, user=person, role="owner")
    with pytest.raises(ConflictError, match="last owner of Owned"):
        erase_person(person=person, by=None)
    person.refresh_from_db()
    assert person.is_active and CANARY in person.email


def test_the_command_asks_and_says_what_is_gone(person, capsys, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(CommandError, match="Nothing was erased"):
        call_command("erase", person.username)
    call_command("erase", person.username, "--yes", "--json")
    assert json.loads(capsys.readouterr().out)["tokens"] == 1
    assert User.objects.get(pk=person.pk).email == ""
    with pytest.raises(CommandError, match="Nobody signs in as"):
        call_command("erase", "nobody-here")
