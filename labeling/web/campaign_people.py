"""`/campaigns/<slug>/raters/`: who judges, who may, and what they appeal against."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.appeals import decide_appeal
from labeling.actions.qualification import asks_own_qualification, qualify_rater
from labeling.actions.raters import add_member, reinstate_rater, suspend_rater
from labeling.errors import (
    ConflictError,
    InvalidInputError,
    LabelingError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import Appeal, Campaign, Membership, Rater
from labeling.queries.demographics import coverage_of
from labeling.queries.entry import links_of
from labeling.queries.pool import STATUSES, pool_of
from labeling.queries.seats import seated_raters
from labeling.queries.told_answers import appeals_in, waiting_appeals
from labeling.queries.votes import summary
from labeling.web.campaigns import frame
from labeling.web.entry_forms import EntryLinkForm, link_rows
from labeling.web.invitations import invite_form_for, open_invitations
from labeling.web.profile import ANSWERS, ASKED
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import words_of

SHOWN_APPEALS = 50
SHOWN_MEMBERS = 500
# A rater's status in words, and the class that says the same in colour.
STATUS_WORDS: dict[str, tuple[str, str]] = {
    "invited": ("Invited", ""),
    "practice": ("Practice", ""),
    "qualified": ("Qualified", "ok"),
    "probation": ("Probation", "warn"),
    "paused": ("Paused", "bad"),
    "finished": ("Finished", "ok"),
    "judge": ("LLM judge", ""),
    "file": ("From a file", ""),
}


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
    # How long it may be is checked by the action, in one place.
    answer = forms.CharField(required=False)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def raters(request: PageRequest, slug: str) -> HttpResponse:
    """The pool, a page at a time; a manager lets people in here."""
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
    return pool_page(request, campaign, form=form)


def pool_page(
    request: PageRequest,
    campaign: Campaign,
    *,
    form: MemberForm | None = None,
    **more: Any,
) -> HttpResponse:
    """The page of the pool with whatever a form on it has to say."""
    skill, status = request.GET.get("skill", ""), request.GET.get("status", "")
    number = request.GET.get("page", "")
    context = frame(request, campaign, "raters")
    may_manage = context["may_manage"]
    pool = pool_of(
        campaign,
        skill=skill,
        status=status if status in STATUSES else "",
        page=int(number) if number.isdecimal() and len(number) < 7 else 1,
        # Who raters are is for those who manage people.
        names_people=may_manage,
    )
    link_form = more.pop("link_form", None) or EntryLinkForm()
    context |= {
        "form": form or MemberForm(),
        "pool": pool,
        "rows": [(row, *STATUS_WORDS[row.status]) for row in pool.rows],
        "skill": skill,
        "status": status,
        "statuses": [(key, STATUS_WORDS[key][0]) for key in STATUSES],
        "narrowed": urlencode({"skill": skill, "status": status}),
        "asks_qualification": asks_own_qualification(campaign),
        "coverage": coverage_of(campaign),
        "asked": ASKED,
        "answers": ANSWERS,
        "members": _members(campaign, with_raters=may_manage),
        "appeals": _waiting(campaign),
        "link_form": link_form,
        **more,
    }
    context["coverage_rows"] = [
        (
            ASKED[question.key],
            question.answered,
            [(ANSWERS[group.answer], group.count) for group in question.groups],
        )
        for question in context["coverage"].questions
    ]
    if may_manage:
        context |= {
            "invitations": open_invitations(campaign=campaign),
            "invite_form": invite_form_for(campaign, request.user),
            "invite_action": reverse("campaign_invite", args=[campaign.slug]),
            "links": link_rows(links_of(campaign)),
        }
    is_refused = bool((form and form.errors) or link_form.errors or more.get("import_problems"))
    return render(
        request, "labeling/campaign_raters.html", context, status=422 if is_refused else 200
    )


def _deal_with(
    request: PageRequest, slug: str, rater_id: UUID, action: Callable[..., object], said: str
) -> HttpResponse:
    campaign = access.campaign_for_manager(request.user, slug)
    action(campaign=campaign, rater=rater_of(campaign, rater_id), by=request.user)
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
        problem = InvalidInputError("Say whether you uphold or decline it, in words without a NUL.")
        return _appeal_refused(request, campaign, appeal, problem)
    is_upheld = form.cleaned_data["decision"] == Appeal.State.UPHELD
    try:
        decide_appeal(
            appeal=appeal,
            is_upheld=is_upheld,
            answer=form.cleaned_data["answer"],
            by=request.user,
        )
    except (InvalidInputError, ConflictError, NotAllowedError) as error:
        return _appeal_refused(request, campaign, appeal, error)
    messages.success(
        request,
        "Upheld: the known answer is retired." if is_upheld else "Declined, with your words.",
    )
    return redirect("campaign_raters", slug)


def _appeal_refused(
    request: PageRequest, campaign: Campaign, appeal: Appeal, error: LabelingError
) -> HttpResponse:
    """The page again, with what was written for the rater."""
    refused = {
        "id": appeal.public_id,
        "message": error.message,
        "answer": request.POST.get("answer", ""),
    }
    page = pool_page(request, campaign, appeal_refused=refused)
    page.status_code = 422 if isinstance(error, InvalidInputError) else error.status
    return page


def _members(campaign: Campaign, *, with_raters: bool) -> QuerySet[Membership]:
    """Who has which role; raters among them for those who manage people."""
    members = campaign.memberships.select_related("user").order_by("role", "user__username")
    if not with_raters:
        members = members.exclude(role=Membership.Role.RATER)
    return members[:SHOWN_MEMBERS]


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


def rater_of(campaign: Campaign, public_id: UUID) -> Rater:
    """The rater with a seat in the campaign; NotFoundError for any other."""
    if (rater := seated_raters(campaign).filter(public_id=public_id).first()) is None:
        raise NotFoundError("There is no such rater in this campaign.")
    return rater
