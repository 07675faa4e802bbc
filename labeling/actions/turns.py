"""Take turns at what only one worker should be doing for a campaign."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def turn(space: int, *, campaign_id: int, wait: bool) -> Iterator[bool]:
    """Whether it is our turn at the campaign, and then nobody else's until the block ends.

    `space` says at what: the first half of an advisory lock's key. The turn belongs to the database
    session, so it passes on when its worker dies. Without `wait`, False when another has it.
    """
    key = [space, campaign_id % 2**31]
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s::int, %s::int)", key)
            is_ours = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s::int, %s::int)", key)
            ((is_ours,),) = cursor.fetchall()
    try:
        yield is_ours
    finally:
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s::int, %s::int)", key)
