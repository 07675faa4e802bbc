"""The audit as a chain: what each seal covers, as one digest, and whether it still fits.

A seal holds sha256 over the seal before it and over every event of its window, in the order of
transaction id and row id. An event that is changed, added or removed afterwards, by whoever can
pass by the triggers, no longer gives that digest.

Transaction ids are a cluster's own: restored from a dump into a new one, the database meets low ids
again. The seals from there on are another chapter of the chain. What an earlier chapter covers is
bounded by its greatest row id too, since row ids go on where the dump left them; a later chapter
covers what no earlier one does.
"""

import hashlib
from collections.abc import Iterator, Sequence
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
_NOT_EARLIER = """NOT EXISTS (
  SELECT FROM unnest(%(ids)s::bigint[], %(xids)s::text[]::xid8[]) AS c (id, xid)
  WHERE e.id <= c.id AND e.xid <= c.xid)"""
_WINDOW = f"""(e.xid > %(after)s::text::xid8 AND e.xid <= %(through)s::text::xid8
  AND e.id <= %(last_id)s AND {_NOT_EARLIER} OR %(is_first)s AND e.xid IS NULL)"""
_LINES = f"""
SELECT {_LINE}, e.id FROM labeling_auditevent e WHERE {_WINDOW}
ORDER BY coalesce(e.xid, '0'::xid8), e.id
"""
# The last transaction id such that a window up to it holds about so many events and none can come.
_THROUGH = f"""
SELECT max(xid)::text FROM (
  SELECT e.xid FROM labeling_auditevent e
  WHERE e.xid > %(after)s::text::xid8 AND e.xid < pg_snapshot_xmin(pg_current_snapshot())
    AND {_NOT_EARLIER}
  ORDER BY e.xid LIMIT %(limit)s) w
"""
_CLUSTER = """
SELECT system_identifier, pg_snapshot_xmax(pg_current_snapshot())::text FROM pg_control_system()
"""
# An id that no event has: the bound of a chapter that goes on.
_NO_BOUND = 2**63 - 1


@dataclass(frozen=True)
class Digest:
    """What a window of the audit comes to."""

    digest: bytes
    event_count: int
    # The greatest id among its events.
    last_id: int | None


@dataclass(frozen=True)
class Chapter:
    """What the seals of one cluster cover: all that is within both bounds."""

    through: int
    last_id: int


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


def cluster() -> int:
    """PostgreSQL's identifier of the system that the database is in now."""
    return _cluster()[0]


def begins_anew(last: AuditSeal) -> bool:
    """Whether the database has come, by a dump, into another cluster since that seal."""
    here, next_xid = _cluster()
    return last.cluster not in {None, here} or last.through_xid >= next_xid


def chapters_until(chapter: int) -> list[Chapter]:
    """The chapters before that one, which are closed."""
    ends = [
        AuditSeal.objects.filter(chapter=one).order_by("-number").first() for one in range(chapter)
    ]
    return [Chapter(int(end.through_xid), _bound(end)) for end in ends if end is not None]


def settled_through(*, after: int, limit: int, earlier: Sequence[Chapter] = ()) -> int | None:
    """Up to which transaction id the next seal may go; None if nothing new is settled."""
    parameters = {"after": str(after), "limit": limit, **_covered(earlier)}
    with connection.cursor() as cursor:
        cursor.execute(_THROUGH, parameters)
        ((through,),) = cursor.fetchall()
    return None if through is None else int(through)


def digest_of(
    *,
    before: bytes,
    after: int,
    through: int,
    is_first: bool,
    earlier: Sequence[Chapter] = (),
    last_id: int = _NO_BOUND,
) -> Digest:
    """The digest of the events of a window, chained to the digest `before` it.

    Without what `earlier` chapters cover, and, in a chapter that is closed, up to its last id.
    """
    parameters: dict[str, Any] = {
        "after": str(after),
        "through": str(through),
        "is_first": is_first,
        "last_id": last_id,
        **_covered(earlier),
    }
    found, count, last = hashlib.sha256(before), 0, None
    for line, pk in _lines(parameters):
        found.update(line.encode())
        found.update(b"\n")
        count += 1
        last = max(last or 0, pk)
    return Digest(found.digest(), count, last)


def check_chain() -> Check:
    """Compute every seal anew and compare. Reads the whole audit, a window at a time."""
    newest = newest_seal()
    if newest is None:
        return Check(0, 0)
    closed = chapters_until(newest.chapter + begins_anew(newest))
    before, after, events, fitting, chapter = FIRST, 0, 0, 0, 0
    for seal in AuditSeal.objects.order_by("number").iterator():
        if seal.chapter != chapter:
            chapter, after = seal.chapter, 0
        through = int(seal.through_xid)
        found = digest_of(
            before=before,
            after=after,
            through=through,
            is_first=seal.number == 1,
            earlier=closed[:chapter],
            last_id=closed[chapter].last_id if chapter < len(closed) else _NO_BOUND,
        )
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


def _cluster() -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_CLUSTER)
        ((here, next_xid),) = cursor.fetchall()
    return here, int(next_xid)


def _bound(end: AuditSeal) -> int:
    return _NO_BOUND if end.last_id is None else end.last_id


def _covered(earlier: Sequence[Chapter]) -> dict[str, Any]:
    return {
        "ids": [one.last_id for one in earlier],
        "xids": [str(one.through) for one in earlier],
    }


def _lines(parameters: dict[str, Any]) -> Iterator[tuple[str, int]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(_LINES, parameters)
        while rows := cursor.fetchmany(2000):
            yield from rows
