"""Exports: every key in its order, texts unchanged, ties only as told, and back in again."""

import io
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.formats import layouts
from labeling.formats.edits import editable_text, edited_messages
from labeling.formats.export_rows import ExportRow, by_rule, majority, majority_row, signed_score
from labeling.formats.importing import read_rows
from labeling.formats.rows import JudgmentRow, Preference

CANONICAL = (
    "judgment_id comparison_id campaign round prompt_id prompt completion_a completion_b model_a "
    "model_b params_a params_b shown_left presentation_arm guideline_version clauses rater "
    "rater_kind rater_groups preference strength score criteria quality_a quality_b rationale "
    "edited steps active_ms created_at is_gold repeat_of selection_policy propensity superseded_by "
    "marks_a marks_b adjudication"
)
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


def export_row(**changes: Any) -> ExportRow:
    preference = changes.get("preference", "a")
    strength = changes.get("strength", 2 if preference in ("a", "b") else 0)
    fields: dict[str, Any] = {
        "judgment_id": "j1",
        "comparison_id": "c1",
        "campaign": "demo",
        "prompt_id": "p1",
        "prompt": b'[{"role": "user", "content": "Sky?"}]',
        "completion_a": [{"role": "assistant", "content": "Blue."}],
        "completion_b": b'[{"role": "assistant", "content": "Green."}]',
        "model_a": "m1",
        "model_b": "m2",
        "rater": "r1",
        "preference": preference,
        "strength": strength,
        "score": signed_score(preference, strength),
        "created_at": datetime(2026, 1, 31, tzinfo=UTC),
    }
    return ExportRow(**{**fields, **changes})


def test_the_canonical_record_has_every_key_in_the_public_order() -> None:
    (line,) = layouts.lines(export_row(), layout="native", ties="keep")
    assert " ".join(orjson.loads(line)) == CANONICAL
    assert line.endswith(b"}\n")
    assert b'"created_at":"2026-01-31T00:00:00Z"' in line
    # Bytes of the database are embedded as they are.
    assert b'[{"role": "user", "content": "Sky?"}]' in line


def test_a_trl_row_has_prompt_chosen_rejected_and_margin() -> None:
    (line,) = layouts.lines(export_row(preference="b"), layout="trl", ties="drop")
    assert orjson.loads(line) == {
        "prompt": [{"role": "user", "content": "Sky?"}],
        "chosen": [{"role": "assistant", "content": "Green."}],
        "rejected": [{"role": "assistant", "content": "Blue."}],
        "margin": 2,
    }


def test_an_hh_row_has_two_whole_transcripts() -> None:
    (line,) = layouts.lines(export_row(), layout="hh", ties="drop")
    assert orjson.loads(line) == {
        "chosen": "\n\nHuman: Sky?\n\nAssistant: Blue.",
        "rejected": "\n\nHuman: Sky?\n\nAssistant: Green.",
    }


def test_an_edit_goes_out_as_a_pair_of_its_own_when_asked() -> None:
    row = export_row(preference="b", edited={"side": "b", "text": "Green, and blue."})
    own, of_edit = layouts.lines(row, layout="trl", ties="drop", edits="add")
    assert [own] == layouts.lines(row, layout="trl", ties="drop")
    assert orjson.loads(of_edit) == {
        "prompt": [{"role": "user", "content": "Sky?"}],
        "chosen": [{"role": "assistant", "content": "Green, and blue."}],
        "rejected": [{"role": "assistant", "content": "Green."}],
        "margin": None,
    }
    assert layouts.lines(row, layout="trl", ties="drop", edits="only") == [of_edit]
    (hh,) = layouts.lines(row, layout="hh", ties="drop", edits="only")
    assert orjson.loads(hh)["chosen"].endswith("Assistant: Green, and blue.")
    assert orjson.loads(hh)["rejected"].endswith("Assistant: Green.")
    assert layouts.lines(export_row(), layout="hh", ties="drop", edits="only") == []


def test_an_edit_that_kept_the_blots_of_a_masked_text_makes_no_pair() -> None:
    def pairs(edit: str, original: str) -> list[bytes]:
        row = export_row(
            completion_a=[{"role": "assistant", "content": original}],
            edited={"side": "a", "text": edit},
        )
        return layouts.lines(row, layout="trl", ties="drop", edits="only")

    assert pairs("I am ▮▮▮ of old.", "I am Claude.") == []
    assert len(pairs("I am a model.", "I am Claude.")) == 1
    assert len(pairs("A bar: ▮▮▮▮", "A bar: ▮▮")) == 1


def test_an_edit_replaces_the_words_of_the_last_message_and_nothing_else() -> None:
    picture = {"type": "image_url", "image_url": {"url": "x"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "Let me look."},
        {"role": "assistant", "content": [picture, {"type": "text", "text": "A cat."}]},
    ]
    assert editable_text(messages) == "A cat."
    assert edited_messages(messages, "Two cats.") == [
        messages[0],
        {"role": "assistant", "content": [picture, {"type": "text", "text": "Two cats."}]},
    ]
    assert editable_text(None) == ""


@pytest.mark.parametrize("layout", ["trl", "hh"])
@pytest.mark.parametrize("preference", ["tie", "both_bad"])
def test_ties_are_kept_dropped_or_split_as_told(layout: str, preference: str) -> None:
    row = export_row(preference=preference)
    assert layouts.lines(row, layout=layout, ties="drop") == []
    (kept,) = layouts.lines(row, layout=layout, ties="keep")
    one, other = (orjson.loads(line) for line in layouts.lines(row, layout=layout, ties="split"))
    assert orjson.loads(kept) == one
    assert (one["chosen"], one["rejected"]) == (other["rejected"], other["chosen"])
    assert one.get("margin", 0) == 0


def test_a_completion_without_text_has_a_place_in_native_alone() -> None:
    row = export_row(completion_a=None)
    assert len(layouts.lines(row, layout="native", ties="keep")) == 1
    assert layouts.lines(row, layout="trl", ties="keep") == []
    assert layouts.lines(row, layout="hh", ties="keep") == []


@pytest.mark.parametrize(
    "unknown", [{"layout": "xml", "ties": "keep"}, {"layout": "trl", "ties": "?"}]
)
def test_an_unknown_word_is_refused(unknown: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one of"):
        layouts.lines(export_row(), **unknown)


@given(prompt=texts.filter(str.strip), a=texts, b=texts, preference=st.sampled_from(["a", "b"]))
def test_what_trl_writes_is_read_back_unchanged(
    prompt: str, a: str, b: str, preference: Preference
) -> None:
    if a == b:
        return
    row = export_row(
        prompt=[{"role": "user", "content": prompt}],
        completion_a=[{"role": "assistant", "content": a}],
        completion_b=[{"role": "assistant", "content": b}],
        preference=preference,
    )
    (line,) = layouts.lines(row, layout="trl", ties="drop")
    (back,) = read_rows(io.BytesIO(line), kind="judgments", layout="trl")
    assert isinstance(back, JudgmentRow)
    comparison = back.comparison
    assert comparison.prompt and comparison.a and comparison.b
    assert orjson.loads(comparison.prompt.messages or b"")[0]["content"] == prompt
    found = [
        orjson.loads(side.messages or b"")[0]["content"] for side in (comparison.a, comparison.b)
    ]
    assert found == ([a, b] if preference == "a" else [b, a])
    assert back.strength == row.strength


@given(a=texts, b=texts, rationale=texts, preference=st.sampled_from(["a", "b", "tie", "both_bad"]))
def test_what_native_writes_is_read_back_unchanged(
    a: str, b: str, rationale: str, preference: Preference
) -> None:
    row = export_row(
        completion_a=[{"role": "assistant", "content": a}],
        completion_b=[{"role": "assistant", "content": b}],
        rationale=rationale,
        preference=preference,
        criteria={"helpful": "b"},
        shown_left="b",
    )
    (line,) = layouts.lines(row, layout="native", ties="keep")
    (back,) = read_rows(io.BytesIO(line), kind="judgments")
    assert isinstance(back, JudgmentRow), back
    assert back.comparison.a and back.comparison.b
    assert orjson.loads(back.comparison.a.messages or b"") == row.completion_a
    assert orjson.loads(back.comparison.b.messages or b"") == row.completion_b
    assert (back.comparison.a.model, back.comparison.external_id) == ("m1", "c1")
    assert (back.external_id, back.rater, back.rationale) == ("j1", "r1", rationale)
    assert (back.preference, back.strength, back.shown_left) == (preference, row.strength, "b")
    assert back.judged_at == row.created_at


@pytest.mark.parametrize(
    ("votes", "preference"),
    [
        (["a"], "a"),
        (["a", "b", "b"], "b"),
        (["a", "b"], "tie"),
        (["a", "a", "tie", "tie"], "tie"),
        (["both_bad", "both_bad", "a"], "both_bad"),
        (["both_bad", "tie"], "tie"),
    ],
)
def test_the_majority_is_the_most_frequent_answer_and_a_shared_first_place_a_tie(
    votes: list[Preference], preference: str
) -> None:
    verdict = majority((vote, None) for vote in votes)
    assert verdict.preference == preference
    assert verdict.count == len(votes)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "tie", "both_bad"]), st.integers(1, 3)), min_size=1
    )
)
def test_the_majority_does_not_depend_on_order_and_turns_with_the_pair(votes: list[Any]) -> None:
    verdict = majority(votes)
    assert majority(votes[::-1]) == verdict
    turned = majority([({"a": "b", "b": "a"}.get(p, p), s) for p, s in votes])
    assert turned.preference == {"a": "b", "b": "a"}.get(verdict.preference, verdict.preference)
    assert turned.score == -(verdict.score or 0)


def test_nothing_has_no_majority() -> None:
    with pytest.raises(ValueError, match="no judgments"):
        majority([])


def test_a_majority_record_belongs_to_no_rater_and_hidden_repeats_have_no_voice() -> None:
    rows = [
        export_row(preference="a", strength=3),
        export_row(preference="a", strength=1),
        export_row(preference="b", strength=1),
        export_row(preference="b", repeat_of="j1"),
        export_row(preference="b", repeat_of="j1"),
    ]
    row = majority_row(rows)
    assert (row.preference, row.rater, row.judgment_id) == ("a", None, None)
    assert row.score == -1
    assert layouts.margin(row) == 1


def test_a_rule_makes_one_record_of_the_neighbours_with_one_comparison() -> None:
    rows = [export_row(comparison_id=c) for c in ("c1", "c1", "c2", "c3", "c3")]
    assert len(list(by_rule(rows, "each"))) == 5
    result = [row.comparison_id for row in by_rule(rows, "majority")]
    assert result == ["c1", "c2", "c3"]
    assert all(one != other for one, other in pairwise(result))
    with pytest.raises(ValueError, match="rule"):
        list(by_rule(rows, "mood"))
