"""The guidelines as raters read them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from labeling import access
from labeling.queries import rating
from labeling.web import rendered
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_safe
def guidelines(request: PageRequest, slug: str) -> HttpResponse:
    """The guidelines raters judge by: a page, or the inside of the drawer."""
    campaign = access.campaign_for_rater(request.user, slug)
    version = rating.latest_guidelines(campaign)
    context = {
        "campaign": campaign,
        "version": version,
        "body": rendered.markdown(version.body) if version else "",
    }
    part = "#drawer" if request.htmx else ""
    return render(request, f"labeling/rate_guidelines.html{part}", context)
