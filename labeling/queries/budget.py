"""How much of a campaign's budget of judgments is left. A campaign without one costs no statement.

What counts is what was asked for and what is being asked for now: completed assignments and live
leases, gold and repeats included. Practice is left out, as it is of the caps. A judgment that was
revised or withdrawn was asked for all the same; one that was imported was not.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.core.cache import cache
from django.db import connection

from labeling.models import Campaign
from labeling.policy import read_policy

# So far from the bound the count is trusted for a while, in which fewer claims can come.
FAR = 2_000
# The first half of the lock's key is this word's.
LOCK = 0x42554447
CLAIMS_A_SECOND = 1_000
LONGEST_TRUST_SECONDS = 60

_SPENT = """
SELECT k.id,
  (SELECT count(*) FROM labeling_judgment WHERE campaign_id = k.id
    AND assignment_id IS NOT NULL AND supersedes_id IS NULL)
  - (SELECT count(*) FROM labeling_round r JOIN labeling_comparison c ON c.round_id = r.id
      JOIN labeling_judgment j ON j.comparison_id = c.id
    WHERE r.campaign_id = k.id AND r.kind = 'qualification'
      AND j.assignment_id IS NOT NULL AND j.supersedes_id IS NULL)
  + (SELECT count(*) FROM labeling_assignment a WHERE a.campaign_id = k.id
    AND a.rater_id IS NOT NULL AND a.ended_at IS NULL AND a.leased_until > now()
    AND NOT EXISTS (SELECT FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
      WHERE c.id = a.comparison_id AND r.kind = 'qualification'))
FROM unnest(%(campaigns)s::bigint[]) k (id)
"""


def budget_of(campaign: Campaign) -> int | None:
    """The judgments the campaign may ask for in all, or None where nothing bounds them."""
    return read_policy(campaign.policy).budget


def spent_of(campaign: Campaign) -> int:
    """How many judgments the campaign has asked for, those in hand included."""
    return _spent([campaign.pk])[campaign.pk]


def used_up(campaigns: Iterable[Campaign]) -> set[int]:
    """Ids of those that have nothing left of their budget; one statement, or none."""
    budgets = {one.pk: budget for one in campaigns if (budget := budget_of(one)) is not None}
    if not budgets:
        return set()
    spent = _spent(list(budgets))
    return {pk for pk, budget in budgets.items() if spent[pk] >= budget}


def _spent(campaigns: list[int]) -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, {"campaigns": campaigns})
        return {int(pk): int(spent) for pk, spent in cursor.fetchall()}


def left_of(campaign: Campaign) -> int | None:
    """How many judgments may still be asked for; None where there is no budget.

    While much is left the answer may be some seconds old. It is exact near the bound.
    """
    if (budget := budget_of(campaign)) is None:
        return None
    key = f"budget:{campaign.pk}:{budget}"
    if (left := cache.get(key)) is not None:
        return int(left)
    left = max(0, budget - spent_of(campaign))
    if left > FAR and (seconds := min(LONGEST_TRUST_SECONDS, left // CLAIMS_A_SECOND)):
        cache.set(key, left, seconds)
    return left


@contextmanager
def within(campaign: Campaign) -> Iterator[bool]:
    """Whether anything may still be handed out; near the bound, claims inside this take turns.

    So no two of them take the last one. A campaign without a budget waits for nobody.
    """
    left = left_of(campaign)
    if left is None or left == 0 or left > FAR:
        yield left != 0
        return
    # A claim is a transaction of its own for each try, so the lock is the session's.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, campaign.pk])
    try:
        yield left_of(campaign) != 0
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, campaign.pk])
