"""Start a campaign and change it."""

import hashlib
import secrets
from functools import partial
from typing import Any

import orjson
from django.core.files.storage import default_storage
from django.db import IntegrityError, connection, models, transaction
from django.db.models.functions import Now
from django.utils.text import slugify

from labeling import audit, schemas
from labeling.actions.ended import refuse_archived
from labeling.actions.rounds import change_overlap, check_overlap, extend_round
from labeling.errors import ConflictError, FieldProblem, InvalidInputError
from labeling.models import Campaign, Completion, Image, Membership, Organisation, Token, User
from labeling.policy import read_policy

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
CHANGED = (
    "Somebody else has changed these settings since you opened the page, and nothing of yours is"
    " saved yet. What you typed is still here: look at both, then save again."
)
# Names of pages below /campaigns/ and /rate/: a campaign of that slug could not be opened.
RESERVED_SLUGS = {"new", "recorded"}


@transaction.atomic(durable=True)
def create_campaign(*, organisation: Organisation, by: User | None, **fields: Any) -> Campaign:
    """A new campaign, a draft or active, whose maker owns it. A taken slug is a ConflictError.

    `fields` are those of `new_campaign`.
    """
    return new_campaign(organisation=organisation, by=by, **fields)


def new_campaign(
    *,
    organisation: Organisation,
    by: User | None,
    name: str,
    slug: str = "",
    description: str = "",
    state: str = State.DRAFT,
    overlap: int = 3,
    lease_seconds: int = 1800,
    revise_seconds: int = 600,
    schema: Any = None,
    presentation: Any = None,
    requirements: Any = None,
    policy: Any = None,
    attribution: str = "",
    is_simulated: bool = False,
    cloned_from: Campaign | None = None,
) -> Campaign:
    """`create_campaign` for an action that does more in the same transaction."""
    if state not in (State.DRAFT, State.ACTIVE):
        message = f"A campaign begins as a draft or active; it cannot begin as {state}."
        raise InvalidInputError(message, problems=[FieldProblem("state", message)])
    check_overlap(overlap)
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
                # Of a name without a Latin letter: the same for the same name, as others are.
                slug=slug or f"campaign-{hashlib.sha256(name.encode()).hexdigest()[:6]}",
                description=description,
                state=state,
                overlap=overlap,
                lease_seconds=lease_seconds,
                revise_seconds=revise_seconds,
                schema=schemas.as_json(schemas.read_schema(schema or {})),
                presentation=schemas.as_json(schemas.read_presentation(presentation or {})),
                requirements=schemas.as_json(asked),
                policy=schemas.as_json(read_policy(policy or {})),
                attribution=attribution,
                is_simulated=is_simulated,
                pseudonym_key=secrets.token_hex(32),
                cloned_from=cloned_from,
                created_by=by,
            )
    except IntegrityError:
        message = "A campaign with this slug exists; choose another."
        raise ConflictError(message, problems=[FieldProblem("slug", message)]) from None
    if by is not None:
        Membership.objects.create(campaign=campaign, user=by, role=Membership.Role.OWNER)
    audit.record(
        "campaign.created",
        campaign=campaign,
        by=by,
        subject=campaign.public_id,
        **({"cloned_from": cloned_from.slug} if cloned_from else {}),
    )
    return campaign


@transaction.atomic(durable=True)
def update_campaign(
    *, campaign: Campaign, by: User | None, was: str | None = None, **changes: Any
) -> Campaign:
    """Change what may change, and put before raters what waits if the campaign is active then.

    All of it or nothing. The scale and the criteria of a campaign with judgments stay as they are,
    and an archived campaign but for its words. A new overlap goes for the open rounds that have the
    old one; new arms and weights for what is laid from now on. `was` is the `mark_of` the settings
    as the user was shown them: if others are stored by now, ConflictError.
    """
    campaign = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    if was is not None and was != mark_of(campaign):
        raise ConflictError(CHANGED)
    for field, read in (
        ("schema", schemas.read_schema),
        ("presentation", schemas.read_presentation),
        ("requirements", schemas.read_requirements),
        ("policy", read_policy),
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
        _refuse_other_questions(campaign, changes["schema"])
    overlap = changes.pop("overlap", None)
    told = _new_rule(campaign, changes)
    before = _settings_of(campaign)
    for field, value in changes.items():
        setattr(campaign, field, value)
    if changes:
        if figures := _figures(before, _settings_of(campaign)):
            told["changed"] = figures
        campaign.save(update_fields=[*changes])
        audit.record(
            "campaign.updated",
            campaign=campaign,
            by=by,
            subject=campaign.public_id,
            fields=sorted(changes),
            state=campaign.state,
            **told,
        )
    if overlap is not None:
        change_overlap(campaign, overlap, by)
    extend_round(campaign, by)
    return campaign


def mark_of(campaign: Campaign) -> str:
    """The settings that are stored, one short hash each: `overlap=1f2e3d policy.budget=…`."""
    return " ".join(
        f"{name}={hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]}"
        for name, value in _settings_of(campaign).items()
    )


def changed_since(campaign: Campaign, was: str) -> dict[str, Any]:
    """What is stored by now of the settings that are no longer as they were at that mark."""
    before, now = set(was.split()), mark_of(campaign).split()
    stored = _settings_of(campaign)
    return {name: stored[name] for one in now if one not in before for name in one.split("=")[:1]}


def _settings_of(campaign: Campaign) -> dict[str, Any]:
    """Every setting by its name, with the defaults of those that are older than the setting."""
    found: dict[str, Any] = {
        name: getattr(campaign, name)
        for name in ("name", "description", "attribution", "overlap", "lease_seconds")
    }
    for part, read in (
        ("schema", schemas.read_schema),
        ("presentation", schemas.read_presentation),
        ("requirements", schemas.read_requirements),
        ("policy", read_policy),
    ):
        values = schemas.as_json(read(getattr(campaign, part)))
        found |= {f"{part}.{name}": value for name, value in values.items()}
    return found


def _figures(before: dict[str, Any], after: dict[str, Any]) -> dict[str, list[Any]]:
    """What the settings that are numbers or switches were and became. Words stay out of the log."""
    plain = (bool, int, float, type(None))
    return {
        name: [before[name], after[name]]
        for name in before
        if before[name] != after[name]
        and isinstance(before[name], plain)
        and isinstance(after[name], plain)
    }


def _new_rule(campaign: Campaign, changes: dict[str, Any]) -> dict[str, Any]:
    """The rule that pauses raters where it changes: the event's time is from when it counts."""
    if "policy" not in changes:
        return {}
    before, after = read_policy(campaign.policy), read_policy(changes["policy"])
    if after.pause_rule == before.pause_rule:
        return {}
    if (rule := after.pause_rule) is None:
        return {"pause_rule": None}
    return {"pause_rule": [f"{rule.in_a_row} in a row", f"under {rule.seconds:g} s each"]}


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


def refused_changes(before: dict[str, Any], after: dict[str, Any]) -> list[FieldProblem]:
    """What of a schema may not become `after` once there are judgments: by field, with a way out.

    An answer is read by the scale and the criteria it was given under. A criterion's words may
    change, and one may be added: judgments made before have no answer to it.
    """
    problems = []
    if after["scale"] != before.get("scale"):
        message = "This campaign has judgments on its scale; clone it to ask on another."
        problems.append(FieldProblem("schema.scale", message))
    kept = {criterion["key"] for criterion in after["criteria"]}
    for criterion in before.get("criteria", []):
        if criterion["key"] not in kept:
            message = (
                f"“{criterion['label']}” has been judged and stays; clone the campaign to ask"
                " without it."
            )
            problems.append(FieldProblem("schema.criteria", message))
    return problems


def _refuse_other_questions(campaign: Campaign, schema: dict[str, Any]) -> None:
    problems = refused_changes(campaign.schema, schema)
    if problems and campaign.judgments.exists():
        raise InvalidInputError(problems[0].message, problems=problems)


@transaction.atomic(durable=True)
def delete_campaign(*, campaign: Campaign, by: User | None, slug: str) -> None:
    """Delete a draft that holds no judgment, with all that was brought into it.

    The slug is typed so that nobody deletes another than they mean. What was judged is never
    deleted: it can be archived.
    """
    held = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if slug != held.slug:
        message = f"Type {held.slug} to delete this campaign."
        raise InvalidInputError(message, problems=[FieldProblem("sure", message)])
    if held.state != State.DRAFT or held.judgments.exists() or held.rounds.exists():
        raise ConflictError(
            "Only a draft that was never opened and holds no judgment can be deleted. Archive this"
            " one instead."
        )
    if held.jobs.filter(status__in=["queued", "running"]).exists():
        raise ConflictError("A job of this campaign is under way. Cancel it, or wait for its end.")
    # Bound to nothing, they would be good for everything.
    Token.objects.filter(campaigns=held, revoked_at=None).update(revoked_at=Now())
    files = list(held.images.values_list("file", flat=True))
    _empty(held)
    Campaign.objects.filter(cloned_from=held).update(cloned_from=None)
    # Its events stay in the log, so the row goes past the ORM, which would not leave them alone.
    Campaign.objects.filter(pk=held.pk)._raw_delete(using=connection.alias)
    audit.record("campaign.deleted", by=by, subject=held.public_id, slug=held.slug)
    # A clone names the same files.
    for name in set(files) - set(
        Image.objects.filter(file__in=files).values_list("file", flat=True)
    ):
        transaction.on_commit(partial(default_storage.delete, name))


def _empty(campaign: Campaign) -> None:
    """Delete all that hangs on the campaign, what refers to other things first."""
    campaign.comparisons.all().delete()
    campaign.generation_runs.all().delete()
    campaign.routings.all().delete()
    Completion.objects.filter(prompt__campaign=campaign).delete()
    for relation in Campaign._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel) and relation.on_delete is models.CASCADE:
            rows = relation.related_model._base_manager
            rows.filter(**{relation.field.name: campaign}).delete()
