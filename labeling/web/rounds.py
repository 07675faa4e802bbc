"""`/campaigns/<slug>/rounds/`: the timeline, scores on one scale, and forms that open and end."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling import access
from labeling.actions.pairing import pair_and_open_round
from labeling.actions.rounds import close_round
from labeling.actions.snapshots import freeze_round
from labeling.actions.trained_models import register_model
from labeling.errors import LabelingError, NotFoundError
from labeling.metrics.one_scale import Change, change, one_scale
from labeling.models import Campaign, Round
from labeling.policy import read_policy
from labeling.queries import progress, round_plans, rounds
from labeling.web.campaigns import frame
from labeling.web.round_forms import RULES, ItemsForm, ModelForm, OpenForm, QualificationForm
from labeling.web.score_lines import score_chart, score_table
from labeling.web.signed_in import PageRequest, signed_in

Kind = Round.Kind


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_rounds(request: PageRequest, slug: str) -> HttpResponse:
    """The rounds with their stages and scores; a manager opens the next one here."""
    shown = access.campaign_for_reader(request.user, slug)
    models = rounds.models_to_anchor(shown)
    form = _open_form(shown, models, request.POST if request.method == "POST" else None)
    if request.method == "POST":
        shown = access.campaign_for_manager(request.user, slug)
        if form.is_valid():
            try:
                opened = pair_and_open_round(
                    campaign=shown, by=request.user, number=_number(request), **form.arguments()
                )
            except LabelingError as error:
                form.refuse(error)
            else:
                messages.success(request, f"Round {opened.number} is open.")
                return redirect("campaign_rounds", slug)
    status = 422 if form.errors else 200
    context = _page(request, shown, form)
    return render(request, "labeling/campaign_rounds.html", context, status=status)


@signed_in
@require_safe
def forecast(request: PageRequest, slug: str) -> HttpResponse:
    """What the round of the form would ask for, in time and money; or why it cannot be."""
    shown = access.campaign_for_manager(request.user, slug)
    form = _open_form(shown, rounds.models_to_anchor(shown), request.GET)
    context = {"campaign": shown, **_forecast(shown, form)}
    return render(request, "labeling/campaign_rounds.html#forecast", context)


@signed_in
@require_POST
def open_special(request: PageRequest, slug: str, kind: str) -> HttpResponse:
    """Open a round of qualification, calibration or adjudication."""
    opened_in = access.campaign_for_manager(request.user, slug)
    form: ItemsForm | QualificationForm
    if kind == Kind.QUALIFICATION:
        form = QualificationForm(request.POST, auto_id=f"{kind}_%s")
    elif kind in {Kind.CALIBRATION, Kind.ADJUDICATION}:
        form = ItemsForm(request.POST, auto_id=f"{kind}_%s")
    else:
        raise NotFoundError("There is no such kind of round.")
    if form.is_valid():
        asked = form.arguments() if isinstance(form, QualificationForm) else form.cleaned_data
        try:
            opened = pair_and_open_round(
                campaign=opened_in, by=request.user, kind=kind, number=_number(request), **asked
            )
        except LabelingError as error:
            form.refuse(error)
        else:
            messages.success(request, f"Round {opened.number}, a {kind}, is open.")
            return redirect("campaign_rounds", slug)
    models = rounds.models_to_anchor(opened_in)
    context = _page(request, opened_in, _open_form(opened_in, models, None)) | {kind: form}
    return render(request, "labeling/campaign_rounds.html", context, status=422)


@signed_in
@require_POST
def close(request: PageRequest, slug: str, round_id: UUID) -> HttpResponse:
    """Close a round: what is open ends, leases may finish."""
    round_ = _round(access.campaign_for_manager(request.user, slug), round_id)
    close_round(round_=round_, by=request.user)
    messages.success(request, f"Round {round_.number} is closed. Judgments under way may finish.")
    return redirect("campaign_rounds", slug)


@signed_in
@require_POST
def freeze(request: PageRequest, slug: str, round_id: UUID) -> HttpResponse:
    """Have a worker freeze what stands of a closed round."""
    campaign = access.campaign_for_manager(request.user, slug)
    round_ = _round(campaign, round_id)
    try:
        freeze_round(campaign=campaign, round_=round_, by=request.user)
    except LabelingError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"Round {round_.number} is being frozen.")
    return redirect("campaign_rounds", slug)


@signed_in
@require_POST
def register(request: PageRequest, slug: str, round_id: UUID) -> HttpResponse:
    """Name the model that was trained on a round."""
    campaign = access.campaign_for_manager(request.user, slug)
    round_ = _round(campaign, round_id)
    form = ModelForm(request.POST)
    if form.is_valid():
        try:
            made = register_model(
                campaign=campaign, round_=round_, by=request.user, **form.cleaned_data
            )
        except LabelingError as error:
            form.refuse(error)
        else:
            messages.success(request, f"{made.name} is registered.")
            return redirect("campaign_rounds", slug)
    context = _page(
        request, campaign, _open_form(campaign, rounds.models_to_anchor(campaign), None)
    )
    context |= {"model_form": form, "model_of": round_.pk}
    return render(request, "labeling/campaign_rounds.html", context, status=422)


def _number(request: PageRequest) -> int | None:
    """The number that the page promised the round: a second click means the same one."""
    said = request.POST.get("number", "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 9 else None


def _round(campaign: Campaign, public_id: UUID) -> Round:
    if (found := campaign.rounds.filter(public_id=public_id).first()) is None:
        raise NotFoundError("There is no such round in this campaign.")
    return found


def _open_form(campaign: Campaign, models: list[str], data: Mapping[str, Any] | None) -> OpenForm:
    waits = campaign.comparisons.waiting().exists()
    has_report = campaign.reports.exists()
    initial = {
        "pairing": "given" if waits else "uncertain" if has_report else "all",
        "anchor": rounds.anchor_of(campaign),
    }
    return OpenForm(data, campaign=campaign, models=models, initial=initial)


def _page(request: PageRequest, shown: Campaign, form: OpenForm) -> dict[str, Any]:
    """All that the page shows."""
    report = progress.newest_report(shown)
    body = report.body if report else None
    rows = (body or {}).get("rounds", [])
    anchor = rounds.anchor_of(shown)
    scale = one_scale(rows, anchor)
    trained = list(
        shown.trained_models.exclude(base="").order_by("-pk").values_list("name", "base")
    )
    changes = [change(rows, new=new, base=base, anchor=anchor) for new, base in trained[:4]]
    may_manage = access.may_manage(request.user, shown)
    lines = rounds.round_lines(shown, body)
    context = {
        **frame(request, shown, "rounds"),
        "lines": lines,
        "next_number": max((line.round.number for line in lines), default=0) + 1,
        "scale": scale,
        "chart": score_chart(scale, {name for pair in trained for name in pair}),
        "table": score_table(scale),
        "changes": changes,
        "change_words": [_said(one) for one in changes],
        "across": list(reversed(rows)),
        "form": form,
        "rules": RULES,
        "chosen_rule": form["pairing"].value(),
        "calibration": ItemsForm(auto_id="calibration_%s"),
        "adjudication": ItemsForm(auto_id="adjudication_%s"),
        "qualification": QualificationForm(auto_id="qualification_%s"),
        "model_form": ModelForm(),
        "model_of": None,
    }
    if may_manage:
        context |= _forecast(shown, form if form.is_bound else _bound(shown, form))
    return context


def _bound(campaign: Campaign, form: OpenForm) -> OpenForm:
    """The form as it is first shown, as if it had been sent."""
    shown = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in shown.items() if value is not None}
    return OpenForm(data, campaign=campaign, models=rounds.models_to_anchor(campaign))


def _forecast(campaign: Campaign, form: OpenForm) -> dict[str, Any]:
    """The forecast, or why there is none."""
    if not form.is_valid():
        return {"forecast": None, "forecast_why": "Some of these numbers cannot be."}
    report = progress.newest_report(campaign)
    pace = progress.pace(report.body if report else None, timezone.now(), 0)
    try:
        made = round_plans.forecast(
            campaign,
            form.arguments(),
            per_day=pace.per_day if pace.is_current else None,
        )
    except LabelingError as error:
        problem = error.problems[0].message if error.problems else error.message
        return {"forecast": None, "forecast_why": problem}
    if not made.comparisons:
        why = "There is nothing to open by this rule: no comparison waits, and no two completions"
        return {"forecast": None, "forecast_why": f"{why} of a prompt are without one."}
    return {"forecast": made, "currency": read_policy(campaign.policy).currency}


def _said(one: Change) -> str:
    """What training brought, in a sentence."""
    points = one.points
    if points.value is None or one.win_rate is None:
        return f"{one.new}, trained from {one.base}: {points.why}"
    limits = (
        f" ({signed(points.low)} to {signed(points.high)}, n = {points.n:,} items)"
        if points.low is not None and points.high is not None
        else f" (n = {points.n:,} items; {points.note})"
    )
    said = f"Training brought {one.new} {signed(points.value)} points over {one.base}{limits}"
    return f"{said}: it wins {one.win_rate * 100:.0f} % against it, {one.how}."


def signed(points: float) -> str:
    """A difference with its sign, and a proper minus."""
    return f"{points:+,.0f}".replace("-", "−")
