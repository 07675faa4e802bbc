"""Publish guidelines as numbered versions."""

import re

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.errors import FieldProblem, InvalidInputError
from labeling.models import Campaign, GuidelineVersion, User

# A clause is a heading that begins with its id: "## T1 Truthfulness".
_CLAUSE = re.compile(r"^#{2,4}\s+([A-Z]{1,3}\d{1,3})\b[.:]?\s*(.*)$", re.MULTILINE)


@transaction.atomic(durable=True)
def publish_guidelines(
    *, campaign: Campaign, body: str, by: User | None, change_note: str = ""
) -> GuidelineVersion:
    """The next numbered version. From now on judgments are stamped with it."""
    if not body.strip():
        message = "Write the guidelines first."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    campaign = hold_campaign(campaign)
    clauses = [{"id": key, "title": title.strip()} for key, title in _CLAUSE.findall(body)]
    ids = [clause["id"] for clause in clauses]
    if twins := sorted({key for key in ids if ids.count(key) > 1}):
        message = f"Two clauses have the same id: {', '.join(twins)}. Give each its own."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    last = campaign.guidelines.aggregate(last=Max("number"))["last"] or 0
    version = GuidelineVersion.objects.create(
        campaign=campaign,
        number=last + 1,
        body=body,
        clauses=clauses,
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
    )
    return version
