"""Whatever a provider does, there is a completion or an error of a kind, in bounded time."""

import json
import socket
import threading
import traceback
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from labeling.clients.egress import EgressPolicy
from labeling.clients.openai_compatible import OpenAICompatibleClient
from labeling.clients.protocol import (
    RETRY_AFTER_LIMIT_SECONDS,
    ClientLimits,
    CompletionRequest,
    CompletionResult,
    ErrorKind,
    ProviderError,
)
from tests import llm_server
from tests.clients.conftest import KEY, TRUSTED
from tests.llm_server import LlmServer, completion, raw, says

REQUEST = CompletionRequest(
    model="m",
    messages=[{"role": "user", "content": "Hi"}],
    sampling={"temperature": 0.5, "model": "other", "stream": True, "n": 4},
)


def client(server: LlmServer, **limits: Any) -> OpenAICompatibleClient:
    return OpenAICompatibleClient(
        base_url=server.base_url,
        key=KEY,
        policy=EgressPolicy.parse([server.host]),
        limits=ClientLimits(**{"total_seconds": 5.0, **limits}),
        ssl_context=TRUSTED,
    )


def fails(server: LlmServer, answer: llm_server.Answer, **limits: Any) -> ProviderError:
    server.answer = answer
    with pytest.raises(ProviderError) as caught:
        client(server, **limits).complete(REQUEST)
    # The key is nowhere in the error, its causes or their tracebacks' messages.
    told = "".join(traceback.format_exception_only(caught.value)) + repr(caught.value)
    assert KEY not in told
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_completion_comes_with_its_provenance(server: LlmServer) -> None:
    result = client(server).complete(REQUEST)
    assert isinstance(result, CompletionResult)
    assert (result.text, result.finish_reason) == ("You said: Hi", "stop")
    assert (result.model, result.response_id) == ("served-model", "chatcmpl-1")
    assert (result.prompt_token_count, result.completion_token_count) == (3, 5)
    (call,) = server.calls
    assert call["path"] == "/v1/chat/completions"
    assert call["headers"]["Authorization"] == f"Bearer {KEY}"
    assert call["body"] == {
        "temperature": 0.5,
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
    }


def test_tool_calls_without_text_are_an_answer(server: LlmServer) -> None:
    server.answer = says(completion(None, "tool_calls", tool_calls=[{"id": "1"}]))
    assert client(server).complete(REQUEST).messages() == [
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}
    ]


GOOD = json.dumps(completion()).encode()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (raw(b'{"choices": ['), ErrorKind.MALFORMED),
        (raw(b""), ErrorKind.MALFORMED),
        (raw(b"null"), ErrorKind.MALFORMED),
        (raw(b"[]"), ErrorKind.MALFORMED),
        (raw(b'"Hello."'), ErrorKind.MALFORMED),
        (says({}), ErrorKind.MALFORMED),
        (says({"choices": []}), ErrorKind.MALFORMED),
        (says({"choices": [None]}), ErrorKind.MALFORMED),
        (says({"choices": [{"message": None}]}), ErrorKind.MALFORMED),
        (says({"choices": completion()["choices"] * 2}), ErrorKind.MALFORMED),
        (says(completion(5)), ErrorKind.MALFORMED),
        (says(completion(["Hello."])), ErrorKind.MALFORMED),
        (says(completion("a\x00b")), ErrorKind.MALFORMED),
        (raw(GOOD.replace(b"Hello.", rb"\ud800")), ErrorKind.MALFORMED),
        (raw(GOOD.replace(b"Hello.", b"\xff")), ErrorKind.MALFORMED),
        (says(completion(None)), ErrorKind.EMPTY),
        (says(completion("")), ErrorKind.EMPTY),
        (says(completion(" \n")), ErrorKind.EMPTY),
        (says(completion(None, "content_filter")), ErrorKind.FILTERED),
        (raw(GOOD, Content_Encoding="br"), ErrorKind.MALFORMED),
        (raw(b"not gzip", Content_Encoding="gzip"), ErrorKind.MALFORMED),
        (raw(b"<h1>Bad gateway</h1>", 502, Content_Type="text/html"), ErrorKind.SERVER_ERROR),
        (says({"error": {"message": "no"}}, 500), ErrorKind.SERVER_ERROR),
        (says({"error": {"message": "no"}}, 503), ErrorKind.SERVER_ERROR),
        (says({"error": {"message": "no such model"}}, 404), ErrorKind.REFUSED),
        (says({"error": {"message": "no"}}, 400), ErrorKind.REFUSED),
        (raw(GOOD, 302, Location="/elsewhere"), ErrorKind.REDIRECTED),
        (raw(GOOD, 307, Location="http://example.org/"), ErrorKind.REDIRECTED),
        (
            says({**completion("Rate limit reached"), "error": {"code": 429}}),
            ErrorKind.RATE_LIMITED,
        ),
        (
            says({**completion("Sorry"), "error": "I cannot reach the server"}),
            ErrorKind.SERVER_ERROR,
        ),
        (says({"error": {"message": "bad key", "code": 401}}), ErrorKind.UNAUTHORISED),
        (
            says({"choices": [{**completion()["choices"][0], "error": {"code": 502}}]}),
            ErrorKind.SERVER_ERROR,
        ),
        (llm_server.hang_up, ErrorKind.UNREACHABLE),
        (llm_server.cut(GOOD, len(GOOD) - 4), ErrorKind.UNREACHABLE),
        (llm_server.cut(GOOD.replace(b"Hello.", "日".encode()), 120), ErrorKind.UNREACHABLE),
    ],
)
def test_what_is_no_completion_is_an_error_of_a_kind(
    server: LlmServer, answer: llm_server.Answer, kind: ErrorKind
) -> None:
    assert fails(server, answer).kind == kind
    assert len(server.calls) == 1, "an error is neither retried nor a redirect followed here"


def test_a_wrong_key_is_told_apart_and_never_repeated(server: LlmServer) -> None:
    for status in (401, 403):
        said = {"error": {"message": f"Incorrect API key provided: {KEY}"}}
        assert fails(server, says(said, status)).kind == ErrorKind.UNAUTHORISED
    echoed = fails(
        server, says({"error": {"message": f"Authorization: Bearer {KEY} at fault"}}, 500)
    )
    assert echoed.message == "HTTP 500: Authorization: [key] at fault"
    assert "sk-other" not in fails(server, says({"error": "key sk-other1234 is bad"}, 400)).message


@pytest.mark.parametrize("key", ["sk-zq\r\nX-Evil: 1", "sk-zq-cläuse", "sk zq"])
def test_a_key_no_header_can_hold_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(ProviderError) as caught:
        OpenAICompatibleClient(base_url="https://x.example/v1", key=key, policy=EgressPolicy())
    assert caught.value.kind == ErrorKind.UNAUTHORISED
    assert "zq" not in str(caught.value)


def later(seconds: float) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0.5", 0.5, 0.5),
        ("-3", 0, 0),
        ("in 60", 30, 61),
        ("in -60", 0, 0),
        (str(3 * 86400), RETRY_AFTER_LIMIT_SECONDS, RETRY_AFTER_LIMIT_SECONDS),
        ("in 259200", RETRY_AFTER_LIMIT_SECONDS, RETRY_AFTER_LIMIT_SECONDS),
        ("inf", RETRY_AFTER_LIMIT_SECONDS, RETRY_AFTER_LIMIT_SECONDS),
    ],
)
def test_the_wait_a_provider_asks_for_is_told_within_our_limit(
    server: LlmServer, header: str, low: float, high: float
) -> None:
    if header.startswith("in "):  # a date, as of now
        header = later(float(header.removeprefix("in ")))
    error = fails(server, says({"error": {"message": "slow"}}, 429, Retry_After=header))
    assert error.kind == ErrorKind.RATE_LIMITED
    assert error.retry_after_seconds is not None
    assert low <= error.retry_after_seconds <= high


@pytest.mark.parametrize(
    "header", ["soon", "nan", "", "Mon, 99999999999999999999 Jan 2020 00:00:00 GMT"]
)
def test_no_wait_or_nonsense_leaves_it_to_us(server: LlmServer, header: str) -> None:
    error = fails(server, says({}, 429, Retry_After=header))
    assert (error.kind, error.retry_after_seconds) == (ErrorKind.RATE_LIMITED, None)


def test_a_body_over_the_limit_is_left_at_the_limit(server: LlmServer) -> None:
    error = fails(server, llm_server.endless, body_bytes=1_000_000)
    assert error.kind == ErrorKind.TOO_LARGE


def test_a_compressed_bomb_is_left_at_the_limit_too(server: LlmServer) -> None:
    server.answer = llm_server.gzip_bomb(1 << 28)
    tracemalloc.start()
    try:
        with pytest.raises(ProviderError) as caught:
            client(server, body_bytes=1 << 20).complete(REQUEST)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert caught.value.kind == ErrorKind.TOO_LARGE
    assert peak < 16 << 20


def test_a_compressed_answer_is_read_though_we_asked_for_none(server: LlmServer) -> None:
    server.answer = llm_server.gzipped(completion("Packed."))
    assert client(server).complete(REQUEST).text == "Packed."
    assert server.calls[0]["headers"]["Accept-Encoding"] == "identity"


def test_a_client_serves_many_threads_and_recovers_after_failures(server: LlmServer) -> None:
    shared = client(server)
    server.answer = llm_server.in_turn(llm_server.hang_up, llm_server.echo)
    with pytest.raises(ProviderError):
        shared.complete(REQUEST)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: shared.complete(REQUEST).text, range(40)))
    assert results == ["You said: Hi"] * 40


def test_a_closed_port_and_a_silent_one_are_unreachable_or_late() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        policy = EgressPolicy.parse([host])
        limits = ClientLimits(connect_seconds=0.3, total_seconds=0.5)
        nobody = OpenAICompatibleClient(base_url=f"http://{host}/v1", policy=policy, limits=limits)
        with pytest.raises(ProviderError) as closed:
            nobody.complete(REQUEST)
        assert closed.value.kind == ErrorKind.UNREACHABLE
        listener.listen()
        with pytest.raises(ProviderError) as silent:
            nobody.complete(REQUEST)
        assert silent.value.kind == ErrorKind.TIMED_OUT


def test_a_server_that_speaks_no_tls_is_unreachable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        host = f"127.0.0.1:{listener.getsockname()[1]}"

        def greet() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        plain = OpenAICompatibleClient(
            base_url=f"https://{host}/v1",
            key=KEY,
            policy=EgressPolicy.parse([host]),
            limits=ClientLimits(total_seconds=2),
        )
        with pytest.raises(ProviderError) as caught:
            plain.complete(REQUEST)
        thread.join(5)
        assert caught.value.kind == ErrorKind.UNREACHABLE


def test_no_proxy_of_the_environment_is_used(
    server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert client(server).complete(REQUEST).text == "You said: Hi"
