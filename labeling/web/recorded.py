"""`/rate/recorded/`: what is recorded of a judgment and why, and what was of one's own."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling.queries.recorded import recorded_of
from labeling.web.signed_in import PageRequest, signed_in

SHOWN = 50


@signed_in
@require_safe
def recorded(request: PageRequest) -> HttpResponse:
    """The list of what is recorded, and the user's own newest judgments with their measures."""
    context = {"judgments": recorded_of(request.user, SHOWN), "most": SHOWN}
    return render(request, "labeling/rate_recorded.html", context)
