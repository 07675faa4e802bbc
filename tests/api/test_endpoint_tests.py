"""`/endpoints/{id}/test/` says what is wrong in words; stored keys are sealed again on command."""

import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.utils import timezone

from labeling.actions import endpoints as endpoint_actions
from labeling.clients.keys import open_key
from labeling.models import AuditEvent, Endpoint
from labeling.web.sign_in import MFAAdapter
from tests import factories, llm_server
from tests.generating import KEY

pytestmark = pytest.mark.django_db


@pytest.fixture
def lab():
    return factories.organisation()


@pytest.fixture
def call(lab, call_as):
    return call_as(factories.user(of=lab, role="manager"), "write")


BODY = {"name": "larch", "model": "larch-32b", "key": KEY}


@pytest.fixture
def server(settings):
    with llm_server.running() as running:
        settings.EGRESS_ALLOW = [running.host]
        yield running


def test_a_test_says_how_it_went_and_is_kept(call, lab, server, caplog):
    body = {**BODY, "base_url": server.base_url}
    path = f"endpoints/{call.post('endpoints/', body).json()['id']}/"
    assert call.get(path).json()["tested_at"] is None
    told = call.post(f"{path}test/", {})
    assert told.status_code == 200, told.content
    assert (told.json()["ok"], told.json()["kind"]) == (True, "in_time")
    assert told.json()["words"].startswith("In time: ")
    assert server.calls[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    kept = call.get(path).json()
    assert kept["tested_at"]
    assert kept["test_result"] == told.json()
    event = AuditEvent.objects.get(verb="endpoint.tested")
    assert event.details["kind"] == "in_time"
    server.answer = llm_server.says({"error": {"message": f"No such key {KEY}"}}, 401)
    rested(path)
    refused = call.post(f"{path}test/", {})
    assert (refused.json()["ok"], refused.json()["kind"]) == (False, "unauthorised")
    assert refused.json()["words"].startswith("The key was refused (401).")
    assert KEY not in refused.content.decode() + call.get(path).content.decode() + caplog.text
    assert KEY not in str(list(AuditEvent.objects.values()))


def test_a_test_uses_the_endpoints_form_settings_and_limits(call, server):
    body = {
        **BODY,
        "base_url": server.base_url,
        "kind": "anthropic",
        "streams": True,
        "sampling": {"temperature": 0.3},
        "limits": {"timeout_seconds": 1},
    }
    path = f"endpoints/{call.post('endpoints/', body).json()['id']}/"
    assert call.post(f"{path}test/", {}).json()["ok"] is True
    (asked,) = server.calls
    assert asked["path"] == "/v1/messages"
    assert asked["headers"]["x-api-key"] == KEY
    assert asked["body"].items() >= {"stream": True, "temperature": 0.3}.items()
    server.answer = llm_server.after(3, llm_server.echo)
    rested(path)
    assert call.post(f"{path}test/", {}).json()["kind"] == "timed_out"


def test_a_test_holds_no_request_for_long(call, server, monkeypatch):
    assert endpoint_actions.TEST_SECONDS + endpoint_actions.TEST_LIST_SECONDS <= 15
    monkeypatch.setattr(endpoint_actions, "TEST_SECONDS", 0.8)
    monkeypatch.setattr(endpoint_actions, "TEST_LIST_SECONDS", 0.4)
    body = {**BODY, "base_url": server.base_url, "limits": {"timeout_seconds": 60}}
    path = f"endpoints/{call.post('endpoints/', body).json()['id']}/"
    for answer, kind in (
        (llm_server.drip_body(0.05), "timed_out"),
        # Its list of models takes the longest there is.
        (llm_server.says({"error": {"message": "unknown model"}}, 404), "no_such_model"),
    ):
        server.answer, server.models_seconds = answer, 5
        rested(path)
        began = time.monotonic()
        assert call.post(f"{path}test/", {}).json()["kind"] == kind
        assert time.monotonic() - began < 2.5


def test_a_test_where_the_operator_closed_the_address_or_lost_the_key(call, server, settings):
    path = (
        f"endpoints/{call.post('endpoints/', {**BODY, 'base_url': server.base_url}).json()['id']}/"
    )
    settings.EGRESS_ALLOW = []
    told = call.post(f"{path}test/", {}).json()
    assert (told["kind"], "EGRESS_ALLOW" in told["words"]) == ("address_refused", True)
    settings.FIELD_ENCRYPTION_KEYS = []
    rested(path)
    told = call.post(f"{path}test/", {}).json()
    assert (told["ok"], told["words"]) == (
        False,
        "The stored key cannot be read here. Enter it again.",
    )
    assert server.calls == []


def test_tests_come_one_at_a_time_and_not_too_many(call, server):
    ids = [
        call.post("endpoints/", {**BODY, "name": f"e-{n}", "base_url": server.base_url}).json()[
            "id"
        ]
        for n in range(22)
    ]
    first = f"endpoints/{ids[0]}/test/"
    assert call.post(first, {}).status_code == 200
    again = call.post(first, {})
    assert (again.status_code, again["Retry-After"]) == (429, "5")
    assert len(server.calls) == 1
    # One that is under way, as another worker has noted it.
    now = timezone.now()
    Endpoint.objects.filter(public_id=ids[1]).update(
        tested_at=now - timedelta(seconds=10),
        test_result={"asked_at": (now - timedelta(seconds=10)).isoformat()},
    )
    assert call.post(f"endpoints/{ids[1]}/test/", {}).status_code == 429
    # One whose worker died does not stay so.
    past = now - timedelta(seconds=60)
    Endpoint.objects.filter(public_id=ids[1]).update(
        tested_at=past, test_result={"asked_at": past.isoformat()}
    )
    codes = [call.post(f"endpoints/{one}/test/", {}).status_code for one in ids[1:]]
    assert codes == [200] * 19 + [429] * 2


def test_strangers_and_readers_test_nothing(call, call_as, lab, server):
    made = call.post("endpoints/", {**BODY, "base_url": server.base_url}).json()
    path = f"endpoints/{made['id']}/test/"
    stranger = call_as(factories.user(of=factories.organisation(), role="owner"), "admin")
    assert stranger.post(path, {}).status_code == 404
    assert call_as(factories.user(of=lab), "admin").post(path, {}).status_code == 404
    manager = factories.user(of=lab, role="manager")
    assert call_as(manager, "read").post(path, {}).status_code == 403
    assert call_as().post(path, {}).status_code == 401
    assert server.calls == []
    assert Endpoint.objects.get().tested_at is None


def test_keys_are_sealed_again_under_the_newest_key(call, server, settings, capsys):
    old = settings.FIELD_ENCRYPTION_KEYS
    call.post("endpoints/", {**BODY, "base_url": server.base_url})
    call.post("endpoints/", {**BODY, "name": "keyless", "key": "", "base_url": server.base_url})
    person = factories.user()
    secret = MFAAdapter().encrypt("JBSWY3DP")
    Authenticator.objects.create(user=person, type="totp", data={"secret": secret})
    before = bytes(Endpoint.objects.get(name="larch").encrypted_key or b"")
    new = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [new, *old]
    call_command("reseal_keys")
    assert "1 keys of endpoints and 1 second steps" in capsys.readouterr().out
    settings.FIELD_ENCRYPTION_KEYS = [new]
    endpoint = Endpoint.objects.get(name="larch")
    sealed = bytes(endpoint.encrypted_key or b"")
    assert sealed != before
    assert open_key(sealed, host=server.host, with_keys=[new]) == KEY
    assert MFAAdapter().decrypt(Authenticator.objects.get().data["secret"]) == "JBSWY3DP"
    assert call.post(f"endpoints/{endpoint.public_id}/test/", {}).json()["ok"] is True
    # What no key opens is named and left as it is.
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="larch") as told:
        call_command("reseal_keys", "--json")
    assert person.username in str(told.value)
    assert bytes(Endpoint.objects.get(name="larch").encrypted_key or b"") == sealed
    settings.FIELD_ENCRYPTION_KEYS = []
    with pytest.raises(CommandError, match="FIELD_ENCRYPTION_KEYS"):
        call_command("reseal_keys")
    event = AuditEvent.objects.filter(verb="endpoint.keys_resealed").earliest("pk")
    assert (event.details["endpoints"], event.details["sign_ins"]) == (1, 1)


def rested(path: str) -> None:
    """As if the last test of the endpoint were a while ago."""
    past = timezone.now() - timedelta(minutes=2)
    Endpoint.objects.filter(public_id=path.split("/")[1]).update(tested_at=past)
