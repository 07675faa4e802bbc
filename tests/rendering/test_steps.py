"""Tool calls and results are steps that can be told apart while closed, and are never Markdown."""

import json
from typing import Any

import pytest

from labeling.rendering.messages import render_messages
from labeling.rendering.steps import tool_call
from tests.rendering.inspection import faults
from tests.rendering.payloads import PAYLOADS


def trajectory(tool: str, arguments: str, result: str = "19 °C") -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": tool, "arguments": arguments}}
    return [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": result},
        {"role": "assistant", "content": "It is warm."},
    ]


def heads(html: str) -> list[str]:
    return [part.split("</summary>")[0] for part in html.split("<summary>")[1:]]


@pytest.mark.parametrize(
    "other", [trajectory("forecast", '{"city": "Oslo"}'), trajectory("weather", '{"city": "Rome"}')]
)
def test_two_trajectories_that_differ_only_in_their_calls_look_different_while_closed(
    other: list[dict[str, Any]],
) -> None:
    one = render_messages(trajectory("weather", '{"city": "Oslo"}'))
    two = render_messages(other)
    assert heads(one.turns[0].html) != heads(two.turns[0].html)


def test_a_turn_that_only_calls_is_not_empty_and_its_result_names_the_tool() -> None:
    call, result, last = render_messages(trajectory("weather", '{"city": "Oslo"}')).turns
    assert "(empty)" not in call.html
    assert 'aria-label="Tool call weather"' in call.html
    assert [call.role, result.role] == ["assistant", "tool"]
    assert 'aria-label="Tool result weather"' in result.html
    assert "<details" not in last.html


def test_a_turn_with_words_and_calls_shows_the_words_first() -> None:
    message = trajectory("weather", "{}")[0] | {"content": "Let me *look*."}
    (turn,) = render_messages([message]).turns
    assert turn.html.index("<em>look</em>") < turn.html.index("<details")


def test_only_neither_words_nor_calls_is_empty() -> None:
    (turn,) = render_messages([{"role": "assistant", "content": "", "tool_calls": []}]).turns
    assert "(empty)" in turn.html


def test_two_calls_of_one_turn_are_two_steps_with_two_names() -> None:
    message = trajectory("weather", "{}")[0]
    message["tool_calls"] *= 2
    (turn,) = render_messages([message]).turns
    assert 'aria-label="Call 1, Tool call weather"' in turn.html
    assert 'aria-label="Call 2, Tool call weather"' in turn.html


def test_a_tools_words_are_shown_as_written() -> None:
    result = render_messages(trajectory("weather", "{}", "# *19* <b>°C</b>")).turns[1]
    assert "# *19* &lt;b&gt;°C&lt;/b&gt;" in result.html
    parts = [{"type": "text", "text": "*19*"}, {"type": "image_url", "image_url": {"url": "x"}}]
    (turn,) = render_messages([{"role": "tool", "content": parts}]).turns
    assert "*19*" in turn.html
    assert "[image]" in turn.html


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ('{"a":1.0,"b":[1e400,2]}', '{\n  "a": 1.0,\n  "b": [\n    1e400,\n    2\n  ]\n}'),
        ('{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
        ('{"a": 1', '{"a": 1'),
        ("rm -rf /", "rm -rf /"),
        ("[]", "[]"),
    ],
)
def test_arguments_are_indented_unless_that_would_change_what_they_say(
    written: str, shown: str
) -> None:
    html = tool_call({"name": "f", "arguments": written})
    assert f">{shown.replace('&', '&amp;')}</pre>" in html.replace("&quot;", '"')


def test_indents_do_not_outgrow_the_arguments() -> None:
    deep = "[" * 200 + "1," * 5_000 + "1" + "]" * 200
    assert len(tool_call({"name": "f", "arguments": deep})) < 6 * len(deep)
    nested: Any = [1] * 5_000
    for _ in range(200):
        nested = [nested]
    assert len(tool_call({"name": "f", "arguments": nested})) < 6 * len(json.dumps(nested))


@pytest.mark.parametrize(
    "calls", [None, 7, "x", {}, [], [None], [7], [[]], [{}], [{"function": 7}], [{"function": {}}]]
)
def test_calls_of_any_shape_are_shown_somehow(calls: Any) -> None:
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    (turn,) = render_messages([message]).turns
    assert turn.html
    assert faults(turn.html) == []


@pytest.mark.parametrize("payload", PAYLOADS[1::3])
def test_hostile_calls_bring_nothing_that_is_not_listed(payload: str) -> None:
    for turn in render_messages(trajectory(payload, payload, payload)).turns:
        assert faults(turn.html) == []
