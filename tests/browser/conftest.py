"""A browser at the bench: signed in, on a live server that answers with the product's headers."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect
from pytest_django.live_server_helper import LiveServer

from labeling.models import Seat

Enter = Callable[[Seat], Page]

# A machine that is busy with other tests may take its time; what never comes still fails.
expect.set_options(timeout=20_000)


@pytest.fixture(autouse=True)
def _rows_are_committed(transactional_db: None) -> Iterator[None]:
    """The server answers from another thread: what a test stores must be visible there.

    A page that closes may still have sent a last word; the tables are emptied after its answer.
    """
    yield
    quiet, until = 0, time.monotonic() + 10
    while quiet < 3 and time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND state <> 'idle'"
            )
            (busy,) = cursor.fetchone()
        quiet = 0 if busy else quiet + 1
        time.sleep(0.05)


def wait_until(page: Page, condition: str) -> None:
    """Return once the condition holds: looked at frame by frame, by no `eval` the page forbids."""
    page.evaluate(
        "() => new Promise((done) => {"
        f" const look = () => ({condition}) ? done() : requestAnimationFrame(look); look(); }})"
    )


@pytest.fixture
def enter(page: Page, context: BrowserContext, live_server: LiveServer) -> Enter:
    """Sign a rater in, as their browser would be after the sign-in page."""

    def signed_in(seat: Seat) -> Page:
        user = seat.rater.user
        assert user is not None
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.save()
        assert session.session_key
        context.add_cookies(
            [
                {
                    "name": settings.SESSION_COOKIE_NAME,
                    "value": session.session_key,
                    "url": live_server.url,
                }
            ]
        )
        return page

    return signed_in


@pytest.fixture
def troubles(page: Page) -> Iterator[list[str]]:
    """What the browser complained of: errors, and anything the content policy had to stop."""
    seen: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            seen.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: seen.append(str(error)))
    yield seen


@pytest.fixture
def requests_elsewhere(page: Page, live_server: LiveServer) -> list[str]:
    """Addresses outside the server that the page asked for."""
    seen: list[str] = []

    def note(request: Any) -> None:
        if not request.url.startswith((live_server.url, "data:")):
            seen.append(request.url)

    page.on("request", note)
    return seen
