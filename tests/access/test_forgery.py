"""What another site makes a browser send: no page takes it, and the API knows no cookie."""

import re

import pytest
from django.test import Client

from labeling.models import Membership
from tests.access.lab import VERBS, Lab, state
from tests.access.routes import PUBLIC, address, routes

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("forgery", ["none", "of another", "in a text/plain form"])
def test_no_page_takes_a_form_that_another_site_made_up(lab: Lab, forgery: str) -> None:
    """WV-05, on every page: the manager's browser is sent there by somebody else's page."""
    manager = Membership.objects.get(campaign=lab.campaign, role="manager").user
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    client.get("/login/")
    before = state()
    token = "x" * 64
    if forgery == "of another":
        other = Client()
        other.force_login(lab.loud.rater.user)  # type: ignore[arg-type]
        page = other.get("/account/").content.decode()
        found = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
        assert found
        token = found.group(1)
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        if path.startswith(("/api/", "/healthz/", "/metrics")):
            continue
        # Its signature is the proof: a mail program that unsubscribes has no cookie.
        if name == "mail_off":
            continue
        for verb in ("POST", "PUT", "PATCH", "DELETE"):
            if forgery == "in a text/plain form":
                response = client.generic(verb, path, b'{"state": "paused"}', "text/plain")
            else:
                sent = "" if forgery == "none" else f"csrfmiddlewaretoken={token}"
                response = client.generic(
                    verb, path, sent.encode(), "application/x-www-form-urlencoded"
                )
            assert response.status_code == 403, (verb, path)
    assert state() == before
    assert client.get("/account/").status_code == 200


def test_the_api_does_not_know_a_browser_by_its_cookie(lab: Lab) -> None:
    """So that no page elsewhere can make a browser speak to it."""
    manager = Membership.objects.filter(campaign=lab.campaign, role="manager").first()
    assert manager is not None
    client = Client()
    client.force_login(manager.user)
    before = state()
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        if path.startswith("/api/v1/") and name not in PUBLIC:
            for verb in VERBS:
                kind = "text/plain" if verb == "POST" else "application/json"
                assert client.generic(verb, path, b"{}", kind).status_code == 401, (verb, path)
    assert state() == before
