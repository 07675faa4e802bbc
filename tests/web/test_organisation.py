"""The organisation's page: roles, closing accounts at once (AS-08), and an owner who is left."""

import threading

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.test import Client

from labeling.actions.claiming import claim_assignment
from labeling.actions.invitations import invite
from labeling.actions.organisations import change_role
from labeling.errors import ConflictError
from labeling.models import (
    Assignment,
    AuditEvent,
    Invitation,
    Judgment,
    Membership,
    OrganisationMember,
    User,
)
from tests import factories
from tests.access.lab import clients
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab():
    return factories.organisation()


@pytest.fixture
def owner(lab):
    return factories.user("olga", of=lab, role="owner")


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def deal(by, person, verb, **data):
    of = person.organisations.first()
    path = f"/organisation/members/{person.public_id}/{verb}/"
    return signed_in(by).post(path, {"of": of.slug} | data, follow=True)


def role_of(person):
    return OrganisationMember.objects.get(user=person).role


def test_owners_and_managers_see_their_people_and_nobody_else_does(
    lab, owner, django_assert_max_num_queries
):
    for number in range(12):
        factories.user(f"member-{number}", of=lab)
    client = signed_in(owner)
    with django_assert_max_num_queries(16):
        page = client.get("/organisation/").content.decode()
    assert "member-11" in page
    assert "never" in page
    assert (
        signed_in(factories.user(of=lab, role="manager")).get("/organisation/").status_code == 200
    )
    for other in (factories.user(of=lab), factories.user(of=factories.organisation())):
        assert signed_in(other).get("/organisation/").status_code == 404
    foreign = factories.user(of=factories.organisation(), role="owner")
    assert signed_in(foreign).get(f"/organisation/?of={lab.slug}").status_code == 404
    assert b"member-11" not in signed_in(foreign).get("/organisation/").content


def test_last_seen_is_the_newest_sign_of_life(lab, owner):
    campaign = open_campaign(2, of=lab)
    seat = factories.rater(campaign)
    page = signed_in(owner).get("/organisation/").content.decode()
    assert page.count("never") == 1
    _, script = clients(seat.rater.user, "rate")
    script.get("/api/v1/campaigns/")
    User.objects.filter(pk=seat.rater.user_id).update(last_login=None)
    assert "never" not in signed_in(owner).get("/organisation/").content.decode()


def test_a_closed_account_is_out_at_once_and_leaves_nothing_held(lab, owner):
    one, two = open_campaign(1, of=lab), open_campaign(1, of=lab)
    seat = factories.rater(one)
    person = seat.rater.user
    Membership.objects.create(campaign=two, user=person, role="rater")
    browser, script = clients(person, "rate")
    for campaign in (one, two):
        assert browser.get(f"/rate/{campaign.slug}/").status_code == 200
    assert Assignment.objects.filter(rater__user=person, ended_at=None).count() == 2
    Invitation.objects.create(
        organisation=lab,
        email="x@example.org",
        role="member",
        digest=b"x",
        invited_by=person,
        expires_at="2999-01-01T00:00Z",
    )
    assert "signed out everywhere" in deal(owner, person, "deactivate").content.decode()
    # Within the same action, without a sweep.
    assert not Assignment.objects.filter(rater__user=person, ended_at=None).exists()
    for campaign in (one, two):
        other = factories.rater(campaign)
        assert claim_assignment(rater=other.rater, campaign=campaign) is not None
    assert browser.get("/account/")["Location"].startswith("/login/")
    assert script.get("/api/v1/campaigns/").status_code == 401
    assert Invitation.objects.get().revoked_at is not None
    assert not Judgment.objects.exists()
    # Opened again, they sign in anew: neither the old session nor the old token comes back.
    deal(owner, person, "reactivate")
    assert browser.get("/account/")["Location"].startswith("/login/")
    assert script.get("/api/v1/campaigns/").status_code == 401
    assert Client().login(username=person.username, password="password")
    verbs = list(AuditEvent.objects.filter(subject=person.public_id).values_list("verb", flat=True))
    assert {"person.deactivated", "person.reactivated"} <= set(verbs)


def test_the_last_owner_stays_and_the_way_out_is_said(lab, owner):
    for verb, data in (("role", {"role": "member"}), ("deactivate", {}), ("remove", {})):
        page = deal(owner, owner, verb, **data).content.decode()
        assert "is the last owner" in page
        assert "Make somebody else an owner first" in page
    assert role_of(owner) == "owner"
    second = factories.user(of=lab, role="manager")
    deal(owner, second, "role", role="owner")
    deal(owner, owner, "role", role="member")
    assert (role_of(owner), role_of(second)) == ("member", "owner")
    # One whose account is closed does not count as an owner who is left.
    third = factories.user(of=lab, role="owner")
    User.objects.filter(pk=third.pk).update(is_active=False)
    assert b"is the last owner" in deal(second, second, "remove").content


def test_the_last_owner_of_a_campaign_stays_too(lab, owner):
    maker = factories.user(of=lab, role="manager")
    campaign = factories.campaign(by=maker, of=lab)
    path = f"/campaigns/{campaign.slug}/raters/roles/"
    taken = {"person": maker.public_id, "role": "owner", "take": "1"}
    assert b"is the last owner" in signed_in(maker).post(path, taken, follow=True).content
    for verb in ("deactivate", "remove"):
        assert b"is the last owner" in deal(owner, maker, verb).content
    heir = factories.user(of=lab)
    given = {"person": heir.public_id, "role": "owner"}
    signed_in(owner).post(path, given)
    deal(owner, maker, "deactivate")
    maker.refresh_from_db()
    assert not maker.is_active


def test_managers_neither_make_owners_nor_touch_them(lab, owner):
    manager, member = factories.user(of=lab, role="manager"), factories.user(of=lab)
    for person, verb, data in (
        (manager, "role", {"role": "owner"}),
        (member, "role", {"role": "owner"}),
        (owner, "role", {"role": "member"}),
        (owner, "deactivate", {}),
        (owner, "remove", {}),
    ):
        assert b"Only an owner" in deal(manager, person, verb, **data).content
    assert [role_of(p) for p in (owner, manager, member)] == ["owner", "manager", "member"]
    deal(manager, member, "role", role="manager")
    assert role_of(member) == "manager"
    campaign = factories.campaign(by=owner, of=lab)
    path = f"/campaigns/{campaign.slug}/raters/roles/"
    signed_in(manager).post(path, {"person": manager.public_id, "role": "owner"})
    signed_in(manager).post(path, {"person": owner.public_id, "role": "owner", "take": "1"})
    owned = Membership.objects.filter(campaign=campaign, role="owner")
    assert [m.user for m in owned] == [owner]


def open_ones(person):
    found = Invitation.objects.filter(invited_by=person, revoked_at=None)
    return sorted(found.values_list("role", flat=True))


def test_an_invitation_ends_with_the_right_to_send_it(lab, owner):
    second = factories.user(of=lab, role="owner")
    campaign = factories.campaign(by=owner, of=lab)

    def send(campaign, role):
        email = f"{role}@example.org"
        invite(organisation=lab, campaign=campaign, email=email, role=role, by=second)

    for role in ("owner", "manager", "member"):
        send(None, role)
    send(campaign, "reviewer")
    deal(owner, second, "role", role="manager")
    assert open_ones(second) == ["manager", "member", "reviewer"]
    Membership.objects.create(campaign=campaign, user=second, role="manager")
    deal(owner, second, "role", role="member")
    assert open_ones(second) == ["reviewer"]
    path = f"/campaigns/{campaign.slug}/raters/roles/"
    taken = {"person": second.public_id, "role": "manager", "take": "1"}
    signed_in(owner).post(path, taken)
    assert open_ones(second) == []
    third = factories.user(of=lab, role="manager")
    invite(organisation=lab, email="y@example.org", role="manager", by=third)
    deal(owner, third, "remove")
    assert open_ones(third) == []
    assert AuditEvent.objects.filter(verb="invitation.revoked").count() == 5


def test_a_manager_expels_nobody_who_owns_a_campaign(lab, owner):
    manager, maker = (factories.user(of=lab, role="manager") for _ in range(2))
    campaign = factories.campaign(by=maker, of=lab)
    Membership.objects.create(campaign=campaign, user=owner, role="owner")
    for verb in ("remove", "deactivate"):
        assert b"Only an owner" in deal(manager, maker, verb).content
    assert Membership.objects.filter(campaign=campaign, user=maker, role="owner").exists()
    assert b"no part here" in deal(owner, maker, "remove").content


def test_a_role_that_was_taken_neither_answers_nor_revises(lab, owner):
    campaign = open_campaign(3, of=lab)
    person = factories.rater(campaign).rater.user
    _, script = clients(person, "rate")
    said = {"side": "left", "strength": 1, "criteria": {"helpful": "left", "truthful": "left"}}

    def post(path, data=None):
        return script.post(f"/api/v1/{path}", data or {}, content_type="application/json")

    def claim():
        return post(f"campaigns/{campaign.slug}/assignments/").json()["id"]

    judged = post(f"assignments/{claim()}/judgment/", said)
    assert judged.status_code == 201
    held = claim()
    path = f"/campaigns/{campaign.slug}/raters/roles/"
    taken = {"person": person.public_id, "role": "rater", "take": "1"}
    signed_in(owner).post(path, taken)
    assert post(f"assignments/{held}/judgment/", said).status_code == 404
    assert post(f"judgments/{judged.json()['id']}/revise/", said).status_code == 404
    assert Judgment.objects.count() == 1


def test_what_no_page_sends_is_refused_and_breaks_nothing(lab, owner):
    assert signed_in(owner).get("/organisation/?of=%00").status_code == 404
    campaign = factories.campaign(by=owner, of=lab)
    path = f"/campaigns/{campaign.slug}/raters/roles/"
    for role in ("\0", "king"):
        sent = {"person": owner.public_id, "role": role, "take": "1"}
        assert b"Roles are" in signed_in(owner).post(path, sent, follow=True).content


@pytest.mark.parametrize("verb", ["role", "deactivate", "reactivate", "second-step", "remove"])
def test_nobody_deals_with_people_of_another_organisation(lab, owner, verb):
    member = factories.user(of=lab)
    foreign = factories.user(of=factories.organisation(), role="owner")
    theirs = foreign.organisations.get().slug
    for by, of in ((foreign, lab.slug), (foreign, theirs), (member, lab.slug)):
        path = f"/organisation/members/{member.public_id}/{verb}/"
        assert signed_in(by).post(path, {"of": of, "role": "owner"}).status_code == 404
    member.refresh_from_db()
    assert member.is_active
    assert role_of(member) == "member"


def test_a_lost_second_step_is_forgotten_and_its_owner_signed_out(lab, owner):
    person = factories.user("rita", of=lab)
    Authenticator.objects.create(user=person, type="totp", data={})
    browser = signed_in(person)
    page = signed_in(owner).get("/organisation/").content.decode()
    assert "Take away the second step of rita" in page
    deal(owner, person, "second-step")
    assert not Authenticator.objects.filter(user=person).exists()
    assert browser.get("/account/").status_code == 302
    event = AuditEvent.objects.get(verb="person.second_step_forgotten")
    assert (event.user, event.subject) == (owner, person.public_id)
    # Managers do so for members, not for owners; nobody for themselves.
    Authenticator.objects.create(user=owner, type="totp", data={})
    for by in (factories.user(of=lab, role="manager"), owner):
        deal(by, owner, "second-step")
    assert Authenticator.objects.filter(user=owner).exists()


def test_an_account_of_two_organisations_is_nobodys_alone_to_close(lab, owner):
    person = factories.user(of=lab)
    OrganisationMember.objects.create(organisation=factories.organisation(), user=person)
    assert "alone to close" in deal(owner, person, "deactivate").content.decode()
    campaign = open_campaign(1, of=lab)
    Membership.objects.create(campaign=campaign, user=person, role="rater")
    browser, _ = clients(person)
    browser.get(f"/rate/{campaign.slug}/")
    deal(owner, person, "remove")
    person.refresh_from_db()
    assert person.is_active
    assert person.organisations.count() == 1
    assert browser.get(f"/rate/{campaign.slug}/").status_code == 404
    assert not Assignment.objects.filter(rater__user=person, ended_at=None).exists()


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_unmake_each_other_at_once_leave_one(lab, owner):
    other = factories.user(of=lab, role="owner")
    start = threading.Barrier(2)
    refused = []

    def unmake(by, person):
        start.wait()
        try:
            change_role(organisation=lab, person=person, role="member", by=by)
        except ConflictError as error:
            refused.append(error)
        except Exception as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=unmake, args=pair) for pair in ((owner, other), (other, owner))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(p.role for p in lab.memberships.all()) == ["member", "owner"]
    assert len(refused) == 1
