"""Register LLM endpoints, change them, test them, take them out of use.

A key goes in and never comes out.
"""

from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from labeling import audit
from labeling.clients.egress import AddressRefusedError, EgressPolicy
from labeling.clients.endpoint_settings import (
    call_limits,
    read_key,
    read_limits,
    read_price,
    read_sampling,
)
from labeling.clients.keys import (
    KeyUnreadableError,
    NoSealError,
    hint_of,
    host_of,
    open_key,
    seal_key,
)
from labeling.clients.protocol import ErrorKind, LlmClient, ProviderError
from labeling.clients.registry import check_sampling, client_for
from labeling.clients.trial import Trial, try_out
from labeling.errors import ConflictError, FieldProblem, InvalidInputError, TooOftenError, refused
from labeling.models import Endpoint, Organisation, User

# Taken out of use by itself; a new key puts it back.
KEY_REFUSED = "The provider refused the key several times. Enter a new one."
OUT_OF_USE = "Taken out of use."
DEMO = Endpoint.Kind.DEMO
_READERS = {"sampling": read_sampling, "limits": read_limits, "price": read_price}
_LONGEST = {"name": 120, "base_url": 500, "model": 200}
_KINDS = tuple(kind for kind in Endpoint.Kind.values if kind != DEMO)
# A test of few tokens gives up after so long, whatever runs may wait: somebody's request stands
# open meanwhile. Where there is no such model, the list of those there are may take so long more.
TEST_SECONDS = 12.0
TEST_LIST_SECONDS = 3.0
# Between two tests of one endpoint, and how many of an organisation's are tested in a minute:
# whoever looks for open ports with tests has to be patient.
TEST_PAUSE = timedelta(seconds=1)
TESTS_A_MINUTE = 20
_NO_KEY: dict[str, Any] = {"encrypted_key": None, "key_host": "", "key_hint": ""}


def egress_policy() -> EgressPolicy:
    """Where this server may connect to, as its operator says."""
    return EgressPolicy.parse(settings.EGRESS_ALLOW)


def register_endpoint(
    *,
    organisation: Organisation,
    by: User | None,
    name: str,
    base_url: str,
    model: str,
    sampling: Any = None,
    limits: Any = None,
    price: Any = None,
    key: str = "",
    kind: str = Endpoint.Kind.OPENAI_COMPATIBLE,
    streams: bool = False,
) -> Endpoint:
    """A new endpoint, whose address this server may connect to."""
    fields = _read(
        {
            "name": name,
            "kind": kind,
            "streams": streams,
            "base_url": base_url,
            "model": model,
            "sampling": sampling or {},
            "limits": limits or {},
            "price": price or {},
        }
    )
    _check_sampling(kind, fields["sampling"])
    # Asks the network for the address, so it stands before the transaction.
    _check_address(fields["base_url"])
    sealed = _seal(key, fields["base_url"]) if key else {}
    return _create(organisation=organisation, by=by, **fields, **sealed)


@transaction.atomic(durable=True)
def _create(*, organisation: Organisation, by: User | None, **fields: Any) -> Endpoint:
    try:
        with transaction.atomic():
            endpoint = Endpoint.objects.create(organisation=organisation, created_by=by, **fields)
    except IntegrityError:
        raise _name_taken() from None
    _record("endpoint.registered", endpoint, by, has_key=endpoint.encrypted_key is not None)
    return endpoint


def update_endpoint(*, endpoint: Endpoint, by: User | None, **changes: Any) -> Endpoint:
    """The endpoint with `changes`: its name, kind, base_url, model, sampling, limits, price,
    streams, key, is_enabled.

    Its key belongs to the host it was entered for: another host in `base_url` drops it, unless the
    same call enters a new one. An empty key is dropped too.
    """
    if endpoint.kind == DEMO and set(changes) - {"is_enabled"}:
        raise ConflictError("The demo endpoint is built in; it can only be taken out of use.")
    key = changes.pop("key", None)
    is_enabled = changes.pop("is_enabled", None)
    fields = _read(changes)
    if "base_url" in fields:
        _check_address(fields["base_url"])
    if {"kind", "sampling"} & set(fields):
        kind = fields.get("kind", endpoint.kind)
        _check_sampling(kind, fields.get("sampling", endpoint.sampling))
    sealed: dict[str, Any] = {}
    if key is not None:
        sealed = _seal(key, fields.get("base_url", endpoint.base_url)) if key else dict(_NO_KEY)
    return _change(endpoint=endpoint, by=by, is_enabled=is_enabled, fields=fields, sealed=sealed)


@transaction.atomic(durable=True)
def _change(
    *,
    endpoint: Endpoint,
    by: User | None,
    is_enabled: bool | None,
    fields: dict[str, Any],
    sealed: dict[str, Any],
) -> Endpoint:
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    was = endpoint.kind, endpoint.base_url
    was_out = bool(endpoint.disabled_reason)
    for field, value in {**fields, **sealed}.items():
        setattr(endpoint, field, value)
    # Compared under the lock: the key may have come from another tab for another address.
    if endpoint.encrypted_key is not None and endpoint.key_host != host_of(endpoint.base_url):
        for field, nothing in _NO_KEY.items():
            setattr(endpoint, field, nothing)
    is_refreshed = bool(sealed.get("encrypted_key")) and endpoint.disabled_reason == KEY_REFUSED
    if is_enabled or (is_enabled is None and is_refreshed):
        endpoint.disabled_reason = ""
    elif is_enabled is False:
        endpoint.disabled_reason = endpoint.disabled_reason or OUT_OF_USE
    is_another = bool(sealed) or was != (endpoint.kind, endpoint.base_url)
    if is_another or (was_out and not endpoint.disabled_reason):
        # What it said before says nothing of it now. Any other change leaves it at rest.
        endpoint.strike_count = endpoint.refusal_count = 0
        endpoint.rests_until = None
    try:
        with transaction.atomic():
            endpoint.save()
    except IntegrityError:
        raise _name_taken() from None
    _record(
        "endpoint.updated",
        endpoint,
        by,
        fields=sorted([*fields, *(["key"] if sealed else [])]),
        is_enabled=not endpoint.disabled_reason,
        has_key=endpoint.encrypted_key is not None,
    )
    return endpoint


def test_endpoint(*, endpoint: Endpoint, by: User | None) -> Trial:
    """What the endpoint answers to one short question, in words, which are kept with it.

    It is asked as a run would ask it, but for 15 seconds at most. No transaction is open then.
    """
    asked = _begin_test(endpoint=endpoint)
    try:
        trial = _try_out(asked)
    except ProviderError as error:
        trial = Trial(False, error.kind.value, error.message)
    _end_test(endpoint=asked, by=by, trial=trial)
    return trial


@transaction.atomic(durable=True)
def _begin_test(*, endpoint: Endpoint) -> Endpoint:
    """The endpoint as it stands, with a note that it is being asked; at most one test at a time."""
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    now = timezone.now()
    since = endpoint.test_result.get("asked_at")
    longest = timedelta(seconds=TEST_SECONDS + TEST_LIST_SECONDS + 5)
    is_asked = since and now - datetime.fromisoformat(since) < longest
    if is_asked or (endpoint.tested_at and now - endpoint.tested_at < TEST_PAUSE):
        raise TooOftenError("It is being tested, or was a moment ago. Wait a few seconds.")
    others = Endpoint.objects.filter(organisation_id=endpoint.organisation_id)
    if others.filter(tested_at__gt=now - timedelta(minutes=1)).count() >= TESTS_A_MINUTE:
        raise TooOftenError("Many endpoints were tested in the last minute. Wait one.")
    endpoint.tested_at = now
    endpoint.test_result = {**endpoint.test_result, "asked_at": now.isoformat()}
    endpoint.save(update_fields=["tested_at", "test_result"])
    return endpoint


@transaction.atomic(durable=True)
def _end_test(*, endpoint: Endpoint, by: User | None, trial: Trial) -> None:
    endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
    endpoint.tested_at, endpoint.test_result = timezone.now(), trial.as_json()
    endpoint.save(update_fields=["tested_at", "test_result"])
    _record("endpoint.tested", endpoint, by, ok=trial.ok, kind=trial.kind)


def _try_out(endpoint: Endpoint) -> Trial:
    limits = call_limits(endpoint.limits)
    with (
        closing(_client(endpoint, min(limits.timeout_seconds, TEST_SECONDS))) as client,
        closing(_client(endpoint, TEST_LIST_SECONDS)) as lister,
    ):
        return try_out(
            client,
            endpoint.model,
            sampling=endpoint.sampling,
            streams=endpoint.streams,
            at_once=limits.concurrency,
            lister=lister,
        )


def _client(endpoint: Endpoint, seconds: float) -> LlmClient:
    return client_for(
        kind=endpoint.kind,
        base_url=endpoint.base_url,
        key=_opened(endpoint),
        limits=replace(call_limits(endpoint.limits).of_a_call, total_seconds=seconds),
        policy=egress_policy(),
    )


def _opened(endpoint: Endpoint) -> str:
    if endpoint.encrypted_key is None:
        return ""
    try:
        return open_key(
            bytes(endpoint.encrypted_key),
            host=host_of(endpoint.base_url),
            with_keys=settings.FIELD_ENCRYPTION_KEYS,
        )
    except KeyUnreadableError:
        raise ProviderError(
            ErrorKind.UNAUTHORISED, "The stored key cannot be read here. Enter it again."
        ) from None


@transaction.atomic(durable=True)
def remove_endpoint(*, endpoint: Endpoint, by: User | None) -> None:
    """Forget an endpoint that no run has used; the answers of one that was must stay traceable."""
    _record("endpoint.removed", endpoint, by)
    try:
        with transaction.atomic():
            endpoint.delete()
    except ProtectedError:
        raise ConflictError(
            "Runs have used this endpoint, so it stays. Take it out of use instead."
        ) from None


@transaction.atomic(durable=True)
def ensure_demo_endpoint(*, organisation: Organisation, manner: str = "") -> Endpoint:
    """The organisation's built-in demo endpoint, or its variant of one manner ("terse", "long", …).

    It asks no network and answers the same each time. Safe to repeat.
    """
    name = f"demo-{manner}" if manner else "demo"
    endpoint, is_new = Endpoint.objects.get_or_create(
        organisation=organisation, name=name, defaults={"kind": DEMO, "model": name}
    )
    if endpoint.kind != DEMO:
        raise ConflictError(f"Another endpoint is called {name}.")
    if is_new:
        _record("endpoint.registered", endpoint, None, is_demo=True)
    return endpoint


def _read(changes: dict[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "kind":
            if value not in _KINDS:
                _refuse(name, f"One of {', '.join(_KINDS)}.")
            fields[name] = value
            continue
        if name == "streams":
            if not isinstance(value, bool):
                _refuse(name, "True or false.")
            fields[name] = value
            continue
        if name in _READERS:
            fields[name] = _READERS[name](value)
            continue
        text = value.strip() if isinstance(value, str) else ""
        if not text or len(text) > _LONGEST[name] or not text.isprintable():
            _refuse(name, f"1 to {_LONGEST[name]} printable characters.")
        fields[name] = text
    return fields


def _refuse(field: str, message: str) -> NoReturn:
    raise refused(field, message)


def _check_sampling(kind: str, sampling: dict[str, Any]) -> None:
    try:
        check_sampling(kind, sampling)
    except ProviderError as error:
        raise InvalidInputError(
            f"sampling: {error.message}", problems=[FieldProblem("sampling", error.message)]
        ) from None


def _check_address(base_url: str) -> None:
    try:
        egress_policy().check_url(base_url)
    except AddressRefusedError as error:
        message = f"{error} The operator opens hosts with EGRESS_ALLOW."
        raise InvalidInputError(message, problems=[FieldProblem("base_url", message)]) from None


def _seal(key: str, base_url: str) -> dict[str, Any]:
    host = host_of(base_url)
    key = read_key(key)
    try:
        sealed = seal_key(key, host=host, with_keys=settings.FIELD_ENCRYPTION_KEYS)
    except NoSealError:
        message = "No key can be kept: the operator has to set FIELD_ENCRYPTION_KEYS first."
        raise InvalidInputError(message, problems=[FieldProblem("key", message)]) from None
    return {"encrypted_key": sealed, "key_host": host, "key_hint": hint_of(key)}


def _name_taken() -> ConflictError:
    message = "An endpoint of this name exists; choose another."
    return ConflictError(message, problems=[FieldProblem("name", message)])


def _record(verb: str, endpoint: Endpoint, by: User | None, **details: Any) -> None:
    organisation = str(endpoint.organisation.public_id)
    audit.record(verb, by=by, subject=endpoint.public_id, organisation=organisation, **details)
