"""What the bench's pages share: who sits there, the card they see, and what is said of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import orjson
from django.http import HttpResponse
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext

from labeling import access
from labeling.actions.ahead import give_back_assignment, take_up_assignment
from labeling.actions.claiming import claim_assignment
from labeling.actions.drafts import keep_draft
from labeling.actions.raters import take_seat
from labeling.actions.rating import Submission, record_refusal
from labeling.errors import (
    ConflictError,
    EndedError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from labeling.models import Assignment, Judgment, User
from labeling.models.drafts import open_draft
from labeling.queries import rating
from labeling.queries.rating import Desk
from labeling.schemas import read_requirements, read_schema
from labeling.web import rendered
from labeling.web.answering import answering
from labeling.web.cards import card_of
from labeling.web.forms import SKIP_REASONS, AnswerForm
from labeling.web.rate_obstacle import obstacle, pace_of, practice_shown
from labeling.web.signed_in import PageRequest, toast

# The answer to a submission says with this that the card the page has prepared is the next one.
NEXT = "Bench-Next"
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,80}")
_NOT_SAID = {"assignment_id", "judgment_id", "csrfmiddlewaretoken", "written_ms", "telemetry"}


class SeeOther(HttpResponseRedirectBase):
    """A 303: the browser's Back and Reload never send the answer again."""

    status_code = 303


@dataclass(frozen=True)
class SavedDraft:
    """What its rater had chosen and typed, and when, in milliseconds of the server's clock."""

    fields: str
    at: int


def desk_at(user: User, slug: str) -> Desk:
    """The user's desk in the campaign; NotFoundError for one who does not rate there."""
    if desk := rating.desk_of(user, slug):
        return desk
    campaign = access.campaign_for_rater(user, slug)
    # The first visit.
    take_seat(user=user, campaign=campaign)
    desk = rating.desk_of(user, slug)
    if desk is None:
        raise NotFoundError(access.UNKNOWN)
    return desk


@contextmanager
def refusals_noted(user: User, asked: UUID) -> Iterator[None]:
    """Leaves a trace of an attempt at what is not the user's own, or is over."""
    try:
        yield
    except (NotFoundError, EndedError):
        record_refusal(user=user, subject=asked)
        raise


def taken(
    request: PageRequest,
    desk: Desk,
    form: AnswerForm,
    *,
    names: str,
    store: Callable[[UUID, dict[str, Any]], Submission],
) -> Submission | HttpResponse:
    """What `store` made of the form's answer and the id it `names`, or the page that says why not.

    Nothing is stored before the rater has read what is new in the guidelines.
    """
    if form.is_valid():
        if (number := desk.to_read_number) is not None:
            return show_news(request, desk, form, number)
        asked = form.cleaned_data[names]
        try:
            with refusals_noted(request.user, asked):
                return store(asked, form.answer())
        except InvalidInputError as error:
            form.refuse(error)
    return show_refused(request, desk, form)


def show_card(
    request: PageRequest,
    desk: Desk,
    *,
    assignment: Assignment,
    form: AnswerForm,
    changed: Judgment | None = None,
    changeable: list[Judgment] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The bench with this comparison. `changed` is the judgment that the answer would change."""
    is_change = bool(form["judgment_id"].value())
    card, beside = answering(assignment, form, card_of(assignment, request.user))
    context = frame(request, desk) | {
        "assignment": assignment,
        "card": card,
        "answering": beside,
        "form": form,
        "practice": practice_shown(desk, assignment),
        "is_change": is_change,
        "action": reverse("undo" if is_change else "rate", args=[desk.campaign.slug]),
        "skip_reasons": SKIP_REASONS,
        "fresh": _as_ever(request.user, desk) if not is_change and not form.is_bound else None,
        "draft": None if is_change or form.is_bound else _draft(desk, assignment),
    }
    if changed is not None:
        context |= _others(request.user, changed, changeable or [])
    part = "#card" if request.htmx else ""
    return render(request, f"labeling/rate.html{part}", context, status=status)


def show_finished(
    request: PageRequest, desk: Desk, *, because: NotAllowedError | None = None
) -> HttpResponse:
    """The bench with nothing on it, and why."""
    day = rating.day_in(desk.rater, desk.campaign)
    others = [
        one
        for one in rating.rated_campaigns(request.user)
        if one.campaign.state == "active" and one.campaign.pk != desk.campaign.pk
    ]
    context = frame(request, desk) | {
        "day": day,
        "active_minutes": round(day.active_ms / 60_000),
        "others": others[:4],
        "pace": pace_of(desk),
    }
    if because is not None:
        context |= obstacle(desk, because)
    part = "#card" if request.htmx else ""
    return render(request, f"labeling/rate_empty.html{part}", context)


def show_refused(request: PageRequest, desk: Desk, form: AnswerForm) -> HttpResponse:
    """Say what is missing. With htmx the page stays as it is; without it comes again, filled in."""
    if not form.message:
        form.say_first_error()
    if request.htmx:
        return toast(request, "labeling/toasts.html#fault", {"form": form}, status=422)
    assignment: Assignment | None
    changed = None
    changeable: list[Judgment] = []
    if form["judgment_id"].value():
        changeable = rating.undoable_judgments(desk.rater, desk.campaign)
        asked = str(form["judgment_id"].value())
        changed = next((one for one in changeable if str(one.public_id) == asked), None)
        assignment = changed.assignment if changed else None
    else:
        assignment = claim_assignment(rater=desk.rater, campaign=desk.campaign)
    if assignment is None or str(assignment.public_id) != str(form["assignment_id"].value()):
        raise ConflictError("This comparison is not open to you any more.")
    return show_card(
        request,
        desk,
        assignment=assignment,
        form=form,
        changed=changed,
        changeable=changeable,
        status=422,
    )


def go_on(request: PageRequest, desk: Desk, **said: object) -> HttpResponse:
    """Lead to the next comparison: the one the page has prepared, or whichever is next."""
    prepared = uuid_of(request.POST.get("prepared", ""))
    if prepared is not None and request.htmx:
        rater, campaign = desk.rater, desk.campaign
        if take_up_assignment(rater=rater, campaign=campaign, prepared=prepared):
            context = frame(request, desk) | {
                "is_saved": "saved" in said,
                "is_skipped": "skipped" in said,
            }
            response = render(request, "labeling/rate_told.html", context)
            response[NEXT] = str(prepared)
            return response
        # It is in another tab, or the campaign does not go on: then nothing waits ready.
        give_back_assignment(rater=rater, campaign=campaign, prepared=prepared)
    return SeeOther(f"{reverse('rate', args=[desk.campaign.slug])}?{urlencode(said)}")


def after(desk: Desk, judgment: Judgment, *, is_new: bool) -> Desk:
    """The desk once this judgment is stored, without asking again."""
    one = 1 if is_new else 0
    return replace(
        desk,
        judged_today=desk.judged_today + one,
        undoable=judgment.public_id,
        study_left=None if desk.study_left is None else desk.study_left - one,
    )


def show_news(request: PageRequest, desk: Desk, form: AnswerForm, number: int) -> HttpResponse:
    """Say that the guidelines changed; the answer is kept as a draft and not stored yet.

    Until the rater has confirmed that they read what is new, the bench takes no answer.
    """
    if not form["judgment_id"].value():
        keep_draft(
            rater=desk.rater,
            campaign=desk.campaign,
            assignment_id=form.cleaned_data["assignment_id"],
            fields=answer_fields(request),
            written_ms=None,
        )
        if not request.htmx:
            return SeeOther(reverse("rate_news", args=[desk.campaign.slug]))
    form.message = gettext(
        "The guidelines changed to v%(number)s while you were judging. Your answer is still here:"
        " read what is new, then submit again."
    ) % {"number": number}
    if request.htmx:
        context: dict[str, object] = {"form": form, "number": number, "slug": desk.campaign.slug}
        return toast(request, "labeling/toasts.html#news", context, status=409)
    return show_refused(request, desk, form)


def frame(request: PageRequest, desk: Desk) -> dict[str, Any]:
    """What every state of the bench says around the card."""
    cap = read_requirements(desk.campaign.requirements).daily_cap
    if desk.study_left is not None and desk.study_left > 0:
        cap = desk.judged_today + desk.study_left
    saved = request.GET.get("saved", "")
    return {
        "campaign": desk.campaign,
        "desk": desk,
        "cap": cap,
        "number": desk.judged_today + 1,
        "is_saved": bool(saved) and _is_stored(desk, saved),
        "is_skipped": "skipped" in request.GET,
    }


def _is_stored(desk: Desk, saved: str) -> bool:
    """Only what the server has is "Saved": the newest judgment, or an earlier one of theirs."""
    if saved == str(desk.undoable):
        return True
    public_id = uuid_of(saved)
    return public_id is not None and rating.has_judged(desk.rater, public_id)


def answer_fields(request: PageRequest) -> dict[str, list[str]]:
    """What was chosen and typed, by field; what the page measures is collected anew."""
    return {
        name: [str(value) for value in values]
        for name, values in request.POST.lists()
        if _FIELD.fullmatch(name) and name not in _NOT_SAID
    }


def _as_ever(user: User, desk: Desk) -> tuple[Any, ...]:
    """All that an empty dock depends on: equal ones look alike, whatever the comparison."""
    settings = orjson.dumps([desk.campaign.schema, user.bench], option=orjson.OPT_SORT_KEYS)
    return desk.campaign.pk, desk.guideline_number, settings


def _draft(desk: Desk, assignment: Assignment) -> SavedDraft | None:
    found = open_draft(rater_id=desk.rater.pk, assignment_id=assignment.pk)
    if found is None:
        return None
    fields, saved_at = found
    return SavedDraft(fields, round(saved_at.timestamp() * 1000))


def _others(user: User, changed: Judgment, changeable: list[Judgment]) -> dict[str, Any]:
    """The judgments that may still be changed, as a short list, and the one before this."""
    assert changed.assignment is not None  # noqa: S101  # by the query that found it
    steps = {
        step.value: step.words
        for step in AnswerForm(schema=read_schema(changed.assignment.campaign.schema)).steps
    }
    prompts = rendered.conversations(
        [one.assignment.comparison.prompt.messages for one in changeable if one.assignment],
        campaign=changed.assignment.campaign,
        viewer=user,
    )
    rows = []
    for one, prompt in zip(changeable, prompts, strict=True):
        if one.assignment is None:
            continue
        side = one.assignment.side(one.preference)
        rows.append(
            {
                "id": one.public_id,
                "at": one.assignment.ended_at,
                "words": steps.get(f"{side}:{one.strength or 0}", gettext("Both bad")),
                "summary": prompt.summary,
                "is_this": one.pk == changed.pk,
            }
        )
    here = next((n for n, row in enumerate(rows) if row["is_this"]), len(rows))
    return {
        "changeable": rows,
        "is_last": here == 0,
        "changed_at": rows[here]["at"] if here < len(rows) else None,
        "before": rows[here + 1]["id"] if here + 1 < len(rows) else None,
    }


def uuid_of(text: str) -> UUID | None:
    """The id that the text spells, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None
