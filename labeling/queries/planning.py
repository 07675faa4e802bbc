"""The part of the report that plans go by: item effects, what is open, win rates undone."""

from typing import Any

import numpy as np
from django.db import connection

from labeling.metrics.item_effects import item_effects
from labeling.metrics.stopping_now import labels_open
from labeling.metrics.votes import ANSWER_A, ANSWER_TIE, UNKNOWN, Votes
from labeling.metrics.weighted_rates import Drawn, weighted_rates
from labeling.models import Campaign, Comparison
from labeling.pairing.settings import EVEN, RULES
from labeling.queries.outcomes import Outcomes

# Judgments that are asked for and not given, by comparison.
_REMAINING = """
SELECT a.comparison_id, count(*) FROM labeling_assignment a
WHERE a.campaign_id = %s AND a.ended_at IS NULL AND a.ordinal IS NOT NULL
  AND NOT EXISTS (SELECT FROM labeling_gold g WHERE g.comparison_id = a.comparison_id)
GROUP BY 1
"""
NO_RULE = "No round chose its pairs by a rule that prefers some, so plain win rates are as good."


def planning_section(campaign: Campaign, read: Outcomes) -> dict[str, Any]:
    """Item effects, labels that are still open, and weighted win rates; people's first votes."""
    is_judge = np.asarray(read.is_judge, dtype=np.bool_)
    people = read.votes.select(~is_judge[read.votes.rater])
    votes = people.select(read.gold[people.item] == UNKNOWN).first_votes()
    rates, why = _rates(campaign, votes)
    return {
        "item_effects": item_effects(votes).as_json(),
        "open": _open(campaign, votes),
        "win_rates": rates,
        "why": {"win_rates": why},
    }


def _open(campaign: Campaign, votes: Votes) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(_REMAINING, [campaign.pk])
        rows = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    place = np.searchsorted(votes.item_keys, rows[:, 0])
    inside = np.minimum(place, max(votes.item_count - 1, 0))
    counts = np.zeros((len(rows), 3), dtype=np.int64)
    if votes.item_count:
        known = votes.item_keys[inside] == rows[:, 0]
        counts[known] = votes.answer_counts()[inside[known]]
    return labels_open(counts, rows[:, 1])


def _rates(campaign: Campaign, votes: Votes) -> tuple[list[dict[str, Any]], str]:
    learnt = [rule for rule in RULES if rule not in EVEN]
    chosen = Comparison.objects.filter(
        campaign=campaign, selection_policy__in=learnt, propensity__gt=0
    )
    rows = list(chosen.order_by("pk").values_list("pk", "propensity"))
    if not rows or not votes.item_count:
        return [], NO_RULE
    keys = np.array([key for key, _ in rows], dtype=np.int64)
    chance = np.array([value for _, value in rows], dtype=np.float64)
    place = np.minimum(np.searchsorted(votes.item_keys, keys), votes.item_count - 1)
    counts = votes.answer_counts()[place]
    first, second = votes.item_model_a[place], votes.item_model_b[place]
    used = (votes.item_keys[place] == keys) & (counts.sum(axis=1) > 0)
    used &= (first != UNKNOWN) & (second != UNKNOWN) & (first != second)
    counts = counts[used]
    score = (counts[:, ANSWER_A] + counts[:, ANSWER_TIE] / 2) / np.maximum(counts.sum(axis=1), 1)
    drawn = Drawn(first[used], second[used], score, chance[used])
    found = weighted_rates(drawn, votes.models)
    return found, "" if found else "None of what a rule chose has been judged yet."
