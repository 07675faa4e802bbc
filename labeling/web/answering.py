"""What the bench shows beside the texts so that the campaign's questions can be answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from django.core.cache import cache

from labeling.formats.edits import editable_text
from labeling.models import Assignment
from labeling.queries.answering import clauses_in_force
from labeling.queries.bench import sides
from labeling.rendering import RENDERER_VERSION
from labeling.rendering.differences import (
    EditDifference,
    Side,
    difference_of_edit,
    edit_html,
    mark_differences,
)
from labeling.rendering.messages import Conversation
from labeling.rendering.pictures import placed
from labeling.rendering.reasoning import render_reasoning
from labeling.schemas import NAMES
from labeling.web.cards import Card
from labeling.web.forms import AnswerForm
from labeling.web.rendered import KEEP_SECONDS

MARKS_VERSION = 2


@dataclass(frozen=True)
class StepRow:
    """One step of a response with the mark it has."""

    name: str
    html: str
    mark: str


@dataclass(frozen=True)
class OwnSide:
    """What belongs to one response: its steps if they are judged, and the words it has alone."""

    steps: list[StepRow]
    phrases: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class EditBox:
    """The winner's text as its rater would have it, beside the texts it may begin with."""

    left: str
    right: str
    side: str
    text: str
    difference: EditDifference | None
    is_open: bool

    @property
    def name(self) -> str:
        return NAMES.get(self.side, "")

    @property
    def html(self) -> str:
        """What the edit changed, as safe HTML."""
        return edit_html(self.difference) if self.difference else ""


@dataclass(frozen=True)
class Clause:
    """A clause that may be cited."""

    id: str
    title: str
    is_cited: bool


@dataclass(frozen=True)
class Answering:
    """All of it: where a part is None or empty the campaign does not ask for it."""

    left: OwnSide
    right: OwnSide
    can_compare: bool
    edit: EditBox | None
    clauses: list[Clause]

    @property
    def cited(self) -> str:
        return " ".join(one.id for one in self.clauses if one.is_cited)


def answering(assignment: Assignment, form: AnswerForm, card: Card) -> tuple[Card, Answering]:
    """The card with the words marked in which its sides differ, and what goes with it."""
    schema = form.schema
    whole = sides(assignment)
    if schema.steps:
        # A step is counted from the completion's own beginning, so nothing is taken out of it.
        pictures = {**card.shared.pictures, **card.left.pictures, **card.right.pictures}
        card = replace(card, shared=Conversation((), (), ""))
        owners = ("Response A", "Response B")
        shown = [
            tuple(placed(html, pictures) for html in render_reasoning(text, who))
            for text, who in zip(whole, owners, strict=True)
        ]
    else:
        shown = [tuple(turn.html for turn in talk.turns) for talk in (card.left, card.right)]
    marked = _marked(*shown, may_keep=not (card.left.images or card.right.images))
    if marked:
        shown = [side.html for side in marked]
    if not schema.steps:
        card = replace(
            card, left=_with_html(card.left, shown[0]), right=_with_html(card.right, shown[1])
        )
    own = [
        OwnSide(
            [
                StepRow(f"step_{side}_{number}", html, form.mark_of(side, number))
                for number, html in enumerate(fragments, start=1)
            ]
            if schema.steps
            else [],
            marked[place].phrases if marked else (),
            marked[place].count if marked else 0,
        )
        for place, (side, fragments) in enumerate(zip(("left", "right"), shown, strict=True))
    ]
    return card, Answering(
        left=own[0],
        right=own[1],
        can_compare=marked is not None,
        edit=_edit(form, whole) if schema.edit_winner else None,
        clauses=_clauses(assignment, form) if schema.clauses else [],
    )


def _with_html(talk: Conversation, fragments: Sequence[str]) -> Conversation:
    turns = zip(talk.turns, fragments, strict=True)
    return replace(talk, turns=tuple(replace(turn, html=html) for turn, html in turns))


def _edit(form: AnswerForm, whole: tuple[list[dict[str, str]], list[dict[str, str]]]) -> EditBox:
    left, right = (editable_text(text) for text in whole)
    side, text = form.edited_side, form.edited_text
    if form.is_starting_edit and not side:
        side = form.chosen.partition(":")[0]
    original = {"left": left, "right": right}.get(side, "")
    if form.is_starting_edit:
        text = text or original
    return EditBox(
        left=left,
        right=right,
        side=side if text else "",
        text=text if side else "",
        difference=difference_of_edit(original, text) if side and text else None,
        # A page that comes again without a script cannot open a popover.
        is_open=form.is_bound and bool(side and text),
    )


def _clauses(assignment: Assignment, form: AnswerForm) -> list[Clause]:
    cited = form.chosen_clauses
    known = [(one["id"], one["title"]) for one in clauses_in_force(assignment.campaign)]
    # What was cited under an older version stays to be seen, and to be taken back.
    gone = [(one, "") for one in cited if one not in dict(known)]
    return [Clause(key, title, key in cited) for key, title in [*known, *gone]]


def _marked(
    left: Sequence[str], right: Sequence[str], *, may_keep: bool
) -> tuple[Side, Side] | None:
    """The sides with their own words marked, kept by their content.

    Images have addresses that are one viewer's own: texts with them are compared anew.
    """
    if not may_keep:
        return mark_differences(left, right)
    digest = blake2b("\0".join([*left, "\0", *right]).encode(), digest_size=20).hexdigest()
    key = f"differences:{RENDERER_VERSION}.{MARKS_VERSION}:{digest}"
    found: tuple[Side, Side] | str | None = cache.get(key)
    if found is None:
        found = mark_differences(left, right) or "too long"
        cache.set(key, found, KEEP_SECONDS)
    return None if isinstance(found, str) else found
