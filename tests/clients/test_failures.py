"""GE-01 to GE-09, for every provider's form: a completion, or an error of a kind, in bounds."""

import gc
import json
import time
from pathlib import Path
from typing import Any

import pytest

from labeling.clients.protocol import RETRY_AFTER_LIMIT_SECONDS, ErrorKind
from tests import llm_server
from tests.clients.conftest import KEY, asked, client, failure
from tests.llm_forms import WHOLE, candidate, completion, message
from tests.llm_server import LlmServer, cut, raw, says

MISSHAPEN: dict[str, list[Any]] = {
    "openai_compatible": [
        {"choices": []},
        {"choices": "Hello."},
        {"choices": [5]},
        {"choices": [{"message": "Hello."}]},
        {"choices": completion()["choices"] * 2},
        completion(5),
        completion({"text": "Hello."}),
        completion("Hi", tool_calls={"id": "1"}),
    ],
    "anthropic": [
        message(content=None),
        message(content="Hello."),
        message(5),
        message(content=[{"type": "text", "text": ["Hello."]}]),
        {"choices": completion()["choices"]},
    ],
    "google": [
        {"candidates": []},
        {"candidates": "Hello."},
        {"candidates": [5]},
        {"candidates": candidate()["candidates"] * 2},
        candidate(5),
        candidate(content={"parts": "Hello."}),
        candidate(content={"parts": ["Hello."]}),
        candidate(finishReason="MALFORMED_FUNCTION_CALL"),
    ],
}


@pytest.mark.parametrize(
    "body", [b'{"broken', b"", b"null", b"[]", b'"Hello."', b"{}", b"<p>x</p>"]
)
def test_a_body_of_another_form_is_malformed(server: LlmServer, kind: str, body: bytes) -> None:
    server.answer = raw(body)
    assert failure(client(server, kind), asked()).kind == ErrorKind.MALFORMED


def test_an_answer_of_another_shape_is_malformed(server: LlmServer, kind: str) -> None:
    for value in MISSHAPEN[kind]:
        server.answer = says(value)
        assert failure(client(server, kind), asked()).kind == ErrorKind.MALFORMED, value


@pytest.mark.parametrize("text", ["", " \n\t", None])
def test_an_empty_answer_is_empty(server: LlmServer, kind: str, text: Any) -> None:
    server.answer = says(WHOLE[kind](text))
    assert failure(client(server, kind), asked()).kind == ErrorKind.EMPTY


def test_an_answer_filtered_away_is_filtered(server: LlmServer) -> None:
    for kind, body in {
        "openai_compatible": completion(None, "content_filter"),
        "anthropic": message(content=[], stop_reason="refusal"),
        "google": {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": []},
    }.items():
        server.answer = says(body)
        assert failure(client(server, kind), asked()).kind == ErrorKind.FILTERED


@pytest.mark.parametrize(("written", "ok"), [("a\x00b", False), ("a\\u0000b", True)])
def test_a_text_with_nul_is_refused_and_one_about_it_is_not(
    server: LlmServer, kind: str, written: str, ok: bool
) -> None:
    server.answer = says(WHOLE[kind](written))
    if ok:
        assert client(server, kind).complete(asked()).text == written
    else:
        assert failure(client(server, kind), asked()).kind == ErrorKind.MALFORMED


def test_half_a_surrogate_is_no_text(server: LlmServer, kind: str) -> None:
    server.answer = raw(json.dumps(WHOLE[kind]("Hello.")).encode().replace(b"Hello.", rb"\ud800"))
    assert failure(client(server, kind), asked()).kind == ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ErrorKind.REFUSED),
        (401, ErrorKind.UNAUTHORISED),
        (403, ErrorKind.UNAUTHORISED),
        (404, ErrorKind.REFUSED),
        (413, ErrorKind.REFUSED),
        (429, ErrorKind.RATE_LIMITED),
        (500, ErrorKind.SERVER_ERROR),
        (502, ErrorKind.SERVER_ERROR),
        (529, ErrorKind.SERVER_ERROR),
        (301, ErrorKind.REDIRECTED),
    ],
)
@pytest.mark.parametrize("streams", [False, True])
def test_a_status_decides_whatever_the_body_says(
    server: LlmServer, kind: str, status: int, expected: ErrorKind, streams: bool
) -> None:
    good = json.dumps(WHOLE[kind]("Fine.")).encode()
    for body in (good, b"<h1>Bad gateway</h1>", b"", b'{"error": [1]}', b"[" * 500_000):
        server.answer = raw(body, status, Location="http://example.org/")
        error = failure(client(server, kind), asked(streams=streams))
        assert (error.kind, error.status) == (expected, status)
    assert len(server.calls) == 5, "nothing is asked again here, and no redirect followed"


ERRORS = [
    ({"message": f"Incorrect API key {KEY}", "code": "invalid_api_key"}, ErrorKind.UNAUTHORISED),
    ({"message": "Rate limit reached", "type": "rate_limit_error"}, ErrorKind.RATE_LIMITED),
    ({"message": "Quota", "status": "RESOURCE_EXHAUSTED", "code": 429}, ErrorKind.RATE_LIMITED),
    ({"message": "I cannot reach the server", "code": "503"}, ErrorKind.SERVER_ERROR),
    ({"message": "Overloaded", "type": "overloaded_error"}, ErrorKind.SERVER_ERROR),
    ({"message": "No such model", "code": "model_not_found"}, ErrorKind.REFUSED),
    ({"message": "Flagged by moderation"}, ErrorKind.SERVER_ERROR),
    ("I cannot reach the server", ErrorKind.SERVER_ERROR),
    ({"code": True}, ErrorKind.SERVER_ERROR),
]


@pytest.mark.parametrize(("said", "expected"), ERRORS)
def test_an_error_inside_a_200_is_an_error_though_there_is_a_text(
    server: LlmServer, kind: str, said: Any, expected: ErrorKind
) -> None:
    server.answer = says({**WHOLE[kind]("Rate limit reached"), "error": said})
    assert failure(client(server, kind), asked()).kind == expected
    server.answer = says({"error": said})
    assert failure(client(server, kind), asked()).kind == expected


@pytest.mark.parametrize(
    "text", ["Rate limit reached", "I cannot reach the server", '{"error": {"code": 429}}']
)
def test_a_completion_is_not_judged_by_its_words(server: LlmServer, kind: str, text: str) -> None:
    server.answer = says(WHOLE[kind](text))
    assert client(server, kind).complete(asked()).text == text


def test_google_says_400_of_a_key_it_does_not_know(server: LlmServer) -> None:
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
    error = {"code": 400, "message": f"API key {KEY} not valid", "status": "INVALID_ARGUMENT"}
    server.answer = says({"error": {**error, "details": [reason]}}, 400)
    assert failure(client(server, "google"), asked()).kind == ErrorKind.UNAUTHORISED


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [("34.5s", 34.5), ("260000s", RETRY_AFTER_LIMIT_SECONDS), ("soon", None), ("nans", None)],
)
def test_google_asks_for_its_wait_in_the_body(
    server: LlmServer, delay: str, seconds: float | None
) -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
    server.answer = says({"error": {"code": 429, "details": [info, 5]}}, 429)
    assert failure(client(server, "google"), asked()).retry_after_seconds == seconds


def test_a_wait_in_the_head_is_heard_from_every_provider(server: LlmServer, kind: str) -> None:
    server.answer = says({}, 429, Retry_After="7")
    assert failure(client(server, kind), asked()).retry_after_seconds == 7
    server.answer = says({}, 503, Retry_After="9")
    assert failure(client(server, kind), asked()).retry_after_seconds == 9


def test_a_provider_that_rations_its_calls_says_when_to_come_again(
    server: LlmServer, kind: str
) -> None:
    server.answer = llm_server.rated(llm_server.echo, per_minute=2)
    mine = client(server, kind)
    assert [mine.complete(asked()).text for _ in range(2)] == ["You said: Hi"] * 2
    error = failure(mine, asked())
    assert error.kind == ErrorKind.RATE_LIMITED
    assert error.retry_after_seconds is not None
    assert 50 < error.retry_after_seconds <= 60


def test_no_secret_of_a_provider_is_repeated(server: LlmServer, kind: str) -> None:
    told = f"Authorization: Bearer {KEY}; x-goog-api-key AIzaSyDdoesnotexist1234; sk-ant-api03-zq"
    server.answer = says({"error": {"message": told}}, 500)
    message = failure(client(server, kind), asked()).message
    assert not [part for part in (KEY, "AIzaSyD", "sk-ant") if part in message]


def test_a_connection_that_breaks_is_unreachable(server: LlmServer, kind: str) -> None:
    good = json.dumps(WHOLE[kind]("Hello 日本"), ensure_ascii=False).encode()
    inside = good.index("本".encode()) + 1
    for answer in (llm_server.hang_up, cut(good, len(good) - 4), cut(good, inside)):
        server.answer = answer
        assert failure(client(server, kind), asked()).kind == ErrorKind.UNREACHABLE


@pytest.mark.parametrize("drip", [llm_server.drip_body(0.05), llm_server.drip_headers(0.05)])
def test_a_byte_now_and_then_does_not_outlast_the_deadline(
    server: LlmServer, kind: str, drip: llm_server.Answer
) -> None:
    server.answer = drip
    begun = time.monotonic()
    error = failure(client(server, kind, total_seconds=0.5), asked())
    assert (error.kind, time.monotonic() - begun < 1.5) == (ErrorKind.TIMED_OUT, True)


def peak_kib(*, reset: bool = False) -> int:
    """The most memory that this process, in which the server lives too, has held since a reset."""
    if reset:
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("streams", [False, True])
def test_a_body_without_end_and_a_bomb_are_left_at_the_limit_in_little_memory(
    server: LlmServer, kind: str, streams: bool
) -> None:
    mine = client(server, kind, total_seconds=20)
    before = peak_kib(reset=True)
    for answer in (llm_server.endless, llm_server.endless_events, llm_server.gzip_bomb(1 << 27)):
        server.answer = answer
        assert failure(mine, asked(streams=streams)).kind == ErrorKind.TOO_LARGE
    assert peak_kib() - before < 64 << 10


def test_a_body_of_nothing_but_brackets_is_not_made_into_objects(
    server: LlmServer, kind: str
) -> None:
    server.answer = raw(b"[" + b"{}," * 2_000_000 + b"{}]")
    before = peak_kib(reset=True)
    assert failure(client(server, kind), asked()).kind == ErrorKind.TOO_LARGE
    assert peak_kib() - before < 64 << 10


@pytest.mark.parametrize("streams", [False, True])
def test_a_million_tiny_chunks_take_little_time(server: LlmServer, streams: bool) -> None:
    kind = "text/event-stream" if streams else "application/json"
    server.answer = llm_server.bytewise(b" " * 1_000_000, kind)
    mine = client(server, total_seconds=30)
    begun = time.process_time()
    assert failure(mine, asked(streams=streams)).kind == ErrorKind.TOO_LARGE
    assert time.process_time() - begun < 15


def test_a_call_of_a_tool_is_an_answer_with_its_reason(server: LlmServer) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "sea"}}
    part = {"functionCall": {"name": "look", "args": {"at": "sea"}}}
    function = {"name": "look", "arguments": '{"at": "sea"}'}
    openai = [{"id": "t1", "type": "function", "function": function}]
    for kind, body in {
        "openai_compatible": completion(None, "tool_calls", tool_calls=openai),
        "anthropic": message(content=[call], stop_reason="tool_use"),
        "google": candidate(content={"parts": [part]}),
    }.items():
        server.answer = says(body)
        result = client(server, kind).complete(asked())
        assert (result.text, result.finish_reason) == ("", "tool_calls")
        called = result.messages()[0]["tool_calls"][0]["function"]
        assert (called["name"], json.loads(called["arguments"])) == ("look", {"at": "sea"})


@pytest.mark.parametrize(
    ("openai", "anthropic", "google", "word"),
    [
        ("stop", "end_turn", "STOP", "stop"),
        ("stop", "stop_sequence", "STOP", "stop"),
        ("length", "max_tokens", "MAX_TOKENS", "length"),
        ("length", "model_context_window_exceeded", "MAX_TOKENS", "length"),
        ("content_filter", "refusal", "SAFETY", "content_filter"),
        ("content_filter", "refusal", "PROHIBITED_CONTENT", "content_filter"),
        (None, None, None, "unknown"),
        ("odd", "odd", "ODD", "odd"),
        ("x" * 99, "x" * 99, "X" * 99, "x" * 32),
        (5, 5, 5, "unknown"),
    ],
)
def test_why_an_answer_ended_is_said_in_one_word_for_all(
    server: LlmServer, openai: Any, anthropic: Any, google: Any, word: str
) -> None:
    for kind, body in {
        "openai_compatible": completion("Half an ans", openai),
        "anthropic": message("Half an ans", anthropic),
        "google": candidate("Half an ans", google),
    }.items():
        server.answer = says(body)
        result = client(server, kind).complete(asked())
        assert (result.text, result.finish_reason) == ("Half an ans", word)
