"""`/endpoints/`: for an organisation's managers; a key goes in, and nothing brings it out."""

import json

import pytest
from cryptography.fernet import Fernet

from labeling.actions.endpoints import ensure_demo_endpoint
from labeling.actions.tokens import issue_token
from labeling.clients.endpoint_settings import call_limits
from labeling.clients.keys import KeyUnreadableError, host_of, open_key
from labeling.models import AuditEvent, Endpoint
from tests import factories, generating
from tests.api.conftest import Caller
from tests.generating import KEY

pytestmark = pytest.mark.django_db

OPENED = "127.0.0.1:9"
BODY = {
    "name": "larch",
    "base_url": f"http://{OPENED}/v1",
    "model": "larch-32b",
    "sampling": {"temperature": 0.7},
    "limits": {"concurrency": 2},
    "price": {"input_per_million": 0.3, "currency": "EUR"},
    "key": KEY,
}


@pytest.fixture
def lab(settings):
    settings.EGRESS_ALLOW = [OPENED, "127.0.0.2:9"]
    return factories.organisation()


@pytest.fixture
def call(lab, call_as):
    return call_as(factories.user(of=lab, role="manager"), "write")


def test_a_manager_registers_reads_changes_and_removes_an_endpoint(call, lab):
    made = call.post("endpoints/", BODY)
    assert made.status_code == 201, made.content
    assert {k: made.json()[k] for k in BODY if k != "key"} == {
        k: v for k, v in BODY.items() if k != "key"
    }
    assert made.json()["has_key"] is True
    assert made.json()["is_enabled"] is True
    path = f"endpoints/{made.json()['id']}/"
    assert call.get(path).json() == made.json()
    assert [row["name"] for row in call.get("endpoints/").json()["results"]] == ["larch"]
    changed = call("PATCH", path, {"name": "larch-2", "is_enabled": False})
    assert (changed.status_code, changed.json()["is_enabled"]) == (200, False)
    assert changed.json()["has_key"] is True
    assert changed.json()["disabled_reason"]
    assert call("PATCH", path, {"is_enabled": True}).json()["disabled_reason"] == ""
    assert call("DELETE", path).status_code == 204
    assert call.get(path).status_code == 404


def test_the_key_is_nowhere_but_sealed_in_its_row(call, lab, caplog, settings):
    made = call.post("endpoints/", BODY)
    path = f"endpoints/{made.json()['id']}/"
    answers = [
        made,
        call.get(path),
        call.get("endpoints/"),
        call("PATCH", path, {"key": KEY + "-new"}),
        call.post("endpoints/", BODY),
        call.post("endpoints/", {**BODY, "name": "x", "model": ""}),
        call.post("endpoints/", {**BODY, "name": "x", "key": KEY + " é"}),
        call.post("endpoints/", {**BODY, "name": "x", "key": {"a": KEY}}),
    ]
    assert [a.status_code for a in answers] == [201, 200, 200, 200, 409, 400, 400, 400]
    for answer in answers:
        assert KEY not in answer.content.decode()
        assert "encrypted" not in answer.content.decode()
    assert KEY not in caplog.text
    assert KEY not in str(list(AuditEvent.objects.values()))
    stored = Endpoint.objects.get(name="larch")
    assert stored.encrypted_key is not None
    assert KEY.encode() not in bytes(stored.encrypted_key)
    sealed = bytes(stored.encrypted_key)
    keys = settings.FIELD_ENCRYPTION_KEYS
    assert open_key(sealed, host=OPENED, with_keys=keys) == KEY + "-new"
    with pytest.raises(KeyUnreadableError):
        open_key(sealed, host="elsewhere.example:443", with_keys=keys)


def test_keys_of_the_instance_can_be_rotated(call, settings):
    call.post("endpoints/", BODY)
    sealed = bytes(Endpoint.objects.get().encrypted_key or b"")
    rotated = [Fernet.generate_key().decode(), *settings.FIELD_ENCRYPTION_KEYS]
    assert open_key(sealed, host=OPENED, with_keys=rotated) == KEY
    with pytest.raises(KeyUnreadableError):
        open_key(sealed, host=OPENED, with_keys=rotated[:1])
    settings.FIELD_ENCRYPTION_KEYS = []
    refused = call.post("endpoints/", {**BODY, "name": "other"})
    assert refused.status_code == 400
    assert "FIELD_ENCRYPTION_KEYS" in refused.json()["detail"]


def test_a_keys_end_is_shown_and_goes_with_the_key(call):
    made = call.post("endpoints/", BODY).json()
    path = f"endpoints/{made['id']}/"
    assert made["key_hint"] == KEY[-4:]
    assert call("PATCH", path, {"key": "sk-another-0123456789wxyz"}).json()["key_hint"] == "wxyz"
    # The end of a short key would be much of it.
    assert call("PATCH", path, {"key": "short-one"}).json()["key_hint"] == ""
    assert call("PATCH", path, {"key": KEY}).json()["key_hint"] == KEY[-4:]
    assert call("PATCH", path, {"key": ""}).json()["key_hint"] == ""
    call("PATCH", path, {"key": KEY})
    moved = call("PATCH", path, {"base_url": "http://127.0.0.2:9/v1"}).json()
    assert (moved["has_key"], moved["key_hint"]) == (False, "")


def test_an_endpoint_says_whose_form_it_speaks(call):
    for kind in ("openai_compatible", "anthropic", "google"):
        made = call.post("endpoints/", {**BODY, "name": kind, "kind": kind, "streams": True})
        assert made.status_code == 201, made.content
        assert (made.json()["kind"], made.json()["streams"]) == (kind, True)
    plain = call.post("endpoints/", {**BODY, "name": "plain"}).json()
    assert (plain["kind"], plain["streams"]) == ("openai_compatible", False)
    path = f"endpoints/{plain['id']}/"
    assert call("PATCH", path, {"kind": "google", "streams": True}).json()["kind"] == "google"
    assert call("PATCH", path, {"kind": "demo"}).status_code == 400


def test_a_setting_that_a_provider_has_not_is_refused_when_it_is_entered(call):
    odd = {"logit_bias": {"7": 1}}
    path = f"endpoints/{call.post('endpoints/', {**BODY, 'sampling': odd}).json()['id']}/"
    for kind in ("anthropic", "google"):
        refused = call.post("endpoints/", {**BODY, "name": "x", "kind": kind, "sampling": odd})
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == "sampling"
        assert "logit_bias" in refused.json()["detail"]
        assert call("PATCH", path, {"kind": kind}).status_code == 400
        assert call("PATCH", path, {"kind": kind, "sampling": {}}).status_code == 200
        assert call("PATCH", path, {"sampling": odd}).status_code == 400
        call("PATCH", path, {"kind": "openai_compatible"})
        call("PATCH", path, {"sampling": odd})


def test_limits_are_kept_and_understood(call):
    limits = {
        "concurrency": 8,
        "requests_per_minute": 600,
        "tokens_per_minute": 100_000,
        "connect_seconds": 3,
        "first_token_seconds": 20.5,
        "timeout_seconds": 300,
        "max_attempts": 3,
        "cost_per_run": 75,
    }
    made = call.post("endpoints/", {**BODY, "limits": limits})
    assert made.json()["limits"] == limits
    read = call_limits(Endpoint.objects.get().limits)
    assert {name: getattr(read, name) for name in limits} == limits
    of_a_call = read.of_a_call
    assert (of_a_call.connect_seconds, of_a_call.first_token_seconds) == (3, 20.5)
    assert of_a_call.total_seconds == 300


def test_another_host_drops_the_key_and_says_so(call):
    path = f"endpoints/{call.post('endpoints/', BODY).json()['id']}/"
    same_host = call("PATCH", path, {"base_url": f"http://{OPENED}/other/v1"})
    assert (same_host.json()["has_key"], "notice" in same_host.json()) == (True, False)
    moved = call("PATCH", path, {"base_url": "http://127.0.0.2:9/v1"})
    assert moved.json()["has_key"] is False
    assert OPENED in moved.json()["notice"]
    with_key = call("PATCH", path, {"base_url": BODY["base_url"], "key": KEY})
    assert (with_key.json()["has_key"], "notice" in with_key.json()) == (True, False)
    assert call("PATCH", path, {"key": ""}).json()["has_key"] is False


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/v1",
        "https://10.0.0.1/v1",
        "https://127.0.0.1/v1",
        "https://169.254.169.254/latest",
        "https://[::1]/v1",
        "http://8.8.8.8/v1",
        "https://user:pass@8.8.8.8/v1",
        "https://8.8.8.8/v1?key=1",
        "file:///etc/passwd",
        "unix:/run/x",
        "https://no-such-host.invalid/v1",
        "",
    ],
)
def test_an_address_the_operator_did_not_open_is_refused(call, url):
    refused = call.post("endpoints/", {**BODY, "base_url": url})
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "base_url"
    path = f"endpoints/{call.post('endpoints/', BODY).json()['id']}/"
    assert call("PATCH", path, {"base_url": url}).status_code == 400
    assert Endpoint.objects.get().base_url == BODY["base_url"]


def test_an_address_is_opened_by_the_operator_alone(call, settings):
    settings.EGRESS_ALLOW = []
    assert call.post("endpoints/", BODY).status_code == 400
    settings.EGRESS_ALLOW = ["127.0.0.0/8"]
    assert call.post("endpoints/", BODY).status_code == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sampling", {"stream": True}),
        ("sampling", {"messages": []}),
        ("sampling", {"stop": "x" * 9000}),
        ("sampling", []),
        ("limits", {"concurrency": 0}),
        ("limits", {"concurrency": 1.5}),
        ("limits", {"concurrency": True}),
        ("limits", {"requests_a_minute": 10}),
        ("limits", {"requests_per_minute": 0}),
        ("limits", {"tokens_per_minute": 1.5}),
        ("limits", {"connect_seconds": 0}),
        ("limits", {"cost_per_run": -1}),
        ("limits", {"timeout_seconds": 901}),
        ("price", {"input_per_million": -1}),
        ("price", {"currency": "Euro"}),
        ("name", ""),
        ("name", "x" * 121),
        ("model", "a\u0007b"),
        ("key", "two words"),
        ("kind", "demo"),
        ("kind", "other"),
        ("streams", "perhaps"),
        ("key_hint", "abcd"),
        ("test_result", {}),
        ("nonsense", 1),
    ],
)
def test_what_cannot_be_used_is_refused_by_field(call, field, value):
    refused = call.post("endpoints/", {**BODY, field: value})
    assert refused.status_code == 400, refused.content
    assert refused["Content-Type"] == "application/problem+json"
    assert refused.json()["errors"][0]["field"].startswith(field)
    assert not Endpoint.objects.exists()


def test_who_does_not_manage_the_organisation_knows_no_endpoint(call, call_as, lab):
    path = f"endpoints/{call.post('endpoints/', BODY).json()['id']}/"
    stranger = call_as(factories.user(of=factories.organisation(), role="owner"), "admin")
    member = call_as(factories.user(of=lab), "admin")
    for outsider in (stranger, member):
        assert outsider.get(path).status_code == 404
        assert outsider("PATCH", path, {"name": "mine"}).status_code == 404
        assert outsider("DELETE", path).status_code == 404
        assert outsider.get("endpoints/").json()["results"] == []
    assert member.post("endpoints/", {**BODY, "name": "x"}).status_code == 403
    unknown = stranger.get("endpoints/00000000-0000-0000-0000-000000000000/")
    assert unknown.json() == stranger.get(path).json()
    assert call.get("endpoints/not-an-id/").status_code == 404


def test_tokens_need_the_scope_and_no_binding(call_as, lab):
    manager = factories.user(of=lab, role="manager")
    campaign = factories.campaign(by=manager, of=lab)
    for scope in ("read", "rate"):
        assert call_as(manager, scope).get("endpoints/").status_code == 403
        assert call_as(manager, scope).post("endpoints/", BODY).status_code == 403
    assert call_as().get("endpoints/").status_code == 401
    _, text = issue_token(user=manager, scopes=["admin"], by=manager, campaigns=[campaign])
    assert Caller(text).get("endpoints/").status_code == 403
    assert Caller(text).post("endpoints/", BODY).status_code == 403


def test_the_demo_endpoint_is_built_in_and_marked(call, lab):
    demo = ensure_demo_endpoint(organisation=lab)
    assert ensure_demo_endpoint(organisation=lab).pk == demo.pk
    shown = call.get(f"endpoints/{demo.public_id}/").json()
    assert (shown["name"], shown["kind"], shown["is_demo"]) == ("demo", "demo", True)
    path = f"endpoints/{demo.public_id}/"
    assert call("PATCH", path, {"base_url": BODY["base_url"]}).status_code == 409
    assert call("PATCH", path, {"is_enabled": False}).status_code == 200


def test_an_endpoint_that_was_used_stays(call, lab):
    campaign = factories.campaign(of=lab)
    factories.prompt(campaign, "A question")
    demo = ensure_demo_endpoint(organisation=lab)
    generating.drain(generating.started(campaign, demo, completions_per_prompt=2))
    refused = call("DELETE", f"endpoints/{demo.public_id}/")
    assert refused.status_code == 409
    assert "out of use" in refused.json()["detail"]


def test_a_list_costs_the_same_whatever_its_length(call, lab, django_assert_max_num_queries):
    for number in range(12):
        call.post("endpoints/", {**BODY, "name": f"larch-{number}"})
    with django_assert_max_num_queries(6):
        page = call.get("endpoints/?page_size=10").json()
    assert len(page["results"]) == 10
    assert page["next"]
    assert json.dumps(page).count(KEY) == 0


def test_host_and_port_are_what_a_key_is_bound_to():
    assert host_of("https://API.example.com/v1") == "api.example.com:443"
    assert host_of("http://api.example.com/v1") == "api.example.com:80"
    assert host_of("https://[2001:db8::1]:8443/v1") == "[2001:db8::1]:8443"
