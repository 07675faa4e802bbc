"""A stand-in for a model: deterministic, in several manners, without any network.

Its answers are plainly demo text about the prompt. They show how generation works and are marked
as demo wherever they go (`CompletionResult.is_demo`, the endpoint's kind).
"""

import random
import re
from collections.abc import Callable
from hashlib import sha256

import orjson

from labeling.clients.protocol import (
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    ProviderError,
)
from labeling.judging.demo import demo_verdict

# Words that say nothing of what a prompt is about.
_STOP_WORDS = frozenset(
    {"about", "after", "because", "could", "given", "please", "should", "their", "there", "these"}
    | {"those", "using", "where", "which", "while", "would", "write"}
)


def _topics(prompt: str, rng: random.Random) -> list[str]:
    words = [w for w in re.findall(r"[^\W\d_]{5,}", prompt) if w.lower() not in _STOP_WORDS]
    unique = list(dict.fromkeys(words)) or ["the question"]
    return rng.sample(unique, min(3, len(unique)))


def _terse(topics: list[str], rng: random.Random) -> str:
    ending = rng.choice(["start small.", "check it first.", "keep it simple.", "one step."])
    return f"{topics[0].capitalize()}: {ending}"


def _plain(topics: list[str], rng: random.Random) -> str:
    opening = rng.choice(["It depends mostly on", "The short of it is", "What matters here is"])
    return (
        f"{opening} {topics[0]}. Look at {topics[-1]} next, and come back to the rest when that is "
        "settled. (This is a demo answer.)"
    )


def _long(topics: list[str], rng: random.Random) -> str:
    paragraphs = [
        f"There is more to {topic} than it seems at first. One can look at what it costs, at what "
        f"it gives, and at what happens if nothing is done about it; "
        f"{rng.choice(['the third', 'the first', 'each of these'])} deserves a thought."
        for topic in topics
    ]
    closing = "Taken together, none of these points settles the matter alone. (A demo answer.)"
    return "\n\n".join([*paragraphs, closing])


def _formatted(topics: list[str], rng: random.Random) -> str:
    verbs = rng.sample(["Name", "Compare", "Try", "Measure", "Review"], len(topics))
    steps = "\n".join(f"- **{v}** {t}" for v, t in zip(verbs, topics, strict=True))
    return f"## {topics[0].capitalize()}\n\n{steps}\n\n> A demo answer, with formatting."


def _confident(topics: list[str], rng: random.Random) -> str:
    year, share = rng.randint(1820, 1990), rng.randint(61, 98)
    return (
        f"Without any doubt: {topics[0]} was settled for good in {year}, and {share} % of experts "
        f"agree. Nobody who knows {topics[-1]} disputes it. (A demo answer, made up on purpose.)"
    )


MANNERS: dict[str, Callable[[list[str], random.Random], str]] = {
    "terse": _terse,
    "plain": _plain,
    "long": _long,
    "formatted": _formatted,
    "confident": _confident,
}


class DemoClient:
    """An `LlmClient` that answers at once and always the same. The model's name picks the manner.

    A model named for a manner ("demo-terse") has it; any other is given one by its name.
    """

    def complete(self, request: CompletionRequest) -> CompletionResult:
        """The demo answer to the prompt's last turn."""
        prompt = _last_text(request)
        if not prompt:
            raise ProviderError(ErrorKind.REFUSED, "The prompt has no text.")
        seed = sha256(
            orjson.dumps(
                [request.model, prompt, request.sample, dict(request.sampling)],
                option=orjson.OPT_SORT_KEYS,
            )
        ).digest()
        rng = random.Random(seed)
        text = _verdict(request, prompt)
        if text is None:
            text = MANNERS[manner_of(request.model)](_topics(prompt, rng), rng)
        return CompletionResult(
            text=text,
            finish_reason="stop",
            model=request.model,
            latency_ms=0,
            response_id=f"demo-{seed.hex()[:16]}",
            prompt_token_count=len(prompt.split()),
            completion_token_count=len(text.split()),
            is_demo=True,
        )

    def models(self) -> list[str]:
        """A model for each manner."""
        return [f"demo-{manner}" for manner in MANNERS]

    def close(self) -> None:
        """Nothing was opened."""


def _verdict(request: CompletionRequest, prompt: str) -> str | None:
    """What a demo judge says, if a verdict is what is asked for."""
    if request.schema is None:
        return None
    seed = f"{request.model} {request.sample} {request.system}"
    return demo_verdict(prompt, request.schema, seed=seed)


def manner_of(model: str) -> str:
    """The manner a model's name stands for."""
    for manner in MANNERS:
        if manner in model.lower():
            return manner
    return list(MANNERS)[sha256(model.encode()).digest()[0] % len(MANNERS)]


def _last_text(request: CompletionRequest) -> str:
    for message in reversed(request.messages):
        content = message.get("content")
        if isinstance(content, list):
            content = " ".join(p["text"] for p in content if isinstance(p.get("text"), str))
        if isinstance(content, str) and content.strip():
            return content
    return ""
