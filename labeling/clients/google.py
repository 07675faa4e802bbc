"""Google's generateContent, in our words: https://ai.google.dev/api/generate-content.

A stream ends without a mark of its own: the last candidate's finishReason is it. Schemas are sent
in its own dialect, https://ai.google.dev/api/caching#Schema, which every model of theirs reads.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn
from urllib.parse import quote

import orjson

from labeling.clients.conversation import Turn, base64, refuse, turns
from labeling.clients.http_client import HttpClient
from labeling.clients.protocol import CompletionRequest, ErrorKind, ProviderError
from labeling.clients.reading import Reading, count

API = "Google's API"
# Our names, which are OpenAI's, by those of its generationConfig; its own are taken too.
_NAMES = {
    "max_tokens": "maxOutputTokens",
    "max_completion_tokens": "maxOutputTokens",
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "thinking_config": "thinkingConfig",
}
_OWN_NAMES = frozenset(_NAMES.values()) | {"mediaResolution"}
_SAFETY = ("safety_settings", "safetySettings")
_LEFT_OUT = frozenset({"model", "messages", "stream", "n"})
_REASONS = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "FINISH_REASON_UNSPECIFIED": "unknown",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
}
# What its schemas have; other words of JSON Schema are an error there.
_SCHEMA_WORDS = (
    *("title", "description", "enum", "nullable", "required", "format", "pattern"),
    *("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength"),
)


class GoogleClient(HttpClient):
    """An `LlmClient` for one base URL and key. Safe to share between threads."""

    key_header: ClassVar[tuple[str, str]] = ("x-goog-api-key", "")
    version: ClassVar[str] = "v1beta"
    models_path: ClassVar[str] = "models?pageSize=200"

    def _question(self, request: CompletionRequest) -> tuple[str, dict[str, Any]]:
        system, said = turns(request, api=API)
        body, config = sampling(request.sampling)
        body["contents"] = [_content(turn) for turn in said]
        if system:
            body["systemInstruction"] = {"parts": [{"text": system}]}
        if request.schema is not None:
            config["responseMimeType"] = "application/json"
            config["responseSchema"] = schema_of(request.schema)
        if config:
            body["generationConfig"] = config
        verb = "streamGenerateContent?alt=sse" if request.streams else "generateContent"
        return f"{_model_path(request.model)}:{verb}", body

    def _read(self, value: dict[str, Any], reading: Reading, request: CompletionRequest) -> None:
        if not self._read_part(value, reading):
            _malformed("The answer has no candidates.")

    def _read_event(
        self, value: dict[str, Any], reading: Reading, request: CompletionRequest
    ) -> bool:
        self._read_part(value, reading)
        return False

    def _read_part(self, value: dict[str, Any], reading: Reading) -> bool:
        """Whether there was a candidate in it."""
        reading.read_names(value.get("modelVersion"), value.get("responseId"))
        _read_usage(value.get("usageMetadata"), reading)
        feedback = value.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            raise ProviderError(ErrorKind.FILTERED, "The provider blocked the prompt.")
        candidates = value.get("candidates")
        if not candidates:
            return False
        if not isinstance(candidates, list) or not isinstance(candidates[0], dict):
            _malformed("The answer has no candidates.")
        candidate = candidates[0]
        if len(candidates) > 1 or candidate.get("index") not in (None, 0):
            _malformed("The answer has more candidates than one.")
        content = candidate.get("content") or {}
        parts = content.get("parts") if isinstance(content, dict) else None
        if parts is not None and not isinstance(parts, list):
            _malformed("The candidate has no parts.")
        for part in parts or []:
            _read_one(part, reading)
        reason = candidate.get("finishReason")
        if isinstance(reason, str) and reason:
            if reason in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"):
                _malformed("The model called a tool in a form that cannot be read.")
            reading.is_whole = True
            reading.finish_reason = _REASONS.get(reason, reason.lower())
            if reading.calls and reading.finish_reason == "stop":
                reading.finish_reason = "tool_calls"
        return True

    def _model_names(self, value: dict[str, Any]) -> list[Any]:
        listed = value.get("models")
        return [
            str(one.get("name")).removeprefix("models/")
            for one in (listed if isinstance(listed, list) else [])
            if isinstance(one, dict)
            and "generateContent" in (one.get("supportedGenerationMethods") or ["generateContent"])
        ]


def sampling(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings beside the generationConfig, and those in it; one that it has not is refused."""
    beside: dict[str, Any] = {}
    config: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _LEFT_OUT:
            continue
        if name in _SAFETY:
            beside["safetySettings"] = value
        elif name in _NAMES or name in _OWN_NAMES:
            config[_NAMES.get(name, name)] = value
        else:
            refuse(f"{API} has no setting {name[:40]}.")
    if isinstance(config.get("stopSequences"), str):
        config["stopSequences"] = [config["stopSequences"]]
    return beside, config


def schema_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema in Google's dialect: types in capitals, and the properties in our order."""
    kind = schema.get("type")
    sent: dict[str, Any] = {name: schema[name] for name in _SCHEMA_WORDS if name in schema}
    if isinstance(kind, list):
        sent["nullable"] = "null" in kind
        kind = next((one for one in kind if one != "null"), "string")
    if isinstance(kind, str):
        sent["type"] = kind.upper()
    if "const" in schema:
        sent["enum"] = [schema["const"]]
    if isinstance(schema.get("properties"), Mapping):
        named = schema["properties"]
        sent["properties"] = {name: schema_of(inner) for name, inner in named.items()}
        sent["propertyOrdering"] = list(named)
    if isinstance(schema.get("items"), Mapping):
        sent["items"] = schema_of(schema["items"])
    if isinstance(schema.get("anyOf"), list):
        sent["anyOf"] = [schema_of(one) for one in schema["anyOf"]]
    return sent


def _model_path(model: str) -> str:
    path = model if "/" in model else f"models/{model}"
    if any(part in ("", ".", "..") for part in path.split("/")):
        refuse("The model's name is no name of a model.")
    return quote(path, safe="/")


def _content(turn: Turn) -> dict[str, Any]:
    role = "model" if turn.role == "assistant" else "user"
    return {"role": role, "parts": [_part(part) for part in turn.parts]}


def _part(part: Any) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    return {"inlineData": {"mimeType": part.media_type, "data": base64(part)}}


def _read_one(part: Any, reading: Reading) -> None:
    if not isinstance(part, dict):
        _malformed("A part of the answer has another form.")
    if part.get("thought"):
        reading.touch()
    elif "text" in part:
        reading.add(part["text"])
    elif isinstance(call := part.get("functionCall"), dict):
        reading.touch()
        written = orjson.dumps(call.get("args")).decode()
        reading.weigh(written)
        function = {"name": call.get("name"), "arguments": written}
        reading.calls.append({"id": call.get("id") or "", "type": "function", "function": function})


def _read_usage(usage: Any, reading: Reading) -> None:
    if not isinstance(usage, dict):
        return
    reading.prompt_tokens = count(usage.get("promptTokenCount"))
    told = [count(usage.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")]
    # Thoughts are paid for as the answer is.
    if any(number is not None for number in told):
        reading.completion_tokens = sum(number or 0 for number in told)


def _malformed(message: str) -> NoReturn:
    raise ProviderError(ErrorKind.MALFORMED, message)
