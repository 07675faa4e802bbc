"""The bench. One address with or without JavaScript; htmx gets the card."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from labeling.actions.claiming import claim_assignment
from labeling.actions.rating import Submission, skip_assignment, submit_judgment
from labeling.errors import (
    EnoughForTodayError,
    EnoughInAllError,
    InvalidInputError,
    NotQualifiedError,
    StudyDoneError,
)
from labeling.queries.rating import Desk
from labeling.schemas import read_schema
from labeling.web.forms import AnswerForm, SkipForm
from labeling.web.rate_card import (
    SeeOther,
    after,
    desk_at,
    go_on,
    refusals_noted,
    show_card,
    show_finished,
    taken,
)
from labeling.web.rate_obstacle import study_done
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_http_methods(["GET", "POST"])
def rate(request: PageRequest, slug: str) -> HttpResponse:
    """Show the rater's comparison, take the answer, show the next."""
    desk = desk_at(request.user, slug)
    campaign = desk.campaign
    if request.method == "POST":
        return _answer(request, desk)
    if desk.to_read_number is not None:
        return SeeOther(reverse("rate_news", args=[slug]))
    try:
        assignment = claim_assignment(rater=desk.rater, campaign=campaign, at_most=desk.study_left)
    except (NotQualifiedError, EnoughForTodayError, EnoughInAllError, StudyDoneError) as error:
        return show_finished(request, desk, because=error)
    if assignment is None:
        return show_finished(request, desk)
    form = AnswerForm(
        initial={"assignment_id": assignment.public_id}, schema=read_schema(campaign.schema)
    )
    return show_card(request, desk, assignment=assignment, form=form)


def _answer(request: PageRequest, desk: Desk) -> HttpResponse:
    form = AnswerForm(request.POST, schema=read_schema(desk.campaign.schema))

    def store(asked: UUID, answer: dict[str, Any]) -> Submission:
        return submit_judgment(
            rater=desk.rater, assignment_id=asked, answer=answer, campaign=desk.campaign
        )

    done = taken(request, desk, form, names="assignment_id", store=store)
    if isinstance(done, HttpResponse):
        return done
    if done.is_practice:
        return SeeOther(
            reverse("rate_feedback", args=[desk.campaign.slug, done.judgment.public_id])
        )
    desk = after(desk, done.judgment, is_new=done.is_new)
    if desk.study_left is not None and desk.study_left <= 0:
        study_done(desk)
    return go_on(request, desk, saved=done.judgment.public_id)


@signed_in
@require_POST
def skip(request: PageRequest, slug: str) -> HttpResponse:
    """Give the comparison back with a reason, and show the next."""
    desk = desk_at(request.user, slug)
    form = SkipForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Say why you skip: choose one of the reasons.")
    asked = form.cleaned_data["assignment_id"]
    with refusals_noted(request.user, asked):
        skip_assignment(
            rater=desk.rater,
            assignment_id=asked,
            reason=form.stored_reason(),
            active_ms=form.cleaned_data["active_ms"],
            campaign=desk.campaign,
        )
    return go_on(request, desk, skipped=1)
