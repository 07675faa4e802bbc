"""The audit as a chain: what each seal covers, as one digest, and whether it still fits.

A seal holds sha256 over the seal before it and over every event of its window, in the order of
transaction id and row id. An event that is changed, added or removed afterwards, by whoever can
pass by the triggers, no longer gives that digest.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from labeling.models import AuditEvent, AuditSeal

# Statements are put together from constants of the module.
# ruff: noqa: S608

FIRST = bytes(32)

# One line of text for an event: every column but the internal id, and the address, which may be
# forgotten.
_LINE = """concat_ws('|', e.public_id, e.verb, coalesce(e.campaign_id::text, ''),
  coalesce(e.user_id::text, ''), coalesce(e.rater_id::text, ''), coalesce(e.subject::text, ''),
  e.details::text, e.via,
  to_char(e.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'),
  coalesce(e.xid::text, ''))"""
# Windows are of transaction ids, so that an event that commits late is in none too early. Events
# from before the column have no id and belong to the first.
_WINDOW = """(e.xid > %(after)s::text::xid8 AND e.xid <= %(through)s::text::xid8
  OR %(is_first)s AND e.xid IS NULL)"""
_LINES = f"""
SELECT {_LINE} FROM labeling_auditevent e WHERE {_WINDOW}
ORDER BY coalesce(e.xid, '0'::xid8), e.id
"""
# The last transaction id such that a window up to it holds about so many events and none can come.
_THROUGH = """
SELECT max(xid)::text FROM (
  SELECT e.xid FROM labeling_auditevent e
  WHERE e.xid > %(after)s::text::xid8 AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
  ORDER BY e.xid LIMIT %(limit)s) w
"""


@dataclass(frozen=True)
class Digest:
    """What a window of the audit comes to."""

    digest: bytes
    event_count: int


@dataclass(frozen=True)
class Check:
    """What a look at the whole chain found."""

    event_count: int
    fitting_count: int
    # The first seal that does not fit, and when it was made.
    broken_number: int | None = None
    broken_at: datetime | None = None


def newest_seal() -> AuditSeal | None:
    """The last link of the chain."""
    return AuditSeal.objects.order_by("-number").first()


def settled_through(*, after: int, limit: int) -> int | None:
    """Up to which transaction id the next seal may go; None if nothing new is settled."""
    with connection.cursor() as cursor:
        cursor.execute(_THROUGH, {"after": str(after), "limit": limit})
        ((through,),) = cursor.fetchall()
    return None if through is None else int(through)


def digest_of(*, before: bytes, after: int, through: int, is_first: bool) -> Digest:
    """The digest of the events of a window, chained to the digest `before` it."""
    found, count = hashlib.sha256(before), 0
    for line in _lines(after=after, through=through, is_first=is_first):
        found.update(line.encode())
        found.update(b"\n")
        count += 1
    return Digest(found.digest(), count)


def check_chain() -> Check:
    """Compute every seal anew and compare. Reads the whole audit, a window at a time."""
    before, after, events, fitting = FIRST, 0, 0, 0
    for seal in AuditSeal.objects.order_by("number").iterator():
        through = int(seal.through_xid)
        found = digest_of(before=before, after=after, through=through, is_first=seal.number == 1)
        events += seal.event_count
        if found.digest != bytes(seal.digest):
            rest = AuditSeal.objects.filter(number__gt=seal.number)
            events += sum(rest.values_list("event_count", flat=True))
            return Check(events, fitting, seal.number, seal.sealed_at)
        fitting += found.event_count
        before, after = found.digest, through
    return Check(events, fitting)


def last_check() -> AuditEvent | None:
    """The event by which the last check told what it found."""
    return AuditEvent.objects.filter(verb="audit.checked").order_by("-pk").first()


def _lines(*, after: int, through: int, is_first: bool) -> Iterator[str]:
    parameters: dict[str, Any] = {
        "after": str(after),
        "through": str(through),
        "is_first": is_first,
    }
    with connection.chunked_cursor() as cursor:
        cursor.execute(_LINES, parameters)
        while rows := cursor.fetchmany(2000):
            for (line,) in rows:
                yield line
