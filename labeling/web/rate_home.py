"""The rater's home: which campaigns there are, and the day's work."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from labeling.queries import rating
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_safe
def home(request: PageRequest) -> HttpResponse:
    """Send each role to its home."""
    return redirect("campaigns" if rating.has_data_to_read(request.user) else "rate_home")


@signed_in
@require_safe
def rate_home(request: PageRequest) -> HttpResponse:
    """The campaigns in which the user rates, and their day."""
    campaigns = rating.rated_campaigns(request.user)
    judged = sum(one.day.judged for one in campaigns)
    context = {
        "campaigns": campaigns,
        "resume": next((c for c in campaigns if c.last_at and c.campaign.state == "active"), None),
        "judged": judged,
        "skipped": sum(one.day.skipped for one in campaigns),
        "active_minutes": round(sum(one.day.active_ms for one in campaigns) / 60_000),
    }
    return render(request, "labeling/rate_home.html", context)
