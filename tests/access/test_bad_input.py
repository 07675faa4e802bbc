"""Whatever is sent to any address is the caller's problem: a 4xx, never a fault of ours (P12)."""

import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from drf_spectacular.generators import SchemaGenerator

from labeling.models import Membership
from tests.access.lab import Lab, clients
from tests.access.routes import PUBLIC, address, routes

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ("a\0b", "", "-1", "NaN", "9" * 40, "x" * 3000, "\u202e%00'")
# Every parameter that some list, page or file knows.
PARAMETERS = (
    *("cursor", "page_size", "language", "preference", "history", "state", "kind", "from", "to"),
    *("layout", "rule", "ties", "raters", "gold", "mode", "dry_run", "seen", "after", "before"),
    *("outcome", "clause", "tag", "page", "flagged", "edited"),
    *("next", "saved", "skipped", "prompt", "unknown"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, "", [], {}, -1, 1e300, 10**30, "x" * 20_000, "\u202e\u0007"),
    *(["a", {}], {"a": {"b": [None]}}),
)
# A body that the address would take, so that each wrong field is met behind the right ones.
GOOD: dict[str, dict[str, Any]] = {
    "api:campaign-list": {"name": "Tone"},
    "api:guideline-list": {"body": "## T1 Truth"},
    "api:judge": {"side": "left", "strength": 1},
    "api:revise": {"side": "left", "strength": 1},
    "api:token-list": {"scopes": ["read"]},
    "api:endpoint-list": {
        "name": "larch",
        "base_url": "https://llm.example.org/v1",
        "model": "m",
    },
    "api:generation-list": {"endpoints": ["demo-terse"], "pairing": "all"},
    "api:rater-list": {"username": "nobody"},
}


@pytest.fixture
def everybody(lab: Lab) -> list[Any]:
    """Browser and script of the manager, and of the loud rater."""
    manager = Membership.objects.get(campaign=lab.campaign, role="manager").user
    return [*clients(manager, "admin"), *clients(lab.loud.rater.user, "rate")]


def sound(response: Any, *what: object) -> None:
    """Fail if the answer is a fault of ours, or a refusal by the API without a reason."""
    # A file that is being streamed holds its snapshot until it is read or left.
    response.close()
    assert response.status_code < 500, (*what, response.status_code)
    if 400 <= response.status_code < 500 and "problem+json" in response.get("Content-Type", ""):
        assert response.json()["detail"], what


def test_no_question_makes_an_address_fail(lab: Lab, everybody: list[Any]) -> None:
    manager, script, rating, _ = everybody
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        client = script if path.startswith("/api/") else manager
        for word in ("a\0b", "-1", "9" * 40, "\u202e%00'"):
            query = urlencode(dict.fromkeys(PARAMETERS, word))
            sound(client.get(f"{path}?{query}"), path, word)
            if path.startswith("/rate/"):
                sound(rating.get(f"{path}?{query}"), path, word)
    for parameter in PARAMETERS:
        for word in ("\0", "-1", "9" * 40):
            for below in (
                "comparisons/",
                "prompts/",
                "judgments/",
                "rounds/",
                "export/",
                "raters/",
            ):
                path = (
                    f"/api/v1/campaigns/{lab.campaign.slug}/{below}?{urlencode({parameter: word})}"
                )
                sound(script.get(path), path)


def test_no_name_in_an_address_makes_it_fail(lab: Lab, everybody: list[Any]) -> None:
    manager, script, _, _ = everybody
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        for part in {str(v) for v in lab.values.values() if f"/{v}/" in path}:
            for word in ("a%00b", "%ff", "-1", "9" * 40, "%2e%2e"):
                client = script if path.startswith("/api/") else manager
                there = path.replace(f"/{part}/", f"/{word}/")
                sound(client.get(there), there)


def _body_of(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return list(schemas.get(reference, {}).get("properties", {}))


def test_no_field_of_a_body_makes_the_api_fail(lab: Lab, everybody: list[Any]) -> None:
    """Each field that the schema knows, with each value that it should not have."""
    script, rating = everybody[1], everybody[3]
    document = SchemaGenerator().get_schema(request=None, public=True)
    schemas = document["components"]["schemas"]
    known = {
        (verb.upper(), re.sub(r"\{\w+\}", "*", path)): _body_of(operation, schemas)
        for path, operations in document["paths"].items()
        for verb, operation in operations.items()
        if verb in {"post", "put", "patch"}
    }
    met = 0
    for name, parameters in routes():
        if not name.startswith("api:") or name in PUBLIC:
            continue
        path = address(name, parameters, lab.values)
        pattern = path
        for key in parameters:
            value = str(lab.values.get(f"{name}.{key}", lab.values.get(key)))
            pattern = pattern.replace(f"/{value}/", "/*/")
        client = rating if name in {"api:judge", "api:revise", "api:skip"} else script
        for verb in ("POST", "PATCH"):
            for field in known.get((verb, pattern), ()):
                met += 1
                for value in VALUES:
                    body = json.dumps(GOOD.get(name, {}) | {field: value})
                    response = client.generic(verb, path, body, "application/json")
                    sound(response, verb, path, field, str(value)[:40])
    assert met > 30, "the schema no longer tells the fields of bodies"


def test_no_form_of_a_page_makes_it_fail(lab: Lab, everybody: list[Any]) -> None:
    manager, _, rating, _ = everybody
    for name, parameters in routes():
        path = address(name, parameters, lab.values)
        if path.startswith("/api/") or name in {
            "logout",
            "account_logout",
            "login",
            "account_login",
            "welcome",
        }:
            continue
        client = rating if path.startswith("/rate/") else manager
        answer = client.get(path)
        page = "" if answer.streaming else answer.content.decode()
        answer.close()
        answer = client.post(path)
        sound(answer, path)
        if answer.status_code == 405:
            continue
        fields = set(re.findall(r'name="(\w+)"', page)) | {"assignment_id", "judgment_id", "reason"}
        for word in WORDS:
            sound(client.post(path, dict.fromkeys(fields, word)), path, word[:20])
        for field in sorted(fields):
            sound(client.post(path, {field: "\0"}), path, field)
        sound(client.post(path, {"file": "not a file"}), path)
        sound(client.generic("POST", path, b"\xff\xfe%", "multipart/form-data"), path)
        sound(client.generic("POST", path, b"--x\r\n", "multipart/form-data; boundary=x"), path)
        sound(client.generic("POST", path, b"a" * 3_000_000, "application/x-www-form-urlencoded"))
        many = b"&".join(b"f%d=1" % n for n in range(3000))
        sound(client.generic("POST", path, many, "application/x-www-form-urlencoded"), path)


def test_no_word_at_the_door_makes_it_fail(everybody: list[Any]) -> None:
    browser, _ = clients(None)
    for text in WORDS:
        # As the bytes arrive: headers know no characters beyond Latin-1.
        word = text.encode().decode("latin-1")
        sound(browser.post("/login/", {"username": word, "password": word, "next": word}), word)
        sound(browser.get("/login/", headers={"cookie": f"session={word}; csrftoken={word}"}), word)
        for header in (word, f"Bearer {word}", f"Basic {word}"):
            sound(browser.get("/api/v1/campaigns/", headers={"authorization": header}), header)
