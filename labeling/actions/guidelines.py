"""Publish guidelines as numbered versions, and keep the draft of the next one."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from labeling import audit
from labeling.actions.ended import hold_campaign
from labeling.clauses import MOST_EXAMPLES, clauses_of, read_examples, with_former_ids
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Campaign, GuidelineVersion, Round, Seat, User, laying
from labeling.queries.guidelines import cited_and_gone, draft_of, edition_of
from labeling.schemas import as_json, read_requirements

MOST_CHARS = 200_000
MOVED = (
    "Somebody saved or published these guidelines while you were editing."
    " Your text is still here: see what they changed, then save yours or take theirs."
)


@transaction.atomic(durable=True)
def publish_guidelines(
    *,
    campaign: Campaign,
    body: str,
    by: User | None,
    change_note: str = "",
    examples: Any = None,
    asks_rereading: bool = True,
    asks_requalification: bool = False,
    renamed: Mapping[str, str] | None = None,
    confirmed: bool = False,
    seen: str | None = None,
) -> GuidelineVersion:
    """The next numbered version. From now on judgments are stamped with it.

    Without `examples` those of the version before stay, as far as their clauses do. Raters who
    know an older version read what changed before they go on, unless `asks_rereading` is False.
    `asks_requalification` has everybody pass the campaign's own qualification once more.

    A clause that judgments or gold cite may go only if `renamed` says what it has become (its id
    stays as a former one), or with `confirmed`. `seen` is the edition an editor was shown: if it
    is not the present one, ConflictError; otherwise the draft ends with the publication.
    """
    if not body.strip():
        message = "Write the guidelines first."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    if asks_requalification:
        # Held before the campaign, as seats always are; who would pass this instant waits.
        seats = Seat.objects.select_for_update(no_key=True).filter(campaign=campaign)
        list(seats.order_by("pk").values_list("pk"))
    campaign = hold_campaign(campaign)
    draft = draft_of(campaign)
    if seen is not None and seen != edition_of(campaign, draft):
        raise ConflictError(MOVED)
    clauses = clauses_of(body)
    ids = [clause["id"] for clause in clauses]
    renamed = renamed or {}
    _refuse_lost_citations(campaign, ids, renamed, confirmed=confirmed)
    last = campaign.guidelines.filter(number__isnull=False).order_by("-number").first()
    if examples is None:
        kept = last.examples if last else []
        examples = [example for example in kept if example["clause"] in ids]
    version = GuidelineVersion.objects.create(
        campaign=campaign,
        number=(last.number or 0) + 1 if last else 1,
        body=body,
        clauses=with_former_ids(clauses, last.clauses if last else [], renamed),
        examples=[as_json(example) for example in read_examples(examples, ids)],
        asks_rereading=asks_rereading,
        asks_requalification=asks_requalification,
        change_note=change_note,
        published_at=timezone.now(),
        published_by=by,
    )
    if seen is not None and draft is not None:
        draft.delete()
    reset = _ask_requalification(campaign) if asks_requalification else 0
    audit.record(
        "guidelines.published",
        campaign=campaign,
        by=by,
        subject=version.public_id,
        number=version.number,
        examples=len(version.examples),
        asks_rereading=asks_rereading,
        asks_requalification=asks_requalification,
        requalify=reset,
    )
    return version


@transaction.atomic(durable=True)
def save_draft(
    *,
    campaign: Campaign,
    by: User,
    body: str,
    examples: list[dict[str, Any]],
    change_note: str,
    asks_rereading: bool,
    asks_requalification: bool,
    seen: str,
) -> GuidelineVersion:
    """Keep the draft of the next version, as it is: it may be unfinished. Safe to repeat.

    `seen` is the edition the editor was shown. ConflictError where another has been saved or
    published since: nothing of either is touched.
    """
    if len(body) > MOST_CHARS or len(examples) > MOST_EXAMPLES or "\x00" in body:
        message = f"At most {MOST_CHARS:,} characters and {MOST_EXAMPLES} worked examples."
        raise InvalidInputError(message, problems=[FieldProblem("body", message)])
    campaign = hold_campaign(campaign)
    draft = draft_of(campaign)
    fields = {
        "body": body,
        "examples": examples,
        "change_note": change_note,
        "asks_rereading": asks_rereading,
        "asks_requalification": asks_requalification,
    }
    if draft is not None and all(getattr(draft, name) == value for name, value in fields.items()):
        return draft
    if seen != edition_of(campaign, draft):
        raise ConflictError(MOVED)
    if draft is None:
        draft = GuidelineVersion.objects.create(campaign=campaign, published_by=by, **fields)
        audit.record("guidelines.draft_begun", campaign=campaign, by=by, subject=draft.public_id)
        return draft
    for name, value in fields.items():
        setattr(draft, name, value)
    draft.published_by = by
    draft.save(update_fields=[*fields, "published_by"])
    return draft


@transaction.atomic(durable=True)
def discard_draft(*, campaign: Campaign, by: User, seen: str) -> None:
    """Throw the draft away. ConflictError if it is not the one the editor was shown."""
    campaign = hold_campaign(campaign)
    draft = draft_of(campaign)
    if draft is None:
        return
    if seen != edition_of(campaign, draft):
        raise ConflictError(MOVED)
    audit.record("guidelines.draft_discarded", campaign=campaign, by=by, subject=draft.public_id)
    draft.delete()


def _refuse_lost_citations(
    campaign: Campaign, ids: list[str], renamed: Mapping[str, str], *, confirmed: bool
) -> None:
    lost = [key for key in cited_and_gone(campaign, ids) if key not in renamed]
    if lost and not confirmed:
        named = ", ".join(lost)
        message = (
            f"Judgments or known answers cite {named}, which this text does not have. Keep the"
            " id, say which clause it has become, or confirm that it is gone."
        )
        raise ConflictError(message, problems=[FieldProblem("body", message)])


def _ask_requalification(campaign: Campaign) -> int:
    """Take the qualification from everybody; how many seats. The caller holds the campaign.

    Open rounds of practice close: their answers were told under the older text, so that passing
    them again, or having passed them, would show nothing.
    """
    if read_requirements(campaign.requirements).qualification != campaign.slug:
        message = "This campaign has no qualification of its own that could be passed again."
        raise InvalidInputError(message, problems=[FieldProblem("asks_requalification", message)])
    rounds = campaign.rounds.select_for_update(no_key=True).filter(
        kind=Round.Kind.QUALIFICATION, state=Round.State.OPEN
    )
    for closing in rounds.order_by("pk"):
        closing.state, closing.closed_at = Round.State.CLOSED, Now()
        closing.save(update_fields=["state", "closed_at"])
        laying.close(round_id=closing.pk)
    seats = Seat.objects.filter(campaign=campaign, qualified_at__isnull=False)
    return int(seats.update(qualified_at=None))
