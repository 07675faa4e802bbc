"""`/campaigns/<slug>/raters/<id>/`: what is noted of one rater; and a file of many of them."""

from collections.abc import Sequence
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from labeling import access
from labeling.actions.rater_settings import change_rater, import_raters
from labeling.actions.skills import grant_skill, remove_skill
from labeling.errors import InvalidInputError, LabelingError
from labeling.formats.csv_writing import csv_lines
from labeling.formats.raters import COLUMNS, MOST_BYTES, read_raters
from labeling.models import Campaign, Skill
from labeling.queries.rater_file import rater_file
from labeling.queries.reliability import reliability_of
from labeling.queries.routing import known_skills, routing_of
from labeling.schemas import read_requirements
from labeling.skills import level_on
from labeling.web.campaign_people import pool_page, rater_of
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in

SHOWN_PROBLEMS = 100


class GrantForm(forms.Form):
    """A skill on the manager's word."""

    name = forms.CharField(max_length=60, label="Skill")
    level = forms.FloatField(min_value=0, max_value=1, initial=0.8, label="Level, 0 to 1")


class SettingsForm(forms.Form):
    """What is noted at the rater's seat."""

    groups = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        label="Groups, one a line as name: value",
    )
    external_id = forms.CharField(required=False, max_length=200, label="Id elsewhere")
    languages = forms.CharField(
        required=False, max_length=1000, label="Languages, by their tags and with commas"
    )

    def clean_groups(self) -> dict[str, str]:
        """The lines, split at the first colon."""
        groups = {}
        for line in self.cleaned_data["groups"].splitlines():
            if line.strip():
                name, colon, value = line.partition(":")
                if not colon:
                    raise forms.ValidationError(f"“{line[:60]}” is not name: value.")
                groups[name.strip()] = value.strip()
        return groups

    def spoken(self) -> list[str]:
        """The languages."""
        return [part.strip() for part in self.cleaned_data["languages"].split(",") if part.strip()]


class RatersFileForm(forms.Form):
    """A file of raters."""

    file = forms.FileField(label="CSV file")
    is_dry_run = forms.BooleanField(required=False, label="Only say what would be done")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """One rater: skills and their sources, groups, what is asked; a manager changes it."""
    campaign = access.campaign_for_reader(request.user, slug)
    shown = rater_of(campaign, rater_id)
    seat = campaign.seats.get(rater=shown)
    what = request.POST.get("what", "")
    grant = GrantForm(request.POST if what == "grant" else None)
    initial = {
        "groups": "\n".join(f"{name}: {value}" for name, value in seat.groups.items()),
        "external_id": seat.external_id or "",
        "languages": ", ".join(shown.languages),
    }
    kept = SettingsForm(request.POST if what == "settings" else None, initial=initial)
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
        if what not in {"grant", "remove", "settings"}:
            raise InvalidInputError("Say what is to be done: grant, remove or settings.")
        try:
            if what == "grant" and grant.is_valid():
                grant_skill(campaign=campaign, rater=shown, by=request.user, **grant.cleaned_data)
            elif what == "remove":
                remove_skill(
                    campaign=campaign,
                    rater=shown,
                    name=request.POST.get("name", ""),
                    source=request.POST.get("source", ""),
                    by=request.user,
                )
            elif what == "settings" and kept.is_valid():
                change_rater(
                    campaign=campaign,
                    rater=shown,
                    by=request.user,
                    groups=kept.cleaned_data["groups"],
                    external_id=kept.cleaned_data["external_id"],
                    languages=kept.spoken(),
                )
        except InvalidInputError as error:
            _blame(grant if what == "grant" else kept, error)
        if not grant.errors and not kept.errors:
            messages.success(request, "Saved.")
            return redirect("campaign_rater", slug, rater_id)
    now = timezone.now()
    known = known_skills([shown.pk])[shown.pk]
    context = frame(request, campaign, "raters") | {
        "rater": shown,
        "seat": seat,
        "reliability": reliability_of(campaign, shown),
        "skills": [(one, level_on(one, now), Skill.Source(one.source).label) for one in known],
        "routing": routing_of(shown, campaign, read_requirements(campaign.requirements)),
        "grant": grant,
        "kept": kept,
    }
    status = 422 if grant.errors or kept.errors else 200
    return render(request, "labeling/campaign_rater.html", context, status=status)


@signed_in
@require_safe
def raters_file(request: PageRequest, slug: str) -> HttpResponse:
    """The raters as a CSV that may be edited and imported again; for managers, as it names them."""
    campaign = access.campaign_for_manager(request.user, slug)
    header, lines = rater_file(campaign)
    response = HttpResponse("".join(csv_lines(header, lines)), content_type="text/csv")
    response["Content-Disposition"] = f'attachment; filename="{campaign.slug}-raters.csv"'
    return response


@signed_in
@require_POST
def import_file(request: PageRequest, slug: str) -> HttpResponse:
    """Take a CSV of raters: all of it, or nothing and what is wrong with which line."""
    campaign = access.campaign_for_manager(request.user, slug)
    form = RatersFileForm(request.POST, request.FILES)
    if not form.is_valid():
        return _refused(request, campaign, [("", "", f"Choose a CSV file with {COLUMNS}.")])
    data = form.cleaned_data["file"].read(MOST_BYTES + 1)
    rows, problems = read_raters(data)
    is_dry_run = form.cleaned_data["is_dry_run"]
    if not problems:
        done = import_raters(campaign=campaign, rows=rows, by=request.user, is_dry_run=is_dry_run)
        problems = done.problems
    if problems:
        shown = [(one.line or "", one.field, one.message) for one in problems]
        return _refused(request, campaign, shown)
    would = "would be " if is_dry_run else ""
    messages.success(
        request,
        f"{done.rows} lines: {done.added} {would}let in, {done.changed} {would}changed,"
        f" {done.unchanged} as they are.{' Nothing was stored.' if is_dry_run else ''}",
    )
    return redirect("campaign_raters", slug)


def _refused(
    request: PageRequest, campaign: Campaign, problems: Sequence[tuple[int | str, str, str]]
) -> HttpResponse:
    return pool_page(
        request,
        campaign,
        import_problems=problems[:SHOWN_PROBLEMS],
        import_problem_count=len(problems),
    )


def _blame(form: forms.Form, error: LabelingError) -> None:
    for problem in error.problems:
        field = problem.field.partition(".")[0]
        form.add_error(field if field in form.fields else None, problem.message)
    if not error.problems:
        form.add_error(None, error.message)
