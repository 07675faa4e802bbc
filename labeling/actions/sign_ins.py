"""Note how people come in, fail to, and change what they come in by.

Within the sign-in's own transaction, if it has one. No event holds a password, a code or a name
that was typed; of people who only rate it is not kept from where they come.
"""

from contextlib import AbstractContextManager, nullcontext

from django.db import transaction

from labeling import audit
from labeling.models import Membership, OrganisationMember, User


@transaction.atomic
def note_sign_in(*, person: User) -> None:
    """The person came in."""
    with _from(person):
        audit.record("sign_in.succeeded", by=person, subject=person.public_id)


@transaction.atomic
def note_failed_sign_in(*, person: User, step: str) -> None:
    """Somebody failed to come in as the person, at the password or at the second step."""
    with _from(person):
        audit.record("sign_in.failed", subject=person.public_id, step=step)


@transaction.atomic
def note_new_password(*, person: User) -> None:
    """The person chose another password, or a first one."""
    with _from(person):
        audit.record("sign_in.password_changed", by=person, subject=person.public_id)


@transaction.atomic
def note_second_step(*, person: User, factor: str, change: str) -> None:
    """The person added, removed or renewed a second factor."""
    with _from(person):
        audit.record(
            "sign_in.mfa_changed",
            by=person,
            subject=person.public_id,
            factor=factor,
            change=change,
        )


def _from(person: User) -> AbstractContextManager[None]:
    """Keeps the address of those who govern or decide, and leaves that of others out."""
    governs = OrganisationMember.objects.filter(user=person, role__in=["owner", "manager"])
    works = Membership.objects.filter(user=person).exclude(role=Membership.Role.RATER)
    return nullcontext() if governs.exists() or works.exists() else audit.without_address()
