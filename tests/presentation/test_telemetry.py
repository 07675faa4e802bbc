"""What a page measured is read within bounds, and no word of anybody's gets through."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labeling.telemetry import MAX_CHARS, MAX_ENTRIES, MEASURES, measured, read_telemetry
from tests.architecture.source import ROOT

COMPLETE: dict[str, Any] = {
    "page": "bench",
    "script": True,
    "shown_as": "paced",
    "instant_because": "reduced_motion",
    "revealed_early": True,
    "shown_share": {"left": 0.5, "right": 1},
    "arrival_ms": 1200,
    "arrival_hidden_ms": 10,
    "active_ms": 4000,
    "first_choice_ms": 3000,
    "first_scroll_ms": {"left": 400},
    "full_read_ms": {"left": 900, "right": 1800},
    "blur_count": 2,
    "return_count": 2,
    "away_ms": 9000,
    "away_longest_ms": 8000,
    "copy_count": 1,
    "copies": [{"from": "left", "chars": 12}],
    "paste_count": 1,
    "pastes": [{"into": "rationale", "chars": 40}],
    "keystrokes": 30,
    "typed_chars": 25,
    "verdict_changes": 1,
}


def test_every_measure_is_read_as_it_was_sent() -> None:
    assert set(COMPLETE) == set(MEASURES)
    assert read_telemetry(json.dumps(COMPLETE)) == COMPLETE


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "3", "{", "\x00", "[" * 9000, '{"a":' * 3000, "9" * 9000, "x" * 30_000],
)
def test_what_cannot_be_read_measures_nothing(text: str) -> None:
    assert read_telemetry(text) == {}


def test_a_text_beyond_the_limit_is_not_read() -> None:
    padded = json.dumps(COMPLETE) + " " * MAX_CHARS
    assert read_telemetry(padded) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("active_ms", -1),
        ("active_ms", 10**10),
        ("active_ms", True),
        ("active_ms", "4000"),
        ("active_ms", float("inf")),
        ("keystrokes", [1]),
        ("shown_as", "whole"),
        ("instant_because", "I said so"),
        ("script", 1),
        ("shown_share", {"left": 2}),
        ("shown_share", 1),
        ("first_scroll_ms", {"middle": 3}),
        ("pastes", [{"into": "rationale"}]),
        ("pastes", [{"into": "my diary", "chars": 3}]),
        ("pastes", [{"into": "rationale", "chars": "the pasted words"}]),
        ("copies", {"from": "left", "chars": 1}),
        ("rationale", "words"),
        ("clipboard", "words"),
    ],
)
def test_one_bad_measure_is_left_out_and_spoils_no_other(key: str, value: object) -> None:
    sent = json.dumps({"blur_count": 1, key: value})
    assert read_telemetry(sent) == {"blur_count": 1}


def test_entries_beyond_the_limit_are_left_out() -> None:
    pastes = [{"into": "rationale", "chars": n, "text": "words"} for n in range(50)]
    kept = measured({"pastes": pastes})["pastes"]
    assert kept == [{"into": "rationale", "chars": n} for n in range(MAX_ENTRIES)]


def test_times_are_kept_as_whole_milliseconds() -> None:
    assert measured({"active_ms": 12.6, "full_read_ms": {"left": 3.2}}) == {
        "active_ms": 13,
        "full_read_ms": {"left": 3},
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("word\x00"),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*COMPLETE, "chars"]), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from([*COMPLETE, "note"]), JSON, max_size=6))
def test_nothing_a_page_sends_is_kept_as_a_word_of_its_own(values: dict[str, Any]) -> None:
    kept = measured(values)
    words = {"bench", "instant", "paced", "recorded", "reduced_motion", "not_recorded", "from"}
    words |= {"prompt", "left", "right", "rationale", "edit", "other", "into", "chars"}
    assert set(_texts(kept)) <= words | set(MEASURES)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    assert measured(kept) == kept


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return []


def test_the_documentation_names_every_measure() -> None:
    page = (ROOT / "docs" / "BENCH.md").read_text()
    assert [key for key in MEASURES if f"`{key}`" not in page] == []
