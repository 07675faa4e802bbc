"""What a test of an endpoint says: what is wrong, in words, and what to do about it."""

import socket
from typing import Any

import pytest

from labeling.clients import trial as trials
from labeling.clients.demo import DemoClient
from labeling.clients.egress import EgressPolicy
from labeling.clients.protocol import ClientLimits
from labeling.clients.registry import client_for
from labeling.clients.trial import Trial, try_out
from tests import llm_server
from tests.clients.conftest import KEY, client
from tests.llm_forms import WHOLE
from tests.llm_server import LlmServer, after, raw, says


def tried(server: LlmServer, kind: str, **more: Any) -> Trial:
    result = try_out(client(server, kind, total_seconds=0.5), "cedar-14b", **more)
    assert KEY not in str(result)
    assert result.as_json()["words"] == result.words
    return result


def test_in_time_says_how_fast(server: LlmServer, kind: str) -> None:
    server.answer = after(0.1, says(WHOLE[kind]("The tide is out twice a day because")))
    trial = tried(server, kind)
    assert (trial.ok, trial.kind) == (True, "in_time")
    assert trial.latency_ms is not None
    assert trial.latency_ms >= 100
    # Five tokens in a tenth of a second and a little.
    assert trial.tokens_per_second is not None
    assert 10 < trial.tokens_per_second <= 50
    assert trial.words == (
        f"In time: {trial.latency_ms} ms, {trial.tokens_per_second:.0f} tokens/s."
    )
    assert trial.text == "The tide is out twice a day because"
    assert (trial.prompt_token_count, trial.completion_token_count) == (3, 5)


def test_it_asks_for_few_tokens_with_the_endpoints_own_settings(
    server: LlmServer, kind: str
) -> None:
    tried(server, kind, sampling={"temperature": 0.2, "max_tokens": 900}, streams=True)
    body = server.calls[0]["body"]
    told = body.get("generationConfig", body)
    assert (told["temperature"], told.get("maxOutputTokens", told.get("max_tokens"))) == (0.2, 16)
    assert ("stream" in body) == (kind != "google")
    room = {"max_completion_tokens": 900}
    tried(server, "openai_compatible", sampling=room)
    assert server.calls[-1]["body"].items() >= room.items()
    assert "max_tokens" not in server.calls[-1]["body"]


def test_slow_says_what_that_comes_to(server: LlmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    # The threshold, not the code: a test that waits for it would take it as long.
    monkeypatch.setattr(trials, "SLOW_MS", 200)
    server.answer = after(0.3, says(WHOLE["openai_compatible"]("Well")))
    slow = tried(server, "openai_compatible", at_once=2)
    assert (slow.ok, slow.kind) == (True, "slow")
    assert slow.words == (
        "Slow: 0.3 s. It will do, but 1,000 completions would take about 3 minutes."
    )


@pytest.mark.parametrize(
    ("answer", "said", "words"),
    [
        (
            says({"error": {"message": f"No such key: {KEY}"}}, 401),
            "unauthorised",
            "The key was refused (401). Enter a new one, then retry what failed.",
        ),
        (
            says({"error": {"message": "600 a minute"}}, 429, Retry_After="12"),
            "rate_limited",
            "Too many requests (429). The server asks for 12 s. Runs wait, then ask fewer at once. "
            "It says: 600 a minute",
        ),
        (
            says({}, 429),
            "rate_limited",
            "Too many requests (429). The server does not say how long to wait. Runs wait, then "
            "ask fewer at once.",
        ),
        (
            says({"error": {"message": "unknown model"}}, 404),
            "no_such_model",
            "No such model (404). This server offers cedar-14b-instruct and cedar-7b.",
        ),
        (
            says({"error": {"message": "max_tokens: too small"}}, 400),
            "refused",
            "The server refused the request (400). It says: max_tokens: too small",
        ),
        (raw(b"<p>", 503), "server_error", "The server has trouble (503)."),
        (
            raw(b"", 301, Location="/"),
            "redirected",
            "The address leads elsewhere (301). Enter the one it leads to.",
        ),
        (
            raw(b"<html>"),
            "malformed",
            "Answered, but in another form. The answer is not JSON. Is it of another kind?",
        ),
        (
            after(1, says({})),
            "timed_out",
            "No whole answer in 0.5 s. The server is there. Is it busy, or still loading the "
            "model?",
        ),
        (
            llm_server.hang_up,
            "unreachable",
            "No answer. The connection broke before the answer was whole. The name resolves. Is "
            "the server up?",
        ),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    server: LlmServer, kind: str, answer: llm_server.Answer, said: str, words: str
) -> None:
    server.answer = answer
    trial = tried(server, kind)
    assert (trial.ok, trial.kind, trial.words) == (False, said, words)


def test_empty_says_where_to_look(server: LlmServer, kind: str) -> None:
    server.answer = says(WHOLE[kind](""))
    trial = tried(server, kind)
    assert (trial.ok, trial.kind) == (False, "empty")
    assert trial.words.startswith("Answered, but empty. Zero tokens. Usually a chat template")


def test_a_404_is_told_by_what_the_server_offers(server: LlmServer) -> None:
    server.answer = says({}, 404)
    server.models = []
    assert "Does the address end" in tried(server, "openai_compatible").words
    server.models = ["cedar-14b"]
    assert "offers this model" in tried(server, "openai_compatible").words
    server.models = [f"cedar-{number}" for number in range(40)]
    assert tried(server, "openai_compatible").words.endswith("cedar-7 and 32 more.")
    server.models = ["cedar-7b"]
    assert tried(server, "openai_compatible").words.endswith("offers cedar-7b.")


def test_an_address_that_is_not_open_is_named_and_so_is_who_opens_it(kind: str) -> None:
    for url in ("https://gpu-3.invalid:8000/v1", "https://127.0.0.1:9/v1"):
        closed = client_for(
            kind=kind, base_url=url, key=KEY, limits=ClientLimits(), policy=EgressPolicy()
        )
        trial = try_out(closed, "m")
        host = url.split("/")[2].partition(":")[0]
        assert (trial.ok, trial.kind) == (False, "address_refused")
        assert trial.words == (
            f"Address not allowed. {host} is unknown or not open to this server. "
            "The operator adds it with EGRESS_ALLOW."
        )


def test_a_port_where_nothing_listens_is_no_answer(kind: str) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{unheard.getsockname()[1]}"
        nobody = client_for(
            kind=kind,
            base_url=f"http://{host}/v1",
            limits=ClientLimits(),
            policy=EgressPolicy.parse([host]),
        )
        trial = try_out(nobody, "m")
    assert (trial.ok, trial.kind) == (False, "unreachable")
    assert trial.words == (
        "No answer. The server cannot be reached. The name resolves. Is the server up?"
    )


def test_settings_that_cannot_be_sent_are_said_as_they_are(server: LlmServer) -> None:
    trial = tried(server, "anthropic", sampling={"logit_bias": {}})
    assert (trial.ok, trial.words) == (False, "Anthropic's API has no setting logit_bias.")
    assert server.calls == []


def test_the_demo_is_in_time() -> None:
    trial = try_out(DemoClient(), "demo-terse")
    assert (trial.ok, trial.kind) == (True, "in_time")
