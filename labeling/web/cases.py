"""`/campaigns/<slug>/raters/<id>/case/`: what speaks about a rater's work, and what is decided."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from labeling import access
from labeling.actions.cases import (
    MAX_CHARS,
    agree_exclusion,
    decide,
    open_case,
    undo_exclusion,
    words_of_rule,
    write_entry,
)
from labeling.charts.speed import speed_chart
from labeling.errors import (
    ConflictError,
    FieldProblem,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
)
from labeling.metrics.quality_words import DEFINITIONS
from labeling.metrics.rater_quality import Signal
from labeling.models import Campaign, Case, Exclusion, Judgment, Rater, Round, Seat
from labeling.policy import read_policy
from labeling.queries.cases import cases_of, entries_of
from labeling.queries.exclusion_effect import effect_of
from labeling.queries.exclusions import exclusions_of
from labeling.queries.rater_signals import (
    OWN_JUDGMENTS,
    SPEED_STEP,
    Evidence,
    evidence_of,
    fast_judgments,
)
from labeling.queries.reliability import reliability_of
from labeling.schemas import read_requirements
from labeling.web.campaigns import frame
from labeling.web.signed_in import PageRequest, signed_in

WEIGHT_CLASSES = {"strong": "bad", "some": "warn", "little": "", "none": "ok"}
WEIGHT_ICONS = {"strong": "warning", "some": "warning", "none": "check"}


class WordForm(forms.Form):
    """Something said in a case."""

    text = forms.CharField(max_length=MAX_CHARS, strip=True)


class DecisionForm(forms.Form):
    """An action and the note that the rater reads."""

    action = forms.CharField(max_length=40)
    note = forms.CharField(max_length=MAX_CHARS, strip=True)

    @property
    def chosen(self) -> tuple[str, int | None]:
        """The action, and the round where it names one: `exclude_round:3`."""
        return _action_of(self.cleaned_data["action"])


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """The evidence on a rater, the conversation with them, and the decision. Managers alone."""
    campaign = access.campaign_for_manager(request.user, slug)
    seat = _seat(campaign, rater_id)
    problem, status = "", 200
    if request.method == "POST":
        try:
            said = _do(request, seat)
        except InvalidInputError as error:
            problem, status = error.message, 422
        else:
            messages.success(request, said)
            return redirect("campaign_case", slug, rater_id)
    context = _context(request, seat) | {"problem": problem, "posted": request.POST}
    return render(request, "labeling/campaign_case.html", context, status=status)


@signed_in
@require_safe
def effect(request: PageRequest, slug: str, rater_id: UUID) -> HttpResponse:
    """What an action would change in agreement and ranks: the part of the page that shows it."""
    campaign = access.campaign_for_manager(request.user, slug)
    seat = _seat(campaign, rater_id)
    action, number = _action_of(request.GET.get("action", ""))
    keys = _judgments(campaign, seat.rater, action, number)
    context = {
        "campaign": campaign,
        "seat": seat,
        "effect": effect_of(campaign, keys) if keys is not None else None,
        "is_chosen": bool(action),
    }
    return render(request, "labeling/campaign_case_effect.html", context)


def _do(request: PageRequest, seat: Seat) -> str:
    """Do what a form of the page asks; what the page then says."""
    errand = ERRANDS.get(request.POST.get("do", ""))
    if errand is None:
        raise InvalidInputError("Choose what to do.")
    try:
        return errand(request, seat)
    except (ConflictError, NotAllowedError) as error:
        raise InvalidInputError(
            error.message, problems=[FieldProblem("do", error.message)]
        ) from error


def _open(request: PageRequest, seat: Seat) -> str:
    text = request.POST.get("text", "")
    open_case(campaign=seat.campaign, rater=seat.rater, by=request.user, text=text)
    return f"The case is open; {seat.pseudonym} is told."


def _message(request: PageRequest, seat: Seat) -> str:
    _write(request, seat, "message")
    return "Sent."


def _note(request: PageRequest, seat: Seat) -> str:
    _write(request, seat, "note")
    return "Noted, for managers alone."


def _write(request: PageRequest, seat: Seat, kind: str) -> None:
    write_entry(
        case=_newest(seat),
        kind=kind,
        text=request.POST.get("text", ""),
        by=request.user,
        after=shown_entry(request),
    )


def shown_entry(request: PageRequest) -> UUID | None:
    """The last entry of the case that the page showed."""
    try:
        return UUID(request.POST.get("after", ""))
    except ValueError:
        return None


def _decide(request: PageRequest, seat: Seat) -> str:
    form = DecisionForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Choose an action, and say why in the note.")
    action, number = form.chosen
    decide(
        case=_newest(seat),
        action=action,
        note=form.cleaned_data["note"],
        by=request.user,
        round_number=number,
        after=shown_entry(request),
    )
    return "Recorded. The rater can read your note."


def _agree(request: PageRequest, seat: Seat) -> str:
    agree_exclusion(exclusion=_exclusion(request, seat), by=request.user)
    return "Agreed: this work is left out from now on."


def _undo(request: PageRequest, seat: Seat) -> str:
    undo_exclusion(
        exclusion=_exclusion(request, seat), note=request.POST.get("text", ""), by=request.user
    )
    return "Undone: these judgments count again."


ERRANDS: dict[str, Callable[[PageRequest, Seat], str]] = {
    "open": _open,
    "message": _message,
    "note": _note,
    "decide": _decide,
    "agree": _agree,
    "undo": _undo,
}


def _context(request: PageRequest, seat: Seat) -> dict[str, Any]:
    campaign, rater = seat.campaign, seat.rater
    found = evidence_of(campaign, rater)
    cases = list(cases_of(campaign, rater))
    newest = cases[0] if cases else None
    rule = read_policy(campaign.policy).pause_rule
    entries = list(entries_of(cases[:1], for_rater=False)) if newest else []
    return {
        **frame(request, campaign, "raters"),
        "seat": seat,
        "rater": rater,
        "evidence": found,
        "reliability": reliability_of(campaign, rater),
        "rows": [row_of(signal) for signal in found.signals] if found else [],
        "in_short": in_short(found) if found else "",
        "speed": speed_of(found, seat.pseudonym) if found else None,
        "case": newest,
        "entries": entries,
        # What comes after it was decided or said by somebody whom this page has not seen.
        "last_entry": entries[-1].public_id if entries else "",
        "posted_round": _action_of(request.POST.get("action", ""))[1],
        "earlier": cases[1:],
        "exclusions": exclusions_of(campaign, rater),
        "most_read": OWN_JUDGMENTS,
        "fast_count": found.fast_count if found else 0,
        "rounds": _rounds(campaign, rater),
        "all_count": Judgment.objects.standing().filter(campaign=campaign, rater=rater).count(),
        "rule": words_of_rule(rule) if rule else "",
        "has_qualification": read_requirements(campaign.requirements).qualification
        == campaign.slug,
    }


def row_of(signal: Signal) -> dict[str, Any]:
    """A signal as the table shows it."""
    title, definition = DEFINITIONS[signal.key]
    return {
        "signal": signal,
        "title": title,
        "definition": definition,
        "chance": chance_words(signal.chance),
        "weight_class": WEIGHT_CLASSES[signal.weight],
        "weight_icon": WEIGHT_ICONS.get(signal.weight, ""),
    }


def chance_words(chance: float | None) -> str:
    """How rarely chance alone comes out so: "1 in 4,000"."""
    if chance is None:
        return "–"
    if chance >= 0.2:
        return "usual"
    if chance < 0.0001:
        return "below 1 in 10,000"
    odds = 1 / chance
    rounded = round(odds, -2) if odds >= 1000 else round(odds, -1) if odds >= 100 else round(odds)
    return f"1 in {rounded:,.0f}"


def in_short(found: Evidence) -> str:
    """What weighs most, in one sentence that decides nothing."""
    names = [DEFINITIONS[one.key][0].lower() for one in found.strongest]
    together = chance_words(found.together)
    if not names:
        return f"nothing stands out; by chance a careful rater is as far out in all: {together}."
    listed = ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
    return (
        f"what weighs most is {listed}. A careful rater is as far out in all that is counted"
        f" together: {together}. None of the figures decides by itself."
    )


def speed_of(found: Evidence, name: str) -> dict[str, Any] | None:
    """The chart of seconds per judgment, and its rows as a table."""
    if found.own_speed is None:
        return None
    last = len(found.own_speed) - 1
    steps = [
        f"{SPEED_STEP * k} to {SPEED_STEP * (k + 1)} s" if k < last else f"over {SPEED_STEP * k} s"
        for k in range(last + 1)
    ]
    pool = found.pool_speed
    beside: list[float | None] = list(pool) if pool else [None] * (last + 1)
    own_middle = (found.median_ms or 0) / 1000
    description = f"The middle judgment of {name} took {own_middle:.0f} seconds"
    if found.pool_median_ms is not None:
        description += f"; in the pool it took {found.pool_median_ms / 1000:.0f}"
    return {
        "chart": speed_chart(
            found.own_speed,
            pool,
            step=SPEED_STEP,
            names=(name, "Pool"),
            title=f"Seconds per judgment: {name} and the pool",
            description=f"{description}.",
            key="speed",
        ),
        "rows": list(zip(steps, found.own_speed, beside, strict=True)),
    }


def _rounds(campaign: Campaign, rater: Rater) -> list[tuple[Round, int]]:
    """Rounds in which the rater judged, with how much; practice left out."""
    rows = (
        Judgment.objects.standing()
        .filter(campaign=campaign, rater=rater, comparison__round__isnull=False)
        .exclude(comparison__round__kind=Round.Kind.QUALIFICATION)
        .order_by()
        .values("comparison__round")
        .annotate(n=Count("pk"))
    )
    counts = {row["comparison__round"]: row["n"] for row in rows}
    rounds = Round.objects.filter(pk__in=counts).order_by("-number")
    return [(one, counts[one.pk]) for one in rounds]


def _judgments(
    campaign: Campaign, rater: Rater, action: str, number: int | None
) -> list[int] | None:
    """What an action would leave out; None where it leaves nothing out."""
    theirs = Judgment.objects.filter(campaign=campaign, rater=rater)
    if action == "exclude_flagged":
        return fast_judgments(campaign, rater)
    if action == "exclude_round":
        theirs = theirs.filter(comparison__round__number=number or 0)
    elif action != "exclude_all":
        return None
    return list(theirs.values_list("pk", flat=True))


def _action_of(text: str) -> tuple[str, int | None]:
    action, _, number = text.partition(":")
    return action, int(number) if number.isascii() and number.isdigit() else None


def _seat(campaign: Campaign, rater_id: UUID) -> Seat:
    seats = Seat.objects.filter(campaign=campaign, rater__public_id=rater_id)
    seat = seats.select_related("rater__user").first()
    if seat is None:
        raise NotFoundError("There is no such rater in this campaign.")
    seat.campaign = campaign
    return seat


def _newest(seat: Seat) -> Case:
    if (found := cases_of(seat.campaign, seat.rater).first()) is None:
        raise InvalidInputError("There is no case yet: open one first.")
    return found


def _exclusion(request: PageRequest, seat: Seat) -> Exclusion:
    try:
        wanted = UUID(request.POST.get("exclusion", ""))
    except ValueError:
        raise NotFoundError("There is no such decision.") from None
    found = exclusions_of(seat.campaign, seat.rater).filter(public_id=wanted).first()
    if found is None:
        raise NotFoundError("There is no such decision.")
    return found
