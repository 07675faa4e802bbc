"""The demo client: the same answer every time, another for every manner, nothing real."""

import socket
from typing import Any

import pytest

from labeling.clients.demo import MANNERS, DemoClient, manner_of
from labeling.clients.protocol import CompletionRequest, ProviderError

PROMPT = [{"role": "user", "content": "How do I sharpen a kitchen knife without a whetstone?"}]


def ask(model: str, sample: int = 0, messages: Any = PROMPT) -> str:
    result = DemoClient().complete(CompletionRequest(model=model, messages=messages, sample=sample))
    assert result.is_demo
    assert result.finish_reason == "stop"
    return result.text


def test_the_answer_is_always_the_same_and_needs_no_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_network(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("The demo client opened a socket.")

    monkeypatch.setattr(socket, "socket", no_network)
    for manner in MANNERS:
        assert ask(f"demo-{manner}") == ask(f"demo-{manner}")


def test_manners_samples_and_prompts_differ() -> None:
    by_manner = {manner: ask(f"demo-{manner}") for manner in MANNERS}
    assert len(set(by_manner.values())) == len(MANNERS)
    assert len(by_manner["terse"]) < len(by_manner["plain"]) < len(by_manner["long"])
    assert "## " in by_manner["formatted"]
    assert len({ask("demo-long", sample) for sample in range(5)}) > 1
    assert ask("demo-plain") != ask(
        "demo-plain", messages=[{"role": "user", "content": "Why rain?"}]
    )


def test_a_model_of_any_name_has_a_manner() -> None:
    assert {manner_of(f"model-{n}") for n in range(200)} == set(MANNERS)


def test_parts_and_other_scripts_are_prompts_too() -> None:
    assert ask(
        "demo-plain",
        messages=[{"role": "user", "content": [{"type": "text", "text": "Привет, мир"}]}],
    )
    assert ask("demo-terse", messages=[{"role": "user", "content": "????"}])


def test_a_prompt_without_text_is_refused() -> None:
    with pytest.raises(ProviderError):
        ask("demo-plain", messages=[{"role": "user", "content": ""}])
