"""`/campaigns/<slug>/report/`: the pages of the report, their files, and all of them to print.

A page adds itself with its `Section` in SECTIONS, in the order of the sub-navigation.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.contrib.staticfiles import finders
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST, require_safe

from labeling import access
from labeling.actions.jobs import queue_job
from labeling.errors import NotFoundError
from labeling.formats.csv_writing import csv_lines
from labeling.models import Campaign
from labeling.queries.progress import newest_report
from labeling.web import (
    report_agreement,
    report_bias,
    report_groups,
    report_planner,
    report_ranking,
    report_rules,
)
from labeling.web.campaigns import frame
from labeling.web.report_shell import (
    Asked,
    Section,
    Shown,
    chart_file,
    file_columns,
    file_rows,
    made_of,
)
from labeling.web.signed_in import PageRequest, signed_in

SECTIONS: tuple[Section, ...] = (
    report_agreement.SECTION,
    report_ranking.SECTION,
    report_bias.SECTION,
    report_groups.SECTION,
    report_rules.SECTION,
    report_planner.SECTION,
)
UNKNOWN = "The report has no such page."
STYLESHEET = "labeling/thurstone.css"
_IDS = re.compile(
    r'(?P<before>\s(?:id|for|aria-labelledby|aria-describedby|popovertarget)="|\shref="#)'
    r'(?P<ids>[^"]+)"'
)
# The printed report holds its own style and nothing else that a browser would fetch or run.
PRINT_POLICY = (
    "default-src 'none'; style-src 'sha256-{}'; img-src data:; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)


@signed_in
@require_safe
def report(request: PageRequest, slug: str) -> HttpResponse:
    """The first page of the report."""
    shown = access.campaign_for_reader(request.user, slug)
    return redirect("campaign_report_page", shown.slug, SECTIONS[0].name)


@signed_in
@require_safe
def page(request: PageRequest, slug: str, section: str) -> HttpResponse:
    """One page of the report."""
    asked, one = _asked(request, slug, section)
    context = frame(request, asked.campaign, "report") | page_context(asked, one)
    return render(request, one.template, context)


@signed_in
@require_safe
def table(request: PageRequest, slug: str, section: str, table: str) -> HttpResponseBase:
    """A table of the page as CSV."""
    asked, one = _asked(request, slug, section)
    found = next((each for each in one.read(asked).tables if each.key == table), None)
    if found is None:
        raise NotFoundError("The page has no such table.")
    response = StreamingHttpResponse(
        csv_lines(file_columns(found), file_rows(found, asked)),
        content_type="text/csv; charset=utf-8",
    )
    return _named(response, f"{asked.campaign.slug}-{one.name}-{found.key}.csv")


@signed_in
@require_safe
def chart(request: PageRequest, slug: str, section: str, chart: str) -> HttpResponseBase:
    """A chart of the page as an SVG file."""
    asked, one = _asked(request, slug, section)
    found = next((each for each in one.read(asked).charts if each.key == chart), None)
    if found is None or not found.svg:
        raise NotFoundError("The page has no such chart.")
    response = HttpResponse(chart_file(found, asked), content_type="image/svg+xml; charset=utf-8")
    return _named(response, f"{asked.campaign.slug}-{one.name}-{found.key}.svg")


@signed_in
@require_safe
def printed(request: PageRequest, slug: str) -> HttpResponseBase:
    """Every page in one HTML file that needs nothing else: to print, to send, to keep."""
    campaign = access.campaign_for_reader(request.user, slug)
    asked = Asked(campaign, newest_report(campaign), request.GET)
    # A browser's hash is of what stands between the tags.
    style = "\n" + Path(str(finders.find(STYLESHEET))).read_text(encoding="utf-8")
    context = {
        "campaign": campaign,
        "report": asked.report,
        "is_print": True,
        "is_file": "download" in request.GET,
        "style": style,
        "parts": [_part(asked, one) for one in SECTIONS],
    }
    response = render(request, "labeling/report_print.html", context)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    response["Content-Security-Policy"] = PRINT_POLICY.format(digest)
    if context["is_file"]:
        return _named(response, f"{campaign.slug}-report.html")
    return response


@signed_in
@require_POST
def recompute(request: PageRequest, slug: str) -> HttpResponse:
    """Ask a worker for the numbers anew; back to the page of the report that asked, if one did."""
    asked = access.campaign_for_manager(request.user, slug)
    queue_job(campaign=asked, kind="report", by=request.user)
    name = request.POST.get("page", "")
    if any(one.name == name for one in SECTIONS):
        # It does not follow by itself, as the overview does.
        messages.success(request, "The numbers are being computed: load the page in a moment.")
        return redirect("campaign_report_page", slug, name)
    messages.success(request, "The numbers are being computed; they appear here by themselves.")
    return redirect("campaign", slug)


def page_context(asked: Asked, section: Section) -> dict[str, Any]:
    """What the templates of a page are given."""
    shown: Shown = section.read(asked)
    return {
        **shown.context,
        "campaign": asked.campaign,
        "report": asked.report,
        "section": section,
        "file_query": asked.address_query,
        "sections": SECTIONS,
        "tables": {one.key.replace("-", "_"): one for one in shown.tables},
        "charts": {one.key.replace("-", "_"): one for one in shown.charts},
        "definitions": shown.definitions,
        "defined": {one.key.replace("-", "_"): one for one in shown.definitions},
        "made": [*made_of(asked), *shown.made] if asked.report else [],
        "is_outdated": section.lacks(asked.body),
    }


def _part(asked: Asked, section: Section) -> dict[str, Any]:
    """A page's part of the printed report, each with terms and numbers of its own."""
    context = page_context(asked, section) | {"is_print": True}
    html = render_to_string(section.partial, context)
    html += render_to_string("labeling/report_made.html", context)
    return {
        "section": section,
        "is_outdated": context["is_outdated"],
        "html": _with_own_ids(html, section.name),
    }


def _with_own_ids(html: SafeString, name: str) -> SafeString:
    """The part with the page's name before its ids: each page may have a heading `boards-h`."""

    def named(found: re.Match[str]) -> str:
        ids = (f"{name}-{one}" for one in found["ids"].split())
        return f'{found["before"]}{" ".join(ids)}"'

    # Quotes in texts are escaped, so this finds attributes only. Nothing is added but the name.
    return mark_safe(_IDS.sub(named, html))  # noqa: S308


def _asked(request: PageRequest, slug: str, name: str) -> tuple[Asked, Section]:
    campaign: Campaign = access.campaign_for_reader(request.user, slug)
    found = next((one for one in SECTIONS if one.name == name), None)
    if found is None:
        raise NotFoundError(UNKNOWN)
    return Asked(campaign, newest_report(campaign), request.GET), found


def _named(response: HttpResponseBase, filename: str) -> HttpResponseBase:
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
