"""Going back: a judgment of the last few shown again, filled in, and changed."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods, require_safe

from labeling.actions.rating import Submission, revise_judgment
from labeling.errors import ConflictError, NotFoundError
from labeling.models import Judgment
from labeling.queries import rating
from labeling.queries.rating import Desk
from labeling.schemas import read_schema
from labeling.web.forms import AnswerForm
from labeling.web.rate_card import after, desk_at, go_on, show_card, taken
from labeling.web.signed_in import PageRequest, signed_in


@signed_in
@require_http_methods(["GET", "POST"])
def undo(request: PageRequest, slug: str) -> HttpResponse:
    """Show the last judgment again, filled in; saving one puts a new judgment over the old."""
    desk = desk_at(request.user, slug)
    if request.method == "POST":
        return _change(request, desk)
    changeable = rating.undoable_judgments(desk.rater, desk.campaign)
    if not changeable:
        raise ConflictError(
            "There is nothing to undo: a judgment can be changed for"
            f" {desk.campaign.revise_seconds // 60} minutes."
        )
    return _show(request, desk, changeable[0], changeable)


@signed_in
@require_safe
def undo_one(request: PageRequest, slug: str, judgment_id: UUID) -> HttpResponse:
    """Show one of the last judgments again, filled in."""
    desk = desk_at(request.user, slug)
    changeable = rating.undoable_judgments(desk.rater, desk.campaign)
    chosen = next((one for one in changeable if one.public_id == judgment_id), None)
    if chosen is None:
        raise NotFoundError("There is no such judgment of yours that can still be changed.")
    return _show(request, desk, chosen, changeable)


def _show(
    request: PageRequest, desk: Desk, judgment: Judgment, changeable: list[Judgment]
) -> HttpResponse:
    if judgment.assignment is None:
        raise NotFoundError("There is no such judgment of yours that can still be changed.")
    form = AnswerForm.for_change(judgment, judgment.assignment, read_schema(desk.campaign.schema))
    return show_card(
        request,
        desk,
        assignment=judgment.assignment,
        form=form,
        changed=judgment,
        changeable=changeable,
    )


def _change(request: PageRequest, desk: Desk) -> HttpResponse:
    form = AnswerForm(request.POST, schema=read_schema(desk.campaign.schema))
    form.fields["judgment_id"].required = True

    def store(asked: UUID, answer: dict[str, Any]) -> Submission:
        return revise_judgment(
            rater=desk.rater, judgment_id=asked, answer=answer, campaign=desk.campaign
        )

    done = taken(request, desk, form, names="judgment_id", store=store)
    if isinstance(done, HttpResponse):
        return done
    desk = after(desk, done.judgment, is_new=False)
    return go_on(request, desk, saved=done.judgment.public_id)
