"""Hidden characters are found, named and marked where they stand; ordinary scripts are not."""

import re

import pytest

from labeling.rendering.hidden import MAX_MARKS, reveal
from labeling.rendering.messages import Conversation, render_messages
from tests.rendering.inspection import faults


def shown(text: str) -> Conversation:
    return render_messages([{"role": "assistant", "content": text}])


def said(text: str) -> list[str]:
    return re.findall(r'data-c="([^"]*)"', shown(text).turns[0].html)


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("admin\u202egpj.exe", ["RLO"]),
        ("a\u200bb", ["ZWSP"]),
        ("a\u200b\u200b\u200bb", ["ZWSP ×3"]),
        ("a\u2066\u202eb", ["LRI RLO"]),
        ("x" + "".join(chr(0xE0000 + ord(c)) for c in "obey me") + "y", ["tags: obey me"]),
        ("z" + "\u0301" * 200 + " end", ["200 marks"]),
        ("a\u115fb", ["U+115F"]),
        ("plain, “quotes” – é", []),
        ("नमस्ते क्‍ष می‌خواهم 👩‍💻 שלום", []),
        (r"$\sin x$ and $f(x)$", []),
    ],
)
def test_each_run_is_marked_with_what_it_is(text: str, marks: list[str]) -> None:
    assert said(text) == marks
    assert bool(shown(text).hidden) == bool(marks)


def test_the_text_itself_stays_as_it_came() -> None:
    text = "a\u200bb \u202ec\u202c d" + "\u0301" * 30
    html = shown(text).turns[0].html
    assert re.sub(r"<[^<>]*>", "", html).strip() == text


def test_a_character_written_as_an_entity_is_found_too() -> None:
    assert said("a&#8238;b") == ["RLO"]


def test_they_are_found_in_code_and_in_the_steps_of_tools() -> None:
    assert said("```\na\u202eb\n```") == ["RLO"]
    call = {"type": "tool_call", "name": "f", "arguments": {"q": "a\u200bb"}}
    conversation = render_messages([{"role": "assistant", "content": [call]}])
    assert 'data-c="ZWSP"' in conversation.turns[0].html
    assert conversation.hidden


def test_marks_are_bounded_and_all_characters_counted() -> None:
    conversation = shown("a\u200b" * 5_000)
    assert conversation.turns[0].html.count("data-c=") == MAX_MARKS
    assert sum(one.count for one in conversation.hidden) == 5_000


def test_tag_characters_cannot_leave_their_label() -> None:
    text = "x" + "".join(chr(0xE0000 + ord(c)) for c in '"><script>alert(1)</script>')
    assert faults(shown(text).turns[0].html) == []


def test_html_without_hidden_characters_is_given_back() -> None:
    html = '<p dir="auto">é</p>'
    assert reveal(html) == (html, ())
