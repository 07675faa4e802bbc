"""What a campaign asks and how it shows it, as typed values; and the check of an answer against it.

Pure: the JSON of a campaign's three settings in, frozen structs out, and
an InvalidInputError that names each field when the JSON breaks a rule.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from labeling.errors import FieldProblem, InvalidInputError

Key = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Short = Annotated[str, Meta(min_length=1, max_length=120)]
Share = Annotated[float, Meta(ge=0, le=1)]
T = TypeVar("T", bound=Struct)


class Criterion(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing judged apart from the overall preference."""

    key: Key
    label: Short
    help: Annotated[str, Meta(max_length=500)] = ""


class ResponseSchema(Struct, frozen=True, forbid_unknown_fields=True):
    """What raters are asked. Scale 2: a side; 4: slightly or better; 7: tie and much better too."""

    scale: Literal[2, 4, 7] = 7
    tie: bool = True
    both_bad: bool = True
    criteria: Annotated[tuple[Criterion, ...], Meta(max_length=12)] = ()
    rationale: Literal["off", "optional", "required"] = "optional"
    min_rationale_chars: Annotated[int, Meta(ge=0, le=5000)] = 0
    edit_winner: bool = False
    steps: bool = False
    clauses: bool = False
    absolute_quality: bool = False

    @property
    def max_strength(self) -> int:
        """The strongest preference the scale can say."""
        return {2: 1, 4: 2, 7: 3}[self.scale]

    @property
    def has_tie(self) -> bool:
        """Whether "equally good" may be answered; the seven-step scale has it in its middle."""
        return self.tie or self.scale == 7


class Arm(Struct, frozen=True, forbid_unknown_fields=True):
    """One way of showing the completions; assignments are dealt an arm by weight."""

    name: Short
    mode: Literal["instant", "paced", "recorded"] = "instant"
    tokens_per_second: Annotated[float, Meta(gt=0, le=1000)] | None = None
    context: Literal["full", "last_turn"] = "full"
    # Whether the answer waits until both are shown whole.
    lock_until_shown: bool = True
    weight: Annotated[float, Meta(gt=0, le=1000)] = 1


class Presentation(Struct, frozen=True, forbid_unknown_fields=True):
    """The arms of the presentation experiment; one instant arm if none is named."""

    arms: Annotated[tuple[Arm, ...], Meta(max_length=12)] = ()


class Requirements(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may rate, and how often they meet gold and repeats."""

    skills: dict[str, Share] = {}
    languages: Annotated[tuple[Short, ...], Meta(max_length=40)] = ()
    qualification: str | None = None
    gold_rate: Share = 0
    repeat_rate: Share = 0
    daily_cap: Annotated[int, Meta(ge=1, le=100_000)] | None = None
    # Judgments of one rater in the campaign, practice left out.
    campaign_cap: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    # What becomes of completions that say which model they are.
    identity: Literal["show", "mask", "exclude"] = "show"


DEFAULT_ARM = Arm(name="instant")


def read_struct(kind: type[T], value: Any, name: str) -> T:
    """`value` as a `kind`; an InvalidInputError names the field that is wrong, below `name`."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `")
        field = name + path.rstrip("`").removeprefix("$")
        raise InvalidInputError(
            f"{field}: {message}", problems=[FieldProblem(field, message)]
        ) from None


def _refuse_twins(names: list[str], field: str) -> None:
    if len(set(names)) < len(names):
        message = f"{field}: two of them have the same name; give each its own."
        raise InvalidInputError(message, problems=[FieldProblem(field, message)])


def read_schema(value: Any) -> ResponseSchema:
    """The response schema in `value`; missing fields take their defaults."""
    schema = read_struct(ResponseSchema, value, "schema")
    _refuse_twins([c.key for c in schema.criteria], "schema.criteria")
    return schema


def read_presentation(value: Any) -> Presentation:
    """The presentation in `value`. A paced arm needs its speed."""
    presentation = read_struct(Presentation, value, "presentation")
    _refuse_twins([arm.name for arm in presentation.arms], "presentation.arms")
    for number, arm in enumerate(presentation.arms):
        if arm.mode == "paced" and arm.tokens_per_second is None:
            field = f"presentation.arms[{number}].tokens_per_second"
            message = "A paced arm needs tokens_per_second."
            raise InvalidInputError(f"{field}: {message}", problems=[FieldProblem(field, message)])
    return presentation


def read_requirements(value: Any) -> Requirements:
    """The requirements in `value`."""
    return read_struct(Requirements, value, "requirements")


def as_json(value: Struct) -> dict[str, Any]:
    """The struct as plain JSON values, defaults included, for storing and for answering."""
    plain: dict[str, Any] = msgspec.to_builtins(value)
    return plain


class Edit(Struct, frozen=True, forbid_unknown_fields=True):
    """The preferred text as the rater would have it."""

    side: Literal["left", "right"]
    text: Annotated[str, Meta(min_length=1, max_length=200_000)]


Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
NAMES: dict[str, str] = {"left": "A", "right": "B"}
# Of one completion. What a step is, labeling.rendering.reasoning says, which makes fewer.
MAX_STEPS = 200
Mark = Literal["ok", "unsure", "wrong", None]
Marks = Annotated[list[Mark], Meta(max_length=MAX_STEPS)]


class Answer(Struct, frozen=True, forbid_unknown_fields=True):
    """What a rater says of what they saw: sides as shown, never models."""

    side: Literal["left", "right", "tie", "both_bad"]
    strength: Annotated[int, Meta(ge=0, le=3)] | None = None
    criteria: dict[str, Literal["left", "right", "tie"]] = {}
    # By side, a mark for each step up to the first wrong one; a list is kept as a client sent it.
    steps: dict[Side, Marks] | Annotated[list[Any], Meta(max_length=2 * MAX_STEPS)] = {}
    rationale: Annotated[str, Meta(max_length=20_000)] = ""
    clauses: Annotated[tuple[Annotated[str, Meta(max_length=40)], ...], Meta(max_length=50)] = ()
    quality: dict[Side, Annotated[int, Meta(ge=1, le=7)]] = {}
    edited: Edit | None = None
    flags: Annotated[
        tuple[Literal["unsafe", "broken", "identifies_itself"], ...], Meta(max_length=3)
    ] = ()
    client: dict[str, Any] = {}


class Shown(Struct, frozen=True):
    """What was in front of the rater, as far as an answer is to be compared with it."""

    # How many steps each side has; None where nobody asks for steps.
    step_counts: Mapping[Side, int] | None = None
    # The clauses of all published guidelines: an answer may be given under an older version.
    clauses: frozenset[str] | None = None
    # The text that an edit of each side begins with.
    texts: Mapping[Side, str] | None = None


def read_answer(value: Any, schema: ResponseSchema, shown: Shown | None = None) -> Answer:
    """The answer in `value`, checked against what the campaign asks and what was shown.

    Raises InvalidInputError with a problem per field: an unknown field, a strength the scale does
    not have, a tie where none is asked, a criterion or a grade left out, an edit of what did not
    win. An edit that changes nothing is no edit.
    """
    answer = read_struct(Answer, value, "answer")
    shown = shown or Shown()
    if answer.edited and shown.texts is not None:
        original = shown.texts.get(answer.edited.side, "")
        if _one_form(original) == _one_form(answer.edited.text):
            answer = replace(answer, edited=None)
    problems = list(_misfits(answer, schema, shown))
    if problems:
        raise InvalidInputError(problems[0].message, problems=problems)
    return answer


def _one_form(text: str) -> str:
    """The text as a form sends it: line ends in one form, none at the very end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def strength_of(answer: Answer) -> int:
    """0 for tie and both bad, else the stated strength; a side without one is "slightly"."""
    return 0 if answer.side in {"tie", "both_bad"} else answer.strength or 1


def _misfits(answer: Answer, schema: ResponseSchema, shown: Shown) -> Iterator[FieldProblem]:
    """Everything in the answer that the campaign did not ask for, or that it misses."""
    yield from _misfit_preference(answer, schema)
    yield from _misfit_criteria(answer, schema)
    for field, is_asked, is_given in (
        ("steps", schema.steps, bool(answer.steps)),
        ("clauses", schema.clauses, bool(answer.clauses)),
        ("edited", schema.edit_winner, answer.edited is not None),
        ("quality", schema.absolute_quality, bool(answer.quality)),
    ):
        if is_given and not is_asked:
            yield FieldProblem(field, f"This campaign does not ask for {field}.")
    if schema.absolute_quality:
        yield from _misfit_quality(answer)
    if schema.steps:
        yield from _misfit_steps(answer, shown.step_counts)
    if answer.edited:
        yield from _misfit_edit(answer, answer.edited)
    yield from _misfit_clauses(answer, shown.clauses)
    yield from _misfit_rationale(answer, schema)


def _misfit_preference(answer: Answer, schema: ResponseSchema) -> Iterator[FieldProblem]:
    if answer.side == "tie" and not schema.has_tie:
        yield FieldProblem("side", "This campaign has no tie: choose left or right.")
    if answer.side == "both_bad" and not schema.both_bad:
        yield FieldProblem("side", "This campaign has no “both bad”: choose a side or a tie.")
    if answer.strength is None:
        return
    if answer.side in {"tie", "both_bad"}:
        if answer.strength:
            yield FieldProblem("strength", "A tie has strength 0.")
    elif not 1 <= answer.strength <= schema.max_strength:
        message = f"On this scale the strength goes from 1 to {schema.max_strength}."
        yield FieldProblem("strength", message)


def _misfit_criteria(answer: Answer, schema: ResponseSchema) -> Iterator[FieldProblem]:
    asked = {criterion.key: criterion.label for criterion in schema.criteria}
    for key in answer.criteria:
        if key not in asked:
            message = "This campaign does not ask for this criterion."
            yield FieldProblem(f"criteria.{key}", message)
    if answer.side != "both_bad":
        for key, label in asked.items():
            if key not in answer.criteria:
                message = f"{label}: say which is better, or choose =."
                yield FieldProblem(f"criteria.{key}", message)


def _misfit_quality(answer: Answer) -> Iterator[FieldProblem]:
    for side in SIDES:
        if side not in answer.quality:
            message = f"Say how good {NAMES[side]} is by itself, from 1 (poor) to 7 (excellent)."
            yield FieldProblem(f"quality.{side}", message)


def _misfit_steps(answer: Answer, counts: Mapping[Side, int] | None) -> Iterator[FieldProblem]:
    if isinstance(answer.steps, list):
        if not answer.steps:
            yield FieldProblem("steps", 'Mark the steps: {"left": ["ok", "wrong"], "right": […]}.')
        return
    for side in SIDES:
        marks = answer.steps.get(side, [])
        wanted = marks.index("wrong") + 1 if "wrong" in marks else len(marks)
        if counts is not None:
            count = counts.get(side, 0)
            wanted = wanted if "wrong" in marks else count
            if len(marks) > count:
                message = f"Response {NAMES[side]} has {count} steps, and {len(marks)} are marked."
                yield FieldProblem(f"steps.{side}", message)
                continue
        padded = [*marks, *[None] * (wanted - len(marks))]
        for number, mark in enumerate(padded[:wanted], start=1):
            if mark is None:
                message = (
                    f"Response {NAMES[side]}, step {number}: say whether it is correct, unsure or"
                    " wrong. Steps after a wrong one may be left open."
                )
                yield FieldProblem(f"steps.{side}.{number}", message)
                break


def _misfit_edit(answer: Answer, edited: Edit) -> Iterator[FieldProblem]:
    if not edited.text.strip():
        yield FieldProblem("edited", "The edited text is empty. Write it, or take the edit back.")
    if answer.side not in SIDES:
        message = (
            f"You edited {NAMES[edited.side]}, and neither is better. Choose"
            f" {NAMES[edited.side]}, or take the edit back."
        )
        yield FieldProblem("edited", message)
    elif answer.side != edited.side:
        message = (
            f"You edited {NAMES[edited.side]}, but {NAMES[answer.side]} is better. Take the edit"
            f" back, or choose {NAMES[edited.side]}."
        )
        yield FieldProblem("edited", message)
    if "\x00" in edited.text:
        yield FieldProblem("edited", "The edit has a NUL character in it; take it out.")


def _misfit_clauses(answer: Answer, known: frozenset[str] | None) -> Iterator[FieldProblem]:
    if known is not None and (unknown := [c for c in answer.clauses if c not in known]):
        message = (
            f"The guidelines have no clause {', '.join(unknown)}."
            f" They have {', '.join(sorted(known)) or 'none'}."
        )
        yield FieldProblem("clauses", message)


def _misfit_rationale(answer: Answer, schema: ResponseSchema) -> Iterator[FieldProblem]:
    length = len(answer.rationale.strip())
    wanted = max(schema.min_rationale_chars, 1) if schema.rationale == "required" else 0
    if schema.rationale == "off" and length:
        yield FieldProblem("rationale", "This campaign does not ask for a reason.")
    elif length < wanted:
        message = f"Say why, in at least {wanted} characters; there are {length}."
        yield FieldProblem("rationale", message)
    if "\x00" in answer.rationale:
        yield FieldProblem("rationale", "The text has a NUL character in it; take it out.")
