"""What a step of a completion is."""

from typing import Any

from labeling.rendering.messages import render_messages
from labeling.rendering.reasoning import MAX_STEPS, render_reasoning, step_count, steps_of


def steps(text: str) -> list[str]:
    return [step.text for step in steps_of([{"role": "assistant", "content": text}])]


def test_paragraphs_are_steps_and_what_they_lead_to_belongs_to_them() -> None:
    assert steps("Let $x$ be it.\n\nThen:\n\n$$x = 1$$\n\nAnd so\n\n$$\ny\n\n= 2\n$$\n\nDone.") == [
        "Let $x$ be it.",
        "Then:\n\n$$x = 1$$",
        "And so\n\n$$\ny\n\n= 2\n$$",
        "Done.",
    ]


def test_numbered_items_are_steps_with_or_without_a_line_between() -> None:
    assert steps("1. One.\n2. Two.\n\n   Still two.\n\nStep 3: three\nStep 4: four") == [
        "1. One.",
        "2. Two.\n\n   Still two.",
        "Step 3: three",
        "Step 4: four",
    ]


def test_code_is_whole_and_a_heading_goes_with_what_follows() -> None:
    code = "```py\na = 1\n\n1. not a step\n```"
    assert steps(f"# Plan\n\n{code}\n\nEnd.") == [f"# Plan\n\n{code}", "End."]
    assert steps("Only.\n\n## Nothing under it") == ["Only.\n\n## Nothing under it"]
    assert steps("``` \nnever closed\n\nstill code") == ["``` \nnever closed\n\nstill code"]


def test_calls_and_results_of_tools_are_steps() -> None:
    call = {"type": "function", "function": {"name": "sum", "arguments": "[1, 2]"}}
    messages: list[dict[str, Any]] = [
        {"role": "assistant", "content": "I add.", "tool_calls": [call]},
        {"role": "tool", "content": "3\n\n4"},
        {"role": "assistant", "content": [{"type": "text", "text": "It is 3."}]},
    ]
    assert step_count(messages) == 4
    html = render_reasoning(messages, "Response A")
    assert "I add." in html[0]
    assert "<details" in html[1]
    assert "<details" in html[2]
    assert "It is 3." in html[3]


def test_unknown_and_empty_texts_have_no_steps() -> None:
    assert step_count(None) == 0
    assert step_count([{"role": "assistant", "content": " \n\n "}]) == 0


def test_more_steps_than_a_rater_can_mark_are_one_at_the_end() -> None:
    text = "\n\n".join(f"Line {n}." for n in range(MAX_STEPS + 20))
    assert len(steps(text)) == MAX_STEPS
    assert steps(text)[-1].endswith(f"Line {MAX_STEPS + 19}.")


def test_regions_of_steps_are_named_after_them() -> None:
    (html,) = render_reasoning(
        [{"role": "assistant", "content": "Say:\n\n```python\nx\n```"}], "Response B"
    )
    assert "Response B, step 1, " in html


def test_hidden_characters_are_marked_in_steps_as_in_messages() -> None:
    messages = [{"role": "assistant", "content": "ad\u202emin\n\nPlain."}]
    first, second = render_reasoning(messages, "Response A")
    assert 'data-c="RLO"' in first
    assert first.strip() == render_messages([{"content": "ad\u202emin"}]).turns[0].html.strip()
    assert "data-c" not in second
