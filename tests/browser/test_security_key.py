"""A passkey as the second step, on a key that the browser itself plays."""

import pytest
from allauth.mfa.models import Authenticator
from django.core.cache import cache
from playwright.sync_api import Page, expect

from tests import factories

KEY = {
    "protocol": "ctap2",
    "transport": "usb",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def key(page: Page) -> str:
    """Plug in a key that agrees to everything; its id."""
    cache.clear()
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    answer = tools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return str(answer["authenticatorId"])


def sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/login/")
    page.locator("#id_username").fill("ada")
    page.locator("#id_password").fill("password")
    page.get_by_role("button", name="Sign in").press("Enter")
    page.wait_for_url(lambda at: "/login/" not in at)


def confirm(page: Page) -> None:
    """Say who one is once more: a stolen session adds no key of its own."""
    page.locator("#id_password").fill("password")
    page.get_by_role("button", name="Confirm").press("Enter")


def test_a_passkey_is_added_and_lets_its_owner_in(page, live_server, key, troubles):
    person = factories.user("ada", of=factories.organisation())
    sign_in(page, live_server.url)
    page.goto(f"{live_server.url}/account/")
    page.locator("#sign-in li", has_text="Passkey").get_by_role("link").press("Enter")
    confirm(page)
    page.get_by_label("Name").fill("The one on my desk")
    page.get_by_role("button", name="Add").press("Enter")
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)
    (kept,) = Authenticator.objects.filter(user=person, type="webauthn")
    assert kept.wrap().name == "The one on my desk"

    page.context.clear_cookies()
    sign_in(page, live_server.url)
    expect(page).to_have_url(f"{live_server.url}/account/two-step/authenticate/")
    page.goto(f"{live_server.url}/account/")
    # Not in yet: back to the second step.
    assert page.url.endswith("/account/two-step/authenticate/")
    page.get_by_role("button", name="Use a security key").press("Enter")
    expect(page).not_to_have_url(f"{live_server.url}/account/two-step/authenticate/")
    page.goto(f"{live_server.url}/account/")
    expect(page.locator("#sign-in")).to_contain_text("1 passkey")
    assert troubles == []


def test_another_key_does_not_let_in(page, live_server, key):
    factories.user("ada", of=factories.organisation())
    sign_in(page, live_server.url)
    page.goto(f"{live_server.url}/account/two-step/webauthn/add/")
    confirm(page)
    page.get_by_label("Name").fill("Mine")
    page.get_by_role("button", name="Add").press("Enter")
    page.wait_for_url(lambda url: "/webauthn/add/" not in url)
    tools = page.context.new_cdp_session(page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": key})
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.context.clear_cookies()
    sign_in(page, live_server.url)
    page.get_by_role("button", name="Use a security key").press("Enter")
    page.wait_for_timeout(1500)
    page.goto(f"{live_server.url}/account/")
    assert page.url.endswith("/account/two-step/authenticate/")
