"""Answers in the forms of the providers, whole and as the events of a stream."""

import json
from collections.abc import Callable, Iterable
from typing import Any


def completion(text: Any = "Hello.", finish_reason: Any = "stop", **message: Any) -> dict[str, Any]:
    """The body of a good answer."""
    return {
        "id": "chatcmpl-1",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5},
    }


def message(text: Any = "Hello.", stop_reason: Any = "end_turn", **more: Any) -> dict[str, Any]:
    """The body of a good answer in Anthropic's form."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "served-model",
        "content": [{"type": "text", "text": text}],
        "stop_reason": stop_reason,
        "usage": {"input_tokens": 3, "output_tokens": 5},
    } | more


def candidate(text: Any = "Hello.", finish: Any = "STOP", **more: Any) -> dict[str, Any]:
    """The body of a good answer, or of one event of it, in Google's form."""
    content = {"role": "model", "parts": [{"text": text}]}
    return {
        "candidates": [{"content": content, "finishReason": finish, "index": 0} | more],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 5},
        "modelVersion": "served-model",
        "responseId": "resp-1",
    }


WHOLE: dict[str, Callable[[Any], dict[str, Any]]] = {
    "openai_compatible": completion,
    "anthropic": message,
    "google": candidate,
}


def frame(data: Any, name: str = "") -> bytes:
    """One event as it goes over the wire."""
    written = data if isinstance(data, bytes) else json.dumps(data, ensure_ascii=False).encode()
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + written + b"\n\n"


def openai_events(pieces: Iterable[Any], reason: Any = "stop") -> list[bytes]:
    """A good stream in OpenAI's form: role, pieces, reason, usage, and that it is done."""

    def chunk(delta: dict[str, Any], finish: Any = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return {"id": "chatcmpl-1", "model": "served-model", "choices": [choice]}

    usage = {"prompt_tokens": 3, "completion_tokens": 5}
    return [
        frame(chunk({"role": "assistant", "content": ""})),
        *(frame(chunk({"content": piece})) for piece in pieces),
        frame(chunk({}, reason)),
        frame({"id": "chatcmpl-1", "model": "served-model", "choices": [], "usage": usage}),
        frame(b"[DONE]"),
    ]


def anthropic_events(pieces: Iterable[Any], reason: Any = "end_turn") -> list[bytes]:
    """A good stream in Anthropic's form."""
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return anthropic_blocks([({"type": "text", "text": ""}, deltas)], reason)


def anthropic_blocks(
    blocks: Iterable[tuple[dict[str, Any], list[dict[str, Any]]]], reason: Any
) -> list[bytes]:
    """A stream of blocks, each with its deltas."""
    begun = message(stop_reason=None, content=[], usage={"input_tokens": 3, "output_tokens": 1})
    events: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events += [
            {"type": "content_block_start", "index": index, "content_block": block},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]
    told = {"stop_reason": reason, "stop_sequence": None}
    events += [
        {"type": "message_delta", "delta": told, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return [frame(event, event["type"]) for event in events]


def google_events(pieces: Iterable[Any], reason: Any = "STOP") -> list[bytes]:
    """A good stream in Google's form: the last piece says why it ended."""
    texts = list(pieces)
    return [
        frame(candidate(text, reason if number == len(texts) - 1 else None))
        for number, text in enumerate(texts)
    ]


EVENTS: dict[str, Callable[..., list[bytes]]] = {
    "openai_compatible": openai_events,
    "anthropic": anthropic_events,
    "google": google_events,
}
