"""Prepared leases: the comparison that waits, ready, beside the one on the rater's screen.

A prepared lease is short, at most half of a full one, and that is how it is known: what is on a
screen has longer to go, because its page renews it. So no column tells the two apart, and taking
one up is a single update that succeeds once, whichever tab comes first.
"""

from typing import Any
from uuid import UUID

from django.db import connection

from labeling.models.campaigns import Campaign

LONGEST_SECONDS = 180

_PREPARED = "leased_until <= now() + %(ahead)s * interval '1 second'"
_MINE = """campaign_id = %(campaign)s AND rater_id = %(rater)s AND rater_id IS NOT NULL
  AND ended_at IS NULL"""

# What has lapsed is not held any more, whether or not a sweep has been.
_KEEP = f"""
UPDATE labeling_assignment SET leased_until = greatest(leased_until,
  now() + CASE WHEN public_id = %(shown)s THEN %(lease)s ELSE %(ahead)s END * interval '1 second')
WHERE public_id IN (%(shown)s, %(prepared)s) AND {_MINE} AND leased_until > now()
RETURNING public_id
"""
# A campaign that was paused meanwhile shows nothing new.
_TAKE_UP = f"""
UPDATE labeling_assignment SET leased_until = now() + %(lease)s * interval '1 second'
WHERE public_id = %(prepared)s AND {_MINE} AND {_PREPARED}
  AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)
RETURNING id
"""
# It lapses at once, and a requeue opens it to everybody, gold as well. Neither is then what the
# rater meets next, and neither takes a late answer: what was given back is unknown to them.
_GIVE_BACK = f"""
UPDATE labeling_assignment SET leased_until = now() - interval '1 second', lapsed_from_id = NULL
WHERE public_id = %(prepared)s AND {_MINE} AND {_PREPARED} RETURNING id
"""

# For after the requeue, which notes whom a lease lapsed from so that they may still answer it.
_FORGET = """
UPDATE labeling_assignment SET lapsed_from_id = NULL
WHERE public_id = %(prepared)s AND campaign_id = %(campaign)s AND rater_id IS NULL
  AND lapsed_from_id = %(rater)s RETURNING id
"""


def prepared_seconds(campaign: Campaign) -> int:
    """How long a prepared lease lasts; the page renews it while its rater is there."""
    return max(1, min(LONGEST_SECONDS, campaign.lease_seconds // 2))


def keep(*, rater_id: int, campaign: Campaign, shown: UUID, prepared: UUID | None) -> set[UUID]:
    """Hold both longer; those that are still the rater's."""
    return {row[0] for row in _run(_KEEP, rater_id, campaign, shown=shown, prepared=prepared)}


def take_up(*, rater_id: int, campaign: Campaign, prepared: UUID) -> bool:
    """Whether the prepared lease is now that of a comparison on a screen."""
    return bool(_run(_TAKE_UP, rater_id, campaign, prepared=prepared))


def give_back(*, rater_id: int, campaign: Campaign, prepared: UUID) -> bool:
    """Whether a prepared lease was ended; its slot waits for a requeue."""
    return bool(_run(_GIVE_BACK, rater_id, campaign, prepared=prepared))


def forget(*, rater_id: int, campaign: Campaign, prepared: UUID) -> None:
    """Take what they gave back, and what is free again, for unknown to the rater."""
    _run(_FORGET, rater_id, campaign, prepared=prepared)


def _run(sql: str, rater_id: int, campaign: Campaign, **more: Any) -> list[tuple[Any, ...]]:
    parameters = {
        "rater": rater_id,
        "campaign": campaign.pk,
        "lease": campaign.lease_seconds,
        "ahead": prepared_seconds(campaign),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters | more)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
