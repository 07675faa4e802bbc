"""What was counted of a campaign's items, as the board is computed from it."""

from datetime import datetime
from typing import Any

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.metrics.tallies import (
    ANSWER_COLUMNS,
    SCORE_COLUMNS,
    SIDE_COLUMNS,
    SUM_COLUMNS,
    Tallies,
)
from labeling.metrics.votes import Ints
from labeling.models import Board, Campaign, Source, TallyPattern
from labeling.queries.columns import copied_columns

_PATTERNS = sql.SQL(
    """
    COPY (
      SELECT {counts}, items FROM labeling_tallypattern
      WHERE campaign_id = {campaign} AND kind = {kind}
    ) TO STDOUT (FORMAT binary)
    """
)
_DUE = """
SELECT c.id FROM labeling_campaign c LEFT JOIN labeling_board b ON b.campaign_id = c.id
WHERE (b.id IS NULL OR b.method_version <> %(method)s
    OR clock_timestamp() >= b.recorded_at + least(b.recorded_at - b.counted_at, %(rest)s::interval))
  AND (b.is_behind OR EXISTS (SELECT FROM labeling_duetally d WHERE d.campaign_id = c.id)
    OR (b.id IS NULL OR b.method_version <> %(method)s)
      AND EXISTS (SELECT FROM labeling_judgment j WHERE j.campaign_id = c.id))
ORDER BY c.id
"""
# Counting rests as long as it took, so that it has no more than half of a worker; yet not longer
# than a new judgment may take to be seen.
_LONGEST_REST = "1 second"


def tallies(campaign: Campaign) -> Tallies:
    """How many of the campaign's items have which counts."""
    kinds = TallyPattern.Kind
    return Tallies(
        answers=_patterns(campaign, kinds.ANSWERS, ANSWER_COLUMNS),
        sides=_patterns(campaign, kinds.SIDES, SIDE_COLUMNS),
        sums=_patterns(campaign, kinds.SUMS, SUM_COLUMNS),
        scores=_patterns(campaign, kinds.SCORES, SCORE_COLUMNS),
    )


def models_of(campaign: Campaign) -> dict[int, str]:
    """The model of each source that names one, by the source's internal id."""
    rows = Source.objects.filter(campaign=campaign, model__isnull=False)
    return {pk: str(model) for pk, model in rows.values_list("pk", "model")}


def newest_board(campaign: Campaign, *, method_version: str) -> Board | None:
    """The board as last counted under this method, if it was."""
    return Board.objects.filter(campaign=campaign, method_version=method_version).first()


def is_counted(campaign: Campaign, *, method_version: str) -> bool:
    """Whether all items were counted under this method once, so that those due are enough."""
    return Board.objects.filter(campaign=campaign, method_version=method_version).exists()


def campaigns_to_count(*, method_version: str) -> list[int]:
    """Ids of campaigns in which an item is to be counted, or that want a board recorded."""
    return [pk for (pk,) in _rows(_DUE, {"method": method_version, "rest": _LONGEST_REST})]


def database_time() -> datetime:
    """Now, by the database's clock."""
    ((now,),) = _rows("SELECT clock_timestamp()", {})
    assert isinstance(now, datetime)  # noqa: S101
    return now


def _rows(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def _patterns(campaign: Campaign, kind: TallyPattern.Kind, names: tuple[str, ...]) -> Ints:
    counts = sql.SQL(", ").join(
        sql.SQL("counts[{}]::int8").format(sql.Literal(place)) for place in range(1, len(names) + 1)
    )
    statement = _PATTERNS.format(
        counts=counts, campaign=sql.Literal(campaign.pk), kind=sql.Literal(int(kind))
    )
    columns = copied_columns(statement, dict.fromkeys((*names, "items"), "int8"))
    return np.stack([columns[name] for name in (*names, "items")], axis=1)
