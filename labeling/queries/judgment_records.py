"""Judgments as the canonical record, a page at a time. Exports stream; see export_rows."""

from typing import Any

from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, TextField, When
from django.db.models.functions import Cast, Coalesce
from msgspec.structs import asdict

from labeling.formats.export_rows import ExportRow, signed_score, turned_row
from labeling.models import Campaign, Gold, Judgment, Round, Seat
from labeling.queries.adjudicated import adjudication_json


def records(campaign: Campaign, *, with_history: bool = False) -> QuerySet[Judgment]:
    """Judgments with all that `record_of` reads, in one query.

    History adds superseded ones; a withdrawn judgment is in neither, as it could not be told apart.
    Practice is in neither, as in exports: its raters were told the answers one by one.
    """
    seats = Seat.objects.filter(rater=OuterRef("rater"), campaign=OuterRef("campaign"))
    # The same rater's first judgment of the pair, the standing one if it was revised.
    stands = Q(superseded_by=None, withdrawal=None)
    first = Judgment.objects.filter(
        rater=OuterRef("rater"), comparison=OuterRef("comparison"), is_repeat=False
    ).order_by(Case(When(stands, then=0), default=1), "pk")
    judgments = Judgment.objects.filter(campaign=campaign, withdrawal=None).exclude(
        comparison__round__kind=Round.Kind.QUALIFICATION
    )
    if not with_history:
        judgments = judgments.standing()
    return (
        judgments.select_related(
            "campaign",
            "comparison__prompt",
            "comparison__round",
            "comparison__completion_a__source",
            "comparison__completion_b__source",
            "rater",
            "guideline_version",
            "superseded_by",
        )
        .prefetch_related("comparison__adjudications")
        .annotate(
            pseudonym=Subquery(seats.values("pseudonym")[:1]),
            groups=Subquery(seats.values("groups")[:1]),
            is_gold=Exists(Gold.objects.filter(comparison=OuterRef("comparison"))),
            first_id=Subquery(
                first.values(name=Coalesce("external_id", Cast("public_id", TextField())))[:1]
            ),
        )
    )


def record_of(judgment: Any) -> dict[str, Any]:
    """One judgment of `records`, every key of the record."""
    comparison = judgment.comparison
    a, b = comparison.completion_a, comparison.completion_b
    later = getattr(judgment, "superseded_by", None)
    row = ExportRow(
        judgment_id=judgment.external_id or judgment.public_id,
        comparison_id=comparison.external_id or comparison.public_id,
        campaign=judgment.campaign.slug,
        round=comparison.round.number if comparison.round else None,
        prompt_id=comparison.prompt.external_id or comparison.prompt.public_id,
        prompt=comparison.prompt.messages,
        completion_a=a.messages,
        completion_b=b.messages,
        model_a=a.source.model,
        model_b=b.source.model,
        params_a=a.source.params,
        params_b=b.source.params,
        shown_left=judgment.shown_left,
        presentation_arm=judgment.presentation_arm or None,
        guideline_version=judgment.guideline_version and judgment.guideline_version.number,
        clauses=judgment.clauses,
        rater=judgment.pseudonym,
        rater_kind=judgment.rater.kind,
        rater_groups=judgment.groups,
        preference=judgment.preference,
        strength=judgment.strength,
        score=signed_score(judgment.preference, judgment.strength),
        criteria=judgment.criteria,
        quality_a=judgment.quality_a,
        quality_b=judgment.quality_b,
        rationale=judgment.rationale,
        edited=judgment.edited or {},
        steps=judgment.steps,
        active_ms=judgment.active_ms,
        created_at=judgment.judged_at,
        is_gold=judgment.is_gold,
        repeat_of=judgment.first_id if judgment.is_repeat else None,
        selection_policy=comparison.selection_policy or None,
        propensity=comparison.propensity,
        superseded_by=(later.external_id or later.public_id) if later else None,
        marks_a=a.marks,
        marks_b=b.marks,
        adjudication=adjudication_json(comparison),
    )
    return asdict(turned_row(row) if comparison.is_turned else row)
