"""Record who did what, in the transaction that does it."""

from typing import Any
from uuid import UUID

from labeling.models import AuditEvent, Campaign, Rater, User


def record(
    verb: str,
    *,
    campaign: Campaign | None = None,
    by: User | Rater | None = None,
    subject: UUID | None = None,
    **details: Any,
) -> None:
    """Add one audit event. `details` are ids, counts and states: never texts, keys or mails."""
    AuditEvent.objects.create(
        verb=verb,
        campaign=campaign,
        user=by if isinstance(by, User) else None,
        rater=by if isinstance(by, Rater) else None,
        subject=subject,
        details=details,
    )
