"""The walled campaign that tests of access come to."""

import pytest

from tests.access.lab import Lab, make_lab


@pytest.fixture
def lab() -> Lab:
    return make_lab()
