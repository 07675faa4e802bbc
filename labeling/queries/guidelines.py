"""What a manager sees of the guidelines: the draft, and what publishing it does to citations."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import connection
from django.db.models import Count, F, Func, Q

from labeling.clauses import changes, clauses_of, former_ids, likely_renames
from labeling.errors import InvalidInputError
from labeling.models import Campaign, Gold, GuidelineVersion, Judgment, Seat
from labeling.queries.readings import newest_version
from labeling.schemas import read_requirements

DRAFT_FIELDS = ("body", "examples", "change_note", "asks_rereading", "asks_requalification")


@dataclass(frozen=True)
class GoneClause:
    """A clause that the next version does not have, and who cites it."""

    id: str
    title: str
    judgments: int
    gold: int
    # The clause it seems to have become; empty where none is like it.
    likely: str

    @property
    def is_cited(self) -> bool:
        return bool(self.judgments or self.gold)


@dataclass(frozen=True)
class Consequences:
    """What publishing a text would do, so that it can be said before."""

    gone: list[GoneClause]
    changed: list[tuple[str, int]]
    new_ids: list[str]
    # Of a campaign with a qualification of its own: who would pass it anew, and what waits for it.
    is_qualifying: bool
    qualified: int
    practice_waiting: int

    @property
    def cited_and_gone(self) -> list[GoneClause]:
        return [one for one in self.gone if one.is_cited]


def draft_of(campaign: Campaign) -> GuidelineVersion | None:
    """The campaign's draft, with whoever saved it last as `published_by`."""
    drafts = GuidelineVersion.objects.filter(campaign=campaign, number=None)
    return drafts.select_related("published_by").order_by("pk").first()


def edition_of(campaign: Campaign, draft: GuidelineVersion | None) -> str:
    """A word for what an editor was shown: it differs once somebody has saved or published."""
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    newest = published.order_by("-number").values_list("number", flat=True).first()
    content = [getattr(draft, name) for name in DRAFT_FIELDS] if draft else None
    whole = orjson.dumps([newest, content], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(whole).hexdigest()[:24]


def consequences(campaign: Campaign, body: str) -> Consequences:
    """What the text would do to citations, open work and qualifications if it were published."""
    newest = newest_version(campaign)
    old = newest.body if newest else ""
    try:
        ids = [one["id"] for one in clauses_of(body)]
    except InvalidInputError:
        ids = []  # Twins are refused by publishing, with what to do.
    judgments, gold = citations(campaign), gold_citations(campaign)
    known = {str(one["id"]): str(one["title"]) for one in (newest.clauses if newest else [])}
    likely = likely_renames(old, body)
    is_qualifying = has_own_qualification(campaign)
    return Consequences(
        gone=[
            GoneClause(key, title, judgments[key], gold[key], likely.get(key, ""))
            for key, title in known.items()
            if key not in ids
        ],
        changed=[
            (one.id, judgments[one.id])
            for one in (changes(old, body) if newest else [])
            if one.id and one.kind == "changed"
        ],
        new_ids=[key for key in ids if key not in known],
        is_qualifying=is_qualifying,
        qualified=_qualified(campaign).count() if is_qualifying else 0,
        practice_waiting=campaign.comparisons.for_practice().count() if is_qualifying else 0,
    )


def has_own_qualification(campaign: Campaign) -> bool:
    """Whether raters pass a qualification of the campaign itself before they judge in it."""
    return read_requirements(campaign.requirements).qualification == campaign.slug


def cited_and_gone(campaign: Campaign, ids: Sequence[str]) -> list[str]:
    """Clauses of the newest version that judgments or gold cite and that are not among `ids`."""
    newest = newest_version(campaign)
    gone = [str(one["id"]) for one in (newest.clauses if newest else []) if one["id"] not in ids]
    if not gone:
        return []
    judgments, gold = citations(campaign), gold_citations(campaign)
    return [key for key in gone if judgments[key] or gold[key]]


def citations(campaign: Campaign) -> Counter[str]:
    """Standing judgments that cite each clause, by the id the clause has now."""
    rows = (
        Judgment.objects.standing()
        .filter(campaign=campaign)
        .exclude(clauses=[])
        .annotate(clause=Func(F("clauses"), function="unnest"))
        .values_list("clause")
        .annotate(count=Count("pk"))
    )
    return _folded(campaign, list(rows))


def gold_citations(campaign: Campaign) -> Counter[str]:
    """Known answers, not retired, that name each clause, by the id the clause has now."""
    rows = (
        Gold.objects.filter(~Q(clause=""), comparison__campaign=campaign, retired_at=None)
        .values_list("clause")
        .annotate(count=Count("pk"))
    )
    return _folded(campaign, list(rows))


def _folded(campaign: Campaign, rows: list[tuple[Any, ...]]) -> Counter[str]:
    newest = newest_version(campaign)
    now = former_ids(newest.clauses) if newest else {}
    found: Counter[str] = Counter()
    for clause, count in rows:
        found[now.get(str(clause), str(clause))] += int(count)
    return found


def _qualified(campaign: Campaign) -> Any:
    return Seat.objects.filter(campaign=campaign, qualified_at__isnull=False)


def requalifications(raters: Sequence[int], campaigns: Sequence[int]) -> dict[int, int]:
    """Of the campaigns those whose qualification one of the raters has to pass once more, with the
    version that asks for it: they had judged there before it came out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT g.campaign_id, max(g.number) FROM labeling_guidelineversion g
            WHERE g.campaign_id = ANY(%s) AND g.number IS NOT NULL AND g.asks_requalification
              AND EXISTS (SELECT FROM labeling_judgment j WHERE j.campaign_id = g.campaign_id
                AND j.rater_id = ANY(%s) AND j.created_at < g.published_at)
            GROUP BY g.campaign_id""",
            [list(campaigns), list(raters)],
        )
        return dict(cursor.fetchall())
