"""Start a campaign and change it."""

import secrets
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from labeling import audit, schemas
from labeling.actions.ended import refuse_archived
from labeling.actions.rounds import change_overlap, extend_round
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Campaign, Membership, Organisation, User

State = Campaign.State
# Where each state may go. Archived is the end; everything else can be taken up again. A draft whose
# judgments were all made elsewhere is complete without having run.
MOVES: dict[str, set[str]] = {
    State.DRAFT: {State.ACTIVE, State.COMPLETED, State.ARCHIVED},
    State.ACTIVE: {State.PAUSED, State.COMPLETED, State.ARCHIVED},
    State.PAUSED: {State.ACTIVE, State.COMPLETED, State.ARCHIVED},
    State.COMPLETED: {State.ACTIVE, State.ARCHIVED},
    State.ARCHIVED: set(),
}

# What may still be put right in an archived campaign: none of it changes a number.
WORDS = {"name", "description", "attribution"}
# Names of pages below /campaigns/ and /rate/: a campaign of that slug could not be opened.
RESERVED_SLUGS = {"new", "recorded"}


@transaction.atomic(durable=True)
def create_campaign(
    *,
    organisation: Organisation,
    by: User | None,
    name: str,
    slug: str = "",
    description: str = "",
    state: str = State.DRAFT,
    overlap: int = 3,
    lease_seconds: int = 1800,
    schema: Any = None,
    presentation: Any = None,
    requirements: Any = None,
    attribution: str = "",
    is_simulated: bool = False,
) -> Campaign:
    """A new campaign, a draft or active, whose maker owns it. A taken slug is a ConflictError."""
    if state not in (State.DRAFT, State.ACTIVE):
        message = f"A campaign begins as a draft or active; it cannot begin as {state}."
        raise InvalidInputError(message, problems=[FieldProblem("state", message)])
    slug = slug or slugify(name)[:80]
    asked = schemas.read_requirements(requirements or {})
    _check_qualification(asked, organisation.pk, own_slug=slug)
    if slug in RESERVED_SLUGS:
        message = "This slug is taken by a page; choose another."
        raise ConflictError(message, problems=[FieldProblem("slug", message)])
    try:
        with transaction.atomic():
            campaign = Campaign.objects.create(
                organisation=organisation,
                name=name,
                slug=slug or f"campaign-{secrets.token_hex(3)}",
                description=description,
                state=state,
                overlap=overlap,
                lease_seconds=lease_seconds,
                schema=schemas.as_json(schemas.read_schema(schema or {})),
                presentation=schemas.as_json(schemas.read_presentation(presentation or {})),
                requirements=schemas.as_json(asked),
                attribution=attribution,
                is_simulated=is_simulated,
                pseudonym_key=secrets.token_hex(32),
                created_by=by,
            )
    except IntegrityError:
        message = "A campaign with this slug exists; choose another."
        raise ConflictError(message, problems=[FieldProblem("slug", message)]) from None
    if by is not None:
        Membership.objects.create(campaign=campaign, user=by, role=Membership.Role.OWNER)
    audit.record("campaign.created", campaign=campaign, by=by, subject=campaign.public_id)
    return campaign


@transaction.atomic(durable=True)
def update_campaign(*, campaign: Campaign, by: User | None, **changes: Any) -> Campaign:
    """Change what may change, and put before raters what waits if the campaign is active then.

    All of it or nothing. The scale of a campaign with judgments stays as it is, and an archived
    campaign but for its words. A new overlap goes for the open rounds that have the old one.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    for field, read in (
        ("schema", schemas.read_schema),
        ("presentation", schemas.read_presentation),
        ("requirements", schemas.read_requirements),
    ):
        if field in changes:
            changes[field] = schemas.as_json(read(changes[field]))
    changes = {name: new for name, new in changes.items() if getattr(campaign, name) != new}
    state = changes.get("state", campaign.state)
    if state != campaign.state and state not in MOVES[campaign.state]:
        message = f"A campaign that is {campaign.state} cannot become {state}."
        raise ConflictError(message, problems=[FieldProblem("state", message)])
    if set(changes) - WORDS:
        refuse_archived(campaign)
    if "requirements" in changes:
        _check_qualification(
            schemas.read_requirements(changes["requirements"]),
            campaign.organisation_id,
            own_slug=campaign.slug,
        )
    if "schema" in changes:
        _refuse_other_scale(campaign, changes["schema"])
    overlap = changes.pop("overlap", None)
    for field, value in changes.items():
        setattr(campaign, field, value)
    if changes:
        campaign.save(update_fields=[*changes])
        audit.record(
            "campaign.updated",
            campaign=campaign,
            by=by,
            subject=campaign.public_id,
            fields=sorted(changes),
            state=campaign.state,
        )
    if overlap is not None:
        change_overlap(campaign, overlap, by)
    extend_round(campaign, by)
    return campaign


def _check_qualification(
    asked: schemas.Requirements, organisation_id: int, *, own_slug: str
) -> None:
    """Refuse to ask for a qualification that nobody could ever pass."""
    if asked.qualification in (None, own_slug):
        return
    there = Campaign.objects.filter(slug=asked.qualification, organisation=organisation_id)
    if there.exclude(state=State.ARCHIVED).exists():
        return
    field = "requirements.qualification"
    message = "There is no campaign of your organisation with this slug that could qualify raters."
    raise InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])


def _refuse_other_scale(campaign: Campaign, schema: dict[str, Any]) -> None:
    if schema["scale"] != campaign.schema.get("scale") and campaign.judgments.exists():
        message = "This campaign has judgments on its scale; clone it to ask on another."
        raise InvalidInputError(message, problems=[FieldProblem("schema.scale", message)])
