"""Seal the audit, window by window, and look whether the seals still fit."""

from django.db import connection, transaction

from labeling import audit
from labeling.models import AuditSeal
from labeling.queries.audit_chain import (
    FIRST,
    Check,
    begins_anew,
    chapters_until,
    check_chain,
    cluster,
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
    is_anew = last is not None and begins_anew(last)
    chapter = last.chapter + is_anew if last else 0
    after = int(last.through_xid) if last and not is_anew else 0
    earlier = chapters_until(chapter)
    through = settled_through(after=after, limit=WINDOW, earlier=earlier)
    if through is None:
        return None
    before = bytes(last.digest) if last else FIRST
    found = digest_of(
        before=before, after=after, through=through, is_first=last is None, earlier=earlier
    )
    so_far = last.last_id if last and not is_anew else None
    ids = [one for one in (so_far, found.last_id) if one is not None]
    return AuditSeal.objects.create(
        number=last.number + 1 if last else 1,
        chapter=chapter,
        cluster=cluster(),
        last_id=max(ids, default=None),
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
