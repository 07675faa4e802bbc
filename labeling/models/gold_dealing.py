"""Deal a comparison whose answer is known, at the campaign's rate. No slot waits for gold.

A gold assignment is made already leased: it has no ordinal, so it counts towards no overlap, and
the rater meets it once. Which turn is gold comes from a hash of the rater's seat and turn, and
which comparison it is by chance, so nothing the browser sees can foretell them.

It must not be told from a slot, in what becomes of it nor by the clock. So it lapses as a slot does
(`labeling.models.queue.requeue`): its row stays, open at position 0 where no claim looks, until it
is dealt on, with its id and sides. And dealing reads a handful of rows, however much gold there is.
"""

import random
import time
from typing import Any

from django.db import IntegrityError, connection

from labeling.formats.marks import IDENTIFIES_ITSELF
from labeling.models.campaigns import Campaign
from labeling.models.raters import Rater
from labeling.schemas import DEFAULT_ARM, read_presentation, read_requirements

# Candidates of one turn: the first that the rater has not met is dealt. One who has met them all
# is dealt a slot that turn.
CANDIDATES = 256
# How long a process trusts its list of a campaign's gold while no gold is added anywhere.
TRUSTED_SECONDS = 60
_MOST_LISTS = 1000

_IS_DUE = """(hashtextextended(s.id || ':' || s.turn, 7) & 2147483647) < {rate} * 2147483648.0"""
# OFFSET 0 keeps these what they are, a probe for each candidate in turn: joined instead, and before
# the tables' first ANALYZE, PostgreSQL reads all comparisons of the campaign.
# An item rests once people have judged it as often as the policy says, if it says so.
_NOT_RESTING = """(
    (SELECT policy ->> 'gold_exposure_cap' IS NULL FROM labeling_campaign k WHERE k.id = {campaign})
    OR NOT EXISTS (SELECT FROM labeling_judgment j
      WHERE j.comparison_id = {comparison} AND j.supersedes_id IS NULL
        AND EXISTS (SELECT FROM labeling_rater h WHERE h.id = j.rater_id AND h.kind = 'human'
          OFFSET 0)
      OFFSET (SELECT (policy ->> 'gold_exposure_cap')::bigint - 1 FROM labeling_campaign k
        WHERE k.id = {campaign})))"""
_DEALABLE = (
    """EXISTS (
    SELECT FROM labeling_gold g JOIN labeling_comparison c ON c.id = g.comparison_id
    WHERE g.comparison_id = {comparison} AND g.retired_at IS NULL AND c.campaign_id = {campaign}
    -- The answers of a qualification are told: its items are no gold any more.
    AND (c.round_id IS NULL OR NOT EXISTS (SELECT FROM labeling_round r
      WHERE r.id = c.round_id AND r.kind = 'qualification' OFFSET 0))
    -- Where the campaign says so, none of which a side names its own model.
    AND NOT ((SELECT requirements @> '{{"identity": "exclude"}}' FROM labeling_campaign k
        WHERE k.id = {campaign})
      AND EXISTS (SELECT FROM labeling_completion t
        WHERE t.id IN (c.completion_a_id, c.completion_b_id)
          AND t.marks @> ARRAY[%(named)s]::varchar[] OFFSET 0)) OFFSET 0)
  AND """
    + _NOT_RESTING
    + """
  AND NOT EXISTS (SELECT FROM labeling_assignment m
    WHERE m.comparison_id = {comparison} AND m.rater_id = {rater} AND m.repeat_of_id IS NULL
    OFFSET 0)"""
)
_HERE = {"campaign": "%(campaign)s", "rater": "%(rater)s"}

_DEAL = f"""
WITH seen AS MATERIALIZED (
  SELECT turn FROM labeling_seat WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s),
mine AS MATERIALIZED (
  SELECT id, turn FROM labeling_seat
  WHERE rater_id = %(rater)s AND campaign_id = %(campaign)s AND is_active FOR NO KEY UPDATE),
due AS MATERIALIZED (
  SELECT s.id FROM mine s JOIN seen USING (turn)
  WHERE {_IS_DUE.format(rate="%(rate)s")}
    AND (SELECT state = 'active' FROM labeling_campaign WHERE id = %(campaign)s)
    AND (SELECT count(*) FROM labeling_assignment a
      WHERE a.rater_id = %(rater)s AND a.campaign_id = %(campaign)s AND a.rater_id IS NOT NULL
        AND a.ended_at IS NULL) < %(hold)s),
lane AS MATERIALIZED (
  SELECT lane.id FROM labeling_lane lane, due WHERE lane.campaign_id = %(campaign)s
    AND lane.rank = 0 ORDER BY lane.id LIMIT 1),
-- What lapsed or was given back. A slot would go to the tail: these come after the others.
lapsed AS MATERIALIZED (
  SELECT a.id, a.comparison_id FROM lane JOIN labeling_assignment a ON a.lane_id = lane.id
  WHERE a.position = 0 AND a.rater_id IS NULL AND a.ended_at IS NULL AND a.ordinal IS NULL
    AND a.repeat_of_id IS NULL),
pick AS MATERIALIZED (
  SELECT one.id FROM lane, LATERAL (
    SELECT u.id FROM unnest(%(candidates)s::bigint[]) WITH ORDINALITY u (id, n)
    ORDER BY u.n OFFSET 0) one
  WHERE one.id NOT IN (SELECT comparison_id FROM lapsed)
    AND {_DEALABLE.format(comparison="one.id", **_HERE)} LIMIT 1),
again AS MATERIALIZED (
  SELECT a.id FROM labeling_assignment a
  WHERE a.id IN (SELECT id FROM lapsed) AND NOT EXISTS (SELECT FROM pick)
    AND a.rater_id IS NULL AND a.ended_at IS NULL
    AND {_DEALABLE.format(comparison="a.comparison_id", **_HERE)}
  ORDER BY a.id LIMIT 1 FOR NO KEY UPDATE OF a SKIP LOCKED),
made AS (
  INSERT INTO labeling_assignment (public_id, campaign_id, comparison_id, lane_id, position,
    rater_id, a_on_left, arm, leased_until, skip_reason)
  SELECT gen_random_uuid(), %(campaign)s::bigint, pick.id, lane.id, 0, %(rater)s::bigint,
    random() < 0.5, %(arm)s::text, now() + %(lease)s * interval '1 second', ''
  FROM pick, lane RETURNING id),
taken AS (
  UPDATE labeling_assignment a
  SET rater_id = %(rater)s, leased_until = now() + %(lease)s * interval '1 second'
  FROM again WHERE a.id = again.id RETURNING a.id),
dealt AS (SELECT id FROM made UNION ALL SELECT id FROM taken),
turned AS (UPDATE labeling_seat s SET turn = s.turn + 1 FROM due, dealt WHERE s.id = due.id)
SELECT (SELECT id FROM dealt), (SELECT max(id) FROM labeling_gold)
"""
_LIST = f"""
SELECT (SELECT max(id) FROM labeling_gold), coalesce(array_agg(g.comparison_id), '{{}}')
FROM labeling_gold g WHERE EXISTS (SELECT FROM labeling_comparison c
  WHERE c.id = g.comparison_id AND c.campaign_id = %(campaign)s OFFSET 0)
  AND {_NOT_RESTING.format(comparison="g.comparison_id", campaign="%(campaign)s")}
"""

# What a claim would give though no slot is open: what is held already, and gold if it is its turn.
# Without a seat nobody knows whose turn it is; then gold that could be dealt will do.
_BESIDE_SLOTS = f"""
SELECT q.campaign FROM unnest(%(campaigns)s::bigint[], %(rates)s::float8[]) q (campaign, rate)
LEFT JOIN labeling_seat s ON s.campaign_id = q.campaign AND s.rater_id = ANY(%(raters)s)
WHERE EXISTS (SELECT FROM labeling_assignment a
    WHERE a.rater_id = s.rater_id AND a.campaign_id = q.campaign AND a.rater_id IS NOT NULL
      AND a.ended_at IS NULL OFFSET 0)
  OR q.rate > 0 AND (s.id IS NULL OR {_IS_DUE.format(rate="q.rate")})
    AND EXISTS (SELECT FROM labeling_lane l WHERE l.campaign_id = q.campaign AND l.rank = 0)
    AND EXISTS (SELECT FROM labeling_gold one
      WHERE {
    _DEALABLE.format(comparison="one.comparison_id", campaign="q.campaign", rater="s.rater_id")
} OFFSET 0)
"""


class _Known:
    """The gold of each campaign as this process read it last: ids of comparisons.

    Whether one may be dealt still is asked when it is dealt. A list is read anew, on whichever turn
    comes next, once gold was added anywhere: the time that takes tells nothing of the turn.
    """

    def __init__(self) -> None:
        self._lists: dict[int, tuple[int | None, float, list[int]]] = {}

    def of(self, campaign: Campaign) -> list[int]:
        found = self._lists.get(campaign.pk)
        if found is None or found[1] < time.monotonic():
            found = self._read(campaign)
        return found[2]

    def is_old(self, campaign: Campaign, newest: int | None) -> bool:
        """Whether gold was added since the list was read; it is read anew then."""
        found = self._lists.get(campaign.pk)
        if found is not None and found[0] == newest:
            return False
        self._read(campaign)
        return True

    def _read(self, campaign: Campaign) -> tuple[int | None, float, list[int]]:
        with connection.cursor() as cursor:
            cursor.execute(_LIST, {"campaign": campaign.pk})
            ((newest, ids),) = cursor.fetchall()
        if len(self._lists) >= _MOST_LISTS:
            self._lists.clear()
        found = self._lists[campaign.pk] = (newest, time.monotonic() + TRUSTED_SECONDS, ids)
        return found


_known = _Known()


def deal_gold(
    *, rater: Rater, campaign: Campaign, hold: int, lease_seconds: int | None = None
) -> int | None:
    """The id of a gold assignment leased to the rater, or None if this turn is not for gold.

    At the campaign's rate, in an arm drawn by weight, for the campaign's time.
    """
    rate = read_requirements(campaign.requirements).gold_rate
    if not rate:
        return None
    arms = read_presentation(campaign.presentation).arms or (DEFAULT_ARM,)
    parameters: dict[str, Any] = {
        "rater": rater.pk,
        "campaign": campaign.pk,
        "rate": rate,
        "arm": random.choices(arms, [arm.weight for arm in arms])[0].name,
        "lease": lease_seconds or campaign.lease_seconds,
        "hold": hold,
        "named": IDENTIFIES_ITSELF,
    }
    for _ in range(2):
        known = _known.of(campaign)
        parameters["candidates"] = random.sample(known, min(len(known), CANDIDATES))
        try:
            with connection.cursor() as cursor:
                cursor.execute(_DEAL, parameters)
                ((dealt, newest),) = cursor.fetchall()
        except IntegrityError:
            # Another tab was dealt the same one; the ordinary claim comes next.
            return None
        if not _known.is_old(campaign, newest) or dealt is not None:
            break
    return int(dealt) if dealt is not None else None


def campaigns_with_more(*, raters: list[int], rates: dict[int, float]) -> set[int]:
    """Of the campaigns that `rates` names, those in which a claim of the person's would give
    something even if no slot were open.

    `raters` are one person's. Who tells raters what is left asks this too: else a comparison that
    comes after "nothing left" would be known to be gold.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _BESIDE_SLOTS,
            {
                "raters": raters,
                "campaigns": list(rates),
                "rates": list(rates.values()),
                "named": IDENTIFIES_ITSELF,
            },
        )
        return {pk for (pk,) in cursor.fetchall()}
