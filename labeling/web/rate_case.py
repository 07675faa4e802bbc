"""`/rate/cases/<id>/`: a case about one's own work: the figures, what was said, and a reply."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from labeling.actions.cases import write_entry
from labeling.errors import InvalidInputError, NotFoundError
from labeling.models import CaseEntry
from labeling.queries.cases import case_of_rater, entries_of
from labeling.queries.exclusions import IN_FORCE, exclusions_of
from labeling.queries.rater_signals import evidence_of
from labeling.web.cases import shown_entry
from labeling.web.messages import in_their_language
from labeling.web.signed_in import PageRequest, signed_in

# Title and definition of each signal, as the rater reads them.
SIGNALS = {
    "fast": (
        _("Faster than reading"),
        _("Judgments in less than a third of the time that reading the texts takes."),
    ),
    "left": (_("Left wins"), _("How often the left side won where you chose one.")),
    "longer": (
        _("Longer wins"),
        _("How often the longer text won. That is a taste too, and weighs little."),
    ),
    "gold": (
        _("Known answers right"),
        _("Some comparisons have an answer that is known beforehand."),
    ),
    "agreement": (
        _("Agrees with the others"),
        _("How often you said what most other raters said."),
    ),
    "repeats": (
        _("Own answer, asked again"),
        _("Some comparisons come again with their sides swapped."),
    ),
    "run": (_("Longest run on one side"), _("The longest row of answers for one side.")),
    "pasted": (_("Pasted reasons"), _("Reasons into which a longer text was pasted.")),
    "copied": (_("Copied the prompt"), _("Judgments in which text of the prompt was copied.")),
    "returned": (
        _("Left and came back"),
        _("Judgments in which the window was left before the answer."),
    ),
    "typed": (_("Reasons hardly typed"), _("Reasons with few keystrokes for their length.")),
    "alike": (
        _("Near-duplicate reasons"),
        _("Reasons that are nearly the same as another one."),
    ),
}
DECISIONS = {
    "resume": _("You may go on. The case is closed."),
    "retrain": _("You may go on after a new round of practice. It counts as working time."),
    "pause": _("Your part stays paused for now."),
    "exclude_flagged": _("Judgments faster than reading are left out of datasets."),
    "exclude_round": _("Your judgments of one round are left out of datasets."),
    "exclude_all": _("It was proposed to leave all your judgments out of datasets."),
    "undo": _("A decision was undone: these judgments count again."),
}


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def rate_case(request: PageRequest, case_id: UUID) -> HttpResponse:
    """A case about the reader's own work; to all others there is none."""
    case = case_of_rater(request.user, case_id)
    if case is None:
        raise NotFoundError("There is no such case about your work.")
    problem, status = "", 200
    if request.method == "POST":
        try:
            write_entry(
                case=case,
                kind=CaseEntry.Kind.REPLY,
                text=request.POST.get("text", ""),
                by=request.user,
                after=shown_entry(request),
            )
        except InvalidInputError as error:
            problem, status = in_their_language(error.message), 422
        else:
            return redirect("rate_case", case_id)
    seat = case.seat
    # Up to yesterday: figures that moved with each answer would tell which comparison was gold or
    # a repeat, and how it should have been answered; after the case is closed as well.
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    found = evidence_of(seat.campaign, seat.rater, before=midnight)
    entries = list(entries_of([case], for_rater=True))
    context: dict[str, Any] = {
        "case": case,
        "seat": seat,
        "campaign": seat.campaign,
        "problem": problem,
        "text": request.POST.get("text", ""),
        "evidence": found,
        "rows": [(one, *SIGNALS[one.key]) for one in found.signals if one.n] if found else [],
        "entries": [(entry, DECISIONS.get(entry.action, "")) for entry in entries],
        "last_entry": entries[-1].public_id if entries else "",
        "left_out": exclusions_of(seat.campaign, seat.rater).filter(IN_FORCE),
    }
    return render(request, "labeling/rate_case.html", context, status=status)
