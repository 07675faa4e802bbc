"""What a rater is told of an answer whose verdict is known, and their word against it."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from labeling.actions.appeals import make_appeal
from labeling.errors import ConflictError, InvalidInputError, LabelingError
from labeling.models import Campaign
from labeling.queries import told_answers
from labeling.queries.adjudicated import told_decisions
from labeling.queries.answering import clauses_in_force
from labeling.queries.rating import Desk
from labeling.queries.told_answers import ToldAnswer
from labeling.schemas import read_schema
from labeling.web import rendered
from labeling.web.cards import card_of
from labeling.web.messages import in_their_language
from labeling.web.rate_card import SeeOther, desk_at, frame
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import hue_of, scale_beside, words_of


@signed_in
@require_safe
def feedback(request: PageRequest, slug: str, judgment_id: UUID) -> HttpResponse:
    """The two responses again, the verdict beside the expected one, and why."""
    desk = desk_at(request.user, slug)
    told = told_answers.told_answer(desk.rater, desk.campaign, judgment_id)
    return _page(request, desk, told)


def _page(
    request: PageRequest, desk: Desk, told: ToldAnswer, refused: LabelingError | None = None
) -> HttpResponse:
    """The page of one answer; with what the rater wrote where an appeal of theirs is `refused`."""
    practice = None
    if told.is_practice:
        practice = told_answers.practice_of(desk.rater, desk.campaign, is_told=True)
    context = frame(request, desk) | {
        "card": card_of(told.assignment, request.user),
        "practice": practice,
        "told": told,
        "is_saved": False,
        "refused": in_their_language(refused.message) if refused else "",
        "written": request.POST.get("reason", ""),
        **_words(told, desk.campaign, _clause_titles([told], desk.campaign)),
    }
    part = "#card" if request.htmx else ""
    status = refused.status if refused else 200
    if isinstance(refused, InvalidInputError):
        status = 422
    return render(request, f"labeling/rate_feedback.html{part}", context, status=status)


@signed_in
@require_safe
def answers(request: PageRequest, slug: str) -> HttpResponse:
    """All answers of the rater that may be shown beside the expected ones, and their appeals."""
    desk = desk_at(request.user, slug)
    found = told_answers.told_answers(desk.rater, desk.campaign)
    summaries = [told_answers.summary_of(one) for one in found]
    titles = _clause_titles(found, desk.campaign)
    context = {
        "campaign": desk.campaign,
        "rows": [
            {"told": one, "summary": summary, **_words(one, desk.campaign, titles)}
            for one, summary in zip(found, summaries, strict=True)
        ],
        "decisions": [
            {
                "told": one,
                "your_words": words_of(*one.yours),
                "decided_words": words_of(*one.decided) if one.decided else "",
                "note": rendered.markdown(one.note),
            }
            for one in told_decisions(desk.rater, desk.campaign)
        ],
    }
    return render(request, "labeling/rate_answers.html", context)


@signed_in
@require_POST
def appeal(request: PageRequest, slug: str, judgment_id: UUID) -> HttpResponse:
    """Say why the expected answer is wrong; a manager reads it."""
    desk = desk_at(request.user, slug)
    told = told_answers.told_answer(desk.rater, desk.campaign, judgment_id)
    if told.nearness == "right":
        raise ConflictError("Your answer was the expected one; there is nothing to appeal against.")
    try:
        make_appeal(judgment=told.judgment, rater=desk.rater, reason=request.POST.get("reason", ""))
    except (InvalidInputError, ConflictError) as error:
        return _page(request, desk, told, error)
    messages.success(request, gettext("Sent. A manager reads it and answers you here."))
    return SeeOther(reverse("rate_answers", args=[slug]))


def _clause_titles(answers: Sequence[ToldAnswer], campaign: Campaign) -> dict[str, str]:
    """The titles of the guidelines' clauses by their ids, read once if any answer names one."""
    if not any(one.clause for one in answers):
        return {}
    return {one["id"]: one["title"] for one in clauses_in_force(campaign)}


def _words(told: ToldAnswer, campaign: Campaign, titles: Mapping[str, str]) -> dict[str, Any]:
    yours = (told.side, told.strength)
    wanted = (told.expected, told.expected_strength)
    return {
        "steps": scale_beside(read_schema(campaign.schema), yours=yours, wanted=wanted),
        "your_words": words_of(*yours),
        "wanted_words": words_of(*wanted),
        "wanted_hue": hue_of(told.expected),
        "explanation": rendered.markdown(told.explanation) if told.explanation else "",
        # Without clauses there is nothing that a link could lead to.
        "clause": f"{told.clause} {titles.get(told.clause, '')}".strip() if titles else "",
    }
