"""A server that plays a provider, for runs of generation."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests import generating, llm_server
from tests.llm_server import LlmServer


@pytest.fixture
def server(settings: Any) -> Iterator[LlmServer]:
    with llm_server.running() as running:
        generating.opened(settings, running)
        yield running
