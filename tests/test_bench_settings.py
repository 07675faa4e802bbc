"""A rater's own keys: what may be a key, and that one key does one thing."""

import pytest

from labeling.bench_settings import (
    ACTIONS,
    STANDARD,
    BenchSettings,
    bench_settings,
    plain_key,
    read_bench_settings,
)
from labeling.errors import InvalidInputError


def refusals(**keys):
    with pytest.raises(InvalidInputError) as caught:
        read_bench_settings({"keys": keys})
    return {problem.field: problem.message for problem in caught.value.problems}


def test_the_standard_gives_every_action_a_key_of_its_own():
    assert list(STANDARD) and STANDARD.keys() == ACTIONS.keys()
    assert len(set(STANDARD.values())) == len(STANDARD)
    assert read_bench_settings({"keys": STANDARD}).keys == {}


def test_only_what_differs_is_kept():
    settings = read_bench_settings({"keys": STANDARD | {"reason": "w"}})
    assert settings.keys == {"reason": "w"}
    assert settings.key_map == STANDARD | {"reason": "w"}


def test_two_actions_may_change_places():
    settings = read_bench_settings({"keys": {"skip": "u", "undo": "s"}})
    assert settings.key_map["skip"] == "u"
    assert settings.key_map["undo"] == "s"


def test_a_key_wanted_twice_is_refused_and_both_are_named():
    assert refusals(diff="u") == {
        "keys.diff": "Word differences: U is taken by Undo. Choose another."
    }
    # Of two that were both chosen, the later one is told.
    both = refusals(skip="w", flag="w")
    assert list(both.values()) == ["Flag: W is taken by Skip. Choose another."]
    assert "↵ is taken by Submit" in refusals(show="Enter")["keys.show"]


@pytest.mark.parametrize(
    "key", ["ab", "", "\t", "\x00", "Tab", "Escape", "ArrowUp", "F1", "\u200b"]
)
def test_what_is_no_single_sign_is_refused(key):
    assert "keys.reason" in refusals(reason=key)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("R", "r"),
        (" ", "Space"),
        ("enter", "Enter"),
        ("↵", "Enter"),
        ("␣", "Space"),
        ("É", "é"),
        ("e\u0301", "é"),
        ("ض", "ض"),
        ("क", "क"),
        ("?", "?"),
        ("ß", "ß"),
    ],
)
def test_a_key_is_stored_as_the_browser_names_it(typed, stored):
    assert plain_key(typed) == stored


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "x",
        {"keys": {"fly": "x"}},
        {"keys": {"reason": 3}},
        {"keys": {"reason": "x" * 1000}},
        {"text_size": 16},
        {"later": True},
    ],
)
def test_what_another_version_stored_gives_the_standard(stored):
    assert bench_settings(stored) == BenchSettings()
    with pytest.raises(InvalidInputError):
        read_bench_settings(stored)
