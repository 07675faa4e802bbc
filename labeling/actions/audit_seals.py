"""Seal the audit, window by window, and look whether the seals still fit."""

from django.db import connection, transaction

from labeling import audit
from labeling.models import AuditSeal
from labeling.queries.audit_chain import (
    FIRST,
    Check,
    check_chain,
    digest_of,
    newest_seal,
    settled_through,
)

# Events of one seal, about: bounds its transaction, and how finely a fault is placed.
WINDOW = 20_000
_TURN = 0x7365616C


@transaction.atomic(durable=True)
def seal_audit() -> AuditSeal | None:
    """The next seal over events that are settled; None when there are none, or another seals.

    Safe to run twice at once: one of the two does nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_TURN])
        ((is_ours,),) = cursor.fetchall()
    if not is_ours:
        return None
    last = newest_seal()
    after = int(last.through_xid) if last else 0
    through = settled_through(after=after, limit=WINDOW)
    if through is None:
        return None
    before = bytes(last.digest) if last else FIRST
    found = digest_of(before=before, after=after, through=through, is_first=last is None)
    return AuditSeal.objects.create(
        number=last.number + 1 if last else 1,
        through_xid=through,
        event_count=found.event_count,
        digest=found.digest,
    )


@transaction.atomic(durable=True)
def check_audit() -> Check:
    """Compute all seals anew, and record what was found; it is shown beside the audit."""
    found = check_chain()
    audit.record(
        "audit.checked",
        events=found.event_count,
        fitting=found.fitting_count,
        broken_seal=found.broken_number,
    )
    return found
