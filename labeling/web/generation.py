"""`/campaigns/<slug>/generation/`: have completions made, and watch them come."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.generation import (
    MAX_PER_PROMPT,
    cancel_generation,
    pause_generation,
    resume_generation,
    retry_failed,
    start_generation,
)
from labeling.errors import LabelingError, NotFoundError
from labeling.models import Campaign, Endpoint, GenerationRun
from labeling.queries import generation
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in

PAIRINGS = (("all", "Every pair"), ("baseline", "Each against the baseline"))
MOVES = {
    "pause": pause_generation,
    "resume": resume_generation,
    "cancel": cancel_generation,
    "retry": retry_failed,
}
LIVE = {GenerationRun.State.RUNNING, GenerationRun.State.PAUSED}


class StartForm(forms.Form):
    """Which endpoints are asked, how often, and which pairs are made. The action checks it."""

    completions_per_prompt = forms.IntegerField(
        min_value=1, max_value=MAX_PER_PROMPT, initial=1, label="Completions per prompt"
    )
    pairing = forms.ChoiceField(choices=PAIRINGS, initial="all", label="Pairs")

    def __init__(self, *args: Any, endpoints: list[Endpoint], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(one.public_id), one.name) for one in endpoints if one.is_enabled]
        self.fields["endpoints"] = forms.MultipleChoiceField(label="Endpoints", choices=choices)
        self.fields["baseline"] = forms.ChoiceField(
            required=False, label="Baseline", choices=[("", "The first one chosen"), *choices]
        )

    def arguments(self) -> dict[str, Any]:
        """What `start_generation` takes: the baseline stands first."""
        data = self.cleaned_data
        first = data["baseline"] if data["pairing"] == "baseline" else ""
        named = [one for one in data["endpoints"] if one != first]
        return {
            "endpoints": [first, *named] if first else named,
            "completions_per_prompt": data["completions_per_prompt"],
            "pairing": data["pairing"],
        }

    def refuse(self, error: LabelingError) -> None:
        """Put the action's refusal beside the field it is about, or above the form."""
        for problem in error.problems:
            self.add_error(problem.field if problem.field in self.fields else None, problem.message)
        if not error.problems:
            self.add_error(None, error.message)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def generations(request: PageRequest, slug: str) -> HttpResponse:
    """The runs of a campaign, the newest in full, and a form that starts one."""
    if request.method == "POST":
        shown = access.campaign_for_manager(request.user, slug)
    else:
        shown = access.campaign_for_reader(request.user, slug)
    context = _runs(request, shown)
    if request.htmx and request.method != "POST":
        context["is_update"] = True
        return render(request, "labeling/campaign_generation.html#run", context)
    endpoints = generation.usable_endpoints(shown)
    form = StartForm(request.POST or None, endpoints=endpoints)
    if request.method == "POST" and form.is_valid():
        try:
            start_generation(campaign=shown, by=request.user, **form.arguments())
        except LabelingError as error:
            form.refuse(error)
        else:
            return redirect("campaign_generation", slug)
    context |= {
        "form": form,
        "endpoints": endpoints,
        "chosen": {str(one) for one in form["endpoints"].value() or ()},
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_generation.html", context, status=status)


@signed_in
@require_POST
def move(request: PageRequest, slug: str, run_id: UUID, verb: str) -> HttpResponse:
    """Pause, resume or cancel a run, or ask again for what failed in it."""
    shown = access.campaign_for_manager(request.user, slug)
    run = shown.generation_runs.filter(public_id=run_id).first()
    if run is None or verb not in MOVES:
        raise NotFoundError("There is no such run in this campaign.")
    try:
        MOVES[verb](run=run, by=request.user)
    except LabelingError as error:
        messages.error(request, error.message)
    return redirect("campaign_generation", slug)


def _runs(request: PageRequest, shown: Campaign) -> dict[str, Any]:
    runs = generation.newest_runs(shown)
    progress = generation.progress_of(runs)
    newest = runs[0] if runs else None
    return {
        **frame(request, shown, "generation"),
        "run": newest,
        "progress": progress[newest.pk] if newest else None,
        "is_live": newest is not None and newest.state in LIVE,
        "earlier": [(run, progress[run.pk]) for run in runs[1:]],
    }
