"""The report's rows of groups: one for each attribute that raters are told apart by."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from labeling.metrics.group_boards import (
    INTERVAL,
    NO_BOARD,
    NOT_CONNECTED,
    GroupBoards,
    Whole,
    board_rows,
    group_boards,
)
from labeling.metrics.group_gaps import FEW_BOARDS, gap_rows, rule_rows
from labeling.metrics.group_items import item_differences
from labeling.metrics.group_labels import GroupCounts, alike_within, label_rows
from labeling.metrics.groups import Grouping
from labeling.metrics.votes import Ints, Votes


def group_rows(
    votes: Votes, groupings: Iterable[Grouping], *, smallest: int
) -> list[dict[str, Any]]:
    """A row for each attribute; one without two groups that may be shown says why.

    `votes` are those that `shown_groups` made the groupings for: people's first votes on items
    whose answer is not known. Nothing in a row names, or counts, a group that is withheld.
    """
    whole: Whole | None = None
    rows = []
    for grouping in groupings:
        if not grouping.is_comparable:
            row = {"attribute": grouping.name, "kind": grouping.kind, "why": grouping.why}
            rows.append(row | {"smallest_group": smallest})
            continue
        if whole is None:
            whole = Whole.of(votes)
        rows.append(_row(votes, grouping, whole, smallest))
    return rows


def _row(votes: Votes, grouping: Grouping, whole: Whole, smallest: int) -> dict[str, Any]:
    boards = group_boards(votes, grouping, whole)
    counts = GroupCounts.of(votes, grouping)
    has_boards = boards.is_comparable
    given = counts.votes
    return {
        "attribute": grouping.name,
        "kind": grouping.kind,
        "smallest_group": smallest,
        "is_withheld": grouping.is_withheld,
        "others": {
            "raters": grouping.others,
            "judgment_count": len(votes) - int(given.sum()),
        },
        "groups": [_group(boards, given[:, place], place) for place in range(len(grouping.names))],
        "gaps": gap_rows(boards),
        "rules": {
            "models": rule_rows(boards),
            "labels": label_rows(counts, grouping.names),
            **({} if has_boards else {"why": FEW_BOARDS}),
        },
        "items": item_differences(votes, grouping).as_json(),
        "alike": alike_within(counts),
        "interval": INTERVAL,
        **({} if has_boards else {"why_no_gaps": FEW_BOARDS}),
    }


def _group(boards: GroupBoards, given: Ints, place: int) -> dict[str, Any]:
    board = board_rows(boards, place)
    grouping, fit = boards.grouping, boards.boards[place].fit
    row: dict[str, Any] = {
        "group": grouping.names[place],
        "raters": grouping.sizes[place],
        "judgment_count": int(given.sum()),
        "item_count": int(np.count_nonzero(given)),
        "is_connected": fit.prior_sd is None and bool(board),
        "prior_sd": fit.prior_sd,
        "board": board,
    }
    if not board:
        row["why"] = NO_BOARD
    elif not row["is_connected"]:
        row["why"] = NOT_CONNECTED
    return row
