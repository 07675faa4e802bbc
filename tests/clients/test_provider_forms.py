"""A prompt, its settings and its images as each provider wants them, and what cannot be sent."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from labeling.clients.anthropic import DEFAULT_MAX_TOKENS
from labeling.clients.egress import EgressPolicy
from labeling.clients.google import schema_of
from labeling.clients.protocol import ClientLimits, ErrorKind, SentImage
from labeling.clients.registry import client_for
from tests.clients.conftest import KEY, asked, client, failure
from tests.llm_forms import WHOLE, anthropic_blocks, candidate, completion, message
from tests.llm_server import LlmServer, says, streams

PNG = b"\x89PNG\r\n\x1a\nnot much of one"
REFERENCE = "image:sha256-" + "ab" * 32
ENCODED = base64.b64encode(PNG).decode()
SCHEMA = {
    "type": "object",
    "properties": {
        "reasons": {"type": "string", "description": "Before the verdict."},
        "verdict": {"type": "string", "enum": ["left", "right", "tie"]},
        "sure": {"type": ["number", "null"], "minimum": 0.5, "maximum": 1},
        "marks": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["reasons", "verdict"],
    "additionalProperties": False,
}
TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello."},
    {"role": "user", "content": "What is this?"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "And this?"},
            {"type": "image_url", "image_url": {"url": REFERENCE, "detail": "low"}},
        ],
    },
]


def sent(server: LlmServer, kind: str, **request: Any) -> dict[str, Any]:
    """The body of the one call that the request makes."""
    server.calls.clear()
    client(server, kind).complete(asked(**request))
    (call,) = server.calls
    return dict(call["body"])


def test_each_provider_gets_its_address_its_key_and_its_version(server: LlmServer) -> None:
    paths = {
        "openai_compatible": ("/v1/chat/completions", "/v1/chat/completions"),
        "anthropic": ("/v1/messages", "/v1/messages"),
        "google": (
            "/v1beta/models/m:generateContent",
            "/v1beta/models/m:streamGenerateContent?alt=sse",
        ),
    }
    for kind, (whole, streamed) in paths.items():
        server.calls.clear()
        client(server, kind).complete(asked())
        client(server, kind).complete(asked(streams=True))
        assert [call["path"] for call in server.calls] == [whole, streamed]
        heads = [{k.lower(): v for k, v in call["headers"].items()} for call in server.calls]
        assert [head["accept"] for head in heads] == ["application/json", "text/event-stream"]
        for head in heads:
            name = {"anthropic": "x-api-key", "google": "x-goog-api-key"}.get(kind, "authorization")
            assert head[name] == (f"Bearer {KEY}" if name == "authorization" else KEY)
            assert sum(KEY in value for value in head.values()) == 1
            assert ("anthropic-version" in head) == (kind == "anthropic")
        assert KEY not in json.dumps([call["body"] for call in server.calls])


def test_a_base_url_may_end_with_the_version_or_without(server: LlmServer) -> None:
    policy = EgressPolicy.parse([server.host])
    for kind, version in {"anthropic": "v1", "google": "v1beta"}.items():
        server.calls.clear()
        for path in ("", "/", f"/{version}", f"/{version}/", "/proxy"):
            base_url = f"http://{server.host}{path}"
            client_for(kind=kind, base_url=base_url, limits=ClientLimits(), policy=policy).complete(
                asked()
            )
        heads = [call["path"].partition(f"/{version}/")[0] for call in server.calls]
        assert heads == ["", "", "", "", "/proxy"]


def test_turns_system_texts_and_images_in_openais_form(server: LlmServer) -> None:
    images = {REFERENCE: SentImage("image/png", lambda: PNG, len(PNG))}
    body = sent(server, "openai_compatible", messages=TALK, images=images)
    assert body["messages"][:4] == TALK[:4]
    url = f"data:image/png;base64,{ENCODED}"
    assert body["messages"][4]["content"] == [
        {"type": "text", "text": "And this?"},
        {"type": "image_url", "image_url": {"url": url, "detail": "low"}},
    ]
    body = sent(server, "openai_compatible", messages=TALK[:2], system="Rhyme.")
    assert body["messages"] == [{"role": "system", "content": "Rhyme."}, TALK[1]]


def test_turns_system_texts_and_images_in_anthropics_form(server: LlmServer) -> None:
    server.answer = says(message())
    images = {REFERENCE: SentImage("image/png", lambda: PNG, len(PNG))}
    body = sent(server, "anthropic", messages=TALK, images=images)
    assert body["system"] == "Be brief."
    assert body["max_tokens"] == DEFAULT_MAX_TOKENS
    source = {"type": "base64", "media_type": "image/png", "data": ENCODED}
    assert body["messages"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "text", "text": "And this?"},
                {"type": "image", "source": source},
            ],
        },
    ]
    assert sent(server, "anthropic", messages=TALK[:2], system="Rhyme.")["system"] == "Rhyme."


def test_turns_system_texts_and_images_in_googles_form(server: LlmServer) -> None:
    server.answer = says(candidate())
    images = {REFERENCE: SentImage("image/png", lambda: PNG, len(PNG))}
    body = sent(server, "google", messages=TALK, images=images)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "Hi"}]},
        {"role": "model", "parts": [{"text": "Hello."}]},
        {
            "role": "user",
            "parts": [
                {"text": "What is this?"},
                {"text": "And this?"},
                {"inlineData": {"mimeType": "image/png", "data": ENCODED}},
            ],
        },
    ]
    assert "generationConfig" not in body


def test_sampling_settings_go_by_each_providers_names(server: LlmServer) -> None:
    ours = {"temperature": 0.7, "top_p": 0.9, "max_tokens": 64, "stop": "END", "seed": 7}
    assert sent(server, "openai_compatible", sampling=ours).items() >= ours.items()
    body = sent(server, "anthropic", sampling={**ours, "top_k": 5})
    assert {k: v for k, v in body.items() if k not in ("messages", "model")} == {
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 64,
        "stop_sequences": ["END"],
        "top_k": 5,
    }
    assert sent(server, "google", sampling=ours)["generationConfig"] == {
        "temperature": 0.7,
        "topP": 0.9,
        "maxOutputTokens": 64,
        "stopSequences": ["END"],
        "seed": 7,
    }
    taken = {"model": "other", "stream": True, "n": 4, "messages": []}
    for kind in WHOLE:
        body = sent(server, kind, sampling=taken)
        assert not {"n", "stream"} & set(body)
        assert body.get("model", "m") == "m"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("anthropic", "frequency_penalty"),
        ("anthropic", "tools"),
        ("anthropic", "system"),
        ("google", "logit_bias"),
        ("google", "tools"),
        ("google", "contents"),
    ],
)
def test_a_setting_that_a_provider_has_not_is_refused_by_name(
    server: LlmServer, kind: str, name: str
) -> None:
    error = failure(client(server, kind), asked(sampling={name: 1}))
    assert error.kind == ErrorKind.REFUSED
    assert name in error.message
    assert server.calls == []


def test_tokens_of_a_stream_are_asked_for_unless_the_settings_say_no(server: LlmServer) -> None:
    body = sent(server, "openai_compatible", streams=True)
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})
    silent = {"stream_options": None}
    assert "stream_options" not in sent(server, "openai_compatible", streams=True, sampling=silent)
    assert "stream_options" not in sent(server, "openai_compatible")


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
WITH_TOOLS = [
    {"role": "user", "content": "Look."},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "The sea.", "tool_call_id": "c1"},
]


def test_calls_of_tools_go_to_openai_alone(server: LlmServer) -> None:
    server.answer = says(completion())
    assert sent(server, "openai_compatible", messages=WITH_TOOLS)["messages"] == WITH_TOOLS
    server.calls.clear()
    for kind in ("anthropic", "google"):
        error = failure(client(server, kind), asked(messages=WITH_TOOLS))
        assert error.kind == ErrorKind.REFUSED
        assert "tools" in error.message
    assert server.calls == []


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
        {"type": "image_url", "image_url": {"url": "file:///etc/passwd"}},
        {"type": "image_url", "image_url": {"url": "http://127.0.0.1/a.png"}},
        {"type": "image_url", "image_url": {"url": REFERENCE}},
        {"type": "image_url", "image_url": {"url": "data:text/html;base64,PGI+"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,?"}},
        {"type": "image_url"},
        {"type": "tool_result", "content": "x"},
        {"type": "video"},
        "text",
    ],
)
def test_what_is_not_ours_to_send_is_refused_and_nothing_is_fetched(
    server: LlmServer, kind: str, part: Any
) -> None:
    messages = [{"role": "user", "content": [{"type": "text", "text": "See:"}, part]}]
    error = failure(client(server, kind), asked(messages=messages))
    assert error.kind == ErrorKind.REFUSED
    assert server.calls == []


def test_an_image_in_the_prompt_itself_and_sources_are_sent(server: LlmServer, kind: str) -> None:
    server.answer = says(WHOLE[kind]("A square."))
    source = {"title": "Tides", "url": "https://example.org/t", "text": "Twice a day."}
    parts = [
        {"type": "image_url", "image_url": f"data:image/png;base64,{ENCODED}"},
        {"type": "sources", "sources": [source]},
    ]
    body = json.dumps(sent(server, kind, messages=[{"role": "user", "content": parts}]))
    assert ENCODED in body
    assert "[1] Tides\\nhttps://example.org/t\\nTwice a day." in body


def test_a_schema_binds_the_answer_of_every_provider(server: LlmServer) -> None:
    verdict = {"reasons": "Shorter.", "verdict": "left"}
    text = json.dumps(verdict)
    use = {"type": "tool_use", "id": "t1", "name": "answer", "input": verdict}
    bodies = {
        "openai_compatible": completion(text),
        "anthropic": message(content=[use], stop_reason="tool_use"),
        "google": candidate(text),
    }
    told = {}
    for kind, body in bodies.items():
        server.answer = says(body)
        server.calls.clear()
        result = client(server, kind).complete(asked(schema=SCHEMA))
        assert (json.loads(result.text), result.finish_reason) == (verdict, "stop")
        assert not result.tool_calls
        told[kind] = server.calls[0]["body"]
    bound = {"name": "answer", "strict": True, "schema": SCHEMA}
    wanted = {"type": "json_schema", "json_schema": bound}
    assert told["openai_compatible"]["response_format"] == wanted
    assert told["anthropic"]["tools"][0]["input_schema"] == SCHEMA
    assert told["anthropic"]["tool_choice"]["name"] == "answer"
    config = told["google"]["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"] == schema_of(SCHEMA)


def test_a_bound_answer_may_be_streamed_from_anthropic_or_thought_about(
    server: LlmServer,
) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "answer", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": p} for p in ('{"verdict"', ': "tie"}')]
    server.answer = streams(*anthropic_blocks([(block, pieces)], "tool_use"))
    result = client(server, "anthropic").complete(asked(schema=SCHEMA, streams=True))
    assert (result.text, result.finish_reason) == ('{"verdict": "tie"}', "stop")
    server.answer = streams(*anthropic_blocks([(block, pieces[:1])], "max_tokens"))
    result = client(server, "anthropic").complete(asked(schema=SCHEMA, streams=True))
    assert result.finish_reason == "length"
    server.answer = says(message('{"verdict": "tie"}'))
    thinking = {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}
    body = sent(server, "anthropic", schema=SCHEMA, sampling=thinking)
    form = {"type": "json_schema", "schema": SCHEMA}
    assert body["output_config"] == {"effort": "low", "format": form}
    assert "tools" not in body


def test_googles_schemas_keep_what_its_dialect_has() -> None:
    assert schema_of(SCHEMA) == {
        "type": "OBJECT",
        "properties": {
            "reasons": {"type": "STRING", "description": "Before the verdict."},
            "verdict": {"type": "STRING", "enum": ["left", "right", "tie"]},
            "sure": {"type": "NUMBER", "nullable": True, "minimum": 0.5, "maximum": 1},
            "marks": {"type": "ARRAY", "items": {"type": "INTEGER"}, "maxItems": 3},
        },
        "propertyOrdering": ["reasons", "verdict", "sure", "marks"],
        "required": ["reasons", "verdict"],
    }


def test_thoughts_are_no_text_and_are_counted(server: LlmServer) -> None:
    server.answer = says(
        message(content=[{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "A."}])
    )
    assert client(server, "anthropic").complete(asked()).text == "A."
    body = candidate(content={"parts": [{"text": "Hm.", "thought": True}, {"text": "A."}]})
    body["usageMetadata"] |= {"thoughtsTokenCount": 40}
    server.answer = says(body)
    result = client(server, "google").complete(asked())
    assert (result.text, result.completion_token_count) == ("A.", 45)


def test_tokens_from_a_cache_are_counted_as_read(server: LlmServer) -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 100, "output_tokens": 5}
    server.answer = says(message(usage=usage))
    result = client(server, "anthropic").complete(asked())
    assert (result.prompt_token_count, result.completion_token_count) == (103, 5)


@pytest.mark.parametrize("model", ["../m", "a//b", "/models/m", ".."])
def test_a_models_name_leads_to_no_other_address(server: LlmServer, model: str) -> None:
    error = failure(client(server, "google"), replace(asked(), model=model))
    assert error.kind == ErrorKind.REFUSED
    client(server, "google").complete(replace(asked(), model="tuned/ä?key=1#x"))
    assert server.calls[-1]["path"] == "/v1beta/tuned/%C3%A4%3Fkey%3D1%23x:generateContent"


def test_the_models_on_offer_are_listed(server: LlmServer, kind: str) -> None:
    assert client(server, kind).models() == ["cedar-14b-instruct", "cedar-7b"]
    server.models = ["x" * 500, "bad\x07name", ""]
    assert client(server, kind).models() == ["x" * 200]


def test_a_server_that_answers_in_ways_of_its_own_is_read(server: LlmServer) -> None:
    refusal = {"role": "assistant", "content": None, "refusal": "I will not."}
    server.answer = says({"choices": [{"message": refusal, "finish_reason": "stop"}]})
    result = client(server).complete(asked())
    assert (result.text, result.finish_reason) == ("I will not.", "content_filter")
    server.answer = says({"object": "error", "message": "too long", "code": 400})
    assert failure(client(server), asked()).kind == ErrorKind.REFUSED
    error = failure(client(server), asked(messages=[{"role": "user", "content": "\ud800"}]))
    assert error.kind == ErrorKind.REFUSED
