"""Native rows: prompts, comparisons, judgments and gold, as JSON objects or as CSV.

The canonical record of an export is accepted as a judgment, so what went out can come in again.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import orjson

from labeling.formats import fields
from labeling.formats.csv_reading import csv_typed
from labeling.formats.fields import only_keys, refuse
from labeling.formats.native_prompts import read_completion, read_prompt
from labeling.formats.reading import Record
from labeling.formats.rows import (
    PREFERENCES,
    ComparisonRow,
    CompletionRow,
    GoldAnswer,
    JudgmentRow,
    Preference,
    PromptRow,
    Row,
)

KINDS = ("prompts", "comparisons", "judgments", "gold")
MAX_COMPLETIONS = 64

PROMPT_KEYS = frozenset({"prompt", "messages", "prompt_id", "tags", "metadata", "language"})
PAIR_KEYS = PROMPT_KEYS | {
    "comparison_id",
    "completion_a",
    "completion_b",
    "model_a",
    "model_b",
    "params_a",
    "params_b",
}
COMPARISON_KEYS = PAIR_KEYS | {"completions", "pairs", "gold"}
JUDGMENT_KEYS = PAIR_KEYS | {
    "rater",
    "preference",
    "judgment_id",
    "strength",
    "criteria",
    "rationale",
    "shown_left",
    "created_at",
    "rater_kind",
    "rater_groups",
    "repeat",
    "score",
    "quality_a",
    "quality_b",
    "clauses",
    "steps",
    "edited",
    "active_ms",
    "presentation_arm",
    "gold",
}
# The rest of the canonical record: facts about the campaign it came from, not about the judgment.
EXPORTED_KEYS = frozenset(
    {
        "campaign",
        "round",
        "guideline_version",
        "is_gold",
        "repeat_of",
        "selection_policy",
        "propensity",
        "superseded_by",
        "marks_a",
        "marks_b",
        "adjudication",
    }
)
GOLD_KEYS = frozenset({"preference", "strength", "explanation", "clause"})

CSV_COLUMNS = {
    "messages": "json",
    "tags": "json",
    "metadata": "json",
    "completions": "json",
    "pairs": "json",
    "params_a": "json",
    "params_b": "json",
    "gold": "json",
    "criteria": "json",
    "rater_groups": "json",
    "clauses": "json",
    "steps": "json",
    "edited": "json",
    "adjudication": "json",
    "strength": "number",
    "score": "number",
    "quality_a": "number",
    "quality_b": "number",
    "active_ms": "number",
    "propensity": "number",
    "repeat": "boolean",
    "is_gold": "boolean",
    "prompt": "conversation",
    "completion_a": "answer",
    "completion_b": "answer",
}


def read(record: Record, kind: str) -> Iterator[Row]:
    """The rows a native record holds: one, or as many comparisons as it has pairs."""
    row = _csv_row(record) if record.is_csv else record.fields
    if kind == "prompts":
        only_keys(row, PROMPT_KEYS)
        yield read_prompt(row, record.line, is_required=True)
    elif kind == "comparisons":
        only_keys(row, COMPARISON_KEYS)
        yield from read_comparisons(row, record.line)
    elif kind == "gold":
        only_keys(row, COMPARISON_KEYS)
        if row.get("gold") is None:
            refuse(
                "gold",
                'Give the known answer: {"preference": "a", "explanation": "…"}.',
            )
        yield from read_comparisons(row, record.line)
    else:
        only_keys(row, JUDGMENT_KEYS | EXPORTED_KEYS)
        yield read_judgment(row, record.line)


def _csv_row(record: Record) -> dict[str, Any]:
    row = csv_typed(record, CSV_COLUMNS)
    # An empty cell may be an empty answer; with an id and two empty ones, the texts were left out.
    if row.get("comparison_id") and not row.get("completion_a") and not row.get("completion_b"):
        row.pop("completion_a", None)
        row.pop("completion_b", None)
    return row


def read_comparisons(row: dict[str, Any], line: int) -> Iterator[ComparisonRow]:
    """The comparisons of a row: of `completion_a` and `completion_b`, or every pair of a list."""
    if "completions" not in row or row["completions"] is None:
        yield read_comparison(row, line)
        return
    if row.get("completion_a") is not None or row.get("completion_b") is not None:
        refuse("completions", 'Give "completions", or "completion_a" and "completion_b".')
    listed = row["completions"]
    if not isinstance(listed, list) or not 2 <= len(listed) <= MAX_COMPLETIONS:
        refuse("completions", f"Expected a list of 2 to {MAX_COMPLETIONS} completions.")
    prompt = read_prompt(row, line)
    completions = [read_completion(c, f"completions[{i}]") for i, c in enumerate(listed)]
    pairs = _pairs(row.get("pairs"), len(completions))
    external_id = fields.optional_id(row.get("comparison_id"), "comparison_id")
    gold = read_gold(row.get("gold"))
    if len(pairs) > 1 and (external_id or gold):
        field = "comparison_id" if external_id else "gold"
        refuse(
            field,
            f"It speaks of one pair, and the row makes {len(pairs)}; split the row.",
        )
    for i, j in pairs:
        _must_differ(completions[i], completions[j], f"completions[{j}]")
    for i, j in pairs:
        yield ComparisonRow(line, external_id, prompt, completions[i], completions[j], gold)


def _pairs(value: Any, count: int) -> list[tuple[int, int]]:
    if value is None:
        return list(combinations(range(count), 2))
    if not isinstance(value, list) or not value:
        refuse(
            "pairs",
            "Expected a list of pairs, such as [[0, 1]]; leave it out for every pair.",
        )
    pairs: list[tuple[int, int]] = []
    for n, pair in enumerate(value):
        if (
            not isinstance(pair, list)
            or len(pair) != 2
            or not all(type(i) is int and 0 <= i < count for i in pair)
            or pair[0] == pair[1]
        ):
            refuse(f"pairs[{n}]", f"Expected two different places from 0 to {count - 1}.")
        if (pair[0], pair[1]) in pairs or (pair[1], pair[0]) in pairs:
            refuse(f"pairs[{n}]", "This pair is already in the list.")
        pairs.append((pair[0], pair[1]))
    return pairs


def read_comparison(row: dict[str, Any], line: int) -> ComparisonRow:
    """One pair, or the id of a comparison that is known."""
    external_id = fields.optional_id(row.get("comparison_id"), "comparison_id")
    gold = read_gold(row.get("gold"))
    a = _side(row, "a")
    b = _side(row, "b")
    if a is None and b is None and external_id is not None:
        return ComparisonRow(line, external_id, _optional_prompt(row, line), None, None, gold)
    for name, completion in (("completion_a", a), ("completion_b", b)):
        if completion is None:
            refuse(
                name,
                'Give both completions, or the "comparison_id" of a known comparison.',
            )
    if a is not None and b is not None:
        _must_differ(a, b, "completion_b")
    prompt = _optional_prompt(row, line) if external_id else read_prompt(row, line)
    return ComparisonRow(line, external_id, prompt, a, b, gold)


def _optional_prompt(row: dict[str, Any], line: int) -> PromptRow | None:
    if any(row.get(key) is not None for key in ("prompt", "messages", "prompt_id")):
        return read_prompt(row, line)
    return None


def _side(row: dict[str, Any], side: str) -> CompletionRow | None:
    field = f"completion_{side}"
    model, params = row.get(f"model_{side}"), row.get(f"params_{side}")
    value = row.get(field)
    if value is None and model is None:
        return None
    if model is None and not params:
        return read_completion(value, field)
    if isinstance(value, dict):
        if value.get("model") not in (None, model):
            refuse(f"model_{side}", f"Differs from the model named in {field}.")
        return read_completion({**value, "model": model, "params": params or {}}, field)
    key = "messages" if isinstance(value, list) else "text"
    return read_completion({key: value, "model": model, "params": params}, field)


def _must_differ(a: CompletionRow, b: CompletionRow, field: str) -> None:
    if a.key == b.key:
        refuse(
            field,
            "The two completions are the same text of the same model: there is nothing to "
            'compare. Name their models ("model") if they differ.',
        )


def read_gold(value: Any) -> GoldAnswer | None:
    """The known answer of a comparison, if the row gives one."""
    if value is None:
        return None
    gold = fields.mapping(value, "gold")
    only_keys(gold, GOLD_KEYS, within="gold")
    preference = fields.choice(gold.get("preference"), "gold.preference", PREFERENCES)
    strength = read_strength(gold.get("strength"), None, preference, "gold.strength")
    explanation = fields.optional_text(
        gold.get("explanation"), "gold.explanation", max_chars=20_000
    )
    clause = fields.optional_text(gold.get("clause"), "gold.clause", max_chars=40)
    return GoldAnswer(preference, strength, explanation or "", clause or "")


def read_strength(value: Any, score: Any, preference: Preference, field: str) -> int | None:
    """How much better: 0 for tie and both_bad, 1 to 3 for a side, None where nothing was said."""
    strength = fields.optional_integer(value, field, low=0, high=3)
    signed = fields.optional_integer(score, "score", low=-3, high=3)
    if signed is not None:
        sign = {"a": -1, "b": 1}.get(preference, 0)
        if strength is None:
            strength = abs(signed)
        if signed != sign * strength:
            refuse(
                "score",
                "Disagrees with preference and strength; -3 is a much better, 3 is b.",
            )
    if preference in ("tie", "both_bad"):
        if strength:
            refuse(field, f"A {preference} has strength 0.")
        return 0
    if strength == 0:
        refuse(
            field,
            "A preference for a side has strength 1 to 3; leave it out if unknown.",
        )
    return strength


def read_judgment(row: dict[str, Any], line: int) -> JudgmentRow:
    """A judgment with the comparison it is about."""
    if row.get("superseded_by") is not None:
        refuse(
            "superseded_by",
            "The rater replaced this judgment; import the standing ones only.",
        )
    if row.get("rater") is None:
        refuse("rater", "Say who judged: any id of yours for the rater.")
    rater = fields.optional_id(row["rater"], "rater")
    if row.get("preference") is None:
        refuse("preference", "Give the answer: a, b, tie or both_bad.")
    preference: Preference = fields.choice(row["preference"], "preference", PREFERENCES)
    shown_left = row.get("shown_left")
    edited = row.get("edited") or None
    if edited is not None:
        only_keys(
            fields.mapping(edited, "edited"),
            frozenset({"side", "text"}),
            within="edited",
        )
        fields.choice(edited.get("side"), "edited.side", ("a", "b"))
        fields.text(edited.get("text"), "edited.text")
    return JudgmentRow(
        line=line,
        comparison=read_comparison(row, line),
        rater=rater or "",
        preference=preference,
        external_id=fields.optional_id(row.get("judgment_id"), "judgment_id"),
        rater_kind=fields.choice(
            "human" if row.get("rater_kind") is None else row["rater_kind"],
            "rater_kind",
            ("human", "judge"),
        ),
        rater_groups=orjson.dumps(
            fields.text_mapping(row.get("rater_groups"), "rater_groups"),
            option=orjson.OPT_SORT_KEYS,
        ),
        strength=read_strength(row.get("strength"), row.get("score"), preference, "strength"),
        criteria=fields.text_mapping(row.get("criteria"), "criteria", ("a", "b", "tie")),
        rationale=fields.optional_text(row.get("rationale"), "rationale", max_chars=100_000) or "",
        shown_left=None
        if shown_left is None
        else fields.choice(shown_left, "shown_left", ("a", "b")),
        judged_at=fields.optional_moment(row.get("created_at"), "created_at"),
        is_repeat=fields.boolean(row.get("repeat"), "repeat") or row.get("repeat_of") is not None,
        quality_a=fields.optional_integer(row.get("quality_a"), "quality_a", low=0, high=100),
        quality_b=fields.optional_integer(row.get("quality_b"), "quality_b", low=0, high=100),
        clauses=fields.tags(row.get("clauses"), "clauses"),
        steps=fields.mapping(row.get("steps"), "steps"),
        edited=edited,
        active_ms=fields.optional_integer(
            row.get("active_ms"), "active_ms", low=0, high=2_000_000_000
        ),
        presentation_arm=fields.optional_text(
            row.get("presentation_arm"), "presentation_arm", max_chars=60
        )
        or "",
    )
