"""Entry links on the raters page: make one, close one."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from labeling import access
from labeling.actions.entry import close_entry_link, make_entry_link
from labeling.errors import LabelingError, NotFoundError
from labeling.web.campaign_people import pool_page
from labeling.web.entry_forms import EntryLinkForm
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_POST
def make(request: PageRequest, slug: str) -> HttpResponse:
    """A new link."""
    campaign = access.campaign_for_manager(request.user, slug)
    form = EntryLinkForm(request.POST)
    if form.is_valid():
        try:
            link = make_entry_link(campaign=campaign, by=request.user, **form.cleaned_data)
        except LabelingError as error:
            for problem in error.problems:
                form.add_error(problem.field, problem.message)
            if not error.problems:
                raise
        else:
            messages.success(request, f"The link “{link.name}” is made. Give its address to them.")
            return redirect(reverse("campaign_raters", args=[slug]) + "#links")
    return pool_page(request, campaign, link_form=form)


@signed_in
@require_POST
def close(request: PageRequest, slug: str, link_id: UUID) -> HttpResponse:
    """Let nobody new in by the link."""
    campaign = access.campaign_for_manager(request.user, slug)
    link = campaign.entry_links.filter(public_id=link_id).first()
    if link is None:
        raise NotFoundError("There is no such link in this campaign.")
    close_entry_link(link=link, by=request.user)
    messages.success(request, "Closed. Whoever came in by it goes on.")
    return redirect(reverse("campaign_raters", args=[slug]) + "#links")
