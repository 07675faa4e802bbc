"""Tokens: shown once, stored as a hash, narrowed by scope and campaign, ended at once."""

from datetime import timedelta

import pytest
from django.utils import timezone

from labeling.actions.organisations import remove_person
from labeling.actions.tokens import issue_token
from labeling.models import Campaign, IdempotentRequest, Token
from tests import factories
from tests.api.conftest import Caller

pytestmark = pytest.mark.django_db


def test_a_token_is_shown_once_and_only_its_hash_is_stored(call_as):
    person = factories.user()
    call = call_as(person, "admin")
    issued = call.post("tokens/", {"scopes": ["read"], "name": "laptop"})
    assert issued.status_code == 201
    text = issued.json()["token"]
    stored = Token.objects.get(public_id=issued.json()["id"])
    assert text.encode() not in bytes(stored.digest)
    assert text not in call.get("tokens/").content.decode()


@pytest.mark.parametrize("end", ["revoked", "expired", "suspended"])
def test_an_ended_token_is_refused_by_the_next_request(call_as, end):
    person = factories.user(of=factories.organisation())
    call = call_as(person, "read")
    assert call.get("campaigns/").status_code == 200
    if end == "suspended":
        person.is_active = False
        person.save()
    else:
        Token.objects.update(
            **{
                f"{end.removesuffix('d').removesuffix('e')}ed_at"
                if end == "revoked"
                else "expires_at": timezone.now() - timedelta(seconds=1)
            }
        )
    answer = call.get("campaigns/")
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_anonymous_and_mistyped_tokens_are_refused(call_as, client):
    good = factories.token(factories.user(), "read")
    for header in ("", f"Bearer {good[:-1]}x", "Bearer a b", f"Token {good}", "Bearer \xff"):
        answer = client.get("/api/v1/campaigns/", headers={"authorization": header})
        assert answer.status_code == 401, header


def test_a_scope_allows_what_it_says_and_no_more(call_as):
    person = factories.user(of=factories.organisation(), role="manager")
    read, rate = call_as(person, "read"), call_as(person, "rate")
    assert read.post("campaigns/", {"name": "Tone"}).status_code == 403
    assert rate.post("campaigns/", {"name": "Tone"}).status_code == 403
    assert read.post("tokens/", {"scopes": ["admin"]}).status_code == 403
    assert rate.get("jobs/00000000-0000-0000-0000-000000000000/").status_code == 403


def test_a_token_cannot_issue_a_stronger_one(call_as):
    person = factories.user()
    campaign = factories.campaign(by=person)
    _, text = issue_token(user=person, scopes=["admin"], by=person, campaigns=[campaign])
    other = factories.campaign(by=person)
    bound = Caller(text)
    assert bound.post("tokens/", {"scopes": ["read"], "campaigns": [other.slug]}).status_code == 403
    narrowed = bound.post("tokens/", {"scopes": ["read"]})
    assert narrowed.json()["campaigns"] == [campaign.slug]


def test_a_token_cannot_issue_one_that_outlives_it(call_as):
    person = factories.user()
    soon = timezone.now() + timedelta(hours=1)
    _, text = issue_token(user=person, scopes=["admin"], by=person, expires_at=soon)
    call = Caller(text)
    for later in (
        {"expires_at": (soon + timedelta(seconds=1)).isoformat()},
        {"expires_at": None},
        {},
    ):
        answer = call.post("tokens/", {"scopes": ["read"], **later})
        if answer.status_code == 403:
            assert "outlives" in answer.json()["detail"]
        else:
            assert Token.objects.get(public_id=answer.json()["id"]).expires_at == soon
    assert Token.objects.count() == 3
    sooner = soon - timedelta(minutes=1)
    kept = call.post("tokens/", {"scopes": ["read"], "expires_at": sooner.isoformat()}).json()
    assert Token.objects.get(public_id=kept["id"]).expires_at == sooner
    eternal = call_as(person, "admin").post("tokens/", {"scopes": ["read"]})
    assert eternal.json()["expires_at"] is None


def test_the_same_key_issues_one_token_and_keeps_nothing_of_its_text(call_as):
    person = factories.user()
    call = call_as(person, "admin")
    wish = {"scopes": ["read"], "name": "laptop"}
    first = call.post("tokens/", wish, **{"Idempotency-Key": "k"})
    again = call.post("tokens/", wish, **{"Idempotency-Key": "k"})
    other = call.post("tokens/", wish | {"name": "desk"}, **{"Idempotency-Key": "k"})
    assert (first.status_code, again.status_code, other.status_code) == (201, 409, 422)
    issued = first.json()
    assert f"revoke {issued['id']}" in again.json()["detail"]
    assert Token.objects.filter(user=person).count() == 2
    (kept,) = IdempotentRequest.objects.values()
    assert issued["token"] not in repr(kept)
    assert Caller(issued["token"]).get("campaigns/").status_code == 200
    # What is told can be done, and the next key gives the next token.
    assert call("DELETE", f"tokens/{issued['id']}/").status_code == 204
    assert call.post("tokens/", wish, **{"Idempotency-Key": "k2"}).status_code == 201


def test_a_refused_token_frees_its_key(call_as):
    call = call_as(factories.user(), "admin")
    assert call.post("tokens/", {"scopes": ["all"]}, **{"Idempotency-Key": "k"}).status_code == 400
    assert call.post("tokens/", {"scopes": ["read"]}, **{"Idempotency-Key": "k"}).status_code == 201


def test_a_token_bound_to_a_campaign_does_not_know_the_others(call_as):
    person = factories.user()
    mine, other = factories.campaign(by=person), factories.campaign(by=person)
    _, text = issue_token(user=person, scopes=["admin"], by=person, campaigns=[mine])
    call = Caller(text)
    assert [row["slug"] for row in call.get("campaigns/").json()["results"]] == [mine.slug]
    assert call.get(f"campaigns/{mine.slug}/comparisons/").status_code == 200
    assert call.get(f"campaigns/{other.slug}/comparisons/").status_code == 404
    assert call("PATCH", f"campaigns/{other.slug}/", {"name": "X"}).status_code == 404


def test_a_token_bound_to_a_campaign_starts_no_other(call_as):
    organisation = factories.organisation()
    person = factories.user(of=organisation, role="manager")
    mine = factories.campaign(of=organisation, by=person)
    _, text = issue_token(user=person, scopes=["write"], by=person, campaigns=[mine])
    call = Caller(text)
    refused = call.post("campaigns/", {"name": "Other", "slug": "other"})
    assert refused.status_code == 403
    assert "bound to campaigns" in refused.json()["detail"]
    assert [campaign.slug for campaign in Campaign.objects.all()] == [mine.slug]
    assert call("PATCH", f"campaigns/{mine.slug}/", {"name": "Tone"}).status_code == 200
    free = call_as(person, "write")
    assert free.post("campaigns/", {"name": "Other", "slug": "other"}).status_code == 201


def test_nobody_sees_or_revokes_the_token_of_another(call_as):
    factories.token(factories.user(), "read")
    theirs = Token.objects.get()
    call = call_as(factories.user(), "admin")
    assert str(theirs.public_id) not in call.get("tokens/").content.decode()
    assert call("DELETE", f"tokens/{theirs.public_id}/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None


def test_who_left_the_organisation_reaches_nothing_of_it_by_the_next_request(call_as):
    organisation = factories.organisation()
    person = factories.user(of=organisation, role="manager")
    owner = factories.user(of=organisation, role="owner")
    campaign = factories.campaign(of=organisation, by=owner)
    call = call_as(person, "admin")
    assert call.get(f"campaigns/{campaign.slug}/").status_code == 200
    remove_person(organisation=organisation, person=person, by=owner)
    assert call.get(f"campaigns/{campaign.slug}/").status_code in (401, 404)
    assert campaign.slug not in call.get("campaigns/").content.decode()


def test_a_mistyped_token_is_known_by_its_checksum_alone(client, django_assert_num_queries):
    good = factories.token(factories.user(), "read")
    cut = f"{good[:-1]}{'0' if good[-1] != '0' else '1'}"
    with django_assert_num_queries(0):
        assert (
            client.get("/api/v1/campaigns/", headers={"authorization": f"Bearer {cut}"}).status_code
            == 401
        )
