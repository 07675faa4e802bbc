"""What raters are owed: credited time and counts of each in a period.

Credited is the time of every answer that was given, whatever became of it: practice, gold,
repeats, what was changed, withdrawn or left out of datasets. Nothing here reads an exclusion or a
case. Time that was spent on a comparison and ended in a skip, or in the loss of the comparison,
is credited too: the page sends it along, and the audit keeps it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db import connection

from labeling.models import Campaign
from labeling.policy import Policy

HOUR_MS = 3_600_000
CENT = Decimal("0.01")

# An answer of a revision carries the time of the change alone, so all rows are summed.
_WORK = """
WITH given AS (
  SELECT j.rater_id,
    count(*) FILTER (WHERE j.supersedes_id IS NULL AND r.kind IS DISTINCT FROM 'qualification')
      AS judged,
    count(*) FILTER (WHERE j.supersedes_id IS NULL AND r.kind = 'qualification') AS practised,
    count(*) FILTER (WHERE j.supersedes_id IS NOT NULL) AS changed,
    count(*) FILTER (WHERE j.active_ms IS NULL) AS untimed,
    sum(coalesce(j.active_ms, 0))::bigint AS given_ms,
    sum(coalesce(j.active_ms, 0)) FILTER (WHERE r.kind = 'qualification')::bigint AS practice_ms,
    max(j.created_at) AS last_at
  FROM labeling_judgment j
  JOIN labeling_comparison c ON c.id = j.comparison_id
  LEFT JOIN labeling_round r ON r.id = c.round_id
  WHERE j.campaign_id = %(campaign)s AND j.assignment_id IS NOT NULL
    AND j.created_at >= %(since)s AND j.created_at < %(until)s
  GROUP BY 1),
begun AS (
  SELECT e.rater_id, count(*) FILTER (WHERE e.verb = 'assignment.skipped') AS skipped,
    sum(coalesce((e.details ->> 'active_ms')::bigint, 0)) AS begun_ms, max(e.created_at) AS last_at
  FROM labeling_auditevent e
  WHERE e.campaign_id = %(campaign)s AND e.rater_id IS NOT NULL
    AND e.verb IN ('assignment.skipped', 'assignment.lost')
    AND e.created_at >= %(since)s AND e.created_at < %(until)s
  GROUP BY 1)
SELECT s.pseudonym, coalesce(u.username, ''), r.is_simulated,
  coalesce(g.judged, 0), coalesce(g.practised, 0), coalesce(g.changed, 0),
  coalesce(b.skipped, 0), coalesce(g.untimed, 0), coalesce(g.given_ms, 0),
  coalesce(g.practice_ms, 0), coalesce(b.begun_ms, 0),
  greatest(g.last_at, b.last_at)
FROM labeling_seat s
JOIN labeling_rater r ON r.id = s.rater_id AND r.kind = 'human'
LEFT JOIN labeling_user u ON u.id = r.user_id
LEFT JOIN given g ON g.rater_id = r.id
LEFT JOIN begun b ON b.rater_id = r.id
WHERE s.campaign_id = %(campaign)s AND (g.rater_id IS NOT NULL OR b.rater_id IS NOT NULL)
ORDER BY coalesce(g.given_ms, 0) + coalesce(b.begun_ms, 0) DESC, s.pseudonym
"""


@dataclass(frozen=True)
class PayLine:
    """One rater's period."""

    pseudonym: str
    username: str
    is_simulated: bool
    judged: int
    practised: int
    changed: int
    skipped: int
    # Answers whose time is unknown: they came without it, and are credited as none.
    untimed: int
    given_ms: int
    practice_ms: int
    begun_ms: int
    last_at: datetime | None
    amount: Decimal | None = None

    @property
    def credited_ms(self) -> int:
        return self.given_ms + self.begun_ms


@dataclass(frozen=True)
class Pay:
    """A period, its raters, and the sum."""

    since: date
    until: date
    lines: Sequence[PayLine]
    total: PayLine


def pay_of(campaign: Campaign, policy: Policy, *, since: date, until: date) -> Pay:
    """The period from `since` to `until`, both days included (UTC), at the policy's rate if any."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WORK,
            {
                "campaign": campaign.pk,
                "since": datetime.combine(since, time(), UTC),
                "until": datetime.combine(until + timedelta(days=1), time(), UTC),
            },
        )
        lines = [_with_amount(PayLine(*row), policy) for row in cursor.fetchall()]
    return Pay(since, until, lines, _total(lines))


def _with_amount(line: PayLine, policy: Policy) -> PayLine:
    """Each rater's sum is rounded to a cent once, half up; the total is the sum of those."""
    if policy.pay_per_hour is None:
        return line
    owed = Decimal(str(policy.pay_per_hour)) * line.credited_ms / HOUR_MS
    return PayLine(**{**vars(line), "amount": owed.quantize(CENT, ROUND_HALF_UP)})


def _total(lines: Sequence[PayLine]) -> PayLine:
    def add(name: str) -> Any:
        return sum(getattr(line, name) for line in lines)

    counts = ("judged", "practised", "changed", "skipped", "untimed")
    times = ("given_ms", "practice_ms", "begun_ms")
    amounts = [line.amount for line in lines if line.amount is not None]
    return PayLine(
        pseudonym="",
        username="",
        is_simulated=False,
        **{name: add(name) for name in (*counts, *times)},
        last_at=None,
        amount=sum(amounts, Decimal(0)) if amounts else None,
    )
