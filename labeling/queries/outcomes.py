"""The columns that the report is computed from: a campaign's judgments, read in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.db import connection
from psycopg import sql

from labeling.metrics.votes import UNKNOWN, Ints, Votes
from labeling.models import Campaign, Comparison, Gold, Judgment, Rater, Seat, Source
from labeling.queries.adjudicated import left_out_comparisons, left_out_decisions
from labeling.queries.columns import copied_columns
from labeling.queries.exclusions import excluded_judgments, exclusion_decisions

# Whatever was decided is read, superseded and withdrawn rows too: what counts and how many events
# there were then come from one statement, and so from one instant.
# a and b are those of the file that brought the comparison, where one did: alpha and kappa count
# how often each is chosen, so a published study gives its published numbers.
# A judgment imported without a time has that of its import: it comes first, at no moment.
_COPY = sql.SQL(
    """
    COPY (
      SELECT j.id, j.comparison_id, j.rater_id,
        CASE j.preference WHEN 'tie' THEN 2 WHEN 'both_bad' THEN 3
          ELSE ((j.preference = 'b') <> c.is_turned)::int4 END::int2,
        CASE WHEN j.shown_left IS NULL THEN -1
          ELSE ((j.shown_left = 'b') <> c.is_turned)::int4 END::int2,
        coalesce(j.strength, -1)::int2, j.is_repeat::int4::int2, coalesce(j.active_ms, -1)::int4,
        (w.id IS NOT NULL)::int4::int2, (l.id IS NOT NULL)::int4::int2,
        CASE WHEN j.row_hash IS NOT NULL AND j.judged_at = j.created_at THEN -1
          ELSE extract(epoch FROM j.judged_at) END::int8,
        a.source_id, b.source_id,
        CASE WHEN a.messages IS NULL THEN -1 ELSE a.char_count END::int4,
        CASE WHEN b.messages IS NULL THEN -1 ELSE b.char_count END::int4
      FROM labeling_judgment j
      JOIN labeling_comparison c ON c.id = j.comparison_id
      JOIN labeling_completion a
        ON a.id = CASE WHEN c.is_turned THEN c.completion_b_id ELSE c.completion_a_id END
      JOIN labeling_completion b
        ON b.id = CASE WHEN c.is_turned THEN c.completion_a_id ELSE c.completion_b_id END
      LEFT JOIN labeling_withdrawal w ON w.judgment_id = j.id
      LEFT JOIN labeling_judgment l ON l.supersedes_id = j.id
      WHERE j.campaign_id = {campaign}
      ORDER BY (j.row_hash IS NOT NULL AND j.judged_at = j.created_at) DESC, j.judged_at, j.id
    ) TO STDOUT (FORMAT binary)
    """
)
_TYPES = {
    "judgment": "int8",
    "comparison": "int8",
    "rater": "int8",
    "preference": "int2",
    "shown_left": "int2",
    "strength": "int2",
    "is_repeat": "int2",
    "active_ms": "int4",
    "is_withdrawn": "int2",
    "is_superseded": "int2",
    "judged_at": "int8",
    "source_a": "int8",
    "source_b": "int8",
    "length_a": "int4",
    "length_b": "int4",
}


@dataclass(frozen=True, eq=False)
class Outcomes:
    """Standing votes of a campaign in the order they were given, and what they were read from.

    `judged_at` is each vote's moment in seconds, or -1 where nobody knows it; `is_judge` has a
    flag for each rater of the votes and `gold` the known preference of each item, or -1.
    `rater_keys` are the raters' internal ids. `event_count` counts judgments and withdrawals at
    that instant, whether they stand or not, and decisions about what datasets leave out.
    `judgment_keys` are the votes' internal ids, and `excluded_count` says how many that stand were
    left out by such decisions.
    """

    votes: Votes
    judgment_keys: Ints
    judged_at: Ints
    is_judge: list[bool]
    rater_keys: list[int]
    gold: Ints
    event_count: int
    excluded_count: int
    through_judgment: UUID | None
    read_at: datetime


def outcomes(campaign: Campaign) -> Outcomes:
    """All that the report needs of the campaign, in bounded memory: about 150 bytes a judgment."""
    # Before the judgments are read: a decision that comes later makes the report lag behind.
    decisions = exclusion_decisions(campaign)
    reviews = left_out_decisions(campaign)
    columns, read_at = _columns(campaign)
    through = int(columns["judgment"].max()) if len(columns["judgment"]) else None
    event_count = len(columns["judgment"]) + int(columns["is_withdrawn"].sum())
    event_count += decisions + reviews
    stands = (columns.pop("is_withdrawn") == 0) & (columns.pop("is_superseded") == 0)
    # Those who practised were told the answers one by one: no data.
    practice = Comparison.objects.filter(round__kind="qualification", round__campaign=campaign)
    if practice_keys := list(practice.values_list("pk", flat=True)):
        stands &= ~np.isin(columns["comparison"], practice_keys)
    excluded_count = 0
    if decisions and (left_out := excluded_judgments(campaign)):
        is_left_out = np.isin(columns["judgment"], left_out)
        excluded_count = int((stands & is_left_out).sum())
        stands &= ~is_left_out
    if reviews and (items := left_out_comparisons(campaign)):
        is_left_out = np.isin(columns["comparison"], items)
        excluded_count += int((stands & is_left_out).sum())
        stands &= ~is_left_out
    if not stands.all():
        columns = {name: values[stands] for name, values in columns.items()}
    models = {
        pk: model
        for pk, model in Source.objects.filter(campaign=campaign).values_list("pk", "model")
        if model is not None
    }
    rater_ids = [int(key) for key in np.unique(columns["rater"])]
    names, judges = _raters(campaign, rater_ids)
    votes = Votes.from_columns(
        comparison=columns["comparison"],
        rater=columns["rater"],
        preference=columns["preference"],
        shown_left=columns["shown_left"],
        strength=columns["strength"],
        is_repeat=columns["is_repeat"],
        active_ms=columns["active_ms"],
        model_a=_named(columns["source_a"], models),
        model_b=_named(columns["source_b"], models),
        length_a=columns["length_a"],
        length_b=columns["length_b"],
        model_names=models,
        rater_names=names,
    )
    return Outcomes(
        votes=votes,
        judgment_keys=columns["judgment"],
        judged_at=columns["judged_at"],
        is_judge=[key in judges for key in rater_ids],
        rater_keys=rater_ids,
        gold=_gold(campaign, votes.item_keys),
        event_count=event_count,
        excluded_count=excluded_count,
        through_judgment=_public_id(through),
        read_at=read_at,
    )


def public_ids(keys: Sequence[int]) -> Mapping[int, str]:
    """The public ids of comparisons, by their internal ones."""
    rows = Comparison.objects.filter(pk__in=list(keys)).values_list("pk", "public_id")
    return {pk: str(public_id) for pk, public_id in rows}


def with_stored_sides(contested: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The report's contested rows with a and b as the comparisons themselves have them."""
    ids = [row["comparison_id"] for row in contested]
    turned = Comparison.objects.filter(public_id__in=ids, is_turned=True)
    keys = {str(public_id) for public_id in turned.values_list("public_id", flat=True)}
    return [
        row
        | {
            "model_a": row["model_b"],
            "model_b": row["model_a"],
            "counts": row["counts"] | {"a": row["counts"]["b"], "b": row["counts"]["a"]},
        }
        if row["comparison_id"] in keys
        else row
        for row in contested
    ]


def _columns(campaign: Campaign) -> tuple[dict[str, Ints], datetime]:
    """The copy's columns, and the database's time just before it was made."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        ((read_at,),) = cursor.fetchall()
    return copied_columns(_COPY.format(campaign=sql.Literal(campaign.pk)), _TYPES), read_at


def _named(sources: Ints, models: Mapping[int, str]) -> Ints:
    """Source ids, with -1 for those that name no model."""
    return np.where(np.isin(sources, np.fromiter(models, np.int64)), sources, UNKNOWN)


def _raters(campaign: Campaign, ids: list[int]) -> tuple[dict[int, str], set[int]]:
    """Pseudonyms by rater, and which raters are judges."""
    seats = Seat.objects.filter(campaign=campaign, rater__in=ids)
    pseudonyms = dict(seats.values_list("rater_id", "pseudonym"))
    judges = Rater.objects.filter(pk__in=ids, kind=Rater.Kind.JUDGE).values_list("pk", flat=True)
    return {key: pseudonyms.get(key, "unseated") for key in ids}, set(judges)


def _gold(campaign: Campaign, item_keys: Ints) -> Ints:
    """The known preference of each item, or -1. Retired gold is known all the same."""
    codes = {"a": 0, "b": 1, "tie": 2, "both_bad": 3}
    known = np.full(len(item_keys), UNKNOWN, np.int8)
    rows = Gold.objects.filter(comparison__campaign=campaign).values_list(
        "comparison_id", "preference", "comparison__is_turned"
    )
    for comparison, preference, is_turned in rows:
        place = int(np.searchsorted(item_keys, comparison))
        if place < len(item_keys) and item_keys[place] == comparison:
            code = codes[preference]
            known[place] = 1 - code if is_turned and preference in ("a", "b") else code
    return known


def _public_id(judgment: int | None) -> UUID | None:
    if judgment is None:
        return None
    return Judgment.objects.values_list("public_id", flat=True).get(pk=judgment)
