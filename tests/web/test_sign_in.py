"""Signing in by name and password: limits (AZ-04), sessions (AZ-06), and a forgotten password."""

import re
from datetime import timedelta
from importlib import import_module

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings as current
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from labeling.models import User
from tests import factories

pytestmark = pytest.mark.django_db

NEW = "engine-1843-notes"


@pytest.fixture(autouse=True)
def no_attempts_yet():
    cache.clear()


@pytest.fixture
def person():
    made = factories.user("ada", of=factories.organisation())
    User.objects.filter(pk=made.pk).update(email="ada@example.org")
    made.refresh_from_db()
    return made


def sign_in(client, password="password", username="ada", **more):
    return client.post("/login/", {"username": username, "password": password}, **more)


def said(answer):
    """The page without what differs each time."""
    text = re.sub(r'csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return re.sub(r'value="[\w@.-]*"', "", text)


def test_a_name_or_an_address_lets_in_and_leads_where_one_was_going(person):
    for username in ("ada", "ada@example.org", "ADA@example.org"):
        answer = Client().post(
            "/login/?next=/account/", {"username": username, "password": "password"}
        )
        assert (answer.status_code, answer["Location"]) == (302, "/account/"), username
    answer = sign_in(Client())
    assert (answer.status_code, answer["Location"]) == (302, "/")
    data = {"username": "ada", "password": "password", "next": "https://evil.example.org/"}
    assert Client().post("/login/", data)["Location"] == "/"


def test_wrong_passwords_lock_a_name_for_a_while_whether_anybody_has_it_or_not(person):
    pages = {}
    for username in ("ada", "nobody"):
        for number in range(5):
            answer = sign_in(Client(), "wrong", username, REMOTE_ADDR=f"192.0.2.{number}")
            assert answer.status_code == 200
        wrong = said(answer)
        locked = sign_in(Client(), "password", username, REMOTE_ADDR="192.0.2.77")
        assert locked.status_code == 429
        assert int(locked["Retry-After"]) > 0
        pages[username] = (wrong, said(locked))
    assert pages["ada"] == pages["nobody"]
    # The window over, the right password works again.
    for key in list(cache._cache.get_client().scan_iter("*login_failed*")):
        cache._cache.get_client().delete(key)
    assert sign_in(Client()).status_code == 302


def test_one_address_is_locked_whatever_it_says_of_itself(person):
    """X-Forwarded-For is no word of ours where no proxy stands in front."""
    for number in range(20):
        headers = {"HTTP_X_FORWARDED_FOR": f"198.51.100.{number}"}
        sign_in(Client(), "wrong", f"name-{number}", **headers)
    assert sign_in(Client(), HTTP_X_FORWARDED_FOR="198.51.100.99").status_code == 429
    assert sign_in(Client(), REMOTE_ADDR="192.0.2.9").status_code == 302


def test_behind_a_proxy_its_own_word_counts_and_the_visitors_does_not(person, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    for number in range(20):
        forged = f"198.51.100.{number}, 203.0.113.7"
        sign_in(Client(), "wrong", f"name-{number}", HTTP_X_FORWARDED_FOR=forged)
    assert sign_in(Client(), HTTP_X_FORWARDED_FOR="1.2.3.4, 203.0.113.7").status_code == 429
    assert sign_in(Client(), HTTP_X_FORWARDED_FOR="203.0.113.8").status_code == 302


def test_a_closed_account_is_told_no_more_than_a_wrong_password_is(person):
    wrong = said(sign_in(Client(), "wrong"))
    User.objects.filter(pk=person.pk).update(is_active=False)
    answer = sign_in(Client(), "wrong")
    assert (answer.status_code, said(answer)) == (200, wrong)
    closed = sign_in(Client(), follow=True)
    assert "sign out" not in closed.content.decode().lower()
    assert Client().get("/account/")["Location"].startswith("/login/")


def test_a_planted_session_is_not_the_one_that_signs_in(person):
    store = import_module(current.SESSION_ENGINE).SessionStore()
    store["planted"] = "yes"
    store.create()
    client = Client()
    client.cookies[current.SESSION_COOKIE_NAME] = store.session_key
    sign_in(client)
    assert client.cookies[current.SESSION_COOKIE_NAME].value != store.session_key
    thief = Client()
    thief.cookies[current.SESSION_COOKIE_NAME] = store.session_key
    assert thief.get("/account/")["Location"].startswith("/login/")


def test_a_changed_password_ends_the_other_sessions_and_not_this_one(person):
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    data = {"oldpassword": "password", "password1": NEW, "password2": NEW}
    assert here.post("/account/password/", data | {"oldpassword": "no"}).status_code == 200
    assert here.post("/account/password/", data).status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/")["Location"].startswith("/login/")
    assert sign_in(Client()).status_code == 200
    assert sign_in(Client(), NEW).status_code == 302


def test_signing_out_ends_the_session_on_the_server_and_leaves_no_page_to_go_back_to(person):
    client = Client()
    sign_in(client)
    key = client.cookies[current.SESSION_COOKIE_NAME].value
    assert "no-store" in client.get("/account/")["Cache-Control"]
    client.post("/logout/")
    assert not Session.objects.filter(session_key=key).exists()
    client.cookies[current.SESSION_COOKIE_NAME] = key
    assert client.get("/account/")["Location"].startswith("/login/")


def test_a_session_ends_when_its_time_is_over(person):
    client = Client()
    sign_in(client)
    end = Session.objects.get().expire_date - timezone.now()
    assert abs(end.total_seconds() - current.SESSION_COOKIE_AGE) < 60
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get("/account/")["Location"].startswith("/login/")


def test_the_account_page_shows_where_one_is_signed_in_and_ends_the_others(person):
    here, there = Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/140.0"), Client()
    sign_in(here)
    sign_in(there, HTTP_USER_AGENT="Mozilla/5.0 (iPhone) Safari/605.1")
    page = here.get("/account/").content.decode()
    assert "Firefox, Linux" in page
    assert "Safari, iPhone" in page
    assert page.count("this one") == 1
    assert here.post("/account/sessions/end/").status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/")["Location"].startswith("/login/")


def test_a_forgotten_password_is_chosen_anew_by_a_link_that_works_once(person, settings):
    settings.SENDS_MAIL = True
    assert b"Forgot" in Client().get("/login/").content
    before = Client()
    sign_in(before)
    token = factories.token(person, "read")
    known = Client().post("/password/reset/", {"email": "ada@example.org"}, follow=True)
    (letter,) = mail.outbox
    unknown = Client().post("/password/reset/", {"email": "eve@example.org"}, follow=True)
    assert known.status_code == unknown.status_code == 200
    assert said(known) == said(unknown)
    assert len(mail.outbox) == 1
    (path,) = re.findall(r"http://testserver(/password/reset/key/\S+)", letter.body)
    client = Client()
    form = client.get(path, follow=True)
    there = form.redirect_chain[-1][0]
    assert client.post(there, {"password1": "12345678", "password2": "12345678"}).status_code == 200
    assert client.post(there, {"password1": NEW, "password2": NEW}).status_code == 302
    assert before.get("/account/")["Location"].startswith("/login/")
    headers = {"authorization": f"Bearer {token}"}
    assert Client().get("/api/v1/campaigns/", headers=headers).status_code == 401
    assert sign_in(Client(), NEW).status_code == 302
    assert b"password1" not in Client().get(path, follow=True).content


def test_a_new_address_counts_once_its_link_was_opened(person, settings):
    settings.SENDS_MAIL = True
    client = Client()
    sign_in(client)
    data = {"email": "new@example.org", "action_add": "1", "verified": "1", "primary": "1"}
    # What guards the account asks for the password once more, and then goes on.
    asked = client.post("/account/email/", data)
    assert asked["Location"].startswith("/account/confirm/?next=")
    page = client.post(asked["Location"], {"password": "password"}, follow=True)
    assert "waits for its link" in page.content.decode()
    person.refresh_from_db()
    assert person.email == "ada@example.org"
    (letter,) = mail.outbox
    assert letter.to == ["new@example.org"]
    (path,) = re.findall(r"http://testserver(/account/email/confirm/\S+)", letter.body)
    client.post(path)
    person.refresh_from_db()
    assert person.email == "new@example.org"


@pytest.mark.parametrize("verb", ["action_primary", "action_remove", "action_send", "nothing"])
def test_an_address_that_was_not_confirmed_never_becomes_the_account_s(person, verb):
    EmailAddress.objects.create(user=person, email=person.email, verified=True)
    client = Client()
    sign_in(client)
    asked = client.post("/account/email/", {"email": "victim@example.org", "action_add": "1"})
    client.post(asked["Location"], {"password": "password"})
    waiting = EmailAddress.objects.get(email="victim@example.org")
    assert not waiting.verified
    for email in ("victim@example.org", "ada@example.org", "\0"):
        answer = client.post("/account/email/", {"email": email, verb: "1"})
        assert answer.status_code == 302
    person.refresh_from_db()
    assert person.email == "ada@example.org"
    assert EmailAddress.objects.filter(user=person, email=person.email, verified=True).exists()
    is_kept = EmailAddress.objects.filter(pk=waiting.pk, primary=False, verified=False).exists()
    assert is_kept == (verb != "action_remove")


def test_an_address_that_waits_for_its_link_leads_nobody_to_the_account(person, settings):
    settings.SENDS_MAIL = True
    EmailAddress.objects.create(user=person, email="typo@example.org")
    Client().post("/password/reset/", {"email": "typo@example.org"})
    assert mail.outbox == []
    Client().post("/password/reset/", {"email": "ada@example.org"})
    assert [letter.to for letter in mail.outbox] == [["ada@example.org"]]


def test_nothing_of_an_account_can_be_smuggled_in_with_its_name(person):
    """AZ-03: what a form does not ask for is not taken from it."""
    client = Client()
    sign_in(client)
    extra = {
        "is_staff": "1",
        "is_superuser": "1",
        "email": "eve@example.org",
        "username": "eve",
        "organisation": "1",
        "role": "owner",
        "id": "1",
    }
    client.post("/account/name/", {"name": "Ada Lovelace"} | extra)
    client.post("/account/preferences/", {"language": "fr"} | extra)
    before = (person.pk, "ada", "ada@example.org", False, False)
    person.refresh_from_db()
    now = (person.pk, person.username, person.email, person.is_staff, person.is_superuser)
    assert now == before
    assert person.label == "Ada Lovelace"
    assert person.organisation_memberships.get().role == "member"


def test_there_is_no_admin_site_to_grant_oneself_rights_in(person):
    """AZ-07: staff have no door of their own."""
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    client = Client()
    sign_in(client)
    assert "django.contrib.admin" not in current.INSTALLED_APPS
    assert client.get("/admin/").status_code == 404
    campaign = factories.campaign()
    assert client.get(f"/campaigns/{campaign.slug}/").status_code == 404
