"""`/campaigns/<slug>/raters/` and `/guidelines/`: who judges, and by what."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.guidelines import publish_guidelines
from labeling.actions.raters import add_member, reinstate_rater, suspend_rater
from labeling.errors import LabelingError, NotFoundError
from labeling.models import Campaign, Membership, Rater
from labeling.queries.rating import latest_guidelines
from labeling.queries.seats import by_work, seated_raters
from labeling.web import rendered
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in

SHOWN_RATERS = 500


class MemberForm(forms.Form):
    """A person of the organisation, and what they shall do in the campaign."""

    username = forms.CharField(max_length=150, label="Sign-in name")
    role = forms.ChoiceField(
        choices=[
            (Membership.Role.RATER, "Rater: judges comparisons"),
            (Membership.Role.RESEARCHER, "Researcher: reads and exports"),
            (Membership.Role.MANAGER, "Manager: changes everything"),
        ],
        label="Role",
    )


class GuidelinesForm(forms.Form):
    """The next version of the guidelines."""

    body = forms.CharField(
        label="Text", max_length=200_000, widget=forms.Textarea(attrs={"rows": 18})
    )
    change_note = forms.CharField(label="What changed", max_length=500, required=False)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def raters(request: PageRequest, slug: str) -> HttpResponse:
    """Members and raters; a manager lets people in here."""
    campaign = access.campaign_for_reader(request.user, slug)
    form = MemberForm(request.POST or None)
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
        if form.is_valid():
            wanted = form.cleaned_data
            try:
                person = access.person_of(campaign, wanted["username"])
            except NotFoundError as error:
                form.add_error("username", error.message)
            else:
                add_member(campaign=campaign, user=person, role=wanted["role"], by=request.user)
                messages.success(request, f"{person.label} has the role of {wanted['role']}.")
                return redirect("campaign_raters", slug)
    seated = by_work(seated_raters(campaign))
    context = {
        **frame(request, campaign, "raters"),
        "form": form,
        "members": campaign.memberships.select_related("user").order_by("role", "user__username")[
            :SHOWN_RATERS
        ],
        "raters": seated[:SHOWN_RATERS],
        "rater_count": seated.count(),
        "shown_count": SHOWN_RATERS,
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_raters.html", context, status=status)


@signed_in
@require_POST
def resume_rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """Let a paused rater claim again."""
    campaign = access.campaign_for_manager(request.user, slug)
    reinstate_rater(campaign=campaign, rater=_rater(campaign, rater_id), by=request.user)
    messages.success(request, "They may go on judging.")
    return redirect("campaign_raters", slug)


@signed_in
@require_POST
def pause_rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """End a rater's claims; what they hold goes back to the queue."""
    campaign = access.campaign_for_manager(request.user, slug)
    suspend_rater(campaign=campaign, rater=_rater(campaign, rater_id), by=request.user)
    messages.success(request, "Paused. What they held has gone back to the queue.")
    return redirect("campaign_raters", slug)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def guidelines(request: PageRequest, slug: str) -> HttpResponse:
    """The version in force; a manager publishes the next one here."""
    campaign = access.campaign_for_reader(request.user, slug)
    version = latest_guidelines(campaign)
    form = GuidelinesForm(request.POST or None, initial={"body": version.body if version else ""})
    if request.method == "POST":
        campaign = access.campaign_for_manager(request.user, slug)
        if form.is_valid():
            try:
                made = publish_guidelines(campaign=campaign, by=request.user, **form.cleaned_data)
            except LabelingError as error:
                form.add_error("body", error.message)
            else:
                messages.success(
                    request, f"Version {made.number} is out: judgments are stamped with it now."
                )
                return redirect("campaign_guidelines", slug)
    context = {
        **frame(request, campaign, "guidelines"),
        "form": form,
        "version": version,
        "body": rendered.markdown(version.body) if version else "",
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_guidelines.html", context, status=status)


def _rater(campaign: Campaign, public_id: UUID) -> Rater:
    if (rater := seated_raters(campaign).filter(public_id=public_id).first()) is None:
        raise NotFoundError("There is no such rater in this campaign.")
    return rater
