"""The rows every importer produces, our canonical bytes of a text, and the hashes that identify it.

A hash is always taken of *our* canonical bytes (sorted keys, no white space), never of what a
database or a file made of them, so that the same text has the same hash on every road in.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import orjson
from msgspec import Struct

from labeling.formats.images import KeptImage, images_of
from labeling.formats.marks import marks_of
from labeling.rendering.style import Style, style_of_messages

Preference = Literal["a", "b", "tie", "both_bad"]
PREFERENCES: tuple[Preference, ...] = ("a", "b", "tie", "both_bad")
TURNED: dict[str, str] = {"a": "b", "b": "a"}

Message = dict[str, Any]


def canonical(value: Any) -> bytes:
    """Our canonical JSON bytes of a value: keys sorted, no white space, UTF-8."""
    # The copy gives back what orjson allocated in advance: several times the text, if it is kept.
    return bytes(memoryview(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))


EMPTY_OBJECT = canonical({})
UNKNOWN_TEXT_HASH = sha256(canonical(None)).digest()


class PromptRow(Struct, frozen=True):
    """The context of a comparison. `messages` is None when the row only names a known prompt."""

    line: int
    external_id: str | None
    messages: bytes | None
    content_hash: bytes | None
    language: str = ""
    tags: tuple[str, ...] = ()
    metadata: bytes = EMPTY_OBJECT
    warning_count: int = 0
    images: tuple[KeptImage, ...] = ()


class CompletionRow(Struct, frozen=True):
    """One answer. `messages` is None when only its model is known.

    `content_hash` covers the messages alone, `source_key` the model and its settings, `key` both.
    """

    messages: bytes | None
    content_hash: bytes
    model: str | None
    params: bytes
    source_key: bytes
    key: bytes
    char_count: int = 0
    style: Style = Style()
    warning_count: int = 0
    marks: tuple[str, ...] = ()
    images: tuple[KeptImage, ...] = ()
    # JSON: milliseconds from the request to each token; no part of what the completion is.
    token_times: bytes | None = None


class GoldAnswer(Struct, frozen=True):
    """The known answer to a comparison, in the row's own a and b."""

    preference: Preference
    strength: int | None = None
    explanation: str = ""
    # Of the guidelines, by its id.
    clause: str = ""


class ComparisonRow(Struct, frozen=True):
    """Two completions of one prompt; all three None when the row only names a known comparison."""

    line: int
    external_id: str | None
    prompt: PromptRow | None
    a: CompletionRow | None
    b: CompletionRow | None
    gold: GoldAnswer | None = None

    @property
    def warning_count(self) -> int:
        """How many completions were not text as they came."""
        return sum(part.warning_count for part in (self.prompt, self.a, self.b) if part)


class JudgmentRow(Struct, frozen=True):
    """What a rater decided about a comparison, in the row's own a and b."""

    line: int
    comparison: ComparisonRow
    rater: str
    preference: Preference
    external_id: str | None = None
    rater_kind: Literal["human", "judge"] = "human"
    rater_groups: bytes = EMPTY_OBJECT
    strength: int | None = None
    criteria: dict[str, str] = {}
    rationale: str = ""
    shown_left: Literal["a", "b"] | None = None
    judged_at: datetime | None = None
    is_repeat: bool = False
    quality_a: int | None = None
    quality_b: int | None = None
    clauses: tuple[str, ...] = ()
    steps: dict[str, Any] = {}
    edited: dict[str, Any] | None = None
    active_ms: int | None = None
    presentation_arm: str = ""

    @property
    def warning_count(self) -> int:
        """How many completions of the row were not text as they came."""
        return self.comparison.warning_count

    def turned(self) -> "JudgmentRow":
        """The same judgment of the same two completions, with a and b turned round."""
        comparison = self.comparison
        return JudgmentRow(
            line=self.line,
            comparison=ComparisonRow(
                line=comparison.line,
                external_id=comparison.external_id,
                prompt=comparison.prompt,
                a=comparison.b,
                b=comparison.a,
                gold=comparison.gold and turned_gold(comparison.gold),
            ),
            rater=self.rater,
            preference=turned_preference(self.preference),
            external_id=self.external_id,
            rater_kind=self.rater_kind,
            rater_groups=self.rater_groups,
            strength=self.strength,
            criteria={key: TURNED.get(side, side) for key, side in self.criteria.items()},
            rationale=self.rationale,
            shown_left=turned_side(self.shown_left),
            judged_at=self.judged_at,
            is_repeat=self.is_repeat,
            quality_a=self.quality_b,
            quality_b=self.quality_a,
            clauses=self.clauses,
            steps=turned_steps(self.steps),
            edited=self.edited and {**self.edited, "side": TURNED[self.edited["side"]]},
            active_ms=self.active_ms,
            presentation_arm=self.presentation_arm,
        )

    def said_hash(self) -> bytes:
        """Identifies what was said, apart from which comparison it is about and by whom.

        Two rows with one hash, comparison and rater are the same judgment told twice. Groups are
        left out: they describe the rater. The moment counts only where no id tells two judgments
        apart: a file that was imported without it has it in the export.
        """
        said = (
            self.preference,
            self.strength,
            self.criteria,
            self.rationale,
            self.shown_left,
            self.judged_at if self.external_id is None else None,
            self.is_repeat,
            self.quality_a,
            self.quality_b,
            self.clauses,
            self.steps,
            self.edited,
            self.active_ms,
            self.presentation_arm,
        )
        return sha256(canonical(said)).digest()


Row = PromptRow | ComparisonRow | JudgmentRow


class RowProblem(Struct, frozen=True):
    """One line that cannot be imported: where, in what field, and what to do about it."""

    line: int
    field: str
    message: str


def turned_preference(preference: Preference) -> Preference:
    """The preference in the words of the same pair named the other way round."""
    if preference == "a":
        return "b"
    return "a" if preference == "b" else preference


def turned_side(side: Literal["a", "b"] | None) -> Literal["a", "b"] | None:
    """The side in the words of the same pair named the other way round."""
    if side is None:
        return None
    return "b" if side == "a" else "a"


def turned_gold(gold: GoldAnswer) -> GoldAnswer:
    """The known answer in the words of the same pair named the other way round."""
    preference = turned_preference(gold.preference)
    return GoldAnswer(preference, gold.strength, gold.explanation, gold.clause)


def turned_steps(steps: dict[str, Any]) -> dict[str, Any]:
    """Labels of steps with the sides exchanged, where they are kept by side."""
    if steps and steps.keys() <= TURNED.keys():
        return {TURNED[side]: labels for side, labels in steps.items()}
    return steps


def prompt_row(
    *,
    line: int,
    external_id: str | None,
    messages: list[Message] | None,
    language: str = "",
    tags: tuple[str, ...] = (),
    metadata: dict[str, Any] | None = None,
) -> PromptRow:
    """A prompt with its canonical bytes and hash."""
    content = None if messages is None else canonical(messages)
    return PromptRow(
        line=line,
        external_id=external_id,
        messages=content,
        content_hash=None if content is None else sha256(content).digest(),
        language=language,
        tags=tags,
        metadata=canonical(metadata) if metadata else EMPTY_OBJECT,
        images=images_of(messages or []),
    )


def completion_row(
    *,
    messages: list[Message] | None,
    model: str | None,
    params: dict[str, Any] | None = None,
    warning_count: int = 0,
    token_times: list[float] | None = None,
) -> CompletionRow:
    """A completion with its canonical bytes and its three hashes."""
    content = None if messages is None else canonical(messages)
    content_hash = UNKNOWN_TEXT_HASH if content is None else sha256(content).digest()
    source = source_key(model, params or {})
    return CompletionRow(
        messages=content,
        content_hash=content_hash,
        model=model,
        params=canonical(params) if params else EMPTY_OBJECT,
        source_key=source,
        key=sha256(content_hash + source).digest(),
        char_count=0 if messages is None else char_count(messages),
        style=style_of_messages(messages or []),
        warning_count=warning_count,
        marks=marks_of(text_of(messages or [])),
        images=images_of(messages or []),
        token_times=canonical(token_times) if token_times else None,
    )


def source_key(model: str | None, params: dict[str, Any]) -> bytes:
    """sha256 of the model and its sampling settings, canonical."""
    return sha256(canonical({"model": model, "params": params})).digest()


def canonical_key(model: str, params: dict[str, Any], system: str = "") -> bytes:
    """sha256 of what an endpoint is asked with; without words of its own it is the source's key."""
    if not system:
        return source_key(model, params)
    return sha256(canonical({"model": model, "params": params, "system": system})).digest()


def user_message(text: str) -> list[Message]:
    """A prompt given as plain text, as the one message it is."""
    return [{"role": "user", "content": text}]


def assistant_message(text: str) -> list[Message]:
    """A completion given as plain text, as the one message it is."""
    return [{"role": "assistant", "content": text}]


def text_of(messages: list[Message]) -> str:
    """All text parts of the messages, joined by blank lines."""
    parts: list[str] = []
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            parts.append(content)
        elif isinstance(content, list):
            parts += [part["text"] for part in content if isinstance(part.get("text"), str)]
    return "\n\n".join(parts)


def char_count(messages: list[Message]) -> int:
    """Code points of all text parts, for the length statistics."""
    total = 0
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            total += len(content)
        elif isinstance(content, list):
            total += sum(len(p["text"]) for p in content if isinstance(p.get("text"), str))
    return total
