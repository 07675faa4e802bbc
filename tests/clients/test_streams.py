"""A stream is a completion when its end has come, and an error of a kind in any other case."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labeling.clients.protocol import ErrorKind
from labeling.clients.reading import MAX_TOKEN_TIMES
from tests import llm_server
from tests.clients.conftest import KEY, asked, client, failure
from tests.llm_forms import EVENTS, WHOLE, anthropic_blocks, frame
from tests.llm_server import LlmServer, says, streams, streams_until_closed

PIECES = ["The tide", " is out", " twice — ", "日本", "語", "."]
TEXT = "".join(PIECES)


def test_a_stream_comes_with_its_text_and_when_each_piece_came(
    server: LlmServer, kind: str
) -> None:
    server.answer = streams(*EVENTS[kind](PIECES), tokens_per_second=50)
    result = client(server, kind).complete(asked(streams=True))
    assert (result.text, result.finish_reason) == (TEXT, "stop")
    assert (result.prompt_token_count, result.completion_token_count) == (3, 5)
    assert result.model == "served-model"
    assert result.response_id
    times = result.token_times
    assert times is not None
    assert len(times) == len(PIECES)
    assert list(times) == sorted(times)
    assert result.first_token_ms == times[0]
    assert result.latency_ms >= times[-1]
    # Fifty a second: the last came a tenth of a second after the first at the least.
    assert times[-1] - times[0] >= 80


def test_an_answer_that_is_not_streamed_has_no_times(server: LlmServer, kind: str) -> None:
    result = client(server, kind).complete(asked())
    assert (result.text, result.token_times, result.first_token_ms) == ("You said: Hi", None, None)


def test_a_server_that_does_not_stream_is_understood_all_the_same(
    server: LlmServer, kind: str
) -> None:
    server.answer = says(WHOLE[kind]("At once."))
    result = client(server, kind).complete(asked(streams=True))
    assert (result.text, result.token_times) == ("At once.", None)


def test_events_cut_anywhere_on_the_wire_are_put_together(server: LlmServer, kind: str) -> None:
    whole = b"".join(EVENTS[kind](PIECES))
    server.answer = llm_server.bytewise(whole, "text/event-stream")
    assert client(server, kind).complete(asked(streams=True)).text == TEXT
    server.answer = streams_until_closed(b": ping\n\n" + whole.replace(b"\n", b"\r\n"))
    assert client(server, kind).complete(asked(streams=True)).text == TEXT


def test_a_stream_without_its_end_is_no_completion_wherever_it_is_cut(
    server: LlmServer, kind: str
) -> None:
    whole = b"".join(EVENTS[kind](PIECES))
    character = whole.index("日".encode())
    last = whole.index(b"stop_reason", whole.index(b".") + 1) if kind == "anthropic" else 0
    last = last or whole.rindex(b'"STOP"' if kind == "google" else b'"stop"')
    for sent in (0, 30, character + 1, character + 2, whole.index("語".encode()), last):
        server.answer = streams_until_closed(whole[:sent])
        error = failure(client(server, kind), asked(streams=True))
        assert error.kind in (ErrorKind.MALFORMED, ErrorKind.UNREACHABLE), sent
        assert error.kind.is_retryable
        server.answer = streams(whole[:sent], ends=False) if sent else llm_server.hang_up
        error = failure(client(server, kind), asked(streams=True))
        assert error.kind == ErrorKind.UNREACHABLE, sent


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (b'data: {"broken\n\n', ErrorKind.MALFORMED),
        (b"data: \xff\xfe\n\n", ErrorKind.MALFORMED),
        (b"data: []\n\n", ErrorKind.MALFORMED),
        (frame({"error": {"message": "slow down", "code": 429}}), ErrorKind.RATE_LIMITED),
        (frame({"error": {"message": "x", "type": "server_error"}}), ErrorKind.SERVER_ERROR),
        (frame({"error": {"status": "UNAVAILABLE"}}), ErrorKind.SERVER_ERROR),
        (
            frame({"type": "error", "error": {"type": "overloaded_error"}}, "error"),
            ErrorKind.SERVER_ERROR,
        ),
        (frame({"message": "gone"}, "error"), ErrorKind.SERVER_ERROR),
        (frame({"error": f"Bearer {KEY} is wrong"}), ErrorKind.SERVER_ERROR),
        (frame({"error": {"type": "authentication_error"}}), ErrorKind.UNAUTHORISED),
    ],
)
def test_an_error_after_a_200_is_an_error(
    server: LlmServer, kind: str, bad: bytes, expected: ErrorKind
) -> None:
    good = EVENTS[kind](PIECES)
    server.answer = streams(*good[:3], bad, *good[3:])
    assert failure(client(server, kind), asked(streams=True)).kind == expected


@pytest.mark.parametrize(
    ("reasons", "word"),
    [
        (("length", "max_tokens", "MAX_TOKENS"), "length"),
        (("content_filter", "refusal", "SAFETY"), "content_filter"),
        (("odd", "odd", "ODD"), "odd"),
    ],
)
def test_an_unfinished_stream_says_why(
    server: LlmServer, kind: str, reasons: tuple[str, str, str], word: str
) -> None:
    reason = dict(zip(EVENTS, reasons, strict=True))[kind]
    server.answer = streams(*EVENTS[kind](PIECES, reason))
    result = client(server, kind).complete(asked(streams=True))
    assert (result.text, result.finish_reason) == (TEXT, word)


def test_a_stream_of_nothing_is_empty_and_one_filtered_away_is_filtered(
    server: LlmServer, kind: str
) -> None:
    server.answer = streams(*EVENTS[kind]([""]))
    assert failure(client(server, kind), asked(streams=True)).kind == ErrorKind.EMPTY
    reason = {"anthropic": "refusal", "google": "SAFETY"}.get(kind, "content_filter")
    server.answer = streams(*EVENTS[kind]([" "], reason))
    assert failure(client(server, kind), asked(streams=True)).kind == ErrorKind.FILTERED


def test_tool_calls_of_a_stream_are_put_together(server: LlmServer) -> None:
    def piece(**call: Any) -> bytes:
        delta = {"tool_calls": [{"index": 0, **call}]}
        return frame({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    end = frame({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    server.answer = streams(
        piece(id="c1", type="function", function={"name": "look", "arguments": ""}),
        piece(function={"arguments": '{"at":'}),
        piece(function={"arguments": ' "sea"}'}),
        end,
    )
    result = client(server).complete(asked(streams=True))
    assert result.finish_reason == "tool_calls"
    function = {"name": "look", "arguments": '{"at": "sea"}'}
    assert result.tool_calls == [{"id": "c1", "type": "function", "function": function}]


def test_tool_calls_of_anthropic_streams_are_put_together(server: LlmServer) -> None:
    block = {"type": "tool_use", "id": "t1", "name": "look", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": p} for p in ("", '{"at"', ': "sea"}')]
    server.answer = streams(*anthropic_blocks([(block, pieces)], "tool_use"))
    result = client(server, "anthropic").complete(asked(streams=True))
    assert result.finish_reason == "tool_calls"
    assert result.tool_calls[0]["function"] == {"name": "look", "arguments": '{"at": "sea"}'}


@pytest.mark.parametrize("silence", [b"", b": still here\n\n"])
def test_the_first_piece_has_a_deadline_of_its_own(
    server: LlmServer, kind: str, silence: bytes
) -> None:
    events = EVENTS[kind](PIECES)

    def answer(handler: Any, _: Any) -> None:
        handler.begin_stream()
        for _turn in range(60):
            if silence:
                handler.send_chunk(silence)
            time.sleep(0.05)
        for one in events:
            handler.send_chunk(one)

    server.answer = answer
    begun = time.monotonic()
    error = failure(client(server, kind, first_token_seconds=0.4), asked(streams=True))
    assert time.monotonic() - begun < 2
    assert error.kind == ErrorKind.TIMED_OUT
    assert "first piece" in error.message


def test_an_answer_that_has_begun_may_take_its_whole_time(server: LlmServer, kind: str) -> None:
    server.answer = streams(*EVENTS[kind](PIECES), tokens_per_second=8)
    result = client(server, kind, first_token_seconds=0.6).complete(asked(streams=True))
    assert result.text == TEXT
    assert result.latency_ms > 600


def test_a_stream_of_a_byte_now_and_then_does_not_outlast_the_deadline(
    server: LlmServer, kind: str
) -> None:
    pieces = ["x"] * 400
    server.answer = streams(*EVENTS[kind](pieces), tokens_per_second=20)
    begun = time.monotonic()
    error = failure(client(server, kind, total_seconds=0.6), asked(streams=True))
    assert (error.kind, time.monotonic() - begun < 1.6) == (ErrorKind.TIMED_OUT, True)


def test_a_server_that_stays_on_the_line_after_the_end_costs_a_moment(server: LlmServer) -> None:
    def answer(handler: Any, _: Any) -> None:
        handler.begin_stream()
        for one in EVENTS["openai_compatible"](PIECES):
            handler.send_chunk(one)
        time.sleep(3)

    server.answer = answer
    begun = time.monotonic()
    assert client(server).complete(asked(streams=True)).text == TEXT
    assert time.monotonic() - begun < 1.5


@pytest.mark.parametrize("is_streamed", [False, True])
def test_calls_one_after_the_other_share_a_connection(
    server: LlmServer, kind: str, is_streamed: bool
) -> None:
    mine = client(server, kind)
    for _ in range(5):
        mine.complete(asked(streams=is_streamed))
    assert len({call["from"] for call in server.calls}) == 1


def test_as_many_calls_at_once_as_there_are_threads(server: LlmServer, kind: str) -> None:
    server.answer = llm_server.after(0.3, llm_server.echo)
    mine = client(server, kind)
    with ThreadPoolExecutor(24) as pool:
        results = list(pool.map(lambda _: mine.complete(asked(streams=True)), range(48)))
    assert {result.text for result in results} == {"You said: Hi"}
    assert server.most_in_flight == 24
    assert len({call["from"] for call in server.calls}) <= 24
    mine.close()


def test_times_of_very_many_pieces_stay_few_and_even(server: LlmServer) -> None:
    count = 3 * MAX_TOKEN_TIMES
    server.answer = streams(b"".join(EVENTS["openai_compatible"](["x"] * count)))
    result = client(server, total_seconds=60).complete(asked(streams=True))
    assert len(result.text) == count
    assert result.token_times is not None
    assert MAX_TOKEN_TIMES / 2 <= len(result.token_times) <= MAX_TOKEN_TIMES
    assert list(result.token_times) == sorted(result.token_times)


def test_the_body_is_kept_if_that_is_asked_and_without_the_key(
    server: LlmServer, kind: str
) -> None:
    server.answer = says(WHOLE[kind](f"Your key is {KEY}"))
    result = client(server, kind).complete(asked(keeps_raw=True))
    assert result.raw is not None
    assert json.loads(result.raw.replace(b"[key]", KEY.encode())) == WHOLE[kind](
        f"Your key is {KEY}"
    )
    assert KEY.encode() not in result.raw
    assert client(server, kind).complete(asked()).raw is None
    events = b"".join(EVENTS[kind](PIECES))
    server.answer = streams(events)
    assert client(server, kind).complete(asked(streams=True, keeps_raw=True)).raw == events
    server.answer = says(WHOLE[kind]("x" * (2 << 20)))
    cut = client(server, kind).complete(asked(keeps_raw=True)).raw
    assert cut is not None
    assert len(cut) == 1 << 20
