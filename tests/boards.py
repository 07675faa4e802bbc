"""The board from what changed, against the report and against counting anew."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction

from labeling.metrics.report import build_report
from labeling.models import (
    Board,
    Campaign,
    ItemTally,
    TallyPattern,
)
from labeling.models.tallying import count_all
from labeling.queries.outcomes import outcomes
from workers.tallies import compute_board

SIDES = ("left", "right", "tie", "both_bad")


def report_of(campaign: Campaign) -> dict[str, Any]:
    """The numbers of the board as the full report computes them, from all judgments."""
    read = outcomes(campaign)
    body = build_report(
        read.votes, campaign="", computed_at="", judges=read.is_judge, gold=read.gold
    )
    return {
        "method_version": body["method_version"],
        "judgment_count": body["judgment_count"],
        "comparison_count": body["comparison_count"],
        "counts": body["counts"],
        "agreement": {
            name: row
            for name, row in body["agreement"].items()
            # These need to know who voted.
            if name not in {"cohen_kappa_mean", "intra_rater"}
        },
        "leaderboard": body["leaderboard"],
        "win_matrix": body["win_matrix"],
        "bias": {"position": body["bias"]["position"]},
        "methods": body["methods"],
    }


def patterns_of(campaign: Campaign) -> set[tuple[int, tuple[int, ...], int]]:
    rows = TallyPattern.objects.filter(campaign=campaign).values_list("kind", "counts", "items")
    return {(kind, tuple(counts), items) for kind, counts, items in rows}


def tallies_of(campaign: Campaign) -> list[Any]:
    return list(ItemTally.objects.filter(campaign=campaign).order_by("pk").values())


def check(campaign: Campaign) -> Board:
    """The board from what changed is the report's and, to the row, that of counting anew."""
    board = compute_board(campaign)
    board.refresh_from_db()
    assert board.numbers == report_of(campaign)
    kept = (patterns_of(campaign), tallies_of(campaign))
    # The board stays, so that what comes next is counted by what changed.
    with transaction.atomic():
        count_all(campaign_id=campaign.pk)
    assert (patterns_of(campaign), tallies_of(campaign)) == kept
    return board


def in_thread(errors: list[BaseException], work: Callable[[], None]) -> threading.Thread:
    """A thread with a database session of its own, begun."""

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread
