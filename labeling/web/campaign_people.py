"""`/campaigns/<slug>/raters/`: who judges, who may, and what they appeal against."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.appeals import decide_appeal
from labeling.actions.qualification import asks_own_qualification, qualify_rater
from labeling.actions.raters import add_member, reinstate_rater, suspend_rater
from labeling.errors import InvalidInputError, NotFoundError
from labeling.models import Appeal, Campaign, Membership, Rater
from labeling.queries.seats import by_work, seated_raters
from labeling.queries.told_answers import appeals_in, waiting_appeals
from labeling.queries.votes import summary
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import words_of

SHOWN_RATERS = 500
SHOWN_APPEALS = 50


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


class AppealForm(forms.Form):
    """A manager's decision."""

    decision = forms.ChoiceField(
        choices=[(Appeal.State.UPHELD, "Uphold"), (Appeal.State.DECLINED, "Decline")]
    )
    answer = forms.CharField(max_length=2000, required=False)


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
        "asks_qualification": asks_own_qualification(campaign),
        "appeals": _waiting(campaign),
    }
    status = 422 if form.errors else 200
    return render(request, "labeling/campaign_raters.html", context, status=status)


def _deal_with(
    request: PageRequest, slug: str, rater_id: UUID, action: Callable[..., object], said: str
) -> HttpResponse:
    campaign = access.campaign_for_manager(request.user, slug)
    action(campaign=campaign, rater=_rater(campaign, rater_id), by=request.user)
    messages.success(request, said)
    return redirect("campaign_raters", slug)


@signed_in
@require_POST
def resume_rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """Let a paused rater claim again."""
    return _deal_with(request, slug, rater_id, reinstate_rater, "They may go on judging.")


@signed_in
@require_POST
def pause_rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """End a rater's claims; what they hold goes back to the queue."""
    said = "Paused. What they held has gone back to the queue."
    return _deal_with(request, slug, rater_id, suspend_rater, said)


@signed_in
@require_POST
def let_in_rater(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """Let a rater judge without the campaign's qualification."""
    said = "They may judge now, without the qualification."
    return _deal_with(request, slug, rater_id, qualify_rater, said)


@signed_in
@require_POST
def answer_appeal(request: PageRequest, slug: str, appeal_id: UUID) -> HttpResponse:
    """Uphold or decline an appeal, with words for the rater."""
    campaign = access.campaign_for_manager(request.user, slug)
    appeal = appeals_in(campaign).filter(public_id=appeal_id).first()
    if appeal is None:
        raise NotFoundError("There is no such appeal in this campaign.")
    form = AppealForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say whether you uphold or decline it.")
        return redirect("campaign_raters", slug)
    is_upheld = form.cleaned_data["decision"] == Appeal.State.UPHELD
    try:
        decide_appeal(
            appeal=appeal,
            is_upheld=is_upheld,
            answer=form.cleaned_data["answer"],
            by=request.user,
        )
    except InvalidInputError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request,
            "Upheld: the known answer is retired." if is_upheld else "Declined, with your words.",
        )
    return redirect("campaign_raters", slug)


def _waiting(campaign: Campaign) -> list[dict[str, Any]]:
    """Appeals that wait, with both verdicts in words."""
    rows = []
    for appeal in waiting_appeals(campaign)[:SHOWN_APPEALS]:
        judgment, gold = appeal.judgment, appeal.judgment.comparison.gold
        rows.append(
            {
                "appeal": appeal,
                "comparison": judgment.comparison,
                "summary": summary(judgment.comparison.prompt.messages),
                "said": words_of(judgment.preference, judgment.strength),
                "known": words_of(gold.preference, gold.strength),
                "explanation": gold.explanation,
            }
        )
    return rows


def _rater(campaign: Campaign, public_id: UUID) -> Rater:
    if (rater := seated_raters(campaign).filter(public_id=public_id).first()) is None:
        raise NotFoundError("There is no such rater in this campaign.")
    return rater
