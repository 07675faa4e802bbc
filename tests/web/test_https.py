"""Behind TLS: cookies of this host alone, and browsers told to stay with TLS, on every answer."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings

from tests import factories
from tests.concurrency.test_kills import database_url
from tests.web.building import open_campaign

pytestmark = pytest.mark.django_db(transaction=True)

# A process of its own: what depends on BASE_URL is decided when the settings are read.
SCRIPT = """
import json, re, sys
import django
django.setup()
from django.test import Client
slug, rater, manager = sys.argv[1:4]
seen, cookies = {}, {}
def keep(name, response):
    seen[name] = {"status": response.status_code} | {k.lower(): v for k, v in response.items()}
    cookies.update({c.key: c.OutputString() for c in response.cookies.values()})
    return response
def sign_in(username):
    client = Client(
        raise_request_exception=False, enforce_csrf_checks=True,
        headers={"x-forwarded-proto": "https", "host": "label.example.org"},
    )
    page = keep("sign-in", client.get("/login/")).content.decode()
    token = re.search(r'csrfmiddlewaretoken" value="(\\w+)"', page).group(1)
    fields = {"username": username, "password": "password", "csrfmiddlewaretoken": token}
    origin = {"origin": "https://label.example.org"}
    assert keep("redirect", client.post("/login/", fields, headers=origin)).status_code == 302
    return client
client = sign_in(rater)
keep("bench", client.get(f"/rate/{slug}/"))
keep("forged", client.post(f"/rate/{slug}/", {}))
keep("not found", client.get("/no/such/page"))
keep("static", client.get("/static/labeling/thurstone.css"))
keep("api", client.get("/api/v1/campaigns/"))
keep("api not found", client.get("/api/v1/nowhere/"))
keep("schema", client.get("/api/v1/schema/"))
keep("docs", client.get("/api/docs/"))
keep("unknown host", client.get("/", headers={"host": "evil.example"}))
client = sign_in(manager)
keep("export", client.get(f"/campaigns/{slug}/datasets/export/"))
plain = Client(headers={"host": "label.example.org"}).get("/login/")
print(json.dumps([seen, cookies, dict(plain.items())]))
"""


def test_behind_tls_every_answer_says_so_and_cookies_are_this_hosts_alone() -> None:
    campaign = open_campaign(1)
    rater = factories.member(campaign, "rater")
    manager = factories.member(campaign, "manager")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, campaign.slug, rater.username, manager.username],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "THURSTONE_TESTS": "running",
            "BASE_URL": "https://label.example.org",
            "ALLOWED_HOSTS": "label.example.org",
            "BEHIND_PROXY": "1",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seen, cookies, plain = json.loads(done.stdout)
    assert {name: one["status"] for name, one in seen.items()} == {
        "sign-in": 200,
        "redirect": 302,
        "bench": 200,
        "forged": 403,
        "not found": 404,
        "static": 200,
        "api": 401,
        "api not found": 404,
        "schema": 200,
        "docs": 200,
        "unknown host": 400,
        "export": 200,
    }
    for name, headers in seen.items():
        hsts = headers["strict-transport-security"]
        assert int(hsts.split(";")[0].removeprefix("max-age=")) >= 31_536_000, name
        assert "includeSubDomains" in hsts, name
        assert headers["content-security-policy"].startswith("default-src 'none'"), name
        assert headers["x-content-type-options"] == "nosniff", name
    assert set(cookies) == {"__Host-session", "__Host-csrf"}
    for cookie in cookies.values():
        parts = set(cookie.split("; ")[1:])
        assert {"HttpOnly", "SameSite=Lax", "Secure", "Path=/"} <= parts
        assert not [part for part in parts if part.startswith("Domain")]
    # Over plain HTTP the header would mean nothing, and browsers ignore it.
    assert "Strict-Transport-Security" not in plain
