"""Whose turn it is to bring rows into a campaign: one file's at a time, or pushes meanwhile."""

import time

from django.db import connection

from labeling.actions.progress import Progress
from labeling.errors import ConflictError
from labeling.models import Campaign

# The first half of the advisory lock's key is this word's; the second is the campaign.
LOCK = 0x494D5054


def wait_to_import(campaign: Campaign, progress: Progress) -> None:
    """Hold the campaign's import lock to the end of the transaction, ticking while waiting."""
    while not _taken("SELECT pg_try_advisory_xact_lock(%s, %s)", campaign):
        progress.tick(0)
        time.sleep(0.2)


def keep_imports_out(campaign: Campaign) -> None:
    """No import reads a file into the campaign to the end of the transaction; ConflictError if one
    does now: what it stores is not to be seen yet, and would be waited for until its end.

    Several may keep imports out at once.
    """
    if not _taken("SELECT pg_try_advisory_xact_lock_shared(%s, %s)", campaign):
        raise ConflictError(
            "A file is being imported into this campaign. Nothing was stored; send the same again "
            "after the import."
        )


def _taken(statement: str, campaign: Campaign) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, [LOCK, campaign.pk])
        ((is_ours,),) = cursor.fetchall()
    return bool(is_ours)
