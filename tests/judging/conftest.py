"""A server that plays a judge's provider."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import llm_server
from tests.llm_server import LlmServer


@pytest.fixture
def server(settings: Any) -> Iterator[LlmServer]:
    with llm_server.running() as running:
        settings.EGRESS_ALLOW = [running.host]
        yield running
