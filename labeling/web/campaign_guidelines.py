"""`/campaigns/<slug>/guidelines/`: the text in force, how its clauses work, its history, and what
a newer version made stale.
"""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from labeling import access
from labeling.actions.adjudications import ask_again
from labeling.errors import ConflictError
from labeling.queries import guidelines as reads
from labeling.queries import progress, readings, stale, votes
from labeling.web.campaigns import frame, uuid_of
from labeling.web.rate_card import SeeOther
from labeling.web.rate_guidelines import compared, shown_sections
from labeling.web.signed_in import PageRequest, signed_in

# Words a minute at which "minutes to read" is reckoned (docs/BENCH.md has the source).
READING_PACE = 238


@signed_in
@require_safe
def guidelines(request: PageRequest, slug: str) -> HttpResponse:
    """The version in force as raters see it, its clauses' numbers, and the history."""
    campaign = access.campaign_for_reader(request.user, slug)
    if request.htmx and request.htmx.target == "changes":
        context: dict[str, Any] = {"campaign": campaign, **compared(request, campaign)}
        return render(request, "labeling/campaign_guidelines.html#changes", context)
    version = readings.newest_version(campaign)
    rule = stale.stale_rule(campaign)
    report = progress.newest_report(campaign)
    body = report.body if report else {}
    context = {
        **frame(request, campaign, "guidelines"),
        "version": version,
        "minutes": round(len(version.body.split()) / READING_PACE) or 1 if version else 0,
        "sections": shown_sections(version),
        "draft": reads.draft_of(campaign),
        "clauses": body.get("clauses") or [],
        "why_no_clauses": (body.get("why") or {}).get("clauses", ""),
        "report": report,
        "stale": stale.stale_count(campaign, rule),
        **compared(request, campaign),
    }
    return render(request, "labeling/campaign_guidelines.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def stale_judgments(request: PageRequest, slug: str) -> HttpResponse:
    """Judgments given under an older text of a clause that changed; a manager may ask again."""
    campaign = access.campaign_for_reader(request.user, slug)
    rule = stale.stale_rule(campaign)
    clause = request.POST.get("clause", "") or request.GET.get("clause", "")
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
        if rule is None or not _is_as_shown(request, rule, clause):
            raise ConflictError(
                "The guidelines have another version since you opened this page. Look at what is"
                " stale now, then ask again. Nothing was asked."
            )
        count = ask_again(campaign=campaign, by=request.user, clause=clause)
        messages.success(
            request,
            f"{count} comparison{'' if count == 1 else 's'} asked of one more rater each."
            if count
            else "There is nothing left to ask again.",
        )
        query = f"?{urlencode({'clause': clause})}" if clause else ""
        return SeeOther(reverse("campaign_guidelines_stale", args=[slug]) + query)
    if rule is None or clause not in rule.clauses:
        clause = ""
    rows = stale.stale_judgments(campaign, rule, clause=clause)
    context = {
        **frame(request, campaign, "guidelines"),
        "rule": rule,
        "clause": clause,
        "count": stale.stale_count(campaign, rule),
        "askable": stale.to_ask_again(rows, rule).count() if rule else 0,
        "page": votes.page_of(
            stale.listed(rows),
            after=uuid_of(request.GET.get("after", "")),
            before=uuid_of(request.GET.get("before", "")),
        ),
    }
    return render(request, "labeling/guideline_stale.html", context)


def _is_as_shown(request: PageRequest, rule: stale.StaleRule, clause: str) -> bool:
    """Whether the page that asks again showed the present version, and the clause changed in it."""
    is_newest = request.POST.get("version", "") == str(rule.newest.number)
    return is_newest and (not clause or clause in rule.clauses)
