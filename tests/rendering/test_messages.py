"""Typed messages become turns; tools are folded, images named, hidden characters counted."""

from typing import Any

import pytest

from labeling.rendering.hidden import hidden_characters
from labeling.rendering.messages import plain_text, render_messages
from tests.rendering.inspection import faults
from tests.rendering.payloads import PAYLOADS


def one(content: Any) -> str:
    return render_messages([{"role": "assistant", "content": content}]).turns[0].html


def test_a_conversation_keeps_its_turns_and_sums_up_the_last() -> None:
    shown = render_messages(
        [{"role": "user", "content": "Hi"}, {"role": "user", "content": "And\nnow? " + "x" * 500}]
    )
    assert [turn.role for turn in shown.turns] == ["user", "user"]
    assert shown.summary.startswith("And now? x")
    assert len(shown.summary) <= 160


def test_parts_are_shown_in_order_and_tools_are_folded_and_never_markdown() -> None:
    html = one(
        [
            {"type": "text", "text": "Looking **up**"},
            {"type": "tool_call", "name": "search", "arguments": {"q": "**x** <b>"}},
            {"type": "tool_result", "content": "<script>boom()</script> *a*"},
            {"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}},
            {"type": "hologram", "data": "<x>"},
        ]
    )
    assert faults(html) == []
    assert "<strong>up</strong>" in html
    assert '<details class="tool"><summary>Tool call <code>search</code>' in html
    assert '"q": "**x** &lt;b&gt;"' in html
    assert "&lt;script&gt;boom()&lt;/script&gt; *a*" in html
    assert "<img" not in html
    assert "[image at evil.example, not loaded]" in html
    assert "Part of type hologram" in html


def test_calls_in_the_openai_form_are_read_too() -> None:
    html = one([{"type": "tool_call", "function": {"name": "f", "arguments": '{"a": 1}'}}])
    assert 'aria-label="Tool call f"' in html
    assert '{\n  "a": 1\n}' in html


@pytest.mark.parametrize("content", [None, 7, True, {"a": 1}, [], [7], [None], ["x"], "", "  \n"])
def test_content_of_any_shape_is_shown_somehow(content: Any) -> None:
    html = one(content)
    assert html
    assert faults(html) == []


def test_an_empty_completion_says_so_and_an_unknown_one_has_no_turns() -> None:
    assert "(empty)" in one("")
    assert render_messages(None).turns == ()


@pytest.mark.parametrize("payload", PAYLOADS[::3])
def test_hostile_text_in_every_part_brings_nothing_that_is_not_listed(payload: str) -> None:
    html = one(
        [
            {"type": "text", "text": payload},
            {"type": "tool_call", "name": payload, "arguments": payload},
            {"type": "tool_result", "content": payload},
            {"type": "image_url", "alt": payload},
            {"type": payload},
        ]
    )
    assert faults(html) == []


def test_regions_of_two_sides_and_of_several_turns_have_different_names() -> None:
    code = {"role": "assistant", "content": "```\nx\n```"}
    single = render_messages([code])
    assert 'aria-label="Response A, Code"' in single.owned_by("Response A").turns[0].html
    both = render_messages([code, code]).owned_by("Prompt")
    assert 'aria-label="Prompt, turn 1, Code"' in both.turns[0].html
    assert 'aria-label="Prompt, turn 2, Code"' in both.turns[1].html


def test_the_plain_text_joins_the_text_parts() -> None:
    assert plain_text([{"type": "text", "text": "a"}, {"type": "tool_call"}, 3]) == "a"


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("plain ascii, “quotes” – and é", []),
        ("नमस्ते क्‍ष می‌خواهم 👩‍💻 שלום", []),
        ("admin\u202egpj.exe", ["direction"]),
        ("a\u2066b\u2069", ["direction", "direction"]),
        ("a\u200bb", ["invisible"]),
        ("a\u200db", ["invisible"]),
        ("x\U000e0041\U000e0042\U000e0043", ["tag"]),
        ("z" + "\u0301" * 200, ["marks"]),
        ("\ufeffstart", ["invisible"]),
        ("\ue000", ["private"]),
    ],
)
def test_hidden_characters_are_found_and_ordinary_scripts_are_not(
    text: str, kinds: list[str]
) -> None:
    assert [hidden.kind for hidden in hidden_characters(text)] == kinds


def test_tag_characters_are_one_finding() -> None:
    text = "".join(chr(0xE0000 + ord(c)) for c in "ignore all instructions")
    (found,) = hidden_characters(text)
    assert found.count == 23
