"""A reviewer's word beside each judgment: in exports, in records, and to the raters themselves."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from labeling.models import Adjudication, Campaign, Comparison, Judgment, Rater, User
from labeling.queries.votes import summary

SHOWN = 100
# The standing decision about comparison `c` of a statement, as exports write it.
ADJUDICATION_SQL: Final = """(SELECT jsonb_build_object('outcome', k.outcome,
      'preference', nullif(k.preference, ''), 'strength', k.strength, 'note', k.note,
      'at', to_char(k.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))
    FROM labeling_adjudication k LEFT JOIN labeling_adjudication newer ON newer.supersedes_id = k.id
    WHERE k.comparison_id = c.id AND newer.id IS NULL)"""
_LEAVES_OUT = Q(outcome=Adjudication.Outcome.LEFT_OUT)


@dataclass(frozen=True)
class ToldDecision:
    """A rater's own judgment beside a reviewer's word, sides as the rater saw them."""

    summary: str
    yours: tuple[str, int | None]
    decided: tuple[str, int | None] | None
    note: str
    at: datetime


def adjudication_json(comparison: Any) -> dict[str, Any] | None:
    """The standing decision about the comparison, whose adjudications are prefetched."""
    rows = list(comparison.adjudications.all())
    superseded = {row.supersedes_id for row in rows}
    found = next((row for row in rows if row.pk not in superseded), None)
    if found is None:
        return None
    return {
        "outcome": found.outcome,
        "preference": found.preference or None,
        "strength": found.strength,
        "note": found.note,
        "at": f"{found.created_at:%Y-%m-%dT%H:%M:%S.%fZ}",
    }


def left_out_decisions(campaign: Campaign) -> int:
    """How often a comparison was left out or taken in again. It only grows."""
    decisions = Adjudication.objects.filter(campaign=campaign)
    return decisions.filter(_LEAVES_OUT | Q(supersedes__outcome="left_out")).count()


def left_out_comparisons(campaign: Campaign) -> list[int]:
    """Internal ids of the comparisons that reviewers leave out of data sets."""
    standing = Adjudication.objects.standing().filter(_LEAVES_OUT, campaign=campaign)
    return list(standing.values_list("comparison_id", flat=True))


def told_decisions(rater: Rater, campaign: Campaign) -> list[ToldDecision]:
    """What reviewers let the rater know of comparisons they judged, newest first.

    Only while the judgment can no longer be changed: until then it is theirs alone. And never of a
    comparison with a known answer.
    """
    judgments = (
        _tellable()
        .filter(
            rater=rater,
            campaign=campaign,
            created_at__lt=Now() - timedelta(seconds=campaign.revise_seconds),
        )
        .filter(
            Exists(
                Adjudication.objects.standing().filter(
                    tells_raters=True, comparison=OuterRef("comparison")
                )
            )
        )
        .select_related("assignment", "comparison__prompt")
        .prefetch_related("comparison__adjudications")
        .order_by("-pk")[:SHOWN]
    )
    return [_told(one) for one in judgments]


def people_told(comparison: Comparison) -> QuerySet[User]:
    """Whom `told_decisions` tells of the comparison, at once or when their judgment is final."""
    judged = _tellable().filter(comparison=comparison)
    return User.objects.filter(is_active=True, raters__in=judged.values("rater")).distinct()


def _tellable() -> QuerySet[Judgment]:
    return Judgment.objects.standing().filter(
        assignment__isnull=False, is_repeat=False, comparison__gold=None
    )


def _told(judgment: Judgment) -> ToldDecision:
    rows = list(judgment.comparison.adjudications.all())
    superseded = {row.supersedes_id for row in rows}
    word = next(row for row in rows if row.pk not in superseded)
    assignment = judgment.assignment
    assert assignment is not None  # noqa: S101  # by the filter
    decided = (assignment.side(word.preference), word.strength) if word.preference else None
    return ToldDecision(
        summary(judgment.comparison.prompt.messages),
        (assignment.side(judgment.preference), judgment.strength),
        decided,
        word.note,
        word.created_at,
    )
