"""`/campaigns/<slug>/settings/`: what may still be changed, what that does, and the danger zone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.campaigns import (
    changed_since,
    delete_campaign,
    mark_of,
    refused_changes,
    update_campaign,
)
from labeling.errors import FieldProblem, InvalidInputError, LabelingError
from labeling.models import Campaign, Endpoint, ImportProblem, Job
from labeling.queries.effects import Effect, effects_of
from labeling.queries.generation import usable_endpoints
from labeling.queries.progress import newest_report, progress
from labeling.queries.readiness import setup_of
from labeling.schemas import as_json
from labeling.web.builder import is_taken, qualifications_of, queued, settings_address
from labeling.web.builder_parts import beside, placed, sections
from labeling.web.campaign_draft import Draft
from labeling.web.campaign_forms import DraftImportForm
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in

DRAFT_SECTIONS = (
    "basics",
    "prompts",
    "models",
    "schema",
    "people",
    "look",
    "quality",
    "policy",
    "danger",
)
SECTIONS = tuple(one for one in DRAFT_SECTIONS if one not in {"prompts", "models"})
SHOWN_PROBLEMS = 20


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: PageRequest, slug: str) -> HttpResponse:
    """The settings of a campaign; for a draft, the builder. A manager changes them."""
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
    else:
        campaign = access.campaign_for_reader(request.user, slug)
    data = request.POST if request.method == "POST" else None
    draft = draft_of(campaign, request)
    upload = DraftImportForm(data, request.FILES or None)
    is_saving = data is not None and not {"look", "more"} & data.keys()
    if is_saving and draft.is_valid() and upload.is_valid() and is_taken(upload):
        try:
            return _saved(request, campaign, draft, upload)
        except LabelingError as error:
            draft.refuse(error)
            campaign.refresh_from_db()
    is_refused = is_saving and (draft.has_errors or upload.errors)
    context = _shown(request, campaign, draft) | {"upload": upload, **_import(request, campaign)}
    was = request.POST.get("was")
    if is_refused and was and (theirs := changed_since(campaign, was)):
        # Told of what was stored meanwhile, they may save over it.
        context |= {"theirs": told_settings(theirs), "was": mark_of(campaign)}
    status = 422 if is_refused else 200
    return render(request, "labeling/campaign_settings.html", context, status=status)


@signed_in
@require_POST
def preview(request: PageRequest, slug: str) -> HttpResponse:
    """What stands beside the form, and what saving would do. Stores nothing."""
    campaign = access.campaign_for_manager(request.user, slug)
    context = _shown(request, campaign, draft_of(campaign, request)) | {"is_update": True}
    return render(request, "labeling/builder_beside.html", context)


@signed_in
@require_POST
def end(request: PageRequest, slug: str) -> HttpResponse:
    """The danger zone: complete, archive, or delete a draft. The last two ask for the address."""
    campaign = access.campaign_for_manager(request.user, slug)
    asked, sure = request.POST.get("do", ""), request.POST.get("sure", "").strip()
    try:
        if asked == "delete":
            delete_campaign(campaign=campaign, by=request.user, slug=sure)
            messages.success(request, f"{campaign.name} is deleted.")
            return redirect("campaigns")
        if asked == "archive":
            if sure != campaign.slug:
                message = f"Type {campaign.slug} to archive this campaign."
                raise InvalidInputError(message, problems=[FieldProblem("sure", message)])
            update_campaign(campaign=campaign, by=request.user, state="archived")
            messages.success(request, "The campaign is archived: nothing in it changes any more.")
        elif asked == "complete":
            update_campaign(campaign=campaign, by=request.user, state="completed")
            messages.success(request, "The campaign is complete: nothing more is handed out.")
        else:
            raise InvalidInputError("A campaign is completed, archived or deleted here.")
    except LabelingError as error:
        messages.error(request, error.message)
        return redirect(f"{reverse('campaign_settings', args=[slug])}#danger")
    return redirect("campaign_settings", slug)


def draft_of(campaign: Campaign, request: PageRequest) -> Draft:
    """The campaign's settings as a form, or what was typed over them."""
    names = ("name", "description", "attribution", "overlap", "lease_seconds", "schema")
    stored = {
        name: getattr(campaign, name) for name in (*names, "presentation", "requirements", "policy")
    }
    return Draft(
        request.POST if request.method == "POST" else None,
        initial=stored,
        qualifications=qualifications_of(request.user, campaign.organisation, campaign),
        slug=campaign.slug,
    )


def told_settings(stored: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Settings by their name and their value, in words."""
    return [
        (name.rpartition(".")[2].replace("_", " ").capitalize(), _told(value))
        for name, value in stored.items()
    ]


def _told(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, dict):
        return ", ".join(f"{name.replace('_', ' ')} {_told(one)}" for name, one in value.items())
    if isinstance(value, list):
        return "; ".join(map(_told, value))
    return str(value)


def _saved(
    request: PageRequest, campaign: Campaign, draft: Draft, upload: DraftImportForm
) -> HttpResponse:
    changes = changes_of(campaign, draft)
    effects = _effects(campaign, changes)
    if changes:
        update_campaign(campaign=campaign, by=request.user, was=request.POST.get("was"), **changes)
        told = " ".join(["Saved.", *(effect.text for effect in effects)])
        messages.success(request, told)
    job = queued(request, campaign, upload)
    if not changes and job is None:
        messages.info(request, "Nothing was changed.")
    return redirect(settings_address(campaign, job))


def changes_of(campaign: Campaign, draft: Draft) -> dict[str, Any]:
    """What the draft has otherwise than the campaign, as it would be stored."""
    setup = draft.setup()
    wanted = draft.arguments() | {
        name: as_json(getattr(setup, name))
        for name in ("schema", "presentation", "requirements", "policy")
    }
    # What is stored may be older than a setting: read, it has that one's default.
    stored = setup_of(campaign)
    return {
        name: new
        for name, new in wanted.items()
        if new
        != (as_json(getattr(stored, name)) if isinstance(new, dict) else getattr(campaign, name))
    }


def _effects(campaign: Campaign, changes: dict[str, Any]) -> list[Effect]:
    refused = []
    if "schema" in changes:
        refused = refused_changes(campaign.schema, changes["schema"])
    return effects_of(campaign, changes, refused)


def _shown(request: PageRequest, campaign: Campaign, draft: Draft) -> dict[str, Any]:
    """All that the page and its parts show of the draft."""
    is_sent = draft.form.is_bound
    found = beside(
        draft,
        organisation=campaign.organisation,
        campaign=campaign,
        setup=None if is_sent else setup_of(campaign),
    )
    changes: dict[str, Any] = {}
    if is_sent and found.plan is not None:
        changes = changes_of(campaign, draft)
    is_draft = campaign.state == Campaign.State.DRAFT
    endpoints: list[Endpoint] = usable_endpoints(campaign) if is_draft else []
    unready = set()
    if is_draft and not campaign.comparisons.exists():
        unready = {"prompts"} if not campaign.prompts.exists() else {"models"}
    around = frame(request, campaign, "settings")
    shown = DRAFT_SECTIONS if is_draft else SECTIONS
    if not around["may_manage"]:
        shown = tuple(one for one in shown if one != "danger")
    return {
        **around,
        "draft": draft,
        "form": draft.form,
        "beside": found,
        # Each dock is another one: none is kept.
        "fresh": None,
        "warnings": placed(found.warnings),
        "effects": _effects(campaign, changes) if changes else [],
        "is_changed": bool(changes),
        "is_draft": is_draft,
        "sections": sections(shown, draft, found.warnings, unready),
        "preview_url": reverse("campaign_preview", args=[campaign.slug]),
        "endpoints": endpoints,
        "was": request.POST.get("was") or mark_of(campaign),
        "judged": campaign.judgments.exists(),
        "progress": progress(campaign, newest_report(campaign)),
        # A clone is a new campaign of the organisation.
        "may_clone": bool(access.rank_in_organisation(request.user, campaign.organisation)),
    }


def _import(request: PageRequest, campaign: Campaign) -> dict[str, Any]:
    """The import that the page was sent to, or the last one of a draft."""
    jobs = campaign.jobs.filter(kind="import").select_related("imported_file").order_by("-pk")
    job = jobs.first() if campaign.state == Campaign.State.DRAFT else None
    try:
        asked = UUID(request.GET.get("import", ""))
    except ValueError:
        pass
    else:
        job = jobs.filter(public_id=asked).first() or job
    if job is None:
        return {"job": None}
    return {
        "job": job,
        "is_live": job.status in {Job.Status.QUEUED, Job.Status.RUNNING},
        "problems": ImportProblem.objects.filter(job=job).order_by("line", "pk")[:SHOWN_PROBLEMS],
        "rejected": (job.result or {}).get("rejected", 0),
    }
