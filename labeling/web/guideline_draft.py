"""`…/guidelines/draft/`: the next version, kept while it is written, previewed and published."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from labeling import access
from labeling.actions.guidelines import discard_draft, publish_guidelines, save_draft
from labeling.clauses import changes
from labeling.errors import ConflictError, LabelingError
from labeling.models import Campaign, GuidelineVersion
from labeling.queries import guidelines as reads
from labeling.queries import readings
from labeling.web.campaigns import frame
from labeling.web.guideline_forms import Editor
from labeling.web.rate_guidelines import previewed_sections
from labeling.web.signed_in import PageRequest, signed_in

TEMPLATE = "labeling/guideline_draft.html"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def draft(request: PageRequest, slug: str) -> HttpResponse:
    """The editor. With htmx it saves by itself; every button works without script too."""
    campaign = access.campaign_for_manager(request.user, slug)
    if request.method != "POST":
        return _page(request, campaign, Editor(None, _begin(campaign)))
    editor = Editor(request.POST, {})
    verb = {
        "publish": _publish,
        "preview": _preview,
        "discard": _discard,
    }.get(request.POST.get("do", ""), _save)
    return verb(request, campaign, editor)


def _save(request: PageRequest, campaign: Campaign, editor: Editor) -> HttpResponse:
    fields = editor.draft()
    if request.POST.get("over"):
        # They have seen what the other saved, and put theirs in its place.
        fields["seen"] = request.POST["over"]
    try:
        save_draft(campaign=campaign, by=request.user, **fields)
    except ConflictError as error:
        return _moved(request, campaign, editor, error)
    except LabelingError as error:
        editor.refuse(error)
        return _page(request, campaign, editor)
    if request.htmx:
        return _told(request, campaign)
    messages.success(request, "The draft is saved. Nobody but managers sees it.")
    return redirect("campaign_guidelines_draft", campaign.slug)


def _preview(request: PageRequest, campaign: Campaign, editor: Editor) -> HttpResponse:
    fields = editor.draft()
    shown: dict[str, Any] = {
        "preview": previewed_sections(fields["body"], fields["examples"]),
        "is_previewed": True,
    }
    if request.htmx:
        return render(request, f"{TEMPLATE}#preview", {"campaign": campaign, **shown})
    return _page(request, campaign, editor, **shown)


def _discard(request: PageRequest, campaign: Campaign, editor: Editor) -> HttpResponse:
    try:
        discard_draft(campaign=campaign, by=request.user, seen=editor.draft()["seen"])
    except ConflictError as error:
        return _moved(request, campaign, editor, error)
    messages.success(request, "The draft is gone.")
    return redirect("campaign_guidelines", campaign.slug)


def _publish(request: PageRequest, campaign: Campaign, editor: Editor) -> HttpResponse:
    if not editor.is_valid():
        return _page(request, campaign, editor)
    fields = editor.form.cleaned_data
    is_confirmed = bool(request.POST.get("confirmed"))
    found = reads.consequences(campaign, fields["body"])
    asks = fields["asks_requalification"] or bool(found.cited_and_gone)
    if asks and not is_confirmed:
        return _page(request, campaign, editor, consequences=found, is_asking=True)
    try:
        made = publish_guidelines(
            campaign=campaign,
            by=request.user,
            examples=editor.filled(),
            renamed=editor.renamed,
            confirmed=is_confirmed,
            **{**fields, "seen": fields["seen"] or None},
        )
    except ConflictError as error:
        if error.problems:
            editor.refuse(error)
            return _page(request, campaign, editor, consequences=found, is_asking=True)
        return _moved(request, campaign, editor, error)
    except LabelingError as error:
        editor.refuse(error)
        return _page(request, campaign, editor)
    told = f"Version {made.number} is out: judgments are stamped with it now."
    if made.asks_requalification:
        told += " Open a qualification round: nobody rates before they pass it."
    messages.success(request, told)
    return redirect("campaign_guidelines", campaign.slug)


def _moved(
    request: PageRequest, campaign: Campaign, editor: Editor, error: ConflictError
) -> HttpResponse:
    """Somebody else saved or published meanwhile: what they have, and this text as it was."""
    theirs = reads.draft_of(campaign)
    newest = readings.newest_version(campaign)
    other = theirs or newest
    context = {
        "conflict": error.message,
        "other": other,
        "other_is_draft": theirs is not None,
        "over": reads.edition_of(campaign, theirs),
        "other_changes": changes(other.body, editor.draft()["body"]) if other else [],
        "seen": editor.draft()["seen"],
    }
    if request.htmx:
        context |= {"campaign": campaign}
        return render(request, f"{TEMPLATE}#saved", context, status=422)
    return _page(request, campaign, editor, status=409, **context)


def _told(request: PageRequest, campaign: Campaign) -> HttpResponse:
    saved = reads.draft_of(campaign)
    context = {
        "campaign": campaign,
        "draft": saved,
        "seen": reads.edition_of(campaign, saved),
        "is_saved": True,
    }
    return render(request, f"{TEMPLATE}#saved", context)


def _page(
    request: PageRequest, campaign: Campaign, editor: Editor, *, status: int = 200, **more: Any
) -> HttpResponse:
    saved = reads.draft_of(campaign)
    newest = readings.newest_version(campaign)
    if editor.has_errors and status == 200 and not more.get("is_previewed"):
        status = 422
    is_sent = editor.form.is_bound
    context = {
        **frame(request, campaign, "guidelines"),
        "form": editor.form,
        "examples": editor.examples,
        "draft": saved,
        "version": newest,
        "next_number": (newest.number or 0) + 1 if newest else 1,
        "seen": str(editor.form["seen"].value() or "")
        if is_sent
        else reads.edition_of(campaign, saved),
        "has_qualification": reads.has_own_qualification(campaign),
        **more,
    }
    if not more.get("is_previewed") and not is_sent:
        begin = _begin(campaign)
        context["preview"] = previewed_sections(begin["body"], begin["examples"])
    return render(request, TEMPLATE, context, status=status)


def _begin(campaign: Campaign) -> dict[str, Any]:
    """What the editor begins with: the draft, else the version in force, else nothing."""
    saved: GuidelineVersion | None = reads.draft_of(campaign)
    if saved is not None:
        return {name: getattr(saved, name) for name in reads.DRAFT_FIELDS}
    newest = readings.newest_version(campaign)
    return {
        "body": newest.body if newest else "",
        "examples": list(newest.examples) if newest else [],
        "asks_rereading": True,
    }
