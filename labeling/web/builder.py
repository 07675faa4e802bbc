"""`/campaigns/new/`: a campaign from scratch, from a template or as another one is set up."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.campaigns import create_campaign
from labeling.actions.cloning import TAKEN_OVER, clone_campaign
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.imports import check_file, queue_import, sha256_of
from labeling.campaign_templates import TEMPLATES, Template, template_of
from labeling.errors import ConflictError, LabelingError
from labeling.models import Campaign, Job, Organisation, User
from labeling.queries.plan import PLANNED
from labeling.queries.readiness import setup_from, setup_of
from labeling.web.builder_parts import Beside, beside, placed, sections
from labeling.web.campaign_draft import OWN, Draft
from labeling.web.campaign_forms import DraftImportForm
from labeling.web.signed_in import PageRequest, signed_in

SECTIONS = ("basics", "prompts", "models", "schema", "people", "look", "quality", "policy")
# Campaigns that the page offers to clone.
OFFERED = 50
# A second click of the form comes within this time.
REPEAT = timedelta(minutes=1)


@dataclass(frozen=True)
class Start:
    """What a new campaign begins with, and how the form says so."""

    said: str = ""
    template: Template | None = None
    source: Campaign | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def new_campaign(request: PageRequest) -> HttpResponse:
    """All that is set once, with what raters would see beside it; it becomes a draft."""
    access.campaigns_for_reader(request.user)
    organisation = access.organisation_for_manager(request.user)
    start = start_of(request, organisation)
    data = request.POST if request.method == "POST" else None
    draft = Draft(
        data,
        initial=start.settings,
        qualifications=qualifications_of(request.user, organisation, None),
        is_looked_at=data is not None and bool({"look", "more"} & data.keys()),
    )
    upload = DraftImportForm(data, request.FILES or None)
    is_saving = data is not None and not {"look", "more"} & data.keys()
    if is_saving and draft.is_valid() and upload.is_valid() and is_taken(upload):
        try:
            made = _made(request, draft, start, organisation)
        except LabelingError as error:
            if isinstance(error, ConflictError) and (
                there := _made_already(request.user, draft, organisation)
            ):
                return redirect(settings_address(there))
            draft.refuse(error)
        else:
            return redirect(settings_address(made, queued(request, made, upload)))
    setup = setup_from(start.settings) if data is None else None
    found = beside(draft, organisation=organisation, campaign=None, setup=setup)
    context = {
        **_shown(request, organisation, draft, found),
        "start": start,
        "upload": upload,
        "templates": TEMPLATES,
        "sources": sources_for(request.user, organisation)[:OFFERED],
        "is_new": True,
    }
    is_refused = is_saving and (draft.has_errors or upload.errors)
    return render(request, "labeling/campaign_new.html", context, status=422 if is_refused else 200)


@signed_in
@require_POST
def new_preview(request: PageRequest) -> HttpResponse:
    """What stands beside the form, for what is typed in it just now. Stores nothing."""
    organisation = access.organisation_for_manager(request.user)
    draft = Draft(
        request.POST,
        initial={},
        qualifications=qualifications_of(request.user, organisation, None),
        is_looked_at=True,
    )
    found = beside(draft, organisation=organisation, campaign=None, setup=None)
    context = {**_shown(request, organisation, draft, found), "is_update": True, "is_new": True}
    return render(request, "labeling/builder_beside.html", context)


def _shown(
    request: PageRequest, organisation: Organisation, draft: Draft, found: Beside
) -> dict[str, Any]:
    endpoints = [one for one in organisation.endpoints.order_by("name") if one.is_enabled]
    unready = {"prompts"} | (set() if endpoints else {"models"})
    return {
        "draft": draft,
        "form": draft.form,
        "beside": found,
        # Each dock is another one: none is kept.
        "fresh": None,
        "warnings": placed(found.warnings),
        "sections": sections(SECTIONS, draft, found.warnings, unready),
        "preview_url": reverse("campaign_new_preview"),
        "endpoints": endpoints,
        "planned": PLANNED,
        "may_manage": True,
        # What the dock links to; its links go nowhere here.
        "campaign": {"slug": "new"},
    }


def start_of(request: PageRequest, organisation: Organisation) -> Start:
    """What the page was asked to begin with; from scratch where it is nothing we know."""
    said = str((request.POST or request.GET).get("start", ""))
    kind, _, name = said.partition(":")
    if kind == "template" and (template := template_of(name)):
        return Start(said, template=template, settings=template.settings)
    if kind == "clone":
        source = sources_for(request.user, organisation).filter(slug=name).first()
        if source is not None:
            settings = {one: getattr(source, one) for one in TAKEN_OVER}
            return Start(said, source=source, settings=settings | {"name": f"{source.name}, copy"})
    return Start()


def sources_for(user: User, organisation: Organisation) -> QuerySet[Campaign]:
    """The campaigns that the user may clone: those of the organisation that they may read."""
    readable = access.campaigns_for_reader(user).filter(organisation=organisation)
    return readable.order_by("-created_at")


def qualifications_of(
    user: User, organisation: Organisation, campaign: Campaign | None
) -> list[tuple[str, str]]:
    """The qualifications to choose from: its own, then those of campaigns that the user may read.

    What is stored stays a choice, under its address alone where the user may not read it.
    """
    others = access.campaigns_for_reader(user).filter(organisation=organisation)
    others = others.exclude(state=Campaign.State.ARCHIVED)
    if campaign is not None:
        others = others.exclude(pk=campaign.pk)
    named = [(slug, name) for slug, name in others.order_by("name").values_list("slug", "name")]
    stored = campaign.requirements.get("qualification") if campaign is not None else None
    if stored and campaign is not None and stored not in {campaign.slug, *dict(named)}:
        named.append((stored, stored))
    return [(OWN, "One of its own"), *named]


def _made(request: PageRequest, draft: Draft, start: Start, organisation: Organisation) -> Campaign:
    arguments = {**draft.arguments(), "slug": draft.form.cleaned_data["slug"]}
    if start.source is not None:
        made = clone_campaign(
            source=start.source,
            by=request.user,
            with_comparisons="with_comparisons" in request.POST,
            with_raters="with_raters" in request.POST,
            **arguments,
        )
    else:
        made = create_campaign(organisation=organisation, by=request.user, **arguments)
    if start.template is not None and "with_guidelines" in request.POST:
        publish_guidelines(
            campaign=made,
            by=request.user,
            body=start.template.guidelines,
            examples=list(start.template.examples),
            change_note=f"The starter guidelines of “{start.template.name}”",
        )
    messages.success(request, "The draft is kept. Nothing is before raters until you start it.")
    return made


def _made_already(user: User, draft: Draft, organisation: Organisation) -> Campaign | None:
    """The draft that the first click of the same form made a moment ago."""
    found = Campaign.objects.filter(
        organisation=organisation,
        created_by=user,
        name=draft.form.cleaned_data["name"],
        state=Campaign.State.DRAFT,
        created_at__gte=Now() - REPEAT,
    )
    made = found.order_by("-pk").first()
    return made if made is not None and setup_of(made) == draft.setup() else None


def is_taken(upload: DraftImportForm) -> bool:
    """Whether the file that came with the form, if one did, will be taken; the form says why not.

    Asked before anything is stored, so that a file is refused together with all the rest.
    """
    if (file := upload.cleaned_data.get("file")) is not None:
        try:
            kind, layout = _read_as(upload)
            check_file(file=file, kind=kind, layout=layout)
        except LabelingError as error:
            upload.add_error("file", error.message)
            return False
    return True


def queued(request: PageRequest, campaign: Campaign, upload: DraftImportForm) -> Job | None:
    """The import of the file that came with the form, if one did and is taken."""
    if (file := upload.cleaned_data.get("file")) is None:
        return None
    kind, layout = _read_as(upload)
    try:
        return queue_import(
            campaign=campaign,
            by=request.user,
            file=file,
            name=file.name,
            sha256=sha256_of(file),
            kind=kind,
            layout=layout,
            is_lenient=upload.cleaned_data["lenient"],
        )
    except LabelingError as error:
        # What else was sent is stored by now.
        messages.error(request, f"The file was not taken. {error.message}")
        return None


def _read_as(upload: DraftImportForm) -> tuple[str, str]:
    """What the file holds, and its layout."""
    said = upload.cleaned_data
    return said["kind"] or "comparisons", said["layout"] or "native"


def settings_address(campaign: Campaign, job: Job | None = None) -> str:
    """Where a draft is gone on with: at its import if there is one."""
    address = reverse("campaign_settings", args=[campaign.slug])
    return address if job is None else f"{address}?import={job.public_id}#prompts"
