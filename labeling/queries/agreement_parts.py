"""The report's `agreement_by`: what is known of rounds, criteria and groups beside the votes."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.metrics import agreement_by
from labeling.metrics.groups import Grouping
from labeling.metrics.votes import ANSWER_A, ANSWER_B, ANSWER_TIE, UNKNOWN, Ints
from labeling.models import Campaign
from labeling.queries.columns import copied_columns
from labeling.queries.outcomes import Outcomes
from labeling.schemas import read_schema

# Criteria that files brought beyond those the campaign asks: so many are looked at in all.
MOST_CRITERIA: Final = 12
_KEYS = """
SELECT DISTINCT key FROM labeling_judgment j, jsonb_object_keys(j.criteria) key
WHERE j.campaign_id = %s AND j.criteria <> '{}'
"""
# Each judgment's answer on every criterion, a and b as in the votes (see queries.outcomes).
_COPY = sql.SQL(
    """
    COPY (
      SELECT j.id, {answers}
      FROM labeling_judgment j JOIN labeling_comparison c ON c.id = j.comparison_id
      WHERE j.campaign_id = {campaign} AND j.criteria <> '{{}}'
      ORDER BY j.id
    ) TO STDOUT (FORMAT binary)
    """
)
_ANSWER = sql.SQL(
    """(CASE j.criteria->>{key} WHEN 'tie' THEN {tie}
      WHEN 'a' THEN CASE WHEN c.is_turned THEN {b} ELSE {a} END
      WHEN 'b' THEN CASE WHEN c.is_turned THEN {a} ELSE {b} END
      ELSE -1 END)::int2"""
)


def agreement_parts(
    campaign: Campaign,
    read: Outcomes,
    *,
    round_of_item: Ints,
    groupings: Sequence[Grouping] = (),
) -> dict[str, Any]:
    """How far raters agree by round, criterion, group, pair of raters, time and scale.

    Of people's first votes on items whose answer is not known, as in the report's `agreement`.
    `round_of_item` is each item's round by number, or -1. What cannot be had says `why`.
    """
    votes = read.votes
    is_judge = np.asarray(read.is_judge, dtype=np.bool_)
    rows = np.flatnonzero(~is_judge[votes.rater] & (read.gold[votes.item] == UNKNOWN))
    # First votes keep no trace of where they stood, so their places are carried along.
    kept = rows[votes.select(rows).is_first_vote()]
    counted = votes.select(kept)
    schema = read_schema(campaign.schema)
    keys = [criterion.key for criterion in schema.criteria]
    answers = _criterion_answers(campaign, read.judgment_keys[kept], keys)
    rounds = agreement_by.by_round(counted, round_of_item)
    criteria = agreement_by.by_criterion(counted, answers) if answers else []
    return {
        "rounds": rounds,
        "criteria": criteria,
        "groups": agreement_by.by_group(counted, groupings),
        "windows": agreement_by.by_window(counted, read.judged_at[kept]),
        "pairs": agreement_by.by_pair(counted),
        "scales": agreement_by.by_scale(counted, asked=schema.scale),
        "why": {
            "rounds": "" if rounds else agreement_by.NO_ROUNDS,
            "criteria": "" if criteria else agreement_by.NO_CRITERIA,
            "groups": "" if groupings else agreement_by.NO_GROUPS,
        },
    }


def _criterion_answers(
    campaign: Campaign, judgment_keys: Ints, asked: Sequence[str]
) -> dict[str, Ints]:
    """For each criterion, each vote's answer, or -1: those that are asked, then those of files.

    None at all where no judgment answers one, though some be asked.
    """
    with connection.cursor() as cursor:
        cursor.execute(_KEYS, [campaign.pk])
        found = {key for (key,) in cursor.fetchall()}
    if not found:
        return {}
    more = sorted(found.difference(asked))
    keys = [*asked, *more][: max(MOST_CRITERIA, len(asked))]
    codes = {"a": ANSWER_A, "tie": ANSWER_TIE, "b": ANSWER_B}
    literals = {name: sql.Literal(code) for name, code in codes.items()}
    columns = copied_columns(
        _COPY.format(
            campaign=sql.Literal(campaign.pk),
            answers=sql.SQL(", ").join(
                _ANSWER.format(key=sql.Literal(key), **literals) for key in keys
            ),
        ),
        {"judgment": "int8"} | {f"answer_{k}": "int2" for k in range(len(keys))},
    )
    known = columns["judgment"]
    place = np.minimum(np.searchsorted(known, judgment_keys), len(known) - 1)
    is_there = known[place] == judgment_keys
    return {
        key: np.where(is_there, columns[f"answer_{k}"][place], UNKNOWN)
        for k, key in enumerate(keys)
    }
