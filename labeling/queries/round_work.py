"""What rounds need by the clock: items to weigh up, and rounds that have come to their end."""

from collections.abc import Iterator

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from labeling.models import Adjudication, Campaign, Comparison, Judgment, Round, RoundItem

# Newest judgments of a campaign that a quick pass looks at: more than come between two passes.
RECENT = 2000
# Comparisons weighed up by one transaction.
BATCH = 500
# Open rounds nothing of which is open or held, that have been judged, and nobody has been told of.
# What is open is looked for from its own side: at the end there is little of it.
_FINISHED = """
SELECT r.id FROM labeling_round r JOIN labeling_campaign k ON k.id = r.campaign_id
WHERE r.state = 'open' AND r.kind IN ('production', 'calibration') AND k.state <> 'archived'
  AND NOT EXISTS (SELECT FROM labeling_lane l
    JOIN labeling_assignment a ON a.lane_id = l.id AND a.rater_id IS NULL AND a.ended_at IS NULL
    JOIN labeling_comparison c ON c.id = a.comparison_id
    WHERE l.campaign_id = r.campaign_id AND c.round_id = r.id AND a.ordinal IS NOT NULL)
  AND NOT EXISTS (SELECT FROM labeling_assignment a
    JOIN labeling_comparison c ON c.id = a.comparison_id
    WHERE a.campaign_id = r.campaign_id AND a.rater_id IS NOT NULL AND a.ended_at IS NULL
      AND a.ordinal IS NOT NULL AND c.round_id = r.id)
  AND NOT EXISTS (SELECT FROM labeling_routing g
    JOIN labeling_routedcomparison x ON x.routing_id = g.id
    JOIN labeling_comparison c ON c.id = x.comparison_id
    WHERE g.campaign_id = r.campaign_id AND c.round_id = r.id AND x."to" = 'judge'
      AND x.expected_accuracy IS NULL)
  AND (EXISTS (SELECT FROM labeling_comparison c
      JOIN labeling_judgment j ON j.comparison_id = c.id
      JOIN labeling_rater h ON h.id = j.rater_id AND h.kind = 'human' WHERE c.round_id = r.id)
    OR EXISTS (SELECT FROM labeling_routedcomparison x
      JOIN labeling_comparison c ON c.id = x.comparison_id WHERE c.round_id = r.id
        AND x."to" = 'judge' AND x.expected_accuracy IS NOT NULL))
  AND NOT EXISTS (SELECT FROM labeling_auditevent e
    WHERE e.campaign_id = r.campaign_id AND e.verb = 'round.finished' AND e.subject = r.public_id)
  AND (%(round)s::bigint IS NULL OR r.id = %(round)s)
ORDER BY r.id
"""


def stopping_rounds() -> QuerySet[Round]:
    """Open rounds whose items may stop before, or go on after, their overlap."""
    return (
        Round.objects.filter(state=Round.State.OPEN)
        .exclude(stop_rule="fixed")
        .exclude(campaign__state=Campaign.State.ARCHIVED)
        .order_by("pk")
    )


def newest_judgment(round_: Round) -> int:
    """The internal id of the campaign's newest judgment; 0 for none."""
    newest = Judgment.objects.filter(campaign=round_.campaign_id).order_by("-pk")
    return newest.values_list("pk", flat=True).first() or 0


def recent_items(round_: Round) -> Iterator[list[int]]:
    """Comparisons that people's newest judgments of the campaign are about, in batches.

    Judges answer thousands in a minute, which would hide the few of people's.
    """
    people = Judgment.objects.filter(campaign=round_.campaign_id, rater__kind="human")
    newest = people.order_by("-pk")
    keys = sorted(set(newest.values_list("comparison_id", flat=True)[:RECENT]))
    for start in range(0, len(keys), BATCH):
        yield keys[start : start + BATCH]


def all_items(round_: Round) -> Iterator[list[int]]:
    """All comparisons of the round, in batches."""
    after = 0
    keys = Comparison.objects.filter(round=round_).order_by("pk").values_list("pk", flat=True)
    while batch := list(keys.filter(pk__gt=after)[:BATCH]):
        yield batch
        after = batch[-1]


def finished_rounds() -> QuerySet[Round]:
    """Open rounds nothing of which is open or held, of which nobody has been told.

    An item of a round that may stop early may still want one more: `tell_finished` looks.
    """
    return Round.objects.filter(pk__in=_finished(None)).order_by("pk")


def is_finished(round_: Round) -> bool:
    """Whether the round is one of `finished_rounds` now."""
    return bool(_finished(round_.pk))


def _finished(round_id: int | None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_FINISHED, {"round": round_id})
        return [int(pk) for (pk,) in cursor.fetchall()]


def unsettled_items(round_: Round) -> QuerySet[RoundItem]:
    """Items of a round of adjudication that nobody has decided or left out since it was opened.

    What was sent back comes to its reviewers again, and a decision that was superseded is none.
    """
    settled = Adjudication.objects.standing().filter(
        comparison=OuterRef("comparison"),
        outcome__in=[Adjudication.Outcome.DECIDED, Adjudication.Outcome.LEFT_OUT],
        created_at__gte=round_.created_at,
    )
    return RoundItem.objects.filter(~Exists(settled), round=round_)


def open_adjudications() -> QuerySet[Round]:
    """Rounds of adjudication that may have come to their end."""
    return Round.objects.filter(state=Round.State.OPEN, kind=Round.Kind.ADJUDICATION).order_by("pk")
