"""The account page: tokens are issued, shown once and revoked by their owner alone."""

import re

import pytest
from django.urls import reverse

from labeling.models import Token
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return factories.campaign()


@pytest.fixture
def visitor(client, campaign):
    factories.member(campaign, "researcher", "marit")
    client.post("/login/", {"username": "marit", "password": "password"})
    return client


def test_a_token_made_here_works_and_is_shown_once(visitor, campaign, client):
    made = visitor.post(reverse("account"), {"name": "notebook", "scopes": ["read"], "days": "90"})
    (text,) = re.findall(r"ths_[0-9a-f]+", made.content.decode())
    answer = client.get("/api/v1/campaigns/", headers={"authorization": f"Bearer {text}"})
    assert [row["slug"] for row in answer.json()["results"]] == [campaign.slug]
    again = visitor.get(reverse("account")).content.decode()
    assert "notebook" in again
    assert text not in again


def test_a_token_may_be_bound_to_campaigns_of_ones_own_only(visitor, campaign):
    foreign = factories.campaign()
    sent = {"name": "n", "scopes": ["read"], "campaigns": [foreign.slug]}
    assert visitor.post(reverse("account"), sent).status_code == 422
    assert not Token.objects.exists()
    assert (
        visitor.post(reverse("account"), sent | {"campaigns": [campaign.slug]}).status_code == 200
    )
    assert Token.objects.get().campaigns.get() == campaign


def test_a_wish_without_scope_is_asked_again(visitor):
    answer = visitor.post(reverse("account"), {"name": "n"})
    assert answer.status_code == 422
    assert not Token.objects.exists()


def test_a_token_is_revoked_by_its_owner_alone(visitor):
    factories.token(factories.user(), "read")
    theirs = Token.objects.get()
    assert visitor.post(reverse("revoke_token", args=[theirs.public_id])).status_code == 404
    visitor.post(reverse("account"), {"name": "n", "scopes": ["read"]})
    mine = Token.objects.get(name="n")
    assert visitor.post(reverse("revoke_token", args=[mine.public_id])).status_code == 302
    mine.refresh_from_db()
    theirs.refresh_from_db()
    assert mine.revoked_at is not None
    assert theirs.revoked_at is None


def test_a_get_revokes_nothing_and_strangers_sign_in_first(visitor, client):
    factories.token(factories.user(), "read")
    assert (
        visitor.get(reverse("revoke_token", args=[Token.objects.get().public_id])).status_code
        == 405
    )
    client.logout()
    assert client.get(reverse("account")).status_code == 302


def test_the_owner_of_a_fresh_organisation_comes_to_the_campaigns(client):
    client.force_login(factories.user(of=factories.organisation(), role="owner"))
    landed = client.get("/", follow=True)
    assert landed.redirect_chain[-1][0] == reverse("campaigns")
    assert reverse("campaign_new") in landed.content.decode()


def test_a_session_of_some_time_ago_makes_a_token_once_the_password_was_said_again(visitor):
    session = visitor.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    sent = {"name": "n", "scopes": ["read"], "days": "90"}
    asked = visitor.post(reverse("account"), sent)
    assert asked["Location"].startswith("/account/confirm/?next=")
    visitor.post(asked["Location"], {"password": "wrong"})
    assert not Token.objects.exists()
    page = visitor.post(asked["Location"], {"password": "password"}, follow=True)
    assert re.search(r"ths_[0-9a-f]+", page.content.decode())
    assert Token.objects.get().name == "n"
