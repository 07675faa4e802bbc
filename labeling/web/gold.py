"""`/campaigns/<slug>/gold/`: known answers that may be wrong, and what a manager does of them."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from labeling import access
from labeling.actions.gold import keep_gold, restore_gold, retire_gold
from labeling.errors import InvalidInputError, NotFoundError
from labeling.metrics.gold_items import CHANCE, LEAST_OTHERS, PASS_RATE
from labeling.models import Comparison
from labeling.policy import read_policy
from labeling.queries.gold import gold_counts, retired_gold, suspect_gold
from labeling.web.campaigns import frame
from labeling.web.cases import chance_words
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import words_of

SHOWN_RETIRED = 50


@signed_in
@require_safe
def gold(request: PageRequest, slug: str) -> HttpResponse:
    """Doubted and retired known answers. Readers see them; managers have buttons."""
    campaign = access.campaign_for_reader(request.user, slug)
    suspects = [
        {
            "suspect": one,
            "known": words_of(one.comparison.gold.preference, one.comparison.gold.strength),
            "chance": chance_words(one.found.chance),
        }
        for one in suspect_gold(campaign)
    ]
    policy = read_policy(campaign.policy)
    context = {
        **frame(request, campaign, "raters"),
        "suspects": suspects,
        "retired": retired_gold(campaign)[:SHOWN_RETIRED],
        "counts": gold_counts(campaign),
        "policy": policy,
        "pass_rate": PASS_RATE,
        "least_others": LEAST_OTHERS,
        "rarely": chance_words(CHANCE),
    }
    return render(request, "labeling/campaign_gold.html", context)


@signed_in
@require_POST
def decide(request: PageRequest, slug: str, comparison_id: UUID) -> HttpResponse:
    """Retire a known answer, keep a doubted one, or take a retired one back."""
    campaign = access.campaign_for_manager(request.user, slug)
    comparison = (
        Comparison.objects.filter(campaign=campaign, public_id=comparison_id, gold__isnull=False)
        .select_related("campaign")
        .first()
    )
    if comparison is None:
        raise NotFoundError("There is no such known answer in this campaign.")
    wanted = request.POST.get("do", "")
    try:
        if wanted == "retire":
            retire_gold(comparison=comparison, by=request.user, why=request.POST.get("why", ""))
            messages.success(request, "Retired: nobody meets it any more.")
        elif wanted == "restore":
            restore_gold(comparison=comparison, by=request.user)
            messages.success(request, "Known again.")
        elif wanted == "keep":
            n = next(
                (one.found.n for one in suspect_gold(campaign) if one.comparison == comparison), 0
            )
            keep_gold(comparison=comparison, by=request.user, n=n)
            messages.success(request, "Kept: it is doubted again with twice the answers.")
        else:
            raise InvalidInputError("A known answer is retired, kept or restored.")
    except InvalidInputError as error:
        messages.error(request, error.message)
    return redirect("campaign_gold", slug)
