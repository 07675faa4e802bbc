"""What the bench's page does by itself: prepare the next card, hold leases, keep the draft."""

from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeling.actions.ahead import give_back_assignment, keep_assignments, prepare_assignment
from labeling.actions.drafts import keep_draft
from labeling.errors import InvalidInputError
from labeling.schemas import read_schema
from labeling.web.forms import AnswerForm
from labeling.web.rate_card import answer_fields, desk_at, show_card, uuid_of
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_POST
def ahead(request: PageRequest, slug: str) -> HttpResponse:
    """Lease the comparison after this one, and answer with its card; 204 if none can be had."""
    desk = desk_at(request.user, slug)
    asked, _ = _held(request)
    assignment = prepare_assignment(
        rater=desk.rater, campaign=desk.campaign, beside=asked, at_most=desk.study_left
    )
    if assignment is None:
        return HttpResponse(status=204)
    form = AnswerForm(
        initial={"assignment_id": assignment.public_id}, schema=read_schema(desk.campaign.schema)
    )
    return show_card(request, desk, assignment=assignment, form=form)


@signed_in
@require_POST
def hold(request: PageRequest, slug: str) -> HttpResponse:
    """Renew what the page holds, since its rater is there; which of it still stands."""
    desk = desk_at(request.user, slug)
    asked, prepared = _held(request)
    kept = keep_assignments(
        rater=desk.rater, campaign=desk.campaign, shown=asked, prepared=prepared
    )
    return JsonResponse({"shown": kept.shown, "prepared": kept.prepared})


@signed_in
@require_POST
def leave(request: PageRequest, slug: str) -> HttpResponse:
    """Give back what is prepared: the page goes away."""
    desk = desk_at(request.user, slug)
    _, prepared = _held(request)
    if prepared is not None:
        give_back_assignment(rater=desk.rater, campaign=desk.campaign, prepared=prepared)
    return HttpResponse(status=204)


@signed_in
@require_POST
def draft(request: PageRequest, slug: str) -> HttpResponse:
    """Keep what is chosen and typed so far; whether this is the newest of it."""
    desk = desk_at(request.user, slug)
    asked, _ = _held(request)
    written = request.POST.get("written_ms", "")
    is_kept = keep_draft(
        rater=desk.rater,
        campaign=desk.campaign,
        assignment_id=asked,
        fields=answer_fields(request),
        written_ms=int(written) if written.isdecimal() and len(written) < 16 else None,
    )
    return JsonResponse({"kept": is_kept})


def _held(request: PageRequest) -> tuple[UUID, UUID | None]:
    """The comparison on the screen, and the one that is prepared."""
    asked = uuid_of(request.POST.get("assignment_id", ""))
    if asked is None:
        raise InvalidInputError("Say which comparison is on the screen: assignment_id.")
    return asked, uuid_of(request.POST.get("prepared", ""))
