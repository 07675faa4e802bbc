"""Every kind of answer carries the headers, and nothing changes without the page's token."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from labeling.errors import BusyError
from labeling.models import Assignment, Judgment
from tests import factories
from tests.web.building import answer, assignment_of, open_campaign, publish, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


def boom(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a fault of ours")


def busy(request: HttpRequest) -> HttpResponse:
    raise BusyError("Many raters are claiming at once.")


urlpatterns = [
    path("boom/", boom),
    path("busy/", busy),
    path("", include("config.urls")),
]


def answers() -> Iterator[tuple[str, Any]]:
    """One response of every kind: page, fragment, redirect, refusal, error, file, API."""
    campaign = open_campaign(2)
    publish(campaign)
    client = signed_in(factories.rater(campaign), raise_request_exception=False)
    anonymous = Client(raise_request_exception=False)
    url = f"/rate/{campaign.slug}/"
    page = client.get(url)
    yield "page", page
    yield "fragment", client.get(url, headers={"hx-request": "true"})
    yield "invalid", client.post(url, {})
    yield "redirect", client.post(url, answer(page.content.decode()))
    yield "home", client.get("/rate/")
    yield "sign-in", anonymous.get("/login/")
    yield "to sign-in", anonymous.get(url)
    yield "not found", client.get("/no/such/page/")
    yield "not theirs", client.get("/rate/no-such-campaign/")
    yield "wrong verb", client.get(f"{url}skip/")
    yield "refusal", client.post(f"{url}skip/", {"assignment_id": "x"})
    yield "busy", client.get("/busy/")
    yield "error", client.get("/boom/")
    yield "static", client.get("/static/labeling/thurstone.css")
    yield "static not found", client.get("/static/labeling/none.css")
    manager = Client(raise_request_exception=False)
    manager.force_login(factories.member(campaign, "manager"))
    yield "dashboard", manager.get(f"/campaigns/{campaign.slug}/")
    yield "download", manager.get(f"/campaigns/{campaign.slug}/datasets/export/")
    reader = {"authorization": f"Bearer {factories.token(factories.member(campaign, 'manager'))}"}
    below = f"/api/v1/campaigns/{campaign.slug}/"
    yield "api", anonymous.get("/api/v1/campaigns/")
    yield "api export", anonymous.get(f"{below}export/", headers=reader)
    yield "api export head", anonymous.head(f"{below}export/", headers=reader)
    yield "api not found", anonymous.get("/api/v1/nowhere/")
    yield "api wrong verb", anonymous.delete(below, headers=reader)
    yield "api wrong filter", anonymous.get(f"{below}comparisons/?x=1", headers=reader)
    yield "api schema", anonymous.get("/api/v1/schema/")
    yield "api docs", anonymous.get("/api/docs/")
    yield "options", anonymous.options("/login/")
    yield "figures", anonymous.get("/metrics")
    yield "health", anonymous.get("/healthz/live")
    yield "unknown host", anonymous.get("/login/", headers={"host": "evil.example"})


@override_settings(ROOT_URLCONF="tests.web.test_headers")
def test_every_kind_of_answer_carries_the_headers() -> None:
    seen = {}
    for name, response in answers():
        seen[name] = response
        # A stream that nobody reads holds its snapshot, and the tables with it.
        response.close()
    assert {name: response.status_code for name, response in seen.items()} == {
        "page": 200,
        "fragment": 200,
        "invalid": 409,
        "redirect": 303,
        "home": 200,
        "sign-in": 200,
        "to sign-in": 302,
        "not found": 404,
        "not theirs": 404,
        "wrong verb": 405,
        "refusal": 400,
        "busy": 503,
        "error": 500,
        "static": 200,
        "static not found": 404,
        "dashboard": 200,
        "download": 200,
        "api": 401,
        "api export": 200,
        "api export head": 200,
        "api not found": 404,
        "api wrong verb": 403,
        "api wrong filter": 400,
        "api schema": 200,
        "api docs": 200,
        "options": 200,
        "figures": 200,
        "health": 200,
        "unknown host": 400,
    }
    for name, response in seen.items():
        parts = response["Content-Security-Policy"].split("; ")
        policy = {part.partition(" ")[0]: part.partition(" ")[2] for part in parts}
        assert policy["default-src"] == "'none'", name
        assert policy["frame-ancestors"] == "'none'", name
        assert policy["base-uri"] == "'none'", name
        assert policy["form-action"] == "'self'", name
        assert "unsafe" not in response["Content-Security-Policy"], name
        assert response["X-Content-Type-Options"] == "nosniff", name
        assert response["Referrer-Policy"] == "same-origin", name
        assert response["Cross-Origin-Opener-Policy"] == "same-origin", name
        assert response["Cross-Origin-Resource-Policy"] == "same-origin", name
        assert response["Cross-Origin-Embedder-Policy"] == "require-corp", name
        assert "camera=()" in response["Permissions-Policy"], name
        assert response["X-Frame-Options"] == "DENY", name
        if name != "static":
            assert "no-store" in response["Cache-Control"], name
    assert seen["busy"]["Retry-After"] == "1"
    assert "RuntimeError" not in seen["error"].content.decode()
    assert "That was our mistake" in seen["error"].content.decode()


def test_cookies_are_kept_from_scripts_and_other_sites() -> None:
    person = factories.user()
    client = Client()
    page = client.get("/login/").content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    response = client.post(
        "/login/",
        {
            "username": person.username,
            "password": "password",
            "csrfmiddlewaretoken": token.group(1),
        },
    )
    assert response.status_code == 302
    assert set(client.cookies) == {"session", "csrftoken"}
    for cookie in client.cookies.values():
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"


@pytest.mark.parametrize("token", [None, "wrong", "other"])
def test_nothing_changes_without_the_pages_own_token(token: str | None) -> None:
    campaign = open_campaign(2, overlap=2)
    client = signed_in(factories.rater(campaign), enforce_csrf_checks=True)
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    fields = answer(html)
    if token == "wrong":
        fields["csrfmiddlewaretoken"] = "x" * 64
    if token == "other":
        other = signed_in(factories.rater(campaign), enforce_csrf_checks=True)
        match = re.search(
            r'name="csrfmiddlewaretoken" value="(\w+)"', other.get(url).content.decode()
        )
        assert match
        fields["csrfmiddlewaretoken"] = match.group(1)
    for path_, data in (
        (url, fields),
        (f"{url}undo/", fields),
        (f"{url}skip/", fields | {"reason": "unclear"}),
        ("/logout/", fields),
    ):
        response = client.post(path_, data)
        assert response.status_code == 403, path_
        assert "default-src 'none'" in response["Content-Security-Policy"]
    response = client.post(url, '{"verdict": "left:2"}', content_type="text/plain")
    assert response.status_code == 403
    assert not Judgment.objects.exists()
    assert not Assignment.objects.exclude(outcome=None).exists()
    assert client.get("/rate/").status_code == 200


def test_the_pages_own_token_is_accepted() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign), enforce_csrf_checks=True)
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    match = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)
    assert match
    fields = answer(html, csrfmiddlewaretoken=match.group(1))
    assert client.post(url, fields).status_code == 303


def test_signing_in_needs_a_token_too() -> None:
    person = factories.user()
    client = Client(enforce_csrf_checks=True)
    fields = {"username": person.username, "password": "password"}
    assert client.post("/login/", fields).status_code == 403
    assert not client.cookies


def test_reading_never_changes_a_judgment_or_ends_an_assignment() -> None:
    campaign = open_campaign(1)
    client = signed_in(factories.rater(campaign))
    url = f"/rate/{campaign.slug}/"
    html = client.get(url).content.decode()
    query = {"assignment_id": str(assignment_of(html)), "verdict": "left:2", "reason": "unclear"}
    for path_ in (url, f"{url}undo/", f"{url}skip/", "/logout/"):
        client.get(path_, query)
    assert not Judgment.objects.exists()
    assert not Assignment.objects.exclude(outcome=None).exists()
    assert client.get("/rate/").status_code == 200


@pytest.mark.parametrize("next_", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_signing_in_never_leads_off_the_site(next_: str) -> None:
    person = factories.user()
    response = Client().post(
        f"/login/?next={next_}",
        {"username": person.username, "password": "password", "next": next_},
    )
    assert response["Location"] == "/"


def test_no_template_holds_inline_script_or_style() -> None:
    found = []
    for file in Path(settings.BASE_DIR, "templates").rglob("*.html"):
        # Of a template's own tags `{% with one=… %}` is none of the page's.
        text = re.sub(r"{%.*?%}", "", file.read_text())
        if file.name == "report_print.html":
            # The one page that carries its style, allowed by its hash (test_report_pages.py).
            text = text.replace("<style>{{ style|safe }}</style>", "")
        if re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", text):
            found.append(file.name)
    assert found == []
