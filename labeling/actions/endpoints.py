"""Register LLM endpoints, change them, take them out of use. A key goes in and never comes out."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from labeling import audit
from labeling.clients.egress import AddressRefusedError, EgressPolicy
from labeling.clients.endpoint_settings import read_key, read_limits, read_price, read_sampling
from labeling.clients.keys import NoSealError, host_of, seal_key
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Endpoint, Organisation, User

# Taken out of use by itself; a new key puts it back.
KEY_REFUSED = "The provider refused the key several times. Enter a new one."
OUT_OF_USE = "Taken out of use."
DEMO = Endpoint.Kind.DEMO
_READERS = {"sampling": read_sampling, "limits": read_limits, "price": read_price}
_LONGEST = {"name": 120, "base_url": 500, "model": 200}


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
) -> Endpoint:
    """A new endpoint, whose address this server may connect to."""
    fields = _read(
        {
            "name": name,
            "base_url": base_url,
            "model": model,
            "sampling": sampling or {},
            "limits": limits or {},
            "price": price or {},
        }
    )
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
    """The endpoint with `changes`: name, base_url, model, sampling, limits, price, key, is_enabled.

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
    sealed: dict[str, Any] = {}
    if key is not None:
        sealed = (
            _seal(key, fields.get("base_url", endpoint.base_url))
            if key
            else {"encrypted_key": None, "key_host": ""}
        )
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
    for field, value in {**fields, **sealed}.items():
        setattr(endpoint, field, value)
    # Compared under the lock: the key may have come from another tab for another address.
    if endpoint.encrypted_key is not None and endpoint.key_host != host_of(endpoint.base_url):
        endpoint.encrypted_key, endpoint.key_host = None, ""
    is_refreshed = bool(sealed.get("encrypted_key")) and endpoint.disabled_reason == KEY_REFUSED
    if is_enabled or (is_enabled is None and is_refreshed):
        endpoint.disabled_reason = ""
    elif is_enabled is False:
        endpoint.disabled_reason = endpoint.disabled_reason or OUT_OF_USE
    endpoint.strike_count, endpoint.rests_until = 0, None
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
        if name in _READERS:
            fields[name] = _READERS[name](value)
            continue
        text = value.strip() if isinstance(value, str) else ""
        if not text or len(text) > _LONGEST[name] or not text.isprintable():
            message = f"1 to {_LONGEST[name]} printable characters."
            raise InvalidInputError(f"{name}: {message}", problems=[FieldProblem(name, message)])
        fields[name] = text
    return fields


def _check_address(base_url: str) -> None:
    try:
        egress_policy().check_url(base_url)
    except AddressRefusedError as error:
        message = f"{error} The operator opens hosts with EGRESS_ALLOW."
        raise InvalidInputError(message, problems=[FieldProblem("base_url", message)]) from None


def _seal(key: str, base_url: str) -> dict[str, Any]:
    host = host_of(base_url)
    try:
        sealed = seal_key(read_key(key), host=host, with_keys=settings.FIELD_ENCRYPTION_KEYS)
    except NoSealError:
        message = "No key can be kept: the operator has to set FIELD_ENCRYPTION_KEYS first."
        raise InvalidInputError(message, problems=[FieldProblem("key", message)]) from None
    return {"encrypted_key": sealed, "key_host": host}


def _name_taken() -> ConflictError:
    message = "An endpoint of this name exists; choose another."
    return ConflictError(message, problems=[FieldProblem("name", message)])


def _record(verb: str, endpoint: Endpoint, by: User | None, **details: Any) -> None:
    organisation = str(endpoint.organisation.public_id)
    audit.record(verb, by=by, subject=endpoint.public_id, organisation=organisation, **details)
