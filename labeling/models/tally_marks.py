"""Triggers that note whose votes are to be counted anew, in the transaction that changed them.

Whatever changes which votes of a comparison count writes a row here, whichever door it came by and
however late it commits: what is not committed is not seen, and what is seen is counted whole, so
that no order of commits loses anything. `labeling.models.tallying` counts.

A trigger asks nothing about what others are writing at the same time, such as whether there are
judgments yet: their rows would be missed by both.
"""

from typing import Final

import pgtrigger

_BODY: Final = """INSERT INTO labeling_duetally (campaign_id, comparison_id) {rows};
RETURN NULL;"""


def when_inserted(rows: str, *, name: str = "tally_new") -> pgtrigger.Trigger:
    """Note the comparisons of `rows`: a SELECT from `new_rows`, run once for each statement."""
    return _trigger(name, rows, pgtrigger.Insert, new="new_rows")


def when_deleted(rows: str, *, name: str = "tally_gone") -> pgtrigger.Trigger:
    """Note the comparisons of `rows`: a SELECT from `old_rows`."""
    return _trigger(name, rows, pgtrigger.Delete, old="old_rows")


def when_updated(rows: str, *, name: str = "tally_changed") -> pgtrigger.Trigger:
    """Note the comparisons of `rows`: a SELECT from `new_rows`, and `old_rows` as they were."""
    return _trigger(name, rows, pgtrigger.Update, old="old_rows", new="new_rows")


def _trigger(
    name: str, rows: str, operation: pgtrigger.Operation, **tables: str
) -> pgtrigger.Trigger:
    return pgtrigger.Trigger(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**tables),  # type: ignore[no-untyped-call]
        func=_BODY.format(rows=rows),
    )
