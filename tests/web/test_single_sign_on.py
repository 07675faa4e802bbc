"""Single sign-on against a server of our own: who comes in by it, and who does not."""

from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.core.cache import cache
from django.test import Client

from labeling.actions.invitations import invite
from labeling.models import Membership, OrganisationMember, User
from tests import factories
from tests.web.oidc_server import CLIENT_ID, CLIENT_SECRET, Issuer

pytestmark = pytest.mark.django_db

ADA = {"sub": "a-1", "email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace"}


@pytest.fixture
def issuer(settings) -> Iterator[Issuer]:
    cache.clear()
    with Issuer() as running:
        settings.OIDC_ISSUER = running.url
        settings.OIDC_ORIGINS = [running.url]
        settings.SOCIALACCOUNT_PROVIDERS = {
            "openid_connect": {
                "OAUTH_PKCE_ENABLED": True,
                "APPS": [
                    {
                        "provider_id": "sso",
                        "name": "Lab ID",
                        "client_id": CLIENT_ID,
                        "secret": CLIENT_SECRET,
                        "settings": {"server_url": running.url},
                    }
                ],
            }
        }
        running.person = dict(ADA)
        yield running


@pytest.fixture
def ada():
    person = factories.user("ada", of=factories.organisation())
    User.objects.filter(pk=person.pk).update(email="ada@example.org")
    return person


def come(issuer: Issuer, client: Client, **data: str) -> Any:
    led = client.post("/login/sso/", {"next": "/account/"} | data)
    return client.get(issuer.authorise(led["Location"]), follow=True)


def is_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_without_an_issuer_there_is_no_such_door():
    assert b"/login/sso/" not in Client().get("/login/").content
    assert Client().post("/login/sso/").status_code == 404
    assert Client().get("/login/sso/callback/?code=x&state=y").status_code == 404


def test_somebody_with_an_account_comes_in_by_their_address_and_then_by_who_they_are(issuer, ada):
    page = Client().get("/login/")
    assert b"Sign in with Lab ID" in page.content
    assert f"form-action 'self' {issuer.url}" in page["Content-Security-Policy"]
    assert Client().get("/login/sso/")["Location"] == "/login/"
    client = Client()
    assert come(issuer, client).redirect_chain[-1][0] == "/account/"
    assert is_in(client)
    assert SocialAccount.objects.get().user == ada
    assert not SocialToken.objects.exists()
    # Their address at the issuer may change: they are still who they are.
    issuer.person["email"] = "lovelace@example.org"
    again = Client()
    come(issuer, again)
    assert is_in(again)
    assert User.objects.filter(username="ada").count() == User.objects.count() == 1


def test_an_account_made_in_somebodys_name_is_theirs_alone_from_then_on(issuer, ada):
    """Whoever made the account with another's address knows its password; they are out."""
    before = Client()
    before.force_login(ada)
    token = factories.token(ada, "read")
    EmailAddress.objects.create(user=ada, email="eve@example.org", verified=True, primary=True)
    SocialAccount.objects.create(user=ada, provider="sso", uid="eve-1")
    Authenticator.objects.create(user=ada, type=Authenticator.Type.TOTP, data={"secret": "x"})
    come(issuer, Client())
    assert not Authenticator.objects.exists()
    assert [one.uid for one in SocialAccount.objects.all()] == ["a-1"]
    (address,) = EmailAddress.objects.all()
    assert (address.email, address.verified) == ("ada@example.org", True)
    assert not is_in(before)
    assert not Client().login(username="ada", password="password")
    headers = {"authorization": f"Bearer {token}"}
    assert Client().get("/api/v1/campaigns/", headers=headers).status_code == 401


def test_a_confirmed_account_keeps_its_password(issuer, ada):
    EmailAddress.objects.create(user=ada, email="ada@example.org", verified=True, primary=True)
    come(issuer, Client())
    assert Client().login(username="ada", password="password")


def test_an_invited_address_gets_its_account_with_the_roles_of_its_invitations(issuer):
    campaign = factories.campaign()
    owner = factories.user(of=campaign.organisation, role="owner")
    for role in ("reviewer", "rater"):
        invite(
            organisation=campaign.organisation,
            campaign=campaign,
            email="Ada@example.org",
            role=role,
            by=owner,
        )
    client = Client()
    come(issuer, client)
    assert is_in(client)
    person = User.objects.get(email="ada@example.org")
    roles = Membership.objects.filter(user=person).values_list("role", flat=True)
    assert sorted(roles) == ["rater", "reviewer"]
    assert OrganisationMember.objects.get(user=person).role == "member"
    assert not person.has_usable_password()
    assert person.label == "Ada Lovelace"


@pytest.mark.parametrize(
    "who",
    [
        {"email": "eve@example.org"},
        {"email_verified": False},
        {"email_verified": "false"},
        {"email": ""},
    ],
)
def test_a_stranger_and_an_unverified_address_stay_out(issuer, ada, who):
    issuer.person |= who
    client = Client()
    answer = come(issuer, client)
    assert answer.redirect_chain[-1][0] == "/login/"
    assert not is_in(client)
    assert User.objects.count() == 1
    assert not SocialAccount.objects.exists()


def test_a_closed_account_stays_closed(issuer, ada):
    User.objects.filter(pk=ada.pk).update(is_active=False)
    client = Client()
    assert b"account is closed" in come(issuer, client).content
    assert not is_in(client)


@pytest.mark.parametrize(
    "spoil",
    ["signature", "audience", "expired", "no token", "sub", "issuer", "elsewhere"],
)
def test_an_answer_that_is_not_right_lets_nobody_in(issuer, ada, spoil):
    client = Client()
    led = client.post("/login/sso/")
    issuer.spoil = spoil
    answer = client.get(issuer.authorise(led["Location"]), follow=True)
    assert answer.status_code in {200, 401}
    assert not is_in(client)
    assert not SocialAccount.objects.exists()


def test_a_code_of_another_browser_is_refused(issuer, ada):
    led = Client().post("/login/sso/")
    back = issuer.authorise(led["Location"])
    thief = Client()
    thief.get(back, follow=True)
    assert not is_in(thief)
    assert "/token" not in issuer.asked


def test_nobody_connects_an_account_by_a_wish_in_the_request(issuer, ada):
    other = factories.user("eve")
    client = Client()
    client.force_login(other)
    led = client.post("/login/sso/?process=connect", {"process": "connect"})
    client.get(issuer.authorise(led["Location"]), follow=True)
    assert not SocialAccount.objects.filter(user=other).exists()


def test_an_issuer_that_is_away_leaves_the_password(issuer, settings, ada):
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    settings.OIDC_ORIGINS = ["http://127.0.0.1:9"]
    settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"][0]["settings"] = {
        "server_url": "http://127.0.0.1:9"
    }
    answer = Client().post("/login/sso/", follow=True)
    assert "could not be reached" in answer.content.decode()
    client = Client()
    client.post("/login/", {"username": "ada", "password": "password"})
    assert is_in(client)
