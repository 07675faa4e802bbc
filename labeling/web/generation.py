"""`/campaigns/<slug>/generation/`: have completions made, and watch them come."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.generation import (
    cancel_generation,
    change_budget,
    pause_generation,
    pause_variant,
    resume_generation,
    resume_variant,
    retry_failed,
    start_generation,
)
from labeling.errors import InvalidInputError, LabelingError, NotFoundError
from labeling.models import Campaign, GenerationRun
from labeling.queries import generation
from labeling.queries.generation_estimates import estimate_generation
from labeling.queries.generation_figures import figures_of
from labeling.queries.prompt_choices import choices_of
from labeling.web.campaigns import frame
from labeling.web.generation_forms import RaiseForm, Start
from labeling.web.generation_rows import WORDS, Earlier, context_of, estimate_context
from labeling.web.signed_in import PageRequest, signed_in

# What is swapped while a run is watched, each by itself.
PARTS = (
    *("state", "moves", "cap", "stats", "models", "errors", "chart", "minutes", "left_out"),
    "poll",
)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def generations(request: PageRequest, slug: str) -> HttpResponse:
    """The runs of a campaign, the newest in full, and a form that starts one."""
    if request.method == "POST":
        return _sent(request, access.campaign_for_manager(request.user, slug))
    shown = access.campaign_for_reader(request.user, slug)
    if request.htmx:
        return _live(request, shown)
    return _page(request, shown, _start(request, shown))


@signed_in
@require_POST
def move(request: PageRequest, slug: str, run_id: UUID, verb: str) -> HttpResponse:
    """Pause, resume or cancel a run or a model of it, raise its budget, ask again what failed."""
    shown = access.campaign_for_manager(request.user, slug)
    run = shown.generation_runs.filter(public_id=run_id).first()
    if run is None or verb not in MOVES:
        raise NotFoundError("There is no such run in this campaign.")
    try:
        MOVES[verb](request, run)
    except NotFoundError:
        raise
    except LabelingError as error:
        messages.error(request, error.message)
    return redirect("campaign_generation", slug)


def _sent(request: PageRequest, shown: Campaign) -> HttpResponse:
    """Start the run, say what it would take, or show the form with one row more."""
    start = _start(request, shown)
    if "more" in request.POST:
        return _page(request, shown, start)
    estimate: dict[str, Any] = {}
    if start.is_valid():
        try:
            if "dry" in request.POST:
                estimate = estimate_context(estimate_generation(shown, **start.arguments()))
            else:
                start_generation(campaign=shown, by=request.user, **start.arguments())
                return redirect("campaign_generation", shown.slug)
        except LabelingError as error:
            start.refuse(error)
    return _page(request, shown, start, **estimate, status=422 if start.has_errors else 200)


def _start(request: PageRequest, shown: Campaign) -> Start:
    return Start(
        request.POST if request.method == "POST" else None,
        endpoints=generation.usable_endpoints(shown),
        choices=choices_of(shown),
    )


def _page(
    request: PageRequest, shown: Campaign, start: Start, *, status: int = 200, **more: Any
) -> HttpResponse:
    runs = generation.newest_runs(shown)
    progress = generation.progress_of(runs)
    context = {
        **frame(request, shown, "generation"),
        "start": start,
        "earlier": [Earlier(run, progress[run.pk]) for run in runs[1:]],
        **(context_of(runs[0], progress[runs[0].pk], figures_of(runs[0])) if runs else {}),
        **more,
    }
    return render(request, "labeling/campaign_generation.html", context, status=status)


def _live(request: PageRequest, shown: Campaign) -> HttpResponse:
    """The parts of the newest run that change; its state is said aloud when it is another."""
    run = next(iter(generation.newest_runs(shown, 1)), None)
    if run is None:
        return HttpResponse(status=204)
    context = {
        **frame(request, shown, "generation"),
        **context_of(run, generation.progress_of([run])[run.pk], figures_of(run)),
        "is_update": True,
        "parts": PARTS,
    }
    if request.GET.get("seen", "") != f"{run.public_id}.{run.state}":
        context["says"] = f"The run: {WORDS[GenerationRun.State(run.state)].lower()}"
    return render(request, "labeling/campaign_generation_live.html", context)


def _retry(request: PageRequest, run: GenerationRun) -> None:
    position = _position(request) if "position" in request.POST else None
    kind = request.POST.get("kind", "")[:40]
    if "\0" in kind:
        raise NotFoundError("Nothing failed like that.")
    retry_failed(run=run, by=request.user, position=position, kind=kind)


def _raise(request: PageRequest, run: GenerationRun) -> None:
    form = RaiseForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Write a whole number of calls, or an amount.")
    changed = change_budget(run=run, by=request.user, **form.caps(run))
    if changed.state == GenerationRun.State.BUDGET:
        messages.warning(request, "That is used up already: raise it further.")


def _position(request: PageRequest) -> int:
    text = request.POST.get("position", "")
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise NotFoundError("There is no such model in this run.")
    return int(text)


MOVES: dict[str, Callable[[PageRequest, GenerationRun], object]] = {
    "pause": lambda request, run: pause_generation(run=run, by=request.user),
    "resume": lambda request, run: resume_generation(run=run, by=request.user),
    "cancel": lambda request, run: cancel_generation(run=run, by=request.user),
    "retry": _retry,
    "raise": _raise,
    "pause-one": lambda request, run: pause_variant(
        run=run, position=_position(request), by=request.user
    ),
    "resume-one": lambda request, run: resume_variant(
        run=run, position=_position(request), by=request.user
    ),
}
