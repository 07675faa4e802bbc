"""Below `/campaigns/<slug>/`: what there is to judge and how it was judged, files in and out."""

from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from labeling import access
from labeling.actions.imports import queue_import, sha256_of
from labeling.errors import NotFoundError
from labeling.formats.export_choice import choose
from labeling.formats.marks import WORDS
from labeling.models import ImportProblem, Job
from labeling.queries import progress, votes
from labeling.queries.export_downloads import export_response
from labeling.web import rendered
from labeling.web.campaign_forms import ImportForm
from labeling.web.campaigns import frame, uuid_of
from labeling.web.signed_in import PageRequest, signed_in

SHOWN_PROBLEMS = 100
SHOWN_IMPORTS = 10
# What the page offers to download: the layouts of an export, and whom each is for.
OFFERED = (
    ("trl", "Preference pairs for TRL", "prompt, chosen, rejected as messages, with a margin"),
    ("hh", "Pairs as hh-rlhf transcripts", "chosen and rejected as one text each"),
    ("native", "Every judgment", "the whole record, ties and gold included"),
)


@signed_in
@require_safe
def prompts(request: PageRequest, slug: str) -> HttpResponse:
    """The comparisons with their votes, a page at a time."""
    shown = access.campaign_for_reader(request.user, slug)
    page = votes.page_of(
        votes.comparisons(shown),
        after=uuid_of(request.GET.get("after", "")),
        before=uuid_of(request.GET.get("before", "")),
    )
    context = {
        **frame(request, shown, "prompts"),
        "page": page,
        "rows": votes.judged(page.rows),
    }
    return render(request, "labeling/campaign_prompts.html", context)


@signed_in
@require_safe
def comparison(request: PageRequest, slug: str, comparison_id: UUID) -> HttpResponse:
    """One comparison as raters saw it, with its models and every standing judgment."""
    shown = access.campaign_for_reader(request.user, slug)
    found = votes.comparisons(shown).filter(public_id=comparison_id).first()
    if found is None:
        raise NotFoundError("There is no such comparison in this campaign.")
    a, b = found.completion_a, found.completion_b
    prompt, text_a, text_b = rendered.conversations(
        [found.prompt.messages, a.messages or [], b.messages or []],
        campaign=shown,
        viewer=request.user,
    )
    context = {
        **frame(request, shown, "prompts"),
        "row": votes.judged([found])[0],
        "prompt": prompt,
        "sides": [
            ("a", a, text_a.owned_by("Completion A"), [WORDS.get(m, m) for m in a.marks]),
            ("b", b, text_b.owned_by("Completion B"), [WORDS.get(m, m) for m in b.marks]),
        ],
        "judgments": votes.judgments_of(found)[:200],
    }
    return render(request, "labeling/campaign_comparison.html", context)


@signed_in
@require_safe
def datasets(request: PageRequest, slug: str) -> HttpResponse:
    """How to get the judgments out: downloads, and the same as lines to copy."""
    shown = access.campaign_for_reader(request.user, slug)
    address = f"{settings.BASE_URL}/api/v1/campaigns/{shown.slug}/export/"
    context = {
        **frame(request, shown, "datasets"),
        "offered": [
            {
                "layout": layout,
                "name": name,
                "holds": holds,
                "url": f"{address}?layout={layout}",
            }
            for layout, name, holds in OFFERED
        ],
        "report": progress.newest_report(shown),
    }
    return render(request, "labeling/campaign_datasets.html", context)


@signed_in
@require_safe
def export(request: PageRequest, slug: str) -> HttpResponseBase:
    """The live export for somebody signed in: the API's bytes without its token."""
    shown = access.campaign_for_reader(request.user, slug)
    return export_response(request, shown, choose(request.GET.dict()))


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: PageRequest, slug: str) -> HttpResponse:
    """Upload a file and see what became of earlier ones."""
    if request.method == "POST":
        shown = access.campaign_for_manager(request.user, slug)
    else:
        shown = access.campaign_for_reader(request.user, slug)
    form = ImportForm(request.POST or None, request.FILES or None)
    if form.is_valid():
        file = form.cleaned_data["file"]
        job = queue_import(
            campaign=shown,
            by=request.user,
            file=file,
            name=file.name,
            sha256=sha256_of(file),
            kind=form.cleaned_data["kind"],
            layout=form.cleaned_data["layout"],
            is_lenient=form.cleaned_data["lenient"],
            is_dry_run=form.cleaned_data["dry_run"],
        )
        return redirect("campaign_import", slug, job.public_id)
    jobs = shown.jobs.filter(kind="import").select_related("imported_file", "created_by")
    context = {
        **frame(request, shown, "imports"),
        "form": form,
        "jobs": jobs.order_by("-pk")[:SHOWN_IMPORTS],
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_imports.html", context, status=status)


@signed_in
@require_safe
def import_job(request: PageRequest, slug: str, job_id: UUID) -> HttpResponse:
    """One import: its progress while it runs, then what came of it and which lines were bad."""
    shown = access.campaign_for_reader(request.user, slug)
    job = shown.jobs.filter(public_id=job_id, kind="import").select_related("imported_file").first()
    if job is None:
        raise NotFoundError("There is no such import in this campaign.")
    context = {
        **frame(request, shown, "imports"),
        "job": job,
        "is_live": job.status in {Job.Status.QUEUED, Job.Status.RUNNING},
        "problems": ImportProblem.objects.filter(job=job).order_by("line", "pk")[:SHOWN_PROBLEMS],
        "rejected": (job.result or {}).get("rejected", 0),
    }
    template = "labeling/campaign_import.html"
    return render(request, f"{template}#job" if request.htmx else template, context)
