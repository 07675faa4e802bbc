"""Two-step sign-in (AZ-11): codes from an app and recovery codes, each of them good once."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from django.test import Client

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_attempts_yet():
    cache.clear()


@pytest.fixture
def person():
    return factories.user("ada", of=factories.organisation())


def sign_in(client):
    return client.post("/login/", {"username": "ada", "password": "password"})


def code_of(secret):
    # Not at the very end of a code's half minute.
    if time.time() % 30 > 27:
        time.sleep(4)
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client):
    """The secret and the recovery codes of somebody who has just turned it on."""
    sign_in(client)
    form = client.get("/account/two-step/totp/activate/", follow=True)
    if form.redirect_chain:
        # A step before: the password again.
        there = form.redirect_chain[-1][0]
        form = client.post(there, {"password": "password"}, follow=True)
    (secret,) = re.findall(r'value="([A-Z2-7]{32})"', form.content.decode())
    wrong = client.post("/account/two-step/totp/activate/", {"code": "000000"})
    assert wrong.status_code == 200
    done = client.post("/account/two-step/totp/activate/", {"code": code_of(secret)}, follow=True)
    codes = re.findall(r"\b(\d{8})\b", done.content.decode())
    cache.clear()
    return secret, codes


def second(client, code):
    return client.post("/account/two-step/authenticate/", {"code": code})


def is_in(client):
    return client.get("/account/").status_code == 200


def test_a_password_alone_is_not_enough_and_a_code_is_good_once(person):
    secret, _ = set_up(Client())
    client = Client()
    assert sign_in(client)["Location"] == "/account/two-step/authenticate/"
    assert not is_in(client)
    code = code_of(secret)
    assert second(client, "123456").status_code == 200
    assert second(client, code).status_code == 302
    assert is_in(client)
    for again in (code, f"{code[:3]} {code[3:]}", f" {code} "):
        thief = Client()
        sign_in(thief)
        second(thief, again)
        assert not is_in(thief), again


def test_a_recovery_code_is_good_once(person):
    _, codes = set_up(Client())
    assert len(codes) == 10
    client = Client()
    sign_in(client)
    second(client, codes[0])
    assert is_in(client)
    again = Client()
    sign_in(again)
    second(again, codes[0])
    assert not is_in(again)
    second(again, codes[1])
    assert is_in(again)
    assert "8 left" in again.get("/account/").content.decode()


def test_codes_cannot_be_guessed_for_long(person):
    secret, _ = set_up(Client())
    client = Client()
    sign_in(client)
    for number in range(12):
        second(client, f"{number:06}")
    assert second(client, code_of(secret)).status_code != 302
    assert not is_in(client)


def test_the_secret_is_stored_sealed_and_removed_only_with_the_password(person):
    client = Client()
    secret, codes = set_up(client)
    for one in Authenticator.objects.all():
        assert secret not in repr(one.data)
        assert not any(code in repr(one.data) for code in codes)
    assert "Two steps" in client.get("/account/").content.decode()
    late = Client()
    sign_in(late)
    second(late, codes[0])
    session = late.session
    session["account_authentication_methods"] = []
    session.save()
    answer = late.post("/account/two-step/totp/deactivate/")
    assert answer["Location"].startswith("/account/confirm/")
    assert Authenticator.objects.filter(type="totp").exists()


def test_its_pages_carry_no_script_or_style_of_their_own(person):
    client = Client()
    set_up(client)
    for path in (
        "/account/two-step/",
        "/account/two-step/recovery-codes/",
        "/account/two-step/recovery-codes/generate/",
        "/account/two-step/webauthn/",
        "/account/two-step/webauthn/add/",
        "/account/two-step/totp/deactivate/",
        "/account/password/",
        "/account/email/",
    ):
        answer = client.get(path)
        assert answer.status_code == 200, path
        page = answer.content.decode()
        assert "style=" not in page, path
        assert not re.search(r"<script(?![^>]*(src=|application/json))", page), path
        assert page.count("<h1") == 1, path
        assert "thurstone.css" in page
