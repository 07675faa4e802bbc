"""How much of a campaign's budget of judgments is left. A campaign without one costs no statement.

What counts is what was asked for and what is being asked for now: completed assignments, and leases
until they are taken back, gold and repeats included. Practice is left out, as it is of the caps. A
judgment that was revised or withdrawn was asked for all the same; one that was imported was not.

Claims stay within the budget. A late answer is taken whatever is left, as long as nobody else has
its slot: its rater worked on it. Where another slot was handed out since its lease was taken back,
the budget is passed by those late answers.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

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
# Near the bound a count is trusted so long, less one for each claim since, and "nothing is left" so
# long: what a skip or a lapse gave back is handed out after that at the latest.
NEAR_SECONDS = 5
NOTHING_SECONDS = 2

# Judgments are counted up to `most`, null for all: beyond the budget it does not matter how many.
_SPENT = """
SELECT k.id,
  (SELECT count(*) FROM (SELECT FROM labeling_judgment j WHERE j.campaign_id = k.id
    AND j.assignment_id IS NOT NULL AND j.supersedes_id IS NULL LIMIT k.most + practice.n) made)
  - practice.n
  + (SELECT count(*) FROM labeling_assignment a WHERE a.campaign_id = k.id
    AND a.rater_id IS NOT NULL AND a.ended_at IS NULL
    AND NOT EXISTS (SELECT FROM labeling_comparison c JOIN labeling_round r ON r.id = c.round_id
      WHERE c.id = a.comparison_id AND r.kind = 'qualification'))
FROM unnest(%(campaigns)s::bigint[], %(most)s::bigint[]) k (id, most),
LATERAL (SELECT count(*) AS n FROM labeling_round r
    JOIN labeling_comparison c ON c.round_id = r.id
    JOIN labeling_judgment j ON j.comparison_id = c.id
  WHERE r.campaign_id = k.id AND r.kind = 'qualification'
    AND j.assignment_id IS NOT NULL AND j.supersedes_id IS NULL) practice
"""


def budget_of(campaign: Campaign) -> int | None:
    """The judgments the campaign may ask for in all, or None where nothing bounds them."""
    return read_policy(campaign.policy).budget


def spent_of(campaign: Campaign) -> int:
    """How many judgments the campaign has asked for, those in hand included."""
    return _spent({campaign.pk: None})[campaign.pk]


def used_up(campaigns: Iterable[Campaign]) -> set[int]:
    """Ids of those that have nothing left of their budget; one statement, or none."""
    budgets = {one.pk: budget for one in campaigns if (budget := budget_of(one)) is not None}
    if not budgets:
        return set()
    spent = _spent(budgets)
    return {pk for pk, budget in budgets.items() if spent[pk] >= budget}


def left_of(campaign: Campaign) -> int | None:
    """How many judgments may still be asked for, counted now; None where there is no budget."""
    if (budget := budget_of(campaign)) is None:
        return None
    return max(0, budget - _spent({campaign.pk: budget})[campaign.pk])


@contextmanager
def within(campaign: Campaign) -> Iterator[bool]:
    """Whether anything may still be handed out; near the bound, claims inside this take turns.

    So no two of them take the last one. A campaign without a budget waits for nobody. What was
    counted is kept under the budget itself, so that another one is counted anew.
    """
    if (budget := budget_of(campaign)) is None:
        yield True
        return
    key = f"budget:{campaign.pk}:{budget}"
    known = cache.get(key)
    if known is not None and (known == 0 or known > FAR):
        yield known != 0
        return
    # A claim is a transaction of its own for each try, so the lock is the session's.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK, campaign.pk])
    try:
        yield _take_one(campaign, key)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK, campaign.pk])


def _take_one(campaign: Campaign, key: str) -> bool:
    """Whether there is one for whoever holds the lock; it is taken off what was counted.

    That they may not take it after all is seen at the next count, which comes when none would be
    left, or a few seconds later.
    """
    left = cache.get(key)
    if left is None:
        left = left_of(campaign) or 0
        if left > FAR:
            cache.set(key, left, min(LONGEST_TRUST_SECONDS, left // CLAIMS_A_SECOND))
        elif left != 1:
            cache.set(key, max(left - 1, 0), NEAR_SECONDS if left else NOTHING_SECONDS)
    elif left == 1:
        cache.delete(key)
    elif 1 < left <= FAR:
        # The time it is trusted for goes on from the count.
        with suppress(ValueError):
            cache.decr(key)
    return bool(left)


def _spent(most: Mapping[int, int | None]) -> dict[int, int]:
    """What each of the campaigns has spent; beyond `most`, if there is one, only that it has."""
    with connection.cursor() as cursor:
        cursor.execute(_SPENT, {"campaigns": list(most), "most": list(most.values())})
        return {int(pk): int(spent) for pk, spent in cursor.fetchall()}
