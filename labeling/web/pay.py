"""`/campaigns/<slug>/pay/`: credited time and counts of each rater in a period."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from labeling import access
from labeling.formats.csv_writing import csv_lines
from labeling.models import Campaign
from labeling.policy import Policy, read_policy
from labeling.queries.pay import Pay, pay_of
from labeling.web.campaigns import frame
from labeling.web.days import DayField
from labeling.web.signed_in import PageRequest, signed_in

COLUMNS = (
    "rater",
    "username",
    "since",
    "until",
    "judgments",
    "practice",
    "changes",
    "skips",
    "answers_without_time",
    "credited_seconds",
    "of_which_practice_seconds",
    "of_which_skipped_or_lost_seconds",
    "currency",
    "pay_per_hour",
    "amount",
)


class PeriodForm(forms.Form):
    """From one day to another, both included."""

    since = DayField(label="From")
    until = DayField(label="To")

    def clean(self) -> dict[str, Any]:
        """A period that runs forward."""
        data: dict[str, Any] = super().clean() or {}
        if {"since", "until"} <= data.keys() and data["since"] > data["until"]:
            self.add_error("until", "The period ends before it begins.")
        return data


@signed_in
@require_safe
def pay(request: PageRequest, slug: str) -> HttpResponse:
    """The period's work of every rater, with its sum where the policy names a rate."""
    campaign = access.campaign_for_manager(request.user, slug)
    form, found, policy = _asked(request, campaign)
    context = {
        **frame(request, campaign, "pay"),
        "form": form,
        "pay": found,
        "policy": policy,
        "periods": _periods(timezone.now().date()),
    }
    template = "labeling/campaign_pay.html" + ("#lines" if request.htmx else "")
    return render(request, template, context, status=422 if form.errors else 200)


@signed_in
@require_safe
def pay_file(request: PageRequest, slug: str) -> HttpResponseBase:
    """The same as CSV, with sign-in names, for whoever pays."""
    campaign = access.campaign_for_manager(request.user, slug)
    _, found, policy = _asked(request, campaign)
    response = StreamingHttpResponse(
        csv_lines(COLUMNS, _rows(found, policy)), content_type="text/csv; charset=utf-8"
    )
    name = f"{campaign.slug}-pay-{found.since}-{found.until}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _asked(request: PageRequest, campaign: Campaign) -> tuple[PeriodForm, Pay, Policy]:
    """The period that was asked for; this month until today where none was, or a wrong one."""
    today = timezone.now().date()
    period = {"since": today.replace(day=1), "until": today}
    given = {name: request.GET[name] for name in period if request.GET.get(name)}
    form = PeriodForm({**period, **given})
    if form.is_valid():
        period = {name: form.cleaned_data[name] for name in period}
    policy = read_policy(campaign.policy)
    return form, pay_of(campaign, policy, **period), policy


def _periods(today: date) -> list[tuple[str, date, date]]:
    """Periods that are often asked for: their names and first and last days."""
    month = today.replace(day=1)
    before = (month - timedelta(days=1)).replace(day=1)
    monday = today - timedelta(days=today.weekday())
    return [
        ("This month", month, today),
        ("Last month", before, month - timedelta(days=1)),
        ("This week", monday, today),
        ("Last week", monday - timedelta(days=7), monday - timedelta(days=1)),
    ]


def _rows(found: Pay, policy: Policy) -> Iterator[tuple[Any, ...]]:
    for line in found.lines:
        yield (
            line.pseudonym,
            line.username,
            found.since.isoformat(),
            found.until.isoformat(),
            line.judged,
            line.practised,
            line.changed,
            line.skipped,
            line.untimed,
            round(line.credited_ms / 1000),
            round(line.practice_ms / 1000),
            round(line.begun_ms / 1000),
            policy.currency,
            "" if policy.pay_per_hour is None else policy.pay_per_hour,
            "" if line.amount is None else line.amount,
        )
