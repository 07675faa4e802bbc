"""The local server, and clients of each kind that may reach it."""

import traceback
from collections.abc import Iterator
from ssl import create_default_context
from typing import Any

import pytest

from labeling.clients.egress import EgressPolicy
from labeling.clients.protocol import (
    ClientLimits,
    CompletionRequest,
    LlmClient,
    ProviderError,
)
from labeling.clients.registry import client_for
from tests import llm_server
from tests.llm_server import LlmServer

KINDS = ("openai_compatible", "anthropic", "google")
KEY = "sk-zq-canary-0123456789"
# Reading the system's certificates takes longer than a call here.
TRUSTED = create_default_context()


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server.running() as running:
        yield running


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def asked(**more: Any) -> CompletionRequest:
    """A request of one turn."""
    return CompletionRequest(model="m", **{"messages": [{"role": "user", "content": "Hi"}], **more})


def client(server: LlmServer, kind: str = "openai_compatible", **limits: Any) -> LlmClient:
    """A client of the kind that may reach the local server, and nothing else."""
    return client_for(
        kind=kind,
        base_url=server.base_url if kind != "google" else server.base_url + "beta",
        key=KEY,
        policy=EgressPolicy.parse([server.host]),
        limits=ClientLimits(**{"total_seconds": 5.0, **limits}),
        ssl_context=TRUSTED,
    )


def failure(asking: LlmClient, request: CompletionRequest) -> ProviderError:
    """The error that the request ends in, in which the key is nowhere."""
    with pytest.raises(ProviderError) as caught:
        asking.complete(request)
    error = caught.value
    told = "".join(traceback.format_exception_only(error)) + repr(error) + str(vars(error))
    assert KEY not in told
    assert error.__cause__ is None
    assert error.__suppress_context__ or error.__context__ is None
    return error
