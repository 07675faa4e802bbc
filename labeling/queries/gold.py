"""Known answers as their raters met them: which may be wrong, and which are retired."""

from collections import Counter
from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Count, Exists, OuterRef, QuerySet

from labeling.metrics.gold_items import SuspectItem, suspect_items
from labeling.models import AuditEvent, Campaign, Comparison, Gold
from labeling.models.counted import LEFT_OUT_COMPARISON_SQL, LEFT_OUT_SQL, RIGHT_SQL
from labeling.policy import read_policy
from labeling.queries.votes import summary

# Of so many answers to gold, the newest, suspicion is told.
MOST_ANSWERS = 200_000
# One that a manager kept is looked at again when it has this many times the answers.
LOOKED_AT_AGAIN = 2

# People's first answers to gold that is not retired, practice aside: its answers are told.
_ANSWERS = f"""
SELECT j.comparison_id, j.rater_id, {RIGHT_SQL}::int
FROM labeling_gold g JOIN labeling_comparison c ON c.id = g.comparison_id
JOIN labeling_judgment j ON j.comparison_id = c.id AND NOT j.is_repeat
JOIN labeling_rater r ON r.id = j.rater_id AND r.kind = 'human'
LEFT JOIN labeling_judgment l ON l.supersedes_id = j.id
LEFT JOIN labeling_withdrawal w ON w.judgment_id = j.id
LEFT JOIN labeling_round u ON u.id = c.round_id
WHERE c.campaign_id = %(campaign)s AND g.retired_at IS NULL AND l.id IS NULL AND w.id IS NULL
  AND u.kind IS DISTINCT FROM 'qualification'
  AND NOT {LEFT_OUT_SQL} AND NOT {LEFT_OUT_COMPARISON_SQL}
ORDER BY j.id DESC LIMIT %(most)s
"""  # noqa: S608


@dataclass(frozen=True)
class SuspectGold:
    """A known answer that careful raters miss, with what it is about."""

    comparison: Comparison
    found: SuspectItem
    # How often a manager looked at it and kept it.
    times_kept: int = 0

    @property
    def title(self) -> str:
        return summary(self.comparison.prompt.messages)

    @property
    def public_id(self) -> UUID:
        return self.comparison.public_id


def suspect_gold(campaign: Campaign) -> list[SuspectGold]:
    """Known answers of the campaign that careful raters miss, the most suspect first.

    Those that a manager looked at and kept come again once they have twice the answers.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ANSWERS, {"campaign": campaign.pk, "most": MOST_ANSWERS})
        rows = cursor.fetchall()
    if not rows:
        return []
    item, rater, is_right = zip(*rows, strict=True)
    bar = read_policy(campaign.policy).gold_bar
    found = suspect_items(item=item, rater=rater, is_right=is_right, bar=bar)
    if not found:
        return []
    comparisons = Comparison.objects.select_related("prompt", "gold").in_bulk(
        [one.item for one in found]
    )
    events = AuditEvent.objects.filter(
        campaign=campaign,
        verb="gold.kept",
        subject__in=[one.public_id for one in comparisons.values()],
    ).order_by("pk")
    kept: dict[UUID | None, int] = {}
    times: Counter[UUID | None] = Counter()
    for event in events:
        kept[event.subject] = int(event.details.get("n", 0))
        times[event.subject] += 1
    suspects = [
        SuspectGold(doubted, one, times[doubted.public_id])
        for one in found
        if (doubted := comparisons[one.item])
    ]
    return [one for one in suspects if one.found.n >= LOOKED_AT_AGAIN * kept.get(one.public_id, 0)]


def gold_counts(campaign: Campaign) -> tuple[int, int]:
    """How many known answers the campaign has, and how many of them are retired."""
    known = Gold.objects.filter(comparison__campaign=campaign)
    counts = known.aggregate(n=Count("pk"), retired=Count("retired_at"))
    return counts["n"], counts["retired"]


def retired_gold(campaign: Campaign) -> QuerySet[Gold]:
    """The campaign's retired known answers, the newest first."""
    return (
        Gold.objects.filter(comparison__campaign=campaign, retired_at__isnull=False)
        .select_related("comparison__prompt")
        .order_by("-retired_at")
    )


def campaigns_with_gold() -> QuerySet[Campaign]:
    """Active campaigns in which a known answer may be met."""
    known = Gold.objects.filter(comparison__campaign=OuterRef("pk"), retired_at=None)
    return Campaign.objects.filter(Exists(known), state=Campaign.State.ACTIVE)
