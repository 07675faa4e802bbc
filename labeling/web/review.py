"""`/campaigns/<slug>/review/`: what raters disagree about, and a reviewer's word on it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from msgspec.structs import replace

from labeling import access
from labeling.actions.adjudications import MAX_NOTE, MOST_MORE, adjudicate, leave_out, send_back
from labeling.errors import InvalidInputError, LabelingError, NotFoundError
from labeling.models import Adjudication, Assignment, Campaign, Comparison, Judgment
from labeling.queries import readings, votes
from labeling.queries import review as reads
from labeling.queries.answering import clauses_in_force
from labeling.queries.review import Contested, Filter
from labeling.rendering.differences import EditDifference, difference_of_edit, edit_html
from labeling.schemas import ResponseSchema, read_schema
from labeling.web.answering import answering
from labeling.web.campaigns import frame
from labeling.web.cards import card_of
from labeling.web.forms import AnswerForm, scale_steps
from labeling.web.rate_card import SeeOther
from labeling.web.rate_guidelines import shown_sections
from labeling.web.signed_in import PageRequest, signed_in
from labeling.web.verdicts import words_of

# Judgments of one comparison that its page shows; a comparison has a hundred slots at most.
SHOWN_JUDGMENTS = 200
_SIDES = {"left": "a", "right": "b"}
_SAVED = {"decided": "Decided", "sent_back": "Sent back", "left_out": "Left out"}


class DecisionForm(forms.Form):
    """A reviewer's word. What fits together is checked by the action, in one place."""

    verdict = forms.ChoiceField(required=False)
    both_bad = forms.BooleanField(required=False)
    note = forms.CharField(required=False, max_length=MAX_NOTE)
    makes_gold = forms.BooleanField(required=False)
    tells_raters = forms.BooleanField(required=False)
    supersedes = forms.UUIDField(required=False)
    more = forms.IntegerField(required=False, min_value=1, max_value=MOST_MORE)

    def __init__(self, *args: Any, schema: ResponseSchema, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        self.steps = scale_steps(schema)
        self.message = ""
        field = self.fields["verdict"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101  # declared above
        field.choices = [(step.value, step.words) for step in self.steps]

    @property
    def chosen(self) -> str:
        """The step that is chosen, unless both are bad."""
        return "" if self.is_both_bad else str(self["verdict"].value() or "")

    @property
    def is_both_bad(self) -> bool:
        return self["both_bad"].value() in (True, "1", "on", "True")

    def decision(self) -> tuple[str, int | None]:
        """The preference and its strength, as stored."""
        if self.cleaned_data["both_bad"]:
            return "both_bad", None
        side, _, strength = self.cleaned_data["verdict"].partition(":")
        if not side:
            raise InvalidInputError("Choose a step of the scale first.")
        return _SIDES.get(side, side), int(strength) if side in _SIDES else None


@dataclass(frozen=True)
class ShownJudgment:
    """A judgment as a row of the table."""

    judgment: Judgment
    step: str
    words: object
    criteria: list[str]
    # What an edit of the winner changed, beside the text as raters were shown it.
    edit: EditDifference | None
    gold: object

    @property
    def edit_html(self) -> str:
        """What the edit changed, as safe HTML."""
        return edit_html(self.edit) if self.edit else ""


@signed_in
@require_safe
def review(request: PageRequest, slug: str) -> HttpResponse:
    """The comparisons that wait for a reviewer, most contested first."""
    campaign = access.campaign_for_reader(request.user, slug)
    wanted = _filter(request)
    rows = reads.contested(campaign, wanted)
    page = request.GET.get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 5 else 1
    start = (max(number, 1) - 1) * reads.PAGE
    part = rows[start : start + reads.PAGE]
    known = {
        row.comparison.pk: row
        for row in votes.judged(votes.comparisons(campaign).filter(pk__in=[one.id for one in part]))
    }
    context = {
        **frame(request, campaign, "review"),
        "rows": [(one, known[one.id], _why(one)) for one in part if one.id in known],
        "total": len(rows),
        "is_cut": len(rows) == reads.MOST_LISTED,
        "wanted": wanted,
        "query": urlencode(_query(wanted)),
        "is_saved": _SAVED.get(request.GET.get("saved", ""), ""),
        "before": number - 1 if number > 1 else None,
        "after": number + 1 if start + reads.PAGE < len(rows) else None,
        "tags": reads.tags_of(campaign),
        "clauses": clauses_in_force(campaign),
        "first": rows[0].public_id if rows else None,
        "may_review": access.may_review(request.user, campaign),
    }
    return render(request, "labeling/review.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def comparison(request: PageRequest, slug: str, comparison_id: UUID) -> HttpResponse:
    """One comparison with all its judgments, and a reviewer's decision."""
    campaign = access.campaign_for_reader(request.user, slug)
    found = votes.comparisons(campaign).filter(public_id=comparison_id).first()
    if found is None:
        raise NotFoundError("There is no such comparison in this campaign.")
    found.campaign = campaign
    schema = read_schema(campaign.schema)
    if request.method != "POST":
        return _page(request, campaign, found, _begin(found, schema))
    access.campaign_for_reviewer(request.user, slug)
    form = DecisionForm(request.POST, schema=schema)
    if not form.is_valid():
        form.message = str(next(iter(form.errors.values()))[0])
        return _page(request, campaign, found, form, status=422)
    place = reads.place_of(reads.contested(campaign, _filter(request)), found)
    try:
        made = _decide(request, found, form)
    except InvalidInputError as error:
        form.message = error.message
        return _page(request, campaign, found, form, status=422)
    except LabelingError as error:
        form.message = error.message
        return _page(request, campaign, found, form, status=error.status)
    reads.forget_count(campaign)
    query = _query(_filter(request)) | {"saved": made.outcome}
    if place.after is None:
        return SeeOther(f"{reverse('campaign_review', args=[slug])}?{urlencode(query)}")
    address = reverse("campaign_review_one", args=[slug, place.after])
    return SeeOther(f"{address}?{urlencode(query)}")


def _decide(request: PageRequest, found: Comparison, form: DecisionForm) -> Adjudication:
    given = form.cleaned_data
    common: dict[str, Any] = {
        "comparison": found,
        "by": request.user,
        "note": given["note"],
        "supersedes": given["supersedes"],
    }
    verb = request.POST.get("do", "decide")
    if verb == "leave_out":
        return leave_out(**common)
    if verb == "send_back":
        return send_back(more=given["more"] or 2, **common)
    preference, strength = form.decision()
    return adjudicate(
        preference=preference,
        strength=strength,
        tells_raters=given["tells_raters"],
        makes_gold=given["makes_gold"],
        **common,
    )


def _begin(found: Comparison, schema: ResponseSchema) -> DecisionForm:
    """The form as it begins: with what was decided before, if anything was."""
    last = reads.standing(found)
    initial: dict[str, Any] = {"tells_raters": reads.is_calibration(found), "more": 2}
    if last is not None:
        initial["supersedes"] = last.public_id
        if last.outcome == Adjudication.Outcome.DECIDED:
            initial |= {"note": last.note, "tells_raters": last.tells_raters}
            side = {"a": "left", "b": "right"}.get(last.preference, last.preference)
            initial["both_bad"] = last.preference == "both_bad"
            initial["verdict"] = f"{side}:{last.strength or 0}"
    return DecisionForm(initial=initial, schema=schema)


def _page(
    request: PageRequest,
    campaign: Campaign,
    found: Comparison,
    form: DecisionForm,
    *,
    status: int = 200,
) -> HttpResponse:
    # Shown as a rater would see it, a on the left; it is nobody's and is never stored.
    shown = Assignment(campaign=campaign, comparison=found, a_on_left=True)
    schema = read_schema(campaign.schema)
    # Steps and clauses are the raters' to give: here the texts are only read. What they edited is
    # compared with the text that may be edited.
    plain = replace(schema, steps=False, clauses=False, edit_winner=True)
    card, beside = answering(shown, AnswerForm(schema=plain), card_of(shown, request.user))
    texts = {"a": beside.edit.left, "b": beside.edit.right} if beside.edit else {}
    # What a judge said is no vote, and is not to sway who decides.
    people = votes.judgments_of(found).filter(rater__kind="human")
    judgments = list(people[:SHOWN_JUDGMENTS])
    gold = reads.gold_shares(campaign, [one.rater_id for one in judgments])
    wanted = _filter(request)
    place = reads.place_of(rows := reads.contested(campaign, wanted), found)
    last = reads.standing(found)
    version = readings.newest_version(campaign)
    saved = request.GET.get("saved", "")
    context = {
        **frame(request, campaign, "review"),
        "comparison": found,
        "card": card,
        "answering": beside,
        "form": form,
        "judgments": [_shown(one, schema, gold, texts) for one in judgments],
        "mean": reads.mean_score(judgments),
        "why": next((_why(row) for row in rows if row.id == found.pk), ""),
        "place": place,
        "query": urlencode(_query(wanted)),
        "standing": last,
        # After a conflict the form keeps what they were shown, the page says what there is now.
        "supersedes": (last.public_id if last else "")
        if status == 409
        else form["supersedes"].value(),
        "history": reads.history(found),
        "is_gold": hasattr(found, "gold"),
        "may_review": access.may_review(request.user, campaign),
        "is_saved": _SAVED.get(saved, ""),
        "guideline_number": version.number if version else None,
        "sections": shown_sections(version),
    }
    return render(request, "labeling/review_one.html", context, status=status)


def _shown(
    one: Judgment, schema: ResponseSchema, gold: Any, texts: Mapping[str, str]
) -> ShownJudgment:
    letters = {"a": "A", "b": "B", "tie": "="}
    original = texts.get(one.edited["side"], "") if one.edited else ""
    return ShownJudgment(
        one,
        votes.Vote(one.preference, one.strength).step,
        words_of(one.preference, one.strength),
        [letters.get(one.criteria.get(each.key, ""), "–") for each in schema.criteria],
        difference_of_edit(original, one.edited["text"]) if one.edited else None,
        gold.get(one.rater_id),
    )


def _why(row: Contested) -> str:
    """Why the comparison is here, in a line."""
    reasons = []
    if row.is_asked:
        reasons.append("asked for by a round of adjudication")
    if row.is_appealed:
        reasons.append("a rater appeals against its known answer")
    if row.agreement is not None and row.agreement < 1:
        reasons.append(
            f"{row.judgment_count} raters, {row.agreement:.0%} of their pairs agree".replace(
                "%", " %"
            )
        )
    if row.is_flagged:
        reasons.append("flagged")
    if row.is_edited:
        reasons.append("edited")
    return "; ".join(reasons)


def _filter(request: PageRequest) -> Filter:
    state = request.GET.get("state", "open")
    return Filter(
        state=state if state in reads.STATES else "open",
        tag=request.GET.get("tag", "")[:100].replace("\x00", ""),
        clause=request.GET.get("clause", "")[:40].replace("\x00", ""),
        flagged=bool(request.GET.get("flagged")),
        edited=bool(request.GET.get("edited")),
    )


def _query(wanted: Filter) -> dict[str, str]:
    """The filter as part of an address: only what differs from the standard."""
    standard = asdict(Filter())
    return {
        name: "1" if value is True else str(value)
        for name, value in asdict(wanted).items()
        if value != standard[name]
    }
