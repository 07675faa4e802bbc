"""What raters are told of comparisons with a known answer: the one place that shows it to them.

Practice is told at once. Gold of the campaign is told when it can give nothing away any more: once
it is retired, or when the campaign is archived: a completed one may be opened again.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from labeling.errors import NotFoundError
from labeling.models import Appeal, Assignment, Campaign, Judgment, Membership, Rater, Round, User
from labeling.models.practice_dealing import RoundStanding, standings
from labeling.practice import Nearness, nearness
from labeling.queries.votes import summary

SHOWN = 100
_TOLD_IN = """
SELECT DISTINCT j.campaign_id FROM labeling_judgment j
JOIN labeling_comparison c ON c.id = j.comparison_id
JOIN labeling_gold g ON g.comparison_id = c.id
JOIN labeling_campaign k ON k.id = j.campaign_id
LEFT JOIN labeling_round r ON r.id = c.round_id
WHERE j.rater_id = ANY(%(raters)s) AND j.assignment_id IS NOT NULL
  AND (r.kind = 'qualification' OR g.retired_at IS NOT NULL OR k.state = 'archived')
-- Or a reviewer's word, where they let those who judged read it.
UNION SELECT d.campaign_id FROM labeling_adjudication d
JOIN labeling_judgment j ON j.comparison_id = d.comparison_id
WHERE j.rater_id = ANY(%(raters)s) AND j.assignment_id IS NOT NULL AND d.tells_raters
  AND NOT EXISTS (SELECT FROM labeling_adjudication l WHERE l.supersedes_id = d.id)
"""


@dataclass(frozen=True)
class ToldAnswer:
    """A judgment beside the answer that was expected, sides as its rater saw them."""

    judgment: Judgment
    assignment: Assignment
    side: str
    strength: int | None
    expected: str
    expected_strength: int | None
    explanation: str
    clause: str
    nearness: Nearness
    is_practice: bool
    appeal: Appeal | None


@dataclass(frozen=True)
class Practice:
    """How far a rater came in the qualification they are at."""

    standing: RoundStanding
    # Whether the last answer is looked at, and not the next item.
    is_told: bool = False

    @property
    def number(self) -> int:
        """Of the item on the screen, counted from 1."""
        return min(self.standing.done + (0 if self.is_told else 1), self.standing.items)


def practice_of(rater: Rater, campaign: Campaign, *, is_told: bool = False) -> Practice | None:
    """The qualification round the rater is at: the first unfinished one, else the last."""
    rounds = standings(rater_ids=[rater.pk], campaign_ids=[campaign.pk])
    if not rounds:
        return None
    at = [one for one in rounds if one.is_passed or not one.is_done]
    # Just answered: a round that is not begun is not the one that is looked at.
    if is_told:
        at = [one for one in rounds if one.done]
        return Practice(at[-1] if at else rounds[0], is_told=True)
    return Practice(at[0] if at else rounds[-1])


def told_answer(rater: Rater, campaign: Campaign, judgment_id: UUID) -> ToldAnswer:
    """What the rater may know of their judgment; NotFoundError for any they may not."""
    judgment = _told(rater, campaign).filter(public_id=judgment_id).first()
    if judgment is None:
        raise NotFoundError("There is no such answer of yours that can be shown.")
    return _as_told(judgment)


def told_answers(rater: Rater, campaign: Campaign) -> list[ToldAnswer]:
    """All that the rater may know of their judgments in the campaign, newest first."""
    return [_as_told(one) for one in _told(rater, campaign).order_by("-pk")[:SHOWN]]


def summary_of(told: ToldAnswer) -> str:
    """The prompt in one line."""
    return summary(told.assignment.comparison.prompt.messages)


def appeals_in(campaign: Campaign) -> QuerySet[Appeal]:
    """All appeals of the campaign's raters."""
    return Appeal.objects.filter(judgment__campaign=campaign)


def waiting_appeals(campaign: Campaign) -> QuerySet[Appeal]:
    """Appeals nobody has decided yet, the oldest first, with all that is needed to decide."""
    return (
        appeals_in(campaign)
        .filter(state=Appeal.State.WAITING, judgment__comparison__gold__isnull=False)
        .select_related(
            "judgment__rater__user",
            "judgment__comparison__prompt",
            "judgment__comparison__completion_a",
            "judgment__comparison__completion_b",
            "judgment__comparison__gold",
        )
        .order_by("pk")
    )


def _told(rater: Rater, campaign: Campaign) -> QuerySet[Judgment]:
    later = Judgment.objects.filter(supersedes=OuterRef("pk"))
    may_know = (
        Q(comparison__round__kind=Round.Kind.QUALIFICATION)
        | Q(comparison__gold__retired_at__isnull=False)
        | Q(campaign__state=Campaign.State.ARCHIVED)
    )
    return Judgment.objects.filter(
        may_know,
        ~Exists(later),
        rater=rater,
        campaign=campaign,
        assignment__isnull=False,
        is_repeat=False,
        comparison__gold__isnull=False,
    ).select_related(
        "appeal",
        "assignment__campaign",
        "assignment__comparison__prompt",
        "assignment__comparison__completion_a",
        "assignment__comparison__completion_b",
        "assignment__comparison__gold",
        "assignment__comparison__round",
    )


def _as_told(judgment: Judgment) -> ToldAnswer:
    assignment = judgment.assignment
    assert assignment is not None  # noqa: S101  # by the query
    comparison = assignment.comparison
    gold = comparison.gold
    kind = comparison.round.kind if comparison.round else ""
    return ToldAnswer(
        judgment=judgment,
        assignment=assignment,
        side=assignment.side(judgment.preference),
        strength=judgment.strength,
        expected=assignment.side(gold.preference),
        expected_strength=gold.strength,
        explanation=gold.explanation,
        clause=gold.clause,
        nearness=nearness(judgment.preference, judgment.strength, gold.preference, gold.strength),
        is_practice=kind == Round.Kind.QUALIFICATION,
        appeal=getattr(judgment, "appeal", None),
    )


def campaigns_that_tell(user: User, raters: list[int]) -> dict[int, Campaign]:
    """The campaigns in which an answer may be shown beside the expected one, archived ones too."""
    with connection.cursor() as cursor:
        cursor.execute(_TOLD_IN, {"raters": raters})
        ids = [pk for (pk,) in cursor.fetchall()]
    may_open = Campaign.objects.filter(
        pk__in=ids, memberships__user=user, memberships__role=Membership.Role.RATER
    )
    return {one.pk: one for one in may_open.order_by("name")}
