"""The canonical record of an export, and what several judgments of one comparison come to.

Nested values may be the bytes of their JSON as the database gave them: they are embedded as they
are, not parsed and written again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
from msgspec import Struct
from msgspec.structs import replace

from labeling.formats.rows import Preference, turned_preference, turned_side, turned_steps

# Bytes are JSON to be embedded; anything else is a value to be written.
Json = bytes | list[Any] | dict[str, Any]
Side = Literal["a", "b"]
Ties = Literal["keep", "drop", "split"]
Edits = Literal["drop", "add", "only"]
TIES: tuple[Ties, ...] = ("keep", "drop", "split")
RULES = ("each", "majority")


class ExportRow(Struct, frozen=True, kw_only=True):
    """The canonical record, keys in public order: a judgment, or what a rule made of several."""

    judgment_id: str | None
    comparison_id: str
    campaign: str
    round: int | None = None
    prompt_id: str
    prompt: Json
    # None where only the model is known.
    completion_a: Json | None
    completion_b: Json | None
    model_a: str | None
    model_b: str | None
    params_a: Json = {}
    params_b: Json = {}
    shown_left: Side | None = None
    presentation_arm: str | None = None
    guideline_version: int | str | None = None
    clauses: list[str] = []
    rater: str | None
    rater_kind: str | None = "human"
    rater_groups: Json = {}
    preference: Preference
    strength: int | None
    score: float | int | None
    criteria: Json = {}
    quality_a: int | None = None
    quality_b: int | None = None
    rationale: str = ""
    edited: Json = {}
    steps: Json = {}
    active_ms: int | None = None
    created_at: datetime | str | None = None
    is_gold: bool = False
    repeat_of: str | None = None
    selection_policy: str | None = None
    propensity: float | None = None
    superseded_by: str | None = None
    marks_a: list[str] = []
    marks_b: list[str] = []
    # What a reviewer decided of the comparison, beside the raters' own word.
    adjudication: Json | None = None


class Verdict(Struct, frozen=True):
    """What the judgments of one comparison come to, with the counts it rests on."""

    preference: Preference
    a: int
    b: int
    tie: int
    both_bad: int
    # The mean of the signed scores that were given; None where none was.
    score: float | None

    @property
    def count(self) -> int:
        """How many judgments there are."""
        return self.a + self.b + self.tie + self.both_bad


def signed_score(preference: Preference, strength: int | None) -> int | None:
    """One number from -3 (a much better) to +3 (b much better), HelpSteer3's convention."""
    if preference in ("tie", "both_bad"):
        return 0
    if strength is None:
        return None
    return -strength if preference == "a" else strength


def turned_row(row: ExportRow) -> ExportRow:
    """The same judgment of the same two completions, with a and b turned round."""
    criteria, edited, steps = (parsed(v) for v in (row.criteria, row.edited, row.steps))
    if edited:
        edited = {**edited, "side": turned_side(edited["side"])}
    return replace(
        row,
        completion_a=row.completion_b,
        completion_b=row.completion_a,
        model_a=row.model_b,
        model_b=row.model_a,
        params_a=row.params_b,
        params_b=row.params_a,
        marks_a=row.marks_b,
        marks_b=row.marks_a,
        shown_left=turned_side(row.shown_left),
        preference=turned_preference(row.preference),
        score=row.score and -row.score,
        criteria={key: turned_preference(side) for key, side in criteria.items()},
        quality_a=row.quality_b,
        quality_b=row.quality_a,
        edited=edited,
        steps=turned_steps(steps),
        adjudication=_turned_adjudication(row.adjudication),
    )


def _turned_adjudication(value: Json | None) -> Json | None:
    if value is None:
        return None
    decided = parsed(value)
    side = decided["preference"]
    return {**decided, "preference": turned_preference(side) if side else None}


def parsed(value: Json) -> Any:
    """The value itself, where the database gave the bytes of its JSON."""
    return orjson.loads(value) if isinstance(value, bytes) else value


def majority(judgments: Iterable[tuple[Preference, int | None]]) -> Verdict:
    """The answer given most often. Two that share the first place make a tie, never a coin toss."""
    listed = list(judgments)
    if not listed:
        raise ValueError("There is no majority among no judgments.")
    counts = Counter(preference for preference, _ in listed)
    most = max(counts.values())
    first = [preference for preference, count in counts.items() if count == most]
    scores = [s for s in (signed_score(p, strength) for p, strength in listed) if s is not None]
    return Verdict(
        preference=first[0] if len(first) == 1 else "tie",
        a=counts["a"],
        b=counts["b"],
        tie=counts["tie"],
        both_bad=counts["both_bad"],
        score=sum(scores) / len(scores) if scores else None,
    )


def majority_row(rows: Sequence[ExportRow]) -> ExportRow:
    """One record for the standing judgments of one comparison: what their majority says.

    Hidden repeats are left out, so that every rater has one voice. What belongs to a single
    judgment (its id, rater, side, arm, rationale, moment) is empty.
    """
    voices = [row for row in rows if row.repeat_of is None] or list(rows)
    verdict = majority((row.preference, row.strength) for row in voices)
    return replace(
        rows[0],
        judgment_id=None,
        shown_left=None,
        presentation_arm=None,
        guideline_version=None,
        clauses=[],
        rater=None,
        rater_kind=None,
        rater_groups={},
        preference=verdict.preference,
        strength=None,
        score=verdict.score,
        criteria={},
        quality_a=None,
        quality_b=None,
        rationale="",
        edited={},
        steps={},
        active_ms=None,
        created_at=None,
        repeat_of=None,
        superseded_by=None,
    )


def by_rule(rows: Iterable[ExportRow], rule: str) -> Iterator[ExportRow]:
    """The records under a rule. `majority` needs the judgments of a comparison side by side."""
    if rule == "each":
        yield from rows
        return
    if rule != "majority":
        raise ValueError(f"The rule is one of {', '.join(RULES)}.")
    held: list[ExportRow] = []
    for row in rows:
        if held and held[0].comparison_id != row.comparison_id:
            yield majority_row(held)
            held = []
        held.append(row)
    if held:
        yield majority_row(held)


def decisions(row: ExportRow, ties: Ties) -> tuple[tuple[str, str], ...]:
    """The (chosen, rejected) sides a record is written as: none, one, or both ways (split)."""
    if row.preference == "a":
        return (("a", "b"),)
    if row.preference == "b":
        return (("b", "a"),)
    # Neither is better. Kept, the pair is written once as it stands, with margin 0.
    return {"drop": (), "keep": (("a", "b"),), "split": (("a", "b"), ("b", "a"))}[ties]
