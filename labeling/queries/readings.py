"""Which guidelines a rater has read, and what has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labeling.clauses import Change, WorkedExample, changes, read_examples, sections
from labeling.models import (
    Assignment,
    Campaign,
    GuidelineReading,
    GuidelineVersion,
    Judgment,
    Rater,
)


@dataclass(frozen=True)
class News:
    """What a rater has to read: the newest version, and how it differs from the one they know."""

    version: GuidelineVersion
    known_number: int
    changes: list[Change]
    notes: list[str]


@dataclass(frozen=True)
class GuidelineSection:
    """A section as it is read, with its worked examples."""

    id: str
    title: str
    text: str
    examples: list[WorkedExample]


def newest_version(campaign: Campaign) -> GuidelineVersion | None:
    """The newest published version."""
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    return published.order_by("-number").first()


def version_numbered(campaign: Campaign, number: int) -> GuidelineVersion | None:
    return GuidelineVersion.objects.filter(campaign=campaign, number=number).first()


def published_versions(campaign: Campaign) -> list[GuidelineVersion]:
    """All published versions without their texts, the newest first."""
    return list(
        GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
        .select_related("published_by")
        .defer("body", "examples", "clauses")
        .order_by("-number")
    )


def known_number(rater: Rater, campaign: Campaign) -> int | None:
    """The newest version the rater confirmed or judged by; 0 for one who judged by none, None for
    a newcomer.
    """
    read = (
        GuidelineReading.objects.filter(rater=rater, version__campaign=campaign)
        .order_by("-version__number")
        .values_list("version__number", flat=True)
        .first()
    )
    newest = (
        Judgment.objects.filter(
            rater=rater,
            assignment__campaign=campaign,
            assignment__outcome=Assignment.Outcome.COMPLETED,
        )
        .order_by("-pk")
        .values_list("guideline_version__number", flat=True)[:1]
    )
    judged = [number or 0 for number in newest]
    known = [number for number in (read, *judged) if number is not None]
    return max(known) if known else None


def news(rater: Rater, campaign: Campaign, version: GuidelineVersion) -> News:
    """What the rater has to read to know `version`."""
    number = known_number(rater, campaign) or 0
    known = version_numbered(campaign, number) if number else None
    between = GuidelineVersion.objects.filter(
        campaign=campaign, number__gt=number, number__lte=version.number or 0
    ).order_by("number")
    return News(
        version,
        number,
        changes(known.body if known else "", version.body),
        [note for note in between.values_list("change_note", flat=True) if note],
    )


def sections_of(version: GuidelineVersion) -> list[GuidelineSection]:
    """The text by sections, each with the worked examples of its clause."""
    examples = stored_examples(version)
    return [
        GuidelineSection(
            section.id,
            section.title,
            section.text,
            [one for one in examples if section.id and one.clause == section.id],
        )
        for section in sections(version.body)
    ]


def stored_examples(version: GuidelineVersion) -> tuple[WorkedExample, ...]:
    """The version's worked examples, which were checked when it was published."""
    clauses: list[Mapping[str, Any]] = version.clauses
    return read_examples(version.examples, [str(clause["id"]) for clause in clauses])
