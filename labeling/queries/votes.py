"""Comparisons with how they were judged, a page at a time: for those who may read judgments."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, OuterRef, QuerySet, Subquery

from labeling.errors import NotFoundError
from labeling.models import Campaign, Comparison, Gold, Judgment, Seat
from labeling.rendering.messages import plain_text

M = TypeVar("M", bound=Model)
# Votes of one comparison that a list shows; the number of all is always said.
SHOWN_VOTES = 12


@dataclass(frozen=True)
class Vote:
    """One standing judgment as a step of the scale: a3 … a1, tie, b1 … b3, or both_bad."""

    preference: str
    strength: int | None

    @property
    def step(self) -> str:
        """The class of the scale's step; an unknown strength is shown as "better"."""
        if self.preference in {"a", "b"}:
            return f"{self.preference}{2 if self.strength is None else self.strength or 1}"
        return "tie"

    @property
    def letter(self) -> str:
        return {"a": "A", "b": "B", "tie": "=", "both_bad": "×"}[self.preference]

    @property
    def words(self) -> str:
        if self.preference == "both_bad":
            return "both bad"
        if self.preference == "tie":
            return "tie"
        how = {1: "slightly better", 3: "much better"}.get(self.strength or 0, "better")
        return f"{self.preference.upper()} {how}"


@dataclass(frozen=True)
class Judged:
    """A comparison and its votes, those for A first."""

    comparison: Comparison
    votes: list[Vote]
    is_gold: bool

    @property
    def shown(self) -> list[Vote]:
        return self.votes[:SHOWN_VOTES]

    @property
    def words(self) -> str:
        return ", ".join(vote.words for vote in self.votes) or "no judgment yet"

    @property
    def title(self) -> str:
        """The last thing the user says, as one line."""
        return summary(self.comparison.prompt.messages)


@dataclass(frozen=True)
class Page(Generic[M]):
    """Rows, and the public ids to go on from: after the last, before the first; None at an end."""

    rows: list[M]
    after: UUID | None
    before: UUID | None


def page_of(
    rows: QuerySet[M],
    *,
    after: UUID | None = None,
    before: UUID | None = None,
    newest_first: bool = False,
    size: int = 25,
) -> Page[M]:
    """A page in the order rows were made, or the reverse; a cursor is the public id of a row.

    It is one of `rows`: whether there is such a row elsewhere is not told.
    """
    cursor, goes_up = before or after, (before is None) != newest_first
    if cursor is not None:
        start = rows.filter(public_id=cursor).values_list("pk").first()
        if start is None:
            raise NotFoundError("This page begins at a row that is gone. Start from the first.")
        rows = rows.filter(**{"pk__gt" if goes_up else "pk__lt": start[0]})
    found: list[Any] = list(rows.order_by("pk" if goes_up else "-pk")[: size + 1])
    has_more = len(found) > size
    found = found[:size]
    if before:
        found.reverse()
    return Page(
        found,
        after=found[-1].public_id if found and (before or has_more) else None,
        before=found[0].public_id if found and (has_more if before else after) else None,
    )


def comparisons(campaign: Campaign) -> QuerySet[Comparison]:
    """The campaign's comparisons with what `judged` shows of each."""
    return Comparison.objects.filter(campaign=campaign).select_related(
        "prompt", "round", "completion_a__source", "completion_b__source"
    )


def judged(rows: Iterable[Comparison]) -> list[Judged]:
    """The comparisons with people's standing judgments, in two statements."""
    listed = list(rows)
    keys = [comparison.pk for comparison in listed]
    votes: dict[int, list[Vote]] = defaultdict(list)
    for key, preference, strength in (
        Judgment.objects.standing()
        # A hidden repeat is no second voice, and a judge is none of the people's.
        .filter(comparison__in=keys, is_repeat=False, rater__kind="human")
        .order_by("pk")
        .values_list("comparison_id", "preference", "strength")
    ):
        votes[key].append(Vote(preference, strength))
    gold = set(Gold.objects.filter(comparison__in=keys).values_list("comparison_id", flat=True))
    return [
        Judged(comparison, sorted(votes[comparison.pk], key=_place), comparison.pk in gold)
        for comparison in listed
    ]


def contested(campaign: Campaign, body: Mapping[str, Any] | None, *, limit: int) -> list[Judged]:
    """The comparisons on which raters differ most, as the report found them."""
    ids = [row["comparison_id"] for row in (body or {}).get("contested", [])[:limit]]
    rows = {str(row.public_id): row for row in comparisons(campaign).filter(public_id__in=ids)}
    return judged(rows[key] for key in ids if key in rows)


def judgments_of(comparison: Comparison) -> QuerySet[Judgment]:
    """The standing judgments of one comparison, with the rater's pseudonym."""
    seats = Seat.objects.filter(rater=OuterRef("rater"), campaign=OuterRef("campaign"))
    return (
        Judgment.objects.standing()
        .filter(comparison=comparison)
        .select_related("rater")
        .annotate(pseudonym=Subquery(seats.values("pseudonym")[:1]))
        .order_by("pk")
    )


def summary(messages: Sequence[Mapping[str, Any]]) -> str:
    """The last user's text of a conversation in one line of at most 160 characters."""
    said = [message for message in messages if message.get("role") == "user"] or list(messages)
    text = plain_text(said[-1].get("content")) if said else ""
    line = " ".join(text[:2000].split())
    return line if len(line) <= 160 else f"{line[:159]}…"


def _place(vote: Vote) -> int:
    steps = ["a3", "a2", "a1", "tie", "b1", "b2", "b3"]
    return steps.index(vote.step)
