"""AZ-08: an invitation lets in the person it was sent to, once, with the role it names."""

import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client
from django.utils import timezone

from labeling.models import AuditEvent, Invitation, Membership, OrganisationMember, User
from tests import factories

pytestmark = pytest.mark.django_db

PASSWORD = "engine-1843-notes"
ACCOUNT = {"username": "ada", "name": "Ada Lovelace", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def campaign():
    return factories.campaign()


@pytest.fixture
def manager(campaign):
    return factories.member(campaign, "manager")


@pytest.fixture
def owner(campaign):
    return factories.user(of=campaign.organisation, role="owner")


def signed_in(person):
    client = Client()
    client.force_login(person)
    return client


def send(person, campaign, emails="ada@example.org", role="rater"):
    path = f"/campaigns/{campaign.slug}/raters/invite/"
    return signed_in(person).post(path, {"emails": emails, "role": role})


def link_in(answer):
    (link,) = re.findall(r"http://[^<]+(/join/[\w-]+/)<", answer.content.decode())
    return link


def test_the_link_lets_its_person_in_once_with_its_role(campaign, manager):
    link = link_in(send(manager, campaign, role="reviewer"))
    assert b"ada@example.org" in Client().get(link).content
    browser = Client()
    # What the request says of roles and places is not asked.
    more = {"role": "owner", "organisation": "1", "email": "eve@example.org", "is_staff": "1"}
    answer = browser.post(link, ACCOUNT | more)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    person = User.objects.get(username="ada")
    assert (person.email, person.is_staff, person.label) == (
        "ada@example.org",
        False,
        "Ada Lovelace",
    )
    assert [m.role for m in Membership.objects.filter(user=person)] == ["reviewer"]
    assert OrganisationMember.objects.get(user=person).role == "member"
    assert browser.get("/account/").status_code == 200
    again = Client().post(link, ACCOUNT | {"username": "eve"})
    assert again.status_code == 404
    assert b"no longer works" in again.content
    assert not User.objects.filter(username="eve").exists()
    verbs = AuditEvent.objects.filter(verb__startswith="invitation.").order_by("pk")
    assert [event.verb for event in verbs] == ["invitation.sent", "invitation.accepted"]


def test_only_a_hash_of_the_link_is_kept(campaign, manager):
    token = link_in(send(manager, campaign)).split("/")[2]
    invitation = Invitation.objects.get()
    assert len(token) >= 43
    assert token.encode() not in bytes(invitation.digest)
    said = repr([event.details for event in AuditEvent.objects.all()])
    assert token not in said
    assert "ada@example.org" not in said


def test_an_old_a_revoked_and_a_replaced_link_look_like_one_that_never_was(campaign, manager):
    client = signed_in(manager)
    revoked = link_in(send(manager, campaign, "one@example.org"))
    there = Invitation.objects.get(email="one@example.org").public_id
    assert client.post(f"/invitations/{there}/revoke/").status_code == 302
    old = link_in(send(manager, campaign, "two@example.org"))
    Invitation.objects.filter(email="two@example.org").update(
        expires_at=timezone.now() - timedelta(minutes=1)
    )
    replaced = link_in(send(manager, campaign, "three@example.org"))
    there = Invitation.objects.get(email="three@example.org").public_id
    new = link_in(client.post(f"/invitations/{there}/resend/"))
    pages = {
        Client().get(link).content.decode() for link in (revoked, old, replaced, "/join/never-was/")
    }
    assert len(pages) == 1
    for link in (revoked, old, replaced):
        assert Client().post(link, ACCOUNT).status_code == 404
    assert not User.objects.filter(username="ada").exists()
    assert new != replaced
    assert Client().post(new, ACCOUNT).status_code == 302
    # What was used or revoked can be neither sent anew nor revoked again.
    for invitation in Invitation.objects.exclude(email="two@example.org"):
        for verb in ("resend", "revoke"):
            path = f"/invitations/{invitation.public_id}/{verb}/"
            assert client.post(path).status_code == 409


def test_a_link_is_for_its_address_alone(campaign, manager):
    link = link_in(send(manager, campaign))
    other = factories.user(of=campaign.organisation)
    User.objects.filter(pk=other.pk).update(email="eve@example.org")
    assert signed_in(other).get(link).status_code == 403
    assert signed_in(other).post(link, {"email": "ada@example.org"}).status_code == 403
    assert not Membership.objects.filter(user=other).exists()
    # Nor does somebody without the address make a second account for it.
    own = factories.user("ada-of-old", of=factories.organisation())
    User.objects.filter(pk=own.pk).update(email="Ada@example.org")
    # What only says it is theirs does not count.
    assert signed_in(own).post(link).status_code == 403
    EmailAddress.objects.create(user=own, email="ada@example.org", verified=True)
    page = Client().get(link).content.decode()
    assert "has an account" in page
    assert f"/login/?next={link}" in page
    assert Client().post(link, ACCOUNT).status_code == 200
    assert not User.objects.filter(username="ada").exists()
    client = signed_in(own)
    assert "Accept" in client.get(link).content.decode()
    assert client.post(link, {"role": "owner"}).status_code == 302
    assert [m.role for m in Membership.objects.filter(user=own)] == ["rater"]
    assert OrganisationMember.objects.filter(user=own).count() == 2


def test_only_owners_invite_owners_and_only_managers_anybody(campaign, manager, owner):
    refused = send(manager, campaign, role="owner")
    assert refused.status_code == 422
    assert not Invitation.objects.exists()
    assert send(owner, campaign, role="owner").status_code == 200
    theirs = Invitation.objects.get().public_id
    # A manager does not come to an owner's link by sending it anew, either.
    for verb in ("resend", "revoke"):
        assert signed_in(manager).post(f"/invitations/{theirs}/{verb}/").status_code == 403
    for role, status in (("researcher", 403), ("reviewer", 403), ("rater", 404)):
        person = factories.member(campaign, role)
        assert send(person, campaign, f"{role}@example.org").status_code == status
        assert signed_in(person).post(f"/invitations/{theirs}/resend/").status_code == 404
    foreign = factories.member(factories.campaign(), "owner")
    assert send(foreign, campaign).status_code == 404
    assert signed_in(foreign).post(f"/invitations/{theirs}/resend/").status_code == 404
    assert Invitation.objects.count() == 1


def test_each_refused_line_is_named(campaign, manager):
    send(manager, campaign, "ada@example.org")
    member = factories.member(campaign, "rater")
    User.objects.filter(pk=member.pk).update(email="rater@example.org")
    lines = (
        "ADA@example.org\nnobody\n\nbob@example.org\nrater@example.org\nx@y.org\r\nbob@example.org"
    )
    answer = send(manager, campaign, lines)
    page = answer.content.decode()
    assert answer.status_code == 200
    for words in (
        "ada@example.org has an open invitation as rater",
        "“nobody” is no mail address",
        "rater@example.org has the role of rater already",
    ):
        assert words in page
    assert len(re.findall("/join/", page)) == 2
    assert Invitation.objects.count() == 3
    assert send(manager, campaign, "\n".join(f"p{n}@x.org" for n in range(201))).status_code == 422
    assert Invitation.objects.count() == 3


def test_the_link_is_mailed_where_the_server_sends_mail(campaign, manager, settings):
    send(manager, campaign, "first@example.org")
    assert mail.outbox == []
    settings.SENDS_MAIL = True
    campaign.name = "Tone\nBcc: eve@example.org"
    campaign.save()
    link = link_in(send(manager, campaign))
    (sent,) = mail.outbox
    assert sent.to == ["ada@example.org"]
    assert link in sent.body
    assert sent.subject == "Your invitation to Tone Bcc: eve@example.org"


def test_a_mail_server_that_is_away_leaves_the_link_to_hand_over(campaign, manager, settings):
    settings.SENDS_MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    answer = send(manager, campaign)
    assert b"could not be sent" in answer.content
    assert Client().get(link_in(answer)).status_code == 200


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"username": "taken"}, "already exists"),
        ({"username": "a b<c"}, "valid username"),
        ({"password": "12345678", "again": "12345678"}, "too common"),
        ({"password": "ada@example.org", "again": "ada@example.org"}, "too similar"),
        ({"again": "another"}, "not the same"),
        ({"username": ""}, "required"),
    ],
)
def test_a_name_and_password_that_will_not_do_are_asked_again(campaign, manager, wrong, said):
    factories.user("taken")
    link = link_in(send(manager, campaign))
    answer = Client().post(link, ACCOUNT | wrong)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Client().post(link, ACCOUNT).status_code == 302


def test_an_invitation_to_the_organisation_raises_a_member_and_lowers_nobody(owner):
    organisation = owner.organisations.get()
    member = factories.user(of=organisation)
    for email, person in (("m@example.org", member), ("o@example.org", owner)):
        User.objects.filter(pk=person.pk).update(email="before@example.org")
        answer = signed_in(owner).post(
            "/organisation/invite/", {"emails": email, "role": "manager", "of": organisation.slug}
        )
        User.objects.filter(pk=person.pk).update(email=email)
        EmailAddress.objects.create(user=person, email=email, verified=True)
        person.refresh_from_db()
        assert signed_in(person).post(link_in(answer)).status_code == 302
    roles = dict(OrganisationMember.objects.values_list("user", "role"))
    assert (roles[member.pk], roles[owner.pk]) == ("manager", "owner")


def test_who_came_by_an_invitation_accepts_the_next_one_to_the_same_address(campaign, manager):
    assert Client().post(link_in(send(manager, campaign)), ACCOUNT).status_code == 302
    person = User.objects.get(username="ada")
    second = link_in(send(manager, campaign, role="reviewer"))
    assert signed_in(person).post(second).status_code == 302
    assert Membership.objects.filter(user=person).count() == 2
