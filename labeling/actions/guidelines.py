"""Publish guidelines as numbered versions."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.clauses import clauses_of, read_examples
from labeling.errors import FieldProblem, InvalidInputError
from labeling.models import Campaign, GuidelineVersion, User
from labeling.schemas import as_json


@transaction.atomic(durable=True)
def publish_guidelines(
    *,
    campaign: Campaign,
    body: str,
    by: User | None,
    change_note: str = "",
    examples: Any = None,
    asks_rereading: bool = True,
) -> GuidelineVersion:
    """The next numbered version. From now on judgments are stamped with it.

    Without `examples` those of the version before stay, as far as their clauses do. Raters who
    know an older version read what changed before they go on, unless `asks_rereading` is False.
    """
    if not body.strip():
        message = "Write the guidelines first."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    campaign = hold_campaign(campaign)
    clauses = clauses_of(body)
    ids = [clause["id"] for clause in clauses]
    last = campaign.guidelines.filter(number__isnull=False).order_by("-number").first()
    if examples is None:
        kept = last.examples if last else []
        examples = [example for example in kept if example["clause"] in ids]
    version = GuidelineVersion.objects.create(
        campaign=campaign,
        number=(last.number or 0) + 1 if last else 1,
        body=body,
        clauses=clauses,
        examples=[as_json(example) for example in read_examples(examples, ids)],
        asks_rereading=asks_rereading,
        change_note=change_note,
        published_at=timezone.now(),
        published_by=by,
    )
    audit.record(
        "guidelines.published",
        campaign=campaign,
        by=by,
        subject=version.public_id,
        number=version.number,
        examples=len(version.examples),
        asks_rereading=asks_rereading,
    )
    return version
