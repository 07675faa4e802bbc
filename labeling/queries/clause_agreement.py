"""Which votes cite which clause of the guidelines: what the report's clauses are computed from."""

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import ArrayLike

from labeling.clauses import former_ids
from labeling.metrics.clauses import ENOUGH_ITEMS, Citations, clause_rows, most_ambiguous
from labeling.metrics.votes import UNKNOWN, Ints, Votes
from labeling.models import Campaign
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL
from labeling.queries.readings import newest_version
from labeling.schemas import read_schema

NOT_ASKED = "Raters are not asked which clause decides."
NOT_CITED = "No judgment cites a clause yet."
TOO_FEW = f"No clause is cited on {ENOUGH_ITEMS} comparisons that two raters judged."
_ROWS = f"""
SELECT j.comparison_id, seat.pseudonym, unnest(j.clauses)
FROM labeling_judgment j JOIN labeling_comparison c ON c.id = j.comparison_id
JOIN labeling_seat seat ON seat.rater_id = j.rater_id AND seat.campaign_id = j.campaign_id
WHERE j.campaign_id = %s AND j.clauses <> '{{}}' AND NOT j.is_repeat
  AND NOT EXISTS (SELECT FROM labeling_withdrawal w WHERE w.judgment_id = j.id)
  AND NOT EXISTS (SELECT FROM labeling_judgment l WHERE l.supersedes_id = j.id)
  AND NOT {LEFT_OUT_SQL} AND NOT {LEFT_OUT_COMPARISON_SQL}
"""  # noqa: S608


def clause_report(
    campaign: Campaign, votes: Votes, *, judges: ArrayLike, gold: ArrayLike
) -> tuple[list[dict[str, Any]], str]:
    """The report's `clauses`, the most ambiguous one marked, and why there are none or none is.

    Of people's first votes on items whose answer is not known, as in the report's agreement.
    """
    is_judge = np.asarray(judges, dtype=np.bool_)
    known = np.asarray(gold)
    keeps = ~is_judge[votes.rater] & (known[votes.item] == UNKNOWN)
    counted = votes.select(keeps).first_votes()
    rows = clause_rows(counted, citations_of(campaign, counted))
    titles = _titles(campaign)
    worst = most_ambiguous(rows)
    why = ""
    if not rows:
        why = NOT_CITED if read_schema(campaign.schema).clauses else NOT_ASKED
    elif worst is None:
        why = TOO_FEW
    return [
        row.as_json() | {"title": titles.get(row.clause), "is_most_ambiguous": row is worst}
        for row in rows
    ], why


def citations_of(campaign: Campaign, votes: Votes) -> Citations:
    """The citations of the votes, by the ids that clauses have now."""
    newest = newest_version(campaign)
    now = former_ids(newest.clauses) if newest else {}
    raters = {name: k for k, name in enumerate(votes.raters)}
    codes: dict[str, int] = {}
    items, who, clauses = array("q"), array("q"), array("q")
    with connection.chunked_cursor() as cursor:
        cursor.execute(_ROWS, [campaign.pk])
        for comparison, pseudonym, clause in cursor:
            rater = raters.get(pseudonym)
            if rater is None:
                continue
            items.append(comparison)
            who.append(rater)
            clauses.append(codes.setdefault(now.get(clause, clause), len(codes)))
    vote, clause = _placed(votes, items, who, clauses)
    return Citations(vote, clause, tuple(codes))


def _placed(
    votes: Votes, items: "array[int]", who: "array[int]", clauses: "array[int]"
) -> tuple[Ints, Ints]:
    """The index of each citing vote, and its clause; citations of votes there are not are left."""
    if not len(items) or not len(votes):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    keys = np.asarray(items)
    place = np.minimum(np.searchsorted(votes.item_keys, keys), votes.item_count - 1)
    size = len(votes.raters)
    wanted = place.astype(np.int64) * size + np.asarray(who)
    have = votes.item.astype(np.int64) * size + votes.rater
    order = np.argsort(have)
    at = np.minimum(np.searchsorted(have[order], wanted), len(have) - 1)
    is_there = (votes.item_keys[place] == keys) & (have[order][at] == wanted)
    return order[at][is_there], np.asarray(clauses)[is_there]


def _titles(campaign: Campaign) -> Mapping[str, str]:
    """The title of each clause there ever was, as the newest version that has it says."""
    found: dict[str, str] = {}
    versions = campaign.guidelines.filter(number__isnull=False).order_by("number")
    for clauses in versions.values_list("clauses", flat=True):
        found |= {str(one["id"]): str(one["title"]) for one in clauses}
    return found
