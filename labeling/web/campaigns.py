"""`/campaigns/`: the list, and the dashboard with its buttons."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling import access
from labeling.actions.campaigns import update_campaign
from labeling.actions.rounds import open_round
from labeling.errors import InvalidInputError, NotFoundError
from labeling.metrics.report import METHOD_VERSION
from labeling.models import Campaign, Report
from labeling.queries import progress, tallies, votes
from labeling.queries.budget import budget_of, spent_of
from labeling.queries.readiness import warnings_of
from labeling.web import dashboard
from labeling.web.builder_parts import placed
from labeling.web.signed_in import PageRequest, signed_in

SHOWN_RATERS = 8
SHOWN_CONTESTED = 6
SHOWN_EVENTS = 8
# States in which comparisons may wait for raters.
COLLECTING = {Campaign.State.DRAFT, Campaign.State.ACTIVE, Campaign.State.PAUSED}
# States a button may ask for; what may follow what is the action's to say.
ASKED_STATES = {Campaign.State.ACTIVE, Campaign.State.PAUSED, Campaign.State.COMPLETED}


@signed_in
@require_safe
def campaigns(request: PageRequest) -> HttpResponse:
    """The campaigns whose data the user may read, newest first."""
    rows = progress.with_progress(access.campaigns_for_reader(request.user))
    cursor = uuid_of(request.GET.get("after", ""))
    context = {
        "page": votes.page_of(rows, after=cursor, newest_first=True),
        "may_start": access.may_start_campaigns(request.user),
    }
    return render(request, "labeling/campaigns.html", context)


@signed_in
@require_safe
def campaign(request: PageRequest, slug: str) -> HttpResponse:
    """The dashboard: how far it is, how far raters agree, which model wins, who did what."""
    shown = access.campaign_for_reader(request.user, slug)
    seen = seen_of(shown)
    report = progress.newest_report(shown)
    context = _live(request, shown, report, seen)
    context |= frame(request, shown, "overview")
    context |= _of_report(shown, report, context["stats"])
    if context["may_manage"] and shown.state in COLLECTING:
        # Asked once a visit: what changes with every judgment is the live part's.
        context["warnings"] = placed(tuple(warnings_of(shown)))
    return render(request, "labeling/campaign.html", context)


@signed_in
@require_safe
def live(request: PageRequest, slug: str) -> HttpResponse:
    """What changes while raters judge; 204 when nothing did.

    Figures, leaderboard and activity come with every change, the rest with a new report.
    """
    shown = access.campaign_for_reader(request.user, slug)
    # Read before what is shown: what comes in between is asked for once more.
    seen = seen_of(shown)
    before = request.GET.get("seen", "")
    if before == seen:
        return HttpResponse(status=204)
    report = progress.newest_report(shown)
    context = _live(request, shown, report, seen) | {"is_update": True}
    if before.partition(".")[0] != seen.partition(".")[0]:
        context |= {"is_new_report": True, **_of_report(shown, report, context["stats"])}
    return render(request, "labeling/campaign.html#live", context)


@signed_in
@require_POST
def change_state(request: PageRequest, slug: str) -> HttpResponse:
    """Run, pause or complete the campaign."""
    changed = access.campaign_for_manager(request.user, slug)
    state = request.POST.get("state", "")
    if state not in ASKED_STATES:
        raise InvalidInputError("A campaign is run, paused or completed.")
    update_campaign(campaign=changed, by=request.user, state=state)
    return redirect("campaign", slug)


@signed_in
@require_POST
def start_round(request: PageRequest, slug: str) -> HttpResponse:
    """Open all waiting comparisons to raters."""
    opened_in = access.campaign_for_manager(request.user, slug)
    opened = open_round(campaign=opened_in, by=request.user)
    messages.success(request, f"Round {opened.number} is open.")
    return redirect("campaign", slug)


def frame(request: PageRequest, shown: Campaign, tab: str) -> dict[str, Any]:
    """What the head and the tabs of every page of a campaign need."""
    return {
        "campaign": shown,
        "tab": tab,
        "may_manage": access.may_manage(request.user, shown),
    }


def uuid_of(text: str) -> UUID | None:
    """A cursor from an address; anything that is none is not found."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFoundError("There is no such page of the list.") from None


def seen_of(shown: Campaign) -> str:
    """A word for what the live parts show: it differs when there is something new in them."""
    newest = progress.newest(shown)
    counted = "" if newest.counted_at is None else f"{newest.counted_at.timestamp():.6f}"
    return f"{newest.report or ''}.{newest.event or ''}.{shown.state}.{counted}"


def _live(
    request: PageRequest, shown: Campaign, report: Report | None, seen: str
) -> dict[str, Any]:
    fresh = dashboard.freshest(report, tallies.newest_board(shown, method_version=METHOD_VERSION))
    shows_all = request.GET.get("models") == "all"
    budget = budget_of(shown)
    return {
        "campaign": shown,
        "report": report,
        "stats": dashboard.stats(shown, report, fresh),
        "board": dashboard.board(fresh.numbers, show_all=shows_all),
        "fresh": fresh,
        "shows_all": shows_all,
        "is_collecting": shown.state in COLLECTING,
        "activity": progress.activity(shown, limit=SHOWN_EVENTS),
        "seen": seen,
        "budget": budget,
        "spent": None if budget is None else spent_of(shown),
    }


def _of_report(shown: Campaign, report: Report | None, stats: dashboard.Stats) -> dict[str, Any]:
    """What only a new report changes: curves, biases, raters, what they differ about."""
    body = report.body if report else None
    biases, bias_span = dashboard.bias_rows(body)
    return {
        "burn": dashboard.burn_up_chart(body, stats.progress),
        "agreement": dashboard.agreement_over_time(body),
        "biases": biases,
        "bias_span": bias_span,
        "raters": progress.rater_lines(shown, body, limit=SHOWN_RATERS),
        "judges": progress.judge_lines(shown, body, limit=SHOWN_RATERS),
        "contested": votes.contested(shown, body, limit=SHOWN_CONTESTED),
    }
