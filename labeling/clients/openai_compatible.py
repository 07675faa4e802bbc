"""Chat completions of any server that speaks OpenAI's form, with every answer checked.

The form is that of https://platform.openai.com/docs/api-reference/chat, as vLLM, TGI, Ollama,
llama.cpp and OpenRouter speak it too. What an answer is, is decided by HTTP status and by the form
of the body, never by the words in it.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from labeling.clients.conversation import SCHEMA_NAME, SYSTEM_ROLES, data_url, parts_of
from labeling.clients.errors_said import Said, said_in
from labeling.clients.event_stream import Event
from labeling.clients.http_client import HttpClient
from labeling.clients.protocol import CompletionRequest, ErrorKind, ProviderError, SentImage
from labeling.clients.reading import Reading, count

# These are the request's own; sampling settings cannot replace them.
_RESERVED = frozenset({"model", "messages", "stream", "n"})
_SENT_KEYS = ("name", "tool_calls", "tool_call_id")
MAX_CALLS = 200
_REFUSED = "content_filter"


class OpenAICompatibleClient(HttpClient):
    """An `LlmClient` for one base URL and key. Safe to share between threads."""

    def _question(self, request: CompletionRequest) -> tuple[str, dict[str, Any]]:
        body = {name: value for name, value in request.sampling.items() if name not in _RESERVED}
        body |= {"model": request.model, "messages": _messages(request)}
        if request.streams:
            body["stream"] = True
            # Without it a stream does not say how many tokens it took. A server that does not know
            # it gets none where the sampling settings say null.
            if body.setdefault("stream_options", {"include_usage": True}) is None:
                del body["stream_options"]
        if request.schema is not None:
            bound = {"name": SCHEMA_NAME, "strict": True, "schema": dict(request.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": bound}
        return "chat/completions", body

    def _read(self, value: dict[str, Any], reading: Reading, request: CompletionRequest) -> None:
        _read_frame(value, reading)
        choice = _choice(value)
        if choice is None:
            _malformed("The answer has no choices.")
        message = choice.get("message")
        if not isinstance(message, dict):
            _malformed("The choice has no message.")
        _read_reason(choice, reading)
        calls = message.get("tool_calls") or []
        if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
            _malformed("The tool calls have another form.")
        reading.calls = calls
        reading.add(message.get("content"))
        _read_refusal(message, reading)

    def _read_event(
        self, value: dict[str, Any], reading: Reading, request: CompletionRequest
    ) -> bool:
        _read_frame(value, reading)
        choice = _choice(value)
        if choice is None:
            # The last one tells what it took, and has no choices.
            return False
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            _malformed("A piece of the answer has another form.")
        reading.add(delta.get("content"))
        _read_refusal(delta, reading)
        if calls := delta.get("tool_calls"):
            _add_calls(calls, reading)
            reading.touch()
        elif delta.get("reasoning_content") or delta.get("reasoning"):
            reading.touch()
        if choice.get("finish_reason"):
            reading.is_whole = True
            _read_reason(choice, reading)
        return False

    def _is_end(self, event: Event) -> bool:
        return event.data.strip() == b"[DONE]"

    def _end_stream(self, reading: Reading) -> None:
        for call in reading.calls:
            call["id"] = "".join(call["id"])
            function = call["function"]
            call["function"] = {key: "".join(pieces) for key, pieces in function.items()}

    def _error_in(self, value: dict[str, Any]) -> Said | None:
        choices = value.get("choices")
        first = choices[0] if isinstance(choices, list) and choices else None
        # OpenRouter puts what went wrong upstream into the choice.
        return said_in(value) or said_in(first)


def _messages(request: CompletionRequest) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    if request.system:
        sent.append({"role": "system", "content": request.system})
    for message in request.messages:
        if request.system and message.get("role") in SYSTEM_ROLES:
            continue
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = _content(message, request)
        kept = {key: message[key] for key in _SENT_KEYS if message.get(key)}
        sent.append({"role": message.get("role"), "content": content} | kept)
    return sent


def _content(message: Mapping[str, Any], request: CompletionRequest) -> list[dict[str, Any]]:
    """The parts in OpenAI's form. An image keeps the detail it was meant to be looked at in."""
    content: list[dict[str, Any]] = []
    for part, before in zip(parts_of(message, request), message["content"], strict=True):
        if isinstance(part, SentImage):
            named = before.get("image_url")
            detail = named.get("detail") if isinstance(named, Mapping) else None
            image = {"url": data_url(part)} | ({"detail": detail} if detail else {})
            content.append({"type": "image_url", "image_url": image})
        else:
            content.append({"type": "text", "text": part})
    return content


def _choice(value: dict[str, Any]) -> dict[str, Any] | None:
    choices = value.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        _malformed("The answer has no choices.")
    if len(choices) > 1 or choices[0].get("index") not in (None, 0):
        _malformed("The answer has more choices than one.")
    return choices[0]


def _read_frame(value: dict[str, Any], reading: Reading) -> None:
    reading.read_names(value.get("model"), value.get("id"))
    usage = value.get("usage")
    if isinstance(usage, dict):
        reading.prompt_tokens = count(usage.get("prompt_tokens"))
        reading.completion_tokens = count(usage.get("completion_tokens"))


def _read_reason(choice: dict[str, Any], reading: Reading) -> None:
    reason = choice.get("finish_reason")
    if isinstance(reason, str) and reason and reading.finish_reason != _REFUSED:
        reading.finish_reason = reason


def _read_refusal(message: dict[str, Any], reading: Reading) -> None:
    """A refusal stands in a field of its own where the answer is bound to a schema."""
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal:
        reading.add(refusal)
        reading.finish_reason = _REFUSED


def _add_calls(calls: Any, reading: Reading) -> None:
    """Put the pieces of calls together: each names the place of its call, and adds to its texts."""
    if not isinstance(calls, list):
        _malformed("The tool calls have another form.")
    for piece in calls:
        place = piece.get("index", len(reading.calls)) if isinstance(piece, dict) else None
        if not isinstance(place, int) or not 0 <= place <= len(reading.calls) < MAX_CALLS:
            _malformed("The tool calls have another form.")
        if place == len(reading.calls):
            new = {"id": [], "type": "function", "function": {"name": [], "arguments": []}}
            reading.calls.append(new)
        call = reading.calls[place]
        function = piece.get("function")
        named = function if isinstance(function, dict) else {}
        into = call["function"]
        for pieces, text in (
            (call["id"], piece.get("id")),
            (into["name"], named.get("name")),
            (into["arguments"], named.get("arguments")),
        ):
            if isinstance(text, str):
                reading.weigh(text)
                pieces.append(text)


def _malformed(message: str) -> NoReturn:
    raise ProviderError(ErrorKind.MALFORMED, message)
