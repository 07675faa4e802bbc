"""`/campaigns/<slug>/activity/`: the audit of the campaign, to read, filter and take along.

`/organisation/activity/` is that of the organisation and its members' accounts.
"""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from labeling import access
from labeling.formats.csv_writing import csv_lines
from labeling.models import Campaign, Organisation
from labeling.queries.activity import (
    KINDS,
    SYSTEM,
    Filter,
    activity_page,
    activity_rows,
    doers,
)
from labeling.queries.audit_chain import last_check
from labeling.web.campaigns import frame, uuid_of
from labeling.web.days import DayField
from labeling.web.signed_in import PageRequest, signed_in

COLUMNS = ("at", "who", "did", "subject", "details", "via", "address")


class ActivityForm(forms.Form):
    """What the log is asked for. What cannot be read is left out, and said."""

    who = forms.ChoiceField(required=False, label="Who")
    what = forms.ChoiceField(
        required=False,
        label="What",
        choices=[
            ("", "All but judging"),
            ("all", "Everything"),
            *((kind, words) for kind, (words, _) in KINDS.items()),
        ],
    )
    since = DayField(required=False, label="From")
    until = DayField(required=False, label="To")
    q = forms.CharField(
        required=False,
        max_length=100,
        label="Words",
        widget=forms.TextInput({"type": "search", "placeholder": "Words, ids"}),
    )

    def __init__(self, *args: Any, of: Campaign | Organisation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who: Any = self.fields["who"]
        who.choices = [
            ("", "Anyone"),
            *((str(person.public_id), person.label) for person in doers(of)),
            (SYSTEM, "Thurstone itself"),
        ]

    def wanted(self) -> Filter:
        """The filter; after `is_valid()`."""
        data = self.cleaned_data
        return Filter(
            who=data.get("who", ""),
            what=data.get("what", ""),
            since=data.get("since"),
            until=data.get("until"),
            words=data.get("q", ""),
        )


@signed_in
@require_safe
def activity(request: PageRequest, slug: str) -> HttpResponse:
    """The log, a page at a time; its rows alone when the filter changes."""
    campaign = access.campaign_for_manager(request.user, slug)
    context, status = _log(request, campaign)
    template = "labeling/campaign_activity.html" + ("#log" if request.htmx else "")
    context = {**frame(request, campaign, "activity"), **context}
    return render(request, template, context, status=status)


@signed_in
@require_safe
def organisation_activity(request: PageRequest) -> HttpResponse:
    """The log of an organisation that the user owns or manages, and of its members' accounts."""
    shown = access.organisation_for_governor(request.user, request.GET.get("of", "")[:50])
    context, status = _log(request, shown)
    if request.htmx:
        return render(request, "labeling/campaign_activity.html#log", context, status=status)
    context["organisation"] = shown
    return render(request, "labeling/organisation_activity.html", context, status=status)


@signed_in
@require_safe
def activity_file(request: PageRequest, slug: str) -> HttpResponseBase:
    """All entries that fit the filter, as CSV; without one, those the page shows without one."""
    return _file(request, access.campaign_for_manager(request.user, slug))


@signed_in
@require_safe
def organisation_activity_file(request: PageRequest) -> HttpResponseBase:
    """The same of an organisation and its members' accounts."""
    shown = access.organisation_for_governor(request.user, request.GET.get("of", "")[:50])
    return _file(request, shown)


def _file(request: PageRequest, of: Campaign | Organisation) -> HttpResponseBase:
    form = ActivityForm(request.GET or {"what": ""}, of=of)
    form.is_valid()
    response = StreamingHttpResponse(
        csv_lines(COLUMNS, activity_rows(of, form.wanted())),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{of.slug}-activity.csv"'
    return response


def _log(request: PageRequest, of: Campaign | Organisation) -> tuple[dict[str, Any], int]:
    """What the log's template shows, and the status."""
    form = ActivityForm(request.GET or {"what": ""}, of=of)
    is_valid = form.is_valid()
    page = activity_page(of, form.wanted(), after=uuid_of(request.GET.get("after", "")))
    asked = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    if isinstance(of, Organisation):
        asked = {"of": of.slug, **asked}
    context = {
        "form": form,
        "page": page,
        "asked": urlencode(asked),
        "check": last_check(),
        # The file of what is shown: it follows the filter.
        "file": reverse("organisation_activity_file")
        if isinstance(of, Organisation)
        else reverse("campaign_activity_file", args=[of.slug]),
    }
    return context, 200 if is_valid else 422
