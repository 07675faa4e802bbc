"""A caller of the API, as a stranger's script would be one."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from labeling.models import User
from tests import factories


class Caller:
    """Sends JSON with a bearer token."""

    def __init__(self, token: str = "") -> None:
        self.client = Client(headers={"authorization": f"Bearer {token}"} if token else {})

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.generic(
            method,
            path if path.startswith(("/", "http")) else f"/api/v1/{path}",
            data=body if isinstance(body, bytes) else json.dumps(body or {}),
            content_type="application/json",
            headers=headers,
        )

    def get(self, path: str) -> Any:
        return self.client.get(path if path.startswith(("/", "http")) else f"/api/v1/{path}")

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self("POST", path, body, **headers)


@pytest.fixture
def call_as() -> Callable[..., Caller]:
    """`call_as(user, *scopes)`: a caller with a new token of the user's."""

    def make(user: User | None = None, *scopes: str) -> Caller:
        return Caller(factories.token(user, *scopes) if user else "")

    return make
