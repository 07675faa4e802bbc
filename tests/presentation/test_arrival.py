"""When each part of a text is shown: the rule of words, and the times that were recorded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labeling.presentation import (
    MAX_STEPS,
    arrival,
    last_turn,
    paced_times,
    recorded_times,
    token_count,
)
from labeling.schemas import Arm

INSTANT = Arm(name="i")
PACED = Arm(name="p", mode="paced", tokens_per_second=4)
RECORDED = Arm(name="r", mode="recorded", lock_until_shown=False)


def said(text: str) -> list[dict[str, object]]:
    return [{"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("   \n\t ", 0),
        ("The cat sat.", 4),
        ("arrived", 2),
        ("x" * 60, 10),
        ("f(x)", 4),
        ("今日は", 3),
        ("नमस्ते", 1),
        ("مرحبا بالعالم", 3),
        ("🙂🙂", 2),
    ],
)
def test_tokens_are_counted_by_a_rule_anyone_can_redo(text: str, tokens: int) -> None:
    assert token_count(text) == tokens


@given(st.text(), st.text())
def test_two_texts_apart_have_as_many_tokens_as_both_together(one: str, other: str) -> None:
    assert token_count(f"{one}\n{other}") == token_count(one) + token_count(other)


@given(st.text(max_size=400))
def test_a_text_has_no_more_tokens_than_characters(text: str) -> None:
    assert token_count(text) <= len(text)


def test_a_paced_text_takes_its_tokens_by_the_second() -> None:
    assert paced_times(said("one two three four"), 2) == (0, 2000)
    assert paced_times(said("one two three four"), 8) == (0, 500)


def test_a_tools_words_take_their_time_too_and_an_image_takes_none() -> None:
    call = {"type": "tool_call", "name": "f"}
    image = {"type": "image_url", "image_url": {"url": "x" * 600}}
    text = {"type": "text", "text": "one two"}
    alone = paced_times([{"role": "assistant", "content": [text]}], 1)
    assert alone == (0, 2000)
    assert paced_times([{"role": "assistant", "content": [text, image]}], 1) == alone
    assert paced_times([{"role": "assistant", "content": [text, call]}], 1)[1] > 2000


def test_recorded_times_begin_with_the_first_token_and_end_with_the_last() -> None:
    assert recorded_times([120, 150, 400]) == (120, 120, 150, 400)


def test_many_recorded_times_are_thinned_and_keep_their_shape() -> None:
    slow_then_fast = [*range(0, 100_000, 100), *range(100_000, 101_000)]
    times = recorded_times(slow_then_fast)
    assert times is not None
    assert len(times) == MAX_STEPS + 1
    assert times[0] == 0
    assert times[MAX_STEPS // 2] == slow_then_fast[999]
    assert times[-1] == slow_then_fast[-1]


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=600))
def test_times_never_go_back(moments: list[int]) -> None:
    times = recorded_times(sorted(moments))
    assert times is not None
    assert list(times) == sorted(times)
    assert (times[0], times[-1]) == (min(moments), max(moments))


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        "12",
        [3, 2],
        [-1, 2],
        [1, None],
        [True, 2],
        [1, float("nan")],
        [1, float("inf")],
        [0, 3_600_001],
    ],
)
def test_what_is_no_recording_is_not_replayed(broken: object) -> None:
    assert recorded_times(broken) is None


def test_an_instant_arm_needs_no_times() -> None:
    assert arrival(INSTANT, (said("a"), [1]), (said("b"), [2])) is None


def test_each_side_has_its_own_pace() -> None:
    found = arrival(PACED, (said("one two three four"), None), (said("one"), None))
    assert found is not None
    assert (found.mode, found.left, found.right) == ("paced", (0, 1000), (0, 250))
    assert found.is_locked


def test_recorded_times_are_followed_on_both_sides_or_none() -> None:
    both = arrival(RECORDED, (said("a"), [1, 2]), (said("b"), [5]))
    assert both is not None
    assert (both.mode, both.left, both.right) == ("recorded", (1, 1, 2), (5, 5))
    assert not both.is_locked
    one = arrival(RECORDED, (said("a"), [1, 2]), (said("b"), None))
    assert one is not None
    assert (one.mode, one.left, one.right) == ("instant", (), ())
    assert one.instant_because == "not_recorded"


def test_the_last_turn_is_what_the_user_said_last_and_what_followed() -> None:
    first = {"role": "user", "content": "First"}
    reply = {"role": "assistant", "content": "Reply"}
    last = {"role": "user", "content": "Last"}
    tool = {"role": "tool", "content": "42"}
    assert last_turn([first, reply, last]) == [last]
    assert last_turn([first, reply, last, tool]) == [last, tool]
    assert last_turn([reply, tool]) == [tool]
    assert last_turn([]) == []
