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
    change_judge,
    create_judge,
    pause_judge,
    resume_judge,
    retire_judge,
)
from labeling.actions.routing import hand_back, switch_off, switch_on
from labeling.errors import LabelingError, NotFoundError
from labeling.formats.csv_writing import csv_lines
from labeling.metrics.judge_routing import CUTS, LEAST_TOGETHER
from labeling.models import Campaign, Judge, User
from labeling.queries.generation import usable_endpoints
from labeling.queries.judge_costs import asking_of
from labeling.queries.judge_progress import judge_progress, judges_of, may_be_resumed
from labeling.queries.judges import costs_of, has_price, routing_state, to_hand_back
from labeling.queries.progress import newest_report
from labeling.web import judge_figures
from labeling.web.campaigns import frame
from labeling.web.judge_forms import ChangeForm, JudgeForm, UseForm
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
    form = FORMS[verb](request, judge) if verb in FORMS else None
    try:
        if form is None or form.is_valid():
            said = MOVES[verb](request, judge, request.user)
            if said:
                messages.success(request, said)
    except LabelingError as error:
        if form is None or not error.problems:
            messages.error(request, error.message)
        else:
            form.refuse(error)
    if form is not None and form.errors:
        context = _judges(request, shown, refused=form, of=judge)
        return render(request, "labeling/campaign_judges.html", context, status=422)
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
    form = _use_form(request, judge)
    form.full_clean()
    switch_on(campaign=judge.campaign, judge=judge, by=by, **form.cleaned_data)
    return f"{judge.name} decides what it is sure of, from the next comparison on."


def _change(request: PageRequest, judge: Judge, by: User) -> str:
    form = _change_form(request, judge)
    form.full_clean()
    if not (changes := form.arguments()):
        return f"{judge.name} stays as it is."
    change_judge(judge=judge, by=by, **changes)
    return f"{judge.name} is changed. What is still to be asked is asked so."


def _hand_back(request: PageRequest, judge: Judge, by: User) -> str:
    wanted = request.POST.get("routing", "")
    routing = next((one for one in judge.routings.all() if str(one.public_id) == wanted), None)
    if routing is None:
        raise NotFoundError("There is no such routing of this judge.")
    count = hand_back(routing=routing, by=by)
    return f"People decide {count:,} comparisons that {judge.name} had decided."


def _use_form(request: PageRequest, judge: Judge) -> UseForm:
    return UseForm(request.POST)


def _change_form(request: PageRequest, judge: Judge) -> ChangeForm:
    return ChangeForm(request.POST, judge=judge)


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
    "change": _change,
    "hand-back": _hand_back,
}
# What is wrong with these is said beside the field.
FORMS: dict[str, Callable[[PageRequest, Judge], UseForm | ChangeForm]] = {
    "use": _use_form,
    "change": _change_form,
}


def _judges(
    request: PageRequest,
    shown: Campaign,
    *,
    refused: UseForm | ChangeForm | None = None,
    of: Judge | None = None,
) -> dict[str, Any]:
    """What the page shows; `refused` is a form about the judge `of` with what is wrong in it."""
    report = newest_report(shown)
    rows = judge_figures.rows_of(report.body if report else None)
    listed = judges_of(shown)
    progress = judge_progress(listed)
    table, span = judge_figures.lines(listed, rows)
    cut = _cut(request.GET.get("cut", ""))
    asked = str(of.public_id) if of else request.GET.get("judge", "")
    weighable = [row for row in rows if row["routing"]["n"]]
    row = next((one for one in weighable if one["judge"] == asked), None) or next(
        iter(sorted(weighable, key=lambda one: -one["routing"]["n"])), None
    )
    weighed = judge_figures.weigh(row, cut) if row else None
    use = UseForm(initial={"cut": cut, "audit_share": "0.1"})
    if isinstance(refused, UseForm):
        use = refused
    changing = {
        judge.pk: refused
        if isinstance(refused, ChangeForm) and judge == of
        else ChangeForm(judge=judge)
        for judge in listed
    }
    wanted = request.GET.get("asking", "")
    asking = next((one for one in listed if str(one.public_id) == wanted), None)
    audit_share = 0.1
    chosen = weighed.chosen if weighed else None
    return {
        **frame(request, shown, "judges"),
        "report": report,
        "table": table,
        "span": span,
        "judges": [
            (
                judge,
                progress[judge.pk],
                *STATES[judge.state],
                has_price(judge.endpoint.price),
                changing[judge.pk],
                asking_of(judge) if judge == asking else None,
                may_be_resumed(judge, progress[judge.pk]),
            )
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
        "to_hand_back": to_hand_back(shown),
    }


def _cut(text: str) -> float:
    """The place of the slider, in whole steps of five per cent; what is none is the first one."""
    try:
        wanted = float(text) / 100
    except ValueError:
        return FIRST_CUT
    return min(CUTS, key=lambda one: abs(one - wanted)) if 0 <= wanted <= 1 else FIRST_CUT
