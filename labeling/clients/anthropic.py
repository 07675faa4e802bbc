"""Anthropic's Messages API, in our words: https://docs.anthropic.com/en/api/messages.

An answer bound to a schema is asked for as the input of a tool that has to be used, which every
model of theirs can do; where the sampling settings make it think, which excludes that, as
`output_config`. Streams: https://docs.anthropic.com/en/docs/build-with-claude/streaming.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import orjson

from labeling.clients.conversation import SCHEMA_NAME, Turn, base64, refuse, turns
from labeling.clients.http_client import HttpClient
from labeling.clients.protocol import CompletionRequest, ErrorKind, ProviderError
from labeling.clients.reading import Reading, count

API = "Anthropic's API"
# The API wants one; a request that names none gets this.
DEFAULT_MAX_TOKENS = 4096
# Our names, which are OpenAI's, by theirs.
_NAMES = {
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "stop": "stop_sequences",
    "stop_sequences": "stop_sequences",
    "thinking": "thinking",
    "output_config": "output_config",
    "metadata": "metadata",
    "service_tier": "service_tier",
}
# It has no seed; one that a run sets for all its models at once is left out.
_LEFT_OUT = frozenset({"seed", "model", "messages", "stream", "n"})
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class AnthropicClient(HttpClient):
    """An `LlmClient` for one base URL and key. Safe to share between threads."""

    key_header: ClassVar[tuple[str, str]] = ("x-api-key", "")
    headers: ClassVar[Mapping[str, str]] = {"anthropic-version": "2023-06-01"}
    version: ClassVar[str] = "v1"

    def _question(self, request: CompletionRequest) -> tuple[str, dict[str, Any]]:
        system, said = turns(request, api=API)
        body = {
            **sampling(request.sampling),
            "model": request.model,
            "messages": [_message(turn) for turn in said],
        }
        body.setdefault("max_tokens", DEFAULT_MAX_TOKENS)
        if system:
            body["system"] = system
        if request.streams:
            body["stream"] = True
        if request.schema is not None:
            _bind(body, dict(request.schema))
        return "messages", body

    def _read(self, value: dict[str, Any], reading: Reading, request: CompletionRequest) -> None:
        reading.read_names(value.get("model"), value.get("id"))
        _read_usage(value.get("usage"), reading)
        blocks = value.get("content")
        if not isinstance(blocks, list):
            raise ProviderError(ErrorKind.MALFORMED, "The answer has no content.")
        _read_reason(value.get("stop_reason"), reading)
        for block in blocks:
            kind = block.get("type") if isinstance(block, dict) else None
            if kind == "text":
                reading.add(block.get("text"))
            elif kind == "tool_use":
                _add_call(reading, request, block, orjson.dumps(block.get("input")).decode())

    def _read_event(
        self, value: dict[str, Any], reading: Reading, request: CompletionRequest
    ) -> bool:
        match value.get("type"):
            case "message_start":
                message = _object(value.get("message"))
                reading.read_names(message.get("model"), message.get("id"))
                _read_usage(message.get("usage"), reading)
            case "content_block_start":
                block = _object(value.get("content_block"))
                if block.get("type") == "tool_use":
                    reading.touch()
                    # Its input follows in pieces, which are joined when the block ends.
                    reading.open_call = (block, [])
                else:
                    reading.add(block.get("text"))
            case "content_block_delta":
                self._read_delta(_object(value.get("delta")), reading)
            case "content_block_stop" if reading.open_call is not None:
                block, written = reading.open_call
                reading.open_call = None
                _add_call(reading, request, block, "".join(written) or "{}")
            case "message_delta":
                _read_reason(_object(value.get("delta")).get("stop_reason"), reading)
                _read_usage(value.get("usage"), reading)
            case "message_stop":
                reading.is_whole = True
                return True
        return False

    def _read_delta(self, delta: dict[str, Any], reading: Reading) -> None:
        kind = delta.get("type")
        if kind == "text_delta":
            reading.add(delta.get("text"))
        elif kind == "input_json_delta" and reading.open_call is not None:
            piece = delta.get("partial_json")
            if isinstance(piece, str):
                reading.weigh(piece)
                reading.touch()
                reading.open_call[1].append(piece)
        else:
            # It thinks.
            reading.touch()


def sampling(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Sampling settings by the API's names; one that it does not have is refused."""
    sent: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _LEFT_OUT:
            continue
        if name not in _NAMES:
            refuse(f"{API} has no setting {name[:40]}.")
        sent[_NAMES[name]] = value
    if isinstance(sent.get("stop_sequences"), str):
        sent["stop_sequences"] = [sent["stop_sequences"]]
    return sent


def _bind(body: dict[str, Any], schema: dict[str, Any]) -> None:
    if "thinking" in body or "output_config" in body:
        config = body.get("output_config")
        config = dict(config) if isinstance(config, dict) else {}
        body["output_config"] = config | {"format": {"type": "json_schema", "schema": schema}}
        return
    description = "Give the whole answer in this form."
    body["tools"] = [{"name": SCHEMA_NAME, "description": description, "input_schema": schema}]
    body["tool_choice"] = {
        "type": "tool",
        "name": SCHEMA_NAME,
        "disable_parallel_tool_use": True,
    }


def _message(turn: Turn) -> dict[str, Any]:
    if all(isinstance(part, str) for part in turn.parts):
        return {"role": turn.role, "content": "\n\n".join(map(str, turn.parts))}
    return {"role": turn.role, "content": [_block(part) for part in turn.parts]}


def _block(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    source = {"type": "base64", "media_type": part.media_type, "data": base64(part)}
    return {"type": "image", "source": source}


def _add_call(
    reading: Reading, request: CompletionRequest, block: dict[str, Any], written: str
) -> None:
    """A call of a tool, in OpenAI's form; the tool that binds to a schema is the answer itself."""
    if request.schema is not None and block.get("name") == SCHEMA_NAME:
        reading.add(written)
        if reading.finish_reason in ("", "tool_calls"):
            reading.finish_reason = "stop"
        return
    function = {"name": block.get("name"), "arguments": written}
    reading.calls.append({"id": block.get("id"), "type": "function", "function": function})


def _read_reason(reason: Any, reading: Reading) -> None:
    if isinstance(reason, str) and reason:
        is_answer = reading.finish_reason == "stop" and reason == "tool_use"
        reading.finish_reason = "stop" if is_answer else _REASONS.get(reason, reason)


def _read_usage(usage: Any, reading: Reading) -> None:
    if not isinstance(usage, dict):
        return
    told = [
        count(usage.get(name))
        for name in ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    ]
    if told[0] is not None:
        reading.prompt_tokens = sum(number or 0 for number in told)
    written = count(usage.get("output_tokens"))
    if written is not None:
        reading.completion_tokens = written


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ProviderError(ErrorKind.MALFORMED, "A piece of the answer has another form.")
    return value
