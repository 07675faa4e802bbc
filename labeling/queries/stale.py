"""Judgments that a newer version of the guidelines may have made stale: found, never touched."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery

from labeling.clauses import changes, former_ids
from labeling.models import (
    Adjudication,
    Assignment,
    Campaign,
    Comparison,
    GuidelineVersion,
    Judgment,
    Round,
    Seat,
)
from labeling.schemas import read_schema


@dataclass(frozen=True)
class StaleRule:
    """Which clauses changed since each older version: what makes a judgment under it stale.

    `changed` is by the version's id: the ids by which judgments cite what changed, each with the
    one that the clause has now. Where raters are not asked which clause decided, every judgment
    falls under whatever changed.
    """

    newest: GuidelineVersion
    by_citation: bool
    changed: dict[int, dict[str, str]]

    @property
    def clauses(self) -> list[str]:
        """All clauses that changed since some older version."""
        return sorted({clause for cited in self.changed.values() for clause in cited.values()})


@dataclass(frozen=True)
class StaleCount:
    """How many judgments are stale, of how many comparisons, and by clause."""

    judgments: int
    comparisons: int
    by_clause: list[tuple[str, int]]


def stale_rule(campaign: Campaign) -> StaleRule | None:
    """What the newest version made stale; None where there is no older one."""
    versions = list(campaign.guidelines.filter(number__isnull=False).order_by("-number"))
    if len(versions) < 2:
        return None
    newest, *older = versions
    by_citation = read_schema(campaign.schema).clauses
    changed = {
        version.pk: cited
        for version in older
        if (cited := _changed_since(version, newest, is_new_meant=not by_citation))
    }
    return StaleRule(newest, by_citation, changed)


def _changed_since(
    older: GuidelineVersion, newest: GuidelineVersion, *, is_new_meant: bool
) -> dict[str, str]:
    """The ids by which what changed may be cited, to present ones; another id is no change."""
    now = former_ids(newest.clauses)
    cited: dict[str, str] = {}
    for one in changes(older.body, newest.body, now):
        if one.id and (is_new_meant or one.kind != "new"):
            cited[one.id] = now.get(one.id, one.id)
            cited |= {was: one.id for was, present in now.items() if present == one.id}
    return cited


def stale_judgments(
    campaign: Campaign, rule: StaleRule | None, *, clause: str = ""
) -> QuerySet[Judgment]:
    """People's standing judgments under an older version whose clauses changed; practice is none.

    A judge is asked anew by whoever runs it, under a question that is new as a whole.
    """
    judgments = Judgment.objects.standing().filter(campaign=campaign, rater__kind="human")
    if rule is None or not rule.changed:
        return judgments.none()
    is_stale = Q()
    for version, cited in rule.changed.items():
        wanted = [one for one, now in cited.items() if clause in ("", now)]
        if not wanted:
            continue
        under = Q(guideline_version=version)
        is_stale |= under & Q(clauses__overlap=wanted) if rule.by_citation else under
    if not is_stale:
        return judgments.none()
    return judgments.filter(is_stale).exclude(comparison__round__kind=Round.Kind.QUALIFICATION)


def stale_count(campaign: Campaign, rule: StaleRule | None) -> StaleCount:
    """The numbers of the stale judgments, in one statement."""
    rows = stale_judgments(campaign, rule).order_by()
    groups = list(
        rows.values("guideline_version", "clauses")
        .annotate(count=Count("pk"))
        .values_list("guideline_version", "clauses", "count")
    )
    by_clause: Counter[str] = Counter()
    for version, cited, count in groups:
        changed = rule.changed.get(version, {}) if rule else {}
        meant = {
            now for one, now in changed.items() if rule and (not rule.by_citation or one in cited)
        }
        for one in meant:
            by_clause[one] += count
    return StaleCount(
        judgments=sum(count for _, _, count in groups),
        comparisons=rows.values("comparison").distinct().count() if groups else 0,
        by_clause=sorted(by_clause.items()),
    )


def listed(judgments: QuerySet[Judgment]) -> QuerySet[Judgment]:
    """The judgments with what a list of them shows."""
    seats = Seat.objects.filter(rater=OuterRef("rater"), campaign=OuterRef("campaign"))
    return judgments.select_related("comparison__prompt", "guideline_version", "rater").annotate(
        pseudonym=Subquery(seats.values("pseudonym")[:1])
    )


def to_ask_again(judgments: QuerySet[Judgment], rule: StaleRule) -> QuerySet[Comparison]:
    """Comparisons of stale judgments that may be put before one more rater.

    Of open rounds, not known answers, none waiting already or judged under the newest version,
    none that everybody has met, and none that a reviewer has decided or left out.
    """
    waiting = Assignment.objects.filter(
        comparison=OuterRef("pk"), ended_at=None, ordinal__isnull=False
    )
    anew = Judgment.objects.standing().filter(
        comparison=OuterRef("pk"), guideline_version=rule.newest, rater__kind="human"
    )
    settled = Adjudication.objects.filter(
        comparison=OuterRef("pk"), superseded_by=None, outcome__in=["decided", "left_out"]
    )
    met = Assignment.objects.filter(
        comparison=OuterRef(OuterRef("pk")), rater=OuterRef("rater"), repeat_of=None
    )
    somebody = Seat.objects.filter(
        ~Exists(met), campaign=OuterRef("campaign"), is_active=True, rater__user__isnull=False
    )
    return Comparison.objects.filter(
        Exists(somebody),
        ~Exists(waiting),
        ~Exists(anew),
        ~Exists(settled),
        pk__in=judgments.values("comparison"),
        gold=None,
        round__state=Round.State.OPEN,
    )
