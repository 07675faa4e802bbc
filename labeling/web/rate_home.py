"""The rater's home: which campaigns there are, and the day's work."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from labeling.charts.small import bars
from labeling.queries import rating
from labeling.queries.cases import open_cases_of
from labeling.queries.entry import finished_visits
from labeling.queries.home import ENOUGH_GOLD, MOST_LEFT, home_of
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_safe
def home(request: PageRequest) -> HttpResponse:
    """Send each role to its home."""
    return redirect("campaigns" if rating.has_data_to_read(request.user) else "rate_home")


@signed_in
@require_safe
def rate_home(request: PageRequest) -> HttpResponse:
    """The campaigns in which the user rates, why each can or cannot be taken, and their work."""
    found = home_of(request.user)
    context = {
        "home": found,
        "work": found.work,
        "week": bars([count for _, count in found.work.by_day]),
        "most_left": MOST_LEFT,
        "enough_gold": ENOUGH_GOLD,
        "qualifying": [one for one in found.campaigns if one.qualifying],
        "cases": open_cases_of(request.user),
        "studies": finished_visits(request.user),
    }
    return render(request, "labeling/rate_home.html", context)
