"""What an answer is compared with: the steps and texts that were shown, and the known clauses."""

from collections.abc import Mapping
from typing import Any

from labeling.formats.edits import editable_text
from labeling.models import Assignment, Campaign, Comparison, GuidelineVersion
from labeling.queries.bench import sides
from labeling.rendering.reasoning import step_count
from labeling.schemas import ResponseSchema, Shown, Side


def shown_for(assignment: Assignment, schema: ResponseSchema, answer: Any) -> Shown:
    """What `answer` has to fit. Only what the campaign asks and the answer names is read."""
    named = answer if isinstance(answer, Mapping) else {}
    is_edited = schema.edit_winner and bool(named.get("edited"))
    counts: dict[Side, int] | None = None
    texts: dict[Side, str] | None = None
    clauses: frozenset[str] | None = None
    if schema.steps or is_edited:
        if not Assignment.comparison.is_cached(assignment):
            assignment.comparison = Comparison.objects.select_related(
                "completion_a", "completion_b"
            ).get(pk=assignment.comparison_id)
        left, right = sides(assignment)
        if schema.steps:
            counts = {"left": step_count(left), "right": step_count(right)}
        if is_edited:
            texts = {"left": editable_text(left), "right": editable_text(right)}
    if schema.clauses and named.get("clauses"):
        clauses = known_clauses(assignment.campaign)
    return Shown(step_counts=counts, clauses=clauses, texts=texts)


def clauses_in_force(campaign: Campaign) -> list[dict[str, str]]:
    """The clauses of the newest guidelines, in their order: `id` and `title` each."""
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    newest = published.order_by("-number").values_list("clauses", flat=True).first()
    return list(newest or [])


def known_clauses(campaign: Campaign) -> frozenset[str] | None:
    """The ids of the clauses of every published version; None where nothing was published.

    A version published while a rater was judging takes no clause from under them.
    """
    published = GuidelineVersion.objects.filter(campaign=campaign, number__isnull=False)
    versions = list(published.values_list("clauses", flat=True))
    if not versions:
        return None
    return frozenset(str(clause["id"]) for clauses in versions for clause in clauses)
