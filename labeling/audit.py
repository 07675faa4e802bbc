"""Record who did what, and from where, in the transaction that does it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from labeling.models import AuditEvent, Campaign, Rater, User

# By which door the running request came in, and from which address; empty in workers.
_origin: ContextVar[tuple[str, str | None]] = ContextVar("audit_origin", default=("", None))


def coming_from(via: str, address: str | None = None) -> None:
    """Say once, at the door, where what follows comes from: `web`, `api` or `command`."""
    _origin.set((via, address))


@contextmanager
def without_address() -> Iterator[None]:
    """What is recorded meanwhile does not say from which address it was done."""
    before = _origin.set((_origin.get()[0], None))
    try:
        yield
    finally:
        _origin.reset(before)


def record(
    verb: str,
    *,
    campaign: Campaign | None = None,
    by: User | Rater | None = None,
    subject: UUID | None = None,
    **details: Any,
) -> None:
    """Add one audit event. `details` are ids, counts and states: never texts, keys or mails."""
    via, address = _origin.get()
    AuditEvent.objects.create(
        verb=verb,
        campaign=campaign,
        user=by if isinstance(by, User) else None,
        rater=by if isinstance(by, Rater) else None,
        subject=subject,
        details=details,
        via=via,
        # Where raters work from is nobody's business.
        address=None if isinstance(by, Rater) else address,
    )


def record_each(verb: str, *, campaign: Campaign, by: Rater, subjects: Iterable[UUID]) -> None:
    """Add one event for each of the subjects, as a rater's deed, in one statement."""
    via, _ = _origin.get()
    AuditEvent.objects.bulk_create(
        AuditEvent(verb=verb, campaign=campaign, rater=by, subject=subject, via=via)
        for subject in subjects
    )
