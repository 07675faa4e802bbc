"""The bench. One address with or without JavaScript; htmx gets the card."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling import access
from labeling.actions.raters import take_seat
from labeling.actions.rating import (
    claim_assignment,
    record_refusal,
    revise_judgment,
    skip_assignment,
    submit_judgment,
)
from labeling.errors import ConflictError, EndedError, InvalidInputError, NotFoundError
from labeling.models import Assignment, Campaign, User
from labeling.queries import rating
from labeling.queries.bench import arm_of, sides
from labeling.queries.rating import Desk
from labeling.rendering.messages import Conversation
from labeling.schemas import read_requirements, read_schema
from labeling.web import rendered
from labeling.web.forms import SKIP_REASONS, AnswerForm, SkipForm
from labeling.web.signed_in import PageRequest, signed_in, toast


class SeeOther(HttpResponseRedirectBase):
    """A 303: the browser's Back and Reload never send the answer again."""

    status_code = 303


@dataclass(frozen=True)
class Card:
    """A comparison as its rater may see it: two sides and what they answer."""

    prompt: Conversation
    left: Conversation
    right: Conversation
    language: str


@signed_in
@require_http_methods(["GET", "POST"])
def rate(request: PageRequest, slug: str) -> HttpResponse:
    """Show the rater's comparison, take the answer, show the next."""
    campaign = access.campaign_for_rater(request.user, slug)
    desk = _desk(request.user, campaign)
    if request.method == "POST":
        form = AnswerForm(request.POST, schema=read_schema(campaign.schema))
        if form.is_valid():
            asked = form.cleaned_data["assignment_id"]
            try:
                with _refusals_noted(request.user, asked):
                    submission = submit_judgment(
                        rater=desk.rater, assignment_id=asked, answer=form.answer()
                    )
            except InvalidInputError as error:
                form.refuse(error)
            else:
                return _next(slug, saved=submission.judgment.public_id)
        return _refused(request, campaign, desk, form)
    assignment = claim_assignment(rater=desk.rater, campaign=campaign)
    if assignment is None:
        return _finished(request, campaign, desk)
    form = AnswerForm(
        initial={"assignment_id": assignment.public_id}, schema=read_schema(campaign.schema)
    )
    return _bench(request, campaign, desk, assignment=assignment, form=form)


@signed_in
@require_http_methods(["GET", "POST"])
def undo(request: PageRequest, slug: str) -> HttpResponse:
    """Show the last judgment again, filled in; saving it puts a new judgment over the old."""
    campaign = access.campaign_for_rater(request.user, slug)
    desk = _desk(request.user, campaign)
    if request.method == "POST":
        form = AnswerForm(request.POST, schema=read_schema(campaign.schema))
        form.fields["judgment_id"].required = True
        if form.is_valid():
            asked = form.cleaned_data["judgment_id"]
            try:
                with _refusals_noted(request.user, asked):
                    submission = revise_judgment(
                        rater=desk.rater, judgment_id=asked, answer=form.answer()
                    )
            except InvalidInputError as error:
                form.refuse(error)
            else:
                return _next(slug, saved=submission.judgment.public_id)
        return _refused(request, campaign, desk, form)
    judgment = rating.undoable_judgment(desk.rater, campaign)
    if judgment is None or judgment.assignment is None:
        raise ConflictError(
            "There is nothing to undo: a judgment can be changed for"
            f" {campaign.revise_seconds // 60} minutes."
        )
    form = AnswerForm.for_change(judgment, judgment.assignment, read_schema(campaign.schema))
    return _bench(request, campaign, desk, assignment=judgment.assignment, form=form)


@signed_in
@require_POST
def skip(request: PageRequest, slug: str) -> HttpResponse:
    """Give the comparison back with a reason, and show the next."""
    campaign = access.campaign_for_rater(request.user, slug)
    desk = _desk(request.user, campaign)
    form = SkipForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Say why you skip: choose one of the reasons.")
    asked = form.cleaned_data["assignment_id"]
    with _refusals_noted(request.user, asked):
        skip_assignment(rater=desk.rater, assignment_id=asked, reason=form.stored_reason())
    return _next(slug, skipped=1)


def _desk(user: User, campaign: Campaign) -> Desk:
    if desk := rating.desk_of(user, campaign):
        return desk
    # The first visit.
    return Desk(take_seat(user=user, campaign=campaign).rater)


@contextmanager
def _refusals_noted(user: User, asked: UUID) -> Iterator[None]:
    """Leaves a trace of an attempt at what is not the user's own, or is over."""
    try:
        yield
    except (NotFoundError, EndedError):
        record_refusal(user=user, subject=asked)
        raise


def _next(slug: str, **said: object) -> HttpResponse:
    return SeeOther(f"{reverse('rate', args=[slug])}?{urlencode(said)}")


def _bench(
    request: PageRequest,
    campaign: Campaign,
    desk: Desk,
    *,
    assignment: Assignment,
    form: AnswerForm,
    status: int = 200,
) -> HttpResponse:
    is_change = bool(form["judgment_id"].value())
    context = _frame(request, campaign, desk) | {
        "assignment": assignment,
        "card": _card(assignment),
        "form": form,
        "is_change": is_change,
        "action": reverse("undo" if is_change else "rate", args=[campaign.slug]),
        "skip_reasons": SKIP_REASONS,
    }
    part = "#card" if request.htmx else ""
    return render(request, f"labeling/rate.html{part}", context, status=status)


def _finished(request: PageRequest, campaign: Campaign, desk: Desk) -> HttpResponse:
    day = rating.day_in(desk.rater, campaign)
    others = [
        one
        for one in rating.rated_campaigns(request.user)
        if one.campaign.state == "active" and one.campaign.pk != campaign.pk
    ]
    context = _frame(request, campaign, desk) | {
        "day": day,
        "active_minutes": round(day.active_ms / 60_000),
        "others": others[:4],
    }
    part = "#card" if request.htmx else ""
    return render(request, f"labeling/rate_empty.html{part}", context)


def _refused(
    request: PageRequest, campaign: Campaign, desk: Desk, form: AnswerForm
) -> HttpResponse:
    """Say what is missing. With htmx the page stays as it is; without it comes again, filled in."""
    if not form.message:
        form.say_first_error()
    if request.htmx:
        return toast(request, "labeling/toasts.html#fault", {"form": form}, status=422)
    if form["judgment_id"].value():
        judgment = rating.undoable_judgment(desk.rater, campaign)
        assignment = judgment.assignment if judgment else None
    else:
        assignment = claim_assignment(rater=desk.rater, campaign=campaign)
    if assignment is None or str(assignment.public_id) != str(form["assignment_id"].value()):
        raise ConflictError("This comparison is not open to you any more.")
    return _bench(request, campaign, desk, assignment=assignment, form=form, status=422)


def _frame(request: PageRequest, campaign: Campaign, desk: Desk) -> dict[str, Any]:
    cap = read_requirements(campaign.requirements).daily_cap
    saved = request.GET.get("saved", "")
    return {
        "campaign": campaign,
        "desk": desk,
        "cap": cap,
        "number": desk.judged_today + 1,
        # Only what the server has: the newest judgment, when the address names that very one.
        "is_saved": bool(saved) and saved == str(desk.undoable),
        "is_skipped": "skipped" in request.GET,
    }


def _card(assignment: Assignment) -> Card:
    prompt = assignment.comparison.prompt
    left, right = sides(assignment)
    shown = rendered.conversations([prompt.messages, left, right])
    context = shown[0]
    if arm_of(assignment).context == "last_turn":
        context = Conversation(context.turns[-1:], context.hidden, context.summary)
    return Card(
        context.owned_by("Prompt"),
        shown[1].owned_by("Response A"),
        shown[2].owned_by("Response B"),
        prompt.language if prompt.language.replace("-", "").isalnum() else "",
    )
