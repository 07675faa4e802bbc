"""Seal again, under the newest key of the instance, what older ones have sealed."""

from collections.abc import Iterator
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction

from labeling import audit
from labeling.clients.keys import KeyUnreadableError, reseal
from labeling.errors import ConflictError
from labeling.models import Endpoint

# Of each kind of second step, what is sealed in it.
_SEALED = ("secret", "seed")


@dataclass(frozen=True)
class Resealed:
    """How much was sealed again, and the endpoints and people whose secrets nobody can read."""

    endpoints: int
    sign_ins: int
    unreadable: tuple[str, ...] = ()


@transaction.atomic(durable=True)
def reseal_keys() -> Resealed:
    """Bring endpoints' keys and the secrets of two-step sign-in under the newest key.

    Afterwards the older keys may be taken out of FIELD_ENCRYPTION_KEYS. What none of the keys can
    open is left as it is and named. Safe to repeat.
    """
    keys = settings.FIELD_ENCRYPTION_KEYS
    if not keys:
        raise ConflictError("There is no key to seal with: set FIELD_ENCRYPTION_KEYS.")
    unreadable: list[str] = []
    endpoints = sign_ins = 0
    held = Endpoint.objects.select_for_update(no_key=True, of=("self",))
    for endpoint in held.filter(encrypted_key__isnull=False).select_related("organisation"):
        try:
            endpoint.encrypted_key = reseal(bytes(endpoint.encrypted_key or b""), with_keys=keys)
        except KeyUnreadableError:
            unreadable.append(f"endpoint {endpoint.name} of {endpoint.organisation.slug}")
            continue
        endpoint.save(update_fields=["encrypted_key"])
        endpoints += 1
    steps = Authenticator.objects.select_for_update(no_key=True, of=("self",))
    for step in steps.select_related("user").order_by("pk"):
        named = list(_sealed_in(step))
        try:
            for name in named:
                step.data[name] = reseal(step.data[name].encode(), with_keys=keys).decode()
        except KeyUnreadableError:
            unreadable.append(f"two-step sign-in of {step.user.username}")
            continue
        if named:
            step.save(update_fields=["data"])
            sign_ins += 1
    audit.record(
        "endpoint.keys_resealed",
        endpoints=endpoints,
        sign_ins=sign_ins,
        unreadable=len(unreadable),
    )
    return Resealed(endpoints, sign_ins, tuple(unreadable))


def _sealed_in(step: Authenticator) -> Iterator[str]:
    return (name for name in _SEALED if isinstance(step.data.get(name), str))
