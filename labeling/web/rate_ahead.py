"""What the bench's page does by itself: prepare the next card, hold leases, keep the draft."""

import re
from uuid import UUID

from django import forms
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from labeling.actions.ahead import give_back_assignment, keep_assignments, prepare_assignment
from labeling.actions.drafts import keep_draft
from labeling.errors import InvalidInputError
from labeling.schemas import read_schema
from labeling.web.forms import AnswerForm
from labeling.web.rate_card import desk_at, show_card
from labeling.web.signed_in import PageRequest, signed_in

# Fields of an answer; what the page measures is collected anew.
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,80}")
_NOT_SAID = {"assignment_id", "judgment_id", "csrfmiddlewaretoken", "written_ms", "telemetry"}


class HeldForm(forms.Form):
    """The comparison on the screen, and the one that is prepared."""

    assignment_id = forms.UUIDField()
    prepared = forms.UUIDField(required=False)
    written_ms = forms.IntegerField(required=False)


@signed_in
@require_POST
def ahead(request: PageRequest, slug: str) -> HttpResponse:
    """Lease the comparison after this one, and answer with its card; 204 if none can be had."""
    desk = desk_at(request.user, slug)
    asked, _ = _held(request)
    assignment = prepare_assignment(rater=desk.rater, campaign=desk.campaign, beside=asked)
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
        fields={
            name: [str(value) for value in values]
            for name, values in request.POST.lists()
            if _FIELD.fullmatch(name) and name not in _NOT_SAID
        },
        written_ms=int(written) if written.isdecimal() and len(written) < 16 else None,
    )
    return JsonResponse({"kept": is_kept})


def _held(request: PageRequest) -> tuple[UUID, UUID | None]:
    form = HeldForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Say which comparison is on the screen: assignment_id.")
    return form.cleaned_data["assignment_id"], form.cleaned_data["prepared"]
