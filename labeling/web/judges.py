"""`/campaigns/<slug>/judges/`: LLM judges, how far they can be trusted, and letting one decide."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling import access
from labeling.actions.judges import (
    ask_judge,
    create_judge,
    pause_judge,
    resume_judge,
    retire_judge,
)
from labeling.actions.routing import switch_off, switch_on
from labeling.errors import LabelingError, NotFoundError
from labeling.formats.csv_writing import csv_lines
from labeling.metrics.judge_routing import CUTS, LEAST_TOGETHER
from labeling.models import Campaign, Judge, User
from labeling.queries.generation import usable_endpoints
from labeling.queries.judge_progress import judge_progress, judges_of
from labeling.queries.judges import costs_of, has_price, routing_state
from labeling.queries.progress import newest_report
from labeling.web import judge_figures
from labeling.web.campaigns import frame
from labeling.web.judge_forms import JudgeForm, UseForm
from labeling.web.signed_in import PageRequest, signed_in

# The figure at which the slider stands at first.
FIRST_CUT = 0.85
STATES = {
    "active": ("Ready", "ok"),
    "paused": ("Paused", "warn"),
    "budget": ("At its budget", "warn"),
    "retired": ("Retired", ""),
}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def judges(request: PageRequest, slug: str) -> HttpResponse:
    """The judges beside people, and a form that adds one."""
    if request.method == "POST":
        shown = access.campaign_for_manager(request.user, slug)
    else:
        shown = access.campaign_for_reader(request.user, slug)
    endpoints = [one for one in usable_endpoints(shown) if one.is_enabled]
    form = JudgeForm(request.POST or None, endpoints=endpoints)
    if request.method == "POST" and form.is_valid():
        try:
            made = create_judge(campaign=shown, by=request.user, **form.arguments())
        except LabelingError as error:
            form.refuse(error)
        else:
            messages.success(request, f"{made.name} is there. Have it rate when you like.")
            return redirect("campaign_judges", slug)
    context = _judges(request, shown) | {"form": form, "endpoints": endpoints}
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_judges.html", context, status=status)


@signed_in
@require_safe
def judges_file(request: PageRequest, slug: str) -> HttpResponseBase:
    """Every figure of every judge as CSV."""
    shown = access.campaign_for_reader(request.user, slug)
    report = newest_report(shown)
    rows = judge_figures.rows_of(report.body if report else None)
    response = StreamingHttpResponse(
        csv_lines(judge_figures.COLUMNS, judge_figures.file_rows(rows)),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{shown.slug}-judges.csv"'
    return response


@signed_in
@require_POST
def move(request: PageRequest, slug: str, judge_id: UUID, verb: str) -> HttpResponse:
    """Have a judge rate, pause, resume or retire it, or let it decide what it is sure of."""
    shown = access.campaign_for_manager(request.user, slug)
    judge = shown.judges.filter(public_id=judge_id).first()
    if judge is None or verb not in MOVES:
        raise NotFoundError("There is no such judge in this campaign.")
    try:
        if said := MOVES[verb](request, judge, request.user):
            messages.success(request, said)
    except LabelingError as error:
        messages.error(request, error.message)
    return redirect("campaign_judges", slug)


@signed_in
@require_POST
def end_routing(request: PageRequest, slug: str) -> HttpResponse:
    """Have people decide everything again."""
    shown = access.campaign_for_manager(request.user, slug)
    state = routing_state(shown)
    if state is not None:
        switch_off(routing=state.routing, by=request.user)
        messages.success(request, "People decide everything again.")
    return redirect("campaign_judges", slug)


def _ask(request: PageRequest, judge: Judge, by: User) -> str:
    calls, comparisons = ask_judge(judge=judge, by=by)
    if not calls:
        return f"{judge.name} has nothing new to rate."
    return f"{judge.name} is asked about {comparisons:,} comparisons in {calls:,} calls."


def _use(request: PageRequest, judge: Judge, by: User) -> str:
    form = UseForm(request.POST)
    if not form.is_valid():
        return ""
    switch_on(campaign=judge.campaign, judge=judge, by=by, **form.cleaned_data)
    return f"{judge.name} decides what it is sure of, from the next comparison on."


def _simply(action: Callable[..., Any]) -> Callable[[PageRequest, Judge, User], str]:
    def moved(request: PageRequest, judge: Judge, by: User) -> str:
        action(judge=judge, by=by)
        return ""

    return moved


MOVES: dict[str, Callable[[PageRequest, Judge, User], str]] = {
    "ask": _ask,
    "pause": _simply(pause_judge),
    "resume": _simply(resume_judge),
    "retire": _simply(retire_judge),
    "use": _use,
}


def _judges(request: PageRequest, shown: Campaign) -> dict[str, Any]:
    report = newest_report(shown)
    rows = judge_figures.rows_of(report.body if report else None)
    listed = judges_of(shown)
    progress = judge_progress(listed)
    table, span = judge_figures.lines(listed, rows)
    cut = _cut(request.GET.get("cut", ""))
    asked = request.GET.get("judge", "")
    weighable = [row for row in rows if row["routing"]["n"]]
    row = next((one for one in weighable if one["judge"] == asked), None) or next(
        iter(sorted(weighable, key=lambda one: -one["routing"]["n"])), None
    )
    weighed = judge_figures.weigh(row, cut) if row else None
    use = UseForm(initial={"cut": cut, "audit_share": "0.1"})
    audit_share = 0.1
    chosen = weighed.chosen if weighed else None
    return {
        **frame(request, shown, "judges"),
        "report": report,
        "table": table,
        "span": span,
        "judges": [
            (judge, progress[judge.pk], *STATES[judge.state], has_price(judge.endpoint.price))
            for judge in listed
        ],
        "weighable": weighable,
        "weighed": weighed,
        "points": [
            (judge_figures.cut_words(one["cut"]), one)
            for one in (weighed.points if weighed else ())
        ],
        "cut": cut,
        "cut_percent": round(cut * 100),
        "costs": costs_of(shown, row, chosen, audit_share=audit_share) if row and chosen else None,
        "use": use,
        "least": LEAST_TOGETHER,
        "routing": routing_state(shown),
    }


def _cut(text: str) -> float:
    """The place of the slider, in whole steps of five per cent; what is none is the first one."""
    try:
        wanted = float(text) / 100
    except ValueError:
        return FIRST_CUT
    return min(CUTS, key=lambda one: abs(one - wanted)) if 0 <= wanted <= 1 else FIRST_CUT
