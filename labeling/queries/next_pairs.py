"""Rounds that choose pairs while raters work: which are due, and what is on its way in them."""

from django.db import connection
from django.db.models import QuerySet

from labeling.models import Campaign, Round, laying
from labeling.models.rounds import EXHAUSTED

# A round is due when fewer of its slots are open than this share of what it chooses at a time: the
# next ones come before raters run dry, and after most of what was chosen is known.
DUE_BELOW = 0.5
_OPEN = """
SELECT count(*) FROM labeling_lane l
JOIN labeling_assignment a ON a.lane_id = l.id AND a.rater_id IS NULL AND a.ended_at IS NULL
JOIN labeling_comparison c ON c.id = a.comparison_id
WHERE l.campaign_id = %(campaign)s AND a.ordinal IS NOT NULL AND c.round_id = %(round)s
"""
# What a routing handed to a judge has no slots; some of it will want people after all.
_JUDGES = """
SELECT count(*) FILTER (WHERE x.expected_accuracy IS NULL), count(*)
FROM labeling_comparison c JOIN labeling_routedcomparison x ON x.comparison_id = c.id
WHERE c.round_id = %s AND x."to" = 'judge'
"""
# Judgments that were asked for and that no report can know yet: open or held, in any round.
_COMING = """
SELECT least(x.model, y.model), greatest(x.model, y.model), count(*)
FROM labeling_assignment a JOIN labeling_comparison c ON c.id = a.comparison_id
JOIN labeling_completion k ON k.id = c.completion_a_id JOIN labeling_source x ON x.id = k.source_id
JOIN labeling_completion m ON m.id = c.completion_b_id JOIN labeling_source y ON y.id = m.source_id
WHERE a.campaign_id = %s AND a.ended_at IS NULL AND a.ordinal IS NOT NULL
  AND x.model IS NOT NULL AND y.model IS NOT NULL
GROUP BY 1, 2
"""


def learning_rounds() -> QuerySet[Round]:
    """Open rounds of active campaigns that choose pairs while raters work and have any left."""
    return (
        Round.objects.filter(
            state=Round.State.OPEN,
            campaign__state=Campaign.State.ACTIVE,
            pairing_settings__has_key="every",
        )
        .exclude(pairing_settings__has_key=EXHAUSTED)
        .order_by("pk")
    )


def is_due(round_: Round) -> bool:
    """Whether so little of the round is open that the next pairs should be chosen now."""
    with connection.cursor() as cursor:
        cursor.execute(_OPEN, {"campaign": round_.campaign_id, "round": round_.pk})
        ((count,),) = cursor.fetchall()
    waiting, _ = _judges(round_)
    return bool(count + waiting * round_.overlap < round_.pairing_settings["every"] * DUE_BELOW)


def comparisons_left(round_: Round) -> int:
    """How many comparisons the rest of the budget is enough for.

    What items that stopped early did not take is part of the rest; what a judge took instead of
    people is not.
    """
    if round_.budget is None:
        return 0
    each = (
        round_.overlap
        if round_.max_overlap is None
        else -(-(round_.overlap + round_.max_overlap) // 2)
    )
    _, taken = _judges(round_)
    spent = laying.standing_count(round_id=round_.pk) + taken * round_.overlap
    return max(round_.budget - spent, 0) // each


def wants_next(round_: Round) -> bool:
    """Whether the round is going to choose more pairs."""
    settings = round_.pairing_settings
    if "every" not in settings or EXHAUSTED in settings:
        return False
    return comparisons_left(round_) > 0


def coming(campaign: Campaign) -> list[tuple[str, str, int]]:
    """Judgments between two models that are asked for and not given."""
    with connection.cursor() as cursor:
        cursor.execute(_COMING, [campaign.pk])
        return [(one, other, int(count)) for one, other, count in cursor.fetchall()]


def _judges(round_: Round) -> tuple[int, int]:
    """Comparisons of the round that wait for a judge, and all that are the judge's."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGES, [round_.pk])
        ((waiting, count),) = cursor.fetchall()
    return int(waiting), int(count)
